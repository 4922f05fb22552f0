"""What the fuzzer begins with: pieces of the built-in recordings and models, and of the user's data where it lies.

Everything here is small (some kB), so that thousands of cases a minute can be tried, and complete: each seed is
read without an error.
"""

import io
import json
import os
import re
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
from fuzz_mutation import Parts
from ictus.signals import SAMPLE_FOLDER
from ictus.signals.wfdb_annotations import Mark, encode_annotations

__all__ = [
    "archive_seeds",
    "bonn_seeds",
    "compact_seeds",
    "csv_seeds",
    "delhi_seeds",
    "edf_seeds",
    "float_seeds",
    "seizure_mark_seeds",
    "stored_seeds",
    "summary_seeds",
    "text_seeds",
    "umich_seeds",
    "wfdb_seeds",
]

ZOO = SAMPLE_FOLDER.parent.parent / "models" / "zoo"
_MITDB, _CINC, _CHBMIT = (SAMPLE_FOLDER / name for name in ("mitdb", "cinc2017", "chbmit"))
_BYTES_PER_SAMPLE = {
    "8": Fraction(1), "16": Fraction(2), "24": Fraction(3), "32": Fraction(4), "80": Fraction(1),
    "160": Fraction(2), "212": Fraction(3, 2), "310": Fraction(4, 3), "311": Fraction(4, 3),
}  # fmt: skip
_N_FRAMES = 240
_HEADER_FIELDS = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)
"""Widths of a signal's fields in an EDF header."""


def user_data() -> Path | None:
    """``$ICTUS_DATA``, None where it is not set."""
    return Path(os.environ["ICTUS_DATA"]) if os.environ.get("ICTUS_DATA") else None


def wfdb_seeds() -> Iterator[Parts]:
    """Header, signals and annotations: every storage format, several signals and rates, as MATLAB file."""
    signal = (_MITDB / "100.dat").read_bytes()
    beats = Mark(5, "+", 0, "(N"), Mark(60, "N"), Mark(140, "V", 1), Mark(210, "~", -3, "noisy")
    marks = b"".join(encode_annotations(beats, 360))
    for storage_format, n_bytes in _BYTES_PER_SAMPLE.items():
        line = f"r.dat {storage_format} 200 11 1024 959 0 0 "
        head = f"r 2 360 {_N_FRAMES}\n{line}MLII\n{line}V5\n# 69 M 1085 1629 x1\n"
        yield head.encode(), signal[: int(2 * _N_FRAMES * n_bytes)], marks
    head = b"r 2 100/360(0) 60 11:05:25 1/05/2000\nr.dat 16x2 1000(3)/uV 16 0 1 2 0 ECG\nr.dat 16x1:3 200/mmHg\n"
    yield head, signal[:360], b"\0\0"
    real = (_CINC / "A00002.hea").read_text("ascii").replace("A00002.mat", "r.dat").replace(" 9000", " 200")
    yield real.encode(), (_CINC / "A00002.mat").read_bytes()[: 24 + 400], b"\0\0"
    yield b"r 1\nr.dat 212\n", signal[:300], marks


def seizure_mark_seeds() -> Iterator[Parts]:
    """CHB-MIT's binary seizure files."""
    yield (b"".join(encode_annotations([Mark(766976, "["), Mark(777216, "]", 1, "end")], 256)),)
    root = user_data()
    for path in sorted((root / "chbmit" / "seizures").rglob("*.seizures"))[:20] if root else ():
        yield (path.read_bytes(),)


def edf_seeds() -> Iterator[Parts]:
    """Header and data records: EDF of real EEG, EDF+ with notes, EDF+D with a gap, signals of several rates."""
    source = (_CHBMIT / "chb01_18_ictal.edf").read_bytes()
    eeg = np.frombuffer(source[256 * 24 :], "<i2").reshape(-1, 23, 256)[:3, :3, :64]
    names = ("FP1-F7", "F7-T7", "T7-P7")
    plain = [np.ascontiguousarray(record).tobytes() for record in eeg]
    yield _edf(names, (64, 64, 64), "1", plain)
    notes = [
        b"+0\x14\x14\0+0.5\x151.5\x14seizure\x14\0",
        b"+1\x14\x14\0",
        b"+2\x14\x14\0+2.5\x14Lid opening\x14\0",
    ]
    gap = [notes[0], b"+7\x14\x14\0", b"+8.25\x14\x14\0"]
    for kind, texts in (("EDF+C", notes), ("EDF+D", gap)):
        records = [data + text.ljust(64, b"\0") for data, text in zip(plain, texts, strict=True)]
        yield _edf((*names, "EDF Annotations"), (64, 64, 64, 32), "1", records, kind)
    mixed = [np.ascontiguousarray(record.ravel()[:104]).tobytes() for record in eeg]
    yield _edf(("ECG II", "-", "Resp"), (64, 32, 8), "0.5", mixed)


