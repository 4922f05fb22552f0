"""Which layers become code: the fewest instructions within a limit of flash.

A map between two generated layers is cheaper than two alone, so that the worth of a layer depends on its
neighbours. Layers that share a map form a group, of which every combination is looked at; groups add up, so that
the best combinations of all of them follow from the best ones of each.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from .sites import Key, Site

__all__ = ["Choice", "Option", "groups_of", "options"]

Choice = frozenset[Key]
_MOST_IN_A_GROUP = 10


@dataclass(frozen=True)
class Option:
    """Layers that become code, and what all then take: instructions, weighed by stage, and bytes of flash."""

    code: Choice
    instructions: float
    flash_bytes: int


def groups_of(sites: Sequence[Site]) -> list[tuple[Key, ...]]:
    """Layers that can become code and whose maps concern each other, at most `_MOST_IN_A_GROUP` together."""
    groups: list[list[Key]] = []
    home: dict[Key, list[Key]] = {}
    for site in sites:
        group = home.get(site.producer) if site.producer and not site.is_streamed else None
        if group is None or len(group) == _MOST_IN_A_GROUP:
            group = []
            groups.append(group)
        group.append(site.key)
        home[site.key] = [] if site.layer.pools else group
    fit = {site.key for site in sites if site.fits_code}
    return [tuple(key for key in group if key in fit) for group in groups]


def options(
    groups: Iterable[tuple[Key, ...]], cost: Callable[[tuple[Key, ...], Choice], tuple[float, int]]
) -> list[Option]:
    """The options that no other one beats in both instructions and flash, in ascending order of flash.

    Parameters
    ----------
    cost : instructions and flash of a group's layers if these of them become code
    """
    best = [Option(Choice(), 0.0, 0)]
    for group in groups:
        parts = [
            Option(Choice(code), *cost(group, Choice(code)))
            for n in range(len(group) + 1)
            for code in combinations(group, n)
        ]
        best = _unbeaten(_sum(one, other) for one in best for other in _unbeaten(parts))
    return best


def _sum(one: Option, other: Option) -> Option:
    instructions = one.instructions + other.instructions
    return Option(one.code | other.code, instructions, one.flash_bytes + other.flash_bytes)


def _unbeaten(found: Iterable[Option]) -> list[Option]:
    kept: list[Option] = []
    for option in sorted(found, key=lambda o: (o.flash_bytes, o.instructions, sorted(o.code))):
        if not kept or option.instructions < kept[-1].instructions:
            kept.append(option)
    return kept
