"""Whose recording a WFDB record is, by what its header says and not by where it lies."""

import re
from pathlib import Path

from .datasets import subject_of

__all__ = ["subject_in_header"]

_TAPE = re.compile(r"#\s*\S+\s+[MF?]\s+(\d+)\s+(\d+)\s+x\d")
"""MIT-BIH's note on the patient: age, sex, numbers of tape and recording, recorder."""

_TAPES = {("1960", "2851"): "201"}
"""Tape -> subject, where one tape gave two records: 201 and 202 of MIT-BIH (header of 202)."""

_CHECKSUMS: dict[tuple[tuple[str, str], ...], str] = {
    (("972", "-519"), ("982", "30947")): "201",
    (("1024", "-29350"), ("1049", "-32096")): "201",
}
"""First sample and checksum of each signal -> subject: the same two records, should the notes be gone."""


def subject_in_header(header_path: Path) -> str:
    """Subject of a record; a copy under another name or in another folder keeps it.

    Parameters
    ----------
    header_path : a ``.hea`` file; what cannot be recognised goes by `subject_of`
    """
    lines = header_path.read_bytes().decode("ascii", errors="replace").splitlines()
    for line in lines:
        note = _TAPE.match(line.strip())
        if note and note.groups() in _TAPES:
            return _TAPES[note[1], note[2]]
    fields = [line.split() for line in lines if line.strip() and not line.strip().startswith("#")]
    checksums = tuple((f[5], f[6]) for f in fields[1:] if len(f) > 6)
    return _CHECKSUMS.get(checksums) or subject_of(header_path.stem, header_path.parent.name)
