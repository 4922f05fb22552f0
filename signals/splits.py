"""Which recordings train and which test.

The inter-patient split is the honest one. The intra-patient split puts beats of every patient on both sides;
it exists only to compare with publications that do so, and says so in its name.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from .datasets import subject_of
from .errors import InputError

__all__ = [
    "DS1",
    "DS2",
    "PACED",
    "BeatSplit",
    "Split",
    "inter_patient_split",
    "intra_patient_split",
    "shared_subjects",
]

DS1 = (
    "101",
    "106",
    "108",
    "109",
    "112",
    "114",
    "115",
    "116",
    "118",
    "119",
    "122",
    "124",
    "201",
    "203",
    "205",
    "207",
    "208",
    "209",
    "215",
    "220",
    "223",
    "230",
)
"""Training records of MIT-BIH (de Chazal, O'Dwyer & Reilly, IEEE Trans Biomed Eng 51(7):1196-1206, 2004)."""

DS2 = (
    "100",
    "103",
    "105",
    "111",
    "113",
    "117",
    "121",
    "123",
    "200",
    "202",
    "210",
    "212",
    "213",
    "214",
    "219",
    "221",
    "222",
    "228",
    "231",
    "232",
    "233",
    "234",
)
"""Test records of MIT-BIH, same source."""

PACED = ("102", "104", "107", "217")
"""Records with paced beats, left out as ANSI/AAMI EC57 recommends."""


@dataclass(frozen=True)
class Split:
    """Records that train and records that test, none on both sides."""

    name: str
    train: tuple[str, ...]
    test: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """Hash of the split: the same on every machine, another one if a single record moves."""
        return _sha256({"name": self.name, "train": self.train, "test": self.test})


@dataclass(frozen=True)
class BeatSplit:
    """Beats that test, drawn at random within each record; **patients are on both sides**.

    Attributes
    ----------
    name : names the leak
    seed : of the draw
    is_test : record -> bool (n_beats,), True where the beat tests
    """

    name: str
    seed: int
    is_test: Mapping[str, np.ndarray]

    @property
    def sha256(self) -> str:
        """Hash of the split."""
        held = {record: np.flatnonzero(mask).tolist() for record, mask in sorted(self.is_test.items())}
        return _sha256({"name": self.name, "seed": self.seed, "test": held})


def inter_patient_split(records: Iterable[str]) -> Split:
    """De Chazal's DS1 (train) and DS2 (test), restricted to the `records` that are there.

    The lists are kept as published, although records 201 (DS1) and 202 (DS2) are one subject: see
    `shared_subjects`.

    Raises
    ------
    InputError
        One side would be empty.
    """
    present = set(records)
    split = Split(
        "inter-patient (de Chazal DS1/DS2)",
        tuple(r for r in DS1 if r in present),
        tuple(r for r in DS2 if r in present),
    )
    if not split.train or not split.test:
        raise InputError(
            f"{len(present)} records hold {len(split.train)} of DS1 and {len(split.test)} of DS2; "
            "the inter-patient split needs at least 1 of each"
        )
    return split


def shared_subjects(split: Split) -> frozenset[str]:
    """Subjects of MIT-BIH with recordings on both sides of a split: ``{"201"}`` for the full DS1/DS2."""
    train, test = ({subject_of(r, "mitdb") for r in side} for side in (split.train, split.test))
    return frozenset(train & test)


def intra_patient_split(n_beats: Mapping[str, int], seed: int, test_share: float = 0.2) -> BeatSplit:
    """Draw `test_share` of the beats of every record at random, without replacement.

    Parameters
    ----------
    n_beats : record -> number of beats
    seed : of the draw; a record's draw does not depend on which other records there are
    test_share : share of beats that test, 0 to 1
    """
    if not 0 < test_share < 1:
        raise ValueError(f"test_share {test_share} lies outside 0 to 1")
    drawn = {record: _draw(record, n, seed, test_share) for record, n in n_beats.items()}
    return BeatSplit("intra-patient (random beats; leaks patients)", seed, drawn)


def _draw(record: str, n_beats: int, seed: int, test_share: float) -> np.ndarray:
    rng = np.random.default_rng([seed, *record.encode()])
    is_test = np.zeros(n_beats, dtype=np.bool_)
    is_test[rng.permutation(n_beats)[: round(n_beats * test_share)]] = True
    return is_test


def _sha256(content: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
