"""The verbs of the `rhythm` task: train, evaluate and compress."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ...compression import CompactModel, CompactStage, Recipe, compress_rhythm, load_compact, to_bytes, to_stored
from ...models import FloatFile, FloatModel, float_to_bytes, load_float
from ...models.rhythm_cascade import StripDecisions, decide_strips
from ...models.rhythm_data import RhythmStrip
from ...models.rhythm_protocol import CvJob, CvPlan, cross_validate, rhythm_folds, train_rhythm
from ...models.rhythm_scores import score_strips, screen_figures, strip_ci95
from ...models.rhythm_task import NOISY
from ...models.rhythm_train import RhythmConfig
from ...models.train import Progress
from ...signals import InputError, LocalDataset, find_dataset
from ...signals.whole_files import noting_files
from ..batch.choose import refuse_workers
from ..compress.bench import recipe_among
from ..compress.rhythm import RHYTHM_RECIPES, prepared_strips, rhythm_bench, rhythm_sides
from ..compress.verbs import compress_with
from ..evaluate.decision_files import DECISIONS_FOLDER
from ..evaluate.folds import FOLDS_FOLDER
from ..evaluate.kept_result import KeptResult
from ..evaluate.rhythm_batch import DecidedStrips, decide_strip_files, decided_strips
from ..evaluate.rhythm_report import write_rhythm_evaluation
from ..evaluate.spread import spread_of
from ..model_files import LoadedModel, load_model
from ..output import require_writable, write_bytes

__all__ = ["SPLITS", "bench", "compress", "evaluate", "figures_of", "train"]

bench = rhythm_bench
"""A trained float model with its data, to try recipes on."""

SPLITS = ("cv", "external", "all")


def train(
    data: str | Path | None = None,
    split: str = "all",
    out: str | Path | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[FloatFile, dict[str, Any]]:
    """Train screen and CNN; writes `out` if given.

    Parameters
    ----------
    split : ``all`` trains on every strip, and the figures are those of the training strips, said so;
        ``fold0`` to ``fold4`` leave that fold of the cross-validation out and score it

    Returns
    -------
    the trained model with its provenance, and its evaluation
    """
    found, strips = prepared_strips(data, progress)
    trained_on, tested = rhythm_sides(strips, split)
    model = train_rhythm(trained_on, RhythmConfig().seeded(seed), progress)
    provenance = {
        "dataset": found.name,
        "is_sample": found.is_sample,
        "split": split,
        "split_sha256": None if split == "all" else rhythm_folds(strips).sha256,
        "n_strips": len(trained_on),
        "seed": seed,
        "peaks": "detected",
    }
    file = FloatFile("rhythm", model, provenance)
    if out is not None:
        write_bytes(Path(out), float_to_bytes(file))
    names = [s.name for s in strips]
    result = _contract(found, split, names, [decide_strips(model, tested)], model.net.n_float_bytes())
    warning = ["scored on the strips it was trained on"] if split == "all" else []
    return file, result | {"provenance": provenance, "warnings": warning}


def evaluate(
    model: str | Path | Sequence[str | Path] | None = None,
    data: str | Path | None = None,
    split: str = "cv",
    out: str | Path | None = None,
    folds: int = 5,
    seeds: Sequence[int] = (0,),
    recipe: str | None = None,
    jobs: int | None = None,
    dask: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Score the rhythm task.

    Parameters
    ----------
    split : ``cv`` trains a model per fold and seed and scores every strip with a model that has not seen it;
        ``external`` scores all strips of a data set on which the model was not trained; ``all`` scores all
        strips, with a warning where the model knows them
    out : folder for the report and its tables; with ``cv``, finished folds are kept in it, too, and taken from
        there when it runs again
    folds, seeds : of ``cv``
    recipe : with ``cv``: compress the models, too, and report both
    jobs, dask : of the other splits, with `out`: the workers that decide, see `chosen_workers`; what they have
        done is kept in ``out/decisions`` and taken from there when it runs again
    """
    if split not in SPLITS:
        raise InputError(f"split {split!r} is not known; known: {', '.join(SPLITS)}")
    refuse_workers(split != "cv" and out is not None, jobs, dask)
    if split == "cv":
        if model is not None:
            raise InputError("--split cv trains its own models; it takes no --model")
        chosen = None if recipe is None else recipe_among(RHYTHM_RECIPES, recipe)
        found, strips = prepared_strips(data, progress)
        return _cross_validated(found, strips, out, folds, tuple(seeds), chosen, progress)
    if isinstance(model, Sequence) and not isinstance(model, str):
        raise InputError(f"--split {split} of rhythm takes one --model, {len(model)} were given")
    loaded, found = load_model(model, "rhythm"), find_dataset(data, "cinc2017")
    is_known = loaded.provenance.get("dataset") == found.name
    if split == "external" and is_known:
        raise InputError(f"{loaded.path}: was trained on {found.name}; an external evaluation needs other data")
    described = _Described(found, loaded, split, is_known)
    if out is None:
        _, strips = prepared_strips(data, progress)
        decisions = decide_strips(loaded.model, strips, loaded.model)
        return described.result(DecidedStrips(tuple(s.name for s in strips), decisions, {}))
    run = decide_strip_files(found, loaded, require_writable(out) / DECISIONS_FOLDER, jobs, dask, progress)
    kept = KeptResult(Path(out), run, found.name, loaded.path.name, split)
    result = kept.read()
    if result is None:
        made = decided_strips(run)
        result = described.result(made)
        with noting_files() as files:
            write_rhythm_evaluation(Path(out), result, made.names, [made.decisions])
        kept.keep(result, files)
    return result


