"""Montages of the 10-20 system, and how their channels come from whatever a recording holds.

A channel is the voltage between two points. All channels of a recording together are a graph of electrodes (and
references), a channel of a montage is a way through it: directly, backwards, over a common reference, or along a
chain of bipolar channels. What no way leads to is masked, never guessed.

Sources: American Clinical Neurophysiology Society, Guideline 2 (electrode names; T7 T8 P7 P8 for T3 T4 T5 T6) and
Guideline 3 (montages), J Clin Neurophysiol 33(4), 2016.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from .errors import InputError, UnanalysableError

__all__ = [
    "AS_RECORDED",
    "MAX_EEG_CHANNELS",
    "MONTAGES",
    "Montage",
    "MontagePlan",
    "electrodes_of",
    "montage_named",
    "plan_montage",
]

MAX_EEG_CHANNELS = 23
AS_RECORDED = "as-recorded"
"""Name of the montage that takes the EEG channels as they stand in the file."""

_CHAINS = ("FP1-F7-T7-P7-O1", "FP1-F3-C3-P3-O1", "FP2-F4-C4-P4-O2", "FP2-F8-T8-P8-O2", "FZ-CZ-PZ")
_ENOUGH = 0.5
_RENAMED = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8", "01": "O1", "02": "O2"}
"""Older names, and a zero for the letter O (CHB-MIT, chb12)."""

_ELECTRODE = re.compile(r"(?:FP|AF|FT|FC|F|TP|T|CP|C|PO|P|O|I|N)(?:Z|\d{1,2})|[AM][12]|SP[12]|PG[12]")
_PREFIX = re.compile(r"^(?:EEG|POL|SEEG)(?:[\s_:]+|$)")
_UNIT = re.compile(r"\s*[\[(].*?[\])]\s*$")
_OTHER = re.compile(
    r"^(?:ECG|EKG|EOG|EMG|VNS|LOC|ROC|CHIN|LUE|RAE|RESP|ACC|GYR|MAG|STI|TRIG|STATUS|EVENT|MARK|PHOTIC|SAO2|SPO2|"
    r"OSAT|PULSE|PLETH|PPG|HR|TEMP|BATT|IMP|GND|DC\d|AIRFLOW|THOR|ABD|SNORE|"
    r"(?:(?:ML)?(?:I|II|III)|AV[RLF]|(?:MCL|M|CM)?V[1-9]R?)$)"
)
"""What else recordings of EEG hold, and the leads of an ECG."""

Source = tuple[tuple[int, int], ...]
"""Columns of a recording and their signs, whose sum is a channel; empty where it cannot be had."""


@dataclass(frozen=True)
class Montage:
    """A set of channels: ``Montage("temporal-2", (("T7", "P7"), ("T8", "P8")))``.

    Attributes
    ----------
    name : for the user
    pairs : electrodes of every channel, first minus second; the second is "" where a channel is named otherwise
    """

    name: str
    pairs: tuple[tuple[str, str], ...]

    @property
    def channels(self) -> tuple[str, ...]:
        """Names, for instance ``T7-P7``."""
        return tuple("-".join(filter(None, pair)) for pair in self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)


@dataclass(frozen=True)
class MontagePlan:
    """A montage and where its channels come from in one recording.

    Attributes
    ----------
    montage : whose channels
    sources : one per channel of the montage
    """

    montage: Montage
    sources: tuple[Source, ...]

    @property
    def mask(self) -> tuple[bool, ...]:
        """True for the channels that can be had."""
        return tuple(bool(source) for source in self.sources)


def _links(chain: str) -> list[tuple[str, str]]:
    return list(pairwise(chain.split("-")))


MONTAGES: dict[str, Montage] = {
    m.name: m
    for m in (
        Montage("double-banana", tuple(pair for chain in _CHAINS for pair in _links(chain))),
        Montage("temporal-4", (("F7", "T7"), ("T7", "P7"), ("F8", "T8"), ("T8", "P8"))),
        Montage("temporal-2", (("T7", "P7"), ("T8", "P8"))),
    )
}
"""The bipolar double banana in clinical order, left before right; and what a wearable can hold.

