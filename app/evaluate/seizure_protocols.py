"""Protocols of the seizure task: what trains and what tests, with a subject in memory at a time, resumable."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...models.seizure_data import EegRecord
from ...models.seizure_excerpts import clip_records, excerpts_bytes, read_excerpts, subject_excerpts
from ...models.staged import StagedModel
from ...models.train import Progress
from ...signals import CorruptRecordError, InputError
from ...signals.eeg_files import EegFile, open_eeg
from ...signals.eeg_lead import EegLead, eeg_lead
from ...signals.eeg_montage import MONTAGES, Montage, montage_named
from ...signals.eeg_wave import EEG_DEVICE_FS_HZ
from ...signals.errors import one_line, parsed
from ..analyze.batch_work import recording_files
from ..analyze.eeg import SeizureAnalysis, analyze_eeg
from ..batch.identity import FileHashes, key_of
from ..output import write_bytes, write_json

__all__ = [
    "Decided",
    "ExcerptStore",
    "Identities",
    "SeizureFold",
    "by_subject",
    "decide_files",
    "loso_folds",
    "stored_decisions",
    "subject_folds",
]

_FEWEST_BEFORE = 1
_QUIET_S = 4.0  # before a seizure, to learn from


@dataclass(frozen=True)
class SeizureFold:
    """One model and what it is tested on.

    Attributes
    ----------
    name : for the user and for file names
    train, test : recordings
    """

    name: str
    train: tuple[EegFile, ...]
    test: tuple[EegFile, ...]


@dataclass(frozen=True)
class Decided:
    """What a model said of one recording, and what is known of it.

    Attributes
    ----------
    name, subject : of the recording
    duration_s : decided seconds
    rejected_s : of these, without an analysable channel
    stage_s : seconds whose way ended at the gate, the screen, the specialist
    seizures_s : onset and end of each seizure that is known
    alarms : onset, end and time of alarm of each event that was reported
    """

    name: str
    subject: str
    duration_s: float
    rejected_s: float
    stage_s: tuple[int, int, int]
    seizures_s: tuple[tuple[float, float], ...]
    alarms: tuple[tuple[float, float, float], ...]

    @classmethod
    def of(
        cls, file_name: str, subject: str, seizures_s: Sequence[Sequence[float]], a: SeizureAnalysis
    ) -> "Decided":
        """From an analysis."""
        stages = tuple(int((a.reached == i).sum()) for i in range(3))
        alarms = tuple((e.onset_s, e.onset_s + e.duration_s, e.alarm_s) for e in a.events)
        pairs = tuple((float(onset_s), float(end_s)) for onset_s, end_s in seizures_s)
        return cls(
            file_name, subject, a.duration_s, a.rejected_s, (stages[0], stages[1], stages[2]), pairs, alarms
        )

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> "Decided":
        """From what `dataclasses.asdict` gave."""
        seizures_s = tuple((a, b) for a, b in row["seizures_s"])
        alarms = tuple((a, b, c) for a, b, c in row["alarms"])
        first, second, third = row["stage_s"]
        return cls(**(row | {"seizures_s": seizures_s, "alarms": alarms, "stage_s": (first, second, third)}))


def by_subject(files: Sequence[EegFile]) -> dict[str, tuple[EegFile, ...]]:
    """Recordings of each subject, in the given order."""
    subjects = sorted({f.subject for f in files})
    return {s: tuple(f for f in files if f.subject == s) for s in subjects}


def loso_folds(files: Sequence[EegFile]) -> tuple[SeizureFold, ...]:
    """Leave one subject out: every subject is tested with a model that has never seen them.

    Raises
    ------
    InputError
        Without one of the subjects the others hold no seizure to learn from, or nothing but seizures.
    """
    subjects = by_subject(files)
    folds = tuple(SeizureFold(s, tuple(f for f in files if f.subject != s), test) for s, test in subjects.items())
    for fold in folds:
        has_quiet = any(not f.seizures_s or f.seizures_s[0][0] > _QUIET_S for f in fold.train)
        if not has_quiet or not any(f.seizures_s for f in fold.train):
            raise InputError(
                f"leaving {fold.name} out of {len(subjects)} subjects leaves no seizure to learn from, or nothing "
                "but seizures; the built-in sample is too small for this, see `ictus data fetch chbmit`"
            )
    return folds


def subject_folds(files: Sequence[EegFile]) -> tuple[SeizureFold, ...]:
    """Leave one seizure out, in time order: a model learns from what came before in the same subject.

    A fold tests one recording with seizures and the seizure-free ones up to the next. What comes before the first
    recording with seizures, and that recording itself, only train.

    Raises
    ------
    InputError
        No subject has seizures in two recordings.
    """
    folds: list[SeizureFold] = []
    for subject, own in by_subject(files).items():
        records = sorted({f.record: f for f in own})
        ictal = [r for r in records if any(f.seizures_s for f in own if f.record == r)]
        for i in range(_FEWEST_BEFORE, len(ictal)):
            start = records.index(ictal[i])
            stop = records.index(ictal[i + 1]) if i + 1 < len(ictal) else len(records)
            train, test = (
                tuple(f for f in own if f.record in some) for some in (records[:start], records[start:stop])
            )
            folds.append(SeizureFold(f"{subject}-{i + 1:02}", train, test))
    if not folds:
        raise InputError(f"none of {len(by_subject(files))} subjects has seizures in two recordings")
    return tuple(folds)


class Identities:
    """What recordings are, by which results are kept: names, contents of their files, seizures.

    Parameters
    ----------
    store : file that keeps the hashes
    files : all recordings that will be asked for
    """

    def __init__(self, store: Path, files: Sequence[EegFile]) -> None:
        hashes = FileHashes(store)
        parts = {f: recording_files(f.path) for f in files}
        self._known = {f: (f.name, [hashes.sha256(p) for p in own], f.seizures_s) for f, own in parts.items()}
        hashes.keep(path for own in parts.values() for path in own)

    def of(self, files: Sequence[EegFile]) -> list[object]:
        """Of each recording, in the given order."""
        return [self._known[f] for f in files]


class ExcerptStore:
    """Training excerpts by subject, kept in a folder; made once, a subject at a time."""

    def __init__(
        self, folder: Path, montage: str, identities: Identities, progress: Progress | None = None
    ) -> None:
        self._folder, self._montage, self._identities, self._progress = folder, montage, identities, progress

    def records(self, files: Sequence[EegFile], everything: Sequence[EegFile]) -> list[EegRecord]:
        """Excerpts of `files`, cut out of what is made of all recordings of their subjects in `everything`."""
        wanted, subjects = {f.record for f in files}, {f.subject for f in files}
        whole = {s: own for s, own in by_subject(everything).items() if s in subjects}
        found = [r for number, s in enumerate(whole, 1) for r in self._subject(whole[s], number, len(whole))]
        return [r for r in found if r.name in wanted]

    def _subject(self, files: tuple[EegFile, ...], number: int, n: int) -> list[EegRecord]:
        key = key_of(self._montage, self._identities.of(files))
        path = self._folder / f"{files[0].subject}-{key}.npz"
        if not path.is_file():
            if self._progress:
                self._progress("prepare", number, n, files[0].subject)
            write_bytes(path, excerpts_bytes(subject_excerpts(files, self._montage)))
        return read_excerpts(path)


def decide_files(
    files: Sequence[EegFile], model: StagedModel, montage: Montage | str | None, progress: Progress | None = None
) -> list[Decided]:
    """Run a model over recordings, one in memory at no time; the clips of one recording are joined.

    Parameters
    ----------
    montage : see `plan_montage`; None lets every recording choose
    """
    whole, clips = [f for f in files if not f.state], [f for f in files if f.state]
    chosen = montage or MONTAGES["double-banana"]
    joined = clip_records(clips, chosen) if clips else []
    decided = [_decided_clip(record, chosen, model) for record in joined]
    for number, file in enumerate(whole, 1):
        analysis = analyze_eeg(eeg_lead(open_eeg(file.path), montage), model)
        decided.append(Decided.of(file.name, file.subject, file.seizures_s or (), analysis))
        if progress:
            progress("decide", number, len(whole), file.name)
    return decided


def _decided_clip(record: EegRecord, montage: Montage | str, model: StagedModel) -> Decided:
    named = montage if isinstance(montage, Montage) else montage_named(montage)
    duration_s = len(record.counts) / EEG_DEVICE_FS_HZ
    lead = EegLead(record.name, named, record.mask, EEG_DEVICE_FS_HZ, duration_s, lambda _: iter([record.counts]))
    return Decided.of(record.name, record.subject, record.seizures.tolist(), analyze_eeg(lead, model))


def stored_decisions(path: Path, decide: Callable[[], list[Decided]]) -> list[Decided]:
    """Decisions from a file, or made and written there.

    Raises
    ------
    CorruptRecordError
        The file is damaged.
    """
    if not path.is_file():
        write_json(path, [asdict(d) for d in decide()])
    try:
        return [Decided.from_json(row) for row in parsed(json.loads, path.read_text(encoding="utf-8"))]
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptRecordError(f"{path}: not decisions of a fold; remove it ({one_line(error)})") from error
