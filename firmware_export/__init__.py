"""C99, .tflite, the emulated wearable, and what it all costs."""

from .c_export import export_c
from .devices import Device, device_table, get_device
from .energy import EnergyReport, system_energy
from .footprint import DisagreementError
from .golden import GoldenVectors
from .rhythm_run import strip_inputs
from .rhythm_simulation import RhythmSimulation, simulate_strips
from .simulate import Simulation, simulate
from .tflite_writer import write_tflite
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