Of the temporal chains ``temporal-2`` keeps the links that lie behind the ears: wearables sit there, and they are
farther from the eyes and from the jaw's muscle than F7-T7 and F8-T8.
"""


def montage_named(text: str) -> Montage:
    """A montage by its name, or one given as channels: ``"F7-T7,T7-P7"``.

    Raises
    ------
    InputError
        It is neither.
    """
    if text in MONTAGES:
        return MONTAGES[text]
    pairs = tuple(electrodes_of(part) or ("", "") for part in text.split(","))
    if not all(map(_is_bipolar, pairs)) or len(pairs) > MAX_EEG_CHANNELS:
        known = ", ".join((*MONTAGES, AS_RECORDED))
        raise InputError(
            f"montage {text!r} is not known; known: {known}; or up to {MAX_EEG_CHANNELS} channels like F7-T7,T7-P7"
        )
    return Montage(text, pairs)


def electrodes_of(label: str) -> tuple[str, str] | None:
    """Electrode and what it is measured against, in the names of today; None for what is no EEG channel.

    ``EEG T3-Ref`` -> ``("T7", "REF")``; ``T8-P8-1`` -> ``("T8", "P8")``, since a number at the end only tells
    copies apart; ``Fp1.`` -> ``("FP1", "")``, against a reference without a name; ``-`` -> None.
    """
    text = _PREFIX.sub("", _UNIT.sub("", label.strip().upper()))
    parts = [_RENAMED.get(part, part) for part in (p.strip(" .") for p in re.split(r"[-_/:\u2010-\u2014]", text))]
    if len(parts) > 1 and parts[-1].isdigit():
        parts.pop()
    if len(parts) > 2 or not _ELECTRODE.fullmatch(parts[0]):
        return None
    second = parts[1] if len(parts) == 2 else ""
    return None if second == parts[0] else (parts[0], second)


def plan_montage(
    labels: Sequence[str], montage: Montage | str | None = None, record: str = "recording"
) -> MontagePlan:
    """Where the channels of a montage come from.

    Of two channels with the same electrodes the first is taken; of two ways the shorter one.

    Parameters
    ----------
    labels : of the recording's channels, as the file spells them
    montage : a montage, its name or its channels, or `AS_RECORDED`. None takes the first of `MONTAGES` of which at
        least half of the channels can be had, else the EEG channels as recorded
    record : whose channels these are, for messages

    Raises
    ------
    InputError
        The montage is not known, or the recording holds more than 23 EEG channels and none of a montage.
    UnanalysableError
        No channel can be had.
    """
    if montage is None:
        plans = (_planned(labels, m) for m in MONTAGES.values())
        best = next((plan for plan in plans if sum(plan.mask) >= _ENOUGH * len(plan.mask)), None)
        return best or _as_recorded(labels, record)
    if montage == AS_RECORDED:
        return _as_recorded(labels, record)
    plan = _planned(labels, montage_named(montage) if isinstance(montage, str) else montage)
    if not any(plan.mask):
        raise UnanalysableError(
            f"{record}: no channel of the montage {plan.montage.name} can be had from {_listed(labels)}"
        )
    return plan


def _planned(labels: Sequence[str], montage: Montage) -> MontagePlan:
    graph = _graph(labels)
    return MontagePlan(montage, tuple(_way(graph, *pair) for pair in montage.pairs))


def _as_recorded(labels: Sequence[str], record: str) -> MontagePlan:
    columns = [i for i, label in enumerate(labels) if _may_be_eeg(label)]
    if not columns:
        raise UnanalysableError(f"{record}: no EEG channel among {_listed(labels)}")
    if len(columns) > MAX_EEG_CHANNELS:
        raise InputError(
            f"{record}: {len(columns)} EEG channels; at most {MAX_EEG_CHANNELS} are taken as recorded"
        )
    montage = Montage(AS_RECORDED, tuple((labels[i], "") for i in columns))
    return MontagePlan(montage, tuple(((i, 1),) for i in columns))


def _may_be_eeg(label: str) -> bool:
    text = _PREFIX.sub("", label.strip().upper())
    is_named = any(c.isalnum() for c in label) or not label.strip()
    return is_named and not _OTHER.match(text)


def _is_bipolar(pair: tuple[str, str]) -> bool:
    return all(_ELECTRODE.fullmatch(electrode) for electrode in pair)


_Graph = dict[str, dict[str, tuple[int, int]]]
"""Electrode -> the electrode or reference next to it -> column and sign."""


def _graph(labels: Sequence[str]) -> _Graph:
    graph: _Graph = {}
    for column, label in enumerate(labels):
        pair = electrodes_of(label)
        if pair is not None:
            graph.setdefault(pair[0], {}).setdefault(pair[1], (column, 1))
            graph.setdefault(pair[1], {}).setdefault(pair[0], (column, -1))
    return graph


def _way(graph: _Graph, start: str, end: str) -> Source:
    """Shortest way, breadth first; empty if there is none."""
    ways: dict[str, Source] = {start: ()}
    for here in (queue := [start]):
        for there, step in graph.get(here, {}).items():
            if there not in ways:
                ways[there] = (*ways[here], step)
                queue.append(there)
    return ways.get(end, ())


def _listed(labels: Sequence[str]) -> str:
    shown = ", ".join(label or "(no name)" for label in labels[:12])
    return shown + (f" and {len(labels) - 12} more" if len(labels) > 12 else "") if labels else "no channels"
