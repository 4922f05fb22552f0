"""The noise gate on patients and noise that it has not seen: DS2 of MIT-BIH with the second half of `bw em ma`.

    python benchmarks/gate.py [--model FILE] [--folds] [--instructions]

A window is one second; its ratio is that of the noise in it, behind the device's filter (local), or the one that
was asked for over the whole recording of noise, before it (nominal, as `nst` counts). Recorded noise comes
in bursts: a nominal 0 dB of `ma` leaves a quarter of the seconds above 12 dB, which no gate can rightly reject.
Strips of CinC 2017: the score is the mean logit of a strip's seconds; the zoo's gate never saw those of fold 0.
--folds trains 5 gates, each without the strips of its fold. --instructions runs 5 minutes of record 200 on the
emulated core.
"""

import argparse
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from ictus.compression import load_compact
from ictus.compression.compact import CompactModel
from ictus.firmware_export import simulate
from ictus.models import GateSources, StagedModel, prepare_records
from ictus.models.gate_data import GateExamples, strip_examples
from ictus.models.gate_folds import auc, auc_interval, strip_gates
from ictus.models.gate_sources import NOISY_STRIP, STRIP_TEST_FOLD, gate_figures
from ictus.signals import CLASSES, DS1, DS2, find_dataset, load, to_device
from ictus.signals.strips import strip_folds, strip_labels

ZOO = Path(__file__).parents[1] / "models" / "zoo" / "beat.ictus"
NOMINAL_DB = (24, 18, 12, 6, 0, -6)
LOCAL_DB = (np.inf, 24, 18, 12, 6, 0, -6, -np.inf)
KINDS = ("bw", "em", "ma")
WINDOW_S = 10
GATE_PARTS = ("gate", "gate_features")


def share(flags: np.ndarray) -> str:
    """Per cent and number."""
    return f"{100 * flags.mean():6.2f} /{len(flags):6d}" if len(flags) else f"{'-':>14s}"


def noise_table(passed: np.ndarray, e: GateExamples) -> None:
    """Accepted seconds by kind of noise and ratio, in both readings."""
    print("accepted, %             " + "".join(f"{kind:>16s}" for kind in KINDS))
    for high, low in pairwise(LOCAL_DB):
        rows = [(e.kind == kind) & (e.snr_db >= low) & (e.snr_db < high) for kind in KINDS]
        print(f"local {low:5.0f} to {high:4.0f} dB    " + "".join(f"  {share(passed[r])}" for r in rows))
    for db in NOMINAL_DB:
        rows = [(e.kind == kind) & (e.nominal_db == db) for kind in KINDS]
        print(f"nominal {db:3d} dB          " + "".join(f"  {share(passed[r])}" for r in rows))
    for db in NOMINAL_DB:
        cells = [share(windows(passed, (e.kind == kind) & (e.nominal_db == db))) for kind in KINDS]
        print(f"nominal {db:3d} dB, {WINDOW_S} s    " + "".join(f"  {c}" for c in cells))


