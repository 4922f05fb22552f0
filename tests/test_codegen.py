"""Weights as instructions: the integers of the reference on the host and on the core, at the predicted cost."""

import dataclasses
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from ictus.compression.compact import CompactLayer, CompactModel, CompactStage
from ictus.compression.model_file import load_compact, to_bytes
from ictus.firmware_export.arena import lent_bytes
from ictus.firmware_export.codegen import GeneratedCode, generate
from ictus.firmware_export.emulator.emulator import EmulatedCore
from ictus.firmware_export.emulator.machine import STATUS_NAMES, LoadedModel, Machine, RuntimeRefusedError, place
from ictus.firmware_export.golden import GoldenVectors
from ictus.firmware_export.host import HostMachine
from ictus.firmware_export.library import write_sources
from ictus.firmware_export.toolchain import MissingToolError, build_device, build_host, read_symbols, require
from ictus.signals.errors import InputError

ZOO = Path(__file__).parents[1] / "models" / "zoo"
REGIONS = {"stage": "ictus_model_run_stage", "strip": "ictus_harness_run_strip"}
ROWS = {"beat": 0, "rhythm": 2048, "seizure": 256}
WITHIN = 0.1


def random_layer(
    rng: np.random.Generator, shape: tuple[int, int], step: int, length: int, n_exponents: int = 4, **flags: bool
) -> CompactLayer:
    """Of any density, with shifts from nothing to all, so that many channels leave 16 bits."""
    density = rng.choice([0.05, 0.3, 0.9])
    codes = np.where(rng.random(shape) < density, rng.integers(1, 2 * n_exponents + 1, shape), 0).astype(np.uint8)
    bias = rng.integers(-128, 128, shape[0]).astype(np.int8)
    shift = rng.integers(0, rng.choice([6, 16]), shape[0]).astype(np.uint8)
    options = {"relu": bool(rng.random() < 0.8)} | flags
    return CompactLayer(codes, bias, shift, step, length, n_exponents=n_exponents, **options)


def random_beat_model(seed: int) -> CompactModel:
    """Convolutions of odd and even lengths, dense layers with and without context, a kept map with two readers."""
    rng = np.random.default_rng(seed)
    channels, n_context, wide = int(rng.integers(1, 4)), int(rng.integers(1, 8)), 8 if seed % 3 == 0 else 4
    window = int(rng.integers(9, 32)), channels
    width, stride, kernel = int(rng.integers(1, 12)), int(rng.integers(1, 4)), int(rng.integers(1, 6))
    length = (window[0] - kernel) // stride + 1
    first = random_layer(rng, (width, kernel * channels), stride * channels, length, wide)
    screen = (
        first,
        random_layer(rng, (9, length * width + n_context), 1, 1, takes_context=True),
        random_layer(rng, (1, 9), 1, 1, relu=False),
    )
    convolutions = []
    for _ in range(int(rng.integers(1, 4))):
        taps, stride, wider = (
            min(int(rng.integers(1, 5)), length),
            int(rng.integers(1, 3)),
            int(rng.integers(1, 12)),
        )
        length = (length - taps) // stride + 1
        relu = bool(rng.random() < 0.9)
        shape = wider, taps * width
        convolutions.append(random_layer(rng, shape, stride * width, length, wide, relu=relu))
        width = wider
    specialist = (
        *convolutions,
        random_layer(rng, (12, length * width), 1, 1),
        random_layer(rng, (3, 12 + n_context), 1, 1, takes_context=True, relu=False),
    )
    gate = (random_layer(rng, (5, 22), 22, 1), random_layer(rng, (1, 5), 1, 1, relu=False))
    stages = (
        CompactStage("gate", "features", gate),
        CompactStage("screen", "window", screen, n_kept=1),
        CompactStage("specialist", "kept", specialist),
    )
    return CompactModel("beat", 22, window, n_context, stages)


def random_stream_model(seed: int) -> CompactModel:
    """Three convolutions of a stream; rows of four values and of others."""
    rng = np.random.default_rng(seed)
    widths = [
        int(rng.choice([1, 2])),
        int(rng.choice([3, 4, 8])),
        int(rng.choice([4, 7])),
        int(rng.integers(1, 12)),
    ]
    convolutions = []
    for number, (before, width) in enumerate(pairwise(widths)):
        kernel, stride = int(rng.integers(1, 6)), int(rng.integers(1, 4))
        pools = number == 2
        options = {"relu": True, "pools": True} if pools else {}
        convolutions.append(random_layer(rng, (width, kernel * before), stride * before, 0, **options))
    dense = random_layer(rng, (6, 2 * widths[-1] + 5), 1, 1, takes_context=True)
    specialist = (*convolutions, dense, random_layer(rng, (2, 6), 1, 1, relu=False))
    stages = (
        CompactStage("gate", "features", (random_layer(rng, (1, 22), 22, 1, relu=False),)),
        CompactStage("screen", "context", (random_layer(rng, (1, 5), 1, 1, relu=False),)),
        CompactStage("specialist", "stream", specialist),
    )
    return CompactModel("rhythm", 22, (0, widths[0]), 5, stages)


