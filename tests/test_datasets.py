"""Data sets are found where they lie, and splits say honestly what they do."""

import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ictus.signals import (
    AAMI_CLASS,
    CLASSES,
    DATASETS,
    DS1,
    DS2,
    PACED,
    SAMPLE_FOLDER,
    CorruptRecordError,
    InputError,
    aami_index,
    beats_of,
    find_dataset,
    inter_patient_split,
    intra_patient_split,
    load,
    shared_subjects,
    subject_of,
)


@pytest.fixture
def full_data() -> Path:
    root = os.environ.get("ICTUS_DATA")
    if not root:
        pytest.skip("ICTUS_DATA is not set: the full databases are not here")
    return Path(root)


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_sample_is_the_default() -> None:
    found = find_dataset()
    assert (found.name, found.is_sample, len(found.records)) == ("mitdb", True, 24)
    assert load(found.path(found.records[0])).fs_hz == DATASETS["mitdb"].fs_hz


@pytest.mark.parametrize("name", ["mitdb", "nstdb", "cinc2017", "chbmit"])
def test_a_root_and_its_folders_find_the_same(name: str) -> None:
    in_root = find_dataset(SAMPLE_FOLDER, name)
    assert in_root == find_dataset(SAMPLE_FOLDER / name) == find_dataset(None, name)
    assert load(in_root.path(in_root.records[0])).fs_hz == DATASETS[name].fs_hz


def test_a_name_is_looked_up_under_ictus_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ICTUS_DATA", str(SAMPLE_FOLDER))
    assert find_dataset("nstdb").records == ("bw", "em", "ma")
    with pytest.raises(InputError, match="svdb: no such folder; `ictus data fetch svdb`"):
        find_dataset("svdb")


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: neither a folder nor a data set; known: mitdb, "):
        find_dataset("nowhere")
    with pytest.raises(InputError, match="no such folder"):
        find_dataset(tmp_path)
    with pytest.raises(InputError, match="'ecgdb' is no data set"):
        find_dataset(None, "ecgdb")
    with pytest.raises(InputError, match="no record '999' among its 24 records"):
        find_dataset().path("999")


def make_archive(folder: Path, members: dict[str, Path]) -> Path:
    archive = folder / "svdb.tar.xz"
    with tarfile.open(archive, "w:xz") as tar:
        for name, source in members.items():
            tar.add(source, arcname=name)
    return archive


def test_an_archive_stands_for_its_folder(tmp_path: Path, own_cache: Path) -> None:
    members = {f"svdb/100{s}": SAMPLE_FOLDER / "mitdb" / f"100{s}" for s in (".hea", ".dat", ".atr")}
    make_archive(tmp_path, members)
    found = find_dataset(tmp_path, "svdb")
    assert found.records == ("100",)
    assert own_cache in found.folder.parents
    assert load(found.path("100")).n_samples == 108_000
    assert find_dataset(tmp_path, "svdb") == found


@pytest.mark.usefixtures("own_cache")
def test_a_member_cannot_leave_its_folder(tmp_path: Path) -> None:
    make_archive(tmp_path, {"../../escaped.hea": SAMPLE_FOLDER / "mitdb" / "100.hea"})
    found = find_dataset(tmp_path, "svdb")
    assert list(tmp_path.rglob("escaped.hea")) == [found.folder / "escaped.hea"]


@pytest.mark.usefixtures("own_cache")
def test_a_broken_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "svdb.tar.xz").write_bytes(b"no archive")
    with pytest.raises(CorruptRecordError, match=r"svdb\.tar\.xz: the archive cannot be unpacked"):
        find_dataset(tmp_path, "svdb")
    assert not list(tmp_path.rglob("svdb"))


