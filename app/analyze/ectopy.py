"""Strips called atrial fibrillation whose irregularity is that of ectopic beats.

In fibrillation the intervals between neighbouring normal beats vary, too; where only extra beats break a regular
rhythm, they do not. The network sees intervals of all beats alike, the classes of the beats tell the two apart.
"""

import numpy as np

from ...models.rhythm_task import FIBRILLATION, OTHER
from ...signals import DEVICE_FS_HZ
from .rhythm_events import StripTable

__all__ = ["FEWEST_INTERVALS", "LEAST_ECTOPIC", "LEAST_VARIATION", "EctopyJudge", "is_ectopy"]

LEAST_VARIATION = 0.08
"""Standard deviation over mean of the intervals between neighbouring normal beats, from which they are irregular.

On DS1 of MIT-BIH 0.08 to 0.14 take 30 of 43 strips that are falsely called fibrillation and none of 65 that are;
docs/ecg.md has the table.
"""
FEWEST_INTERVALS = 5
LEAST_ECTOPIC = 1 / 3
"""Share of ectopic beats from which a strip with fewer than `FEWEST_INTERVALS` is theirs."""


class EctopyJudge:
    """Holds strips until all beats within them are decided, and puts right what ectopic beats explain.

    Parameters
    ----------
    wait_s : seconds after its end in which the beats of a strip are decided
    """

    def __init__(self, wait_s: int) -> None:
        self._wait_s = wait_s
        self._peak, self._label = np.empty(0, np.int64), np.empty(0, np.int8)
        self._held = StripTable.empty()

    def add(self, peak: np.ndarray, label: np.ndarray, strips: StripTable, now_s: int) -> StripTable:
        """Strips that are complete.

        Parameters
        ----------
        peak, label : beats that are decided since, int64 (n,) device samples and position in `CLASSES`, -1 where
            the gate rejected
        strips : found since
        now_s : seconds that have gone through the cascade
        """
        self._peak, self._label = np.concatenate((self._peak, peak)), np.concatenate((self._label, label))
        self._held = StripTable.concatenate([self._held, strips])
        return self._release(int((self._held.end_s + self._wait_s <= now_s).sum()))

    def close(self) -> StripTable:
        """The rest, at the end of the recording."""
        return self._release(len(self._held))

    def _release(self, n: int) -> StripTable:
        done, self._held = self._held.take(slice(n)), self._held.take(slice(n, None))
        bounds = np.stack((done.onset_s, done.end_s), axis=1) * DEVICE_FS_HZ
        spans = [slice(*np.searchsorted(self._peak, pair)) for pair in bounds]
        ectopy = np.array([is_ectopy(self._peak[span], self._label[span]) for span in spans], bool)
        if spans:
            self._peak, self._label = self._peak[spans[-1].stop :], self._label[spans[-1].stop :]
        return done.with_label(np.where(ectopy & (done.network == FIBRILLATION), OTHER, done.network))


def is_ectopy(peak: np.ndarray, label: np.ndarray, least_variation: float = LEAST_VARIATION) -> bool:
    """Whether the normal beats of a stretch are regular, or nearly none are left between ectopic ones.

    Parameters
    ----------
    peak, label : its beats, see `EctopyJudge.add`
    """
    is_normal = label == 0
    interval = np.diff(peak)[is_normal[1:] & is_normal[:-1]]
    if len(interval) < FEWEST_INTERVALS:
        return bool((label > 0).sum() >= max(LEAST_ECTOPIC * (label >= 0).sum(), 1))
    return bool(interval.std() < least_variation * interval.mean())
