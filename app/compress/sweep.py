"""`ictus compress --sweep`: every setting of a grid on trial, table, page, and the chosen model at full length."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...compression.sweep_grid import Setting, built_in_grid, load_grid
from ...compression.sweep_points import Limits, SweepPoint, Weights, choose, pareto_front, quality
from ...firmware_export import get_device
from ...models.train import Progress
from ..output import require_writable, write_bytes, write_json, write_text
from .bench import Bench
from .page import sweep_page
from .trials import Trials
from .verbs import compress_to

__all__ = ["Wish", "point_rows", "sweep", "unmet_line"]

_FRONT = ("loss_points", "bytes")


@dataclass(frozen=True)
class Wish:
    """What the caller wants of the chosen model."""

    limits: Limits = field(default_factory=Limits)
    weights: Weights = field(default_factory=Weights)

    def nearest(self, points: Sequence[SweepPoint]) -> SweepPoint:
        """The chosen point, or, where none keeps the limits, the one that is least over them."""
        chosen = choose(points, self.limits, self.weights)
        able = [p for p in points if p.runs_on_device]
        return chosen or min(able, key=lambda p: (self.limits.excess(p), p.bytes))


def sweep(
    bench: Bench,
    out: str | Path,
    grid: str | Path | None = None,
    wish: Wish | None = None,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Try every setting, write table and page, and train the chosen one at full length on the whole training side.

    Parameters
    ----------
    out : folder; finished trials are kept in it, and taken from there when the sweep runs again
    grid : TOML file; None takes the built-in one, a quick one for the built-in sample

    Returns
    -------
    the ``compress`` part of the JSON contract for the chosen model, and ``sweep``; if no point keeps the limits,
    ``unmet`` says so in one line

    Raises
    ------
    InputError
        a grid that cannot be used, or a folder that cannot be written
    """
    wish, folder = wish or Wish(), require_writable(out)
    is_sample = bool(bench.loaded.provenance.get("is_sample"))
    found = built_in_grid(bench.recipes, is_sample) if grid is None else load_grid(grid, bench.recipes)
    with Trials(bench, found.plan, folder / "trials", n_jobs, progress) as trials:
        points = trials.points(found.settings)
    chosen = wish.nearest(points)
    rows = point_rows(points, wish, chosen)
    _write_tables(folder, rows)
    told = {"task": bench.loaded.task, **bench.head, "trials": asdict(found.plan), "device": get_device().name}
    write_text(folder / "pareto.html", sweep_page(told, rows, wish.weights))
    setting = {trials.store.key(s): s for s in found.settings}[chosen.key]
    model = folder / f"{bench.loaded.task}.ictus"
    summary = {"model": model, **final_model(bench, setting, chosen, model, progress)}
    result = summary | {"sweep": told | {"points": rows, "chosen": chosen.key}} | asdict(wish)
    line = unmet_line(wish.limits, chosen)
    return result | ({"unmet": line} if line else {})


def final_model(
    bench: Bench, setting: Setting, point: SweepPoint, path: Path, progress: Progress | None
) -> dict[str, Any]:
    """Compress by the setting at full length, judge by the test side, and write model and card."""
    assert setting.recipe is not None
    trial = {
        "name": point.name,
        "accuracy": point.accuracy,
        "loss_points": point.loss_points,
        "bytes": point.bytes,
    }
    return compress_to(bench, setting.recipe, path, {"recipe": setting.name, "trial": trial}, progress)[1]


def unmet_line(limits: Limits, point: SweepPoint) -> str:
    """What to say if the nearest point does not keep the limits; empty if it does."""
    if limits.excess(point) == 0:
        return ""
    wanted = " ".join(f"--{k.replace('_', '-')} {v:g}" for k, v in asdict(limits).items() if v is not None)
    energy = "" if point.energy_uj is None else f", {point.energy_uj:.3g} uJ"
    return (
        f"nothing that was tried keeps {wanted}; the nearest, which was written, is {point.name}: "
        f"{point.loss_points:.2f} points lost on held-out data, {point.bytes:,} bytes{energy}"
    )


def point_rows(points: Sequence[SweepPoint], wish: Wish, chosen: SweepPoint) -> list[dict[str, Any]]:
    """Points as rows of a table, in the order of their bytes."""
    ordered = sorted(points, key=lambda p: (p.bytes, -p.accuracy))
    costs = np.array([[getattr(p, axis) for axis in _FRONT] for p in ordered], np.float64)
    return [
        asdict(p)
        | {
            "quality": quality(p.accuracy, p.bytes, p.instructions, wish.weights),
            "on_front": bool(on_front),
            "within_limits": p.runs_on_device and wish.limits.excess(p) == 0,
            "chosen": p.key == chosen.key,
        }
        for p, on_front in zip(ordered, pareto_front(costs), strict=True)
    ]


def _write_tables(folder: Path, rows: Sequence[dict[str, Any]]) -> None:
    """``points.json``, ``points.csv``, and ``points.parquet`` where pyarrow is installed."""
    write_json(folder / "points.json", rows)
    settings = sorted({name for row in rows for name in row["settings"]})
    packers = sorted({name for row in rows for name in row["packed"]})
    flat = [_flat(row, settings, packers) for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(flat[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    write_text(folder / "points.csv", text.getvalue())
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        return
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist([_one_type(row, settings) for row in flat]), buffer)
    write_bytes(folder / "points.parquet", buffer.getvalue())


def _flat(row: dict[str, Any], settings: Sequence[str], packers: Sequence[str]) -> dict[str, Any]:
    """A row without tables in it: a column for every setting and every packer."""
    plain = {name: value for name, value in row.items() if name not in ("settings", "packed")}
    plain |= {f"packed_{name}": row["packed"].get(name) for name in packers}
    return plain | {name: row["settings"].get(name) for name in settings}


def _one_type(row: dict[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """Numbers as float, everything else that a recipe may say as text: a column of Parquet has one type."""
    return row | {name: None if row[name] is None else str(row[name]) for name in settings}
