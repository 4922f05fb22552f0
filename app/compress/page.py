"""The page of a sweep: settings by two of their properties, Pareto front and table; it loads nothing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from ...compression.sweep_points import Weights
from ..analyze.analysis import NOTICE
from ..output import json_text

__all__ = ["sweep_page"]

_COLUMNS = (
    ("accuracy", "accuracy %"),
    ("loss", "lost, points"),
    ("macro_f1", "macro F1 %"),
    ("bytes", "device B"),
    ("stored", "stored B"),
    ("instructions", "instructions"),
    ("energy", "energy, uJ"),
    ("quality", "quality, dB"),
)


def sweep_page(told: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], weights: Weights) -> str:
    """HTML with styles, script and figures inside.

    Parameters
    ----------
    told : task, split, dataset, trials and device of the sweep
    rows : as `sweep.point_rows` gives them
    weights : that the page starts with
    """
    environment = Environment(
        loader=PackageLoader("ictus.app", "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    data = json.dumps(json.loads(json_text(rows)), ensure_ascii=False)
    return environment.get_template("pareto.html.j2").render(
        told=told,
        rows=rows,
        weights=asdict(weights),
        kinds=sorted({row["bits"] for row in rows if row["method"] != "baseline"}),
        columns=_COLUMNS,
        data=Markup(data.replace("<", "\\u003c")),
        notice=NOTICE,
        version=version("ictus"),
    )
