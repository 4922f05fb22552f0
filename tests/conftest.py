"""Builds of the C runtime that the tests of one process share."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from ictus.compression.compact import CompactLayer, CompactModel, CompactStage
from ictus.firmware_export.c_export import export_c
from ictus.firmware_export.emulator import EmulatedCore
from ictus.firmware_export.golden import GoldenVectors
from ictus.firmware_export.host import HostMachine
from ictus.firmware_export.toolchain import FirmwareImage, MissingToolError, build_device, build_host, require
from ictus.signals import (
    N_CONTEXT,
    N_GATE_FEATURES,
    SAMPLE_FOLDER,
    WINDOW_SAMPLES,
    beat_windows,
    detect_qrs,
    gate_features,
    load,
    to_device,
)

settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")  # an example that takes long says something of the machine, not of the law


def _layer(
    rng: np.random.Generator, shape: tuple[int, int], step: int, length: int, **flags: bool
) -> CompactLayer:
    codes = rng.choice([0, 0, 0, *range(1, 9)], shape).astype(np.uint8)
    bias = rng.integers(-40, 40, shape[0], dtype=np.int8)
    lowest = shape[1].bit_length() - 1  # so that outputs neither saturate nor vanish
    shift = rng.integers(lowest, lowest + 2, shape[0], dtype=np.uint8)
    return CompactLayer(
        codes, bias, shift, step, length, flags.get("relu", True), flags.get("takes_context", False)
    )


def _random_stages() -> tuple[CompactStage, ...]:
    rng = np.random.default_rng(7)
    length = (WINDOW_SAMPLES - 7) // 2 + 1
    gate = (_layer(rng, (1, N_GATE_FEATURES), 1, 1, relu=False),)
    screen = (
        _layer(rng, (6, 7 * 2), 2 * 2, length),
        _layer(rng, (1, length * 6 + N_CONTEXT), 1, 1, relu=False, takes_context=True),
    )
    specialist = (
        _layer(rng, (8, 5 * 6), 2 * 6, 19),
        _layer(rng, (8, 19 * 8 + N_CONTEXT), 1, 1, takes_context=True),
        _layer(rng, (5, 8), 1, 1, relu=False),
    )
    return (
        CompactStage("gate", "features", gate),
        CompactStage("screen", "window", screen, n_kept=1),
        CompactStage("specialist", "kept", specialist),
    )


@pytest.fixture(scope="session")
def device_counts() -> np.ndarray:
    """Two minutes of real signal, the second one with noise, a flat line and a rail: int16 (n,)."""
    counts = to_device(load(SAMPLE_FOLDER / "mitdb" / "208")).counts[: 120 * 128].copy()
    rng = np.random.default_rng(5)
    counts[60 * 128 : 80 * 128] += rng.normal(0, 150, 20 * 128).astype(np.int16)
    counts[80 * 128 : 88 * 128] = 17
    counts[90 * 128 : 93 * 128] = 32767
    return counts


@pytest.fixture(scope="session")
def random_model(device_counts: np.ndarray) -> CompactModel:
    """A small model of the real shape; its thresholds halve the units of `device_counts`."""
    stages = _random_stages()
    beats = beat_windows(device_counts, detect_qrs(device_counts).peak)
    beats = beats.take(beats.block < 60)  # without noise
    inputs = gate_features(device_counts), beats.window.reshape(len(beats), -1)
    medians = []
    for stage, x in zip(stages, inputs, strict=False):
        logits = stage.run(
            x, np.zeros((len(x), N_CONTEXT), np.int8) if stage.name == "gate" else beats.context
        ).logits
        medians.append(int(np.median(logits[:, 0])))
    gate, screen = (dataclasses.replace(stage, threshold=m) for stage, m in zip(stages, medians, strict=False))
    shape = (WINDOW_SAMPLES, 2)
    return CompactModel("beat", N_GATE_FEATURES, shape, N_CONTEXT, (gate, screen, stages[2]))


@pytest.fixture(scope="session")
def exported(random_model: CompactModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of `export_c` for the random model."""
    directory = tmp_path_factory.mktemp("export")
    export_c(random_model, directory, GoldenVectors.random(random_model, 4))
    return directory


@pytest.fixture(scope="session")
def device_image(exported: Path) -> FirmwareImage:
    """The linked program of the emulated wearable; skips without compiler or emulator."""
    try:
        for module in ("ziglang", "unicorn", "capstone", "elftools"):
            require(module, module)
    except MissingToolError as error:
        pytest.skip(str(error))
    return build_device(exported, exported / "ictus.elf")


@pytest.fixture(scope="session")
def core(device_image: FirmwareImage) -> EmulatedCore:
    """An emulated Cortex-M4 with the random model's firmware."""
    return EmulatedCore(device_image.elf)


@pytest.fixture(scope="session")
def host(exported: Path) -> HostMachine:
    """The same sources compiled for this machine, undefined behaviour trapping; skips without compiler."""
    try:
        return HostMachine(build_host(exported, exported / "ictus_host.so", sanitize=True))
    except MissingToolError as error:
        pytest.skip(str(error))
