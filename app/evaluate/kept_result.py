"""The result of a finished evaluation stays beside its decisions, so that a second start has nothing to score."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ...signals.errors import InputError
from ...signals.whole_files import note_files
from ..batch.engine import BatchRun
from ..batch.identity import key_of, program_identity
from ..output import write_text
from .decision_files import DECISIONS_FOLDER

__all__ = ["KeptResult"]


class KeptResult:
    """What an evaluation gave, for as long as it follows from the same and its files are as they were written.

    Parameters
    ----------
    out : folder of the evaluation
    run : the batch that decided
    options : whatever else the result follows from; its `repr` counts
    """

    def __init__(self, out: Path, run: BatchRun, *options: object) -> None:
        self._out, self._store = out, out / DECISIONS_FOLDER / "result.json"
        decided = [(d.source.name, d.key, d.verdict.fault) for d in run.done]
        self._identity = key_of(program_identity(), decided, *options)

    def read(self) -> dict[str, Any] | None:
        """The result, or None where it has to be made."""
        try:
            kept = json.loads(self._store.read_text(encoding="utf-8"))
            if kept["identity"] != self._identity:
                return None
            if any(self._sha256(name) != sha256 for name, sha256 in kept["files"].items()):
                return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        note_files(*(self._out / name for name in kept["files"]))
        return dict(kept["result"])

    def keep(self, result: Mapping[str, Any], files: Iterable[Path]) -> None:
        """Keep a result.

        Parameters
        ----------
        result : in the shape of the command line's JSON contract
        files : what was written of it

        Raises
        ------
        InputError
            a file cannot be read or the result not be written.
        """
        try:
            names = [path.relative_to(self._out).as_posix() for path in files]
            hashes = {name: self._sha256(name) for name in names}
        except OSError as error:
            raise InputError(f"{error.filename}: {error.strerror or error}") from error
        kept = {"identity": self._identity, "files": hashes, "result": result}
        write_text(self._store, json.dumps(kept))  # NaN stays NaN

    def _sha256(self, name: str) -> str:
        with (self._out / name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
