"""The fibrillation alarm as C: its model beside the runtime, for `ictus_add_alarm`."""

from pathlib import Path

import numpy as np

from ..models.alarm_model import AlarmModel, load_alarm

__all__ = ["write_alarm"]

_HEADER = """\
/* Model of the alarm of ventricular fibrillation, for `ictus_add_alarm`. It takes flash only where it is used. */
#ifndef ICTUS_ALARM_DATA_H
#define ICTUS_ALARM_DATA_H

#include "ictus_alarm.h"

extern const ictus_alarm_model ictus_alarm_data;

#endif
"""


def write_alarm(directory: Path, model: AlarmModel | None = None) -> None:
    """Write ``ictus_alarm_data.[ch]`` into an existing directory; None takes the zoo's alarm."""
    texts = {"ictus_alarm_data.h": _HEADER, "ictus_alarm_data.c": _source(model or load_alarm())}
    for name, text in texts.items():
        (directory / name).write_text(text, encoding="utf-8", newline="\n")


def _source(model: AlarmModel) -> str:
    rows = ",\n".join(f"        {_braced(row)}" for row in model.hidden_weight)
    return f"""\
#include "ictus_alarm_data.h"

const ictus_alarm_model ictus_alarm_data = {{
    .hidden_weight = {{
{rows}
    }},
    .hidden_bias = {_braced(model.hidden_bias)},
    .weight = {_braced(model.weight)},
    .bias = {model.bias},
    .threshold = {model.threshold},
}};
"""


def _braced(values: np.ndarray) -> str:
    return f"{{{', '.join(map(str, values.tolist()))}}}"
