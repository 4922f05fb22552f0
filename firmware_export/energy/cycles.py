"""Cycles from instruction counts: a table per core, because no emulator here models the pipeline.

An instruction of a class costs `low` cycles at best and `high` at worst; a mean lies in between. Flash wait
states come on top: the core waits where a taken branch lands and once for every line of flash that it runs
through.
"""

from ..emulator.emulator import Profile
from ..emulator.instructions import CLASSES, COSTS
from .ranges import Range

__all__ = ["CORE_CYCLES", "CORE_CYCLES_SOURCE", "FETCH_ASSUMPTION", "cycles_of", "cycles_per"]

CORE_CYCLES_SOURCE = {
    "cortex-m4": "Arm Cortex-M4 technical reference manual, table 3-1, also printed in TI SWCU192 table 3-25",
    "cortex-m33": "the Cortex-M4's table, as Arm publishes none that is complete; dual issue is not counted",
    "cortex-m0plus": "Arm Cortex-M0+ technical reference manual, table 3-1; instructions counted on the "
    "Cortex-M4 are multiplied by 1.4 (1.2 to 1.9), as the M0+ lacks shifted operands and division",
    "cortex-m7": "own assumption: Arm publishes no table for the Cortex-M7, which issues two instructions at "
    "once where they allow it and predicts branches",
}

_CORTEX_M4 = {
    "alu": Range(1, 1, 1),
    "multiply": Range(1, 1, 1),
    "divide": Range(2, 6, 12),  # ends early for small quotients
    "load": Range(1, 1.5, 3),  # 2, 1 behind another load, 3 if the address was computed just before
    "store": Range(1, 1, 2),  # buffered
    "branch": Range(1, 1, 1),
    "branch_taken": Range(1, 2, 3),  # besides: the pipeline refill
    "transfer": Range(1, 1, 1),  # besides: each further register of a load or store of several
    "other": Range(1, 1, 4),
}
_CORTEX_M0PLUS = {
    "alu": Range(1, 1, 1),
    "multiply": Range(1, 1, 32),  # the implementer's choice of multiplier
    "divide": Range(20, 40, 100),  # a library call
    "load": Range(2, 2, 2),
    "store": Range(2, 2, 2),
    "branch": Range(1, 1, 1),
    "branch_taken": Range(1, 1, 2),
    "transfer": Range(1, 1, 1),
    "other": Range(1, 2, 4),
}
_CORTEX_M7 = {
    "alu": Range(0.5, 0.7, 1),
    "multiply": Range(0.5, 0.7, 1),
    "divide": Range(2, 6, 12),
    "load": Range(0.5, 0.8, 2),
    "store": Range(0.5, 0.7, 1),
    "branch": Range(0.5, 0.7, 1),
    "branch_taken": Range(0, 0.5, 4),  # predicted; its buffer missed; mispredicted
    "transfer": Range(0.5, 0.5, 1),
    "other": Range(0.5, 1, 4),
}

CORE_CYCLES: dict[str, dict[str, Range]] = {
    "cortex-m4": _CORTEX_M4,
    "cortex-m33": _CORTEX_M4,
    "cortex-m0plus": _CORTEX_M0PLUS,
    "cortex-m7": _CORTEX_M7,
}
"""Core -> what is counted -> cycles of one, at zero wait states."""

_INSTRUCTION_FACTOR = {
    "cortex-m4": Range.exact(1),
    "cortex-m33": Range.exact(1),
    "cortex-m0plus": Range(1.2, 1.4, 1.9),
    "cortex-m7": Range.exact(1),
}
_INSTRUCTIONS_PER_LINE = 4
"""A 64-bit line of flash holds two to four Thumb-2 instructions; wide flash and prefetching hold more."""

_MISS_SHARE = Range(0.0, 0.1, 1.0)
"""Share of fetches that wait: all hits in a cache; small loops in a small cache; no cache at all."""

FETCH_ASSUMPTION = (
    f"Flash is read once for every {_INSTRUCTIONS_PER_LINE} instructions and for every taken branch; the share of "
    f"these reads that wait is {_MISS_SHARE} (own assumption: cache, small cache, no cache)."
)


def cycles_per(core: str, wait_states: Range) -> dict[str, Range]:
    """Cycles of one of each of `COSTS` on a core, as counted on the emulated Cortex-M4.

    Parameters
    ----------
    core : key of `CORE_CYCLES`
    wait_states : of the flash at the core's clock

    Raises
    ------
    KeyError
        the core is not in the table.
    """
    wait = wait_states * _MISS_SHARE
    fetches = dict.fromkeys(CLASSES, 1 / _INSTRUCTIONS_PER_LINE) | {"branch_taken": 1.0, "transfer": 0.0}
    work = CORE_CYCLES[core]
    return {name: (work[name] + wait * fetches[name]) * _INSTRUCTION_FACTOR[core] for name in COSTS}


def cycles_of(profile: Profile, core: str, wait_states: Range) -> Range:
    """Cycles that a profile would take on a core; arguments and errors as of `cycles_per`."""
    counts = {**profile.by_class, "branch_taken": profile.branches_taken, "transfer": profile.extra_transfers}
    costs = cycles_per(core, wait_states)
    return sum((costs[name] * count for name, count in counts.items()), Range.exact(0))
