"""`ictus analyze` over many recordings: the verb, and what is said of all of them together."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...signals import CLASSES, InputError
from ..batch.choose import chosen_workers
from ..batch.engine import BatchRun, run_batch
from ..batch.sources import find_sources, is_recording
from ..model_files import check_task, load_model, model_path
from ..output import write_json
from ..run_notes import note_data
from .analysis import NOTICE
from .batch_work import AnalyzeWork
from .rhythm_events import BURDEN_DEFINITION

if TYPE_CHECKING:
    from ...models.train import Progress

__all__ = ["BatchArguments", "analyze_batch", "batch_text"]

_HOUR_S = 3600.0
_MOST_ERRORS = 5


@dataclass(frozen=True)
class BatchArguments:
    """What `ictus analyze` was given for several recordings.

    Attributes
    ----------
    paths : recordings, folders, names of data sets
    out : folder of the results
    work : what is done with each; the model's file is still to be read
    model : path of a model's file; None takes the zoo's
    jobs, dask : as for `chosen_workers`
    """

    paths: tuple[str, ...]
    out: Path
    work: AnalyzeWork
    model: str | None = None
    jobs: int | None = None
    dask: str | None = None


def analyze_batch(given: BatchArguments, progress: "Progress | None" = None) -> dict[str, Any]:
    """Analyse recordings into partitions and tables; what an earlier start did is not done again.

    Writes ``partitions/``, ``recordings``, ``errors`` (each .parquet and .csv) and ``summary.json``.

    Returns
    -------
    the content of ``summary.json``

    Raises
    ------
    InputError
        As `find_sources`, `load_model` and `run_batch`; or no recording at all could be analysed.
    """
    check_task(given.work.task)
    work = _with_model(given.work, given.model)
    sources = find_sources(given.paths, given.out, _kind(work.task))
    with chosen_workers(given.jobs, given.dask) as workers:
        run = run_batch(sources, work, given.out, workers, progress)
    note_data("recordings", [given.out / "recordings.csv", given.out / "errors.csv"])  # with their hashes
    summary = _summary(work.task, run)
    write_json(given.out / "summary.json", summary)
    if not run.results:
        first = run.errors[0].verdict.reason
        raise InputError(f"none of {len(run.done)} recordings could be analysed (first: {first})")
    return summary | {"done_now": run.n_new, "folder": str(given.out)}


def _kind(task: str) -> Callable[[Path], bool]:
    """Tells a task's recordings from other files."""
    if task != "seizure":
        return is_recording
    from ...signals.eeg_files import is_eeg_recording

    return is_eeg_recording


def batch_text(result: Mapping[str, Any]) -> str:
    """The summary for a terminal."""
    return "\n".join([*_lines(result), NOTICE])


def _with_model(work: AnalyzeWork, model: str | None) -> AnalyzeWork:
    """The work with the bytes of the model, which is checked here and not by every worker."""
    if work.task == "seizure" and work.channel is not None:
        raise InputError("--channel is not an option of `ictus analyze --task seizure`; it takes --montage")
    load_model(model, work.task)
    path = model_path(model, work.task)
    return work if path == model_path(None, work.task) else replace(work, model=path.read_bytes())


def _summary(task: str, run: BatchRun) -> dict[str, Any]:
    rows = [d.verdict.figures for d in run.results]
    duration_s, rejected_s = _sum(rows, "duration_s"), _sum(rows, "rejected_s")
    head = {
        "task": task,
        "notice": NOTICE,
        "recordings": {"n": len(run.done), "analysed": len(run.results), "failed": len(run.errors)},
        "hours": duration_s / _HOUR_S,
        "rejected": {"hours": rejected_s / _HOUR_S, "share": _share(rejected_s, duration_s)},
    }
    errors = [{"record": d.source.name, "kind": d.verdict.fault, "reason": d.verdict.reason} for d in run.errors]
    return head | _TASK_SUMMARY[task](rows) | {"errors": errors}


def _beat(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    counts = {name: _sum(rows, key) for name, key in (("detected", "beats"), ("rejected", "beats_rejected"))}
    return {"beats": counts | {c: _sum(rows, c) for c in CLASSES}} | _rhythm(rows)


def _rhythm(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    decided_s, fibrillation_s = _sum(rows, "rhythm_decided_s"), _sum(rows, "fibrillation_s")
    return {
        "rhythm": {
            "decided_hours": decided_s / _HOUR_S,
            "fibrillation_hours": fibrillation_s / _HOUR_S,
            "af_burden": _share(fibrillation_s, decided_s),
            "af_episodes": _sum(rows, "af_episodes"),
            "recordings_with_af": sum(bool(row["af_episodes"]) for row in rows),
            "definition": BURDEN_DEFINITION,
        }
    }


def _seizure(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    n, found = _sum(rows, "seizures"), sum(bool(row["seizures"]) for row in rows)
    return {"seizures": {"n": n, "hours": _sum(rows, "seizure_s") / _HOUR_S, "recordings": found}}


_TASK_SUMMARY: Mapping[str, Callable[[Sequence[Mapping[str, Any]]], dict[str, Any]]] = {
    "beat": _beat,
    "rhythm": _rhythm,
    "seizure": _seizure,
}


def _sum(rows: Sequence[Mapping[str, Any]], name: str) -> float:
    return sum(row[name] or 0 for row in rows)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def _lines(result: Mapping[str, Any]) -> Iterator[str]:
    n, rejected = result["recordings"], result["rejected"]
    yield (
        f"{n['analysed']:,} of {n['n']:,} recordings analysed ({result['done_now']:,} done now), "
        f"{result['hours']:,.1f} h, {_percent(rejected['share'])} of the time rejected"
    )
    if "beats" in result:
        beats = result["beats"]
        yield f"beats: {', '.join(f'{c} {beats[c]:,}' for c in CLASSES)}, rejected {beats['rejected']:,}"
    if "rhythm" in result:
        rhythm = result["rhythm"]
        yield (
            f"AF burden: {_percent(rhythm['af_burden'])} of {rhythm['decided_hours']:,.1f} h decided, "
            f"in {rhythm['recordings_with_af']:,} recordings"
        )
    if "seizures" in result:
        yield f"seizures: {result['seizures']['n']:,} in {result['seizures']['recordings']:,} recordings"
    errors = result["errors"]
    yield f"errors: {len(errors):,}{', see errors.csv' if errors else ''}"
    yield from (f"  {e['record']}: {e['reason']}" for e in errors[:_MOST_ERRORS])
    yield f"written: {Path(result['folder']) / 'recordings.csv'}, .parquet, partitions"


def _percent(share: float) -> str:
    return "-" if share != share else f"{100 * share:.1f} %"
