"""What the library costs on its cores stays within the budgets, task by task; counts repeat exactly."""

from pathlib import Path

import numpy as np
import pytest
from ictus.app.model_files import ZOO
from ictus.compression import load_compact
from ictus.firmware_export.c_export import write_sources
from ictus.firmware_export.emulator.device_run import run_recording
from ictus.firmware_export.emulator.emulator import EmulatedCore
from ictus.firmware_export.emulator.machine import Machine
from ictus.firmware_export.emulator.rhythm_run import run_strips
from ictus.firmware_export.emulator.seizure_run import run_seconds
from ictus.firmware_export.toolchain import MissingToolError, build_device
from ictus.signals import SAMPLE_FOLDER, load, to_device
from ictus.signals.eeg_lead import load_device_eeg

KB = 1024
BUDGETS = [
    # task, target, flash, RAM with the stack
    ("beat", "cortex-m4", 16 * KB, 6 * KB),
    ("beat", "cortex-m0plus", 16 * KB, 6 * KB),
    ("beat", "cortex-m33", 16 * KB, 6 * KB),
    ("rhythm", "cortex-m4", 24 * KB, 12 * KB),
    ("seizure", "cortex-m4", 16 * KB, 16 * KB),
]


def push(task: str, machine: Machine, seconds: int) -> None:
    """Run the beginning of a recording."""
    model = load_compact(ZOO / f"{task}.ictus")
    if task == "seizure":
        counts = load_device_eeg(load(SAMPLE_FOLDER / "chbmit" / "chb01_18_ictal.edf"), "temporal-4")[0]
        run_seconds(machine, counts[: 256 * seconds])
        return
    counts = to_device(load(SAMPLE_FOLDER / "mitdb" / ("200" if task == "beat" else "201"))).counts[
        : 128 * seconds
    ]
    (run_recording if task == "beat" else run_strips)(machine, model, counts)


@pytest.mark.parametrize(("task", "target", "flash_bytes", "ram_bytes"), BUDGETS)
def test_the_whole_device_fits(task: str, target: str, flash_bytes: int, ram_bytes: int, tmp_path: Path) -> None:
    """Code, model, state, arena, and the deepest stack of a run that reaches the specialist."""
    try:
        write_sources(load_compact(ZOO / f"{task}.ictus"), tmp_path)
        image = build_device(tmp_path, tmp_path / "ictus.elf", target=target)
        core = EmulatedCore(image.elf)
    except MissingToolError as error:
        pytest.skip(str(error))
    assert core.call("ictus_harness_start") == 0
    push(task, core, 10 if task != "rhythm" else 36)
    assert image.flash_bytes <= flash_bytes
    assert image.ram_bytes + core.profile().stack_bytes <= ram_bytes
    assert np.frombuffer(core.read(core.symbol("ictus_model_data"), 4), np.uint8).tobytes() == b"ICTS"
