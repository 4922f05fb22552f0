"""Training excerpts of long EEG: seizures with what is around them, and a stated amount of what is not.

A day of 18 channels holds 800 MB, a case of CHB-MIT up to seven days. What trains is cut out of the file, one
recording at a time, and is kept in one file for each subject.
"""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..signals import CorruptRecordError, UnanalysableError
from ..signals.array_files import read_arrays
from ..signals.eeg_files import EegFile, open_eeg
from ..signals.eeg_lead import EegLead, eeg_lead
from ..signals.eeg_montage import Montage
from ..signals.eeg_wave import EEG_DEVICE_FS_HZ
from ..signals.errors import one_line
from .seizure_augment import join_records
from .seizure_data import EegRecord

__all__ = ["ExcerptRules", "clip_records", "excerpts_bytes", "read_excerpts", "subject_excerpts"]

Spans = list[tuple[float, float]]


@dataclass(frozen=True)
class ExcerptRules:
    """What is cut out.

    Attributes
    ----------
    before_s, after_s : kept around a seizure
    quiet_s : length of an excerpt without a seizure
    quiet_per_subject_s : such excerpts of one subject, together; spread evenly over the recordings
    apart_s : from such an excerpt to the nearest seizure, at least
    """

    before_s: float = 60.0
    after_s: float = 10.0
    quiet_s: float = 60.0
    quiet_per_subject_s: float = 1200.0
    apart_s: float = 600.0


def subject_excerpts(
    files: Sequence[EegFile], montage: Montage | str | None, rules: ExcerptRules = ExcerptRules()
) -> list[EegRecord]:
    """Excerpts of one subject's recordings, a recording in memory at no time.

    Clips, and recordings shorter than two quiet excerpts, are taken whole.

    Every excerpt holds the channels that all of them have.

    Parameters
    ----------
    files : of one subject; those of which nobody says whether they hold a seizure are left out
    montage : see `plan_montage`

    Raises
    ------
    InputError
        A recording cannot be read.
    UnanalysableError
        A recording holds no channel of the montage.
    """
    known = [f for f in files if f.seizures_s is not None]
    records = clip_records([f for f in known if f.state], montage)
    whole = [f for f in known if not f.state]
    n_quiet = math.ceil(rules.quiet_per_subject_s / rules.quiet_s / max(len(whole), 1))
    for file in whole:
        lead = eeg_lead(open_eeg(file.path), montage)
        seizures_s = list(file.seizures_s or ())
        spans = [(0.0, lead.duration_s)]
        if lead.duration_s > 2 * rules.quiet_s:
            spans = _around(seizures_s, lead.duration_s, rules)
            spans += _quiet(file.name, seizures_s, lead.duration_s, n_quiet, rules)
        records += [_cut(file, lead, span, seizures_s) for span in spans]
    return _on_common_channels(records)


def clip_records(files: Sequence[EegFile], montage: Montage | str | None) -> list[EegRecord]:
    """Clips as recordings, those of one recording joined in the order of time: what lay between them is lost."""
    found: dict[str, list[EegRecord]] = {}
    for file in sorted(files, key=lambda f: (f.subject, f.record, f.start_s)):
        lead = eeg_lead(open_eeg(file.path), montage)
        record = _cut(file, lead, (0.0, lead.duration_s), list(file.seizures_s or ()))
        found.setdefault(file.record, []).append(record)
    return [join_records(parts) if len(parts) > 1 else parts[0] for parts in found.values()]


def excerpts_bytes(records: Sequence[EegRecord]) -> bytes:
    """Excerpts as the content of a file for `read_excerpts`."""
    arrays: dict[str, np.ndarray] = {
        "names": np.array([(r.name, r.subject) for r in records], np.str_).reshape(-1, 2)
    }
    for i, record in enumerate(records):
        arrays |= {f"counts{i}": record.counts, f"mask{i}": record.mask, f"seizures{i}": record.seizures}
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType] - the stub takes `**` for allow_pickle
    return file.getvalue()


def read_excerpts(path: Path) -> list[EegRecord]:
    """Excerpts that were written with `excerpts_bytes`.

    Raises
    ------
    CorruptRecordError
        The file is damaged.
    """
    try:
        arrays = read_arrays(path)
        return [
            EegRecord(name, subject, *(arrays[f"{key}{i}"] for key in ("counts", "mask", "seizures")))
            for i, (name, subject) in enumerate(arrays["names"].tolist())
        ]
    except (KeyError, ValueError, TypeError) as error:
        raise CorruptRecordError(f"{path}: not a file of excerpts; remove it ({one_line(error)})") from error


def _around(seizures_s: Spans, duration_s: float, rules: ExcerptRules) -> Spans:
    """Seizures with their surroundings; neighbours whose surroundings meet are one excerpt."""
    spans: Spans = []
    for onset_s, end_s in sorted(seizures_s):
        start_s, stop_s = max(onset_s - rules.before_s, 0.0), min(end_s + rules.after_s, duration_s)
        if spans and start_s <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(stop_s, spans[-1][1])
        else:
            spans.append((start_s, stop_s))
    return spans


def _quiet(name: str, seizures_s: Spans, duration_s: float, n: int, rules: ExcerptRules) -> Spans:
    """Up to `n` places far from every seizure, drawn anew from the recording's name alone."""
    starts = np.arange(0.0, duration_s - rules.quiet_s + 1e-9, rules.quiet_s)
    far = [
        all(start + rules.quiet_s < a - rules.apart_s or start > b + rules.apart_s for a, b in seizures_s)
        for start in starts.tolist()
    ]
    kept = starts[np.asarray(far, np.bool_)]
    drawn = np.random.default_rng([*name.encode()]).permutation(kept)[:n]
    return [(start, start + rules.quiet_s) for start in sorted(drawn.tolist())]


def _cut(file: EegFile, lead: EegLead, span: tuple[float, float], seizures_s: Spans) -> EegRecord:
    start_s, stop_s = float(int(span[0])), float(math.ceil(span[1]))
    counts = lead.between(start_s, stop_s)
    length_s = len(counts) / EEG_DEVICE_FS_HZ
    inside = [(max(a - start_s, 0.0), min(b - start_s, length_s)) for a, b in seizures_s]
    seizures = np.array([(a, b) for a, b in inside if b > a], np.float64).reshape(-1, 2)
    return EegRecord(file.record, file.subject, counts, lead.mask, seizures)


def _on_common_channels(records: list[EegRecord]) -> list[EegRecord]:
    """Montages change within a subject: the copies that train are joined from several recordings."""
    if not records:
        return []
    mask = np.logical_and.reduce([r.mask for r in records])
    if not mask.any():
        raise UnanalysableError(f"{records[0].subject}: its recordings have no channel in common")
    return [replace(r, mask=mask) for r in records]
