"""What each command does: check the outputs, call one verb, hand over the result."""

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..signals.errors import InputError
from ..signals.folder_lock import locked_folder
from .console import Console
from .output import copy_file, json_text, require_writable, require_writable_file, write_json
from .run_notes import note_result, note_seeds

if TYPE_CHECKING:
    from .wearable.simulate import SimulateOptions

__all__ = ["COMMANDS"]

_NO_OPTIONS = ("command", "typed", "traceback", "version")

Command = Callable[[argparse.Namespace], None]


def _recorded(command: Command) -> Command:
    """The command, with a record of it in the registry of runs."""

    def run(args: argparse.Namespace) -> None:
        from .runs.recording import recorded

        options = {name: value for name, value in vars(args).items() if name not in _NO_OPTIONS}
        with recorded(args.command, options, args.typed):
            command(args)

    return run


@_recorded
def _run(args: argparse.Namespace) -> None:
    out = require_writable(args.out)
    _check_json(args)
    from .run import run
    from .summaries import run_text

    with locked_folder(out), Console() as progress:
        page = run(args.task, args.data, out, args.quick, progress)
    report = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    _hand_over(args, report, run_text(report, page))


def _data(args: argparse.Namespace) -> None:
    _check_json(args)
    from .data_command import data_command

    root = None if args.data is None else Path(args.data)
    result, text = data_command(args.action, args.name, root, tuple(args.only))
    _hand_over(args, result, text)


def _analyze(args: argparse.Namespace) -> None:
    from .analyze.tasks import AnalyzeArguments, analyze_record, is_batch

    if is_batch(args.record, args.jobs, args.dask):
        _analyze_batch(args)
        return
    out = require_writable(args.out or ".")
    _check_json(args)
    given = AnalyzeArguments(args.record[0], out, args.model, args.channel, args.fs, args.montage)
    as_json, text = analyze_record(args.task, given)
    if args.json == "-":
        with as_json.open(encoding="utf-8") as written:
            shutil.copyfileobj(written, sys.stdout)
        return
    if args.json is not None:
        copy_file(as_json, args.json)
    print(text)


@_recorded
def _analyze_batch(args: argparse.Namespace) -> None:
    if args.out is None:
        raise InputError("several recordings make a batch, which needs --out DIR for its results")
    out = require_writable(args.out)
    _check_json(args)
    from .analyze.batch import BatchArguments, analyze_batch, batch_text
    from .analyze.batch_work import AnalyzeWork

    work = AnalyzeWork(args.task, None, args.channel, args.fs, args.montage)
    with Console() as progress:
        given = BatchArguments(tuple(args.record), out, work, args.model, args.jobs, args.dask)
        result = analyze_batch(given, progress)
    _hand_over(args, result, batch_text(result))


@_recorded
def _train(args: argparse.Namespace) -> None:
    out = require_writable_file(args.out or f"{args.task}.safetensors")
    _check_json(args)
    from .summaries import evaluation_text, spread_text
    from .verbs import train, train_seeds

    given = _given(split=args.split, extra=args.extra, montage=args.montage, peaks=args.peaks)
    with Console() as progress:
        if args.seeds is not None:
            seeds = range(args.seed, args.seed + args.seeds)
            note_seeds(seeds)
            result, files = train_seeds(args.task, args.data, out, seeds, progress, **given)
            _hand_over(args, result, "\n".join([spread_text(result), *(f"model: {file}" for file in files)]))
            return
        note_seeds([args.seed])
        _, result = train(args.task, args.data, out=out, seed=args.seed, progress=progress, **given)
    _hand_over(args, result, f"{evaluation_text(result)}\nmodel: {out}")


@_recorded
def _evaluate(args: argparse.Namespace) -> None:
    out = None if args.out is None else require_writable(args.out)
    _check_json(args)
    from .summaries import evaluation_text
    from .verbs import evaluate

    model = args.model[0] if args.model and len(args.model) == 1 else args.model
    seeds = range(args.seeds) if args.seeds else None
    note_seeds(seeds or ([0] if args.split == "cv" else []))
    given = _given(split=args.split, folds=args.folds, seeds=seeds, out=out, peaks=args.peaks, recipe=args.recipe)
    given |= _given(negatives=args.negatives, montage=args.montage, extra=args.extra)
    given |= _given(jobs=args.jobs, dask=args.dask)
    with _held(out), Console() as progress:
        result = evaluate(args.task, model, args.data, progress=progress, **given)
    report = [] if out is None else [f"report: {page}" for page in out.glob("report.html")]
    _hand_over(args, result, "\n".join([evaluation_text(result), *report]))


