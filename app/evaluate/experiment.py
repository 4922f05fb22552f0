"""What `ictus run` and the single verbs share: prepare data, train under a protocol, tell what came out."""

import typing
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...compression import CompactModel, byte_count, stored_byte_count
from ...compression.sweep_points import quality
from ...models import (
    BeatEvaluation,
    BeatRecord,
    BeatTrainingSet,
    FloatFile,
    FloatModel,
    GateSources,
    Protocol,
    prepare_records,
    recording_ids,
    train_beats,
)
from ...models.train import Progress
from ...signals import DATASETS, SAMPLE_FOLDER, InputError, LocalDataset, find_dataset
from ..run_notes import note_data

__all__ = [
    "annotated_names",
    "check_annotated",
    "compression_summary",
    "contract",
    "dataset_json",
    "gate_sources",
    "prepare_all",
    "prepare_annotated",
    "prepare_dataset",
    "prepare_extra",
    "require_annotated",
    "train_protocol",
]


def prepare_dataset(
    data: str | Path | None, peaks: str = "detected", progress: Progress | None = None
) -> tuple[LocalDataset, list[BeatRecord]]:
    """Find a data set of beats and run the front end over all its recordings."""
    found = find_dataset(data)
    return found, prepare_all(found, found.records, peaks, progress)


def prepare_annotated(
    found: LocalDataset, peaks: str = "detected", progress: Progress | None = None
) -> tuple[list[BeatRecord], dict[str, str]]:
    """Run the front end over the recordings of a data set that can be scored.

    Returns
    -------
    the recordings with reference beats, and recording -> why it is left out

    Raises
    ------
    InputError
        no recording has reference beats; WFDB records without an ``.atr`` file are not even read.
    """
    names, left_out = annotated_names(found)
    records = prepare_all(found, names, peaks, progress) if names else []
    return require_annotated(found, records, left_out)


def annotated_names(found: LocalDataset) -> tuple[list[str], dict[str, str]]:
    """Recordings of a data set that may have reference beats, and recording -> why it has none."""
    is_wfdb = found.suffix == ".hea"
    names = [r for r in found.records if not is_wfdb or found.path(r).with_suffix(".atr").is_file()]
    return names, dict.fromkeys(sorted(set(found.records) - set(names)), "no annotation file")


def require_annotated(
    found: LocalDataset, records: Sequence[BeatRecord], left_out: Mapping[str, str]
) -> tuple[list[BeatRecord], dict[str, str]]:
    """Those with reference beats, and why all others are left out; `InputError` if there is none."""
    scored = [r for r in records if len(r.reference_label)]
    if not scored:
        raise InputError(
            f"{found.folder}: none of {len(found.records)} recordings has annotated beats to score against"
        )
    return scored, dict(left_out) | {r.name: "no annotated beat" for r in records if not len(r.reference_label)}


def prepare_all(
    found: LocalDataset, records: Sequence[str], peaks: str, progress: Progress | None = None
) -> list[BeatRecord]:
    """Run the front end over some recordings of a data set."""
    done = 0

    def count(name: str) -> None:
        nonlocal done
        done += 1
        if progress:
            progress(f"prepare, {peaks} peaks", done, len(records), name)

    paths = [found.path(r) for r in records]
    note_data(found.name, paths)
    prepared = prepare_records(paths, peaks, on_done=count)
    return [replace(record, name=name) for record, name in zip(prepared, records, strict=True)]


def gate_sources(found: LocalDataset) -> GateSources:
    """What the gate learns from beside the recordings of a data set."""
    sources = GateSources.find(found.is_sample)
    for name in sources.names:
        known = find_dataset(name) if name in DATASETS else find_dataset(SAMPLE_FOLDER, "nstdb")
        note_data(name, map(known.path, known.records))
    return sources


def prepare_extra(
    extra: Sequence[str | Path], peaks: str = "detected", progress: Progress | None = None
) -> tuple[list[str], list[BeatRecord]]:
    """Names of further data sets and all their recordings with reference beats."""
    found = [find_dataset(where) for where in extra]
    return [f.name for f in found], [r for f in found for r in prepare_annotated(f, peaks, progress)[0]]


