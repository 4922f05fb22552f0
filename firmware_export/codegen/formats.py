"""How a map lies in memory between two layers.

Layers that are run from their packed weights, stages and streams exchange int8 ``[T][C]``. Generated layers may
agree on something that takes fewer instructions to read:

- `Pairs`: a 32-bit word holds one channel at two positions, ``value[t] + value[t + distance] * 2^16``, so that one
  addition serves both. Time shifts remain whole words and a stride needs no shuffling. A value keeps the scale of
  its accumulator (it is ``activation << shift`` with the bits below cleared), since the reader's shift is free.
- `Words`: a 32-bit word holds one activation of a dense layer.

Channels lie in the order in which they are computed: channel ``c`` in slot ``slots[c]`` of its row.
"""

from dataclasses import dataclass

__all__ = ["Bytes", "Format", "Operand", "Pairs", "Words"]


@dataclass(frozen=True)
class Operand:
    """Where a layer finds an input value.

    Attributes
    ----------
    index : of the word or byte, from the start of the map
    is_word : whether it is a word of the map, else a byte
    half : 0 or 1: the lower or upper half of the word alone; -1: all of it
    shift : the value is ``activation << shift``
    of_context : the byte is one of the context's
    """

    index: int
    is_word: bool
    half: int = -1
    shift: int = 0
    of_context: bool = False


@dataclass(frozen=True)
class Bytes:
    """int8 ``[T][C]``; `signed` if values may be negative."""

    signed: bool

    map_bytes = 0

    def value(self, index: int) -> Operand:
        """A single activation by its index in ``[T][C]``."""
        return Operand(index, is_word=False)


@dataclass(frozen=True)
class Pairs:
    """Words of two positions, ``[rows][len(slots)]``, see the module.

    Attributes
    ----------
    rows : positions of the lower halves: 0 to rows - 1; those of the upper halves lie `distance` behind
    distance : positions between the halves of a word
    slots, shifts : of each channel
    """

    rows: int
    distance: int
    slots: tuple[int, ...]
    shifts: tuple[int, ...]

    signed = False

    @property
    def map_bytes(self) -> int:
        return 4 * self.rows * len(self.slots)

    def pair(self, index: int) -> Operand:
        """The word whose lower half is the activation ``[T][C]`` of that index."""
        t, c = divmod(index, len(self.slots))
        return Operand(t * len(self.slots) + self.slots[c], is_word=True, shift=self.shifts[c])

    def value(self, index: int) -> Operand:
        """A single activation by its index in ``[T][C]``, in whichever half it lies."""
        t, c = divmod(index, len(self.slots))
        half = int(t >= self.rows)
        row = t - half * self.distance
        return Operand(row * len(self.slots) + self.slots[c], True, half, self.shifts[c])


@dataclass(frozen=True)
class Words:
    """int32 ``[len(slots)]``, one activation each."""

    slots: tuple[int, ...]
    signed: bool

    @property
    def map_bytes(self) -> int:
        return 4 * len(self.slots)

    def value(self, index: int) -> Operand:
        """A single activation by its channel."""
        return Operand(self.slots[index], is_word=True)


Format = Bytes | Pairs | Words
