"""Every reader of files that come from outside, as the fuzzer calls it.

A target mends what a random change always breaks, in most cases: a checksum that only says that the bytes are as
they were written would otherwise hide what lies behind it.
"""

import hashlib
import json
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import fuzz_seeds as seeds
import numpy as np
from fuzz_mutation import Parts
from fuzz_oracle import Case
from ictus.signals.errors import CorruptRecordError, InputError

__all__ = ["TARGETS", "Target"]


@dataclass(frozen=True)
class Target:
    """A reader, what it begins with, the words of its format, and how a changed case is mended."""

    case: Case
    seeds: Callable[[], Iterable[Parts]]
    words: tuple[bytes, ...] = ()
    mend: Callable[[Parts], Parts] | None = None
    limit: int = 1 << 14


def _of(module: str) -> Any:
    """A module of the package, imported when it is needed: most readers do without torch."""
    return import_module(f"ictus.{module}")


def _reader(module: str, name: str) -> Callable[[Path], object]:
    """The function `name` of a module of the package."""
    return lambda path: getattr(_of(module), name)(path)


def _each(*readers: Callable[[Path], object]) -> Callable[[Path], None]:
    """Calls all of them, the later ones also where an earlier one refuses; the first refusal is raised."""

    def read(path: Path) -> None:
        refused: InputError | None = None
        for reader in readers:
            try:
                reader(path)
            except InputError as error:
                refused = refused or error
        if refused is not None:
            raise refused

    return read


def _lead(path: Path) -> None:
    for _ in _of("signals").open_lead(path).pieces():
        pass


def _eeg(path: Path) -> None:
    source = _of("signals.eeg_files").open_eeg(path)
    for start_s in (0.0, source.duration_s / 2):
        for _ in source.blocks(range(len(source.channels)), start_s):
            pass


def _summary(path: Path) -> None:
    chbmit = _of("signals.chbmit")
    chbmit.elapsed_s(chbmit.read_summary(path))


def _sums(path: Path) -> None:
    for name in _of("data_scripts.checksums").parse_sums(
        path.read_text(encoding="utf-8", errors="replace"), str(path)
    ):
        if not (path.parent / name).resolve().is_relative_to(path.parent.resolve()):
            raise AssertionError(f"{name!r} leads out of the folder")


def _labels(path: Path) -> None:
    _of("signals.strips").strip_labels(_of("signals").LocalDataset("cinc2017", path.parent, (), ".hea", False))


def _archive(path: Path) -> None:
    found = _of("signals").find_dataset(path)
    for record in found.records[:5]:
        _of("signals").load(found.path(record))


def _grid(path: Path) -> None:
    _of("compression.sweep_grid").load_grid(path, {"default": _of("compression").Recipe()})


def _runs(path: Path) -> None:
    """Whatever loads runs: every stage, on zeros."""
    model = _of("compression.model_file").load_compact(path)
    if model.window_shape[0]:
        n_values = model.n_features + model.n_context + model.window_shape[0] * model.window_shape[1]
        if n_values <= 1 << 16:
            features, context = (np.zeros((1, n), np.int8) for n in (model.n_features, model.n_context))
            model.run(features, np.zeros((1, *model.window_shape), np.int8), context)


def _model(path: Path) -> None:
    models = _of("app.model_files")
    task = models.task_of(path)
    if task not in models.TASKS:
        raise InputError(f"{path}: a model of another task")
    models.load_model(path, task)


def _cached(path: Path) -> None:
    """What its caller takes for a damaged cache is the only thing that may be wrong with it."""
    try:
        _of("app.dashboard.analysis_cache").read_result(path.parent, _of("app.analyze.analysis").BeatTable)
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise CorruptRecordError(f"{path}: damaged") from error


def _decided(path: Path) -> None:
    _of("app.evaluate.seizure_protocols").stored_decisions(path, list)


def _mended_wfdb(parts: Parts) -> Parts:
    """The record line without its number of samples: however long the signal files are, they fit."""
    header, signal, marks = parts
    line, newline, rest = header.partition(b"\n")
    return (
        b" ".join(line.split(b" ")[:3]) + newline + rest,
        signal,
        marks if marks.endswith(b"\0\0") else marks + b"\0\0",
    )


