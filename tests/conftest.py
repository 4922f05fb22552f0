"""Builds of the C runtime, and databases, that the tests of one process share."""

import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from ictus.compression.compact import CompactLayer, CompactModel, CompactStage
from ictus.firmware_export.c_export import export_c, write_sources
from ictus.firmware_export.emulator.emulator import EmulatedCore
from ictus.firmware_export.emulator.rhythm_run import RHYTHM_REGIONS, strip_inputs
from ictus.firmware_export.golden import GoldenVectors
from ictus.firmware_export.host import HostMachine
from ictus.firmware_export.toolchain import (
    RUNTIME_DIRECTORY,
    FirmwareImage,
    MissingToolError,
    build_device,
    build_host,
    require,
)
from ictus.models.seizure_cascade import run_cascade
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
from ictus.signals.eeg_features import N_EEG_FEATURES, N_SEIZURE_FEATURES, EegFrontEnd
from ictus.signals.rhythm_features import N_RHYTHM_FEATURES

_REVIEWS = tempfile.TemporaryDirectory(prefix="ictus-reviews-", ignore_cleanup_errors=True)
os.environ["ICTUS_REVIEWS"] = str(Path(_REVIEWS.name) / "reviews.sqlite")  # nobody's own reviews and runs

Watched = Callable[[Sequence[Path], Path], None]

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
def watched() -> Watched:
    """Compiles a program that address and undefined-behaviour sanitizers watch; skips where there are none."""
    compiler = [path] if (path := shutil.which("gcc")) else [sys.executable, "-m", "ziglang", "cc"]
    checks = "address,undefined" if path else "undefined"
    flags = ["-std=c99", "-O1", f"-fsanitize={checks}", "-fno-sanitize-recover=all", f"-I{RUNTIME_DIRECTORY}"]
    with tempfile.TemporaryDirectory() as folder:
        nothing = Path(folder) / "nothing.c"
        nothing.write_text("int main(void) { return 0; }\n")
        command = [*compiler, *flags, str(nothing), "-o", str(nothing.with_suffix(""))]
        probe = subprocess.run(command, capture_output=True, text=True)
    if probe.returncode != 0:
        pytest.skip(f"no sanitizer here: {probe.stderr.splitlines()[-1]}")

    def build(sources: Sequence[Path], program: Path) -> None:
        subprocess.run([*compiler, *flags, *map(str, sources), "-o", str(program)], check=True)

    return build


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
    return build_device(exported / "src", exported / "ictus.elf")


@pytest.fixture(scope="session")
def core(device_image: FirmwareImage) -> EmulatedCore:
    """An emulated Cortex-M4 with the random model's firmware."""
    return EmulatedCore(device_image.elf)


@pytest.fixture(scope="session")
def host(exported: Path) -> HostMachine:
    """The same sources compiled for this machine, undefined behaviour trapping; skips without compiler."""
    try:
        return HostMachine(build_host(exported / "src", exported / "ictus_host.so", sanitize=True))
    except MissingToolError as error:
        pytest.skip(str(error))


def _gate_against_flat_lines(counts: np.ndarray) -> CompactStage:
    """A gate of one weight, on the feature that a flat line changes most; most seconds of `counts` pass."""
    real, flat = gate_features(counts).astype(int), gate_features(np.full(1280, 17, np.int16))[5].astype(int)
    difference = flat - np.median(real, axis=0)
    column = int(np.abs(difference).argmax())
    codes = np.zeros((1, N_GATE_FEATURES), np.uint8)
    codes[0, column] = 5 if difference[column] > 0 else 1
    layer = CompactLayer(codes, np.zeros(1, np.int8), np.zeros(1, np.uint8), 1, 1, False)
    stage = CompactStage("gate", "features", (layer,))
    logits = stage.run(real.astype(np.int8), real[:, :0].astype(np.int8)).logits
    return dataclasses.replace(stage, threshold=int(np.percentile(logits, 10)))


