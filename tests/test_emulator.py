"""The emulated core counts every instruction once, by class and by region, and stops at bad memory."""

from pathlib import Path

import numpy as np
import pytest
from ictus.compression.compact import CompactModel
from ictus.firmware_export import toolchain
from ictus.firmware_export.emulator import emulator
from ictus.firmware_export.emulator.emulator import OUTSIDE, DeviceFaultError, EmulatedCore
from ictus.firmware_export.emulator.instructions import (
    CLASSES,
    classify,
    extra_transfers,
    is_conditional_branch,
    leaves,
)
from ictus.firmware_export.emulator.machine import LoadedModel
from ictus.firmware_export.golden import GoldenVectors
from ictus.firmware_export.toolchain import FirmwareImage, MissingToolError


@pytest.mark.parametrize(
    ("mnemonic", "expected"),
    [
        ("add.w", "alu"),
        ("bic", "alu"),
        ("ssat", "alu"),
        ("smlabb", "multiply"),
        ("mla", "multiply"),
        ("udiv", "divide"),
        ("ldrsb.w", "load"),
        ("pop", "load"),
        ("strd", "store"),
        ("push.w", "store"),
        ("bls", "branch"),
        ("cbnz", "branch"),
        ("bx", "branch"),
        ("it", "other"),
        ("vldr", "other"),
    ],
)
def test_mnemonics_have_their_class(mnemonic: str, expected: str) -> None:
    assert classify(mnemonic) == expected


def test_only_branches_with_a_condition_can_fall_through() -> None:
    assert is_conditional_branch("bne.w")
    assert is_conditional_branch("cbz")
    assert not any(map(is_conditional_branch, ("b", "bl", "bx", "bic", "add")))


def test_a_load_into_the_program_counter_is_a_jump() -> None:
    assert leaves("pop.w", "{r4, r5, pc}")
    assert leaves("ldr", "pc, [r0, r1]")
    assert not leaves("ldr", "r0, [pc, #4]")
    assert not leaves("pop", "{r4, r5}")


def test_loads_of_several_registers_are_known() -> None:
    assert extra_transfers("push.w", "{r4, r5, lr}") == 2
    assert extra_transfers("ldrd", "r0, r1, [sp]") == 1
    assert extra_transfers("ldr", "r0, [sp]") == 0


def run_units(core: EmulatedCore, model: CompactModel, n: int) -> None:
    golden = GoldenVectors.random(model, n)
    LoadedModel.open(core, model).run(golden.features, golden.window, golden.context)


def test_counts_equal_single_stepping(device_image: FirmwareImage, random_model: CompactModel) -> None:
    """A hook on each instruction sees all of them but those that an IT instruction skips."""
    from unicorn import UC_HOOK_CODE

    core, stepped = EmulatedCore(device_image.elf), [0]

    def step(*_: object) -> None:
        stepped[0] += 1

    core._engine.hook_add(UC_HOOK_CODE, step)
    run_units(core, random_model, 1)
    profile = core.profile()
    assert profile.instructions - profile.by_class["other"] <= stepped[0] <= profile.instructions


def test_the_same_work_costs_the_same_instructions(core: EmulatedCore, random_model: CompactModel) -> None:
    def cost() -> int:
        core.reset_profile()
        run_units(core, random_model, 3)
        return core.profile().instructions

    assert cost() == cost()


def test_regions_hold_their_callees_and_add_up(device_image: FirmwareImage, random_model: CompactModel) -> None:
    regions = {"stage": "ictus_model_run_stage", "open": "ictus_model_open"}
    core = EmulatedCore(device_image.elf, regions)
    run_units(core, random_model, 5)
    profile = core.profile()
    by_region = profile.region_instructions()
    assert sum(by_region.values()) == profile.instructions == sum(profile.by_class.values())
    assert set(by_region) == {OUTSIDE, *regions}
    assert by_region["stage"] > 10 * by_region[OUTSIDE] > 0
    assert profile.calls == {"stage": 15, "open": 1}


