"""Faults: what breaks on a wearable, what the guarded firmware makes of it, and what is lost."""

from .guarded import URGENCIES, GuardCounts, GuardedRun, Loss, run_guarded, write_guarded_sources
from .inject import RAIL_COUNTS, FaultySignal, inject
from .kinds import FAULT_KINDS, Fault, FaultKind, parse_fault

__all__ = [
    "FAULT_KINDS",
    "RAIL_COUNTS",
    "URGENCIES",
    "Fault",
    "FaultKind",
    "FaultySignal",
    "GuardCounts",
    "GuardedRun",
    "Loss",
    "inject",
    "parse_fault",
    "run_guarded",
    "write_guarded_sources",
]
