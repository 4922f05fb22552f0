"""The seizure cascade on patients that it was not trained on: CHB-MIT clips, Michigan, Bonn and Delhi.

    python benchmarks/seizure_clips.py [DATA] [--leave-out chb01 chb03] [--seeds 3] [--no-compress] [--work DIR]
                                       [--json FILE]

For every subject left out and every seed, a model is trained on the clips of the others (and modelled artefacts),
compressed, and run over that subject's recordings, over the Michigan recording, and over the seizure-free segments
of Bonn and Delhi, none of which any model is trained on. A subject's 10 s clips before and inside a seizure, which
are 10 s apart in the recording, are joined; so are the segments of each set of Bonn and Delhi. Sets A and B are
run once more with modelled artefacts, of the kinds that also trained the model.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from ictus.compression import SEIZURE_RECIPE, compress_seizure, from_bytes, to_bytes
from ictus.models import FloatFile, float_to_bytes, load_float
from ictus.models.eeg_artefacts import HARMLESS, contaminate
from ictus.models.event_scores import false_alarm_interval
from ictus.models.seizure_augment import DISTURBANCES, join_records
from ictus.models.seizure_cascade import run_cascade
from ictus.models.seizure_data import EegRecord
from ictus.models.seizure_excerpts import subject_excerpts
from ictus.models.seizure_fit import SeizureConfig
from ictus.models.seizure_train import train_seizure
from ictus.models.staged import StagedModel
from ictus.signals import Recording
from ictus.signals.bonn import bonn_recordings
from ictus.signals.datasets import default_data_folder
from ictus.signals.delhi import delhi_recordings
from ictus.signals.eeg_files import eeg_files, load_eeg
from ictus.signals.eeg_lead import load_device_eeg
from ictus.signals.eeg_montage import MONTAGES

MONTAGE = "double-banana"
WEARABLES = ("temporal-4", "temporal-2")
MICHIGAN_ONSET_S = 350
_STATES = ("preictal", "interictal")
_ARTEFACT_S = 40


@dataclass(frozen=True)
class Outcome:
    """What a model said of one recording.

    Attributes
    ----------
    name : of the recording
    hours : length
    onset_s : of its seizure, None if it holds none
    alarms_s : when alarms were raised
    rejected : share of the channel-seconds that the gate rejected
    """

    name: str
    hours: float
    onset_s: float | None
    alarms_s: tuple[int, ...]
    rejected: float

    @property
    def latency_s(self) -> float | None:
        """From the onset to the first alarm after it."""
        after = [a - self.onset_s for a in self.alarms_s if self.onset_s is not None and a > self.onset_s]
        return min(after, default=None)

    @property
    def n_early(self) -> int:
        """Alarms before the onset, or all of them where there is none."""
        return sum(self.onset_s is None or a <= self.onset_s for a in self.alarms_s)


def outcome(model: StagedModel, record: EegRecord) -> Outcome:
    """Run the cascade over one recording."""
    decisions = run_cascade(model, record.counts, record.mask)
    onset_s = float(record.seizures[0, 0]) if len(record.seizures) else None
    alarms = tuple(event.alarm_s for event in decisions.events()[0])
    rejected = float(decisions.rejected[:, record.mask].mean())
    return Outcome(record.name, record.n_seconds / 3600, onset_s, alarms, rejected)


def chb_subjects(data: Path) -> dict[str, list[EegRecord]]:
    """The clips of each subject, on the double banana."""
    files = [f for f in eeg_files(data / "chbmit") if f.state]
    subjects = sorted({f.subject for f in files})
    return {s: subject_excerpts([f for f in files if f.subject == s], MONTAGE) for s in subjects}


def michigan(data: Path) -> EegRecord:
    """The 500 s recording, on the double banana."""
    counts, mask = load_device_eeg(load_eeg(data / "umich_seizure.tar.xz"), MONTAGE)
    return EegRecord("michigan", "michigan", counts, mask, np.array([[MICHIGAN_ONSET_S, 500.0]]))


def quiet_segments(data: Path) -> dict[str, list[EegRecord]]:
    """Seizure-free segments of Bonn (A to D) and Delhi, each set as it is and joined to one recording."""
    bonn, delhi = bonn_recordings(data / "bonn"), delhi_recordings(data / "delhi")
    sets = {f"Bonn {name}": bonn[name] for name in "ABCD"} | {f"Delhi {s}": delhi[s] for s in _STATES}
    joined = {name: join_records([_segment(r) for r in recordings]) for name, recordings in sets.items()}
    disturbed = {f"{name} with artefacts": _disturbed(joined[name]) for name in ("Bonn A", "Bonn B")}
    return {name: [replace(record, name=name)] for name, record in (joined | disturbed).items()}


def _disturbed(record: EegRecord) -> EegRecord:
    """Every 40 s with one modelled artefact or harmless rhythm after the other."""
    rng, kinds = np.random.default_rng(0), (*DISTURBANCES, *HARMLESS)
    pieces = np.split(record.counts, range(_ARTEFACT_S * 256, len(record.counts), _ARTEFACT_S * 256))
    parts = [contaminate(p, kinds[i % len(kinds)], rng).counts for i, p in enumerate(pieces)]
    return replace(record, counts=np.concatenate(parts))


def _segment(recording: Recording) -> EegRecord:
    return EegRecord.of(recording.name, recording.name, load_device_eeg(recording)[0], [])


def models_without(
    subject: str, seed: int, subjects: Mapping[str, Sequence[EegRecord]], work: Path, compress: bool
) -> dict[str, StagedModel]:
    """Float and compact model trained on the other subjects, taken from `work` if they are there."""
    stem = work / f"without-{subject}-seed{seed}"
    files = [stem.with_suffix(".safetensors"), stem.with_suffix(".ictus")]
    if not all(file.exists() for file in files[: 1 + compress]):
        config = SeizureConfig().seeded(seed)
        model, training = train_seizure([r for s, own in subjects.items() if s != subject for r in own], config)
        work.mkdir(parents=True, exist_ok=True)
        files[0].write_bytes(float_to_bytes(FloatFile("seizure", model, {"without": subject, "seed": seed})))
        if compress:
            files[1].write_bytes(to_bytes(compress_seizure(model, training, SEIZURE_RECIPE, config)))
    models: dict[str, StagedModel] = {"float": load_float(files[0]).model}
    return models | ({"compact": from_bytes(files[1].read_bytes())} if compress else {})


def on_wearable(record: EegRecord, montage: str) -> EegRecord:
    """The same with nothing but the channels of a smaller montage."""
    is_worn = [channel in MONTAGES[montage].channels for channel in MONTAGES[MONTAGE].channels]
    return replace(record, name=f"{record.name} {montage}", mask=record.mask & np.array(is_worn))


def show(name: str, outcomes: Sequence[Outcome]) -> None:
    """One line for each recording with a seizure, one for all without."""
    for o in outcomes:
        if o.onset_s is not None:
            found = "missed" if o.latency_s is None else f"alarm after {o.latency_s:.0f} s"
            print(f"{name}  {o.name:20} {found}, {o.n_early} alarms before, gate rejected {o.rejected:.0%}")
    quiet = [o for o in outcomes if o.onset_s is None]
    hours, alarms = sum(o.hours for o in quiet), sum(o.n_early for o in quiet)
    if hours:
        low, high = (rate / 24 for rate in false_alarm_interval(alarms, hours * 3600))
        rejected = sum(o.rejected * o.hours for o in quiet) / hours
        print(f"{name}  {', '.join(o.name for o in quiet)}: {alarms} false alarms in {hours:.2f} h "
              f"({low:.1f} to {high:.1f} an hour), gate rejected {rejected:.0%}")  # fmt: skip


def main() -> None:
    """Train, compress, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--leave-out", nargs="+", default=["chb01", "chb03"], metavar="SUBJECT")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--no-compress", action="store_true")
    parser.add_argument("--work", type=Path, default=Path("seizure_clips"), help="keeps finished models")
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    data = args.data or default_data_folder()
    subjects, unseen, quiet = chb_subjects(data), michigan(data), quiet_segments(data)
    said = list[dict[str, object]]()
    for subject in args.leave_out:
        for seed in range(args.seeds):
            models = models_without(subject, seed, subjects, args.work, not args.no_compress)
            for form, model in models.items():
                name = f"without {subject}, seed {seed}, {form}"
                whole = [*subjects[subject], unseen]
                worn = [[on_wearable(r, montage) for r in whole] for montage in WEARABLES]
                for records in (whole, *worn, *quiet.values()):
                    outcomes = [outcome(model, r) for r in records]
                    show(name, outcomes)
                    said += [{"model": name} | asdict(o) for o in outcomes]
    if args.json:
        args.json.write_text(json.dumps(said, indent=1))


if __name__ == "__main__":
    main()
