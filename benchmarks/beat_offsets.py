"""Choose the compact beat model's operating point on patients that did not train: DS1 and svdb, 4 folds.

    python benchmarks/beat_offsets.py [--folds 0 1] [--seed 0]

Every fourth recording is held out; the others train a float network and its compact form. The tables score the
held-out recordings, with the gate open: at fixed offsets of the S logit, and with the S and V logits moved until
given shares of the normal beats that trained are called so. F and Q have the recipe's offsets. DS2 is not read.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from ictus.compression import BEAT_RECIPES, BeatMaterial, compress_beat
from ictus.compression.operating_point import offset_for_shares
from ictus.models import BeatRecord, Decisions, GateSources, decide, prepare_records, train_beats
from ictus.models.beat_scores import ectopic_score
from ictus.models.beat_train import INTER_CONFIG, TrainConfig
from ictus.models.metrics import confusion, score
from ictus.models.protocol import Protocol
from ictus.signals import DS1, find_dataset

N_FOLDS = 4
S_OFFSETS = 0.0, 0.25, 0.5, 0.75, 1.0
S_SHARES = 0.016, 0.018, 0.02, 0.025
V_SHARES = 0.0015, 0.002, 0.003
LOGIT_STEPS = 8


@dataclass(frozen=True)
class Fold:
    """Held-out recordings as a compact model decides them, and its logits of the normal beats that trained it."""

    decided: list[tuple[BeatRecord, Decisions]]
    normal_logits: np.ndarray


def read() -> list[BeatRecord]:
    """DS1, then svdb: 59 recordings of as many subjects."""
    mitdb, svdb = find_dataset("mitdb"), find_dataset("svdb")
    paths = [*(mitdb.path(name) for name in DS1), *(svdb.path(name) for name in svdb.records)]
    return prepare_records(paths, n_processes=1)


def fold_protocol(records: Sequence[BeatRecord], fold: int, config: TrainConfig = INTER_CONFIG) -> Protocol:
    """Every fourth recording tests, the others train."""
    test = tuple(records[fold::N_FOLDS])
    train = tuple(r for i, r in enumerate(records) if i % N_FOLDS != fold)
    return Protocol("cv", f"fold {fold} of {N_FOLDS}", "", train, test, None, None, (), config)


def held_out(records: Sequence[BeatRecord], fold: int, sources: GateSources, seed: int) -> Fold:
    """A compact model on every fourth recording, by which it was not trained; nothing is gated."""
    config = INTER_CONFIG.seeded(seed)
    protocol = fold_protocol(records, fold, config)
    data = protocol.training_set(sources)
    recipe = replace(BEAT_RECIPES[config.design], normal_share=())
    compact = compress_beat(train_beats(data, config), data, recipe, config)
    gate, *stages = compact.stages
    opened = replace(compact, stages=(replace(gate, threshold=-128), *stages))
    logits = BeatMaterial(data, config).normal_logits(compact)
    return Fold([(r, decide(opened, r)) for r in protocol.test], logits)


def moved(decisions: Decisions, offset: np.ndarray) -> Decisions:
    """The same decisions with other class logits."""
    classes = decisions.classes + LOGIT_STEPS * offset
    label = np.where(decisions.reached, classes.argmax(axis=1), 0).astype(np.int8)
    return replace(decisions, label=label)


def row(folds: Sequence[Fold], offsets: Sequence[Sequence[float]]) -> str:
    """Scores of all folds, each at its own class offsets, as cells of Markdown."""
    table = np.sum(
        [
            confusion(r, moved(d, np.array(offset)))
            for fold, offset in zip(folds, offsets, strict=True)
            for r, d in fold.decided
        ],
        axis=0,
    )
    cells = [f"{100 * score(table).accuracy:.2f}"]
    for name in ("SVEB", "VEB"):
        ectopic = ectopic_score(table, name)
        cells.append(f"{100 * ectopic.se:.1f}/{100 * ectopic.ppv:.1f}")
    return " | ".join(cells)


def lines(folds: Sequence[Fold]) -> Iterator[str]:
    """The table, as Markdown."""
    yield "| S | V | accuracy | SVEB Se/+P | VEB Se/+P |\n|---|---|---|---|---|"
    for s_offset in S_OFFSETS:
        yield f"| {s_offset:+g} | +0 | {row(folds, [(0, s_offset, 0, 0, 0)] * len(folds))} |"
    for s_share in S_SHARES:
        for v_share in V_SHARES:
            shares = 0, s_share, v_share, 0, 0
            found = row(folds, [offset_for_shares(fold.normal_logits, shares) for fold in folds])
            yield f"| {100 * s_share:g} % | {100 * v_share:g} % | {found} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--folds", type=int, nargs="+", default=list(range(N_FOLDS)), help="folds that are held out"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the training; default: %(default)s")
    args = parser.parse_args()
    records, sources = read(), GateSources.find(False)
    folds = [held_out(records, fold, sources, args.seed) for fold in args.folds]
    print(f"{sum(len(fold.decided) for fold in folds)} held-out recordings\n")
    print("\n".join(lines(folds)))


if __name__ == "__main__":
    main()