@dataclass(frozen=True)
class _Described:
    """What a result says of where it comes from."""

    found: LocalDataset
    loaded: LoadedModel
    split: str
    is_known: bool

    def result(self, made: DecidedStrips) -> dict[str, Any]:
        head = _contract(self.found, self.split, made.names, [made.decisions], self.loaded.n_bytes)
        warnings = ["the model was trained on strips of this data set"] if self.is_known else []
        result = head | {"model": self.loaded.path.name, "warnings": warnings}
        return result | ({"not_scored": made.failed} if made.failed else {})


def recipes(_: str | Path) -> Mapping[str, Recipe]:
    """What `compress` knows by name for a float model."""
    return RHYTHM_RECIPES


def compress(
    model: str | Path,
    data: str | Path | None = None,
    recipe: str = "default",
    out: str | Path | None = None,
    progress: Progress | None = None,
) -> tuple[CompactModel, dict[str, Any]]:
    """Compress a trained float model with the strips it was trained on; writes `out` and its card if given."""
    return compress_with(rhythm_bench(model, data, progress), recipe, out, progress)


def figures_of(result: dict[str, Any]) -> dict[str, float]:
    """The figures that seeds are compared by."""
    figures = {key: result[key] for key in ("accuracy", "macro_f1", "rejected_fraction")}
    figures |= {f"f1_{name}": scores["f1"] for name, scores in result["classes"].items()}
    for name in ("af_or_normal", "af_or_rest"):
        figures |= {f"{name}_{key}": result[name][key] for key in ("accuracy", "f1")}
    return figures | result["screen"]


def _cross_validated(
    found: LocalDataset,
    strips: list[RhythmStrip],
    out: str | Path | None,
    n_folds: int,
    seeds: tuple[int, ...],
    recipe: Recipe | None,
    progress: Progress | None,
) -> dict[str, Any]:
    plan = CvPlan(strips, rhythm_folds(strips, n_folds), RhythmConfig(), seeds)
    with TemporaryDirectory() as scratch:
        store = Path(scratch) if out is None else require_writable(out) / FOLDS_FOLDER
        store.mkdir(parents=True, exist_ok=True)
        gate = load_model(None, "beat").model
        folds = _Folds(store, progress, gate.stage("gate") if isinstance(gate, CompactModel) else None)
        runs = {"float": cross_validate(plan, folds.float_model, gate)}
        if recipe is not None:
            runs["compact"] = cross_validate(plan, partial(folds.compact_model, recipe=recipe), gate)
    results = {
        name: _contract(found, "cv", [s.name for s in strips], list(by_seed.values()), folds.mean_bytes(name))
        | {"split_name": plan.folds.name, "split_sha256": plan.folds.sha256}
        for name, by_seed in runs.items()
    }
    result = results["float"]
    if "compact" in results:
        result |= {"compact": results["compact"] | {"stored_bytes": folds.mean_bytes("stored")}}
    if out is not None:
        write_rhythm_evaluation(Path(out), result, [s.name for s in strips], list(runs["float"].values()))
    return result


