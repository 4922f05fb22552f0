"""`ictus compress --max-loss`: from a trained float model and a loss budget to the smallest model inside it.

Sparsity is bisected with short trials on held-out folds of the training side; the first sparsity that was too much
is tried once more with phases of twice the length, since short trials lose more than long ones; what was found is
then trained at full length on the whole training side. The test side only judges that model.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ...compression.recipe import Recipe
from ...compression.sweep_grid import Setting, TrialPlan
from ...compression.sweep_points import SweepPoint
from ...compression.sweep_search import next_above, sparsest_within, widest_within
from ...models.train import Progress
from .bench import Bench, recipe_among
from .sweep import Wish, final_model, unmet_line
from .trials import Trials

__all__ = ["SEARCH_PLAN", "search"]

SEARCH_PLAN = TrialPlan(folds=2, of=4, prune_epochs=4, tune_epochs=4, min_steps=300, gate_epochs=2)
_LOWEST, _HIGHEST = 0.0, 0.985
_N_TRIALS = 5
_WORTH = 0.98
"""A longer trial is made for bytes below this share of those that were found."""


@dataclass
class _Found:
    """What was tried, by sparsity; a longer trial takes the place of a shorter one."""

    recipe: Recipe
    settings: dict[float, Setting] = field(default_factory=dict)
    points: dict[float, SweepPoint] = field(default_factory=dict)
    tried: list[dict[str, Any]] = field(default_factory=list)

    def try_out(self, trials: Trials, sparsity: float) -> float:
        """Points of accuracy that are lost at a sparsity."""
        setting = Setting(f"{100 * sparsity:g} % pruned", "recipe", self.recipe.pruned_to(sparsity))
        [point] = trials.points([setting], f"try {setting.name}")
        self.settings[sparsity], self.points[sparsity] = setting, point
        epochs = trials.plan.prune_epochs + trials.plan.tune_epochs
        self.tried.append(
            {"sparsity": sparsity, "epochs": epochs, "loss_points": point.loss_points, "bytes": point.bytes}
        )
        return point.loss_points

    @property
    def losses(self) -> dict[float, float]:
        return {sparsity: point.loss_points for sparsity, point in self.points.items()}

    def worth_more(self, budget: float) -> float | None:
        """The first sparsity that was too much, if it would make the model smaller than what was found.

        It need not: what a recipe never prunes sets a floor.
        """
        best = sparsest_within(self.losses, budget)
        beyond = next_above(self.losses, best)
        if beyond is None or best is None:
            return beyond
        return beyond if self.points[beyond].bytes < _WORTH * self.points[best].bytes else None


def search(
    bench: Bench,
    out: str | Path,
    wish: Wish,
    recipe: str = "default",
    n_jobs: int = 2,
    progress: Progress | None = None,
    plan: TrialPlan = SEARCH_PLAN,
) -> dict[str, Any]:
    """Search, and write the model and its card.

    Parameters
    ----------
    out : the model; trials are kept beside it, and taken from there when the search runs again
    wish : its limit on the loss is needed; the others are checked in the end
    recipe : whose sparsity is searched; its class offset, which moves the operating point, is left out

    Returns
    -------
    the ``compress`` part of the JSON contract, with ``search`` beside it; ``unmet`` says in one line that nothing
    keeps the limits, if that is so

    Raises
    ------
    InputError
        the recipe is not known, or a folder cannot be written
    """
    budget = wish.limits.max_loss
    assert budget is not None
    found = _Found(recipe_among(bench.recipes, recipe).without_offsets())
    folder = Path(out).with_suffix(".trials")
    with Trials(bench, plan, folder, n_jobs, progress) as trials:
        widest_within(lambda s: found.try_out(trials, s), budget, _LOWEST, _HIGHEST, _N_TRIALS)
    beyond = found.worth_more(budget)
    if beyond is not None:
        longer = replace(plan, prune_epochs=2 * plan.prune_epochs, tune_epochs=2 * plan.tune_epochs)
        with Trials(bench, longer, folder, n_jobs, progress) as trials:
            found.try_out(trials, beyond)
    return _finish(bench, found, wish, Path(out), progress)


def _finish(bench: Bench, found: _Found, wish: Wish, out: Path, progress: Progress | None) -> dict[str, Any]:
    sparsity = _chosen(found, wish)
    point = found.points[sparsity]
    summary = final_model(bench, found.settings[sparsity], point, out, progress)
    tried = sorted(found.tried, key=lambda row: (row["sparsity"], row["epochs"]))
    line = unmet_line(wish.limits, point)
    told = {"search": {"tried": tried, "chosen": sparsity, "limits": asdict(wish.limits)}}
    return summary | told | ({"unmet": line} if line else {})


def _chosen(found: _Found, wish: Wish) -> float:
    """The sparsity of the nearest point to what is wished."""
    points: Sequence[SweepPoint] = list(found.points.values())
    nearest = wish.nearest(points)
    return next(sparsity for sparsity, point in found.points.items() if point == nearest)