def windows(passed: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Whether most seconds of each whole window of consecutive chosen seconds passed."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]]).astype(np.int8))).reshape(-1, 2)
    starts = [s for first, end in edges for s in range(first, end - WINDOW_S + 1, WINDOW_S)]
    return np.array([passed[s : s + WINDOW_S].mean() > 0.5 for s in starts], bool)


def beats_lost(model: StagedModel, names: Sequence[str]) -> None:
    """Share of the detected reference beats of each class that lie in rejected seconds."""
    found = find_dataset("mitdb")
    records = prepare_records([found.path(name) for name in names], n_processes=1)
    gated = np.concatenate([~passes(model, r.features)[r.beats.block] for r in records])
    label = np.concatenate([r.label for r in records])
    cells = "  ".join(f"{c} {share(gated[label == i]).strip()}" for i, c in enumerate(CLASSES))
    print(f"beats in rejected seconds, %: {cells}")


def passes(model: StagedModel, features: np.ndarray) -> np.ndarray:
    """Whether the gate lets each second through."""
    return model.judge(features) >= model.thresholds["gate"]


def strip_scores(model: StagedModel, strips: Sequence[tuple[np.ndarray, bool]]) -> np.ndarray:
    """Mean logit of each strip, low for noise."""
    examples = strip_examples(strips)
    logits = model.judge(examples.features).astype(np.float64)
    return np.bincount(examples.record, logits) / np.bincount(examples.record)


def strips_table(model: StagedModel, all_folds: bool) -> None:
    """AUC of noisy strips against the rest."""
    found = find_dataset("cinc2017")
    labels = strip_labels(found)
    fold = strip_folds(labels).fold
    wanted = [r for r in found.records if all_folds or fold[r] == STRIP_TEST_FOLD]
    strips = [(to_device(load(found.path(r))).counts, labels[r] == NOISY_STRIP) for r in wanted]
    is_noisy = np.array([noisy for _, noisy in strips])
    held = np.array([fold[r] == STRIP_TEST_FOLD for r in wanted])
    scores = strip_scores(model, [s for s, h in zip(strips, held, strict=True) if h])
    print_auc("CinC 2017, held-out fold, this gate", scores, is_noisy[held])
    if not all_folds:
        return
    number = np.array([fold[r] for r in wanted])
    records = prepare_records([find_dataset("mitdb").path(n) for n in DS1], n_processes=1)
    pooled = np.empty(len(strips))
    for k, gate in strip_gates(records, GateSources.find(False), strips, number):
        mine = number == k
        scores = strip_scores(gate, [s for s, m in zip(strips, mine, strict=True) if m])
        print_auc(f"CinC 2017, fold {k}, gate trained without it", scores, is_noisy[mine])
        pooled[mine] = scores - scores.mean()
    print_auc("CinC 2017, all strips, each out of fold", pooled, is_noisy)


def print_auc(name: str, scores: np.ndarray, is_noisy: np.ndarray) -> None:
    """One line with a bootstrap interval over strips."""
    low, high = auc_interval(-scores, is_noisy)
    n = f"{is_noisy.sum()} of {len(scores)} noisy"
    print(f"{name}: AUC {auc(-scores, is_noisy):.4f} ({low:.4f} to {high:.4f}), {n}")


def instructions_table(model: CompactModel) -> None:
    """What the gate costs on the device."""
    run = simulate(model, load(find_dataset("mitdb").path("200")), seconds=300)
    parts, total = run.profile.region_instructions(), run.profile.instructions
    network, both = parts["gate"], sum(parts[name] for name in GATE_PARTS)
    print(f"instructions a second, record 200: {total / 300:.0f} in all")
    print(f"  gate's network alone {network / 300:.0f} ({100 * network / total:.2f} %)")
    print(f"  features and network {both / 300:.0f} ({100 * both / total:.2f} %)")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--model", type=Path, default=ZOO, help="compact model whose gate is tested (default: zoo)"
    )
    parser.add_argument("--folds", action="store_true", help="also train and test 5 gates on CinC 2017's folds")
    parser.add_argument("--instructions", action="store_true", help="also count instructions on the emulated core")
    arguments = parser.parse_args()
    model = load_compact(arguments.model)
    found = find_dataset("mitdb")
    records = prepare_records([found.path(name) for name in DS2], n_processes=1)
    examples = GateSources.find(False).test_examples(records)
    for name, value in gate_figures(model, examples).items():
        print(f"{name:22s} {value if isinstance(value, str) else f'{100 * float(str(value)):.2f} %'}")
    noise_table(passes(model, examples.features), examples)
    beats_lost(model, DS1)
    strips_table(model, arguments.folds)
    if arguments.instructions:
        instructions_table(model)


if __name__ == "__main__":
    main()
