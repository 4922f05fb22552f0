"""The rhythm of a recording as JSON and as WFDB marks."""

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

from ...models.rhythm_task import FIBRILLATION, RHYTHMS
from .analysis import STAGES
from .event_files import TimedMark, json_line
from .rhythm_events import BURDEN_DEFINITION, RhythmSummary, StripTable

__all__ = ["burden_json", "rhythm_marks", "strip_lines"]

_AUX = {"N": "(N", "A": "(AFIB", "O": "(OTHER", None: "(UNDECIDED"}
"""Text of the rhythm annotation ``+``; the WFDB list of rhythms has no word for the last two."""


def burden_json(rhythm: RhythmSummary) -> dict[str, Any]:
    """The figures, as plain values; null where nothing was decided."""
    shares = {name: _known(share) for name, share in rhythm.share_by_rhythm.items()}
    return {
        "af_burden": shares[RHYTHMS[FIBRILLATION]],
        "share": shares,
        "strips": {"all": rhythm.n_strips, "undecided": rhythm.n_undecided, **rhythm.n_by_rhythm},
        "decided_s": rhythm.decided_s,
        "undecided_s": rhythm.undecided_s,
        "rest_s": rhythm.rest_s,
        "strip_s": rhythm.strip_s,
        "af_episodes": rhythm.n_episodes,
        "af_longest_s": rhythm.longest_s,
        "definition": f"AF burden: {BURDEN_DEFINITION}; onsets, ends and shortest episode to {rhythm.strip_s:g} s",
    }


def strip_lines(strips: StripTable) -> Iterator[bytes]:
    """Every strip as a line of JSON."""
    columns = (column.tolist() for column in vars(strips).values())
    for onset_s, duration_s, label, network, stage, analysable_s, screen, confidence in zip(*columns, strict=True):
        yield json_line(
            {
                "onset_s": onset_s,
                "duration_s": duration_s,
                "class": RHYTHMS[label] if label >= 0 else None,
                "network": RHYTHMS[network] if network >= 0 else None,
                "stage": STAGES[stage],
                "analysable_s": analysable_s,
                "screen": _known(screen),
                "confidence": _known(confidence),
            }
        )


def rhythm_marks(lines: Iterable[bytes], duration_s: float) -> Iterator[TimedMark]:
    """``+`` with the rhythm wherever it changes, and where the part behind the last strip begins.

    Parameters
    ----------
    lines : from `strip_lines`
    duration_s : of the recording
    """
    said, end_s = "", 0.0
    for strip in map(json.loads, lines):
        text, end_s = _AUX[strip["class"]], strip["onset_s"] + strip["duration_s"]
        if text != said:
            yield TimedMark(strip["onset_s"], "+", text=text)
        said = text
    if said not in ("", _AUX[None]) and end_s < duration_s:
        yield TimedMark(end_s, "+", text=_AUX[None])


def _known(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
