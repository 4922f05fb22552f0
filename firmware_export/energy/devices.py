"""The table of devices: microcontrollers, front ends, radios and batteries, with a source for every figure.

The figures lie in ``devices.toml``; nothing that the energy model uses is written anywhere else.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from ...signals.bounded_files import read_toml
from ...signals.errors import InputError, one_line, quoted
from .ranges import Range

__all__ = [
    "CORES",
    "Afe",
    "Battery",
    "Device",
    "DeviceTable",
    "Figure",
    "Mcu",
    "Radio",
    "device_table",
    "get_device",
    "load_devices",
    "read_rows",
]

CORES = ("cortex-m0plus", "cortex-m4", "cortex-m33", "cortex-m7")
_TABLE = Path(__file__).with_name("devices.toml")
_BOUNDS = ("low", "typical", "high")
_KINDS = {str: str, float: (int, float)}


@dataclass(frozen=True)
class Figure:
    """A published or derived figure.

    Attributes
    ----------
    value : low, typical and high
    source : where it is from
    note : how a bound was derived that the source does not give; may be empty
    """

    value: Range
    source: str
    note: str = ""

    def __str__(self) -> str:
        return f"{self.value} ({self.source}{'; ' + self.note if self.note else ''})"


@dataclass(frozen=True)
class Mcu:
    """A microcontroller.

    Attributes
    ----------
    supply_v : voltage at which its currents hold
    active_ua_per_mhz : core, memories and clock, running from flash
    sleep_ua : memory kept, clock running that wakes it
    flash_mhz : clock up to which flash needs no wait; each further multiple adds one
    wakeup_us, wakeup_uj : until the first instruction after a sleep, and what that takes
    """

    key: str
    name: str
    source: str
    core: str
    clock_mhz: float
    ram_kb: float
    flash_kb: float
    supply_v: float
    active_ua_per_mhz: Figure
    sleep_ua: Figure
    flash_mhz: Figure
    wakeup_us: Figure
    wakeup_uj: Figure

    @property
    def wait_states(self) -> Range:
        """Cycles that flash makes the core wait at its clock where no cache and no prefetching helps."""
        limit = self.flash_mhz.value
        return Range(*(math.ceil(self.clock_mhz / mhz) - 1.0 for mhz in (limit.high, limit.typical, limit.low)))

    def at(self, clock_mhz: float) -> "Mcu":
        """The same one at another clock; its current per MHz and its voltage stay.

        Raises
        ------
        InputError
            not above 0, or above the clock in the table.
        """
        if not 0 < clock_mhz <= self.clock_mhz:
            limit = f"not above 0 and at most {self.clock_mhz:g}"
            raise InputError(f"{self.key}: a clock of {clock_mhz:g} MHz is {limit}")
        return replace(self, clock_mhz=clock_mhz)


@dataclass(frozen=True)
class Afe:
    """An analogue front end, with its converter unless `name` says otherwise."""

    key: str
    name: str
    source: str
    power_uw: Figure


@dataclass(frozen=True)
class Radio:
    """A radio.

    Attributes
    ----------
    byte_uj : a byte of what is sent
    packet_uj : a connection event besides its bytes, whether it carries a packet or only keeps the connection
    frame_uj : each further packet of the same connection event, besides its bytes
    advert_uj : an advertising event, on three channels, by which a connection is opened
    """

    key: str
    name: str
    source: str
    byte_uj: Figure
    packet_uj: Figure
    frame_uj: Figure
    advert_uj: Figure


@dataclass(frozen=True)
class Battery:
    """A battery at its nominal voltage."""

    key: str
    name: str
    source: str
    voltage_v: float
    capacity_mah: Figure
    self_discharge_percent_a_year: Figure


@dataclass(frozen=True)
class Device:
    """A wearable: one of each."""

    mcu: Mcu
    afe: Afe
    radio: Radio
    battery: Battery

    @property
    def name(self) -> str:
        return self.mcu.key


@dataclass(frozen=True)
class DeviceTable:
    """Everything in the table, by key."""

    mcu: dict[str, Mcu]
    afe: dict[str, Afe]
    radio: dict[str, Radio]
    battery: dict[str, Battery]
    default: dict[str, str]
    alias: dict[str, str] = field(default_factory=dict)


Row = TypeVar("Row")


def load_devices(path: str | Path) -> DeviceTable:
    """Read and check a table of devices.

    Raises
    ------
    InputError
        one line: no TOML, a row without a field, a figure without a source or with bounds out of order.
    """
    data = read_toml(Path(path))
    try:
        return DeviceTable(
            read_rows(Mcu, data, "mcu"),
            read_rows(Afe, data, "afe"),
            read_rows(Radio, data, "radio"),
            read_rows(Battery, data, "battery"),
            _names(data, "default"),
            _names(data, "alias"),
        )
    except InputError as error:
        raise InputError(f"{path}: {one_line(error, 400)}") from error


def read_rows(kind: Callable[..., Row], data: Mapping[str, Any], section: str) -> dict[str, Row]:
    """Rows of a section by their key; raises `InputError` as `load_devices`.

    Parameters
    ----------
    kind : dataclass of a row, whose field `key` is its key; figures become `Figure`
    data : a table as `tomllib` reads it
    """
    rows = _table(section, data.get(section, {}))
    return {key: _row(kind, key, f"{section}.{key}", _table(f"{section}.{key}", row)) for key, row in rows.items()}


def _table(label: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"{label}: {quoted(value)} is no table")
    return value


def _names(data: Mapping[str, Any], section: str) -> dict[str, str]:
    names = dict(_table(section, data.get(section, {})))
    if wrong := [value for value in names.values() if not isinstance(value, str)]:
        raise InputError(f"{section}: {quoted(wrong[0])} is no name of a row")
    return names


def _row(kind: Callable[..., Row], key: str, label: str, row: Mapping[str, Any]) -> Row:
    hints = get_type_hints(kind)
    fields = {name: _field(f"{label}.{name}", value, hints.get(name)) for name, value in row.items()}
    _check_source(label, row)
    if fields.get("core", CORES[0]) not in CORES:
        raise InputError(f"{label}: core {quoted(fields['core'])} is not one of {', '.join(CORES)}")
    try:
        return kind(key=key, **fields)
    except TypeError as error:
        raise InputError(f"{label}: {str(error).partition('() ')[2]}") from error


def _field(label: str, value: Any, kind: Any) -> Any:
    """A field's value, checked against its `kind` where that is a text, a number or a figure."""
    if kind is Figure:
        return _figure(label, _table(label, value))
    if kind in (str, float) and (isinstance(value, bool) or not isinstance(value, _KINDS[kind])):
        raise InputError(f"{label}: {quoted(value)} is no {'text' if kind is str else 'number'}")
    if isinstance(value, int | float) and not (value > 0 and math.isfinite(_as_float(value))):
        raise InputError(f"{label}: {quoted(value)} is not a finite number above 0")
    return value


