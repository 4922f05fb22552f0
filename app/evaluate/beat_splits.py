"""Which recordings a split scores, and whether the model may be scored on them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...models import BeatRecord, make_protocol, recording_id
from ...signals import DS1, PACED, InputError, LocalDataset, Split
from ..model_files import LoadedModel

__all__ = ["SPLITS", "ScoringPlan", "refuse_own_data", "scoring_plan", "seen_in_training", "without_paced"]

SPLITS = ("inter", "intra", "external", "all")
"""Splits that score a model that is there; ``cv`` trains models of its own."""

_MITDB = "mitdb"


@dataclass(frozen=True)
class ScoringPlan:
    """Recordings to score.

    Attributes
    ----------
    key, name, sha256 : of the split
    records : in the totals
    wanted : recording -> bool (m,), the reference beats to score; None scores all
    apart : recordings that are scored, but not in the totals, by the reason
    seen : of all of these, those that the model was trained on
    shared_subjects : subjects on both sides
    """

    key: str
    name: str
    sha256: str
    records: tuple[BeatRecord, ...]
    wanted: dict[str, np.ndarray] | None = None
    apart: dict[str, tuple[BeatRecord, ...]] = field(default_factory=dict)
    seen: frozenset[str] = frozenset()
    shared_subjects: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """What a reader of the scores must know."""
        return {
            "trained_on": sorted(self.seen),
            "shared_subjects": list(self.shared_subjects),
            "apart": {reason: [r.name for r in records] for reason, records in self.apart.items()},
        }


def scoring_plan(key: str, loaded: LoadedModel, found: LocalDataset, records: Sequence[BeatRecord]) -> ScoringPlan:
    """Apply a split.

    Parameters
    ----------
    key : ``inter`` and ``intra`` refuse a model that was trained on another split of these data; ``external``
        scores every recording and refuses a model that was trained on any of them; ``all`` scores every
        recording and says which of them the model was trained on
    records : prepared recordings with reference beats

    Raises
    ------
    InputError
        an unknown split, or a model that must not be scored by it.
    """
    if key not in SPLITS:
        raise InputError(f"split {key!r} is not known; known: {', '.join(SPLITS)}, cv")
    if key in ("inter", "intra"):
        return _by_protocol(key, loaded, records)
    counted = without_paced(found, records)
    names = {r.name for r in counted}
    paced = tuple(r for r in records if r.name not in names)
    apart = {"paced (EC57 leaves them out)": paced} if paced else {}
    seen = seen_in_training(loaded, found, records)
    if key == "all":
        split = Split("all recordings, also those of the training", tuple(sorted(seen)), tuple(sorted(names)))
        return ScoringPlan(key, split.name, split.sha256, counted, None, apart, seen)
    _refuse_seen(loaded, found, seen)
    split = Split("external (all recordings)", (), tuple(sorted(names)))
    return ScoringPlan(key, split.name, split.sha256, counted, None, apart)


def without_paced(found: LocalDataset, records: Sequence[BeatRecord]) -> tuple[BeatRecord, ...]:
    """All recordings but MIT-BIH's four with paced beats, which EC57 leaves out; those if there are no others."""
    kept = tuple(r for r in records if found.name != _MITDB or r.name not in PACED)
    return kept or tuple(records)


def seen_in_training(loaded: LoadedModel, found: LocalDataset, records: Sequence[BeatRecord]) -> frozenset[str]:
    """Recordings that a model was trained on.

    A model remembers the hash of each recording's reference beats, so that a renamed copy is recognised; one of
    an older release remembers data set and split only.
    """
    provenance = loaded.provenance
    known = _known_ids(provenance)
    if known:
        return frozenset(r.name for r in records if recording_id(r) in known)
    if found.name not in _trained_datasets(provenance):
        return frozenset()
    is_inter = found.name == _MITDB and provenance.get("split") == "inter"
    return frozenset(r.name for r in records if not is_inter or r.name in DS1)


def _known_ids(provenance: dict[str, Any]) -> set[str]:
    recordings = provenance.get("recordings")
    return set(map(str, recordings.values())) if isinstance(recordings, dict) else set()


def _trained_datasets(provenance: dict[str, Any]) -> set[str]:
    """The data set of the split, and those that were added to its training side."""
    extra = provenance.get("extra") or []
    names = [extra] if isinstance(extra, str) else list(extra)
    return {str(name) for name in [provenance.get("dataset"), *names] if name}


def refuse_own_data(loaded: LoadedModel, found: LocalDataset) -> None:
    """Raise `InputError` if a model was trained on this data set: no external evaluation."""
    if found.name in _trained_datasets(loaded.provenance):
        raise InputError(f"{loaded.path}: was trained on {found.name}; an external evaluation needs other data")


def _refuse_seen(loaded: LoadedModel, found: LocalDataset, seen: frozenset[str]) -> None:
    refuse_own_data(loaded, found)
    if seen:
        raise InputError(
            f"{loaded.path}: was trained on {len(seen)} of the recordings in {found.folder} "
            f"(first {min(seen)}); an external evaluation needs other data"
        )


def _by_protocol(key: str, loaded: LoadedModel, records: Sequence[BeatRecord]) -> ScoringPlan:
    protocol = make_protocol(key, records, int(loaded.provenance.get("seed", 0)))
    trained_on = loaded.provenance.get("split", protocol.key)
    same_draw = loaded.provenance.get("split_sha256", protocol.sha256) == protocol.sha256
    known = _known_ids(loaded.provenance) if key == "inter" else set()
    leaked = sorted(r.name for r in protocol.test if recording_id(r) in known)
    if trained_on != key or leaked or (key == "intra" and not same_draw):
        which = "another" if trained_on == key else "the"
        raise InputError(
            f"{loaded.path}: was trained on {which} {trained_on} split; "
            f"scoring it on this {key} split would score beats it was fitted on"
        )
    seen = frozenset(r.name for r in protocol.test) if key == "intra" else frozenset()
    return ScoringPlan(
        key=key,
        name=protocol.name,
        sha256=protocol.sha256,
        records=protocol.test,
        wanted=protocol.test_wanted,
        seen=seen,
        shared_subjects=protocol.shared_subjects,
    )