def _edf(names: tuple[str, ...], n: tuple[int, ...], record_s: str, records: list[bytes], kind: str = "") -> Parts:
    fixed = ("0", "X X X X", "Startdate X X X X", "01.01.01", "11.42.54", str(256 * (len(names) + 1)), kind)
    widths = (8, 80, 80, 8, 8, 8, 44)
    head = "".join(f"{text:<{width}}" for text, width in zip(fixed, widths, strict=True))
    head += f"{len(records):<8}{record_s:<8}{len(names):<4}"
    columns = [("uV", "-800", "800", "-2048", "2047", "", "")] * len(names)
    rows = [(name, "", *column, str(k), "") for name, column, k in zip(names, columns, n, strict=True)]
    order = [(0, 16), (1, 80), (2, 8), (3, 8), (4, 8), (5, 8), (6, 8), (7, 80), (9, 8), (10, 32)]
    head += "".join(f"{row[i]:<{width}}" for i, width in order for row in rows)
    return head.encode(), b"".join(records)


def csv_seeds() -> Iterator[Parts]:
    """Tables of a real lead, with every way to tell the rate and every delimiter."""
    counts = np.frombuffer((_CINC / "A00002.mat").read_bytes()[24:824], "<i2")
    rows = [f"{i / 300:.6f},{v / 1000},{v}" for i, v in enumerate(counts[:120].tolist())]
    yield (("time_s,MLII,V5[uV]\n" + "\n".join(rows) + "\n").encode(),)
    values = "\n".join(f"{v}\t{v + 1}" for v in counts[:60].tolist())
    yield (f"# fs_hz=300\nC3[uV]\tC4[uV]\n{values}\n".encode(),)
    yield (b"\xef\xbb\xbft;ECG I\r\n0;1e-3\r\n0.004;nan\r\n0.008;\r\n0.012;-2.5\r\n",)


def summary_seeds() -> Iterator[Parts]:
    """The summary of a CHB-MIT case: a short one, and the real ones."""
    yield (
        b"Data Sampling Rate: 256 Hz\n****\n\nChannels in EDF Files:\n****\nChannel 1: FP1-F7\n"
        b"Channel 2: F7-T7\n\n"
        b"File Name: chb01_03.edf\nFile Start Time: 13:43:04\nFile End Time: 14:43:04\n"
        b"Number of Seizures in File: 1\n"
        b"Seizure Start Time: 2996 seconds\nSeizure End Time: 3036 seconds\n\nFile Name: chb01_04.edf\n"
        b"File Start Time: 24:43:12\nFile End Time: 25:43:12\nNumber of Seizures in File: 0\n",
    )
    root = user_data()
    for path in sorted((root / "chbmit" / "summaries").glob("*.txt"))[:24] if root else ():
        yield (path.read_bytes()[:4000].rpartition(b"\n\n")[0] + b"\n",)


def bonn_seeds() -> Iterator[Parts]:
    """4,097 whole numbers."""
    eeg = np.frombuffer((_CHBMIT / "chb01_18_ictal.edf").read_bytes()[256 * 24 :], "<i2")[:4097]
    yield ("\n".join(map(str, eeg.tolist())).encode(),)


def delhi_seeds() -> Iterator[Parts]:
    """1,024 whole numbers in MATLAB's format, packed and not, and real segments."""
    from scipy.io import savemat

    eeg = np.frombuffer((_CHBMIT / "chb01_18_ictal.edf").read_bytes()[256 * 24 :], "<i2")[:1024, None]
    for is_packed in (False, True):
        file = io.BytesIO()
        savemat(file, {"ictal": eeg}, do_compression=is_packed)
        yield (file.getvalue(),)
    root = user_data()
    for path in sorted((root / "delhi" / "ictal").glob("*.mat"))[:10] if root else ():
        yield (path.read_bytes(),)


def umich_seeds() -> Iterator[Parts]:
    """The archive of one text file for each channel, as tar.xz, tar.gz and tar."""
    eeg = np.frombuffer((_CHBMIT / "chb01_18_ictal.edf").read_bytes()[256 * 24 :], "<i2")[: 31 * 20].reshape(
        31, 20
    )
    files = {f"s/ch{i:02}.inp": "\n".join(map(str, row.tolist())).encode() for i, row in enumerate(eeg, 1)}
    for mode in ("w:xz", "w:gz", "w"):
        yield (_tar(files, mode),)


def archive_seeds() -> Iterator[Parts]:
    """Archives of recordings: tar in every packing with links and folders, zip stored and deflated."""
    files = {f"x/{name}": (_CINC / name).read_bytes()[:2000] for name in ("A00002.hea", "A00002.mat")}
    files["x/A00002.hea"] = files["x/A00002.hea"].replace(b" 9000", b" 988")
    for mode in ("w", "w:xz", "w:gz", "w:bz2"):
        yield (_tar(files, mode, link="x/A00009.hea"),)
    for way in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", way) as packed:
            for name, content in files.items():
                packed.writestr(name, content)
        yield (file.getvalue(),)


