"""The built-in sample: small, whole, attributed, rich enough to train and test on, and reproducible."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from ictus.data_scripts.make_sample import make_sample
from ictus.signals import SAMPLE_FOLDER, InputError, beats_of, find_dataset, inter_patient_split, load

MAX_BYTES = 12_000_000


@pytest.fixture
def full_data() -> Path:
    root = os.environ.get("ICTUS_DATA")
    if not root:
        pytest.skip("ICTUS_DATA is not set: the full databases are not here")
    return Path(root)


def sums(folder: Path) -> dict[str, str]:
    lines = (folder / "SHA256SUMS.txt").read_text().splitlines()
    return {path: digest for digest, path in (line.split(" ", 1) for line in lines)}


def test_it_fits_its_budget() -> None:
    assert sum(p.stat().st_size for p in SAMPLE_FOLDER.rglob("*") if p.is_file()) <= MAX_BYTES


def test_every_file_is_listed_and_whole() -> None:
    files = {p.relative_to(SAMPLE_FOLDER).as_posix() for p in SAMPLE_FOLDER.rglob("*") if p.is_file()}
    listed = sums(SAMPLE_FOLDER)
    assert files - {"SHA256SUMS.txt"} == set(listed)
    for path, digest in listed.items():
        assert hashlib.sha256((SAMPLE_FOLDER / path).read_bytes()).hexdigest() == digest, path


def test_licence_and_attribution_stand_beside_it() -> None:
    assert "opendatacommons.org/licenses/by/1-0" in (SAMPLE_FOLDER / "LICENSE-ODC-By.txt").read_text()
    readme = (SAMPLE_FOLDER / "README.md").read_text()
    for author in ("Goldberger", "Moody GB, Mark RG", "Muldrow", "Clifford", "Shoeb"):
        assert author in readme


@pytest.mark.parametrize("side", ["train", "test"])
def test_both_sides_hold_every_class_that_is_scored(side: str) -> None:
    found = find_dataset()
    records = getattr(inter_patient_split(found.records), side)
    labels = np.concatenate([beats_of(load(found.path(r)).events)[1] for r in records])
    n, s, v, f = np.bincount(labels, minlength=5)[:4]
    assert n > 3_000
    assert s > 300
    assert v > 500
    assert f > 100


@pytest.mark.parametrize("name", ["mitdb", "nstdb", "cinc2017", "chbmit"])
def test_every_recording_loads(name: str) -> None:
    found = find_dataset(None, name)
    for record in found.records:
        recording = load(found.path(record))
        assert recording.invalid is None
        assert recording.n_samples > 2_000


@pytest.mark.parametrize("name", ["mitdb", "nstdb"])
def test_headers_state_the_initial_value_and_the_checksum_of_the_excerpt(name: str) -> None:
    found = find_dataset(None, name)
    for record in found.records:
        lines = found.path(record).read_text().splitlines()
        for i, column in enumerate(load(found.path(record)).counts.T):
            initial, checksum = lines[1 + i].split()[5:7]
            assert int(initial) == column[0]
            assert (int(column.sum(dtype=np.int64)) - int(checksum)) % 65_536 == 0


def test_an_excerpt_is_the_databases_own_signal_and_annotations(full_data: Path) -> None:
    excerpt, whole = load(SAMPLE_FOLDER / "mitdb" / "208"), load(full_data / "mitdb" / "208")
    comment = (SAMPLE_FOLDER / "mitdb" / "208.hea").read_text().splitlines()[-1]
    start = int(comment.split("samples ")[1].split()[0])
    np.testing.assert_array_equal(excerpt.counts, whole.counts[start : start + excerpt.n_samples])
    sample, label = beats_of(whole.events)
    inside = (sample >= start) & (sample < start + excerpt.n_samples)
    np.testing.assert_array_equal(beats_of(excerpt.events)[0], sample[inside] - start)
    np.testing.assert_array_equal(beats_of(excerpt.events)[1], label[inside])


def test_it_is_made_again_byte_for_byte(full_data: Path, tmp_path: Path) -> None:
    make_sample(full_data, tmp_path / "sample")
    assert sums(tmp_path / "sample") == sums(SAMPLE_FOLDER)
    assert [p.name for p in tmp_path.iterdir()] == ["sample"]


def test_a_folder_of_other_files_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(InputError, match="holds other files"):
        make_sample(SAMPLE_FOLDER, tmp_path)
    assert (tmp_path / "thesis.tex").exists()