def check_annotated(found: LocalDataset, records: Sequence[BeatRecord]) -> None:
    """Raise `InputError` if no recording has reference beats."""
    if not any(len(r.reference_label) for r in records):
        raise InputError(f"{found.folder}: none of {len(records)} recordings has annotated beats to score against")


def train_protocol(
    protocol: Protocol,
    material: BeatTrainingSet,
    found: LocalDataset,
    progress: Progress | None = None,
    extra: Sequence[str] = (),
) -> FloatFile:
    """Train under a protocol, on `protocol.training_set`, and note the provenance.

    Parameters
    ----------
    extra : names of the data sets that `protocol.extra` comes from
    """
    model = train_beats(material, protocol.config, progress)
    provenance = {
        "dataset": found.name,
        "is_sample": found.is_sample,
        "split": protocol.key,
        "split_sha256": protocol.sha256,
        "extra": sorted(set(extra)),
        "recordings": recording_ids((*protocol.train, *protocol.extra)),
        "seed": protocol.config.beats.seed,
        "peaks": protocol.train[0].peaks,
        "gate_data": list(material.gate.sources),
    }
    return FloatFile("beat", model, provenance)


def contract(
    result: BeatEvaluation,
    found: LocalDataset,
    split: tuple[str, str],
    model_bytes: int,
    split_sha256: str | None = None,
) -> dict[str, Any]:
    """An evaluation in the shape of the command line's JSON contract; `split` is its key and its full name."""
    head = {
        "task": "beat",
        "dataset": found.name,
        "is_sample": found.is_sample,
        "split": split[0],
        "split_name": split[1],
        "split_sha256": split_sha256,
    }
    return head | result.to_json() | {"model_bytes": model_bytes}


class Scored(typing.Protocol):
    """What a model is compared by before and after compression: shares from 0 to 1."""

    @property
    def accuracy(self) -> float:
        """Share of right decisions."""
        ...

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the classes."""
        ...


def compression_summary(model: FloatModel, compact: CompactModel, before: Scored, after: Scored) -> dict[str, Any]:
    """The ``compress`` part of the JSON contract."""
    float_bytes, count, stored = model.net.n_float_bytes(), byte_count(compact), stored_byte_count(compact)
    layers = [layer for stage in compact.stages for layer in stage.layers]
    n_kept = sum(layer.n_weights for layer in layers)
    bits = max(layer.n_exponents for layer in layers).bit_length()
    n_dense = sum(layer.n_weights for chain in model.net.chains().values() for layer in chain)
    parts = {"codes": count.codes, "index": count.index, "scales": count.scales, "headers": count.headers}
    return {
        "baseline": _side(before, float_bytes),
        "compressed": _side(after, count.total) | {"bytes_by": parts},
        "ratio": float_bytes / count.total,
        "stored": {"bytes": stored.total, "ratio": float_bytes / stored.total, "bytes_by": vars(stored)},
        "sparsity": 1 - n_kept / n_dense,
        "bits": bits,
        "quality": quality(after.accuracy, count.total),
        "waterfall": [
            {"step": "float32, dense", "bytes": float_bytes},
            {"step": "pruned: float32 values and 16-bit index", "bytes": n_kept * 6 + float_bytes - 4 * n_dense},
            {"step": f"{bits}-bit powers of two, 16-bit index", "bytes": n_kept * (16 + bits) // 8 + count.scales},
            {"step": "device file, every byte", "bytes": count.total},
        ],
    }


def _side(scores: Scored, n_bytes: int) -> dict[str, Any]:
    return {"accuracy": scores.accuracy, "macro_f1": scores.macro_f1, "bytes": n_bytes}


def dataset_json(found: LocalDataset) -> dict[str, Any]:
    """Who made the data, for reports."""
    known = DATASETS.get(found.name)
    head = {"name": found.name, "is_sample": found.is_sample, "records": list(found.records)}
    return head if known is None else head | {
        "title": known.title, "licence": known.licence, "citation": known.citation
    }  # fmt: skip
