"""The page of ``ictus simulate --out``: where the energy goes, and what if."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from ..report.energy_strip import GROUPS
from ..report.page import Card, Page, Section, Table, render_page
from ..report.strip_figure import strip_figure
from . import words
from .figures import day_figure, days_figure, timeline_figure

__all__ = ["wearable_page"]

_PARTS = {"mcu": "core awake", "sleep": "core asleep", "afe": "front end", "radio": "radio", "total": "system"}
_DASH = "\u2013"


def wearable_page(report: Mapping[str, Any]) -> str:
    """HTML that loads nothing, from what is also ``report.json``.

    Parameters
    ----------
    report : of `verbs.simulate_report`
    """
    return render_page(
        Page(
            f"the wearable, record {report['recording']}",
            f"{report['seconds'] / 60:.1f} min of lead {report['lead']} on {report['device']}, "
            f"scenario {report['scenario']['name']}",
            tuple(_sections(report)),
            tuple(_cards(report)),
            () if report["agrees_with_reference"] else ("The events differ from the integer reference.",),
            "report.json",
        )
    )


def _cards(report: Mapping[str, Any]) -> Iterator[Card]:
    power, days = report["power_uw"], report["battery_days_range"]
    yield Card(
        "Battery life", f"{report['battery_days']:,.0f} days", f"{days[0]:,.0f} to {days[1]:,.0f}, whole system"
    )
    low, high = report["average_uw_range"]
    yield Card(
        "Average power", f"{report['average_uw']:,.0f} \u00b5W", f"{low:,.0f} to {high:,.0f}, front end included"
    )
    core = power["mcu"]
    yield Card("Core awake", f"{core['typical']:,.1f} \u00b5W", f"{core['low']:,.1f} to {core['high']:,.1f}")
    share = report["stage_share"]["specialist"]
    yield Card("To the specialist", f"{100 * share:.0f} %", f"of {report['units']:,} beats")
    memory = report["ram_bytes"] + report["stack_bytes"]
    yield Card("Memory", f"{memory / 1024:.1f} KB", f"RAM and stack; flash {report['flash_bytes'] / 1024:.1f} KB")
    if report.get("faults"):
        yield Card("Faults", f"{len(report['faults']) - 1}", "runs with faults, beside one without")


def _sections(report: Mapping[str, Any]) -> Iterator[Section]:
    yield _strip_section(report)
    yield _timeline_section(report)
    yield _scenario_section(report["scenarios"])
    yield _device_section(report)
    if report.get("faults"):
        yield _fault_section(report["faults"])
    yield from _what_if_sections(report)
    yield _accelerator_section(report["accelerator"])
    yield _assumption_section(report)


def _strip_section(report: Mapping[str, Any]) -> Section:
    strip = report["strip"]
    return Section(
        "strip",
        "Decisions and energy",
        (words.STRIP.format(lead=strip["lead"], afe_uw=strip["energy"]["afe_uw"]),),
        strips=(strip_figure(strip),),
        legend=_group_legend(),
    )


def _group_legend() -> tuple[tuple[str, str], ...]:
    return tuple((f"part-{i}", name) for i, name in enumerate(GROUPS))


def _timeline_section(report: Mapping[str, Any]) -> Section:
    over = report["over_time"]
    step = over["seconds_per_step"]
    groups = {name: np.asarray(values, np.float64) for name, values in over["uj"].items()}
    figure = timeline_figure(groups, np.asarray(over["rejected"], np.bool_), step)
    text = words.TIMELINE.format(step=step)
    return Section("time", "Over the whole recording", (text,), figures=(figure,))


def _scenario_section(rows: Sequence[Mapping[str, Any]]) -> Section:
    header = (
        "scenario",
        "what it is",
        "bytes/h",
        "core, \u00b5W",
        "radio, \u00b5W",
        "system, \u00b5W",
        "battery, days",
    )
    classes = [name for name in ("V", "S") if any((row["quality"] or {}).get(name) for row in rows)]
    table = Table(
        words.SCENARIO_TABLE,
        (*header, *(f"{name} Se, %" for name in classes)),
        [_scenario_row(row, classes) for row in rows],
        words=(1,),
    )
    text = "The same recording under every way to use the wearable, priced by the same figures."
    bars = [{"name": row["name"], "battery_days": row["battery_days"]} for row in rows]
    return Section("scenarios", "Scenarios", (text,), (table,), (days_figure(bars, "Battery life by scenario"),))


def _scenario_row(row: Mapping[str, Any], classes: Sequence[str]) -> Sequence[str]:
    power, quality = row["power_uw"], row["quality"] or {}
    shares = [(quality.get(name) or {}).get("se") for name in classes]
    return (
        row["name"],
        row["title"],
        f"{row['bytes_an_hour']:,.0f}",
        f"{power['mcu'] + power['sleep']:,.1f}",
        f"{power['radio']:,.1f}",
        _ranged(row["average_uw"], 0),
        _ranged(row["battery_days"], 0),
        *(_percent(share) for share in shares),
    )


def _device_section(report: Mapping[str, Any]) -> Section:
    rows = [row for row in report["devices"] if "refused" not in row]
    header = ("device", *(f"{title}, \u00b5W" for title in _PARTS.values()), "battery, days")
    cells = [
        (row["device"], *(_ranged(row["power_uw"][part], 1) for part in _PARTS), _ranged(row["battery_days"], 0))
        for row in rows
    ]
    text = [words.DEVICES]
    text += [f"{row['device']}: {row['refused']}." for row in report["devices"] if "refused" in row]
    bars = [{"name": row["device"], "battery_days": row["battery_days"]} for row in rows]
    figure = days_figure(bars, "Battery life by microcontroller")
    return Section("devices", "Battery life", tuple(text), (Table("", header, cells),), (figure,))


def _fault_section(rows: Sequence[Mapping[str, Any]]) -> Section:
    header = (
        "fault", "QRS Se, %", "QRS +P, %", "V Se, %", "V +P, %", "rejected, s", "without model, s", "sent",
        "latest, s", "system, \u00b5W",
    )  # fmt: skip
    text = (words.FAULTS,)
    table = Table("", header, [_fault_cells(row) for row in rows])
    lost = [(_fault_name(row), "; ".join(row["losses"]) or "nothing") for row in rows]
    return Section("faults", "Faults", text, (table, Table("", ("fault", "what was lost"), lost, words=(1,))))


def _fault_cells(row: Mapping[str, Any]) -> Sequence[str]:
    quality = row["quality"]
    shares = [_percent(quality[name]) for name in ("qrs_se", "qrs_ppv", "v_se", "v_ppv")]
    return (
        _fault_name(row),
        *shares,
        f"{row['rejected_s']:,}",
        f"{row['unanalysed_s']:,}",
        f"{row['sent']:,}",
        f"{row['longest_delay_s']:,.1f}",
        f"{row['average_uw']['typical']:,.0f}",
    )


def _fault_name(row: Mapping[str, Any]) -> str:
    return _lines(row["faults"]) if row["faults"] else "none"


def _what_if_sections(report: Mapping[str, Any]) -> Iterator[Section]:
    levels, batteries = report["levels"], report["batteries"]
    header = (
        "level", "MHz", "core awake, \u00b5W", "system, \u00b5W", "awake, %", "busiest sample, ms", "in time",
        "cheapest",
    )  # fmt: skip
    cells = [
        (
            row["level"],
            f"{row['clock_mhz']:g}",
            _ranged(row["mcu_uw"], 1),
            _ranged(row["average_uw"], 0),
            _ranged({k: 100 * v for k, v in row["active_share"].items()}, 2),
            _ranged(row["worst_call_ms"], 1),
            "yes" if row["is_in_time"] else "with a FIFO" if row["is_in_time_with_fifo"] else "NO",
            "\u2713" if row["is_cheapest"] else "",
        )
        for row in levels
    ]
    text = (words.LEVELS.format(device=report["device"]),)
    yield Section("levels", "What if: clock and voltage", text, (Table("", header, cells),))
    table = Table(
        "",
        ("battery", "days", "mAh", "self-discharge, % a year"),
        [
            (
                row["battery"],
                _ranged(row["battery_days"], 0),
                row["capacity_mah"],
                row["self_discharge_percent_a_year"],
            )
            for row in batteries
        ],
        words=(2, 3),
    )
    note = "With self-discharge. Temperature, ageing and converter losses are left out."
    yield Section("batteries", "What if: another battery", (note,), (table,))
    yield _harvest_section(report["harvest"])


def _harvest_section(rows: Sequence[Mapping[str, Any]]) -> Section:
    header = (
        "day, harvester, storage",
        "harvested, \u00b5W",
        "off, hours",
        "brown-outs",
        "beats lost, %",
        "V and F lost, %",
    )
    cells = [
        (
            _lines([row["day"], row["harvester"], row["storage"]]),
            _ranged(row["harvested_uw"], 0),
            _ranged({"low": row["off_hours"]["high"], "typical": row["off_hours"]["typical"],
                     "high": row["off_hours"]["low"]}, 1),
            f"{row['brown_outs']['typical']}",
            f"{_share(row['beats']['off'] + row['beats']['relearning'], row['beats']['n'])}",
            f"{_share(row['beats']['serious'], row['beats']['n_serious'])}",
        )
        for row in rows
    ]  # fmt: skip
    text = (words.HARVEST,)
    shown = min(rows, key=lambda row: abs(row["off_hours"]["typical"] - 12))
    label = f"Harvested power and stored energy: {shown['day']}; {shown['harvester']}; {shown['storage']}"
    figure = day_figure(shown["curve"], label)
    sources = dict.fromkeys(source for row in rows for source in row["sources"])
    table = Table(f"The curve shows {shown['day']}; {shown['harvester']}; {shown['storage']}.", header, cells)
    listed = Table("", ("source",), [(source,) for source in sources], words=(0,))
    return Section("harvest", "What if: light or motion instead of a battery", text, (table, listed), (figure,))


def _accelerator_section(rows: Sequence[Mapping[str, Any]]) -> Section:
    names = list(rows[0]["parts_nj"])
    header = ("machine", "operations", "specialist, nJ", "mean beat, nJ", *names)
    cells = [
        (
            row["machine"],
            f"{row['operations']:,}",
            _ranged(row["specialist_nj"], 0),
            _ranged(row["beat_nj"], 0),
            *(_ranged(row["parts_nj"][name], 1) for name in names),
        )
        for row in rows
    ]
    text = (words.ACCELERATOR,)
    caption = "Operations of the specialist; a mean beat has its share of all stages, by component, all in nJ."
    table = Table(caption, header, cells)
    return Section("accelerator", "Accelerator view, 45 nm", text, (table,), apart=True)


def _assumption_section(report: Mapping[str, Any]) -> Section:
    rows = [tuple(_split(line)) for line in report["assumptions"]]
    rows += [
        (f"{row['level']}, {row['clock_mhz']:g} MHz", f"current factor {row['active_factor']}; {row['source']}")
        for row in report["levels"]
    ]
    table = Table("", ("what", "value and source"), rows, words=(0, 1))
    return Section("assumptions", "Assumptions and sources", ("No cycle was measured.",), (table,))


def _split(line: str) -> tuple[str, str]:
    """What an assumption is about, and what it says."""
    head, colon, rest = line.partition(": ")
    return (head, rest) if colon and len(head) < 90 else ("", line)


def _ranged(value: Mapping[str, float], digits: int) -> str:
    """Typical, with low to high in small print."""
    low, typical, high = (f"{value[bound]:,.{digits}f}" for bound in ("low", "typical", "high"))
    if low == high:
        return typical
    return Markup('{}<span class="ci">{}\u2013{}</span>').format(typical, low, high)


def _lines(texts: Sequence[str]) -> Markup:
    return Markup("<br>").join(escape(text) for text in texts)


def _percent(share: float | None) -> str:
    return _DASH if share is None or share != share else f"{100 * share:.1f}"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else _DASH
