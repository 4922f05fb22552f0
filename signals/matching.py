"""Pair detected beats with reference beats, one to one (ANSI/AAMI EC57, 150 ms)."""

import numpy as np

from .device_signal import DEVICE_FS_HZ

__all__ = ["MATCH_TOLERANCE", "match_peaks"]

MATCH_TOLERANCE = int(0.150 * DEVICE_FS_HZ)


def match_peaks(
    reference: np.ndarray, detected: np.ndarray, tolerance: int = MATCH_TOLERANCE
) -> tuple[np.ndarray, np.ndarray]:
    """Pair each reference beat with at most one detection, the closest pairs first.

    In every round the pairs whose members are each other's nearest are taken out; rounds go on
    until no two beats that are left lie within the tolerance. Those taken are then paired in the
    order of time, so that pairs never cross; that brings no two of a pair further apart than allowed.

    Parameters
    ----------
    reference, detected : integer (n,) and (m,), ascending, in samples
    tolerance : largest distance of a pair in samples; 19 is 150 ms at 128 Hz (148.4 ms)

    Returns
    -------
    index into `reference` and index into `detected` of each pair: int64 (k,), both ascending.
    References without a pair are misses, detections without one false alarms.
    """
    free_reference, free_detected = np.arange(len(reference)), np.arange(len(detected))
    pairs = [np.empty((2, 0), np.int64)]
    while len(free_reference) and len(free_detected):
        a, b = reference[free_reference], detected[free_detected]
        near_a, near_b = _nearest(a, b), _nearest(b, a)
        i = np.arange(len(a))
        mutual = (near_b[near_a] == i) & (np.abs(a - b[near_a]) <= tolerance)
        if not mutual.any():
            break
        pairs.append(np.stack((free_reference[mutual], free_detected[near_a[mutual]])))
        free_detected = np.delete(free_detected, near_a[mutual])
        free_reference = free_reference[~mutual]
    first, second = np.sort(np.concatenate(pairs, axis=1), axis=1)
    return first, second


def _nearest(points: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Index of the value of `among` nearest to each point, the earlier one of two; both ascending."""
    right = np.clip(np.searchsorted(among, points), 1, max(1, len(among) - 1))
    if len(among) == 1:
        return np.zeros(len(points), np.int64)
    return right - (points - among[right - 1] <= among[right] - points)
