"""The alarm of ventricular fibrillation: integers only, the same bit for bit in C (`ictus_alarm.c`).

Every second the gate's features go through two dense layers to one logit; the alarm stands while at least `COUNT`
of the last `WINDOW` logits lie at or above the threshold. So it comes no earlier than `COUNT` seconds after the
onset, and a short run of ventricular tachycardia or a burst of noise raises none. It does not ask the gate: what
the gate rejects may be fibrillation, too.

Research use only: an alarm that somebody's life depends on needs other evidence than a hundred episodes.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..signals import BLOCK_SAMPLES, DEVICE_FS_HZ, N_GATE_FEATURES, CorruptModelError, gate_features
from ..signals.bounded_files import read_bounded_text
from ..signals.errors import one_line, parsed

__all__ = [
    "ALARM_ZOO",
    "COUNT",
    "N_HIDDEN",
    "WINDOW",
    "AlarmModel",
    "alarm_spans",
    "fibrillation_events",
    "load_alarm",
]

ALARM_ZOO = Path(__file__).parent / "zoo" / "alarm.json"
WINDOW, COUNT = 8, 6
N_HIDDEN = 8
"""Width of the hidden layer that the C has."""
_HIDDEN_SHIFT = 4  # weights have 4 fraction bits, features and hidden values 5
_KEYS = ("hidden_weight", "hidden_bias", "weight", "bias", "threshold")


@dataclass(frozen=True)
class AlarmModel:
    """Two dense layers in integers.

    Attributes
    ----------
    hidden_weight : int8 (n_hidden, N_GATE_FEATURES), 4 fraction bits
    hidden_bias : int16 (n_hidden,), 9 fraction bits
    weight : int8 (n_hidden,), 4 fraction bits
    bias : int, 9 fraction bits
    threshold : int, logit from which a second counts, 9 fraction bits
    """

    hidden_weight: np.ndarray
    hidden_bias: np.ndarray
    weight: np.ndarray
    bias: int
    threshold: int

    @property
    def n_bytes(self) -> int:
        """Bytes in flash: int8 weights, int16 biases and threshold."""
        return self.hidden_weight.size + self.weight.size + 2 * self.hidden_bias.size + 4

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Logit of each second: int64 (n,) of int8 (n, N_GATE_FEATURES).

        ``hidden = clip((hidden_weight @ x + hidden_bias + 8) >> 4, 0, 127)``, ``logit = weight @ hidden + bias``
        """
        products = features.astype(np.int64) @ self.hidden_weight.T.astype(np.int64)
        rounded = (products + self.hidden_bias + (1 << _HIDDEN_SHIFT - 1)) >> _HIDDEN_SHIFT
        return np.clip(rounded, 0, 127) @ self.weight.astype(np.int64) + self.bias

    def alarms(self, features: np.ndarray) -> np.ndarray:
        """Whether the alarm stands at the end of each second: bool (n,)."""
        return standing(self.logits(features) >= self.threshold)

    def to_json(self) -> dict[str, object]:
        """For the zoo."""
        return {key: np.asarray(value).tolist() for key, value in asdict(self).items()}


def standing(is_positive: np.ndarray, window: int = WINDOW, count: int = COUNT) -> np.ndarray:
    """True where at least `count` of the last `window` seconds are positive; before the start none is."""
    total = np.cumsum(np.concatenate([np.zeros(window, np.int64), is_positive]))
    return total[window:] - total[:-window] >= count


def alarm_spans(is_alarm: np.ndarray, is_positive: np.ndarray, window: int = WINDOW) -> list[tuple[int, int]]:
    """Seconds that each alarm says the fibrillation lasts: first, and one past the last.

    It begins at the first positive second of the window that raised the alarm, and ends with its last one.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_alarm, [False]]).astype(np.int8)))
    spans = []
    for raised, cleared in edges.reshape(-1, 2).tolist():
        first = max(raised - window + 1, 0)
        positive = first + np.flatnonzero(is_positive[first:cleared])
        spans.append((int(positive[0]), int(positive[-1]) + 1))
    return spans


def fibrillation_events(counts: np.ndarray, model: AlarmModel | None = None) -> list[tuple[float, float]]:
    """Ventricular fibrillation or flutter in a recording.

    Parameters
    ----------
    counts : int16 (n,), device signal at 128 Hz
    model : None takes the zoo's

    Returns
    -------
    onset and duration in s of each event, in time order, to the second
    """
    judge = model or load_alarm()
    features = gate_features(counts)[: len(counts) // BLOCK_SAMPLES]
    is_positive = judge.logits(features) >= judge.threshold
    second = BLOCK_SAMPLES / DEVICE_FS_HZ
    spans = alarm_spans(standing(is_positive), is_positive)
    return [(first * second, (end - first) * second) for first, end in spans]


def load_alarm(path: str | Path = ALARM_ZOO) -> AlarmModel:
    """Read an alarm from its JSON file.

    Raises
    ------
    CorruptModelError
        one line that names the file and what is wrong with it.
    """
    try:
        found = parsed(json.loads, read_bounded_text(Path(path), error=CorruptModelError))["model"]
        hidden, hidden_bias, weight, bias, threshold = (np.array(found[key], np.int64) for key in _KEYS)
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise CorruptModelError(f"{path}: not an alarm ({one_line(error)})") from error
    n = len(weight) if weight.ndim == 1 else -1
    shapes = (hidden.shape, hidden_bias.shape, bias.shape, threshold.shape)
    small = all(np.all(np.abs(v) <= limit) for v, limit in ((hidden, 127), (weight, 127), (hidden_bias, 32767)))
    if shapes != ((n, N_GATE_FEATURES), (n,), (), ()) or not small:
        raise CorruptModelError(f"{path}: weights {hidden.shape}, expected int8 (n, {N_GATE_FEATURES})")
    narrow = hidden.astype(np.int8), hidden_bias.astype(np.int16), weight.astype(np.int8)
    return AlarmModel(*narrow, int(bias), int(threshold))
