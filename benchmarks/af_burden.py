"""AF burden by `ictus analyze` against the rhythm annotations of a data set, per record.

    python benchmarks/af_burden.py [DATA] [--json FILE]          (default: mitdb)

DATA is a folder of WFDB records with rhythm marks or the name of a data set below $ICTUS_DATA. The zoo's rhythm
model was trained on CinC 2017 alone. Its strips last 32 s; no shorter episode is told apart. Burden by annotation
is the share of the whole record, burden by analysis that of the strips with a class. Sensitivity and positive
predictivity are of time, second by second; a second without a class is missed. Flutter (AFL) is an annotation of
its own; the totals are given without and with it.
"""

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from ictus.app.analyze.analysis import Analysis
from ictus.app.analyze.ecg import analyze
from ictus.models.rhythm_task import FIBRILLATION
from ictus.signals import Recording, UnanalysableError, find_dataset, load
from ictus.signals.rhythm_marks import rhythm_spans

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


def row(recording: Recording, analysis: Analysis | None, marks: tuple[str, ...]) -> Row:
    """Compare second by second."""
    n = int(recording.duration_s)
    middle = np.arange(n) + 0.5
    spans = rhythm_spans(recording, marks)
    is_af = ((middle[:, None] >= spans[:, 0]) & (middle[:, None] < spans[:, 1])).any(axis=1)
    said = np.full(n, -1)
    if analysis is not None:
        strips = analysis.strips
        for onset_s, duration_s, label in zip(strips.onset_s, strips.duration_s, strips.label, strict=True):
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
    args = parser.parse_args()
    found = find_dataset(args.data)
    recordings = [load(found.path(record)) for record in found.records]
    analyses = [analysed(recording) for recording in recordings]
    results = {
        name: [row(recording, analysis, marks) for recording, analysis in zip(recordings, analyses, strict=True)]
        for name, marks in READINGS.items()
    }
    print("| record | annotated AFIB | with AFL | by analysis | strips decided |\n|---|---|---|---|---|")
    for plain, wide in zip(*results.values(), strict=True):
        if wide.annotated_s or wide.said_s:
            burdens = [100 * share for share in (plain.burdens[0], wide.burdens[0], plain.burdens[1])]
            cells = " | ".join(f"{burden:.1f}" for burden in burdens)
            print(f"| {plain.record} | {cells} | {100 * plain.decided_s / plain.seconds:.0f} % |")
    print("\n".join(total_text(name, rows) for name, rows in results.items()))
    if args.json:
        rows = {name: [asdict(r) for r in rows] for name, rows in results.items()}
        Path(args.json).write_text(json.dumps(rows, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
