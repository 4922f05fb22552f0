"""Inputs that Python, the host's C and the emulated C must treat alike."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..compression.compact import CompactModel

__all__ = ["GoldenVectors"]

_STREAM_ROWS = 640
"""Length of random strips for a model that takes any."""

_BATCH = 256
"""Units that the reference runs at once: maps of thousands of strips fill the memory."""


@dataclass(frozen=True)
class GoldenVectors:
    """Inputs of every stage for a number of units.

    Attributes
    ----------
    features : int8 (n, n_features)
    window : int8 (n, T, C); strips of one length for a model that takes any
    context : int8 (n, n_context)
    """

    features: np.ndarray
    window: np.ndarray
    context: np.ndarray

    def __len__(self) -> int:
        return len(self.window)

    def expected(self, model: CompactModel) -> dict[str, np.ndarray]:
        """Logits of every stage by the integer reference."""
        parts = [model.run(part.features, part.window, part.context) for part in self.batches(_BATCH)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def batches(self, size: int) -> Iterator["GoldenVectors"]:
        """The units in their order, at most `size` at a time; one empty batch if there are none."""
        for start in range(0, max(len(self), 1), size):
            rows = slice(start, start + size)
            yield GoldenVectors(self.features[rows], self.window[rows], self.context[rows])

    def head(self, n: int) -> "GoldenVectors":
        """The first `n` units."""
        return GoldenVectors(self.features[:n], self.window[:n], self.context[:n])

    @classmethod
    def concatenate(cls, parts: Sequence["GoldenVectors"]) -> "GoldenVectors":
        """Units of several vectors one after the other."""
        features, window, context = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("features", "window", "context")
        )
        return cls(features, window, context)

    @classmethod
    def random(cls, model: CompactModel, n: int, seed: int = 0) -> "GoldenVectors":
        """Uniform int8 inputs that fit a model: they reach saturation, which real ones seldom do."""
        rng = np.random.default_rng(seed)
        length, channels = model.window_shape
        shapes = (model.n_features,), (length or _STREAM_ROWS, channels), (model.n_context,)
        features, window, context = (rng.integers(-128, 128, (n, *shape), dtype=np.int8) for shape in shapes)
        return cls(features, window, context)
