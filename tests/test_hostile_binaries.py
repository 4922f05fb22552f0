"""Binary files that once broke a reader, or filled memory; see `test_hostile_readers`."""

import io
import lzma
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ictus.app.analyze.analysis import BeatTable
from ictus.app.dashboard.analysis_cache import read_result, write_result
from ictus.compression import load_compact, to_bytes
from ictus.compression.compact import CompactLayer, CompactModel, CompactStage
from ictus.compression.model_file import from_bytes
from ictus.compression.storage import from_stored, to_stored
from ictus.models.seizure_excerpts import read_excerpts
from ictus.signals import CorruptModelError, InputError, find_dataset, load
from ictus.signals.archives import unpack_files
from refusal import MB, refused

MODEL = Path(load.__globals__["__file__"]).parent.parent / "models" / "zoo" / "beat.ictus"


def arrays(**given: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **given)  # pyright: ignore[reportArgumentType]
    return file.getvalue()


def repacked(content: bytes, way: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", way) as packed:
        packed.writestr("names.npy", content)
    return file.getvalue()


def npy(shape: str, dtype: str = "<i8", data: bytes = b"") -> bytes:
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode() + data


@pytest.mark.parametrize(
    "content",
    [
        b"PK\3\4",
        arrays(names=np.zeros((0, 2), np.str_)).replace(b"PK\1\2", b"PK\1\3"),
        repacked(b"no array"),
        repacked(npy("(1000000000000,)")),
        repacked(npy("(-1, -2)", data=bytes(16))),
        repacked(npy("(1,)", "|O", b"\x80\4N.")),
        repacked(b"\x93NUMPY\7\0" + bytes(100)),
        arrays(names=np.array([("a", "s")])),
        arrays(names=np.arange(3)),
    ],
)
def test_a_damaged_file_of_excerpts_is_refused_and_takes_no_memory(tmp_path: Path, content: bytes) -> None:
    tracemalloc.start()
    refused(read_excerpts, tmp_path / "e.npz", content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * MB


def test_a_method_of_packing_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    content = bytearray(arrays(names=np.zeros((0, 2), np.str_)))
    content[8] = content[content.index(b"PK\1\2") + 10] = 15
    refused(read_excerpts, tmp_path / "e.npz", bytes(content))


def test_a_cached_result_with_a_wrong_index_is_damaged(tmp_path: Path) -> None:
    write_result(tmp_path, BeatTable(*(np.arange(3, dtype=kind) for kind in ("i8", "i1", "i1", "f8", "f8"))))
    text = (tmp_path / "result.json").read_text()
    (tmp_path / "result.json").write_text(text.replace('{"array": 2}', '{"array": 9}'))
    with pytest.raises(IndexError):
        read_result(tmp_path, BeatTable)


def tar_of(name: str, content: bytes, kind: bytes = tarfile.REGTYPE) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:xz") as packed:
        entry = tarfile.TarInfo(name)
        entry.size, entry.type, entry.linkname = len(content), kind, "/etc/passwd"
        packed.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def zip_of(name: str, content: bytes, way: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", way) as packed:
        packed.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize("content", [tar_of("a.hea", bytes(40 * MB)), zip_of("a.hea", bytes(40 * MB))])
def test_an_archive_that_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    refused(find_dataset, tmp_path / "x.tar", content, "unpacks to more than")
    assert not [p for p in (tmp_path / "cache").rglob("*") if p.is_file()]


def test_an_archive_that_asks_for_memory_is_refused(tmp_path: Path) -> None:
    packed = bytearray(tar_of("a.hea", b"100 1 360"))
    assert packed[12:16] == b"\x02\x00\x21\x01"  # a block header of 12 bytes, its only filter LZMA2
    packed[16] = 40  # a dictionary of 4 GiB
    packed[20:24] = struct.pack("<I", zlib.crc32(packed[12:20]))
    refused(find_dataset, tmp_path / "x.tar.xz", bytes(packed), "cannot be unpacked .Memory usage limit exceeded")


def test_a_zip_of_another_method_is_refused(tmp_path: Path) -> None:
    content = zip_of("a.hea", b"a 1 360", zipfile.ZIP_LZMA)
    refused(find_dataset, tmp_path / "x.zip", content, "packed by method 14; deflate and bzip2 can be read")


def test_parts_of_an_xz_file_that_were_joined_are_read_on(tmp_path: Path) -> None:
    whole = lzma.decompress(tar_of("a.hea", bytes(range(256)) * 64))
    path = tmp_path / "x.tar.xz"
    path.write_bytes(lzma.compress(whole[:5000]) + lzma.compress(whole[5000:]))
    assert [(name, b"".join(content)) for name, content in unpack_files(path)] == [
        ("a.hea", bytes(range(256)) * 64)
    ]


def with_crc(data: bytearray) -> bytes:
    data[12:16] = struct.pack("<I", len(data))
    data[16:20] = struct.pack("<I", zlib.crc32(data[20:], zlib.crc32(data[:16])))
    return bytes(data)


def test_a_small_model_file_of_many_pruned_weights_is_refused_before_it_takes_memory() -> None:
    layer = struct.pack("<HHHBBB", 65535, 1, 255, 1, 255, 0) + bytes(128 + 255) + b"\xf8" * 255
    bomb = to_bytes(load_compact(MODEL))[:20] + struct.pack("<BBBb", 0, 200, 0, 0) + layer * 200
    tracemalloc.start()
    with pytest.raises(CorruptModelError, match="weights or more"):
        from_bytes(with_crc(bytearray(bomb)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * MB


def pruned_layer(taps: int) -> CompactLayer:
    return CompactLayer(
        np.zeros((255, taps), np.uint8), np.zeros(255, np.int8), np.zeros(255, np.uint8), 1, 1, False
    )


def test_a_model_that_could_not_be_read_again_is_not_written() -> None:
    model = load_compact(MODEL)
    wide = pruned_layer(1100)
    large = replace(model, stages=(replace(model.stages[0], layers=(wide,)), *model.stages[1:]))
    for write in (to_bytes, to_stored):
        with pytest.raises(InputError, match="weights or more"):
            write(large)


def test_a_small_stored_model_of_many_pruned_weights_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    named = ("gate", "features", 255), ("screen", "window", 1200), ("specialist", "window", 1200)
    stages = tuple(CompactStage(name, source, (pruned_layer(taps),)) for name, source, taps in named)
    model = CompactModel("beat", 255, (600, 2), 0, stages)
    monkeypatch.setattr("ictus.compression.layout.MAX_MODEL_WEIGHTS", 1 << 22)
    bomb = to_stored(model)
    monkeypatch.undo()
    assert len(bomb) < 2000
    with pytest.raises(CorruptModelError, match="weights or more"):
        from_stored(bomb)
