"""Training and scoring of the fibrillation alarm, by leaving whole recordings out.

Fibrillation is what lies between ``[`` and ``]``: ventricular fibrillation in cudb, ventricular flutter in record
207 of MIT-BIH. cudb does not mark ventricular tachycardia on its own, so an alarm in one counts as false. A second
at the edge of an episode neither trains nor counts as a second; its alarms count.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ..signals import (
    BLOCK_SAMPLES,
    DEVICE_FS_HZ,
    N_GATE_FEATURES,
    Recording,
    fibrillation_of,
    gate_features,
    to_device,
)
from .alarm_model import COUNT, WINDOW, AlarmModel, alarm_spans, standing
from .train import FitConfig, fit, to_unit

__all__ = ["AlarmRecord", "AlarmScores", "alarm_record", "cross_validated_logits", "fit_alarm", "score_alarms"]

_HIDDEN = 8
_HIDDEN_MAX = 127 / 32
_CONFIG = FitConfig(epochs=4, min_steps=600, batch_size=512, learning_rate=1e-2, weight_decay=1e-3)


@dataclass(frozen=True)
class AlarmRecord:
    """A recording as the alarm sees it.

    Attributes
    ----------
    name, dataset, subject : of the recording
    features : int8 (n_seconds, N_GATE_FEATURES)
    label : int8 (n_seconds,), 1 wholly within fibrillation, 0 wholly outside, -1 between
    episodes_s : float64 (k, 2), onset and end of each episode
    """

    name: str
    dataset: str
    subject: str
    features: np.ndarray
    label: np.ndarray
    episodes_s: np.ndarray


def alarm_record(recording: Recording, dataset: str) -> AlarmRecord:
    """Features and labels of a recording."""
    counts = to_device(recording).counts
    n = len(counts) // BLOCK_SAMPLES
    episodes = fibrillation_of(recording)
    label = labels_of(episodes, n)
    return AlarmRecord(recording.name, dataset, recording.subject, gate_features(counts)[:n], label, episodes)


def labels_of(episodes_s: np.ndarray, n_seconds: int) -> np.ndarray:
    """Label of each second, see `AlarmRecord`."""
    label = np.zeros(n_seconds, np.int8)
    for onset_s, end_s in episodes_s:
        label[int(onset_s) : int(np.ceil(end_s))] = -1
        label[int(np.ceil(onset_s)) : int(end_s)] = 1
    return label


def fit_alarm(records: Sequence[AlarmRecord], seed: int = 0) -> AlarmModel:
    """Train on the labelled seconds of `records`, every data set and label with the same weight."""
    features = np.concatenate([r.features for r in records])
    label = np.concatenate([r.label for r in records])
    group = np.repeat([r.dataset for r in records], [len(r.label) for r in records])
    draw = np.zeros(len(label))
    for name in dict.fromkeys(group.tolist()):
        for value in (0, 1):
            rows = (group == name) & (label == value)
            draw[rows] = _share(name, value) / max(int(rows.sum()), 1)
    x, y = to_unit(features), torch.from_numpy((label == 1).astype(np.float32))
    net = _net(seed)

    def loss_of(index: torch.Tensor) -> torch.Tensor:
        return F.binary_cross_entropy_with_logits(net(x[index])[:, 0], y[index])

    fit(net, len(label), loss_of, _CONFIG, draw / draw.sum())
    return _to_integers(net)


def _share(dataset: str, label: int) -> float:
    """Flutter of a single recording must not weigh as much as all fibrillation of cudb."""
    return 1.0 if dataset == "cudb" or label == 0 else 0.1


def _net(seed: int) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Linear(N_GATE_FEATURES, _HIDDEN), nn.Hardtanh(0, _HIDDEN_MAX), nn.Linear(_HIDDEN, 1)
        )


def _to_integers(net: nn.Sequential) -> AlarmModel:
    """Weights to 4 fraction bits, biases to 9."""
    hidden, last = net[0], net[2]
    assert isinstance(hidden, nn.Linear) and isinstance(last, nn.Linear)
    rounded = [
        np.rint(scale * t.detach().numpy())
        for scale, t in ((16, hidden.weight), (512, hidden.bias), (16, last.weight), (512, last.bias))
    ]
    return AlarmModel(
        np.clip(rounded[0], -127, 127).astype(np.int8),
        np.clip(rounded[1], -32767, 32767).astype(np.int16),
        np.clip(rounded[2][0], -127, 127).astype(np.int8),
        int(rounded[3][0]),
        0,
    )


def cross_validated_logits(records: Sequence[AlarmRecord], n_folds: int = 7, seed: int = 0) -> list[np.ndarray]:
    """Logits of every recording from an alarm that was trained without its subject, in the order of `records`."""
    subjects = sorted({(r.dataset, r.subject) for r in records})
    order = np.random.default_rng(seed).permutation(len(subjects)).tolist()
    fold_of = {subjects[place]: number % n_folds for number, place in enumerate(order)}
    fold = [fold_of[r.dataset, r.subject] for r in records]
    models = [fit_alarm([r for r, f in zip(records, fold, strict=True) if f != k], seed) for k in range(n_folds)]
    return [models[f].logits(r.features) for r, f in zip(records, fold, strict=True)]


@dataclass(frozen=True)
class AlarmScores:
    """How alarms meet the episodes of some recordings.

    Attributes
    ----------
    n_episodes, n_detected : episodes, and those that an alarm overlaps
    latency_s : float64 (n_detected,), from an episode's onset to the moment of the alarm; 0 if it stood already
    n_seconds : labelled seconds: within fibrillation, outside
    n_positive : the same, seconds at or above the threshold
    n_alarming : the same, seconds at whose end the alarm stands
    n_false : alarms that overlap no episode
    """

    n_episodes: int
    n_detected: int
    latency_s: np.ndarray
    n_seconds: tuple[int, int]
    n_positive: tuple[int, int]
    n_alarming: tuple[int, int]
    n_false: int

    @property
    def false_per_hour(self) -> float:
        """False alarms per hour outside fibrillation."""
        return self.n_false * 3600 / max(self.n_seconds[1], 1)


def score_alarms(
    records: Sequence[AlarmRecord],
    is_positive: Sequence[np.ndarray],
    window: int = WINDOW,
    count: int = COUNT,
    shortest_s: float = 0.0,
) -> AlarmScores:
    """Score the alarms that positive seconds raise.

    Parameters
    ----------
    is_positive : bool (n_seconds,) of each recording
    shortest_s : episodes shorter than this are not counted; alarms in them are not false either
    """
    latency: list[float] = []
    n_episodes, n_false = 0, 0
    for record, positive in zip(records, is_positive, strict=True):
        alarm = standing(positive, window, count)
        spans = np.array(alarm_spans(alarm, positive, window), np.float64).reshape(-1, 2)
        overlaps = (spans[:, :1] < record.episodes_s[:, 1]) & (spans[:, 1:] > record.episodes_s[:, 0])
        n_false += int((~overlaps.any(axis=1)).sum())
        long = record.episodes_s[record.episodes_s[:, 1] - record.episodes_s[:, 0] >= shortest_s]
        n_episodes += len(long)
        latency += [found for onset_s, end_s in long if (found := _latency_s(alarm, onset_s, end_s)) is not None]
    label, positive = np.concatenate([r.label for r in records]), np.concatenate(is_positive)
    alarms = np.concatenate([standing(p, window, count) for p in is_positive])
    per_label = [tuple(int(v[label == value].sum()) for value in (1, 0)) for v in (label >= 0, positive, alarms)]
    (seconds, positives, alarming) = ((p[0], p[1]) for p in per_label)
    return AlarmScores(n_episodes, len(latency), np.array(latency), seconds, positives, alarming, n_false)


def _latency_s(alarm: np.ndarray, onset_s: float, end_s: float) -> float | None:
    """Seconds from the onset to the end of the first alarming second that overlaps the episode; None: no alarm."""
    second = BLOCK_SAMPLES / DEVICE_FS_HZ
    first, last = int(onset_s / second), min(int(np.ceil(end_s / second)) + 1, len(alarm))
    found = np.flatnonzero(alarm[first:last])
    return (
        None if len(found) == 0 else max((first + int(found[0]) + 1) * second - onset_s, 0.0) * float(found[0] > 0)
    )
