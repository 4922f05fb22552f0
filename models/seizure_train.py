"""From EEG recordings to a trained float model of the seizure task."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..signals import UnanalysableError
from .averaging import WeightAverage, settle_norms
from .eeg_artefacts import contaminate
from .float_model import FloatModel
from .network import StagedNet
from .seizure_augment import DISTURBANCES, quiet_copy, quiet_part, seizure_copy
from .seizure_cascade import pool_channels
from .seizure_data import ICTAL, EegRecord, SeizureUnits, prepare_eeg, units_of
from .seizure_fit import SeizureConfig, UnitSampler, fit_seizure
from .seizure_task import seizure_net_spec
from .staged import StagedModel, calibrate_threshold
from .train import Progress, fit_gate

__all__ = [
    "GateSeconds",
    "SeizureTrainingSet",
    "decision_logits",
    "fit_stages",
    "gate_threshold",
    "prepare_training",
    "screen_logits",
    "train_seizure",
]

_ACCEPT_BELOW, _REJECT_ABOVE = 0.7, 1.5  # rms of an artefact over that of the EEG

_MOST_COPIES = 1472
"""With and without a seizure each, of all subjects together: 2 GB of units."""

_N_SETTLING = 120
"""Batches from which batch norms are measured behind averaged weights."""


@dataclass(frozen=True)
class GateSeconds:
    """What trains the gate: features int8 (n, N_EEG_FEATURES) of seconds, is_analysable
    and is_ictal bool (n,).
    """

    features: np.ndarray
    is_analysable: np.ndarray
    is_ictal: np.ndarray


@dataclass(frozen=True)
class SeizureTrainingSet:
    """All that trains a model of the seizure task."""

    units: SeizureUnits
    gate: GateSeconds


def prepare_training(records: Sequence[EegRecord], config: SeizureConfig) -> SeizureTrainingSet:
    """Changed copies of the recordings, see `seizure_augment`; the same for the same seed.

    Parameters
    ----------
    records : those of one subject must have the same channels, since they are joined; at least 5 s each

    Raises
    ------
    UnanalysableError
        no recording holds a seizure, or none is quiet for 4 s.
    """
    seed = config.fit.seed
    return SeizureTrainingSet(
        _make_units(records, config.copies, seed), _make_gate_seconds(records, config.gate_copies, seed)
    )


def _by_subject(records: Sequence[EegRecord]) -> dict[str, tuple[list[EegRecord], list[EegRecord]]]:
    """Recordings with a seizure, and quiet parts of all, of each subject."""
    subjects: dict[str, tuple[list[EegRecord], list[EegRecord]]] = {}
    for record in records:
        ictal, quiet = subjects.setdefault(record.subject, ([], []))
        if len(record.seizures):
            ictal.append(record)
        part = quiet_part(record)
        if part.n_seconds >= 4:
            quiet.append(part)
    return dict(sorted(subjects.items()))


def _make_units(records: Sequence[EegRecord], copies: int, seed: int = 0) -> SeizureUnits:
    """Changed copies of the recordings as units.

    Every subject counts as one source of ictal units, and as one of others. Recordings of one subject must have
    the same channels, since they are joined.

    Raises
    ------
    UnanalysableError
        no recording holds a seizure, or none is quiet for 4 s.
    """
    rng = np.random.default_rng(seed)
    parts, subjects = list[SeizureUnits](), _by_subject(records)
    copies = min(copies, max(_MOST_COPIES // max(len(subjects), 1), 1))
    for number, (ictal, quiet) in enumerate(subjects.values()):
        changed = [seizure_copy(ictal[i % len(ictal)], quiet, rng) for i in range(copies) if ictal]
        changed += [quiet_copy(quiet, rng) for _ in range(copies) if quiet]
        parts += [units_of(record, number) for record in changed if record.n_seconds > 5]
    if not parts or len({int(label) for part in parts for label in part.label}) < 2:
        raise UnanalysableError(f"{len(records)} training recordings hold no seizure, or nothing but seizures")
    return SeizureUnits.concatenate(parts)


def _make_gate_seconds(records: Sequence[EegRecord], copies: int, seed: int = 0) -> GateSeconds:
    """Seconds with and without a modelled artefact, of every channel; the doubtful ones are left out.

    A second is analysable if the artefact's rms behind the filter is below 0.7 of the EEG's, not if above 1.5; and
    so is every second of a seizure.
    """
    rng = np.random.default_rng(seed)
    parts = list[tuple[np.ndarray, np.ndarray, np.ndarray]]()

    def add(counts: np.ndarray, weight: np.ndarray, is_ictal: np.ndarray) -> None:
        sure = (weight < _ACCEPT_BELOW) | (weight > _REJECT_ABOVE)
        sure[0] = False
        ictal_rows = np.repeat(is_ictal[:, None], weight.shape[1], axis=1)[sure]
        parts.append((prepare_eeg(counts).gate[sure], weight[sure] < _ACCEPT_BELOW, ictal_rows))

    for ictal, quiet in _by_subject(records).values():
        for i in range(copies):
            if quiet:
                mixed = contaminate(quiet_copy(quiet, rng, plain=True).counts, str(rng.choice(DISTURBANCES)), rng)
                add(mixed.counts, mixed.weight, np.zeros(len(mixed.weight), bool))
            if ictal:
                copy = seizure_copy(ictal[i % len(ictal)], quiet, rng)
                add(copy.counts, np.zeros((copy.n_seconds, copy.counts.shape[1])), copy.labels() == ICTAL)
    return GateSeconds(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def train_seizure(
    records: Sequence[EegRecord], config: SeizureConfig, progress: Progress | None = None
) -> tuple[FloatModel, SeizureTrainingSet]:
    """Prepare the training material and `fit_stages` on it.

    Returns
    -------
    the model, and what it was trained on, for `compress_seizure`
    """
    data = prepare_training(records, config)
    return fit_stages(data, config, progress), data


def fit_stages(data: SeizureTrainingSet, config: SeizureConfig, progress: Progress | None = None) -> FloatModel:
    """Train gate, screen and specialist, and set the thresholds.

    The gate accepts `config.gate_pass` of the analysable seconds, in seizures and out of them; the screen passes
    `config.screen_pass` of the ictal windows; the specialist's last bias is lowered by `config.decision`: a score
    of 0 or more means a seizure.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.fit.seed)
        net = StagedNet(seizure_net_spec())
    fit_gate(net.gate, net.judge, data.gate.features, data.gate.is_analysable, config.gate_fit)
    _fit_averaged(net, data.units, config, progress)
    exit_bias = list(net.eval().specialist)[-1].bias
    assert exit_bias is not None
    exit_bias.data -= config.decision
    model = FloatModel(net, {"gate": 0.0, "screen": 0.0, "decision": config.decision})
    model.thresholds["gate"] = gate_threshold(model, data.gate, config.gate_pass)
    is_ictal = data.units.label == ICTAL
    model.thresholds["screen"] = calibrate_threshold(
        screen_logits(model, data.units), is_ictal, config.screen_pass
    )
    return model


