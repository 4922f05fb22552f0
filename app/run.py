"""The whole way: raw records -> trained -> compressed -> firmware -> emulated -> report."""

import multiprocessing
import queue
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from multiprocessing.managers import SyncManager
from pathlib import Path
from typing import Any

import numpy as np

from ..compression import BEAT_RECIPES, CompactModel, compress_beat, to_bytes
from ..firmware_export import (
    DisagreementError,
    GoldenVectors,
    Simulation,
    export_c,
    get_device,
    simulate,
    write_tflite,
)
from ..models import BeatEvaluation, BeatRecord, FloatFile, Protocol, float_to_bytes, gate_figures, make_protocol
from ..models.train import Progress
from ..signals import PACED, LocalDataset, find_dataset, load
from ..signals.child_process import end_with_parent
from .evaluate.experiment import (
    check_annotated,
    compression_summary,
    contract,
    dataset_json,
    gate_sources,
    prepare_all,
    train_protocol,
)
from .model_files import check_beat, write_compact
from .output import atomic_folder, json_text
from .report.run_page import render_report
from .report.strip import strip_json
from .run_notes import note_seeds
from .wearable.firmware import N_GOLDEN, golden_vectors, witness_json
from .wearable.simulate import emulation_progress

__all__ = ["run"]

N_WITNESS_WINDOWS = 2000
REPORT_DEVICES = ("stm32l4r5", "nrf52840", "apollo4plus")
QUICK_MIN_STEPS = 250


@dataclass(frozen=True)
class _Arm:
    """One protocol carried through: float and compact model with their evaluations."""

    protocol: Protocol
    file: FloatFile
    compact: CompactModel
    evaluations: list[tuple[str, BeatEvaluation]]

    def of(self, model: str, peaks: str) -> BeatEvaluation:
        """The evaluation of ``float`` or ``compact`` from ``detected`` or ``reference`` peaks."""
        return next(e for name, e in self.evaluations if name == model and e.peaks == peaks)


class _Clock:
    """Seconds per phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        start = time.monotonic()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - start


def run(
    task: str = "beat",
    data: str | Path | None = None,
    out: str | Path = "out",
    quick: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Run the main job and write its folder: models, firmware, ``report.json`` and ``report.html``.

    Parameters
    ----------
    data : None for the built-in sample, else anything that `find_dataset` takes
    out : folder that gets the results
    quick : far shorter training, to see that everything works; the figures mean nothing then

    Returns
    -------
    path of ``report.html``

    Raises
    ------
    InputError
        the data cannot be used, or the folder cannot be written
    """
    check_beat(task, "run")
    clock = _Clock()
    found = find_dataset(data)
    names = [name for name in found.records if name not in PACED]
    with clock.phase("read, filter, detect"):
        records = prepare_all(found, names, "detected", progress)
        check_annotated(found, records)
        reference = prepare_all(found, names, "reference", progress)
    with clock.phase("train, compress, evaluate"):
        job = partial(_carry_through, records=records, reference=reference, found=found, quick=quick)
        arms = _in_parallel(job, ("inter", "intra"), progress)
    note_seeds(arm.protocol.config.beats.seed for arm in arms)
    report = _head(task, data, found, quick) | _model_part(arms, found)
    with atomic_folder(out) as folder:
        report |= _device_part(arms[0], found, folder, clock, progress)
        report["seconds"] = {name: round(s, 1) for name, s in clock.seconds.items()}
        _write_models(arms, folder, {"recipe": "quick" if quick else "default", "dataset": found.name})
        (folder / "report.json").write_text(json_text(report), encoding="utf-8")
        (folder / "report.html").write_text(render_report(report), encoding="utf-8")
    _check_agreement(report)
    return Path(out) / "report.html"


def _check_agreement(report: dict[str, Any]) -> None:
    """The page is written and shows it; but a run whose forms disagree has failed."""
    wrong = [row["name"] for row in report["witnesses"]["rows"] if not row["agrees"]]
    if not report["simulation"]["devices"][0]["agrees_with_reference"]:
        wrong.append("the emulated wearable")
    if wrong:
        raise DisagreementError(f"other results than the integer reference: {', '.join(wrong)}")


def _head(task: str, data: str | Path | None, found: LocalDataset, quick: bool) -> dict[str, Any]:
    options = f" --data {found.name}" if data is not None else ""
    command = f"ictus run --task {task}{options}{' --quick' if quick else ''}"
    head = {"ictus": version("ictus"), "task": task, "command": command, "quick": quick}
    return head | {"dataset": dataset_json(found)}


def _shortened(protocol: Protocol) -> Protocol:
    beats = replace(protocol.config.beats, epochs=1, min_steps=QUICK_MIN_STEPS)
    return replace(protocol, config=replace(protocol.config, beats=beats))


def _in_parallel(job: Callable[..., _Arm], keys: Sequence[str], progress: Progress | None) -> list[_Arm]:
    """`job(key, lines)` for every key in a process of its own; what they report goes to `progress`."""
    context = multiprocessing.get_context("spawn")
    manager = SyncManager(ctx=context)
    manager.start(end_with_parent)
    with manager, ProcessPoolExecutor(len(keys), context, end_with_parent) as pool:
        lines = manager.Queue()
        futures = [pool.submit(job, key, lines) for key in keys]
        while not _all_done(futures) or not lines.empty():
            try:
                line = lines.get(timeout=0.5)
            except queue.Empty:
                continue
            if progress:
                progress(*line)
        return [future.result() for future in futures]


