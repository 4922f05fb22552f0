"""Instructions and flash of a model for any choice of layers that become code."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...compression.compact import CompactModel, CompactStage
from ...signals.eeg_features import EEG_WINDOW_S
from ...signals.eeg_wave import EEG_FS_HZ
from ...signals.rhythm_wave import RHYTHM_FS_HZ
from ..arena import lent_bytes
from ..stream_plan import TILE, StreamedLayer, patient_bytes, plan_stream, run_counts
from . import costs
from .assembly import Assembly
from .choose import Choice, Option, groups_of, options
from .generate import best_assembly, programs_of
from .program import Program
from .sites import Key, Site, sites_of
from .table import needs_of, whole_stages

__all__ = ["LayerPlan", "Predictor", "total_bytes"]

_STRIP_S = 32
_ROWS = {"rhythm": _STRIP_S * RHYTHM_FS_HZ, "seizure": EEG_WINDOW_S * EEG_FS_HZ}
"""Rows of the stream that a task's specialist decides on."""

_OTHER_ROWS = 640
_CHUNK = 64
_HEADERS = 20 + 3 * 4
_REACHED = {"gate": 1.0, "screen": 1.0, "specialist": 0.25}
"""How often a stage runs for a unit, about: what its instructions weigh against flash."""


@dataclass(frozen=True)
class LayerPlan:
    """One layer's form and what it takes on a Cortex-M4.

    Attributes
    ----------
    stage, number : which layer, from 1
    form : ``packed`` or ``unrolled``
    instructions : of one run of its stage, of a stream for one unit of the task
    flash_bytes : of its part of the model and of its code
    bound : largest magnitude that an accumulator can end with
    """

    stage: str
    number: int
    form: str
    instructions: float
    flash_bytes: int
    bound: int


def total_bytes(plans: Iterable[LayerPlan]) -> int:
    """Flash of a model and its code."""
    return _HEADERS + sum(plan.flash_bytes for plan in plans)


