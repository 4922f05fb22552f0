"""The verbs of the `seizure` task: train, evaluate and compress."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ...compression import CompactModel, Recipe
from ...models import FloatFile, float_to_bytes
from ...models.seizure_fit import SeizureConfig
from ...models.seizure_train import train_seizure
from ...models.staged import StagedModel
from ...models.train import Progress
from ...signals import InputError
from ...signals.eeg_files import EegFile, eeg_files, open_eeg
from ..batch.choose import chosen_workers, refuse_workers
from ..compress.bench import recipe_among
from ..compress.seizure import FITTED, MONTAGE, SEIZURE_RECIPES, labelled_eeg, seizure_bench, seizure_sides
from ..compress.verbs import compress_with
from ..evaluate.decision_files import DECISIONS_FOLDER
from ..evaluate.folds import FOLDS_FOLDER
from ..evaluate.seizure_batch import decide_eeg_files
from ..evaluate.seizure_folds import EXCERPTS, FoldModels, excerpts_of, extra_files
from ..evaluate.seizure_protocols import (
    Decided,
    Identities,
    SeizureFold,
    by_subject,
    decide_files,
    loso_folds,
    subject_folds,
)
from ..evaluate.seizure_report import (
    SHORTEST_ALARM_S,
    negatives_json,
    scores_json,
    too_short_for_alarms,
    warnings_of,
)
from ..evaluate.spread import spread_of
from ..model_files import LoadedModel, load_model
from ..output import require_writable, write_bytes, write_json
from ..run_notes import note_data

__all__ = ["SPLITS", "bench", "compress", "evaluate", "figures_of", "train"]

bench = seizure_bench
"""A trained float model with its data, to try recipes on."""

SPLITS = ("loso", "subject", "external", "all")

_Folds = Callable[[Sequence[EegFile]], tuple[SeizureFold, ...]]
_PROTOCOLS: dict[str, tuple[str, _Folds]] = {
    "loso": ("leave one subject out", loso_folds),
    "subject": ("subject-specific, leave one seizure out in time order", subject_folds),
}


def train(
    data: str | Path | None = None,
    split: str = "all",
    out: str | Path | None = None,
    seed: int = 0,
    montage: str = MONTAGE,
    extra: Sequence[str | Path] = (),
    progress: Progress | None = None,
) -> tuple[FloatFile, dict[str, Any]]:
    """Train gate, screen and CNN; writes `out` if given.

    Parameters
    ----------
    split : ``all`` trains on every subject, and the figures are those of the training recordings, said so;
        ``without-chb01`` leaves that subject out and scores it
    montage : see `plan_montage`
    extra : further labelled EEG that trains, folders or names such as ``bonn``; each counts as one subject, and
        its recordings choose their channels themselves

    Returns
    -------
    the trained model with its provenance, and its evaluation
    """
    name, files = labelled_eeg(data)
    trained_on, tested = seizure_sides(files, split)
    model, _ = train_seizure(excerpts_of(trained_on, montage, extra), _config(seed), progress)
    provenance = {
        "dataset": name,
        "split": split,
        "montage": montage,
        "extra": [str(e) for e in extra],
        "subjects": sorted(by_subject(trained_on)),
        "seed": seed,
    }
    file = FloatFile("seizure", model, provenance)
    if out is not None:
        write_bytes(Path(out), float_to_bytes(file))
    head = _Head(name, split, split, montage, model.net.n_float_bytes())
    result = _contract(head, tested, decide_files(tested, model, montage, progress))
    if split == "all":
        result["warnings"].append(FITTED)
    return file, result | {"provenance": provenance}


def evaluate(
    model: str | Path | Sequence[str | Path] | None = None,
    data: str | Path | None = None,
    split: str = "loso",
    out: str | Path | None = None,
    negatives: str | Path | None = None,
    montage: str = MONTAGE,
    extra: Sequence[str | Path] = (),
    recipe: str | None = None,
    seeds: Sequence[int] = (0,),
    jobs: int | None = None,
    dask: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Score the seizure task by SzCORE's rules.

    Parameters
    ----------
    split : ``loso`` trains a model for every subject on the others; ``subject`` one for every seizure but the
        first on what came before it in the same subject; ``external`` and ``all`` score one model on all
        recordings, the former only if it has seen none of the subjects
    out : folder for ``report.json``; with ``loso`` and ``subject`` finished folds are kept in it, and taken from
        there when it runs again
    negatives : folder of seizure-free EEG; recordings that are known to hold a seizure are left out
    montage, extra : as for `train`; negatives choose their channels themselves
    recipe : compress every fold's model, too, and report both
    seeds : of the trainings, a whole cross-validation each; the figures are those of the first, with the spread
        over all beside them
    jobs, dask : of ``external`` and ``all``, with `out`: the workers that decide, see `chosen_workers`; what they
        have done is kept in ``out/decisions`` and taken from there when it runs again
    """
    if split not in SPLITS:
        raise InputError(f"split {split!r} is not known; known: {', '.join(SPLITS)}")
    refuse_workers(split not in _PROTOCOLS and out is not None, jobs, dask)
    name, files = labelled_eeg(data)
    quiet = _seizure_free(negatives)
    if split in _PROTOCOLS:
        if model is not None:
            raise InputError(f"--split {split} trains its own models; it takes no --model")
        chosen = None if recipe is None else recipe_among(SEIZURE_RECIPES, recipe)
        head = _Head(name, split, _PROTOCOLS[split][0], montage)
        with TemporaryDirectory() as scratch:
            store = Path(scratch) if out is None else require_writable(out) / FOLDS_FOLDER
            (store / EXCERPTS).mkdir(parents=True, exist_ok=True)
            known = Identities(store / "files.json", (*files, *quiet, *extra_files(extra)))
            folds = [FoldModels(store, files, known, montage, tuple(extra), _config(s), progress) for s in seeds]
            result = _with_spread([_cross_validated(head, models, quiet, chosen) for models in folds], seeds)
    else:
        decide = _InMemory(progress) if out is None else _Batch(require_writable(out), jobs, dask, progress)
        result = _one_model(_Head(name, split, split, montage), files, quiet, model, decide)
    if out is not None:
        write_json(require_writable(out) / "report.json", result)
    return result


