"""Recipes compared by the test side of a split, over float models of several seeds.

    ictus train beat --data mitdb --seeds 3 --out beat.safetensors
    python benchmarks/recipes.py beat-seed*.safetensors --data mitdb --recipes default small mine.toml --out runs

Every compressed model is kept in the folder with its card, and taken from there when the benchmark runs again.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ictus.app.compress.bench import Bench
from ictus.app.compress.verbs import compress_with
from ictus.app.console import Console
from ictus.app.model_files import read_card
from ictus.app.verbs import bench


def card_of(opened: Bench, recipe: str, folder: Path, progress: Console) -> dict[str, Any]:
    """Before and after, made now or found in the folder."""
    path = folder / f"{opened.loaded.path.stem}-{Path(recipe).stem}.ictus"
    if not (path.is_file() and (found := read_card(path))):
        found = compress_with(opened, recipe, path, progress)[1]
    return found


def row(recipe: str, cards: Sequence[dict[str, Any]]) -> str:
    """A line of the table, as Markdown: mean and standard deviation over the models."""
    before, after = ([100 * card[side]["accuracy"] for card in cards] for side in ("baseline", "compressed"))
    f1 = [100 * card["compressed"]["macro_f1"] for card in cards]
    lost = np.subtract(before, after)
    sizes = [card["compressed"]["bytes"] for card in cards], [card["stored"]["bytes"] for card in cards]
    ratios = [card["stored"]["ratio"] for card in cards]
    cells = [recipe, str(len(cards)), spread(before), spread(after), spread(lost, "+.2f"), spread(f1)]
    return "| " + " | ".join([*cells, *(spread(size, ",.0f") for size in sizes), f"{np.mean(ratios):.1f}x"]) + " |"


def spread(values: Sequence[float] | np.ndarray, form: str = ".2f") -> str:
    """Mean and standard deviation (n - 1) of more than one value."""
    sd = f" \u00b1 {format(float(np.std(values, ddof=1)), form.removeprefix('+'))}" if len(values) > 1 else ""
    return format(float(np.mean(values)), form) + sd


def main() -> None:
    """Compress and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", help="float models of one task, one a seed")
    parser.add_argument("--data", help="that trained them")
    parser.add_argument("--recipes", nargs="+", default=["default"], help="names or .toml files")
    parser.add_argument("--out", type=Path, required=True, help="folder that keeps the compact models")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    cards: dict[str, list[dict[str, Any]]] = {recipe: [] for recipe in args.recipes}
    with Console() as progress:
        for model in args.models:
            opened = bench(model, args.data, progress)
            for recipe in args.recipes:
                cards[recipe].append(card_of(opened, recipe, args.out, progress))
    columns = "recipe", "seeds", "float accuracy", "compact", "lost", "macro F1", "device B", "stored B", "ratio"
    print(f"| {' | '.join(columns)} |")
    print("|---|---|---|---|---|---|---|---|---|")
    for recipe, found in cards.items():
        print(row(recipe, found))


if __name__ == "__main__":
    main()
