"""The texts that stand beside the built-in sample: attribution, source positions, licence."""

from collections.abc import Mapping, Sequence

from ..signals import DATASETS
from .excerpt import Excerpt

__all__ = ["LICENSE_TEXT", "readme_text"]

LICENSE_TEXT = """\
The recordings in this folder and its subfolders are excerpts of databases published on PhysioNet
(https://physionet.org). They are made available under the Open Data Commons Attribution License v1.0
(ODC-By 1.0):

    https://opendatacommons.org/licenses/by/1-0/

README.md in this folder names every database, its authors and the position of every excerpt.
Whoever passes these files on, or a database made from them, keeps this notice and that attribution.
"""

_INTRODUCTION = """\
# Built-in sample

Real recordings, cut from four public databases of PhysioNet under the Open Data Commons Attribution
License 1.0 (`LICENSE-ODC-By.txt`). They let the whole pipeline run and be tested offline. They are **not**
a benchmark: the MIT-BIH stretches were chosen for many abnormal beats, so class shares differ from those
of the full database.

`python -m ictus.data_scripts.make_sample --data DIR --out signals/sample` makes this folder from the full
databases, byte for byte (`SHA256SUMS.txt`).

## Attribution

All: Goldberger AL, Amaral LAN, Glass L, Hausdorff JM, Ivanov PCh, Mark RG, Mietus JE, Moody GB, Peng C-K,
Stanley HE. PhysioBank, PhysioToolkit, and PhysioNet: components of a new research resource for complex
physiologic signals. Circulation 101(23):e215-e220, 2000.

- `mitdb/`: Moody GB, Mark RG. The impact of the MIT-BIH Arrhythmia Database.
  IEEE Engineering in Medicine and Biology 20(3):45-50, 2001. doi:10.13026/C2F305
- `nstdb/`: Moody GB, Muldrow WE, Mark RG. A noise stress test for arrhythmia detectors.
  Computers in Cardiology 11:381-384, 1984. doi:10.13026/C2HS3T
- `cinc2017/`: Clifford GD, Liu C, Moody B, Lehman LH, Silva I, Li Q, Johnson AE, Mark RG. AF classification
  from a short single lead ECG recording: the PhysioNet/Computing in Cardiology Challenge 2017.
  Computing in Cardiology 44, 2017. doi:10.22489/CinC.2017.065-469
- `chbmit/`: Shoeb AH. Application of machine learning to epileptic seizure onset detection and treatment.
  PhD thesis, Massachusetts Institute of Technology, 2009; Guttag J. CHB-MIT Scalp EEG Database
  (version 1.0.0). PhysioNet, 2010. doi:10.13026/C2K01R

## What was changed

- `mitdb/`, `nstdb/`: signal bytes are the originals' (format 212), cut at whole frames. Headers keep their
  comments; length, initial values and checksums are those of the excerpt. Annotations are shifted to the
  cut, and the rhythm that holds there is stated at sample 0. In `mitdb/` the stretch is the richest in S, V
  and F beats among the starts on a grid of 10 s. MIT-BIH 202 is left out, since it is the same subject
  as 201.
- `cinc2017/`: whole strips as published, the first three of 30 s of each class; labels version 3.
- `chbmit/`: clips on the original ADC grid, rewritten as EDF of their own.
"""


def readme_text(
    excerpts: Sequence[Excerpt], strips: Sequence[tuple[str, str]], clips: Sequence[Mapping[str, str]]
) -> str:
    """README of the sample: attribution and the source position of every excerpt.

    Parameters
    ----------
    excerpts : cuts from mitdb and nstdb
    strips : record and label of the CinC 2017 strips
    clips : rows of the index of CHB-MIT clips
    """
    cuts = [_cut_row(e) for e in excerpts]
    whole = [f"| {record} | {label} |" for record, label in strips]
    eeg = [f"| {c['file']} | {c['record']} | {c['start_s']} | {c['duration_s']} | {c['state']} |" for c in clips]
    return "\n".join(
        (
            _INTRODUCTION,
            "## Source positions\n",
            "| database | record | first sample | last sample | from s | to s |\n|---|---|---|---|---|---|",
            *cuts,
            "\n| cinc2017 record | label |\n|---|---|",
            *whole,
            "\n| chbmit file | record | from s | length s | state |\n|---|---|---|---|---|",
            *eeg,
            "",
        )
    )


def _cut_row(excerpt: Excerpt) -> str:
    fs_hz = DATASETS[excerpt.database].fs_hz
    return (
        f"| {excerpt.database} {DATASETS[excerpt.database].version} | {excerpt.record} | {excerpt.start} "
        f"| {excerpt.stop - 1} | {excerpt.start / fs_hz:g} | {excerpt.stop / fs_hz:g} |"
    )
