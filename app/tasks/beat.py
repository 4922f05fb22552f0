"""The verbs of the `beat` task: train, evaluate and compress."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...compression import CompactModel, Recipe
from ...models import (
    BeatEvaluation,
    FloatFile,
    Protocol,
    evaluate_decisions,
    float_to_bytes,
    make_protocol,
    recording_ids,
)
from ...models.beat_train import INTER_CONFIG, INTRA_CONFIG
from ...models.train import Progress
from ...models.weights import seeded_net
from ...signals import InputError, LocalDataset, find_dataset, load
from ...signals.whole_files import noting_files
from ..batch.choose import refuse_workers
from ..compress.beat import beat_bench, beat_recipes
from ..compress.verbs import compress_with
from ..evaluate.beat_batch import BeatBatch, BeatsInMemory, DecidedBeats
from ..evaluate.beat_files import write_evaluation
from ..evaluate.beat_splits import SPLITS, ScoringPlan, refuse_own_data, scoring_plan, without_paced
from ..evaluate.decision_files import DECISIONS_FOLDER, decision_annotations
from ..evaluate.experiment import (
    contract,
    gate_sources,
    prepare_annotated,
    prepare_dataset,
    prepare_extra,
    train_protocol,
)
from ..evaluate.folds import FOLDS_FOLDER, cross_validate, folds_sha256
from ..evaluate.kept_result import KeptResult
from ..evaluate.spread import beat_figures, spread_of
from ..model_files import LoadedModel, load_float_model, load_model
from ..output import write_bytes

figures_of = beat_figures
"""The figures that seeds are compared by."""

__all__ = ["bench", "compress", "evaluate", "figures_of", "train"]

bench = beat_bench
"""A trained float model with its data, to try recipes on."""

Models = str | Path | Sequence[str | Path] | None
"""One model, several that differ in their seed, or None for the zoo's compact model."""


def train(
    data: str | Path | None = None,
    split: str = "inter",
    out: str | Path | None = None,
    seed: int = 0,
    extra: Sequence[str | Path] = (),
    peaks: str = "detected",
    progress: Progress | None = None,
) -> tuple[FloatFile, dict[str, Any]]:
    """Train the float network on the training side of a split; writes `out` if given.

    Parameters
    ----------
    extra : further labelled data sets for the training side of ``inter``
    peaks : ``detected``, which a device has, or ``reference``, as many publications train and test

    Returns
    -------
    the trained model with its provenance, and its evaluation on the test side
    """
    found, records = prepare_dataset(data, peaks, progress)
    names, added = prepare_extra(extra, peaks, progress)
    protocol = make_protocol(split, records, seed, added)
    _refuse_tested(protocol)
    material = protocol.training_set(gate_sources(found))
    file = train_protocol(protocol, material, found, progress, names)
    if out is not None:
        write_bytes(Path(out), float_to_bytes(file))
    split_names = protocol.key, protocol.name
    n_bytes = file.model.net.n_float_bytes()
    result = contract(protocol.evaluate(file.model), found, split_names, n_bytes, protocol.sha256)
    return file, result | {"provenance": file.provenance}


def _refuse_tested(protocol: Protocol) -> None:
    """Raise `InputError` if an extra recording is one of those that test, under whatever name."""
    tested = set(recording_ids(protocol.test).values())
    leaked = sorted(name for name, number in recording_ids(protocol.extra).items() if number in tested)
    if leaked:
        raise InputError(f"the extra training data hold {len(leaked)} recordings that test (first {leaked[0]})")


