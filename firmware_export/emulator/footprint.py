"""What an exported model costs on the emulated wearable: flash, RAM, stack, instructions of each stage."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from ...compression.compact import CompactModel
from ...signals.errors import IctusError
from ..golden import GoldenVectors
from ..library import LibraryModel
from ..targets import DEFAULT_TARGET, get_target
from ..toolchain import build_device, device_flags
from .emulator import EmulatedCore, Profile
from .machine import LoadedModel

__all__ = ["DisagreementError", "Footprint", "measure_footprint"]

_STAGES = {"stage": "ictus_model_run_stage"}
_STREAM = {"stream": "ictus_harness_run_strip"}


class DisagreementError(IctusError):
    """The emulated core gave other logits than the integer reference."""


@dataclass(frozen=True)
class Footprint:
    """Measured costs.

    Attributes
    ----------
    flash_bytes, model_bytes, ram_bytes, compiler : as in `toolchain.FirmwareImage`
    stack_bytes : deepest stack of the stages
    stage_instructions : stage -> instructions of one run, mean over the units
    stage_profiles : stage -> profile of its runs on all units together, with what calls the stage
    n_units : units that were run
    flags : what the compiler was told about the target and optimisation
    """

    flash_bytes: int
    model_bytes: int
    ram_bytes: int
    stack_bytes: int
    stage_instructions: dict[str, float]
    n_units: int
    compiler: str
    flags: str
    stage_profiles: Mapping[str, Profile] = field(default_factory=dict)


def measure_footprint(
    model: CompactModel, sources: Path, golden: GoldenVectors, written: LibraryModel, target: str = DEFAULT_TARGET
) -> Footprint:
    """Build an exported directory, run every stage of every unit on the emulated core, and compare.

    Parameters
    ----------
    written : what `write_sources` returned
    target : a core whose instructions the emulated one has

    Raises
    ------
    MissingToolError : the compiler or the emulator is not installed.
    DisagreementError : a logit differs from `CompactModel.run`.
    """
    with TemporaryDirectory(prefix="ictus-") as directory:
        image = build_device(sources, Path(directory) / "ictus.elf", target=target)
        core = EmulatedCore(image.elf, _STAGES | (_STREAM if model.has_stream else {}))
    loaded = LoadedModel.open(core, model, written.lent_bytes, written.data)
    core.reset_stack()
    expected = golden.expected(model)
    instructions = dict.fromkeys(expected, 0.0)
    profiles = dict.fromkeys(expected, Profile())
    for unit in range(len(golden)):
        core.reset_profile()
        inputs = golden.features[unit], golden.window[unit], golden.context[unit]
        for name, logits in loaded.run_stages(*inputs):
            if (logits != expected[name][unit]).any():
                raise DisagreementError(f"{name}: the emulated core disagrees with the integer reference")
            instructions[name] += _in_stages(core) / len(golden)
            profiles[name] += core.profile()
            core.reset_profile()
    flags = " ".join(flag for flag in device_flags(get_target(target)) if flag.startswith(("-mcpu", "-O")))
    sizes = image.flash_bytes, image.model_bytes, image.ram_bytes
    return Footprint(
        *sizes, core.profile().stack_bytes, instructions, len(golden), image.compiler, flags, profiles
    )


def _in_stages(core: EmulatedCore) -> int:
    counted = core.profile().region_instructions()
    return sum(n for name, n in counted.items() if name in {**_STAGES, **_STREAM})
