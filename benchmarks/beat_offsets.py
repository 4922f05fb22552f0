"""Choose the compact beat model's class offsets on patients that did not train: DS1 of MIT-BIH and svdb, 4 folds.

    python benchmarks/beat_offsets.py [--folds 0 1]

Every fourth recording is held out; the others train a float network and its compact form, without offsets. The
table scores the held-out recordings at offsets of the S and V logits, with the gate open. DS2 is not read.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from ictus.compression import BEAT_RECIPES, compress_beat
from ictus.models import BeatRecord, Decisions, GateSources, decide, prepare_records, train_beats
from ictus.models.beat_scores import ectopic_score
from ictus.models.beat_train import INTER_CONFIG
from ictus.models.metrics import confusion, score
from ictus.models.protocol import Protocol
from ictus.signals import DS1, find_dataset

N_FOLDS = 4
S_OFFSETS = (-0.25, 0.0, 0.25, 0.5, 0.75, 1.0)
V_OFFSETS = (-0.5, 0.0, 0.5)
LOGIT_STEPS = 8

Decided = list[tuple[BeatRecord, Decisions]]


def read() -> list[BeatRecord]:
    """DS1, then svdb: 59 recordings of as many subjects."""
    mitdb, svdb = find_dataset("mitdb"), find_dataset("svdb")
    paths = [*(mitdb.path(name) for name in DS1), *(svdb.path(name) for name in svdb.records)]
    return prepare_records(paths, n_processes=1)


def held_out(records: Sequence[BeatRecord], fold: int, sources: GateSources) -> Decided:
    """Decisions of a compact model on every fourth recording, by which it was not trained; nothing is gated."""
    test = tuple(records[fold::N_FOLDS])
    train = tuple(r for i, r in enumerate(records) if i % N_FOLDS != fold)
    protocol = Protocol("cv", f"fold {fold} of {N_FOLDS}", "", train, test, None, None, (), INTER_CONFIG)
    data = protocol.training_set(sources)
    recipe = replace(BEAT_RECIPES[INTER_CONFIG.design], class_offset=())
    compact = compress_beat(train_beats(data, INTER_CONFIG), data, recipe, INTER_CONFIG)
    gate, *stages = compact.stages
    opened = replace(compact, stages=(replace(gate, threshold=-128), *stages))
    return [(r, decide(opened, r)) for r in test]


def moved(decisions: Decisions, offset: np.ndarray) -> Decisions:
    """The same decisions with other class logits."""
    classes = decisions.classes + LOGIT_STEPS * offset
    label = np.where(decisions.reached, classes.argmax(axis=1), 0).astype(np.int8)
    return replace(decisions, label=label)


def row(decided: Decided, s_offset: float, v_offset: float) -> str:
    """A line of the table, as Markdown."""
    offset = np.array([0.0, s_offset, v_offset, 0.0, 0.0])
    table = np.sum([confusion(r, moved(d, offset)) for r, d in decided], axis=0)
    cells = [f"{100 * score(table).accuracy:.2f}"]
    for name in ("SVEB", "VEB"):
        ectopic = ectopic_score(table, name)
        cells.append(f"{100 * ectopic.se:.1f}/{100 * ectopic.ppv:.1f}")
    return f"| {s_offset:+g} | {v_offset:+g} | " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--folds", type=int, nargs="+", default=list(range(N_FOLDS)), help="folds that are held out"
    )
    folds = parser.parse_args().folds
    records, sources = read(), GateSources.find(False)
    decided = [each for fold in folds for each in held_out(records, fold, sources)]
    print(f"{len(decided)} held-out recordings\n")
    print("| S | V | accuracy | SVEB Se/+P | VEB Se/+P |\n|---|---|---|---|---|")
    for s_offset in S_OFFSETS:
        for v_offset in V_OFFSETS:
            print(row(decided, s_offset, v_offset))


if __name__ == "__main__":
    main()
