"""The table of devices: microcontrollers, front ends, radios and batteries, with a source for every figure.

The figures lie in ``devices.toml``; nothing that the energy model uses is written anywhere else.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from ..signals.errors import InputError
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
]

CORES = ("cortex-m0plus", "cortex-m4", "cortex-m33")
_TABLE = Path(__file__).with_name("devices.toml")
_BOUNDS = ("low", "typical", "high")


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
    """A microcontroller; `supply_v` is the voltage at which its currents hold."""

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
    flash_wait_states: Figure


@dataclass(frozen=True)
class Afe:
    """An analogue front end, with its converter unless `name` says otherwise."""

    key: str
    name: str
    source: str
    power_uw: Figure


@dataclass(frozen=True)
class Radio:
    """A radio: what a byte of an event costs, and what every packet costs besides."""

    key: str
    name: str
    source: str
    byte_uj: Figure
    packet_uj: Figure


@dataclass(frozen=True)
class Battery:
    """A battery at its nominal voltage."""

    key: str
    name: str
    source: str
    voltage_v: float
    capacity_mah: Figure


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


Row = TypeVar("Row", Mcu, Afe, Radio, Battery)


def load_devices(path: str | Path) -> DeviceTable:
    """Read and check a table of devices.

    Raises
    ------
    InputError
        one line: no TOML, a row without a field, a figure without a source or with bounds out of order.
    """
    try:
        data = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: {error}") from error
    try:
        return DeviceTable(
            _rows(Mcu, data, "mcu"),
            _rows(Afe, data, "afe"),
            _rows(Radio, data, "radio"),
            _rows(Battery, data, "battery"),
            dict(data.get("default", {})),
        )
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _rows(kind: type[Row], data: Mapping[str, Any], section: str) -> dict[str, Row]:
    return {key: _row(kind, key, f"{section}.{key}", row) for key, row in data.get(section, {}).items()}


def _row(kind: type[Row], key: str, label: str, row: Mapping[str, Any]) -> Row:
    fields = {name: _field(f"{label}.{name}", value) for name, value in row.items()}
    _check_source(label, row)
    if fields.get("core", CORES[0]) not in CORES:
        raise InputError(f"{label}: core {fields['core']!r} is not one of {', '.join(CORES)}")
    try:
        return kind(key=key, **fields)
    except TypeError as error:
        raise InputError(f"{label}: {str(error).partition('() ')[2]}") from error


def _field(label: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return _figure(label, value)
    if isinstance(value, int | float) and not value > 0:
        raise InputError(f"{label}: {value} is not above 0")
    return value


def _figure(label: str, value: Mapping[str, Any]) -> Figure:
    _check_source(label, value)
    unknown = set(value) - {*_BOUNDS, "source", "note"}
    if unknown or "typical" not in value:
        wrong = f"unknown {', '.join(sorted(unknown))}" if unknown else "no typical value"
        raise InputError(f"{label}: {wrong}")
    low, typical, high = (float(value.get(bound, value["typical"])) for bound in _BOUNDS)
    if not 0 <= low <= typical <= high:
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

    Raises
    ------
    InputError
        a name is not in the table; the message lists those that are.
    """
    table = device_table()
    return Device(
        _pick("device", table.mcu, name or table.default["mcu"]),
        _pick("front end", table.afe, afe or table.default["afe"]),
        _pick("radio", table.radio, radio or table.default["radio"]),
        _pick("battery", table.battery, battery or table.default["battery"]),
    )


def _pick(kind: str, rows: dict[str, Row], name: str) -> Row:
    if name not in rows:
        raise InputError(f"{kind} {name!r} is not known; there are {', '.join(sorted(rows))}")
    return rows[name]
