"""What a compact model costs: bytes in both forms, instructions of a decision, energy of a decision."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from ...compression import CompactLayer, CompactModel, byte_count, stored_byte_count
from ...compression.reference_layer import ReferenceLayer, UniformLayer, reference_byte_count
from ...compression.storage import packed_sizes
from ...firmware_export import Device, GoldenVectors, get_device
from ...firmware_export.c_export import write_sources
from ...firmware_export.emulator.footprint import Footprint, measure_footprint
from ...firmware_export.energy.cycles import cycles_of
from ...firmware_export.energy.ranges import Range
from ...firmware_export.toolchain import MissingToolError
from ...models import FloatModel

__all__ = ["DecisionCost", "ModelSizes", "decision_cost", "sizes_of"]

_UJ_PER_PJ = 1e-6


@dataclass(frozen=True)
class ModelSizes:
    """What a model takes.

    Attributes
    ----------
    bytes : on the device; of the accounted arrays for a model without a device form
    stored_bytes : in the stored form, None without one
    bytes_by : device bytes by what they are for
    sparsity : share of the trained network's weights that are pruned
    bits : of a weight that is not
    runs_on_device : whether firmware can hold the model
    packed : bytes of all weights by packer, were it the only one; empty without a stored form
    """

    bytes: int
    stored_bytes: int | None
    bytes_by: dict[str, int]
    sparsity: float
    bits: int
    runs_on_device: bool
    packed: dict[str, float] = field(default_factory=dict)


def sizes_of(model: CompactModel | FloatModel, trained: FloatModel) -> ModelSizes:
    """Sizes of a compact model, or of the float network that it was made of."""
    n_dense = sum(layer.n_weights for chain in trained.net.chains().values() for layer in chain)
    if isinstance(model, FloatModel):
        n_bytes = model.net.n_float_bytes()
        return ModelSizes(n_bytes, None, {"weights": 4 * n_dense, "other": n_bytes - 4 * n_dense}, 0.0, 32, False)
    layers = [layer for stage in model.stages for layer in stage.layers]
    sparsity = 1 - sum(layer.n_weights for layer in layers) / n_dense
    bits = max(_bits(layer) for layer in layers)
    if any(isinstance(layer, ReferenceLayer) for layer in layers):
        n_bytes = _reference_bytes(model)
        return ModelSizes(n_bytes, None, {"all": n_bytes}, sparsity, bits, False)
    count = byte_count(model)
    stored = stored_byte_count(model).total
    return ModelSizes(count.total, stored, vars(count), sparsity, bits, True, packed_sizes(model))


def _bits(layer: CompactLayer) -> int:
    """Bits of a weight that is not pruned, without what says which are."""
    return layer.bits if isinstance(layer, UniformLayer) else layer.n_exponents.bit_length()


def _reference_bytes(model: CompactModel) -> int:
    """`reference_byte_count`, with a bitmap and the weights that are left where that is less than all weights."""
    saved = 0
    for layer in (layer for stage in model.stages for layer in stage.layers):
        bits = _bits(layer)
        saved += max(layer.codes.size * bits - (layer.codes.size + layer.n_weights * bits), 0) // 8
    return reference_byte_count(model) - saved


@dataclass(frozen=True)
class DecisionCost:
    """What one decision costs on average.

    Attributes
    ----------
    instructions : counted on the emulated Cortex-M4, gate, screen and specialist
    energy_uj : these at the device's typical cycles and current; no sleep, front end or radio
    device : that the energy is for
    """

    instructions: float
    energy_uj: float
    device: str


def decision_cost(
    model: CompactModel, stage_share: Mapping[str, float], golden: GoldenVectors
) -> DecisionCost | None:
    """Run the stages on the emulated core, and weigh each by the share of the decisions that reach it.

    Parameters
    ----------
    stage_share : stage -> share of the decisions that run it
    golden : inputs to run; every logit is compared with the integer reference

    Returns
    -------
    None where compiler or emulator is not installed

    Raises
    ------
    DisagreementError
        the core and the reference disagree
    """
    with TemporaryDirectory(prefix="ictus-") as folder:
        written = write_sources(model, Path(folder))
        try:
            footprint = measure_footprint(model, Path(folder), golden, written)
        except MissingToolError:
            return None
    device = get_device()
    runs = footprint.stage_instructions
    instructions = sum(stage_share[name] * n for name, n in runs.items())
    energy_uj = sum(stage_share[name] * _stage_uj(footprint, name, device) for name in runs)
    return DecisionCost(instructions, energy_uj, device.name)


def _stage_uj(footprint: Footprint, stage: str, device: Device) -> float:
    """Typical energy of one run: 1 uA/MHz is 1 pC a cycle; times the voltage, pJ a cycle."""
    mcu = device.mcu
    cycles: Range = cycles_of(footprint.stage_profiles[stage], mcu.core, mcu.wait_states)
    return cycles.typical / footprint.n_units * mcu.active_ua_per_mhz.value.typical * mcu.supply_v * _UJ_PER_PJ
