"""Cross-validation of the beat task: a float model per fold; each fold's decisions are kept to go on from."""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from ...models import (
    BeatEvaluation,
    BeatRecord,
    Decisions,
    GateSources,
    Protocol,
    cv_protocols,
    decide,
    evaluate_decisions,
    train_beats,
)
from ...models.beat_train import INTER_CONFIG, TrainConfig
from ...models.train import Progress
from ...signals.array_files import read_arrays
from ...signals.errors import InputError
from ..output import require_writable, write_bytes

__all__ = ["FOLDS_FOLDER", "cross_validate", "folds_sha256"]

FOLDS_FOLDER = "folds"
_FIELDS = tuple(f.name for f in fields(Decisions))


def cross_validate(
    records: Sequence[BeatRecord],
    sources: GateSources,
    n_folds: int,
    seed: int,
    config: TrainConfig = INTER_CONFIG,
    keep_in: Path | None = None,
    progress: Progress | None = None,
) -> BeatEvaluation:
    """Train one model per fold on the other folds' subjects, decide the fold with it, and score all decisions.

    Parameters
    ----------
    records : prepared recordings with reference beats
    sources : noise and fibrillation for the gate
    seed : of the draw of the folds and of every training
    keep_in : folder that keeps each fold's decisions; a fold that is there already, from the same training data
        and settings, is not trained again. None keeps nothing.

    Raises
    ------
    InputError
        too few subjects, or a folder that cannot be written
    """
    protocols = cv_protocols(records, n_folds, seed, config)
    decisions: dict[str, Decisions] = {}
    for number, protocol in enumerate(protocols):
        decisions |= _fold(protocol, sources, keep_in, progress)
        if progress:
            progress(f"cross-validation, seed {seed}", number + 1, n_folds, protocol.name)
    return evaluate_decisions(records, decisions)


def folds_sha256(records: Sequence[BeatRecord], n_folds: int, seeds: Sequence[int]) -> str:
    """Hash of all folds of all seeds."""
    hashes = [p.sha256 for seed in seeds for p in cv_protocols(records, n_folds, seed)]
    return hashlib.sha256(" ".join(hashes).encode()).hexdigest()


def _fold(
    protocol: Protocol, sources: GateSources, keep_in: Path | None, progress: Progress | None
) -> dict[str, Decisions]:
    """Decisions on the test recordings of one fold, made now or found in `keep_in`."""
    path = None if keep_in is None else require_writable(keep_in) / f"{_fingerprint(protocol, sources)}.npz"
    kept = _read(path) if path is not None else {}
    if set(kept) == {r.name for r in protocol.test}:
        return kept
    model = train_beats(protocol.training_set(sources), protocol.config, progress)
    made = {r.name: decide(model, r) for r in protocol.test}
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, _to_npz(made))
    return made


def _fingerprint(protocol: Protocol, sources: GateSources) -> str:
    """Hash of what a fold's decisions follow from: split, settings, and the recordings of both sides."""
    digest = hashlib.sha256(f"{protocol.sha256} {protocol.config!r} {sources.names}".encode())
    for r in (*protocol.train, *protocol.test):
        for array in (r.signal.counts, r.beats.window, r.beats.context, r.features, r.matched, r.reference_label):
            digest.update(np.ascontiguousarray(array).tobytes())
    return f"fold-{digest.hexdigest()[:20]}"


def _to_npz(decisions: Mapping[str, Decisions]) -> bytes:
    arrays = {f"{name}/{field}": getattr(d, field) for name, d in decisions.items() for field in _FIELDS}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _read(path: Path) -> dict[str, Decisions]:
    """Kept decisions; none if there is no such file or it is damaged."""
    try:
        arrays = read_arrays(path)
        names = dict.fromkeys(key.rsplit("/", 1)[0] for key in arrays)
        return {name: Decisions(**{f: arrays[f"{name}/{f}"] for f in _FIELDS}) for name in names}
    except (KeyError, InputError):
        return {}