@pytest.fixture(scope="session")
def random_rhythm_model() -> CompactModel:
    """A small model for strips; most seconds of record 201 pass its gate, about half of the strips its screen."""
    rng = np.random.default_rng(11)
    counts = to_device(load(SAMPLE_FOLDER / "mitdb" / "201")).counts
    convolutions = (_layer(rng, (6, 7), 2, 0), _layer(rng, (8, 5 * 6), 2 * 6, 0), _layer(rng, (8, 3 * 8), 8, 0))
    specialist = (
        *convolutions[:2],
        dataclasses.replace(convolutions[2], pools=True),
        _layer(rng, (6, 2 * 8 + N_RHYTHM_FEATURES), 1, 1, takes_context=True),
        _layer(rng, (3, 6), 1, 1, relu=False),
    )
    hidden = dataclasses.replace(_layer(rng, (6, N_RHYTHM_FEATURES), 1, 1), bias=np.full(6, 60, np.int8))
    screen = hidden, _layer(rng, (1, 6), 1, 1, relu=False)  # a bias with which no unit is always 0
    stages = (
        _gate_against_flat_lines(counts),
        CompactStage("screen", "context", screen),
        CompactStage("specialist", "stream", specialist),
    )
    model = CompactModel("rhythm", N_GATE_FEATURES, (0, 1), N_RHYTHM_FEATURES, stages)
    logits = model.screen_strips(strip_inputs(counts).features)
    halved = dataclasses.replace(stages[1], threshold=int(np.median(logits)))
    return dataclasses.replace(model, stages=(stages[0], halved, stages[2]))