@dataclass
class _Folds:
    """The models of a cross-validation, kept in a folder; all compact ones carry the beat task's gate."""

    store: Path
    progress: Progress | None
    gate: CompactStage | None
    n_bytes: dict[str, list[int]] = field(default_factory=lambda: {"float": [], "compact": [], "stored": []})

    def float_model(self, job: CvJob) -> FloatModel:
        """Train the model of a fold, or take it from the folder."""
        path = self.store / f"{job.key('float')}.safetensors"
        if not path.is_file():
            model = train_rhythm(job.train, job.config, self.progress)
            provenance = {"split_sha256": job.plan.folds.sha256, "fold": job.fold, "seed": job.seed}
            write_bytes(path, float_to_bytes(FloatFile("rhythm", model, provenance)))
        found = load_float(path).model
        self.n_bytes["float"].append(found.net.n_float_bytes())
        return found

    def compact_model(self, job: CvJob, recipe: Recipe) -> CompactModel:
        """Compress the model of a fold, or take it from the folder."""
        path = self.store / f"{job.key(str(recipe))}.ictus"
        if not path.is_file():
            trained, *peers = (self.float_model(replace(job, seed=job.seed + i)) for i in range(recipe.n_teachers))
            compact = compress_rhythm(
                trained, job.train, recipe, job.config, self.gate, self.progress, known_peers=peers
            )
            write_bytes(path, to_bytes(compact))
        found = load_compact(path)
        self.n_bytes["compact"].append(path.stat().st_size)
        self.n_bytes["stored"].append(len(to_stored(found)))
        return found

    def mean_bytes(self, name: str) -> float:
        """Mean size of the models."""
        return float(np.mean(self.n_bytes[name]))


def _contract(
    found: LocalDataset, split: str, names: Sequence[str], decisions: Sequence[StripDecisions], model_bytes: float
) -> dict[str, Any]:
    """Decisions, one set per seed, in the shape of the command line's JSON contract.

    The headline lets every strip through the gate, as the challenge did; what the gate would have changed stands
    in ``with_gate``.
    """
    rows = [_figures(d) for d in decisions]
    spread = spread_of([figures_of(row) for row in rows])
    head = {
        "task": "rhythm",
        "dataset": found.name,
        "is_sample": found.is_sample,
        "split": split,
        "split_name": split,
        "split_sha256": None,
        "peaks": "detected",
        "records": list(names),
    }
    seeds = [{"name": f"seed {i}"} | figures_of(row) for i, row in enumerate(rows)]
    return head | rows[0] | {"model_bytes": model_bytes, "seeds": seeds, "spread": spread}


def _figures(d: StripDecisions) -> dict[str, Any]:
    """Scores of one set of decisions, without and with the gate."""
    gated = d.gated
    open_gate = replace(d, analysable=d.analysable * float("nan"))
    return {
        "units": int((d.label < NOISY).sum()),
        **score_strips(open_gate).to_json(),
        "ci95": strip_ci95(open_gate),
        "screen": screen_figures(d),
        "rejected_fraction": float(gated[d.label < NOISY].mean()),
        "noisy_rejected": float(gated[d.label == NOISY].mean()) if (d.label == NOISY).any() else None,
        "with_gate": score_strips(d).to_json(),
    }
