"""`ictus compress` with one recipe, alike for every task."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...compression import CompactModel
from ...compression.recipe import Recipe
from ...compression.sweep_grid import device_runs
from ...models.train import Progress
from ...signals import InputError
from ..evaluate.experiment import compression_summary
from ..model_files import write_compact
from .bench import Bench, recipe_among

__all__ = ["compress_to", "compress_with", "summary_of"]


def compress_with(
    bench: Bench, recipe: str, out: str | Path | None, progress: Progress | None = None
) -> tuple[CompactModel, dict[str, Any]]:
    """Compress the bench's model with what trained it; writes `out` and its card if given.

    Returns
    -------
    the compact model, and the ``compress`` part of the JSON contract
    """
    return compress_to(bench, recipe_among(bench.recipes, recipe), out, {"recipe": recipe}, progress)


def compress_to(
    bench: Bench, recipe: Recipe, out: str | Path | None, head: Mapping[str, Any], progress: Progress | None = None
) -> tuple[CompactModel, dict[str, Any]]:
    """`compress_with` a recipe that need not have a name; `head` is what the card says of it.

    Raises
    ------
    InputError
        the recipe gives what no device runs: such a model can be compared in a sweep, and not be written
    """
    if not device_runs(recipe):
        raise InputError(f"recipe: {recipe.quantiser} gives what no device runs; --sweep compares it")
    compact = bench.whole.compress(bench.model, recipe, progress)
    summary = {**head, **_offsets(recipe), **summary_of(bench, compact)}
    if out is not None:
        write_compact(
            out, compact, summary | {"settings": recipe.to_json(), "provenance": bench.loaded.provenance}
        )
    return compact, summary


def _offsets(recipe: Recipe) -> dict[str, list[float]]:
    """What moves the operating point, as far as the recipe has it."""
    said = {"class_offset": recipe.class_offset, "normal_share": recipe.normal_share}
    return {name: list(values) for name, values in said.items() if values}


def summary_of(bench: Bench, compact: CompactModel) -> dict[str, Any]:
    """Before and after, both judged by the test side."""
    judge = bench.whole.judge
    before, after = judge(bench.model), judge(compact)
    summary = compression_summary(bench.model, compact, before, after)
    summary["baseline"] |= before.more
    summary["compressed"] |= after.more
    return bench.head | summary
