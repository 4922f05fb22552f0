"""Faults of a wearable as they are written on the command line: what, when, how strong.

One example of each::

    lead-off:60-180              an electrode is off from second 60 to 180
    motion:300-330@-6dB          electrode motion at -6 dB
    saturation:60-180@0.2mV      the converter's rail lies 0.2 mV above the baseline
    dropped:1%                   one sample in a hundred never comes
    dropped:60-180@50%           every second one, for two minutes
    drift:200ppm                 the device's clock is 200 ppm too fast
    bit-flip:600                 a bit of the model's flash flips at second 600
    bit-flip:600@1234            and it is this one
    outage:600-1200              the radio gets no answer
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ...signals.errors import InputError

__all__ = ["FAULT_KINDS", "Fault", "FaultKind", "check_within", "parse_fault"]


@dataclass(frozen=True)
class FaultKind:
    """What a kind of fault may be given.

    Attributes
    ----------
    when : ``stretch`` (a start and an end), ``moment`` (a start), ``always``, or ``any`` (a stretch or always)
    unit : of its level; empty if the level has none
    level : taken if none is given; None if one must be
    least, most : limits of the level
    does : what it does to the device, in words
    """

    when: str
    unit: str
    level: float | None
    least: float
    most: float
    does: str


FAULT_KINDS = {
    "lead-off": FaultKind("stretch", "", 0.0, 0.0, 0.0, "the open input is pulled to the converter's rail"),
    "motion": FaultKind("stretch", "dB", -6.0, -30.0, 30.0, "recorded electrode motion is added at this SNR"),
    "saturation": FaultKind("stretch", "mV", 0.2, 0.0, 50.0, "the rail cuts what lies farther above the line"),
    "dropped": FaultKind("any", "%", None, 0.0, 100.0, "this share of the samples never comes"),
    "drift": FaultKind("always", "ppm", None, -2000.0, 2000.0, "the device's clock is so much too fast"),
    "bit-flip": FaultKind("moment", "", -1.0, -1.0, 2.0**31, "one bit of the model in flash changes"),
    "outage": FaultKind("stretch", "", 0.0, 0.0, 0.0, "no packet gets through"),
}
"""Name -> what it may be given."""

_NUMBER = r"[-+]?\d+(?:\.\d+)?"
_TIME = r"\d+(?:\.\d+)?"


@dataclass(frozen=True)
class Fault:
    """A fault; a `level` is in the unit of its kind.

    Attributes
    ----------
    kind : key of `FAULT_KINDS`
    start_s, end_s : from when to when; the end of a moment is its start, and what always lasts ends at infinity
    level : strength; of a bit flip the bit's number, or -1 for one that is drawn
    text : as it was written
    """

    kind: str
    start_s: float
    end_s: float
    level: float
    text: str

    def __str__(self) -> str:
        return self.text


def parse_fault(text: str) -> Fault:
    """Read a fault as it is written on the command line.

    Raises
    ------
    InputError
        one line: an unknown kind, a time or a level that its kind does not take, or one outside its limits.
    """
    name, _, rest = text.partition(":")
    kind = FAULT_KINDS.get(name)
    if kind is None:
        raise InputError(f"fault {text!r}: {name!r} is not known; known: {', '.join(FAULT_KINDS)}")
    when, _, level = rest.partition("@")
    if kind.unit and not level and re.fullmatch(f"{_NUMBER}{re.escape(kind.unit)}", when):
        when, level = "", when
    return Fault(name, *_span(text, kind, when), _level(text, kind, level), text)


def _span(text: str, kind: FaultKind, when: str) -> tuple[float, float]:
    """Start and end in seconds."""
    found = re.fullmatch(f"({_TIME})(?:-({_TIME}))?", when)
    if not when and kind.when in ("always", "any"):
        return 0.0, float("inf")
    wants = {"moment": "a second", "always": "no time"}.get(kind.when, "seconds START-END")
    if found is None or kind.when == "always" or (found[2] is None) != (kind.when == "moment"):
        raise InputError(f"fault {text!r}: takes {wants}, not {when!r}")
    start_s, end_s = float(found[1]), float(found[2] or found[1])
    if kind.when != "moment" and not end_s > start_s:
        raise InputError(f"fault {text!r}: ends at {end_s:g} s, not after its start at {start_s:g} s")
    return start_s, end_s


def _level(text: str, kind: FaultKind, level: str) -> float:
    if not level and kind.level is not None:
        return kind.level
    found = re.fullmatch(f"({_NUMBER}){re.escape(kind.unit)}", level)
    if found is None or kind.least == kind.most:
        wants = "takes no level" if kind.least == kind.most else f"takes a level such as {_example(kind)}"
        raise InputError(f"fault {text!r}: {wants}" + (f", not {level!r}" if level else ""))
    value = float(found[1])
    if not kind.least <= value <= kind.most:
        raise InputError(f"fault {text!r}: {value:g}{kind.unit} is outside {kind.least:g} to {kind.most:g}")
    return value


def _example(kind: FaultKind) -> str:
    return {"ppm": "200ppm", "%": "1%", "dB": "-6dB", "mV": "0.2mV"}.get(kind.unit, "1234")


def check_within(faults: Sequence[Fault], duration_s: float) -> None:
    """Refuse a fault that begins behind the end of a recording; raises `InputError`."""
    for fault in faults:
        if fault.start_s >= duration_s:
            raise InputError(f"fault {fault.text!r}: begins at {fault.start_s:g} s of {duration_s:g} s")
