"""What if: other clocks and voltages, light or motion instead of a battery, hardware of its own."""

from .accelerator import MACHINES, LayerTrace, Machine45nm, layer_traces, machine_energy, total_energy
from .harvest import Day, DayOutcome, Harvester, Storage, days, harvested_uw, harvesters, simulate_day, storages
from .levels import LevelOutcome, PowerLevel, compare_levels, levels_of

__all__ = [
    "MACHINES",
    "Day",
    "DayOutcome",
    "Harvester",
    "LayerTrace",
    "LevelOutcome",
    "Machine45nm",
    "PowerLevel",
    "Storage",
    "compare_levels",
    "days",
    "harvested_uw",
    "harvesters",
    "layer_traces",
    "levels_of",
    "machine_energy",
    "simulate_day",
    "storages",
    "total_energy",
]