def test_nested_regions_are_counted_apart(device_image: FirmwareImage, random_model: CompactModel) -> None:
    whole = EmulatedCore(device_image.elf, {"stage": "ictus_model_run_stage"})
    parts = EmulatedCore(device_image.elf, {"stage": "ictus_model_run_stage", "layer": "ictus_layer_run"})
    run_units(whole, random_model, 2)
    run_units(parts, random_model, 2)
    split = parts.profile().region_instructions()
    assert split["stage"] + split["layer"] == whole.profile().region_instructions()["stage"]
    assert parts.profile().calls["layer"] == 2 * sum(len(stage.layers) for stage in random_model.stages)


def test_branches_taken_are_some_of_the_branches(core: EmulatedCore, random_model: CompactModel) -> None:
    core.reset_profile()
    run_units(core, random_model, 2)
    profile = core.profile()
    assert 0 < profile.branches_taken < profile.by_class["branch"]
    assert set(profile.by_class) == set(CLASSES)


def test_a_profile_starts_at_nothing(core: EmulatedCore) -> None:
    core.reset_profile()
    assert core.profile().instructions == 0


def test_stack_is_measured(core: EmulatedCore, random_model: CompactModel) -> None:
    core.reset_stack()
    assert core.profile().stack_bytes == 0
    run_units(core, random_model, 1)
    assert 64 < core.profile().stack_bytes < 1024


def test_memory_that_is_not_there_is_a_clear_error(core: EmulatedCore) -> None:
    with pytest.raises(DeviceFaultError, match=r"ictus_harness_open: .* at pc 0x08"):
        core.call("ictus_harness_open", 0x90000000, 100, core.allocate(256))
    with pytest.raises(DeviceFaultError, match="read"):
        core.read(0x90000000, 4)


def test_flash_cannot_be_written_by_the_program(core: EmulatedCore) -> None:
    model = bytes(32)
    address = core.allocate(32)
    core.write(address, model)
    with pytest.raises(DeviceFaultError):
        core.call("ictus_harness_open", address, 32, core.symbol("ictus_model_open") & ~1)


def test_shared_memory_has_an_end(core: EmulatedCore) -> None:
    with pytest.raises(DeviceFaultError, match="there are"):
        core.allocate(1 << 30)
    core.free_all()


def test_only_the_firmware_is_counted_as_flash(device_image: FirmwareImage, core: EmulatedCore) -> None:
    assert core.symbol("ictus_harness_run") >= 0x08080000
    assert core.symbol("ictus_model_run_stage") < 0x08040000
    assert 2000 < device_image.flash_bytes < 64 * 1024


def test_a_missing_tool_names_the_extra(monkeypatch: pytest.MonkeyPatch, device_image: FirmwareImage) -> None:
    monkeypatch.setattr(toolchain, "find_spec", lambda _: None)
    with pytest.raises(MissingToolError, match=r"pip install 'ictus\[wearable\]'"):
        toolchain.compiler()
    with pytest.raises(MissingToolError, match=r"unicorn is not installed"):
        emulator.EmulatedCore(device_image.elf)


@pytest.mark.usefixtures("device_image")
def test_a_compile_error_is_one_line(tmp_path: Path) -> None:
    source = tmp_path / "broken.c"
    source.write_text("int f(void) { return missing; }\n")
    with pytest.raises(toolchain.CompileError, match="missing") as raised:
        toolchain.build_library(source, tmp_path / "broken.so")
    assert "\n" not in str(raised.value)


def test_arguments_beyond_four_lie_on_the_stack(core: EmulatedCore, random_model: CompactModel) -> None:
    """`ictus_harness_run` takes five."""
    golden = GoldenVectors.random(random_model, 1)
    loaded = LoadedModel.open(core, random_model)
    found = dict(loaded.run_stages(golden.features[0], golden.window[0], golden.context[0]))
    for name, logits in golden.expected(random_model).items():
        np.testing.assert_array_equal(found[name], logits[0])
