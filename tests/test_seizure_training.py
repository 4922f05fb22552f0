"""Training material, modelled artefacts, and a short training of the seizure cascade to its compact form."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from ictus.compression import Pruning, Recipe, Tuning, compress_seizure, from_bytes, to_bytes
from ictus.models import seizure_train
from ictus.models.eeg_artefacts import ARTEFACTS, HARMLESS, contaminate
from ictus.models.seizure_augment import DISTURBANCES, join_records, quiet_copy, quiet_part, seizure_copy
from ictus.models.seizure_cascade import pool_channels, run_cascade
from ictus.models.seizure_data import ICTAL, NOT_ICTAL, UNSURE, EegRecord, units_of, window_waves
from ictus.models.seizure_fit import SeizureConfig, UnitSampler
from ictus.models.seizure_train import prepare_training, train_seizure
from ictus.models.train import FitConfig
from ictus.signals import UnanalysableError
from ictus.signals.eeg_features import EegFrontEnd

CONFIG = SeizureConfig(
    fit=FitConfig(epochs=3, min_steps=0, batch_size=16, learning_rate=8e-3, epoch_units=16 * 25),
    gate_fit=FitConfig(epochs=1, min_steps=60, batch_size=256, learning_rate=1e-2),
    copies=10,
    gate_copies=4,
)


def _background(seconds: int, channels: int, rng: np.random.Generator) -> np.ndarray:
    spectrum = np.fft.rfft(rng.standard_normal((seconds * 256, channels)), axis=0)
    hz = np.fft.rfftfreq(seconds * 256, 1 / 256)[:, None]
    wave = np.fft.irfft(spectrum / np.maximum(hz, 1), axis=0)
    return 80 * wave / wave.std()


def _record(subject: str, seed: int, onset_s: int | None = 12, channels: int = 3) -> EegRecord:
    """24 s of noise as in EEG, with spikes 3 times a second from the onset on."""
    rng = np.random.default_rng(seed)
    counts = _background(24, channels, rng)
    if onset_s is not None:
        time_s = np.arange(len(counts)) / 256
        counts += (600 * np.sin(np.pi * 3 * time_s) ** 12 * (time_s >= onset_s))[:, None]
    seizures = [] if onset_s is None else [(onset_s, 24.0)]
    return EegRecord.of(f"{subject}_{seed}", subject, np.rint(counts).astype(np.int16), seizures)


def test_a_window_is_ictal_with_three_of_its_four_seconds() -> None:
    label = _record("a", 0).labels()
    assert label[:12].tolist() == [NOT_ICTAL] * 12
    assert label[12:14].tolist() == [UNSURE] * 2
    assert label[14:].tolist() == [ICTAL] * 10


def test_units_hold_the_windows_of_the_cascade() -> None:
    record = _record("a", 0)
    seconds, units = EegFrontEnd(3).push(record.counts), units_of(record)
    assert units.n_channels.tolist() == [3] * 18
    at = np.array([4])
    assert np.array_equal(units.wave[:3], window_waves(seconds.filtered, seconds.factor, at)[0])
    assert np.array_equal(units.context[:3], seconds.context[4])


@pytest.mark.parametrize("kind", [*DISTURBANCES, *HARMLESS])
def test_every_artefact_is_finite_repeatable_and_leaves_seconds_outside_alone(kind: str) -> None:
    counts = _record("a", 0, None).counts
    made = [contaminate(counts, kind, np.random.default_rng(5)) for _ in range(2)]
    assert np.array_equal(made[0].counts, made[1].counts)
    assert made[0].weight.shape == (24, 3)
    changed = (made[0].counts != counts).reshape(24, 256, 3).any(axis=1)
    assert changed.any()
    assert np.array_equal(made[0].counts.reshape(24, 256, 3)[:, :, 0][~changed[:, 0]],
                          counts.reshape(24, 256, 3)[:, :, 0][~changed[:, 0]])  # fmt: skip


def test_muscle_lies_above_15_hz_and_blinks_below_5_hz() -> None:
    rng = np.random.default_rng(0)
    hz = np.fft.rfftfreq(256 * 60, 1 / 256)
    for kind, low, high in (("clench", 15, 128), ("blinks", 0, 5), ("sweat", 0, 1)):
        power = np.abs(np.fft.rfft(ARTEFACTS[kind].wave(rng, 256 * 60))) ** 2
        assert power[(hz >= low * 0.8) & (hz <= high * 1.25)].sum() / power.sum() > 0.85, kind


def test_mains_weighs_nothing_behind_the_filter() -> None:
    weight = contaminate(_record("a", 0, None).counts, "mains", np.random.default_rng(1)).weight
    assert weight.max() < 0.2


def test_copies_keep_the_seizure_in_its_place_and_the_quiet_part_quiet() -> None:
    rng, record = np.random.default_rng(0), _record("a", 0)
    quiet = [quiet_part(record)]
    assert quiet[0].n_seconds == 12
    assert not len(quiet_copy(quiet, rng).seizures)
    for _ in range(5):
        copy = seizure_copy(record, quiet, rng)
        length_s = np.diff(copy.seizures[0])[0]
        assert 12 / 1.17 < length_s < 12 * 1.17
        assert copy.seizures[0, 1] == pytest.approx(len(copy.counts) / 256, abs=0.1)


def test_joining_moves_the_seizures_and_fades() -> None:
    joined = join_records([_record("a", 0, None), _record("a", 1)])
    assert joined.seizures.tolist() == [[24 - 0.25 + 12, 48 - 0.25]]
    assert len(joined.counts) == 48 * 256 - 64


def test_pooling_of_the_loss_is_that_of_the_cascade() -> None:
    units = units_of(_record("a", 0))
    batch = UnitSampler(units, CONFIG).batch(torch.arange(len(units)))
    logit = torch.randn(len(batch.wave))
    exists = (batch.place >= 0).numpy()
    table = np.where(exists, logit.numpy()[batch.place.clamp(min=0).numpy()], 0.0)
    assert batch.pooled(logit).numpy() == pytest.approx(pool_channels(table, exists), abs=1e-5)


def test_training_without_a_seizure_says_so() -> None:
    with pytest.raises(UnanalysableError, match="hold no seizure"):
        train_seizure([_record("a", 0, None)], CONFIG)


def test_short_training_finds_the_spikes_of_another_subject_also_when_compressed() -> None:
    train = [_record(subject, seed) for subject in "ab" for seed in range(2)]
    model, data = train_seizure(train, CONFIG)
    recipe = Recipe(Pruning(sparsity=0.5, gate_sparsity=0.2, epochs=2), tuning=Tuning(2), learning_rate=4e-3)
    compact = compress_seizure(model, data, recipe, CONFIG)
    test = _record("c", 9)
    for staged in (model, compact):
        events, _ = run_cascade(staged, test.counts).events()
        assert [e.onset_s in range(12, 17) for e in events] == [True]
    assert len(to_bytes(compact)) < 6000
    loaded = run_cascade(from_bytes(to_bytes(compact)), test.counts)
    assert np.array_equal(loaded.specialist, run_cascade(compact, test.counts).specialist)


def test_averaged_weights_come_with_batch_norms_of_their_own_and_leave_the_gate_alone() -> None:
    quick = replace(CONFIG, fit=replace(CONFIG.fit, epochs=2, epoch_units=16 * 8), copies=3, gate_copies=1)
    train = [_record("a", seed) for seed in range(2)]
    last, mean = (train_seizure(train, replace(quick, averaging=share))[0].net for share in (0.0, 0.5))
    gates = [net.gate.state_dict().values() for net in (last, mean)]
    assert all(torch.equal(a, b) for a, b in zip(*gates, strict=True))
    norms = [next(layer.norm for layer in net.specialist if layer.norm is not None) for net in (last, mean)]
    assert not torch.equal(norms[0].weight, norms[1].weight)
    assert not torch.equal(norms[0].running_var, norms[1].running_var)
    assert norms[0].momentum == norms[1].momentum
    assert not mean.training


def test_many_subjects_share_the_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    train = [_record(subject, 0) for subject in "ab"]
    alone = prepare_training(train, replace(CONFIG, copies=2)).units
    monkeypatch.setattr(seizure_train, "_MOST_COPIES", 4)
    shared = prepare_training(train, replace(CONFIG, copies=50)).units
    assert np.array_equal(alone.wave, shared.wave)


def test_training_repeats_for_a_seed_and_differs_for_another() -> None:
    quick = replace(CONFIG, fit=replace(CONFIG.fit, epochs=1, epoch_units=16 * 4), copies=3, gate_copies=1)
    train = [_record("a", seed) for seed in range(2)]
    nets = [train_seizure(train, quick.seeded(seed))[0].net.state_dict() for seed in (0, 0, 1)]
    assert all(torch.equal(a, b) for a, b in zip(nets[0].values(), nets[1].values(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(nets[0].values(), nets[2].values(), strict=True))
