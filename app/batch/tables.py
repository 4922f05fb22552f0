"""Tables over all recordings of a batch, as Parquet and as CSV."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..output import write_bytes, write_text
from .partitions import Verdict
from .sources import Source

__all__ = ["write_tables"]

_ERROR_COLUMNS = ("record", "path", "kind", "reason")


def write_tables(folder: Path, done: Sequence[tuple[Source, str, Verdict]]) -> None:
    """``recordings`` with the figures of each, and ``errors`` with a reason for each that has none.

    Parameters
    ----------
    done : every recording, the key of its partition, and what came out

    Raises
    ------
    InputError
        The folder cannot be written.
    """
    results = [
        {"record": s.name, "path": str(s.path), "partition": key, **v.figures} for s, key, v in done if not v.fault
    ]
    errors = [(s.name, str(s.path), v.fault, v.reason) for s, _, v in done if v.fault]
    columns = list(dict.fromkeys(name for row in results for name in row)) or ["record", "path", "partition"]
    _write(folder / "recordings", columns, results)
    _write(folder / "errors", _ERROR_COLUMNS, [dict(zip(_ERROR_COLUMNS, row, strict=True)) for row in errors])


def _write(stem: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    table.writerows([row.get(name) for name in columns] for row in rows)
    write_text(stem.with_suffix(".csv"), text.getvalue())
    arrays = {name: pa.array([row.get(name) for row in rows], None if rows else pa.string()) for name in columns}
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(arrays), sink, compression="zstd")
    write_bytes(stem.with_suffix(".parquet"), sink.getvalue().to_pybytes())
