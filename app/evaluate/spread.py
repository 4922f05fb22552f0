"""Mean and spread of the same figures over several seeds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["beat_figures", "spread_of"]


def beat_figures(result: Mapping[str, Any]) -> dict[str, float]:
    """The figures of a beat evaluation that seeds are compared by; `result` follows the JSON contract."""
    figures = {key: result[key] for key in ("accuracy", "macro_f1", "rejected_fraction")}
    for name, scores in result["ectopic"].items():
        figures |= {f"{name}_{key}": scores[key] for key in ("se", "ppv", "fpr")}
    return figures | {"ece": result["calibration"]["ece"], "area_risk_coverage": result["risk_coverage"]["area"]}


def spread_of(rows: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Mean, standard deviation (n - 1), lowest and highest value of every figure over the rows that define it.

    Parameters
    ----------
    rows : one mapping of figures per seed
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: _spread([row[name] for row in rows if name in row]) for name in names}


def _spread(values: Sequence[float]) -> dict[str, float]:
    defined = np.array([v for v in values if v is not None and np.isfinite(v)], np.float64)
    if len(defined) == 0:
        return dict.fromkeys(("mean", "sd", "min", "max"), float("nan"))
    sd = float(defined.std(ddof=1)) if len(defined) > 1 else 0.0
    return {"mean": float(defined.mean()), "sd": sd, "min": float(defined.min()), "max": float(defined.max())}
