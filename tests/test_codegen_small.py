"""The smallest form: the integers of the reference at the predicted cost, and no model but its own."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from ictus.compression.compact import CompactLayer, CompactModel
from ictus.compression.model_file import load_compact
from ictus.firmware_export.codegen import generate
from ictus.firmware_export.emulator.emulator import EmulatedCore
from ictus.firmware_export.emulator.machine import LoadedModel, RuntimeRefusedError
from ictus.firmware_export.golden import GoldenVectors
from ictus.firmware_export.host import HostMachine
from ictus.firmware_export.library import write_sources
from ictus.firmware_export.toolchain import MissingToolError, build_device, build_host, read_image, require
from ictus.signals.errors import InputError
from test_codegen import WITHIN, ZOO, instructions, random_beat_model, random_stream_model

REGIONS = {"stage": "ictus_model_run_stage"}


def with_shifts(model: CompactModel, most: int) -> CompactModel:
    """The model with shifts that differ by less."""

    def limited(layer: CompactLayer) -> CompactLayer:
        return dataclasses.replace(layer, shift=np.minimum(layer.shift, layer.shift.min() + most))

    stages = (dataclasses.replace(stage, layers=tuple(map(limited, stage.layers))) for stage in model.stages)
    return dataclasses.replace(model, stages=tuple(stages))


def built(model: CompactModel, folder: Path) -> tuple[HostMachine, EmulatedCore]:
    """The model's own program, on the host and on the core."""
    write_sources(model, folder, form="small")
    try:
        for module in ("ziglang", "unicorn", "capstone", "elftools"):
            require(module, module)
        host = HostMachine(build_host(folder, folder / "host.so", sanitize=True))
        return host, EmulatedCore(build_device(folder, folder / "core.elf").elf, REGIONS)
    except MissingToolError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("seed", [0, 1, 2, 7])
def test_any_model_gives_the_integers_of_the_reference_at_the_predicted_cost(seed: int, tmp_path: Path) -> None:
    model = with_shifts(random_beat_model(seed), 14 if seed == 0 else 5)
    code = generate(model, form="small")
    host, core = built(model, tmp_path)
    golden = GoldenVectors.random(model, 20)
    loaded = LoadedModel.open(host, model, data=code.model_bytes)
    assert loaded.arena_bytes == code.arena_bytes
    found = loaded.run(golden.features, golden.window, golden.context)
    for name, logits in golden.expected(model).items():
        np.testing.assert_array_equal(found[name], logits, err_msg=name)
    loaded = LoadedModel.open(core, model, data=code.model_bytes)
    for name, counted in instructions(core, loaded, 0):
        assert abs(code.instructions(name) / counted - 1) < WITHIN, (name, counted)


def test_the_zoo_takes_less_flash_and_fewer_instructions_than_packed(tmp_path: Path) -> None:
    model = load_compact(ZOO / "beat.ictus")
    code, packed = generate(model, form="small"), generate(model, form="packed")
    _, core = built(model, tmp_path)
    loaded = LoadedModel.open(core, model, data=code.model_bytes)
    for name, counted in instructions(core, loaded, 0):
        assert abs(code.instructions(name) / counted - 1) < WITHIN, (name, counted)
    assert code.instructions("specialist") < packed.instructions("specialist")
    (tmp_path / "packed").mkdir()
    write_sources(model, tmp_path / "packed")
    larger = build_device(tmp_path / "packed", tmp_path / "packed.elf")
    assert read_image(tmp_path / "core.elf").flash_bytes < larger.flash_bytes - 1500


def test_a_program_takes_its_own_model_and_no_other(tmp_path: Path) -> None:
    model = with_shifts(random_beat_model(1), 5)
    host, core = built(model, tmp_path)
    data = generate(model, form="small").model_bytes
    other = bytes([data[0] ^ 1]) + data[1:]
    for refused in (other, data[:-1], data + bytes(1)):
        with pytest.raises(RuntimeRefusedError, match="NOT_A_MODEL"):
            LoadedModel.open(host, model, data=refused)
    LoadedModel.open(core, model, data=data)
    core.write(core.symbol("ictus_model_data"), other)  # a bit of its flash flipped
    with pytest.raises(RuntimeRefusedError, match="WRONG_CHECKSUM"):
        LoadedModel.open(core, model, data=data)


def test_gaps_longer_than_a_byte_holds_are_bridged(tmp_path: Path) -> None:
    model = with_shifts(random_beat_model(1), 5)
    first, second, third = model.stages[1].layers
    taps = np.array([0, 31, 32, 63, 95, 127, 189]) % second.taps
    codes = np.zeros_like(second.codes)
    codes[0, -1], codes[1, taps], codes[2, taps[1:]] = 8, 1 + np.arange(7), 5
    screen = dataclasses.replace(model.stages[1], layers=(first, dataclasses.replace(second, codes=codes), third))
    model = dataclasses.replace(model, stages=(model.stages[0], screen, model.stages[2]))
    assert second.taps > 3 * 31, "a gap that takes several bytes"
    host, _ = built(model, tmp_path)
    golden = GoldenVectors.random(model, 20)
    loaded = LoadedModel.open(host, model, data=generate(model, form="small").model_bytes)
    found = loaded.run(golden.features, golden.window, golden.context)
    for name, logits in golden.expected(model).items():
        np.testing.assert_array_equal(found[name], logits, err_msg=name)


def test_what_the_form_cannot_hold_is_refused_in_a_line() -> None:
    with pytest.raises(InputError, match=r"^form 'small': a model with a stream has none$"):
        generate(random_stream_model(0), form="small")
    model = random_beat_model(1)
    first, second, third = model.stages[1].layers
    second = dataclasses.replace(second, shift=np.linspace(0, 15, second.out_channels).astype(np.uint8))
    screen = dataclasses.replace(model.stages[1], layers=(first, second, third))
    with pytest.raises(InputError, match="shifts of 0 to 15 in one layer"):
        generate(dataclasses.replace(model, stages=(model.stages[0], screen, model.stages[2])), form="small")
    with pytest.raises(InputError, match="the limit is 100"):
        generate(with_shifts(model, 5), max_flash=100, form="small")