def _fit_averaged(net: StagedNet, units: SeizureUnits, config: SeizureConfig, progress: Progress | None) -> None:
    """Train screen and specialist; of the last `config.averaging` of the steps the mean weights count."""
    average = WeightAverage(net, config.averaging)
    fit_seizure(net, units, config, on_step=average, progress=progress)
    if not config.averaging:
        return
    average.put()
    sampler = UnitSampler(units, config)
    weight, generator = torch.from_numpy(sampler.draw_weight()), torch.Generator().manual_seed(config.fit.seed)

    def run() -> None:
        index = torch.multinomial(weight, config.fit.batch_size, replacement=True, generator=generator)
        batch = sampler.batch(index)
        net(batch.wave, batch.context)

    settle_norms([net.screen, net.specialist], run, _N_SETTLING)


def gate_threshold(model: StagedModel, seconds: GateSeconds, share: float) -> float:
    """Largest threshold that accepts `share` of the analysable seconds, of ictal and other ones alike."""
    logits = model.judge(seconds.features)
    groups = [seconds.is_analysable & seconds.is_ictal, seconds.is_analysable & ~seconds.is_ictal]
    return min(calibrate_threshold(logits, group, share) for group in groups if group.any())


def _pooled(logits: np.ndarray, units: SeizureUnits) -> np.ndarray:
    """Pooled logit of each unit, of a logit for each row."""
    most = int(units.n_channels.max())
    exists = np.arange(most) < units.n_channels[:, None]
    table = np.zeros(exists.shape, logits.dtype)
    table[exists] = logits
    return pool_channels(table, exists)


def screen_logits(model: StagedModel, units: SeizureUnits) -> np.ndarray:
    """Pooled screen logit of each unit (n_units,)."""
    return _pooled(model.screen_strips(units.context), units)


def decision_logits(model: StagedModel, units: SeizureUnits) -> np.ndarray:
    """Pooled logit of the specialist of each unit (n_units,)."""
    return _pooled(model.classify(units.wave[:, :, None], units.context)[1][:, 0], units)
