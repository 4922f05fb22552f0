"""How sparsity rises while the network trains: one schedule a module."""

from collections.abc import Callable
from dataclasses import dataclass

from ..registry import named

__all__ = ["Schedule", "schedule_named"]


@dataclass(frozen=True)
class Schedule:
    """A schedule.

    Attributes
    ----------
    name : as recipes call it
    sparsity : share of the phase that is done (0 to 1), target -> sparsity; never falls, ends at the target
    """

    name: str
    sparsity: Callable[[float, float], float]


def schedule_named(name: str) -> Schedule:
    """The schedule of that name, `InputError` if there is none."""
    return named(__name__, Schedule, name)