def _compress(args: argparse.Namespace) -> None:
    _check_json(args)
    if args.describe:
        from .summaries import compression_text
        from .verbs import describe

        result = describe(args.model)
        _hand_over(args, result, compression_text(result))
        return
    _compress_model(args)


@_recorded
def _compress_model(args: argparse.Namespace) -> None:
    from ..compression.sweep_points import Limits
    from .compress.command import CompressArguments, compress_command

    limits = Limits(args.max_bytes, args.max_loss, args.max_energy)
    head = args.model, args.data, args.extra, args.recipe, args.out
    given = CompressArguments(*head, args.sweep, args.grid, args.weights, limits, args.jobs)
    with _held(given.path if args.sweep else None), Console() as progress:
        result, text = compress_command(given, progress)
    _hand_over(args, result, text)
    if "unmet" in result:
        raise InputError(result["unmet"])


def _export(args: argparse.Namespace) -> None:
    out = require_writable(args.out)
    _check_json(args)
    from .summaries import export_text
    from .wearable.firmware import export

    form = args.form or ("packed" if args.max_flash is None else "auto")
    with locked_folder(out):
        result = export(_model(args.model), args.format, args.target, out, form, args.max_flash)
    _hand_over(args, result, export_text(result, out))


def _simulate(args: argparse.Namespace) -> None:
    _check_json(args)
    from .summaries import simulation_text
    from .wearable.simulate import SimulateOptions, simulate

    is_fast = True if args.fast else False if args.execute else None
    how = SimulateOptions(args.device, args.scenario, is_fast, args.seconds, args.form, args.max_flash)
    if args.fault or args.out is not None:
        _simulate_wearable(args, how)
        return
    with Console() as progress:
        result = simulate(
            _model(args.model), args.record, progress=progress, all_scenarios=args.all_scenarios, options=how
        )
    _hand_over(args, result, simulation_text(result))


def _simulate_wearable(args: argparse.Namespace, how: "SimulateOptions") -> None:
    from .summaries import simulation_text
    from .wearable.text import fault_text
    from .wearable.verbs import simulate_wearable

    with _held(args.out), Console() as progress:
        result = simulate_wearable(
            _model(args.model), args.record, how, args.fault, args.queue, args.out, progress
        )
    page = [] if args.out is None else [f"report: {Path(args.out) / 'report.html'}"]
    _hand_over(args, result, "\n".join([simulation_text(result), *fault_text(result), *page]))


def _app(args: argparse.Namespace) -> None:
    from .dashboard.serve import serve

    serve(args.folder, host=args.host, port=args.port, database=args.database, upload_mb=args.upload_mb)


def _runs(args: argparse.Namespace) -> None:
    _check_json(args)
    from .runs.command import RunsArguments, runs_command

    given = RunsArguments(args.action, args.ids, args.kind, args.task, args.since, args.limit, args.database)
    _hand_over(args, *runs_command(given))


def _doctor(args: argparse.Namespace) -> None:
    _check_json(args)
    from .doctor.command import doctor_command

    with Console() as progress:
        result, text = doctor_command(args.full, progress)
    _hand_over(args, result, text)
    if "unmet" in result:
        raise InputError(result["unmet"])


COMMANDS: Mapping[str, Command] = {
    "run": _run,
    "data": _data,
    "analyze": _analyze,
    "train": _train,
    "evaluate": _evaluate,
    "compress": _compress,
    "export": _export,
    "simulate": _simulate,
    "app": _app,
    "runs": _runs,
    "doctor": _doctor,
}
"""Command -> its function; outputs are checked before any work begins."""


def _held(out: str | Path | None) -> AbstractContextManager[Any]:
    """The folder of the results for this run alone, if there is one."""
    return nullcontext() if out is None else locked_folder(out)


def _model(name: str) -> str | None:
    """None for the name of a task, which stands for the model that comes along."""
    from .model_files import TASKS, model_path

    if name not in TASKS or Path(name).exists():
        return name
    return None if name == "beat" else str(model_path(None, name))


def _given(**options: Any) -> dict[str, Any]:
    """The options that were given; the others keep the task's own default."""
    return {name: value for name, value in options.items() if value is not None and value != []}


def _check_json(args: argparse.Namespace) -> None:
    if args.json not in (None, "-"):
        require_writable_file(args.json)


def _hand_over(args: argparse.Namespace, result: Mapping[str, Any], text: str) -> None:
    """JSON to where it was asked for; the text to standard output unless the JSON goes there."""
    note_result(result)
    if args.json == "-":
        print(json_text(result), end="")
        return
    if args.json is not None:
        write_json(args.json, result)
    print(text)
