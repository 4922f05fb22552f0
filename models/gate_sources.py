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
)
from .beat_data import BeatRecord
from .gate_data import (
    ANALYSABLE_SNR_DB,
    HOPELESS_SNR_DB,
    GateExamples,
    fibrillation_examples,
    gate_examples,
    noise_halves,
)
from .staged import StagedModel

__all__ = ["GATE_DEFINITION", "GateSources", "gate_figures"]

GATE_DEFINITION = (
    "One second is analysable when the noise in it leaves at least 6 dB (nst definition, behind the device's "
    "filter); a held line and a saturated converter never are."
)

_FIBRILLATION_REPEATS = 3
"""How often each second of fibrillation is counted: there are few of them."""


@dataclass(frozen=True)
class GateSources:
    """Recordings beside the ECG under test that the gate learns from and is tested with.

    Attributes
    ----------
    noise, test_noise : kind and device counts of each noise channel, first and second half of the recordings
    fibrillation, test_fibrillation : ventricular fibrillation, which must not be taken for noise; may be empty
    names : the data sets these come from
    """

    noise: Sequence[tuple[str, np.ndarray]]
    test_noise: Sequence[tuple[str, np.ndarray]]
    fibrillation: Sequence[Recording]
    test_fibrillation: Sequence[Recording]
    names: tuple[str, ...]

    @classmethod
    def find(cls, is_sample: bool) -> "GateSources":
        """The built-in noise for the built-in sample; else nstdb and cudb as far as they are there."""
        nstdb = None if is_sample else _if_there("nstdb")
        cudb = None if is_sample else _if_there("cudb")
        found = nstdb or find_dataset(SAMPLE_FOLDER, "nstdb")
        noise = {name: load(found.path(name)) for name in ("bw", "em", "ma")}
        vf = [load(cudb.path(record)) for record in cudb.records] if cudb else []
        names = ("nstdb" if nstdb else "nstdb (built-in)", *(["cudb"] if cudb else []))
        return cls(noise_halves(noise, False), noise_halves(noise, True), vf[1::2], vf[::2], names)

    def training_examples(
        self, records: Sequence[BeatRecord], test_wanted: Mapping[str, np.ndarray] | None = None, seed: int = 0
    ) -> GateExamples:
        """Blocks with a label, for training.

        Parameters
        ----------
        test_wanted : recording -> bool (m,), reference beats that test; seconds that hold one are left out
        """
        mine = gate_examples(records, self.noise, seed)
        if test_wanted is not None:
            tested = [np.unique(r.reference_peak[test_wanted[r.name]] // BLOCK_SAMPLES) for r in records]
            mine = mine.take(
                ~np.any([(mine.record == i) & np.isin(mine.block, t) for i, t in enumerate(tested)], 0)
            )
        parts = [mine]
        if self.fibrillation:
            parts += [fibrillation_examples(self.fibrillation)] * _FIBRILLATION_REPEATS
        examples = GateExamples.concatenate(parts)
        return examples.take(examples.label >= 0)

    def test_examples(self, records: Sequence[BeatRecord]) -> GateExamples:
        """Blocks of other recordings with the other half of the noise."""
        parts = [gate_examples(records, self.test_noise)]
        if self.test_fibrillation:
            parts.append(fibrillation_examples(self.test_fibrillation))
        return GateExamples.concatenate(parts)


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