def _mended_edf(parts: Parts) -> Parts:
    """The sizes that the header tells, and whole data records."""
    header, data = parts
    try:
        n_signals = int(header[252:256])
        at = 256 + 216 * n_signals
        width = 2 * sum(int(header[i : i + 8]) for i in range(at, at + 8 * n_signals, 8))
        data += bytes(width) if len(data) < width <= 1 << 14 else b""
        data = data[: len(data) // width * width]
    except (ValueError, ZeroDivisionError):
        return parts
    size, announced = (str(n).ljust(8).encode() for n in (256 * (n_signals + 1), -1))
    return b"0".ljust(8) + header[8:184] + size + header[192:236] + announced + header[
        244 : 256 * (n_signals + 1)
    ], data


def _mended_compact(parts: Parts) -> Parts:
    (data,) = parts
    if len(data) < 20:
        return parts
    data = data[:12] + struct.pack("<I", len(data)) + data[16:]
    return (data[:16] + struct.pack("<I", zlib.crc32(data[20:], zlib.crc32(data[:16]))) + data[20:],)


def _mended_stored(parts: Parts) -> Parts:
    """The length and the checksum before a body that begins with the eleventh byte."""
    (data,) = parts
    body, length = data[11:], len(data)
    sevens = bytes((length & 127 | 128, length >> 7 & 127))
    start = b"ICTZ" + data[4:5]
    return (start + struct.pack("<I", zlib.crc32(sevens + body, zlib.crc32(start))) + sevens + body,)


def _mended_float(parts: Parts) -> Parts:
    """The digest of a float model, of whatever it says and holds; see `ictus.models.weights`."""
    try:
        said, header = json.loads(parts[0]), json.loads(parts[1])
        said.pop("sha256", None)
        digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
        for name, tensor in sorted(header.items()):
            start, end = tensor["data_offsets"]
            kind = {"F32": "float32", "I64": "int64", "F64": "float64"}.get(tensor["dtype"], "float16")
            digest.update(f"{name} torch.{kind} {tuple(tensor['shape'])}".encode() + parts[2][start:end])
        return json.dumps(said | {"sha256": digest.hexdigest()}).encode(), *parts[1:]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return parts


def _safetensors(parts: Parts) -> Parts:
    """One file of the three parts: metadata, tensors' places, tensors."""
    said, header, data = _mended_float(parts)
    inner = header.strip().removeprefix(b"{").strip()
    text = b'{"__metadata__":{"ictus":' + json.dumps(said.decode("latin-1")).encode() + b"}," + inner
    return (struct.pack("<Q", len(text)) + text + data,)


def _float_files() -> Iterator[Parts]:
    for said, header, data in seeds.float_seeds():
        yield _safetensors((said, header, data))


def _excerpts() -> Iterator[Parts]:
    excerpts = _of("models.seizure_excerpts")
    record = excerpts.EegRecord(
        "a", "s", np.zeros((32, 2), np.int16), np.ones(2, np.bool_), np.array([[0.0, 1.0]])
    )
    yield (excerpts.excerpts_bytes([record]),)


def _cache_seeds() -> Iterator[Parts]:
    import tempfile

    table = _of("app.analyze.analysis").BeatTable(
        *(np.arange(5, dtype=kind) for kind in ("i8", "i1", "i1", "f8", "f8"))
    )
    with tempfile.TemporaryDirectory() as folder:
        _of("app.dashboard.analysis_cache").write_result(Path(folder), table)
        yield tuple((Path(folder) / name).read_bytes() for name in ("result.json", "arrays.npz"))


def _decisions() -> Iterator[Parts]:
    row = {"name": "a", "subject": "b", "duration_s": 9.0, "rejected_s": 0, "stage_s": [1, 2, 3]}
    row |= {"seizures_s": [[1, 2]], "alarms": [[1, 2, 3]]}
    yield (json.dumps([row]).encode(),)


_LOAD, _LOAD_EEG = _reader("signals", "load"), _reader("signals.eeg_files", "load_eeg")
_FACTS, _PATIENT = (_reader("app.recording_facts", name) for name in ("recording_facts", "patient_identity"))
_WFDB = _each(_LOAD, _lead, _FACTS, _PATIENT)
_EDF = _each(_LOAD, _lead, _eeg, _reader("signals.eeg_files", "eeg_files"), _FACTS, _PATIENT)
_WFDB_NAMES = ("r.hea", "r.dat", "r.atr")
_WFDB_WORDS = tuple(f" {fmt}" for fmt in (8, 16, 24, 32, 61, 80, 160, 212, 310, 311, 508, 0))
_EDF_WORDS = (
    b"EDF+C",
    b"EDF+D",
    b"EDF Annotations ",
    b"BDF Annotations ",
    b"+0\x14\x14\0",
    b"+1\x152\x14seizure\x14\0",
)


def _text(name: str, kind: str, file: str, read: Callable[[Path], object], *words: bytes) -> Target:
    return Target(Case(name, (file,), read), lambda: seeds.text_seeds(kind), words)


TARGETS: dict[str, Target] = {
    target.case.reader: target
    for target in (
        Target(
            Case("wfdb", _WFDB_NAMES, _WFDB),
            seeds.wfdb_seeds,
            (*(w.encode() for w in _WFDB_WORDS), b"r.hea", b"r/2"),
            _mended_wfdb,
        ),
        Target(Case("edf", ("r.edf", "r.edf"), _EDF), seeds.edf_seeds, _EDF_WORDS, _mended_edf),
        Target(
            Case("csv", ("r.csv",), _each(_LOAD, _lead, _eeg, _FACTS)), seeds.csv_seeds, (b"# fs_hz=", b"time_s")
        ),
        Target(
            Case("seizures", ("r.edf.seizures",), _reader("signals.chbmit", "read_seizure_file")),
            seeds.seizure_mark_seeds,
            (b"## time resolution: ",),
        ),
        Target(
            Case("summary", ("chb01-summary.txt",), _summary),
            seeds.summary_seeds,
            (b"File Name: ", b"Channels changed:"),
        ),
        _text(
            "clips", "clips", "clips.csv", _reader("signals.chbmit", "read_clips"), b"seizure_start_s", b"ictal"
        ),
        _text(
            "events",
            "events",
            "s_events.tsv",
            _reader("signals.bids_eeg", "read_bids_events"),
            b"\t",
            b"n/a",
            b"onset",
            b"duration",
        ),
        _text("labels", "labels", "REFERENCE.csv", _labels, b",", b"~"),
        _text("sums", "sums", "SHA256SUMS.txt", _sums, b"../x", b"f" * 64),
        Target(Case("bonn", ("S001.txt",), _LOAD_EEG), seeds.bonn_seeds, (b"32768",), limit=1 << 15),
        Target(Case("delhi", ("ictal1.mat",), _LOAD_EEG), seeds.delhi_seeds, (b"ictal\0",)),
        Target(
            Case("umich", ("umich_seizure.tar.xz",), _LOAD_EEG), seeds.umich_seeds, (b"ch01.inp",), limit=1 << 16
        ),
        Target(
            Case("archive", ("x.tar",), _archive, True), seeds.archive_seeds, (b"../../x", b"/x"), limit=1 << 16
        ),
        Target(
            Case("compact", ("m.ictus",), _each(_model, _runs)), seeds.compact_seeds, (b"ICTS",), _mended_compact
        ),
        Target(Case("stored", ("m.ictz",), _each(_model, _runs)), seeds.stored_seeds, (b"ICTZ",), _mended_stored),
        Target(
            Case("safetensors", ("m.safetensors",), _each(_reader("models.weights", "load_float"), _model)),
            _float_files,
            limit=1 << 18,
        ),
        _text("alarm", "alarm", "alarm.json", _reader("models.alarm_model", "load_alarm")),
        _text(
            "curves",
            "curve",
            "m.curve.json",
            lambda path: _of("app.evaluate.operating_point").load_curves("beat", path=path),
        ),
        _text("card", "card", "m.ictus.json", lambda path: _of("app.model_files").read_card(path.with_suffix(""))),
        _text(
            "recipe",
            "recipe",
            "r.toml",
            _reader("compression.recipe", "load_recipe"),
            b"[pruning]",
            b"[quantiser]",
            b"epochs = ",
            b"criterion = ",
        ),
        _text("grid", "grid", "g.toml", _grid, b"[[grid]]", b"vary."),
        _text(
            "devices",
            "devices",
            "d.toml",
            _reader("firmware_export.energy.devices", "load_devices"),
            b"source = 'x'",
            b"typical = ",
            b"[mcu.x]",
        ),
        Target(
            Case("excerpts", ("e.npz",), _reader("models.seizure_excerpts", "read_excerpts")),
            _excerpts,
            (b"counts0.npy", b"\x93NUMPY", b"|O"),
        ),
        Target(Case("cached", ("result.json", "arrays.npz"), _cached), _cache_seeds, (b"\x93NUMPY", b"|O")),
        Target(Case("decisions", ("d.json",), _decided), _decisions),
    )
}
