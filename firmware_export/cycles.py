"""Cycles from instruction counts: a table per core, because no emulator here models the pipeline.

An instruction of a class costs `low` cycles at best and `high` at worst; a mean lies in between. Flash wait
states come on top: the core waits where a taken branch lands and once for every line of flash that it runs
through.
"""

from .emulator import Profile
from .ranges import Range

__all__ = ["CORE_CYCLES", "CORE_CYCLES_SOURCE", "FETCH_ASSUMPTION", "cycles_of"]

CORE_CYCLES_SOURCE = {
    "cortex-m4": "Arm Cortex-M4 technical reference manual, table 3-1, also printed in TI SWCU192 table 3-25",
    "cortex-m33": "the Cortex-M4's table, as Arm publishes none that is complete; dual issue is not counted",
    "cortex-m0plus": "Arm Cortex-M0+ technical reference manual, table 3-1; instructions counted on the "
    "Cortex-M4 are multiplied by 1.4 (1.2 to 1.9), as the M0+ lacks shifted operands and division",
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

CORE_CYCLES: dict[str, dict[str, Range]] = {
    "cortex-m4": _CORTEX_M4,
    "cortex-m33": _CORTEX_M4,
    "cortex-m0plus": _CORTEX_M0PLUS,
}
"""Core -> what is counted -> cycles of one, at zero wait states."""

_INSTRUCTION_FACTOR = {
    "cortex-m4": Range.exact(1),
    "cortex-m33": Range.exact(1),
    "cortex-m0plus": Range(1.2, 1.4, 1.9),
}
_INSTRUCTIONS_PER_LINE = 4
"""A 64-bit line of flash holds two to four Thumb-2 instructions; wide flash and prefetching hold more."""

_MISS_SHARE = Range(0.0, 0.1, 1.0)
"""Share of fetches that wait: all hits in a cache; small loops in a small cache; no cache at all."""

FETCH_ASSUMPTION = (
    f"Flash is read once for every {_INSTRUCTIONS_PER_LINE} instructions and for every taken branch; the share of "
    f"these reads that wait is {_MISS_SHARE} (own assumption: cache, small cache, no cache)."
)


def cycles_of(profile: Profile, core: str, wait_states: Range) -> Range:
    """Cycles that a profile would take on a core.

    Parameters
    ----------
    profile : counted on the emulated Cortex-M4
    core : key of `CORE_CYCLES`
    wait_states : of the flash at the core's clock

    Raises
    ------
    KeyError
        the core, or a class of instructions, is not in the table.
    """
    costs = CORE_CYCLES[core]
    counts = {**profile.by_class, "branch_taken": profile.branches_taken, "transfer": profile.extra_transfers}
    work = sum((costs[name] * count for name, count in counts.items()), Range.exact(0))
    fetches = profile.instructions / _INSTRUCTIONS_PER_LINE + profile.branches_taken
    stalls = wait_states * _MISS_SHARE * fetches
    return (work + stalls) * _INSTRUCTION_FACTOR[core]