@pytest.fixture(scope="session")
def rhythm_sources(random_rhythm_model: CompactModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory with the runtime and the random model for strips."""
    directory = tmp_path_factory.mktemp("rhythm")
    write_sources(random_rhythm_model, directory)
    return directory


@pytest.fixture(scope="session")
def rhythm_image(rhythm_sources: Path) -> FirmwareImage:
    """The emulated wearable's program for strips; skips without compiler or emulator."""
    try:
        for module in ("ziglang", "unicorn", "capstone", "elftools"):
            require(module, module)
    except MissingToolError as error:
        pytest.skip(str(error))
    return build_device(rhythm_sources, rhythm_sources / "ictus.elf")


@pytest.fixture(scope="session")
def rhythm_core(rhythm_image: FirmwareImage) -> EmulatedCore:
    """An emulated Cortex-M4 with the firmware for strips."""
    return EmulatedCore(rhythm_image.elf, RHYTHM_REGIONS)


@pytest.fixture(scope="session")
def rhythm_host(rhythm_sources: Path) -> HostMachine:
    """The same sources compiled for this machine, undefined behaviour trapping; skips without compiler."""
    try:
        return HostMachine(build_host(rhythm_sources, rhythm_sources / "ictus_host.so", sanitize=True))
    except MissingToolError as error:
        pytest.skip(str(error))


def _eeg(rng: np.random.Generator, seconds: int, n_channels: int) -> np.ndarray:
    """EEG at 256 Hz and 0.25 uV: background, a rhythm in the middle third, a step, a flat line, rails."""
    n = 256 * seconds
    counts = np.cumsum(rng.normal(0, 15, (n, n_channels)), axis=0)
    counts -= np.linspace(0, 1, n)[:, None] * counts[-1]
    t = np.arange(n) / 256
    inside = (t > seconds / 3) & (t < seconds * 2 / 3)
    counts += 800 * (inside * np.sin(2 * np.pi * 4 * t))[:, None] * rng.uniform(0, 1, n_channels)
    counts[n // 8 : n // 6, 0] += 20000
    counts[: n // 10, n_channels // 2] = 17
    counts[-n // 10 :, -1] = rng.choice([-40000, 40000], n - n * 9 // 10)
    return np.clip(np.rint(counts), -32768, 32767).astype(np.int16)


@pytest.fixture(scope="session")
def eeg_counts() -> np.ndarray:
    """A minute and a half of four channels of made-up EEG with all kinds of faults: int16 (n, 4)."""
    return _eeg(np.random.default_rng(3), 90, 4)


def _halving(stage: CompactStage, inputs: np.ndarray, share: float) -> CompactStage:
    """The stage with a threshold that `share` of the inputs do not pass."""
    logits = stage.run(inputs, inputs[:, :0]).logits[:, 0]
    return dataclasses.replace(stage, threshold=int(np.quantile(logits, share)))


@pytest.fixture(scope="session")
def random_seizure_model(eeg_counts: np.ndarray) -> CompactModel:
    """A small model for EEG; most seconds of each channel pass its gate, about half of them its screen."""
    rng = np.random.default_rng(13)
    pooled = dataclasses.replace(_layer(rng, (8, 3 * 8), 8, 0), pools=True)
    specialist = (
        _layer(rng, (6, 7), 2, 0),
        _layer(rng, (8, 5 * 6), 2 * 6, 0),
        pooled,
        _layer(rng, (6, 2 * 8 + N_SEIZURE_FEATURES), 1, 1, takes_context=True),
        _layer(rng, (1, 6), 1, 1, relu=False),
    )
    gate, screen = (
        (dataclasses.replace(layer, bias=layer.bias * 0, shift=layer.shift + 1),)  # so that few logits saturate
        for layer in (_layer(rng, (1, n), 1, 1, relu=False) for n in (N_EEG_FEATURES, N_SEIZURE_FEATURES))
    )
    seconds = EegFrontEnd(4).push(eeg_counts)
    stages = (
        _halving(CompactStage("gate", "features", gate), seconds.gate.reshape(-1, N_EEG_FEATURES), 0.2),
        _halving(CompactStage("screen", "context", screen), seconds.context.reshape(-1, N_SEIZURE_FEATURES), 0.6),
        CompactStage("specialist", "stream", specialist),
    )
    model = CompactModel("seizure", N_EEG_FEATURES, (0, 1), N_SEIZURE_FEATURES, stages)
    found = run_cascade(model, eeg_counts)
    bias = -int(np.median(found.specialist[found.reached == 2]))  # half of what reaches it is above
    last = dataclasses.replace(specialist[-1], bias=specialist[-1].bias + np.int8(bias))
    changed = dataclasses.replace(stages[2], layers=(*specialist[:-1], last))
    return dataclasses.replace(model, stages=(*stages[:2], changed))


@pytest.fixture(scope="session")
def seizure_sources(random_seizure_model: CompactModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory with the runtime and the random model for EEG."""
    directory = tmp_path_factory.mktemp("seizure")
    write_sources(random_seizure_model, directory)
    return directory


@pytest.fixture(scope="session")
def seizure_image(seizure_sources: Path) -> FirmwareImage:
    """The emulated wearable's program for EEG; skips without compiler or emulator."""
    try:
        for module in ("ziglang", "unicorn", "capstone", "elftools"):
            require(module, module)
    except MissingToolError as error:
        pytest.skip(str(error))
    return build_device(seizure_sources, seizure_sources / "ictus.elf")


@pytest.fixture(scope="session")
def seizure_host(seizure_sources: Path) -> HostMachine:
    """The same sources compiled for this machine, undefined behaviour trapping; skips without compiler."""
    try:
        return HostMachine(build_host(seizure_sources, seizure_sources / "ictus_host.so", sanitize=True))
    except MissingToolError as error:
        pytest.skip(str(error))


def _as_unprivileged(folder: Path) -> list[str]:
    """What to put before a command that refuses root; `folder` is then its user's."""
    if os.geteuid() != 0:
        return []
    import pwd

    known = {entry.pw_name for entry in pwd.getpwall()}
    user = "postgres" if "postgres" in known else "nobody"
    shutil.chown(folder, user)
    return ["runuser", "-u", user, "--"]


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """URL of a PostgreSQL server of our own, ``{}`` for the name of a database; skips where none is installed."""
    places = [str(p) for p in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    search = os.pathsep.join([os.environ.get("PATH", ""), *places])
    initdb, pg_ctl = (shutil.which(name, path=search) for name in ("initdb", "pg_ctl"))
    if initdb is None or pg_ctl is None:
        pytest.skip("no PostgreSQL server is installed (initdb, pg_ctl)")
    with tempfile.TemporaryDirectory(prefix="ictus-pg-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        user = _as_unprivileged(Path(folder))
        data = f"{folder}/data"

        def call(*command: str) -> None:
            subprocess.run([*user, *command], check=True, cwd=folder, stdout=subprocess.DEVNULL, timeout=120)

        call(initdb, "-D", data, "-U", "ictus", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        options = f"-c listen_addresses= -c fsync=off -k {folder}"
        call(pg_ctl, "-D", data, "-l", f"{folder}/log", "-o", options, "-w", "start")
        try:
            yield f"postgresql://ictus@/{{}}?host={folder}"
        finally:
            call(pg_ctl, "-D", data, "-m", "immediate", "-w", "stop")


@pytest.fixture(params=["sqlite", "postgresql"])
def review_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty review database of each kind."""
    if request.param == "sqlite":
        return str(tmp_path / "reviews.sqlite")
    server = request.getfixturevalue("postgresql_server")
    name = f"reviews_{uuid.uuid4().hex}"
    import psycopg

    with psycopg.connect(server.format("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return server.format(name)