MODELS = [*map(random_beat_model, range(4)), *map(random_stream_model, range(3))]


def together(codes: list[GeneratedCode]) -> dict[str, str]:
    """Files of one program with the code of many models."""
    files, tables, names = {}, [], []
    for number, code in enumerate(codes):
        for name, text in code.files.items():
            renamed = re.sub(r"ictus_code_(gate|screen|specialist)_", rf"ictus_code_m{number}_\1_", text)
            if name == "ictus_code.c":
                table = renamed.partition("static")[2].partition("const ictus_code *const")[0]
                table = re.sub(r"\b(layers|stages|run_[a-z]+)\b", rf"\1_{number}", "static" + table)
                tables.append(re.sub(r"\bcode\b", f"code_{number}", table))
                names.append(f"&code_{number}")
            else:
                stem, _, suffix = name.rpartition(".")
                files[f"{stem}_{number}.{suffix}"] = renamed.replace(
                    "ictus_code_layers.h", f"ictus_code_layers_{number}.h"
                ).replace("ICTUS_CODE_LAYERS_H", f"ICTUS_CODE_LAYERS_{number}_H")
    includes = "".join(f'#include "ictus_code_layers_{number}.h"\n' for number in range(len(codes)))
    registry = f"const ictus_code *const ictus_codes[] = {{{', '.join(names)}, NULL}};\n"
    return files | {"ictus_code.c": includes + "#include <stddef.h>\n" + "\n".join(tables) + registry}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[GeneratedCode], dict[str, Machine], Path]:
    """All random models as code in one program, on the host and on the core."""
    folder = tmp_path_factory.mktemp("code")
    codes = [generate(model, form="unrolled") for model in MODELS]
    write_sources(MODELS[-1], folder)
    for name, text in together(codes).items():
        (folder / name).write_text(text)
    try:
        for module in ("ziglang", "unicorn", "capstone", "elftools"):
            require(module, module)
        host = HostMachine(build_host(folder, folder / "host.so", sanitize=True))
        core = EmulatedCore(build_device(folder, folder / "core.elf").elf, REGIONS)
    except MissingToolError as error:
        pytest.skip(str(error))
    return codes, {"host": host, "core": core}, folder


def opened(machine: Machine, model: CompactModel, code: GeneratedCode) -> LoadedModel:
    return LoadedModel.open(machine, model, code.lent_bytes, code.model_bytes)


@pytest.mark.parametrize("machine", ["host", "core"])
@pytest.mark.parametrize("number", range(len(MODELS)))
def test_code_gives_the_integers_of_the_reference(
    programs: tuple[list[GeneratedCode], dict[str, Machine], Path], machine: str, number: int
) -> None:
    codes, machines, _ = programs
    model, code = MODELS[number], codes[number]
    assert all(layer.form == "unrolled" for layer in code.layers)
    golden = GoldenVectors.random(model, 20 if machine == "host" else 3)
    loaded = opened(machines[machine], model, code)
    found = loaded.run(golden.features, golden.window, golden.context)
    for name, logits in golden.expected(model).items():
        np.testing.assert_array_equal(found[name], logits, err_msg=name)


@pytest.mark.parametrize("number", range(len(MODELS)))
def test_exporter_and_runtime_agree_on_the_arena_of_code(
    programs: tuple[list[GeneratedCode], dict[str, Machine], Path], number: int
) -> None:
    codes, machines, _ = programs
    loaded = opened(machines["host"], MODELS[number], codes[number])
    assert loaded.arena_bytes == codes[number].arena_bytes <= codes[number].lent_bytes


def test_code_that_belongs_to_another_model_is_refused(
    programs: tuple[list[GeneratedCode], dict[str, Machine], Path],
) -> None:
    codes, machines, _ = programs
    stage = MODELS[0].stages[0]
    other = dataclasses.replace(MODELS[0], stages=(dataclasses.replace(stage, threshold=5), *MODELS[0].stages[1:]))
    for machine in machines.values():
        with pytest.raises(RuntimeRefusedError, match="NO_CODE"):
            LoadedModel.open(machine, other, 0, generate(other, form="unrolled").model_bytes)
        damaged = bytearray(codes[0].model_bytes)
        damaged[24 + 4] = (
            200  # the number of the first layer in the table, with a checksum that is still another's
        )
        address, model = machine.allocate(4096), place(machine, bytes(damaged))
        status = machine.call("ictus_harness_open", model, len(damaged), address)
        assert status == STATUS_NAMES.index("WRONG_CHECKSUM")


