"""Scenarios side by side: what each sends, costs and finds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...firmware_export.wearable.energy_timeline import EnergyTimeline
from ...firmware_export.wearable.scenarios import Duty, scenarios_of
from ...firmware_export.wearable.simulate import BeatSimulation
from ...firmware_export.wearable.simulation import Simulation
from ...models import prepare_record
from ...signals import CLASSES, Recording

__all__ = ["INFERENCE", "Quality", "beat_quality", "scenario_rows", "scenario_table"]

INFERENCE = ("gate", "screen", "specialist")
"""Parts of the firmware that are the model."""

_SHOWN = ("V", "S")


@dataclass(frozen=True)
class Quality:
    """Beats of one class in the reference and in the decisions.

    Attributes
    ----------
    n : in the reference
    n_found : of these, those that got the class
    n_said : decisions for the class
    """

    n: int
    n_found: int
    n_said: int

    @property
    def se(self) -> float:
        """Sensitivity, nan without a beat of the class."""
        return self.n_found / self.n if self.n else float("nan")

    @property
    def ppv(self) -> float:
        """Positive predictive value, nan without a decision for the class."""
        return self.n_found / self.n_said if self.n_said else float("nan")

    def __add__(self, other: "Quality") -> "Quality":
        return Quality(self.n + other.n, self.n_found + other.n_found, self.n_said + other.n_said)


def beat_quality(simulation: BeatSimulation, recording: Recording) -> dict[str, Quality] | None:
    """What the decisions are worth, by class; None without reference beats.

    Reference beats behind the last decision are left out, since the device still owes them.
    """
    events = simulation.run.events
    record = prepare_record(recording)
    if not len(record.reference_peak) or not len(events):
        return None
    reference = record.reference_label[record.reference_peak <= events.peak[-1]]
    true = record.label[: len(events)]
    return {
        name: Quality(
            int((reference == label).sum()),
            int(((true == label) & (events.label == label)).sum()),
            int((events.label == label).sum()),
        )
        for label, name in enumerate(CLASSES)
    }


def scenario_rows(
    task: str, cascade: Simulation, always_on: Simulation, recording: Recording | None = None
) -> list[dict[str, Any]]:
    """A row for each scenario that makes sense for a task, for JSON.

    Parameters
    ----------
    cascade, always_on : of the same recording, by the two firmwares
    recording : for the quality of beats; the phone of a device that streams decides as `always_on` does
    """
    rows = []
    for chosen in scenarios_of(task):
        run = cascade if chosen.is_cascade else always_on
        decides = always_on if chosen.name.startswith("raw") else run
        duty, energy = run.duty(chosen.name), run.energy_timeline(name=chosen.name)
        row = {name: getattr(chosen, name) for name in ("name", "title", "sent", "latency")}
        rows.append(row | _cost(duty, energy) | {"quality": _quality(decides, recording)})
    return rows


def _cost(duty: Duty, energy: EnergyTimeline) -> dict[str, Any]:
    hours, n = duty.duration_s / 3600, max(duty.n_units, 1)
    inference = [name for name in INFERENCE if name in energy.rows]
    return {
        "bytes_an_hour": float(duty.n_bytes.sum()) / hours,
        "power_uw": {name: part.typical / duty.duration_s for name, part in energy.by_group.items()},
        "inference_uj_per_unit": (energy.row_uj(*inference) * (1 / n)).as_dict(),
        "without_afe_uw": energy.without_afe_uw.as_dict(),
        "average_uw": energy.average_uw.as_dict(),
        "battery_days": energy.battery_days.as_dict(),
    }


def _quality(run: Simulation, recording: Recording | None) -> dict[str, dict[str, float | None]] | None:
    found = beat_quality(run, recording) if isinstance(run, BeatSimulation) and recording else None
    if found is None:
        return None
    return {name: {"n": q.n, "se": _number(q.se), "ppv": _number(q.ppv)} for name, q in found.items() if q.n}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else value


def scenario_table(rows: list[dict[str, Any]]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Head and rows of a table in words and figures, typical values."""
    classes = [name for name in _SHOWN if any((row["quality"] or {}).get(name) for row in rows)]
    head = ("scenario", "bytes/h", "core uW", "radio uW", "without front end uW", "system uW", "battery days")
    return (*head, *(f"{name} Se %" for name in classes)), [_table_row(row, classes) for row in rows]


def _table_row(row: Mapping[str, Any], classes: list[str]) -> tuple[str, ...]:
    power, days, quality = row["power_uw"], row["battery_days"], row["quality"] or {}
    return (
        row["name"],
        f"{row['bytes_an_hour']:,.0f}",
        f"{power['mcu'] + power['sleep']:.1f}",
        f"{power['radio']:.1f}",
        f"{row['without_afe_uw']['typical']:.1f}",
        f"{row['average_uw']['typical']:.1f}",
        f"{days['typical']:.0f} ({days['low']:.0f} to {days['high']:.0f})",
        *(_percent(quality.get(name)) for name in classes),
    )


def _percent(found: Mapping[str, float | None] | None) -> str:
    se = found["se"] if found else None
    return "-" if se is None else f"{100 * se:.1f}"
