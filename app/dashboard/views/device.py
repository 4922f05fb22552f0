"""Device: the recording on the emulated wearable, and what it costs there."""

from collections.abc import Mapping

import numpy as np
import streamlit as st
from markupsafe import Markup

from ....firmware_export import simulate
from ....firmware_export.energy.devices import Afe, Battery, Device, Mcu, Radio, device_table, get_device
from ....firmware_export.energy.system import EnergyReport
from ....firmware_export.wearable.seizure import EEG_AFES, SeizureSimulation, simulate_seconds, with_channels
from ....firmware_export.wearable.simulate import BeatSimulation
from ....signals import DEVICE_FS_HZ, IctusError
from ...model_files import load_model
from ...wearable.firmware import compact_of
from ...wearable.seizure_firmware import wearable_lead
from .case import Case, Figure
from .clock import clock, span
from .ecg_case import EcgCase
from .energy_bars import energy_bars
from .html import as_text, figure_cards, grid, titled
from .overview import stage_rows
from .picture import picture
from .session import look_of
from .stretch import eeg_stretch, stretch_of

__all__ = ["device"]

_LENGTHS_S = (60.0, 120.0, 300.0)
_STAGES = (("gate: not analysable", "c-gated"), ("screen decides", "c-N"), ("specialist decides", "c-V"))
_FROM_RESET = (
    "four temporal channels, or all of a recording without them; from the reset, so that four seconds pass until "
    "the first decision"
)

Run = BeatSimulation | SeizureSimulation
Lane = tuple[str, str, np.ndarray, str]


def device(case: Case) -> None:
    """The page."""
    is_ecg = isinstance(case, EcgCase)
    with st.container(horizontal=True, vertical_alignment="bottom", key="device options"):
        wearable, length_s = _wearable(is_ecg), _length(case)
    start_s = min(max(look_of(case).start_s, 0.0), case.facts.duration_s - length_s) // 1
    shown = f"{clock(start_s)} to {clock(start_s + length_s)} of {clock(case.facts.duration_s)}"
    rests_on = "the whole firmware, sample by sample" + ("" if is_ecg else f"; {_FROM_RESET}")
    st.caption(f"Emulated: {shown}, from the place in the review; {rests_on}.")
    try:
        with st.spinner(
            f"Building the firmware and running {span(length_s)} on the emulated core", show_time=True
        ):
            run = _run(case.facts.sha256, case.model.sha256, start_s, start_s + length_s, _case=case)
        _show(run, wearable, start_s)
    except IctusError as error:
        st.error(as_text(str(error)))


def _wearable(is_ecg: bool) -> Device:
    table = device_table()
    afe = table.afe if is_ecg else {key: table.afe[key] for key in EEG_AFES}
    return get_device(
        _part("Microcontroller", "mcu", table.mcu), afe=_part("Front end", "afe" if is_ecg else "eeg afe", afe),
        radio=_part("Radio", "radio", table.radio), battery=_part("Battery", "battery", table.battery),
    )  # fmt: skip


def _part(
    name: str, key: str, rows: Mapping[str, Mcu] | Mapping[str, Afe] | Mapping[str, Radio] | Mapping[str, Battery]
) -> str:
    names, default = list(rows), device_table().default.get(key)
    first = names.index(default) if default in names else 0
    return st.selectbox(name, names, first, key=key, format_func=lambda k: rows[k].name.partition(",")[0])


def _length(case: Case) -> float:
    lengths = [s for s in _LENGTHS_S if s < case.facts.duration_s] or [case.facts.duration_s]
    return st.selectbox("Stretch", lengths, key=f"stretch of {len(lengths)} {lengths[0]:g}", format_func=span)


@st.cache_resource(show_spinner=False, max_entries=16)
def _run(recording: str, model: str, start_s: float, stop_s: float, _case: Case) -> Run:  # noqa: ARG001
    if isinstance(_case, EcgCase):
        recorded = stretch_of(_case.pyramid, _case.facts.name, start_s, stop_s)
        return simulate(compact_of(load_model(None, "beat")), recorded)
    lead = eeg_stretch(wearable_lead(_case.entry.path, _case.entry.fs_hz), start_s, stop_s)
    return simulate_seconds(compact_of(load_model(None, "seizure")), lead)