def recipes(_: str | Path) -> Mapping[str, Recipe]:
    """What `compress` knows by name for a float model."""
    return SEIZURE_RECIPES


def compress(
    model: str | Path,
    data: str | Path | None = None,
    recipe: str = "default",
    out: str | Path | None = None,
    progress: Progress | None = None,
) -> tuple[CompactModel, dict[str, Any]]:
    """Compress a trained float model with the data it was trained on; writes `out` and its card if given."""
    return compress_with(seizure_bench(model, data), recipe, out, progress)


def figures_of(result: dict[str, Any]) -> dict[str, float]:
    """The figures that seeds are compared by."""
    events = {key: result["events"][key] for key in ("sensitivity", "precision", "f1")}
    return events | {key: result[key] for key in ("accuracy", "macro_f1", "rejected_fraction")}


@dataclass(frozen=True)
class _Head:
    """What a result says of where it comes from."""

    dataset: str
    split: str
    split_name: str
    montage: str
    model_bytes: float = 0.0


def _seizure_free(negatives: str | Path | None) -> tuple[EegFile, ...]:
    if negatives is None:
        return ()
    files = tuple(f for f in eeg_files(negatives) if not f.seizures_s)
    if not files:
        raise InputError(f"{negatives}: every recording holds a seizure; none can be a negative")
    if not any(map(_may_raise_an_alarm, files)):
        raise too_short_for_alarms(len(files))
    note_data(Path(negatives).name, (f.path for f in files))
    return tuple(replace(f, state="", seizures_s=()) for f in files)


def _may_raise_an_alarm(file: EegFile) -> bool:
    """Whether it is long enough; what cannot be read is told when it is decided."""
    try:
        return open_eeg(file.path).duration_s >= SHORTEST_ALARM_S
    except InputError:
        return True


def _config(seed: int) -> SeizureConfig:
    """How every model of this task is trained."""
    return SeizureConfig().seeded(seed)


