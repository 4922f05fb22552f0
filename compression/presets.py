"""Recipes by name."""

from collections.abc import Mapping
from dataclasses import replace

from ..models.beat_task import RHYTHM_CHANNELS, BeatDesign
from .recipe import ChannelPruning, Pruning, Quantiser, Recipe, ScreenRecipe, Tuning

__all__ = [
    "BASELINES",
    "BEAT_RECIPES",
    "FASTEST_RHYTHM_RECIPE",
    "RHYTHM_RECIPE",
    "SEGMENT_RECIPE",
    "SEIZURE_RECIPE",
    "SMALLEST_BEAT_RECIPES",
    "SMALLEST_RHYTHM_RECIPE",
    "baselines_of",
]

_FEWER_F_AND_Q = 0.0, 0.0, 0.0, -1.0, -2.0
_NORMAL_CALLED_S_AND_V = 0.0, 0.02, 0.002, 0.0, 0.0
"""Training draws rare classes often, so that they are called too often; each seed calls S and V at another rate.

Chosen by benchmarks/beat_offsets.py, which holds out patients of the training data.
"""

_FROZEN = 0.3, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98, 1.0
"""Chosen on held-out beats of known patients (docs/compression.md)."""

_GATE_IN_STEPS = Tuning(gate_epochs=24, gate_frozen=_FROZEN)
"""Chosen on held-out halves of DS1 (docs/ecg.md)."""

BEAT_RECIPES: dict[BeatDesign, Recipe] = {
    "new patients": Recipe(
        Pruning(sparsity=0.7765, epochs=20, kept_channels=RHYTHM_CHANNELS),
        tuning=replace(_GATE_IN_STEPS, epochs=20, averaging=0.25),
        class_offset=_FEWER_F_AND_Q,
        normal_share=_NORMAL_CALLED_S_AND_V,
        screen=ScreenRecipe(),
    ),
    "known patients": Recipe(
        Pruning(sparsity=1 - 1650 / 169896, epochs=20),
        tuning=Tuning(epochs=20, frozen=_FROZEN),
        channels=ChannelPruning(share=0.5),
    ),
}
"""About 4 kB for new patients, who lose first when much is pruned, and 3 kB for known ones.

Known patients' smallest model keeps more of what it decides, but its screen passes most beats on.
"""

RHYTHM_RECIPE = Recipe(Pruning(sparsity=0.93, epochs=20), tuning=Tuning(epochs=16), learning_rate=6e-3)
"""About 7 KB of a network of 80,000 weights."""

SMALLEST_RHYTHM_RECIPE = Recipe(
    Pruning(sparsity=1 - 3125 / 71832, epochs=34, until=0.6),
    tuning=Tuning(epochs=24, averaging=0.3, frozen=_FROZEN),
    channels=ChannelPruning(share=0.42, criterion="channel-saving"),
    learning_rate=6e-3,
    distillation=1.0,
    n_teachers=2,
    class_offset=(0, -0.875, -0.375),
    ordered=True,
)
"""3,125 weights of 71,832: a hundred times smaller than the float network in the stored form.

The offsets are the logarithms of the classes' weights in the loss (`rhythm_train.class_weight`): they take back
what the weights move from N to A and O, as accuracy wants it.
"""

FASTEST_RHYTHM_RECIPE = replace(
    SMALLEST_RHYTHM_RECIPE,
    pruning=Pruning(sparsity=0.892, criterion="lamp-per-product", epochs=34, until=0.6),
    channels=ChannelPruning(share=0.15, criterion="channel-saving"),
    class_offset=(),
    ordered=False,
)
"""No more instructions than by the default recipe, with half as many weights more: where they are used least."""

SMALLEST_BEAT_RECIPES: dict[BeatDesign, Recipe] = {
    "new patients": Recipe(
        Pruning(sparsity=1 - 1250 / 12360, epochs=24, until=0.6, kept_channels=(12, 6, 5)),
        tuning=replace(_GATE_IN_STEPS, epochs=18, averaging=0.2),
        channels=ChannelPruning(share=0.4),
        class_offset=_FEWER_F_AND_Q,
        normal_share=(0.0, 0.01, 0.0015, 0.0, 0.0),
        screen=ScreenRecipe(n_hidden=8, epochs=10, tune_epochs=5, withheld=0.002, n_fits=3),
    ),
    "known patients": Recipe(
        Pruning(sparsity=1 - 1490 / 169896, gate_sparsity=0.6, epochs=40, until=0.5),
        tuning=Tuning(epochs=24, frozen=_FROZEN),
        channels=ChannelPruning(share=0.8),
        learning_rate=4e-3,
        distillation=0.8,
    ),
}
"""Below 2,048 bytes on the device: channels go first, the rest is pruned early and trains long.

Fewer normal beats may be called S than by the default recipe: these are for the accuracy of the float network
(docs/compression.md). A screen of half the size does worse when it trains longer. Known patients' gate rejects
next to nothing, so it gives bytes to the CNN.
"""

SEIZURE_RECIPE = Recipe(
    Pruning(sparsity=0.7, gate_sparsity=0.2, epochs=12),
    tuning=Tuning(epochs=16, averaging=0.3, frozen=_FROZEN),
    learning_rate=5e-3,
    distillation=0.9,
)
"""2.8 KB of a network of 9,000 weights.

The scores of a new patient lie close to the threshold: the compact network is to say what the float one says, so
most of its targets are the float network's.
"""

SEGMENT_RECIPE = Recipe(Pruning(sparsity=0.7, epochs=16), tuning=Tuning(epochs=12), learning_rate=5e-3)
"""Below 2 KB of a network of 4,800 weights."""

_DENSE = Pruning(sparsity=0.0, epochs=0)

BASELINES: Mapping[str, Recipe] = {
    "int8 post-training": Recipe(_DENSE, Quantiser("uniform8"), Tuning(0)),
    "int8 quantisation-aware": Recipe(_DENSE, Quantiser("uniform8"), Tuning(16)),
    "uniform 4-bit post-training": Recipe(_DENSE, Quantiser("uniform4"), Tuning(0)),
    "uniform 4-bit": Recipe(_DENSE, Quantiser("uniform4"), Tuning(16)),
    "ternary post-training": Recipe(_DENSE, Quantiser("ternary"), Tuning(0)),
    "ternary": Recipe(_DENSE, Quantiser("ternary"), Tuning(16)),
    "powers of two post-training": Recipe(_DENSE, Quantiser("log2"), Tuning(0)),
    "powers of two": Recipe(_DENSE, Quantiser("log2"), Tuning(16)),
}
"""What pruned powers of two are measured against; all keep every weight."""


def baselines_of(recipe: Recipe) -> dict[str, Recipe]:
    """`BASELINES` with the recipe's screen, the recipe itself without fine-tuning, and the same network trained
    sparse from scratch.
    """
    pruning = recipe.pruning
    one_shot = replace(pruning, schedule="one-shot", epochs=0)
    early = replace(pruning, schedule="one-shot", rewind=False)
    return {
        **{name: replace(baseline, screen=recipe.screen) for name, baseline in BASELINES.items()},
        "without fine-tuning": replace(recipe, pruning=one_shot, tuning=Tuning(0)),
        "sparse from scratch": replace(recipe, pruning=early, start="scratch", distillation=0.0),
    }