def _show(run: Run, wearable: Device, start_s: float) -> None:
    if isinstance(run, SeizureSimulation):
        wearable = with_channels(wearable, run.n_channels)
    energy = run.energy_on(wearable)
    picture("device figures", figure_cards(_figures(run, energy)))
    with st.container(key="costs"):
        left, right = st.columns([1.25, 1], gap="medium")
    with left:
        lanes, each_s = (_lanes(run), 0.0) if isinstance(run, BeatSimulation) else (_second_lanes(run), 1.0)
        stages = stage_rows(lanes, start_s, run.duration_s, each_s)
        picture("stages", titled("Stages over time: where each decision fell", stages))
        picture("parts", titled("What runs, how often, and what it costs", _parts(run)))
    with right:
        title = "Energy of a decision in \u00b5J, the whole system (bar: typical, line: low to high)"
        picture("energy", titled(title, energy_bars(energy.per_decision_uj)))
        with st.expander("What these figures rest on"):
            st.markdown("\n".join(f"- {line}" for line in energy.assumptions))


def _figures(run: Run, energy: EnergyReport) -> tuple[Figure, ...]:
    days, power, wearable = energy.battery_days, energy.average_uw, energy.device
    ram_bytes, flash_bytes = run.image.ram_bytes + run.profile.stack_bytes, run.image.flash_bytes
    battery, clock_mhz = wearable.battery.name, wearable.mcu.clock_mhz
    return (
        Figure("Battery life", f"{days.typical:,.0f} days", f"{days.low:,.0f} to {days.high:,.0f}, {battery}"),
        Figure(
            "Mean power", f"{power.typical:,.0f} \u00b5W", f"{power.low:,.0f} to {power.high:,.0f}, whole system"
        ),
        Figure("Core awake", f"{100 * energy.active_share.typical:.2f} %", f"of the time at {clock_mhz:g} MHz"),
        Figure("Memory", f"{ram_bytes / 1024:.1f} KB", f"RAM with stack; flash {flash_bytes / 1024:.1f} KB"),
        Figure("Decisions", f"{run.n_units:,}", f"in {span(run.duration_s)}"),
        *_worst(run, wearable),
        Figure(
            "Equals the reference",
            "yes" if run.agrees_with_reference else "no",
            run.difference or "every decision, bit for bit",
        ),
    )


def _worst(run: Run, wearable: Device) -> tuple[Figure, ...]:
    if isinstance(run, BeatSimulation):
        return ()
    channels = f"{run.n_channels} channel{'s' if run.n_channels > 1 else ''}"
    return (
        Figure(
            "Costliest second", f"{run.worst_ms_on(wearable).typical:.0f} ms", f"awake, all stages, {channels}"
        ),
    )


def _lanes(run: BeatSimulation) -> list[Lane]:
    events = run.run.events
    return [
        _lane(name, css, events.peak[events.reached == i] / DEVICE_FS_HZ) for i, (name, css) in enumerate(_STAGES)
    ]


def _second_lanes(run: SeizureSimulation) -> list[Lane]:
    events = run.run.events
    stages = (("gate, start-up", "c-gated"), *_STAGES[1:])
    lanes = [_lane(name, css, np.flatnonzero(events.reached == i)) for i, (name, css) in enumerate(stages)]
    return [*lanes, _lane("alarm stands", "c-event", np.flatnonzero(events.is_on))]


def _lane(name: str, css: str, time_s: np.ndarray) -> Lane:
    return name, css, time_s, f"{len(time_s):,}"


def _parts(run: Run) -> Markup:
    totals, each = run.profile.region_instructions(), run.instructions_per_run
    share = {name: 100 * totals[name] / max(run.profile.instructions, 1) for name in each}
    rows = [
        (name.replace("_", " "), f"{n:,}", f"{each[name]:,.0f}", f"{share[name]:.1f} %")
        for name, n in run.profile.calls.items()
    ]
    return grid(("Part", "Runs", "Instructions a run", "Share"), rows)
