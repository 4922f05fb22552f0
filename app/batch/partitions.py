"""Results as Parquet files, one a recording: each appears whole, under the hash of what it follows from.

An error is a result, too: a partition without rows. What a partition says of its recording as a whole stands in
the file's own metadata, so that tables over all recordings need not read the rows.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ...signals.errors import InputError
from ..output import json_text, write_bytes

__all__ = ["PartitionStore", "PartitionWriter", "Verdict", "error_partition", "verdict_of"]

_META = b"ictus"
_ROWS_AT_ONCE = 1 << 17


@dataclass(frozen=True)
class Verdict:
    """What a partition says of its recording.

    Attributes
    ----------
    name : of the recording within the batch
    figures : plain values, by column; empty for an error
    fault, reason : kind of the error and its line; empty where there is none
    """

    name: str
    figures: Mapping[str, Any]
    fault: str = ""
    reason: str = ""


class PartitionWriter:
    """The bytes of a partition, row by row; holds compressed rows, and some that are not.

    Parameters
    ----------
    schema : of the rows
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._sink = pa.BufferOutputStream()
        self._writer = pq.ParquetWriter(self._sink, schema, compression="zstd")
        self._held: list[pa.Table] = []
        self._n_held = 0

    def add(self, columns: Mapping[str, Any]) -> None:
        """Rows as columns; one that is missing is null."""
        n_rows = len(next(iter(columns.values())))
        arrays = [
            pa.array(columns[field.name], field.type, from_pandas=True)
            if field.name in columns
            else pa.nulls(n_rows, field.type)
            for field in self._schema
        ]
        self._held.append(pa.Table.from_arrays(arrays, schema=self._schema))
        self._n_held += n_rows
        if self._n_held >= _ROWS_AT_ONCE:
            self._flush()

    def finish(self, verdict: Verdict) -> bytes:
        """The whole file."""
        self._flush()
        self._writer.add_key_value_metadata({_META: json_text(vars(verdict))})
        self._writer.close()
        return self._sink.getvalue().to_pybytes()

    def _flush(self) -> None:
        if self._held:
            self._writer.write_table(pa.concat_tables(self._held))
        self._held, self._n_held = [], 0


def error_partition(schema: pa.Schema, name: str, fault: str, reason: str) -> bytes:
    """The partition of a recording without a result."""
    return PartitionWriter(schema).finish(Verdict(name, {}, fault, reason))


def verdict_of(partition: pa.NativeFile | Path | bytes) -> Verdict | None:
    """What a partition says; None where it is damaged, or none of ours."""
    source = pa.BufferReader(partition) if isinstance(partition, bytes) else partition
    try:
        found = json.loads((pq.read_metadata(source).metadata or {})[_META])
        return Verdict(**found)
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError):
        return None


class PartitionStore:
    """The partitions of a folder.

    Those of recordings, models or programs that the present run does not have lie in ``earlier/``, so that
    ``partitions/`` is one data set in which every recording is there once; they come back when they fit again.

    Parameters
    ----------
    folder : of the run; made if it is not there

    Raises
    ------
    InputError
        The folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self._now, self._earlier = folder / "partitions", folder / "earlier"
        try:
            self._now.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{error.filename or folder}: {error.strerror or error}") from error

    def path(self, key: str) -> Path:
        """Where the partition of a key lies."""
        return self._now / f"{key}.parquet"

    def find(self, key: str) -> Verdict | None:
        """What the partition of a key says; None if there is none, or a damaged one."""
        place, earlier = self.path(key), self._earlier / f"{key}.parquet"
        if not place.is_file() and earlier.is_file():
            earlier.replace(place)
        return verdict_of(place) if place.is_file() else None

    def write(self, key: str, partition: bytes) -> None:
        """Keep a partition; it appears when it is whole.

        Raises
        ------
        InputError
            It cannot be written.
        """
        write_bytes(self.path(key), partition)

    def keep_only(self, keys: Iterable[str]) -> None:
        """Put all other partitions aside."""
        kept = {self.path(key) for key in keys}
        for path in sorted(self._now.glob("*.parquet")):
            if path not in kept:
                self._earlier.mkdir(exist_ok=True)
                path.replace(self._earlier / path.name)