def instructions(core: EmulatedCore, loaded: LoadedModel, rows: int) -> Iterator[tuple[str, int]]:
    """Instructions of one run of each stage, whose logits are the reference's."""
    model = loaded.model
    rng = np.random.default_rng(1)
    sizes = (model.n_features,), (model.window_shape[0] or rows, model.window_shape[1]), (model.n_context,)
    features, window, context = (rng.integers(-128, 128, size, dtype=np.int8) for size in sizes)
    expected = model.run(features[None], window[None], context[None])
    core.reset_profile()
    for name, logits in loaded.run_stages(features, window, context):
        np.testing.assert_array_equal(logits, expected[name][0], err_msg=name)
        counted = core.profile().region_instructions()
        yield name, sum(n for region, n in counted.items() if region in REGIONS)
        core.reset_profile()


@pytest.fixture(scope="module", params=["beat", "rhythm", "seizure"])
def zoo(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[CompactModel, EmulatedCore]:
    """A model of the zoo and a core with all its layers as code."""
    model, folder = load_compact(ZOO / f"{request.param}.ictus"), tmp_path_factory.mktemp(request.param)
    write_sources(model, folder, form="unrolled")
    try:
        for module in ("ziglang", "unicorn", "capstone", "elftools"):
            require(module, module)
        regions = REGIONS if model.window_shape[0] == 0 else {"stage": REGIONS["stage"]}
        return model, EmulatedCore(build_device(folder, folder / "core.elf").elf, regions)
    except MissingToolError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("form", ["packed", "unrolled"])
def test_the_zoo_runs_in_both_forms_at_the_predicted_cost(
    zoo: tuple[CompactModel, EmulatedCore], form: str
) -> None:
    model, core = zoo
    code = generate(model, form=form)
    loaded = LoadedModel.open(core, model, code.lent_bytes, code.model_bytes)
    for name, counted in instructions(core, loaded, ROWS[model.task]):
        assert abs(code.instructions(name) / counted - 1) < WITHIN, (name, counted)


def test_the_size_of_generated_functions_is_predicted(
    programs: tuple[list[GeneratedCode], dict[str, Machine], Path],
) -> None:
    codes, _, folder = programs
    symbols = read_symbols(folder / "core.elf")
    for number, code in enumerate(codes):
        functions = sum(size for name, (_, size) in symbols.items() if name.startswith(f"ictus_code_m{number}_"))
        assert (
            abs(functions + len(code.model_bytes) + 12 * len(code.layers) - code.flash_bytes) < WITHIN * functions
        )


def test_more_flash_never_costs_instructions_and_limits_are_kept() -> None:
    model = load_compact(ZOO / "seizure.ictus")
    packed, unrolled = generate(model, form="packed"), generate(model, form="unrolled")
    assert len(to_bytes(model)) <= packed.flash_bytes < unrolled.flash_bytes
    limits = np.linspace(packed.flash_bytes, unrolled.flash_bytes, 6).astype(int)
    found = [generate(model, max_flash=int(limit)) for limit in limits]
    assert all(code.flash_bytes <= limit for code, limit in zip(found, limits, strict=True))
    costs = [sum(code.stage_instructions.values()) for code in found]
    assert costs == sorted(costs, reverse=True)
    assert len(set(costs)) >= 4, "a smooth choice"
    with pytest.raises(InputError, match="the limit is 100"):
        generate(model, max_flash=100)


def test_the_same_model_gives_the_same_files() -> None:
    model = random_beat_model(5)
    assert generate(model) == generate(model)
    assert generate(model, form="packed").files == {}
    assert generate(model, form="packed").model_bytes == to_bytes(model)
    assert generate(model, form="packed").lent_bytes == lent_bytes(model)


def test_a_target_without_the_instructions_gets_c_alone() -> None:
    model = random_beat_model(1)
    assert "ictus_code_armv7em.c" in generate(model, "cortex-m33").files
    for target in ("rv32imc", "host"):
        files = generate(model, target).files
        assert not any("__asm__" in text for text in files.values())
    assert "ictus_code_armv6m.c" in generate(model, "cortex-m0plus").files
    with pytest.raises(InputError, match="form 'fast'"):
        generate(model, form="fast")
