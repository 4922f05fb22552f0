"""Ways to pack the codes of a layer, one file each; a new file with a `Packer` of its own number joins in."""

from ..coding.packer import Packer
from ..registry import offered

__all__ = ["PACKERS", "packer_of"]

PACKERS = tuple(sorted(offered(__name__, Packer).values(), key=lambda packer: packer.number))
"""All packers, by number."""


def packer_of(number: int) -> Packer | None:
    """The packer of that number, None if there is none."""
    return {packer.number: packer for packer in PACKERS}.get(number)
