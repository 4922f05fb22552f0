"""Where the gate's noise and fibrillation come from, and how the gate does on what it has not seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..signals import (
    BLOCK_SAMPLES,
    SAMPLE_FOLDER,
    CorruptRecordError,
    InputError,
    LocalDataset,
    Recording,
    find_dataset,
    load,
    to_device,
)
from ..signals.strips import strip_folds, strip_labels
from .beat_data import BeatRecord
from .gate_data import (
    ANALYSABLE_SNR_DB,
    HOPELESS_SNR_DB,
    GateExamples,
    fibrillation_examples,
    gate_examples,
    strip_examples,
)
from .gate_noise import noise_halves
from .staged import StagedModel

__all__ = ["GATE_DEFINITION", "GateSources", "gate_figures"]

GATE_DEFINITION = (
    "One second is analysable when the noise in it leaves at least 6 dB (nst definition, behind the device's "
    "filter); a held line and a saturated converter never are."
)

NOISY_STRIP = "~"
STRIP_TEST_FOLD = 0
"""Strips of this one of 5 folds are never trained on."""

_N_MIXES = 3
_N_READABLE_STRIPS = 800
_N_BLOCKS = 150_000
_SHARES = {
    ("clean", 1): 0.07,
    ("scaled", 1): 0.07,
    ("bw", 1): 0.07,
    ("em", 1): 0.12,
    ("ma", 1): 0.07,
    ("vf", 1): 0.07,
    ("read", 1): 0.09,
    ("em", 0): 0.20,
    ("ma", 0): 0.12,
    ("bw", 0): 0.02,
    ("held", 0): 0.03,
    ("rail", 0): 0.02,
    ("noisy", 0): 0.05,
}
"""Shares of kinds and labels among the training blocks: hard ones (em) and rare ones (fibrillation) count more."""


@dataclass(frozen=True)
class GateSources:
    """Recordings beside the ECG under test that the gate learns from and is tested with.

    Attributes
    ----------
    noise, test_noise : kind and device counts of each noise channel, first and second half of the recordings
    fibrillation, test_fibrillation : ventricular fibrillation, which must not be taken for noise; may be empty
    names : the data sets these come from
    strips : device counts of strips, and whether people found them too noisy to read; may be empty
    """

    noise: Sequence[tuple[str, np.ndarray]]
    test_noise: Sequence[tuple[str, np.ndarray]]
    fibrillation: Sequence[Recording]
    test_fibrillation: Sequence[Recording]
    names: tuple[str, ...]
    strips: Sequence[tuple[np.ndarray, bool]] = ()

    @classmethod
    def find(cls, is_sample: bool) -> "GateSources":
        """The built-in noise for the built-in sample; else nstdb, cudb and cinc2017 as far as they are there."""
        nstdb, cudb, cinc = (None if is_sample else _if_there(name) for name in ("nstdb", "cudb", "cinc2017"))
        found = nstdb or find_dataset(SAMPLE_FOLDER, "nstdb")
        noise = {name: load(found.path(name)) for name in ("bw", "em", "ma")}
        vf = [load(cudb.path(record)) for record in cudb.records] if cudb else []
        names = ("nstdb" if nstdb else "nstdb (built-in)", *(d.name for d in (cudb, cinc) if d))
        strips = _training_strips(cinc) if cinc else ()
        return cls(noise_halves(noise, False), noise_halves(noise, True), vf[1::2], vf[::2], names, strips)

    def training_examples(
        self, records: Sequence[BeatRecord], test_wanted: Mapping[str, np.ndarray] | None = None, seed: int = 0
    ) -> GateExamples:
        """Blocks with a label, for training.

        Parameters
        ----------
        test_wanted : recording -> bool (m,), reference beats that test; seconds that hold one are left out
        """
        mine = gate_examples(records, self.noise, seed, _N_MIXES, is_varied=True)
        if test_wanted is not None:
            tested = [np.unique(r.reference_peak[test_wanted[r.name]] // BLOCK_SAMPLES) for r in records]
            mine = mine.take(
                ~np.any([(mine.record == i) & np.isin(mine.block, t) for i, t in enumerate(tested)], 0)
            )
        parts = [mine]
        if self.fibrillation:
            parts.append(fibrillation_examples(self.fibrillation))
        if len(self.strips):
            parts.append(strip_examples(self.strips))
        return _drawn(GateExamples.concatenate(parts), seed)

    def test_examples(self, records: Sequence[BeatRecord]) -> GateExamples:
        """Blocks of other recordings with the other half of the noise."""
        parts = [gate_examples(records, self.test_noise)]
        if self.test_fibrillation:
            parts.append(fibrillation_examples(self.test_fibrillation))
        return GateExamples.concatenate(parts)


def _drawn(examples: GateExamples, seed: int) -> GateExamples:
    """Labelled blocks drawn with replacement, in the shares of `_SHARES`."""
    rng = np.random.default_rng(seed)
    members = {key: np.flatnonzero((examples.kind == key[0]) & (examples.label == key[1])) for key in _SHARES}
    there = {key: rows for key, rows in members.items() if len(rows)}
    n = min(_N_BLOCKS, len(examples)) / sum(_SHARES[key] for key in there)
    return examples.take(
        np.concatenate([rng.choice(rows, round(_SHARES[key] * n)) for key, rows in there.items()])
    )


def _training_strips(found: LocalDataset) -> list[tuple[np.ndarray, bool]]:
    """All noisy strips but those of the test fold, and some of the others."""
    labels = strip_labels(found)
    fold = strip_folds(labels).fold
    mine = [record for record in found.records if fold[record] != STRIP_TEST_FOLD]
    noisy = [record for record in mine if labels[record] == NOISY_STRIP]
    readable = [record for record in mine if labels[record] != NOISY_STRIP]
    chosen = [*noisy, *readable[:: max(1, len(readable) // _N_READABLE_STRIPS)]]
    return [(to_device(load(found.path(r))).counts, labels[r] == NOISY_STRIP) for r in chosen]


def _if_there(name: str) -> LocalDataset | None:
    """A data set, or None if it is not on this machine; a damaged one is an error."""
    try:
        return find_dataset(name)
    except CorruptRecordError:
        raise
    except InputError:
        return None


def gate_figures(model: StagedModel, examples: GateExamples) -> dict[str, object]:
    """Shares of blocks that the gate lets through or rejects, by kind; nan where there are none.

    Parameters
    ----------
    examples : from `GateSources.test_examples`
    """
    passed = model.judge(examples.features) >= model.thresholds["gate"]
    loud = np.isin(examples.kind, ("em", "ma")) & (examples.snr_db <= HOPELESS_SNR_DB)
    quiet = (examples.snr_db >= ANALYSABLE_SNR_DB) & np.isfinite(examples.snr_db)
    fault = np.isin(examples.kind, ("held", "rail")) & (examples.label == 0)
    return {
        "definition": GATE_DEFINITION,
        "accept_at_12db": _share(passed[quiet]),
        "accept_unmodified": _share(passed[examples.kind == "clean"]),
        "accept_fibrillation": _share(passed[examples.kind == "vf"]),
        "reject_at_0db": _share(~passed[loud]),
        "reject_faults": _share(~passed[fault]),
    }


def _share(flags: np.ndarray) -> float:
    return float(flags.mean()) if len(flags) else float("nan")
