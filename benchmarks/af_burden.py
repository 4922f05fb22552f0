"""AF burden by `ictus analyze` against the rhythm annotations of a data set, per record.

    python benchmarks/af_burden.py [DATA] [--json FILE]          (default: mitdb)
    python benchmarks/af_burden.py --limits                      how irregular normal beats must be, on DS1 and DS2

DATA is a folder of WFDB records with rhythm marks or the name of a data set below $ICTUS_DATA. The zoo's rhythm
model was trained on CinC 2017 alone. Its strips last 32 s; no shorter episode is told apart. Burden by annotation
is the share of the whole record, burden by analysis that of the strips with a class. Sensitivity and positive
predictivity are of time, second by second; a second without a class is missed. Flutter (AFL) is an annotation of
its own; totals are given without and with it, and for what the network says before ectopic beats are looked at.
"""

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from ictus.app.analyze.analysis import Analysis
from ictus.app.analyze.ecg import analyze
from ictus.app.analyze.ectopy import is_ectopy
from ictus.models.rhythm_task import FIBRILLATION
from ictus.signals import DEVICE_FS_HZ, DS1, DS2, Recording, UnanalysableError, find_dataset, load
from ictus.signals.rhythm_marks import rhythm_spans

LIMITS = 0.0, 0.06, 0.08, 0.1, 0.12, 0.14
READINGS = {"AFIB": ("(AFIB",), "AFIB or AFL": ("(AFIB", "(AFL")}


@dataclass(frozen=True)
class Row:
    """A record: seconds of fibrillation by annotation, by analysis, and by both; `decided_s` have a class."""

    record: str
    seconds: int
    decided_s: int
    annotated_s: int
    said_s: int
    both_s: int

    @property
    def burdens(self) -> tuple[float, float]:
        """By annotation and by analysis."""
        return self.annotated_s / self.seconds, self.said_s / max(self.decided_s, 1)


def row(recording: Recording, analysis: Analysis | None, marks: tuple[str, ...], said_by: str = "label") -> Row:
    """Compare second by second; `said_by` is a column of `StripTable`."""
    n = int(recording.duration_s)
    middle = np.arange(n) + 0.5
    spans = rhythm_spans(recording, marks)
    is_af = ((middle[:, None] >= spans[:, 0]) & (middle[:, None] < spans[:, 1])).any(axis=1)
    said = np.full(n, -1)
    if analysis is not None:
        strips = analysis.strips
        labels = getattr(strips, said_by)
        for onset_s, duration_s, label in zip(strips.onset_s, strips.duration_s, labels, strict=True):
            said[onset_s : onset_s + duration_s] = label
    says_af = said == FIBRILLATION
    counts = ((said >= 0).sum(), is_af.sum(), says_af.sum(), (is_af & says_af).sum())
    return Row(recording.name, n, *(int(count) for count in counts))


def analysed(recording: Recording) -> Analysis | None:
    """None where nothing can be analysed."""
    try:
        return analyze(recording)
    except UnanalysableError:
        return None


def kept_strips(recording: Recording, analysis: Analysis) -> np.ndarray:
    """Strips that the network calls fibrillation, kept by each of `LIMITS`: int64 (limits, 2), false and true."""
    spans, table = rhythm_spans(recording, READINGS["AFIB"]), analysis.table
    called = analysis.strips.take(analysis.strips.network == FIBRILLATION)
    kept = np.zeros((len(LIMITS), 2), np.int64)
    for onset_s, end_s in zip(called.onset_s, called.end_s, strict=True):
        beats = slice(*np.searchsorted(table.peak, np.array([onset_s, end_s]) * DEVICE_FS_HZ))
        covered_s = np.clip(np.minimum(spans[:, 1], end_s) - np.maximum(spans[:, 0], onset_s), 0, None).sum()
        is_kept = [not is_ectopy(table.peak[beats], table.label[beats], limit) for limit in LIMITS]
        kept[:, int(2 * covered_s > end_s - onset_s)] += is_kept
    return kept


def limits_table(name: str) -> str:
    """What each limit keeps on both halves of MIT-BIH."""
    found, columns = find_dataset(name), []
    for half in (DS1, DS2):
        recordings = [load(found.path(record)) for record in half]
        columns.append(sum(kept_strips(r, a) for r in recordings if (a := analysed(r)) is not None))
    lines = ["| limit | DS1, AF | DS1, not AF | DS2, AF | DS2, not AF |", "|---|---|---|---|---|"]
    for limit, (ds1, ds2) in zip(LIMITS, zip(*columns, strict=True), strict=True):
        lines.append(f"| {limit:.2f} | {ds1[1]} | {ds1[0]} | {ds2[1]} | {ds2[0]} |")
    return "\n".join(lines)


def total_text(name: str, rows: list[Row]) -> str:
    """Sensitivity and positive predictivity of time, and how far off the burdens are."""
    annotated_s, said_s, both_s = (
        sum(getattr(r, key) for r in rows) for key in ("annotated_s", "said_s", "both_s")
    )
    off = [abs(by_annotation - by_analysis) for by_annotation, by_analysis in (r.burdens for r in rows)]
    without = [r for r in rows if not r.annotated_s]
    falsely = [r for r in without if r.said_s]
    return (
        f"{name}: Se {100 * both_s / max(annotated_s, 1):.1f} % of {annotated_s / 60:.0f} min, "
        f"+P {100 * both_s / max(said_s, 1):.1f} % of {said_s / 60:.0f} min; mean difference of the burdens "
        f"{100 * float(np.mean(off)):.1f} points; {len(falsely)} of {len(without)} records "
        f"without it have {sum(r.said_s for r in falsely) / 60:.0f} min of it by analysis"
    )


def main() -> None:
    """Print a table of the records that have fibrillation either way, and the totals."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", nargs="?", default="mitdb")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--limits", action="store_true", help="strips that each limit keeps, DS1 and DS2")
    args = parser.parse_args()
    if args.limits:
        print(limits_table(args.data))
        return
    found = find_dataset(args.data)
    recordings = [load(found.path(record)) for record in found.records]
    analyses = [analysed(recording) for recording in recordings]
    cases = list(zip(recordings, analyses, strict=True))
    results = {name: [row(*case, marks) for case in cases] for name, marks in READINGS.items()}
    network = [row(*case, READINGS["AFIB"], "network") for case in cases]
    print("| record | annotated AFIB | with AFL | by the network | by analysis |\n|---|---|---|---|---|")
    for plain, wide, raw in zip(*results.values(), network, strict=True):
        if wide.annotated_s or raw.said_s:
            burdens = plain.burdens[0], wide.burdens[0], raw.burdens[1], plain.burdens[1]
            print(f"| {plain.record} | {' | '.join(f'{100 * burden:.1f}' for burden in burdens)} |")
    print("\n".join(total_text(name, rows) for name, rows in results.items()))
    print(total_text("AFIB, by the network alone", network))
    if args.json:
        rows = {name: [asdict(r) for r in rows] for name, rows in results.items()}
        Path(args.json).write_text(json.dumps(rows, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