@pytest.mark.usefixtures("own_cache")
def test_a_truncated_or_damaged_archive_is_refused(tmp_path: Path) -> None:
    archive = make_archive(tmp_path, {"svdb/100.dat": SAMPLE_FOLDER / "mitdb" / "100.dat"})
    whole = archive.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:5000] + bytes(50) + whole[5050:]):
        archive.write_bytes(content)
        with pytest.raises(CorruptRecordError, match=r"svdb\.tar\.xz: the archive cannot be unpacked"):
            find_dataset(tmp_path, "svdb")
    assert not list(tmp_path.rglob("svdb"))


def test_ds1_ds2_and_paced_are_the_48_records(full_data: Path) -> None:
    assert sorted(DS1 + DS2 + PACED) == list(find_dataset(full_data, "mitdb").records)


@pytest.mark.parametrize(
    ("records", "published"), [(DS1, [45_866, 944, 3_788, 415, 8]), (DS2, [44_259, 1_837, 3_221, 388, 7])]
)
def test_class_counts_are_the_published_ones(
    full_data: Path, records: tuple[str, ...], published: list[int]
) -> None:
    source = find_dataset(full_data, "mitdb")
    labels = [beats_of(load(source.path(r)).events)[1] for r in records]
    assert np.bincount(np.concatenate(labels)).tolist() == published


def test_symbols_that_are_no_beat_have_no_class() -> None:
    assert aami_index(np.array(["N", "A", "V", "F", "/", "+", "~", "!", "x"])).tolist() == [*range(5), *[-1] * 4]
    assert aami_index(np.array(["B", "n", "r", "?"])).tolist() == [0, 0, 2, 4]
    assert aami_index(np.array([], dtype=np.str_)).shape == (0,)
    assert set(AAMI_CLASS.values()) == set(CLASSES)


def test_the_inter_patient_split_shares_no_record_and_one_subject() -> None:
    split = inter_patient_split(DS1 + DS2 + PACED)
    assert (split.train, split.test) == (DS1, DS2)
    assert not set(split.train) & set(split.test)
    assert shared_subjects(split) == {"201"}


def test_the_sample_split_shares_no_subject() -> None:
    assert shared_subjects(inter_patient_split(find_dataset().records)) == frozenset()


def test_the_hash_tells_splits_apart_and_ignores_the_order_of_files() -> None:
    whole = inter_patient_split(DS1 + DS2)
    assert whole.sha256 == inter_patient_split(reversed(DS2 + DS1)).sha256
    assert whole.sha256 != inter_patient_split((DS1 + DS2)[1:]).sha256
    assert whole.sha256.startswith("71da8a83dee88e9e")


def test_a_split_without_test_records_is_refused() -> None:
    with pytest.raises(InputError, match="hold 22 of DS1 and 0 of DS2"):
        inter_patient_split(DS1)


@given(n_beats=st.integers(0, 3_000), seed=st.integers(0, 2**31))
def test_a_fifth_of_each_record_tests_and_the_draw_repeats(n_beats: int, seed: int) -> None:
    split = intra_patient_split({"100": n_beats, "101": 50}, seed)
    assert split.is_test["100"].sum() == round(0.2 * n_beats)
    alone = intra_patient_split({"100": n_beats}, seed)
    np.testing.assert_array_equal(split.is_test["100"], alone.is_test["100"])
    assert split.sha256 == intra_patient_split({"101": 50, "100": n_beats}, seed).sha256


def test_the_intra_patient_split_says_that_it_leaks() -> None:
    assert "leaks patients" in intra_patient_split({"100": 10}, seed=0).name


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1])
def test_an_empty_side_is_a_wrong_argument(share: float) -> None:
    with pytest.raises(ValueError, match="outside 0 to 1"):
        intra_patient_split({"100": 10}, seed=0, test_share=share)


@pytest.mark.parametrize(
    ("record", "folder", "subject"),
    [
        ("202", "mitdb", "201"),
        ("202", "own recordings", "202"),
        ("chb21_05", "chb21", "chb01"),
        ("chb17a_03", "chb17", "chb17"),
        ("A00002", "cinc2017", "A00002"),
    ],
)
def test_subjects_are_known_where_the_database_says_so(record: str, folder: str, subject: str) -> None:
    assert subject_of(record, folder) == subject
