"""What `bonn.py` and `delhi.py` share: cross-validation over segments that can be interrupted, and its table."""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from ictus.compression import SEGMENT_RECIPE, compress_segments, to_bytes
from ictus.models.eeg_segment_scores import SegmentDecisions, SegmentScores, decide_segments, score_segments
from ictus.models.eeg_segment_train import SegmentConfig, train_eeg_segments
from ictus.models.eeg_segments import EegSegments, SegmentTask, segment_folds

__all__ = ["FoldRun", "SegmentRun", "run_tables", "segment_arguments"]


@dataclass(frozen=True)
class SegmentRun:
    """What is run on every task: number of folds, seeds and how to train; folder for finished folds, or None."""

    n_folds: int
    n_seeds: int
    config: SegmentConfig
    work: Path | None


@dataclass(frozen=True)
class FoldRun:
    """One fold's decisions by the float and, if asked for, the compact model, whose size is in bytes."""

    float_said: SegmentDecisions
    compact_said: SegmentDecisions | None
    compact_bytes: int


def segment_arguments(description: str) -> argparse.ArgumentParser:
    """Options of both benchmarks."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, help="of the float training")
    parser.add_argument(
        "--compress", nargs="*", metavar="TASK", help="compress the networks of these tasks, or of all"
    )
    parser.add_argument("--tasks", nargs="+", metavar="TASK")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keeps finished folds, so that a run can go on")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser


def run_tables(
    segments: EegSegments, tasks: Mapping[str, SegmentTask], config: SegmentConfig, args: argparse.Namespace
) -> None:
    """Cross-validate every task and print its figures.

    Parameters
    ----------
    args : of `segment_arguments`
    """
    run = SegmentRun(args.folds, args.seeds, config, args.work)
    chosen = args.tasks or list(tasks)
    squeezed = [] if args.compress is None else args.compress or chosen
    rows = [_row(segments, key, tasks[key], run, key in squeezed) for key in chosen]
    print("\n".join(_text(row) for row in rows))
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2), encoding="utf-8")


def _row(
    segments: EegSegments, key: str, task: SegmentTask, run: SegmentRun, compresses: bool
) -> dict[str, object]:
    """One task over all seeds."""
    taking_part = segments.of(task)
    seeds = [_seed(taking_part, key, task, run, seed, compresses) for seed in range(run.n_seeds)]
    row: dict[str, object] = {
        "task": key,
        "name": task.name,
        "segments": len(taking_part),
        "float": _figures([score_segments(_joined([f.float_said for f in s]), task) for s in seeds]),
    }
    if compresses:
        said = [_joined([f.compact_said for f in s if f.compact_said]) for s in seeds]
        row["compact"] = _figures([score_segments(s, task) for s in said])
        row["bytes"] = sorted(f.compact_bytes for s in seeds for f in s)
    return row


def _joined(parts: Sequence[SegmentDecisions]) -> SegmentDecisions:
    return SegmentDecisions.concatenate(parts)


def _seed(
    segments: EegSegments, key: str, task: SegmentTask, run: SegmentRun, seed: int, compresses: bool
) -> list[FoldRun]:
    fold = segment_folds(segments.group, run.n_folds, seed)
    found = []
    for number in range(run.n_folds):
        kind = "compact" if compresses else "float"
        name = f"{key}_{segments.fs_hz}hz_{run.n_folds}_{run.config.fit.epochs}_{seed}_{number}_{kind}.npz"
        path = run.work / name if run.work else None
        if path and path.exists():
            found.append(_loaded(path))
            continue
        found.append(_fold(segments, task, run.config.seeded(seed), fold == number, compresses))
        if path:
            _save(path, found[-1])
        print(f"{task.name}, seed {seed}, fold {number + 1} of {run.n_folds}", flush=True)
    return found


def _fold(
    segments: EegSegments, task: SegmentTask, config: SegmentConfig, tests: np.ndarray, compresses: bool
) -> FoldRun:
    """Train on the other folds; the test fold is looked at once, at the end."""
    train, test = segments.take(~tests), segments.take(tests)
    model = train_eeg_segments(train, task, config)
    n_window = config.n_window(segments.fs_hz)
    said = decide_segments(model, test, n_window)
    if not compresses:
        return FoldRun(said, None, 0)
    compact = compress_segments(model, train, task, config, SEGMENT_RECIPE)
    return FoldRun(said, decide_segments(compact, test, n_window), len(to_bytes(compact)))


_FIELDS = ("name", "group", "screen", "classes")


def _save(path: Path, fold: FoldRun) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {f"float_{f}": getattr(fold.float_said, f) for f in _FIELDS}
    if fold.compact_said:
        arrays |= {f"compact_{f}": getattr(fold.compact_said, f) for f in _FIELDS}
    part = path.with_suffix(".part.npz")
    np.savez(part, bytes=fold.compact_bytes, **arrays)
    part.replace(path)


def _loaded(path: Path) -> FoldRun:
    with np.load(path) as arrays:
        said = SegmentDecisions(*(arrays[f"float_{f}"] for f in _FIELDS))
        if "compact_name" not in arrays:
            return FoldRun(said, None, 0)
        compact = SegmentDecisions(*(arrays[f"compact_{f}"] for f in _FIELDS))
        return FoldRun(said, compact, int(arrays["bytes"]))


def _figures(scores: Sequence[SegmentScores]) -> dict[str, object]:
    """Every figure by seed, and what to say of it."""
    shares = ("accuracy", "window_accuracy", "screen_accuracy")
    return {
        "majority": scores[0].majority,
        **{name: [getattr(s, name) for s in scores] for name in shares},
        "se": np.mean([s.se for s in scores], axis=0).tolist(),
        "ppv": np.mean([s.ppv for s in scores], axis=0).tolist(),
        "table": scores[0].table.tolist(),
        "wrong": [asdict(s)["wrong"] for s in scores],
    }


def _text(row: dict[str, object]) -> str:
    lines = [f"\n{row['name']}: {row['segments']} segments"]
    for kind in ("float", "compact"):
        figures = row.get(kind)
        if isinstance(figures, dict):
            lines.append(f"  {kind}: {_sentence(figures)}")
    sizes = row.get("bytes")
    if isinstance(sizes, list):
        lines.append(f"  compact models: {sizes[0]} to {sizes[-1]} bytes")
    return "\n".join(lines)


def _sentence(figures: dict[str, list[float]]) -> str:
    def spread(name: str) -> str:
        percent = 100 * np.array(figures[name])
        return f"{percent.mean():.2f} % (seeds {', '.join(f'{p:.2f}' for p in percent)}; sd {percent.std():.2f})"

    by_class = " ".join(f"{100 * s:.1f}/{100 * p:.1f}" for s, p in zip(figures["se"], figures["ppv"], strict=True))
    return (
        f"segments {spread('accuracy')}, windows {spread('window_accuracy')}, "
        f"screen alone, ictal or not {spread('screen_accuracy')}, "
        f"always the commonest class {100 * float(np.mean(figures['majority'])):.2f} %; "
        f"Se/+P by class {by_class}"
    )