def _cross_validated(
    head: _Head, models: FoldModels, quiet: tuple[EegFile, ...], recipe: Recipe | None
) -> dict[str, Any]:
    folds = _PROTOCOLS[head.split][1](models.files)
    makers: dict[str, Callable[[SeizureFold], StagedModel]] = {"float": models.float_model}
    if recipe is not None:
        makers["compact"] = partial(models.compact_model, recipe=recipe)
    results: dict[str, dict[str, Any]] = {}
    for kind, make in makers.items():
        decided: list[Decided] = []
        heard: list[list[Decided]] = []
        for number, fold in enumerate(folds, 1):
            model = make(fold)
            decided += models.decided(fold, kind, fold.test, model)
            heard += [models.decided(fold, kind, quiet, model)] if quiet else []
            if models.progress:
                models.progress(f"{head.split} {kind}", number, len(folds), fold.name)
        n_bytes = models.n_bytes[kind]
        tested = [f for fold in folds for f in fold.test]
        results[kind] = _contract(replace(head, model_bytes=sum(n_bytes) / len(n_bytes)), tested, decided, heard)
    results["float"]["folds"] = [
        {"name": fold.name, "train": len(fold.train), "test": [f.name for f in fold.test]} for fold in folds
    ]
    return results["float"] | ({"compact": results["compact"]} if recipe is not None else {})


def _with_spread(results: Sequence[dict[str, Any]], seeds: Sequence[int]) -> dict[str, Any]:
    """The first result, with the figures of all and their spread if there are more."""
    if len(results) == 1:
        return results[0]
    figures = [figures_of(result) for result in results]
    rows = [
        {"name": f"seed {seed}", "events": result["events"]} | row
        for seed, result, row in zip(seeds, results, figures, strict=True)
    ]
    return results[0] | {"seeds": rows, "spread": spread_of(figures)}


def _one_model(
    head: _Head,
    files: tuple[EegFile, ...],
    quiet: tuple[EegFile, ...],
    model: str | Path | Sequence[str | Path] | None,
    decide: "_InMemory | _Batch",
) -> dict[str, Any]:
    if isinstance(model, Sequence) and not isinstance(model, str):
        raise InputError(f"--split {head.split} of seizure takes one --model, {len(model)} were given")
    loaded = load_model(model, "seizure")
    known = sorted(set(loaded.provenance.get("subjects", ())) & {f.subject for f in files})
    if known and head.split == "external":
        raise InputError(f"{loaded.path}: was trained on {', '.join(known)}; an external evaluation needs others")
    decided, failed = decide(files, loaded, head.montage, DECISIONS_FOLDER)
    quietly, also_failed = decide(quiet, loaded, None, f"{DECISIONS_FOLDER}-negatives") if quiet else ([], {})
    heard = [quietly] if quiet else []
    result = _contract(replace(head, model_bytes=loaded.n_bytes), files, decided, heard)
    if known:
        result["warnings"].append(f"the model was trained on these subjects: {', '.join(known)}")
    failed |= also_failed
    return result | {"model": loaded.path.name} | ({"not_scored": failed} if failed else {})


@dataclass(frozen=True)
class _InMemory:
    """Decides here, one recording after the other; one that cannot be read ends it."""

    progress: Progress | None

    def __call__(
        self, files: tuple[EegFile, ...], loaded: LoadedModel, montage: str | None, _: str
    ) -> tuple[list[Decided], dict[str, str]]:
        return decide_files(files, loaded.model, montage, self.progress), {}


@dataclass(frozen=True)
class _Batch:
    """Decides by workers, into a folder below `out`; one that cannot be read is left out and says why."""

    out: Path
    jobs: int | None
    dask: str | None
    progress: Progress | None

    def __call__(
        self, files: tuple[EegFile, ...], loaded: LoadedModel, montage: str | None, folder: str
    ) -> tuple[list[Decided], dict[str, str]]:
        with chosen_workers(self.jobs, self.dask) as workers:
            decided, failed = decide_eeg_files(files, loaded, montage, self.out / folder, workers, self.progress)
        if not decided:
            raise InputError(f"none of {len(failed)} recordings could be decided ({next(iter(failed.values()))})")
        return decided, failed


def _contract(
    head: _Head, files: Sequence[EegFile], decided: Sequence[Decided], heard: Sequence[Sequence[Decided]] = ()
) -> dict[str, Any]:
    """Decisions in the shape of the command line's JSON contract."""
    result = {"task": "seizure", **vars(head)} | scores_json(decided)
    result["warnings"] = warnings_of(decided, any(f.state for f in files))
    return result | ({"negatives": negatives_json(heard)} if heard else {})
