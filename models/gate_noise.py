"""The recorded noise that is mixed into clean ECG: which half of it, and how it is varied.

Noise is the recorded wander, electrode motion and muscle activity of the MIT-BIH Noise Stress Test database, half
an hour in two channels each. Its first half is for training, its second half for testing, so that the test's noise
is as unseen as its patients. A quarter of an hour is soon learnt by heart: in training, stretches of it are played
slower or faster, backwards, and as any mixture of the two channels, as if the electrodes lay elsewhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..signals import DEVICE_FS_HZ, Recording, noise_power, to_device

__all__ = ["NoiseSource", "noise_halves", "noise_sources"]

SPEED_OCTAVES = 0.5


@dataclass(frozen=True)
class NoiseSource:
    """Noise of one kind.

    Attributes
    ----------
    kind : ``bw``, ``em`` or ``ma``
    channels : float64 (n_channels, n) at 128 Hz, each of power 1 by the definition in `ictus.signals.noise`
    """

    kind: str
    channels: np.ndarray

    def draw(self, n: int, rng: np.random.Generator, is_varied: bool) -> np.ndarray:
        """A stretch of one channel from a random place: float64 (n,), from the beginning again after the end.

        Parameters
        ----------
        is_varied : mix the channels in a random direction, change the speed, and turn it round, at random
        """
        speed = 2 ** rng.uniform(-SPEED_OCTAVES, SPEED_OCTAVES) if is_varied else 1.0
        n_read = int(np.ceil(n * speed)) + 1
        place = rng.integers(self.channels.shape[1]) + np.arange(n_read)
        read = np.take(self.channels, place, axis=1, mode="wrap")
        if not is_varied:
            return read[int(rng.integers(len(read))), :n]
        angle = rng.choice((0.0, np.pi / 2, rng.uniform(0, 2 * np.pi)))
        mixed = np.cos(angle) * read[0] + np.sin(angle) * read[-1]
        played = mixed[::-1] if rng.random() < 0.5 else mixed
        return np.interp(np.arange(n) * speed, np.arange(n_read), played)


def noise_halves(recordings: Mapping[str, Recording], second: bool) -> list[tuple[str, np.ndarray]]:
    """First or second half of every channel of the noise recordings: (kind, int16 device counts) each."""
    halves = []
    for kind, recording in recordings.items():
        for channel in range(len(recording.channels)):
            counts = to_device(recording, channel).counts
            middle = len(counts) // 2
            halves.append((kind, counts[middle:] if second else counts[:middle]))
    return halves


def noise_sources(noise: Sequence[tuple[str, np.ndarray]]) -> list[NoiseSource]:
    """Channels from `noise_halves`, by kind.

    Raises
    ------
    ValueError
        A noise is constant or shorter than a second.
    """
    sources = []
    for kind in dict.fromkeys(kind for kind, _ in noise):
        channels = [counts for its_kind, counts in noise if its_kind == kind]
        shortest = min(len(counts) for counts in channels)
        scaled = [(c - c.mean()) / np.sqrt(noise_power(c, DEVICE_FS_HZ)) for c in channels]
        sources.append(NoiseSource(kind, np.stack([c[:shortest] for c in scaled])))
    return sources
