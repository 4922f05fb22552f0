"""Folders of short strips with one label each: ``REFERENCE.csv`` beside ``.mat`` + ``.hea`` (CinC 2017)."""

import csv
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .bounded_files import read_bounded_text
from .datasets import LocalDataset
from .errors import InputError, one_line, quoted

__all__ = ["StripFolds", "strip_folds", "strip_labels"]

_REFERENCES = ("REFERENCE-v3.csv", "REFERENCE.csv")


def strip_labels(found: LocalDataset) -> dict[str, str]:
    """Label of every strip of a data set, in the order of its records.

    Raises
    ------
    InputError
        there is no ``REFERENCE-v3.csv`` or ``REFERENCE.csv``, a line is not ``record,label``, or a strip that is
        there has no label.
    """
    path = next((found.folder / name for name in _REFERENCES if (found.folder / name).is_file()), None)
    if path is None:
        raise InputError(f"{found.folder}: no {' or '.join(_REFERENCES)} with the strips' labels")
    labels = _read_labels(path)
    missing = [record for record in found.records if record not in labels]
    if missing:
        raise InputError(f"{path}: no label of {missing[0]} and {len(missing) - 1} more of {len(found.records)}")
    return {record: labels[record] for record in found.records}


def _read_labels(path: Path) -> dict[str, str]:
    try:
        rows = list(csv.reader(read_bounded_text(path).splitlines()))
    except csv.Error as error:
        raise InputError(f"{path}: not a table ({one_line(error)})") from error
    for number, row in enumerate(rows, start=1):
        if row and (len(row) != 2 or not all(field.strip() for field in row)):
            raise InputError(f"{path}, line {number}: {quoted(','.join(row))} is not record,label")
    return {row[0].strip(): row[1].strip() for row in rows if row}


@dataclass(frozen=True)
class StripFolds:
    """A split into folds, by record and stratified by label.

    Attributes
    ----------
    seed : of the draw
    n_folds : how many
    fold : record -> the fold in which it tests
    """

    seed: int
    n_folds: int
    fold: Mapping[str, int]

    @property
    def name(self) -> str:
        return f"{self.n_folds}-fold by record, stratified, seed {self.seed}"

    @property
    def sha256(self) -> str:
        """Hash of the split: another one if a single record moves."""
        said = {"name": self.name, "fold": dict(sorted(self.fold.items()))}
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def strip_folds(labels: Mapping[str, str], n_folds: int = 5, seed: int = 0) -> StripFolds:
    """Deal the records of every label out to the folds in random order.

    Raises
    ------
    InputError
        some label has fewer records than there are folds.
    """
    rng = np.random.default_rng(seed)
    fold: dict[str, int] = {}
    for label in sorted(set(labels.values())):
        records = sorted(record for record, value in labels.items() if value == label)
        if len(records) < n_folds:
            raise InputError(
                f"{len(records)} strips are labelled {label!r}; {n_folds} folds need at least {n_folds}"
            )
        fold |= {record: i % n_folds for i, record in enumerate(rng.permutation(records).tolist())}
    return StripFolds(seed, n_folds, fold)
