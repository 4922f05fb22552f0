"""C99, .tflite, the emulated wearable, and what it all costs."""

from .c_export import export_c
from .emulator.footprint import DisagreementError
from .emulator.rhythm_run import strip_inputs
from .energy.devices import Device, device_table, get_device
from .energy.system import EnergyReport, system_energy
from .golden import GoldenVectors
from .tflite.writer import write_tflite
from .wearable.rhythm import RhythmSimulation, simulate_strips
from .wearable.simulate import Simulation, simulate
from .witnesses import Witness, call_witnesses

__all__ = [
    "Device",
    "DisagreementError",
    "EnergyReport",
    "GoldenVectors",
    "RhythmSimulation",
    "Simulation",
    "Witness",
    "call_witnesses",
    "device_table",
    "export_c",
    "get_device",
    "simulate",
    "simulate_strips",
    "strip_inputs",
    "system_energy",
    "write_tflite",
]
