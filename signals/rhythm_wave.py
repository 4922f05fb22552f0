"""The rhythm network's view of the signal: 64 Hz, int8, scaled by a running amplitude.

Integers only, and causal to within the second that is being scaled, so that the device (``ictus_rhythm.c``) writes
the same bytes into its strip buffer while the strip is still going on.
"""

import numpy as np

from .filters import remove_baseline

__all__ = ["RHYTHM_BLOCK", "RHYTHM_FS_HZ", "rhythm_wave"]

RHYTHM_FS_HZ = 64
RHYTHM_BLOCK = 64  # samples of the wave that are scaled together: 1 s

_AMPLITUDE_FLOOR = 16  # counts; 80 uV
_LIMIT = 8191  # counts; 41 mV, so that a level with 4 fractional bits fits 18 bits


def rhythm_wave(counts: np.ndarray) -> np.ndarray:
    """Filter, halve the rate and scale a recording.

    Parameters
    ----------
    counts : int16 (n,), device signal at 128 Hz, 5 uV per count

    Returns
    -------
    int8 (n // 128 * 64,), whole seconds only, Q2.5: the running amplitude of the R wave is 2.0; the value
    saturates. Sample i stands for ``counts[2 i]`` and ``counts[2 i + 1]``.
    """
    n_blocks = len(counts) // (2 * RHYTHM_BLOCK)
    whole = remove_baseline(counts)[: n_blocks * 2 * RHYTHM_BLOCK].astype(np.int32)
    pairs = whole.reshape(n_blocks, RHYTHM_BLOCK, 2)
    halved = np.clip((pairs.sum(axis=2) + 1) >> 1, -_LIMIT, _LIMIT)
    typical = _running_amplitude(np.abs(halved).max(axis=1))[:, None]
    factor = (64 << 16) // typical
    scaled = (np.clip(halved, -2 * typical, 2 * typical) * factor + (1 << 15)) >> 16
    return np.clip(scaled, -128, 127).astype(np.int8).ravel()


def _running_amplitude(extreme: np.ndarray) -> np.ndarray:
    """Typical deflection of the R wave in counts, int32 (n_blocks,), as known at the end of each block.

    Follows the larger of the last two blocks' extremes, since a slow heart beats in every second block only; a
    block moves it up by at most half and down by an eighth of the difference, so that an artefact passes.

    Parameters
    ----------
    extreme : int32 (n_blocks,), largest deflection of each block in counts
    """
    typical = np.empty(len(extreme), np.int32)
    level = before = int(extreme[0]) << 4 if len(extreme) else 0
    for block, counts in enumerate(extreme.tolist()):
        height = counts << 4
        step = max(height, before) - level
        level += min(step, level) >> 1 if step > 0 else -(-step >> 3)
        level = max(level, _AMPLITUDE_FLOOR << 4)
        before = height
        typical[block] = level >> 4
    return typical
