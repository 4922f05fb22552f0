"""`ictus compress`: one recipe, a grid of settings, or a search within a loss budget."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...compression.sweep_points import Limits, Weights
from ...models.train import Progress
from ...signals import InputError
from ..console import table_text
from ..output import require_writable, require_writable_file
from ..run_notes import note_seeds
from ..summaries import compression_text, percent
from ..verbs import bench, check_recipe
from .search import search
from .sweep import Wish, sweep
from .verbs import compress_with

__all__ = ["CompressArguments", "compress_command"]


@dataclass(frozen=True)
class CompressArguments:
    """What the command line was given; None and empty where it was not.

    Attributes
    ----------
    model : file of a float model, or a task's name for the zoo's
    data, extra : see the task's ``compress``
    recipe : name or ``.toml`` file
    out : model, or folder of a sweep
    is_sweep : try a grid of settings
    grid : TOML file of the sweep
    weights : of its quality
    limits : of the chosen model; one on the loss starts a search where there is no sweep
    n_jobs : trials at a time
    """

    model: str
    data: str | None = None
    extra: Sequence[str] = ()
    recipe: str | None = None
    out: str | None = None
    is_sweep: bool = False
    grid: str | None = None
    weights: str | None = None
    limits: Limits = field(default_factory=Limits)
    n_jobs: int = 2

    def check(self) -> None:
        """Raise `InputError` for options that do not go together, and for an output that cannot be written."""
        if self.is_sweep and self.recipe:
            raise InputError("--recipe: a sweep takes its recipes from --grid")
        alone = [name for name in ("grid", "weights") if getattr(self, name) is not None]
        if alone and not self.is_sweep:
            raise InputError(f"--{alone[0]} needs --sweep")
        limited = [name for name, value in asdict(self.limits).items() if value is not None]
        if limited and not self.is_sweep and self.limits.max_loss is None:
            raise InputError(f"--{limited[0].replace('_', '-')} needs --sweep or --max-loss")
        if self.is_sweep:
            require_writable(self.path)
        else:
            require_writable_file(self.path)

    @property
    def path(self) -> Path:
        """Where the result goes."""
        if self.out is not None:
            return Path(self.out)
        model = Path(self.model)
        return model.with_name(f"{model.stem}-sweep") if self.is_sweep else model.with_suffix(".ictus")

    @property
    def wish(self) -> Wish:
        """What is wanted of the chosen model."""
        return Wish(self.limits, Weights() if self.weights is None else Weights.parse(self.weights))


def compress_command(given: CompressArguments, progress: Progress | None = None) -> tuple[dict[str, Any], str]:
    """Run the command.

    Returns
    -------
    the JSON contract's object, with ``unmet`` in it if the limits are not kept; and a text for people

    Raises
    ------
    InputError
        options, a model, data or a grid that cannot be used
    """
    wish = given.wish
    given.check()
    extra = {"extra": list(given.extra)} if given.extra else {}
    if given.recipe is not None:
        check_recipe(given.model, given.recipe)
    chosen = bench(given.model, given.data, progress, **extra)
    note_seeds([int(chosen.loaded.provenance.get("seed", 0))])
    if given.is_sweep:
        result = sweep(chosen, given.path, given.grid, wish, given.n_jobs, progress)
        lines = [_points_text(result["sweep"]["points"]), compression_text(result)]
        return result, "\n".join([*lines, f"page: {given.path / 'pareto.html'}", f"model: {result['model']}"])
    recipe = given.recipe or "default"
    if given.limits.max_loss is None:
        result = compress_with(chosen, recipe, given.path, progress)[1]
        return result, f"{compression_text(result)}\nmodel: {given.path}"
    result = search(chosen, given.path, wish, recipe, given.n_jobs, progress)
    tried = _tried_text(result["search"]["tried"])
    return result, f"{tried}\n{compression_text(result)}\nmodel: {given.path}"


def _points_text(points: Sequence[Mapping[str, Any]]) -> str:
    """All points, those on the front of loss and bytes marked."""
    header = (
        "setting (* on the front)",
        "accuracy",
        "lost",
        "device B",
        "stored B",
        "instructions",
        "uJ",
        "quality",
    )
    return table_text(header, [_point_cells(p) for p in points])


def _point_cells(p: Mapping[str, Any]) -> tuple[str, ...]:
    def known(name: str, form: str) -> str:
        return "-" if p[name] is None else format(p[name], form)

    name = f"{p['name']}{' *' if p['on_front'] else ''}{' (chosen)' if p['chosen'] else ''}"
    costs = (
        known("bytes", ",d"),
        known("stored_bytes", ",d"),
        known("instructions", ",.0f"),
        known("energy_uj", ".3g"),
    )
    return name, percent(p["accuracy"]), f"{p['loss_points']:+.2f}", *costs, f"{p['quality']:.1f}"


def _tried_text(tried: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (f"{100 * t['sparsity']:g} % pruned", str(t["epochs"]), f"{t['loss_points']:+.2f}", f"{t['bytes']:,}")
        for t in tried
    ]
    return table_text(("tried on held-out folds", "epochs", "points lost", "bytes"), rows)