class Predictor:
    """Costs of one model; what was found for a layer is kept."""

    def __init__(self, model: CompactModel) -> None:
        self.model = model
        self.sites: dict[Key, Site] = {site.key: site for site in sites_of(model)}
        self._assembly: dict[tuple[object, ...], Assembly] = {}
        self._packed = {key: costs.Passes.of(site.layer) for key, site in self.sites.items()}
        self._packed_bytes = {key: costs.packed_bytes(site.layer) for key, site in self.sites.items()}
        self._streamed: dict[tuple[object, ...], list[StreamedLayer]] = {}

    @property
    def candidates(self) -> list[Key]:
        """Layers that can become code."""
        return [key for key, site in self.sites.items() if site.fits_code]

    def assembly(self, program: Program) -> Assembly:
        """A program's instructions."""
        known = program.site.key, program.reads, program.writes, program.stream_pairs
        if known not in self._assembly:
            self._assembly[known] = best_assembly(program)
        return self._assembly[known]

    def plans(self, code: Choice) -> tuple[LayerPlan, ...]:
        """Every layer's plan, in the order of the file."""
        programs = programs_of(self.model, set(code))
        streams = {
            stage.name: self._runs(stage, programs) for stage in self.model.stages if stage.source == "stream"
        }

        def at(site: Site) -> StreamedLayer | None:
            return streams[site.key[0]][site.key[1] - 1] if site.is_streamed else None

        whole = whole_stages(self.model, code)
        return tuple(
            self._plan(site, programs.get(site.key), at(site), whole.get(site.key[0], []))
            for site in self.sites.values()
        )

    def flash_bytes(self, code: Choice) -> int:
        """Of model and code."""
        return total_bytes(self.plans(code))

    def options(self) -> list[Option]:
        """Choices worth making, by flash; here every convolution of a stream has RAM to compute whole tiles."""
        return options(groups_of(list(self.sites.values())), self._group_cost)

    def _group_cost(self, group: tuple[Key, ...], code: Choice) -> tuple[float, int]:
        programs = programs_of(self.model, set(code))
        found = [self._plan(self.sites[key], programs.get(key), self._patient(key)) for key in group]
        weighed = sum(plan.instructions * _REACHED.get(plan.stage, 1.0) for plan in found)
        return weighed, sum(plan.flash_bytes for plan in found)

    def stage_instructions(self, plans: tuple[LayerPlan, ...], stage: str) -> float:
        """Instructions of one run of a stage."""
        code = [(plan.stage, plan.number) for plan in plans if plan.form == "unrolled"]
        start = costs.PER_WHOLE_STAGE if stage in whole_stages(self.model, code) else costs.PER_STAGE
        found = start + sum(plan.instructions for plan in plans if plan.stage == stage)
        streamed = [site for site in self.sites.values() if site.key[0] == stage and site.is_streamed]
        return found + (costs.stream_start(streamed[-1].layer.out_channels) if streamed else 0)

    def _patient(self, key: Key) -> StreamedLayer | None:
        """A convolution in a stream of which all wait; None if it is no stream's."""
        if not self.sites[key].is_streamed:
            return None
        stage = self.model.stage(key[0])
        layers = [layer for layer in stage.layers if layer.out_length == 0]
        return self._simulated(stage, patient_bytes(layers, self.model.window_shape[1]))[key[1] - 1]

    def _plan(
        self, site: Site, program: Program | None, streamed: StreamedLayer | None, whole: Sequence[Key] = ()
    ) -> LayerPlan:
        """A layer's plan; `whole` are the layers of its stage if they have a function of their own."""
        form = "packed" if program is None else "unrolled"
        bound = int(np.abs(site.bounds).max())
        if program is None:
            flash = self._packed_bytes[site.key]
        else:
            flash = self.assembly(program).n_bytes + costs.CODE_BYTES
            flash += costs.STAGE_BYTES * (site.key in whole[:1]) + costs.STAGE_CALL_BYTES * (site.key in whole)
        if streamed is not None:
            instructions = self._streamed_layer(site, program, streamed)
        elif program is not None:
            call = costs.PER_STAGE_CALL if whole else costs.PER_CODE_CALL
            instructions = self.assembly(program).executed + call
        else:
            copied = site.n_inputs if site.producer is None else 0
            instructions = costs.PER_PACKED_CALL + self._packed[site.key].map(site.layer.out_length)
            instructions += costs.context_copy(site.n_context, copied) if site.n_context else 0
        return LayerPlan(*site.key, form, instructions, flash, bound)

    def _streamed_layer(self, site: Site, program: Program | None, at: StreamedLayer) -> float:
        positions = sum(n * runs for n, runs in at.runs.items())
        n_rows = _ROWS.get(self.model.task, _OTHER_ROWS) if site.key[1] == 1 else 0
        total = costs.stream_glue(at, n_rows, program is not None)
        for n, runs in at.runs.items():
            one = self._packed[site.key].tile(n) if program is None else self._code_tile(program, n)
            total += runs * one
        return total + (costs.pool_passes(positions, site.layer.out_channels) if site.layer.pools else 0)

    def _code_tile(self, program: Program, n: int) -> int:
        """Instructions of generated code for `n` positions, see `run_code` in ictus_stream.c."""
        two, one = (self.assembly(replace(program, stream_pairs=pairs)).executed for pairs in (2, 1))
        return two if n == TILE else (n + 1) // 2 * one

    def _runs(self, stage: CompactStage, programs: Mapping[Key, Program]) -> list[StreamedLayer]:
        needs = needs_of(programs)
        scratch = [
            need.scratch_bytes
            for key, need in needs.items()
            if key[0] == stage.name and self.sites[key].is_streamed
        ]
        return self._simulated(stage, lent_bytes(self.model, needs) - max(scratch, default=0))

    def _simulated(self, stage: CompactStage, room: int) -> list[StreamedLayer]:
        """A stream of the task's usual length; `room` as for `plan_stream`."""
        if (stage.name, room) not in self._streamed:
            layers = [layer for layer in stage.layers if layer.out_length == 0]
            planned = plan_stream(layers, self.model.window_shape[1], room, 0)
            run_counts(planned, _ROWS.get(self.model.task, _OTHER_ROWS), _CHUNK)
            self._streamed[stage.name, room] = planned
        return self._streamed[stage.name, room]