def _tar(files: Mapping[str, bytes], mode: str, link: str = "") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as packed:  # pyright: ignore[reportCallIssue, reportArgumentType]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
        if link:
            member = tarfile.TarInfo(link)
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            packed.addfile(member)
    return file.getvalue()


def compact_seeds() -> Iterator[Parts]:
    """The zoo's compact models."""
    for path in sorted(ZOO.glob("*.ictus")):
        yield (path.read_bytes(),)


def stored_seeds() -> Iterator[Parts]:
    """The stored form of small models, which unpack in milliseconds."""
    from ictus.compression.compact import CompactLayer, CompactModel, CompactStage
    from ictus.compression.storage import to_stored

    for seed in range(6):
        rng = np.random.default_rng(seed)

        def layer(shape: tuple[int, int], step: int, length: int, flags: tuple[bool, bool, bool]) -> CompactLayer:
            codes = rng.choice([0] * 4 * seed + [0, *range(1, 9)], shape).astype(np.uint8)  # noqa: B023
            bias = np.sort(rng.integers(-128, 128, shape[0])).astype(np.int8)  # noqa: B023
            return CompactLayer(codes, bias, np.full(shape[0], seed + 4, np.uint8), step, length, *flags)  # noqa: B023

        gate = CompactStage("gate", "features", (layer((1, 11), 1, 1, (False, False, False)),), threshold=-3)
        maps = layer((3, 6), 4, 6, (True, False, False))
        screen = CompactStage("screen", "window", (maps, layer((1, 23), 1, 1, (False, True, False))), 1, 5)
        last = CompactStage("specialist", "kept", (layer((5, 18), 1, 1, (False, False, False)),))
        yield (to_stored(CompactModel("beat", 11, (13, 2), 5, (gate, screen, last))),)


def float_seeds() -> Iterator[Parts]:
    """The zoo's float models: what they say of themselves, and their tensors."""
    for path in sorted(ZOO.glob("*.safetensors")):
        data = path.read_bytes()
        end = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:end])
        said = json.loads(header.pop("__metadata__")["ictus"])
        yield json.dumps(said).encode(), json.dumps(header).encode(), data[end:]


def text_seeds(kind: str) -> Iterator[Parts]:
    """Small files of text, by what they are."""
    zoo = {name: (ZOO / name).read_bytes() for name in ("alarm.json", "beat.curve.json", "beat.ictus.json")}
    match kind:
        case "alarm" | "curve" | "card":
            found = {"alarm": "alarm.json", "curve": "beat.curve.json", "card": "beat.ictus.json"}
            yield (zoo[found[kind]],)
        case "clips":
            yield ((_CHBMIT / "clips.csv").read_bytes(),)
        case "labels":
            yield ((_CINC / "REFERENCE.csv").read_bytes(),)
        case "events":
            yield (b"onset\tduration\teventType\tconfidence\n0.5\t10\tsz_foc\tn/a\n12\tn/a\tbckg\t0.9\n",)
            yield (b"\xef\xbb\xbfonset\tduration\ttrial_type\r\n1\t2\tseizure\r\n",)
        case "sums":
            yield (b"0" * 64 + b" 100.dat\n" + b"a" * 64 + b" *training/A00001.mat\n",)
        case "recipe":
            yield (
                b"learning_rate = 1e-3\n[pruning]\nsparsity = 0.9\nkept_channels = [5, 0]\n"
                b"[channels]\nshare = 0.2\n",
            )
            yield (
                b"class_offset = [0, 0.5]\n[quantiser]\nmethod = 'log2'\nn_exponents = 2\n"
                b"[precision]\nchoices = [1, 4]\n",
            )
        case "grid":
            yield (
                b'baselines = ["float32", "ternary"]\n[trials]\nprune_epochs = 6\n[[grid]]\nrecipe = "default"\n'
                b'fixed.quantiser.window = "channel"\nvary.pruning.sparsity = [0.5, 0.8]\n'
                b"vary.quantiser.n_exponents = [2]\n",
            )
        case _:
            text = (ZOO.parent.parent / "firmware_export" / "energy" / "devices.toml").read_text(encoding="utf-8")
            tables = re.split(r"\n(?=\[(?:mcu|afe|radio|battery)\.[^.\]]+\])", text)
            kinds = {re.match(r"\[(\w+)", table)[1]: table for table in reversed(tables[1:])}  # pyright: ignore[reportOptionalSubscript]
            yield ("\n".join([tables[0], *kinds.values()]).encode(),)
