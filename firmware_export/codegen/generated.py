"""The exporter's choice between the two forms of a layer."""

from dataclasses import dataclass

import numpy as np

from ...compression.compact import CompactModel
from ...compression.model_file import to_bytes
from ...signals.errors import InputError
from ..arena import arena_bytes, lent_bytes
from ..targets import get_target
from .choose import Choice
from .generate import backend_of, code_files, device_bytes, programs_of
from .predict import LayerPlan, Predictor, total_bytes
from .small import PER_STAGE, SmallLayer, small_program
from .table import needs_of

__all__ = ["FORMS", "GeneratedCode", "generate"]

FORMS = ("auto", "packed", "unrolled", "small")


@dataclass(frozen=True)
class GeneratedCode:
    """A model for the device, some of its layers code.

    Attributes
    ----------
    files : name -> text of C files that take their place beside the runtime's, or replace them
    model_bytes : the model's device form, see `generate.device_bytes`
    arena_bytes : what `ictus_model_open` asks for
    lent_bytes : what the exporter lends
    layers : form and cost of every layer, in the order of the file
    stage_instructions : stage -> instructions of one run on a Cortex-M4, predicted
    """

    files: dict[str, str]
    model_bytes: bytes
    arena_bytes: int
    lent_bytes: int
    layers: tuple[LayerPlan, ...]
    stage_instructions: dict[str, float]

    @property
    def flash_bytes(self) -> int:
        """Of model and generated code, predicted."""
        return total_bytes(self.layers)

    def instructions(self, stage: str) -> float:
        """Instructions of one run of a stage on a Cortex-M4, predicted; KeyError if there is no such stage."""
        return self.stage_instructions[stage]


def generate(
    model: CompactModel, target: str = "cortex-m4", max_flash: int | None = None, form: str = "auto"
) -> GeneratedCode:
    """Choose a form for every layer and write the code of those that become instructions.

    Parameters
    ----------
    target : name of a `targets.Target`; its instructions, or C99 where there are none of its own
    max_flash : bytes that model and generated code may fill, as on a Cortex-M4; None for no limit
    form : ``packed`` or ``unrolled`` for all layers, ``auto`` for the fewest instructions within `max_flash`;
        ``small`` for the least flash with the code that runs them

    Raises
    ------
    InputError : an unknown target or form, or not even the packed model fits.
    """
    get_target(target)
    if form not in FORMS:
        raise InputError(f"form {form!r}: it is one of {', '.join(FORMS)}")
    if form == "small":
        return _small(model, max_flash)
    predictor = Predictor(model)
    code = _choose(predictor, max_flash, form)
    programs = programs_of(model, set(code))
    needs, plans = needs_of(programs), predictor.plans(code)
    files = code_files(model, programs, backend_of(target)) if code else {}
    data = device_bytes(model, list(programs)) if code else to_bytes(model)
    stages = {stage.name: predictor.stage_instructions(plans, stage.name) for stage in model.stages}
    return GeneratedCode(files, data, arena_bytes(model, needs), lent_bytes(model, needs), plans, stages)


def _small(model: CompactModel, max_flash: int | None) -> GeneratedCode:
    """Every layer in the smallest form."""
    program = small_program(model)
    plans = tuple(map(_small_plan, program.layers))
    if max_flash is not None and total_bytes(plans) > max_flash:
        raise InputError(f"the model takes {total_bytes(plans)} bytes, the limit is {max_flash}")
    stages = {
        stage.name: PER_STAGE + sum(plan.instructions for plan in plans if plan.stage == stage.name)
        for stage in model.stages
    }
    return GeneratedCode(program.files, program.data, program.arena_bytes, program.arena_bytes, plans, stages)


def _small_plan(layer: SmallLayer) -> LayerPlan:
    bound = int(np.abs(layer.site.bounds).max())
    return LayerPlan(*layer.site.key, "small", layer.instructions, layer.flash_bytes, bound)


def _choose(predictor: Predictor, max_flash: int | None, form: str) -> Choice:
    """The layers that become code."""
    if form == "packed":
        choices = [Choice()]
    elif form == "unrolled" or max_flash is None:
        choices = [Choice(predictor.candidates)]
    else:
        choices = [option.code for option in predictor.options()]
    sizes = {choice: predictor.flash_bytes(choice) for choice in choices}
    fitting = [choice for choice in choices if max_flash is None or sizes[choice] <= max_flash]
    if not fitting:
        raise InputError(f"model and code take at least {min(sizes.values())} bytes, the limit is {max_flash}")
    return fitting[-1]
