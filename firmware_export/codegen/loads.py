"""Which load instructions bring the words of a tile into registers with the fewest instructions."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Load", "plan_loads"]

_TRANSFER = 0.02
"""Price of a word in instructions: of two ways with as many of them, the one that moves fewer words."""


@dataclass(frozen=True)
class Load:
    """Words `first` to `first + n - 1`; one that advances moves the base register there, and behind them."""

    first: int
    n: int

    @property
    def advances(self) -> bool:
        return self.n > 2


def plan_loads(words: Sequence[int], n_registers: int, n_words: int) -> list[Load]:
    """Loads that cover `words`, ascending.

    Parameters
    ----------
    words : indices of the words that are needed
    n_registers : words that can be held at a time
    n_words : of the map; no load reaches beyond
    """
    # Price and choice for words[k:], if the base register points to words[k] or to another word before it.
    price = [[0.0, 0.0] for _ in range(len(words) + 1)]
    choice = [[1, 1] for _ in words]
    for k in reversed(range(len(words))):
        for is_there in (0, 1):
            options = []
            for n in range(1, min(n_registers, n_words - words[k]) + 1):
                following = bisect_left(words, words[k] + n)
                is_next = int(n > 2 and following < len(words) and words[following] == words[k] + n)
                moves = 1 + (n > 2 and not is_there)
                options.append((moves + n * _TRANSFER + price[following][is_next], n))
            price[k][is_there], choice[k][is_there] = min(options)
    loads, k, is_there = [], 0, int(bool(words) and words[0] == 0)
    while k < len(words):
        load = Load(words[k], choice[k][is_there])
        loads.append(load)
        k = bisect_left(words, load.first + load.n)
        is_there = int(load.advances and k < len(words) and words[k] == load.first + load.n)
    return loads
