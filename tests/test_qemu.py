"""QEMU as a second opinion: real cores' rules, 16 KB of RAM, and the events of `ictus analyze`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from ictus.app.model_files import ZOO
from ictus.app.wearable.firmware import golden_strips, golden_vectors, sample_record
from ictus.app.wearable.seizure_firmware import golden_eeg
from ictus.compression import CompactModel, load_compact
from ictus.firmware_export import GoldenVectors, call_witnesses
from ictus.firmware_export.c_export import write_sources
from ictus.firmware_export.emulator.device_run import DeviceEvents
from ictus.firmware_export.emulator.qemu import (
    BoardFaultError,
    QemuProgram,
    build_example,
    push_recording,
    require_qemu,
)
from ictus.firmware_export.emulator.rhythm_run import StripEvents
from ictus.firmware_export.emulator.seizure_run import SeizureEvents, expected_seconds
from ictus.firmware_export.targets import TARGETS, Board
from ictus.firmware_export.toolchain import MissingToolError, build_board, compiler
from ictus.signals import CLASSES, SAMPLE_FOLDER, load, to_device
from ictus.signals.datasets import default_data_folder
from ictus.signals.eeg_lead import load_device_eeg

STAGES = ("gate", "screen", "specialist")
MICROBIT, AN386, AN505 = (
    board for name in ("cortex-m0plus", "cortex-m4", "cortex-m33") if (board := TARGETS[name].board)
)
BOARDS = [MICROBIT, AN386, AN505]


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    try:
        require_qemu()
        compiler()
    except MissingToolError as error:
        pytest.skip(str(error))


def analysed(path: Path, out: Path, *options: str) -> dict:
    """What `ictus analyze` writes."""
    from ictus.app.cli import main

    assert main(["analyze", str(path), "--out", str(out), "--json", str(out / "found.json"), *options]) == 0
    return json.loads((out / "found.json").read_text(encoding="utf-8"))


def example(task: str, board: Board, folder: Path) -> tuple[CompactModel, QemuProgram]:
    """The zoo's model in the exported example."""
    model = load_compact(ZOO / f"{task}.ictus")
    sources = folder / "sources"
    sources.mkdir()
    write_sources(model, sources)
    return model, build_example(sources, task, board, folder / board.name)


def record_of_mitdb(name: str) -> Path:
    """Half an hour where the full data set is there, else the built-in excerpt."""
    full = default_data_folder() / "mitdb" / f"{name}.hea"
    return full.with_suffix("") if full.is_file() else SAMPLE_FOLDER / "mitdb" / name


def test_a_microbit_finds_the_beats_of_analyze_in_a_whole_record(tmp_path: Path) -> None:
    """Cortex-M0, 16 KB of RAM: ventricular bigeminy and noise, sample by sample."""
    record = record_of_mitdb("200")
    model, program = example("beat", MICROBIT, tmp_path)
    events, stack_bytes = push_recording(program, model, to_device(load(record)).counts)
    assert isinstance(events, DeviceEvents)
    found = analysed(record, tmp_path)["beats"]
    for beat, peak, label, reached, logit in zip(
        found, events.peak, events.label, events.reached, events.screen_logit, strict=False
    ):
        assert beat["time_s"] * 128 == peak
        assert (beat["class"] or None) == (CLASSES[label] if label >= 0 else None)
        assert beat["stage"] == STAGES[reached]
        assert beat["screen"] is None or beat["screen"] * 8 == logit
    assert len(found) - len(events) in range(3), "the device waits for what follows the last beats"
    assert program.image.ram_bytes + stack_bytes <= 6 * 1024
    assert program.image.flash_bytes <= 16 * 1024


def test_a_microbit_finds_the_rhythm_of_analyze_in_a_whole_record(tmp_path: Path) -> None:
    record = record_of_mitdb("201")
    model, program = example("rhythm", MICROBIT, tmp_path)
    events, stack_bytes = push_recording(program, model, to_device(load(record)).counts)
    assert isinstance(events, StripEvents)
    strips = analysed(record, tmp_path, "--task", "rhythm")["strips"]
    assert len(events) == len(strips) or len(events) == len(strips) - 1
    names = ("N", "A", "O")
    for strip, first, label, reached in zip(
        strips, events.first_block, events.label, events.reached, strict=False
    ):
        assert strip["onset_s"] == first
        assert strip["class"] == (names[label] if label >= 0 else None)
        assert strip["stage"] == STAGES[reached]
    assert program.image.ram_bytes + stack_bytes <= len(MICROBIT.ram)


def test_a_cortex_m33_finds_the_seconds_of_python_in_a_seizure(tmp_path: Path) -> None:
    model, program = example("seizure", AN505, tmp_path)
    counts = load_device_eeg(load(SAMPLE_FOLDER / "chbmit" / "chb01_18_ictal.edf"), "temporal-4")[0]
    events, _ = push_recording(program, model, counts)
    assert isinstance(events, SeizureEvents)
    assert events.equals(expected_seconds(model, counts).events)
    assert set(events.reached) >= {0, 2}


@pytest.mark.parametrize(
    ("task", "form", "units", "boards"),
    [
        ("beat", "packed", lambda: golden_vectors(sample_record(), 64), BOARDS),
        ("beat", "small", lambda: golden_vectors(sample_record(), 64), BOARDS[:1]),
        ("beat", "unrolled", lambda: golden_vectors(sample_record(), 64), BOARDS[:1]),
        ("rhythm", "packed", lambda: golden_strips(8), BOARDS[:1]),
        ("seizure", "packed", lambda: golden_eeg(20), BOARDS[:1]),
    ],
)
def test_every_witness_gives_the_same_bytes(
    task: str, form: str, units: Callable[[], GoldenVectors], boards: list[Board]
) -> None:
    """The long version, 5,000 windows of each and all boards: benchmarks/witnesses.py."""
    golden = units()
    witnesses = call_witnesses(load_compact(ZOO / f"{task}.ictus"), golden, boards=boards, form=form)
    assert len(witnesses) >= 2 + len(boards)
    assert {(w.n_units, w.n_different) for w in witnesses} == {(len(golden), 0)}


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> dict[str, QemuProgram]:
    """Board -> program of ``qemu_faults.c``."""
    folder, source = tmp_path_factory.mktemp("faults"), Path(__file__).with_name("qemu_faults.c")
    images = {board: build_board(folder, [source], board, folder / f"{board.name}.elf") for board in BOARDS[:2]}
    return {board.name: QemuProgram(board, image) for board, image in images.items()}


@pytest.mark.parametrize("board", ["microbit", "mps2-an386"])
@pytest.mark.parametrize("fault", ["across words", "floating point", "memory"])
def test_a_fault_ends_the_program(board: str, fault: str, faulty: dict[str, QemuProgram]) -> None:
    with pytest.raises(BoardFaultError, match=f"{board}: fault"):
        faulty[board].run(fault[:1].encode())
    assert faulty[board].run(b"-")[0] == b""


def test_a_cortex_m0_cannot_divide(faulty: dict[str, QemuProgram]) -> None:
    with pytest.raises(BoardFaultError, match="fault"):
        faulty["microbit"].run(b"d")
    assert faulty["mps2-an386"].run(b"d")[0] == b""
