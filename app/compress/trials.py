"""Trials of compression settings: each a file of its own, so that a run goes on where another one stopped.

A setting is tried on held-out folds of the training side. What a trial gives lies in ``KEY-foldN.json`` and, where
firmware can hold the model, ``KEY-foldN.ictus``; the key is a hash of data, split, plan and setting, and a file
appears only when it is whole.
"""

import hashlib
import json
import multiprocessing
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...compression import CompactModel, to_bytes
from ...compression.recipe import Recipe
from ...compression.sweep_grid import Setting, TrialPlan
from ...compression.sweep_points import SweepPoint
from ...models import FloatFile, FloatModel, float_to_bytes, load_float
from ...models.train import Progress
from ...signals import CorruptModelError
from ...signals.child_process import end_with_parent
from ..output import write_bytes, write_json
from .bench import Bench, Part, Verdict
from .cost import decision_cost, sizes_of

__all__ = ["Trials"]

_FORMAT = 2
_NO_COST = {"instructions": None, "energy_uj": None, "device": None}


@dataclass(frozen=True)
class _Job:
    """One fold of one setting; without a setting, the float network of the fold."""

    setting: Setting | None
    fold: int


@dataclass(frozen=True)
class _Store:
    """Names and reads the files of a bench's trials.

    Attributes
    ----------
    folder : of the files
    digest : hash of what the float networks of the folds follow from
    plan : of the trials
    """

    folder: Path
    digest: str
    plan: TrialPlan

    @classmethod
    def at(cls, folder: Path, bench: Bench, plan: TrialPlan) -> "_Store":
        """The files of a bench's trials in a folder, which is made if it is not there."""
        folder.mkdir(parents=True, exist_ok=True)
        said = f"{bench.digest()} {plan.of} {plan.min_steps} {plan.gate_epochs}"
        return cls(folder, hashlib.sha256(said.encode()).hexdigest(), plan)

    def recipe(self, setting: Setting) -> Recipe | None:
        """What is tried: the setting's recipe with phases that are no longer than a trial's."""
        return None if setting.recipe is None else self.plan.shortened(setting.recipe)

    def key(self, setting: Setting) -> str:
        """Hash of all that a trial follows from."""
        said = f"{_FORMAT} {self.digest} {self.recipe(setting)!r}"
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    def path(self, job: _Job, suffix: str) -> Path:
        """File of a job."""
        stem = f"float-{self.digest[:16]}" if job.setting is None else self.key(job.setting)
        return self.folder / f"{stem}-fold{job.fold}{suffix}"

    def read(self, job: _Job) -> dict[str, Any] | None:
        """What a trial gave; None if it is still to be made, or its file is damaged."""
        try:
            found = json.loads(self.path(job, ".json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) and found.get("format") == _FORMAT else None

    def is_done(self, job: _Job) -> bool:
        """Whether there is nothing left to do."""
        if job.setting is not None:
            return self.read(job) is not None
        return _float_of(self.path(job, ".safetensors")) is not None


def _float_of(path: Path) -> FloatModel | None:
    try:
        return load_float(path).model
    except CorruptModelError:
        return None


@dataclass
class _Worker:
    """What a process needs to run jobs; what several jobs share is made once."""

    bench: Bench
    store: _Store
    parts: dict[int, Part] = field(default_factory=dict)
    floats: dict[int, tuple[FloatModel, Verdict]] = field(default_factory=dict)

    def run(self, job: _Job, progress: Progress | None = None) -> str:
        """Make the files of a job; a line about it."""
        if job.fold not in self.parts:
            self.parts[job.fold] = self.bench.held_out(job.fold, self.store.plan)
        part = self.parts[job.fold]
        return self._train(part, job, progress) if job.setting is None else self._try(part, job, progress)

    def _train(self, part: Part, job: _Job, progress: Progress | None) -> str:
        told = {"held_out_fold": job.fold, "of": self.store.plan.of}
        file = FloatFile(self.bench.loaded.task, part.train(progress), told)
        write_bytes(self.store.path(job, ".safetensors"), float_to_bytes(file))
        return f"float network without fold {job.fold + 1}"

    def _try(self, part: Part, job: _Job, progress: Progress | None) -> str:
        assert job.setting is not None
        start_s = time.monotonic()
        trained, before = self._float(part, job.fold)
        recipe = self.store.recipe(job.setting)
        model = trained if recipe is None else part.compress(trained, recipe, progress)
        after = before if recipe is None else part.judge(model)
        found = self._figures(model, after) | {"float_accuracy": before.accuracy}
        if isinstance(model, CompactModel) and found["runs_on_device"]:
            write_bytes(self.store.path(job, ".ictus"), to_bytes(model))
        head = {"format": _FORMAT, "name": job.setting.name, "method": job.setting.method, "fold": job.fold}
        head |= {"recipe": repr(recipe), "seconds": round(time.monotonic() - start_s, 1)}
        write_json(self.store.path(job, ".json"), head | found)
        return f"{job.setting.name}: {100 * after.accuracy:.2f} %, {found['bytes']:,} B"

    def _float(self, part: Part, fold: int) -> tuple[FloatModel, Verdict]:
        if fold not in self.floats:
            model = load_float(self.store.path(_Job(None, fold), ".safetensors")).model
            self.floats[fold] = model, part.judge(model)
        return self.floats[fold]

    def _figures(self, model: CompactModel | FloatModel, verdict: Verdict) -> dict[str, Any]:
        sizes, share = sizes_of(model, self.bench.model), dict(verdict.stage_share)
        found = {"accuracy": verdict.accuracy, "macro_f1": verdict.macro_f1, "stage_share": share} | asdict(sizes)
        if not isinstance(model, CompactModel) or not sizes.runs_on_device:
            return found | _NO_COST
        cost = decision_cost(model, share, self.bench.golden())
        return found | (asdict(cost) if cost else _NO_COST)


_worker: _Worker | None = None


def _begin(worker: _Worker) -> None:
    """Set a process up; it ends with the one that started it, even if that one is killed."""
    global _worker
    _worker = worker
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    end_with_parent()


def _run_job(job: _Job) -> str:
    assert _worker is not None
    return _worker.run(job)


class Trials:
    """Runs settings on a bench, several at a time; what is done already is not done again.

    Parameters
    ----------
    folder : keeps the trials; made if it is not there
    n_jobs : processes; 1 works in this one
    progress : is told of every finished trial, and of the epochs of those that run in this process
    """

    def __init__(
        self, bench: Bench, plan: TrialPlan, folder: Path, n_jobs: int = 1, progress: Progress | None = None
    ) -> None:
        self.plan, self.store = plan, _Store.at(folder, bench, plan)
        self._n_jobs, self._progress = n_jobs, progress
        self._worker = _Worker(bench, self.store)
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> "Trials":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._pool is None:
            return
        if kind is not None:  # a trial may have minutes to go, and what is finished is kept
            for process in multiprocessing.active_children():
                process.terminate()
        self._pool.shutdown(cancel_futures=True)

    def points(self, settings: Sequence[Setting], phase: str = "sweep") -> list[SweepPoint]:
        """Every setting as a point, means over the held-out folds."""
        folds = range(self.plan.folds)
        self._run([_Job(None, fold) for fold in folds], "float networks of the folds")
        self._run([_Job(setting, fold) for setting in settings for fold in folds], phase)
        return [self._point(setting) for setting in settings]

    def _run(self, jobs: Sequence[_Job], phase: str) -> None:
        missing = [job for job in jobs if not self.store.is_done(job)]
        n_found = len(jobs) - len(missing)
        if missing and self._progress:
            self._progress(phase, n_found, len(jobs), "are there already" if n_found else "begun")
        for number, line in enumerate(self._finished(missing), start=n_found + 1):
            if self._progress:
                self._progress(phase, number, len(jobs), line)

    def _finished(self, jobs: Sequence[_Job]) -> Iterator[str]:
        if self._n_jobs == 1 or len(jobs) < 2:
            yield from (self._worker.run(job, self._progress) for job in jobs)
            return
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            worker = _Worker(self._worker.bench, self.store)
            self._pool = ProcessPoolExecutor(self._n_jobs, context, _begin, (worker,))
        for future in as_completed([self._pool.submit(_run_job, job) for job in jobs]):
            yield future.result()

    def _point(self, setting: Setting) -> SweepPoint:
        folds = [self.store.read(_Job(setting, fold)) for fold in range(self.plan.folds)]
        found = [each for each in folds if each is not None]
        accuracy, before = (_mean(found, name) for name in ("accuracy", "float_accuracy"))
        stored, instructions, energy_uj = (
            _mean(found, name) for name in ("stored_bytes", "instructions", "energy_uj")
        )
        assert accuracy is not None and before is not None
        return SweepPoint(
            key=self.store.key(setting),
            name=setting.name,
            method=setting.method,
            settings=setting.settings,
            accuracy=accuracy,
            macro_f1=_mean(found, "macro_f1") or 0.0,
            loss_points=100 * (before - accuracy),
            bytes=round(_mean(found, "bytes") or 0),
            stored_bytes=None if stored is None else round(stored),
            sparsity=_mean(found, "sparsity") or 0.0,
            bits=_bits(setting.recipe) or max(each["bits"] for each in found),
            instructions=instructions,
            energy_uj=energy_uj,
            runs_on_device=all(each["runs_on_device"] for each in found),
            packed={name: _mean([each["packed"] for each in found], name) or 0.0 for name in found[0]["packed"]},
        )


def _bits(recipe: Recipe | None) -> int:
    """Of a weight, as the recipe says, whose screen may have finer ones; 0 where only the model tells."""
    if recipe is None or recipe.precision is not None or recipe.quantiser.method != "log2":
        return 0
    return recipe.quantiser.bits


def _mean(found: Sequence[Mapping[str, Any]], name: str) -> float | None:
    values = [each[name] for each in found]
    return None if None in values else sum(values) / len(values)