def _all_done(futures: Sequence[Future[_Arm]]) -> bool:
    return all(future.done() for future in futures)


def _carry_through(
    key: str,
    lines: "queue.Queue[tuple[str, int, int, str]]",
    records: Sequence[BeatRecord],
    reference: Sequence[BeatRecord],
    found: LocalDataset,
    quick: bool,
) -> _Arm:
    """Train, evaluate, compress and evaluate again under one protocol."""

    def progress(phase: str, done: int, total: int, message: str) -> None:
        lines.put((f"{key}-patient, {phase}", done, total, message))

    protocol = make_protocol(key, records)
    protocol = _shortened(protocol) if quick else protocol
    recipe = BEAT_RECIPES[protocol.config.design]
    recipe = recipe.shortened(1, 1) if quick else recipe
    material = protocol.training_set(gate_sources(found))
    file = train_protocol(protocol, material, found, progress)
    compact = compress_beat(file.model, material, recipe, protocol.config, progress)
    models = (("float", file.model), ("compact", compact))
    evaluations = [(name, protocol.evaluate(m, r)) for name, m in models for r in (records, reference)]
    return _Arm(protocol, file, compact, evaluations)


def _model_part(arms: Sequence[_Arm], found: LocalDataset) -> dict[str, Any]:
    inter = arms[0]
    gate_test = gate_sources(found).test_examples(inter.protocol.test)
    return {
        "splits": {arm.protocol.key: arm.protocol.to_json() for arm in arms},
        "evaluations": [e for arm in arms for e in _evaluations(arm, found)],
        "compression": {arm.protocol.key: _compression(arm) for arm in arms},
        "gate": gate_figures(inter.compact, gate_test),
    }


def _evaluations(arm: _Arm, found: LocalDataset) -> Iterator[dict[str, Any]]:
    for name, evaluation in arm.evaluations:
        n_bytes = len(to_bytes(arm.compact)) if name == "compact" else arm.file.model.net.n_float_bytes()
        split = arm.protocol.key, arm.protocol.name
        yield contract(evaluation, found, split, n_bytes) | {"model": name}


def _compression(arm: _Arm) -> dict[str, Any]:
    before, after = (arm.of(model, "detected").scores for model in ("float", "compact"))
    return compression_summary(arm.file.model, arm.compact, before, after)


def _device_part(
    arm: _Arm, found: LocalDataset, folder: Path, clock: _Clock, progress: Progress | None
) -> dict[str, Any]:
    """Export, call the witnesses, and run the wearable on the test recording with the most abnormal beats."""
    golden = _test_vectors(arm.protocol)
    with clock.phase("export"):
        export_c(arm.compact, folder / "firmware", golden.head(N_GOLDEN))
        write_tflite(arm.compact, folder / "tflite")
    with clock.phase("witnesses"):
        witnesses = witness_json(arm.compact, golden)
    shown = max(arm.protocol.test, key=lambda r: len(np.unique(r.reference_label)) * 10000 + _n_abnormal(r))
    with clock.phase("emulate"):
        recording = load(found.path(shown.name))
        simulation = simulate(arm.compact, recording, progress=emulation_progress(recording, progress))
    return {
        "witnesses": witnesses,
        "firmware": _firmware_json(simulation),
        "simulation": _simulation_json(simulation),
        "strip": strip_json(shown, arm.of("compact", "detected").decisions[shown.name]),
    }


def _n_abnormal(record: BeatRecord) -> int:
    return int((record.reference_label > 0).sum())


def _test_vectors(protocol: Protocol) -> GoldenVectors:
    """Windows of the tested recordings, the same number of each."""
    share = -(-N_WITNESS_WINDOWS // len(protocol.test))
    parts = [golden_vectors(record, share) for record in protocol.test if len(record.beats)]
    return GoldenVectors.concatenate(parts)


def _firmware_json(simulation: Simulation) -> dict[str, Any]:
    image = simulation.image
    return {
        "target": "cortex-m4",
        "compiler": image.compiler,
        "flash_bytes": image.flash_bytes,
        "flash_by": {"model": image.model_bytes, "code and constants": image.flash_bytes - image.model_bytes},
        "ram_bytes": image.ram_bytes,
        "stack_bytes": simulation.profile.stack_bytes,
    }


def _simulation_json(simulation: Simulation) -> dict[str, Any]:
    totals, calls = simulation.profile.region_instructions(), simulation.profile.calls
    share = simulation.stage_share
    stages = [
        {
            "name": name,
            "runs": calls[name],
            "instructions_per_run": per_run,
            "instructions": totals[name],
            "share_of_units": share.get(name),
        }
        for name, per_run in simulation.instructions_per_run.items()
    ]
    runs = [replace(simulation, device=get_device(name)) for name in REPORT_DEVICES]
    return {
        "record": simulation.recording,
        "seconds_of_signal": simulation.duration_s,
        "stages": stages,
        "instructions_by_class": simulation.profile.by_class,
        "devices": [run.as_dict() for run in runs],
    }


def _write_models(arms: Sequence[_Arm], folder: Path, made_with: Mapping[str, str]) -> None:
    """Every model as float and as compact file, the latter with its card."""
    for arm in arms:
        stem = f"beat-{arm.protocol.key}"
        card = {**made_with, "split": arm.protocol.name, **_compression(arm), "provenance": arm.file.provenance}
        (folder / f"{stem}.safetensors").write_bytes(float_to_bytes(arm.file))
        write_compact(folder / f"{stem}.ictus", arm.compact, card)
