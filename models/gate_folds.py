"""Gates for strips that they have not seen: one per fold of a set of labelled strips."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ..signals import N_GATE_FEATURES
from .beat_data import BeatRecord
from .beat_train import INTER_CONFIG
from .float_model import FloatModel
from .gate_sources import GateSources
from .staged import calibrate_threshold
from .train import fit_gate
from .weights import seeded_net

__all__ = ["auc", "auc_interval", "strip_gates"]

_N_READABLE = 800


def strip_gates(
    records: Sequence[BeatRecord],
    sources: GateSources,
    strips: Sequence[tuple[np.ndarray, bool]],
    fold: np.ndarray,
) -> Iterator[tuple[int, FloatModel]]:
    """Float gates, each trained on the recordings, the noise, and the strips outside its fold.

    Parameters
    ----------
    strips : device counts, and whether people found the strip too noisy to read
    fold : int (n_strips,)

    Yields
    ------
    number of the fold, and the gate
    """
    config = INTER_CONFIG
    for k in np.unique(fold).tolist():
        noisy = [s for s, f in zip(strips, fold, strict=True) if f != k and s[1]]
        readable = [s for s, f in zip(strips, fold, strict=True) if f != k and not s[1]]
        step = max(1, len(readable) // _N_READABLE)
        examples = replace(sources, strips=[*noisy, *readable[::step]]).training_examples(records)
        net = seeded_net(N_GATE_FEATURES, config.gate.seed)
        is_analysable = examples.label == 1
        fit_gate(net.gate, net.judge, examples.features, is_analysable, config.gate, care=config.gate_care)
        model = FloatModel(net.eval(), {})
        is_clean = examples.kind == "clean"
        threshold = calibrate_threshold(model.judge(examples.features), is_clean, config.gate_pass)
        yield k, FloatModel(net, {"gate": threshold})


def auc(scores: np.ndarray, is_positive: np.ndarray) -> float:
    """Area under the ROC curve: how often a positive scores above a negative, ties counting half."""
    _, rank, size = np.unique(scores, return_inverse=True, return_counts=True)
    middle = np.cumsum(size) - (size - 1) / 2
    n_positive = int(is_positive.sum())
    n_pairs = n_positive * (len(scores) - n_positive)
    return float((middle[rank][is_positive].sum() - n_positive * (n_positive + 1) / 2) / n_pairs)


def auc_interval(
    scores: np.ndarray, is_positive: np.ndarray, n_draws: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """95 % bootstrap interval of `auc`, positives and negatives drawn apart."""
    rng = np.random.default_rng(seed)
    positive, negative = scores[is_positive], scores[~is_positive]
    labels = np.repeat([True, False], [len(positive), len(negative)])
    draws = [
        auc(np.concatenate([rng.choice(positive, len(positive)), rng.choice(negative, len(negative))]), labels)
        for _ in range(n_draws)
    ]
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(low), float(high)
