"""The decoder of the stored form in C gives the bytes of Python, within bounds whatever it is given."""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ictus.compression import CompactLayer, CompactModel, CompactStage, load_compact, storage, to_bytes, to_stored
from ictus.compression.coding.packer import Packer
from ictus.compression.packers import PACKERS
from ictus.compression.packers.contextual import CONTEXTS
from ictus.firmware_export.emulator.machine import STATUS_NAMES, RuntimeRefusedError
from ictus.firmware_export.host import HostMachine
from ictus.firmware_export.toolchain import RUNTIME_DIRECTORY, MissingToolError
from ictus.firmware_export.unpacking import measure_unpacking, scratch_counts, unpack_on
from ictus.firmware_export.update_file import write_update

ZOO = Path(__file__).resolve().parents[1] / "models" / "zoo"
FUZZ = Path(__file__).with_name("fuzz")
NETWORK = ("ictus_model.c", "ictus_model_base.c", "ictus_layer.c", "ictus_stream.c", "ictus_code.c")
DECODER = ("ictus_decode.c", "ictus_unpack.c", "ictus_unpack_contexts.c", "ictus_unpack_layer.c")


def _model(n_exponents: int = 4, seed: int = 0) -> CompactModel:
    rng = np.random.default_rng(seed)

    def layer(channels: int, taps: int, density: float, **flags: object) -> CompactLayer:
        codes = rng.integers(1, 2 * n_exponents + 1, (channels, taps)) * (rng.random((channels, taps)) < density)
        shape = {"step": 4, "out_length": 1, "relu": True, "n_exponents": n_exponents} | flags
        bias = rng.integers(-128, 128, channels).astype(np.int8)
        return CompactLayer(codes.astype(np.uint8), bias, rng.integers(0, 16, channels).astype(np.uint8), **shape)

    gate = CompactStage("gate", "features", (layer(1, 6, 0.5, relu=False),), threshold=-7)
    dense = layer(30, 68, 0.02, takes_context=True, relu=False)
    screen = CompactStage("screen", "window", (layer(13, 6, 0.4, step=2, out_length=5), dense), n_kept=1)
    specialist = CompactStage("specialist", "kept", (layer(9, 65, 0.0), layer(5, 9, 1.0, relu=False)))
    return CompactModel("beat", 6, (8, 2), 3, (gate, screen, specialist))


def _unpacked(machine: HostMachine, model: CompactModel, stored: bytes | None = None) -> bytes:
    stored = to_stored(model) if stored is None else stored
    return unpack_on(machine, stored, len(to_bytes(model)), scratch_counts(model))


@pytest.mark.parametrize("task", ["beat", "rhythm", "seizure"])
def test_a_zoo_model_unpacks_to_its_device_form(host: HostMachine, task: str) -> None:
    model = load_compact(ZOO / f"{task}.ictus")
    assert _unpacked(host, model) == to_bytes(model)


@pytest.mark.parametrize("packer", PACKERS, ids=lambda packer: packer.name)
@pytest.mark.parametrize("n_exponents", [1, 2, 4, 8])
def test_every_packer_unpacks_to_the_device_form(
    host: HostMachine, packer: Packer, n_exponents: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "PACKERS", (packer,))
    for seed in range(4):
        model = _model(n_exponents, seed)
        assert _unpacked(host, model) == to_bytes(model)


def test_what_is_damaged_or_does_not_fit_is_refused(host: HostMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "PACKERS", (CONTEXTS,))  # the only one that needs room to work in
    model = _model()
    stored, n_out, n_scratch = to_stored(model), len(to_bytes(model)), scratch_counts(model)
    for data, out_bytes, counts, status in (
        (stored, n_out - 1, n_scratch, "ARENA_TOO_SMALL"),
        (stored, n_out, n_scratch - 1, "ARENA_TOO_SMALL"),
        (stored[:-1], n_out, n_scratch, "WRONG_SIZE"),
        (stored[:9], n_out, n_scratch, "NOT_A_MODEL"),
        (to_bytes(model), n_out, n_scratch, "NOT_A_MODEL"),
        (stored[:4] + b"\x02" + stored[5:], n_out, n_scratch, "OTHER_VERSION"),
        (stored[:-1] + bytes([stored[-1] ^ 1]), n_out, n_scratch, "WRONG_CHECKSUM"),
        (to_stored(_model(16)), 1 << 14, n_scratch, "BAD_LAYER"),
    ):
        with pytest.raises(RuntimeRefusedError, match=status):
            unpack_on(host, data, out_bytes, counts)
    room = host.allocate(8)
    for null in range(3):
        addresses = [room, room, room]
        addresses[null] = 0
        stored_at, out, scratch = addresses
        status = host.call("ictus_unpack", stored_at, 8, out, 8, scratch, 1, room)
        assert STATUS_NAMES[status] == "NULL_ARGUMENT"


def test_the_emulated_core_unpacks_the_same_bytes() -> None:
    try:
        cost = measure_unpacking(load_compact(ZOO / "seizure.ictus"))
    except MissingToolError as error:
        pytest.skip(str(error))
    assert cost.stored_bytes < cost.device_bytes
    assert cost.decoder_bytes < 6 * 1024
    assert cost.stack_bytes < 1024
    assert cost.scratch_bytes < 512


@pytest.mark.parametrize("target", ["unpack_target.c", "model_target.c"])
def test_no_mutation_leaves_the_memory(
    target: str, tmp_path: Path, watched: Callable[[Sequence[Path], Path], None]
) -> None:
    """What fuzzers do for hours, for a second: sanitizers watch mutations of models that use every packer."""
    parts = [RUNTIME_DIRECTORY / name for name in (*NETWORK, *(DECODER if target.startswith("unpack") else ()))]
    program = tmp_path / "fuzz"
    watched([FUZZ / "mutate.c", FUZZ / target, *parts], program)
    done = subprocess.run([program, "600", *_seeds(target, tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]
    assert done.stdout == "done\n"


def _seeds(target: str, folder: Path) -> list[Path]:
    """A model of each packer, or of narrow and wide streams, as files."""
    paths = []
    for number, packer in enumerate(PACKERS):
        model = replace(_model((1, 2, 4, 8)[number % 4], number), n_context=3)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(storage, "PACKERS", (packer,))
            stored = b"\0\0" + to_stored(model)
        paths.append(folder / f"{number}.bin")
        paths[-1].write_bytes(stored if target.startswith("unpack") else to_bytes(model))
    return paths


@pytest.mark.parametrize("name", ["update.ictz", "update.h"])
def test_an_update_is_the_stored_form_as_bytes_or_as_c(name: str, tmp_path: Path) -> None:
    model = _model()
    n = write_update(model, tmp_path / name)
    data = (tmp_path / name).read_bytes()
    if name.endswith(".ictz"):
        assert data == to_stored(model)
        assert n == len(data)
    else:
        numbers = data.decode().split("{")[-1].split("}")[0].replace(",", " ").split()
        assert bytes(map(int, numbers)) == to_stored(model)
        assert f"ICTUS_UPDATE_MODEL_BYTES = {len(to_bytes(model))}" in data.decode()