def evaluate(
    model: Models = None,
    data: str | Path | None = None,
    split: str = "inter",
    peaks: str = "detected",
    out: str | Path | None = None,
    folds: int = 5,
    seeds: Sequence[int] = (0,),
    jobs: int | None = None,
    dask: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Score a model by a split; writes tables, annotations and a report into the folder `out` if given.

    Parameters
    ----------
    model : several models give the first one's scores and the spread over all; None is the zoo's
    split : ``inter`` and ``intra`` refuse a model that was trained on another split of these data; ``external``
        scores every recording and refuses a model that was trained on any of them; ``all`` scores every
        recording and tells those of the training apart; ``cv`` trains a float model per fold
    peaks : ``detected`` or ``reference``; with `out` both are compared
    folds, seeds : of ``cv``
    jobs, dask : of the other splits, with `out`: the workers that prepare and decide, see `chosen_workers`; what
        they have done is kept in ``out/decisions`` and taken from there when it runs again
    """
    found = find_dataset(data)
    refuse_workers(split in SPLITS and out is not None, jobs, dask)
    if split == "cv":
        if model is not None:
            raise InputError("--split cv trains its own models; it takes no --model")
        return _cross_validated(found, peaks, out, folds, seeds, progress)
    if split not in SPLITS:
        raise InputError(f"split {split!r} is not known; known: {', '.join(SPLITS)}, cv")
    paths = [model] if model is None or isinstance(model, str | Path) else list(model)
    loaded = [load_model(path) for path in paths]
    if split == "external":
        for each in loaded:
            refuse_own_data(each, found)
    if out is None:
        return _scored(BeatsInMemory(found, loaded, progress), found, loaded, split, peaks)[0]
    batch = BeatBatch(found, loaded, Path(out) / DECISIONS_FOLDER, jobs, dask, progress)
    names = [each.path.name for each in loaded]
    kept = KeptResult(Path(out), batch.run, batch.left_out, found.name, names, split, peaks)
    result = kept.read()
    if result is None:
        result, evaluation, plan = _scored(batch, found, loaded, split, peaks)
        result["by_peaks"] = _by_peaks(batch, evaluation, plan)
        annotations = batch.annotations(plan.records) if plan.wanted is None else ()
        with noting_files() as files:
            write_evaluation(Path(out), result, evaluation, annotations)
        kept.keep(result, files)
    return result


def _scored(
    beats: DecidedBeats, found: LocalDataset, loaded: Sequence[LoadedModel], split: str, peaks: str
) -> tuple[dict[str, Any], BeatEvaluation, ScoringPlan]:
    """The result, and of the first model the evaluation and what it scores."""
    records, left_out = beats.annotated(peaks)
    plan = scoring_plan(split, loaded[0], found, records)
    evaluation = evaluate_decisions(plan.records, beats.decisions(0, plan.records), plan.wanted)
    result = _result(evaluation, found, plan, loaded[0], left_out)
    if plan.key == "all" or plan.apart:
        result["subsets"] = _subsets(beats, plan)
    if len(loaded) > 1:
        plans = {i: scoring_plan(split, each, found, records) for i, each in enumerate(loaded) if i}
        others = [_figures(beats, i, plan) for i, plan in plans.items()]
        result |= _over_seeds([m.path.name for m in loaded], [beat_figures(result), *others])
    return result, evaluation, plan


def _by_peaks(beats: DecidedBeats, evaluation: BeatEvaluation, plan: ScoringPlan) -> dict[str, Any]:
    """The same recordings with detected and with reference peaks."""
    again, _ = beats.annotated("reference" if evaluation.peaks == "detected" else "detected")
    names = {r.name for r in plan.records}
    scored = [r for r in again if r.name in names]
    second = evaluate_decisions(scored, beats.decisions(0, scored), plan.wanted)
    return {e.peaks: e.brief_json() for e in (evaluation, second)}


def _result(
    evaluation: BeatEvaluation,
    found: LocalDataset,
    plan: ScoringPlan,
    loaded: LoadedModel,
    left_out: Mapping[str, str],
) -> dict[str, Any]:
    head = contract(evaluation, found, (plan.key, plan.name), loaded.n_bytes, plan.sha256)
    warnings = list(_warnings(evaluation, found, plan, loaded))
    return head | plan.to_json() | {"not_scored": dict(left_out), "model": loaded.path.name, "warnings": warnings}


def _warnings(
    evaluation: BeatEvaluation, found: LocalDataset, plan: ScoringPlan, loaded: LoadedModel
) -> Iterator[str]:
    """What makes these scores less than they seem."""
    if plan.key == "intra":
        yield "Patients are on both sides of this split: only to compare with publications that do the same."
    if plan.shared_subjects and plan.key == "inter":
        yield f"On both sides, as published: subject {', '.join(plan.shared_subjects)}."
    if plan.key == "all" and plan.seen:
        yield f"The model was trained on {len(plan.seen)} of these recordings; see the subsets."
    trained_peaks = loaded.provenance.get("peaks", evaluation.peaks)
    if trained_peaks != evaluation.peaks:
        yield f"The model was trained on {trained_peaks} peaks and is tested on {evaluation.peaks} ones."
    if not loaded.provenance:
        yield "The model does not say what it was trained on; it may have been these data."
    if found.name in map(str, loaded.provenance.get("gate_data") or ()):
        yield f"The gate was trained with recordings of {found.name}."
    n_classes = int((evaluation.table[:-1].sum(axis=1) > 0).sum())
    if n_classes == 1:
        yield "The reference holds one class only: figures of the other classes mean nothing."


def _subsets(beats: DecidedBeats, plan: ScoringPlan) -> dict[str, Any]:
    """Scores of the recordings of the training, of the others, and of those that are not in the totals."""
    parts = {
        "trained on": tuple(r for r in plan.records if r.name in plan.seen),
        "new to the model": tuple(r for r in plan.records if r.name not in plan.seen),
        **plan.apart,
    }
    return {
        name: evaluate_decisions(records, beats.decisions(0, records)).brief_json()
        for name, records in parts.items()
        if records
    }


def _figures(beats: DecidedBeats, model: int, plan: ScoringPlan) -> dict[str, float]:
    return beat_figures(
        evaluate_decisions(plan.records, beats.decisions(model, plan.records), plan.wanted).to_json()
    )


def _over_seeds(names: Sequence[str], figures: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    rows = [{"name": name} | dict(row) for name, row in zip(names, figures, strict=True)]
    return {"seeds": rows, "spread": spread_of(figures)}


def _cross_validated(
    found: LocalDataset,
    peaks: str,
    out: str | Path | None,
    folds: int,
    seeds: Sequence[int],
    progress: Progress | None,
) -> dict[str, Any]:
    """Scores of the first seed, and the spread over all."""
    records, left_out = prepare_annotated(found, peaks, progress)
    counted = without_paced(found, records)
    sources = gate_sources(found)
    keep_in = None if out is None else Path(out) / FOLDS_FOLDER
    runs = [cross_validate(counted, sources, folds, s, keep_in=keep_in, progress=progress) for s in seeds]
    name = f"cross-validation, {folds} folds by subject"
    plan = ScoringPlan("cv", name, folds_sha256(counted, folds, seeds), counted)
    names = {r.name for r in counted}
    left_out |= {r.name: "paced (EC57 leaves them out)" for r in records if r.name not in names}
    n_bytes = seeded_net(counted[0].features.shape[1], 0).n_float_bytes()
    result = contract(runs[0], found, (plan.key, plan.name), n_bytes, plan.sha256) | plan.to_json()
    result |= {"not_scored": left_out, "model": "one float model per fold", "folds": folds}
    result |= _over_seeds([f"seed {s}" for s in seeds], [beat_figures(run.to_json()) for run in runs])
    if out is not None:
        made = runs[0].decisions
        annotations = ((r.name, decision_annotations(r, made[r.name], load(found.path(r.name)))) for r in counted)
        write_evaluation(Path(out), result, runs[0], annotations)
    return result


def recipes(model: str | Path) -> Mapping[str, Recipe]:
    """What `compress` knows by name for a float model."""
    split = load_float_model(model, "beat").provenance.get("split")
    return beat_recipes((INTRA_CONFIG if split == "intra" else INTER_CONFIG).design)


def compress(
    model: str | Path,
    data: str | Path | None = None,
    recipe: str = "default",
    out: str | Path | None = None,
    extra: Sequence[str | Path] = (),
    progress: Progress | None = None,
) -> tuple[CompactModel, dict[str, Any]]:
    """Compress a trained float model with the data it was trained on; writes `out` and its card if given.

    Parameters
    ----------
    extra : where the extra data sets of the training lie, if not under their names
    """
    return compress_with(beat_bench(model, data, extra, progress), recipe, out, progress)