def _as_float(value: float) -> float:
    """A number of a file; infinite where an integer is too large."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _figure(label: str, value: Mapping[str, Any]) -> Figure:
    _check_source(label, value)
    unknown = set(value) - {*_BOUNDS, "source", "note"}
    if unknown or "typical" not in value:
        wrong = f"unknown {', '.join(sorted(unknown))}" if unknown else "no typical value"
        raise InputError(f"{label}: {wrong}")
    bounds = [value.get(bound, value["typical"]) for bound in _BOUNDS]
    if wrong := [bound for bound in bounds if not isinstance(bound, int | float)]:
        raise InputError(f"{label}: {quoted(wrong[0])} is no number")
    low, typical, high = map(_as_float, bounds)
    if not 0 <= low <= typical <= high < math.inf:
        raise InputError(f"{label}: {low:g}, {typical:g}, {high:g} are not in order")
    return Figure(Range(low, typical, high), value["source"], value.get("note", ""))


def _check_source(label: str, row: Mapping[str, Any]) -> None:
    source = row.get("source", "")
    if not isinstance(source, str) or not source.strip():
        raise InputError(f"{label}: no source")


@cache
def device_table() -> DeviceTable:
    """The table that comes with the package."""
    return load_devices(_TABLE)


def get_device(
    name: str | None = None, *, afe: str | None = None, radio: str | None = None, battery: str | None = None
) -> Device:
    """A wearable around a microcontroller; parts that are not named are the table's defaults.

    Parameters
    ----------
    name : of the microcontroller, or a family's name that stands for one of it, such as ``stm32l4``

    Raises
    ------
    InputError
        a name is not in the table; the message lists those that are.
    """
    table = device_table()
    return Device(
        _pick("device", table.mcu, table.alias.get(name, name) if name else table.default["mcu"]),
        _pick("front end", table.afe, afe or table.default["afe"]),
        _pick("radio", table.radio, radio or table.default["radio"]),
        _pick("battery", table.battery, battery or table.default["battery"]),
    )


def _pick(kind: str, rows: dict[str, Row], name: str) -> Row:
    if name not in rows:
        raise InputError(f"{kind} {name!r} is not known; there are {', '.join(sorted(rows))}")
    return rows[name]
