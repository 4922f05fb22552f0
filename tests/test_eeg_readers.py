"""EEG that is no EDF: Bonn, Delhi, Michigan, BIDS, tables."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from ictus.signals import SAMPLE_FOLDER, CorruptRecordError, InputError, default_data_folder, load
from ictus.signals.bids_eeg import read_bids_events
from ictus.signals.bonn import BONN_FS_HZ, bonn_recordings, read_bonn
from ictus.signals.delhi import delhi_recordings, read_delhi
from ictus.signals.eeg_files import eeg_files, open_eeg
from ictus.signals.eeg_lead import eeg_lead, load_device_eeg
from ictus.signals.seizures import is_seizure, seizures_of
from ictus.signals.umich import read_umich

CLIP = SAMPLE_FOLDER / "chbmit" / "chb01_18_ictal.edf"


def given_data(name: str) -> Path:
    path = default_data_folder() / name
    if not path.exists():
        pytest.skip(f"no {path}: set ICTUS_DATA to the folder of the data sets")
    return path


def test_bonn_holds_five_sets_of_100_and_a_seizure_in_each_file_of_e() -> None:
    found = bonn_recordings(given_data("bonn"))
    assert {name: len(recordings) for name, recordings in found.items()} == dict.fromkeys("ABCDE", 100)
    assert all(len(seizures_of(r)) == (name == "E") for name, recordings in found.items() for r in recordings)
    first = found["A"][0]
    assert (first.name, first.fs_hz, first.counts[:3, 0].tolist()) == ("Z001", BONN_FS_HZ, [12, 22, 35])
    assert load_device_eeg(first)[0].shape == (6042, 1)


def test_delhi_holds_three_states_of_50() -> None:
    found = delhi_recordings(given_data("delhi"))
    assert {state: len(r) for state, r in found.items()} == {"preictal": 50, "interictal": 50, "ictal": 50}
    assert [r.name for r in found["ictal"]][:3] == ["ictal1", "ictal2", "ictal3"]
    np.testing.assert_array_equal(seizures_of(found["ictal"][0]), [[0, 5.12]])


def test_michigan_keeps_18_channels_and_makes_16_of_the_double_banana() -> None:
    recording = read_umich(path := given_data("umich_seizure.tar.xz"))
    assert recording.counts.shape == (50_000, 18)
    assert not {"SP1", "SP2", "Cz"} & {c.name for c in recording.channels}
    lead = eeg_lead(open_eeg(path))
    assert (lead.montage.name, int(lead.mask.sum()), lead.duration_s) == ("double-banana", 16, 500)
    assert [f.seizures_s for f in eeg_files(path)] == [((350.0, 500.0),)]


@pytest.mark.parametrize("text", ["1 2 3", "x" * 40, "1.5 " * 4097, "99999 " * 4097])
def test_what_is_no_bonn_segment_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "Z001.txt").write_text(text)
    with pytest.raises(CorruptRecordError, match=r"Z001\.txt: "):
        read_bonn(tmp_path / "Z001.txt")
    with pytest.raises(InputError):
        bonn_recordings(tmp_path)


def test_what_is_no_delhi_segment_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ictal1.mat").write_bytes(b"no MATLAB file at all" * 20)
    with pytest.raises(CorruptRecordError, match=r"ictal1\.mat: not a MATLAB file"):
        read_delhi(tmp_path / "ictal1.mat")
    with pytest.raises(InputError, match=r"preictal: no \.mat file"):
        delhi_recordings(tmp_path)


@pytest.fixture
def bids(tmp_path: Path) -> Path:
    folder = tmp_path / "sub-07" / "ses-01" / "eeg"
    folder.mkdir(parents=True)
    shutil.copyfile(CLIP, folder / "sub-07_ses-01_task-szMonitoring_run-00_eeg.edf")
    events = folder / "sub-07_ses-01_task-szMonitoring_run-00_events.tsv"
    events.write_text("onset\tduration\teventType\n2.5\t4\tsz_foc_ia\n0\t10\tbckg\n")
    return tmp_path


def test_bids_events_become_seizures(bids: Path) -> None:
    (file,) = eeg_files(bids)
    assert (file.subject, file.seizures_s) == ("07", ((2.5, 6.5),))
    np.testing.assert_array_equal(seizures_of(load(file.path)), [[2.5, 6.5]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("start\tduration\n1\t2\n", "no column onset"),
        ("onset\tduration\nsoon\t2\n", "onset 'soon' is not a number"),
    ],
)
def test_a_damaged_events_table_is_refused(bids: Path, text: str, message: str) -> None:
    path = next(bids.rglob("*_events.tsv"))
    path.write_text(text)
    with pytest.raises(CorruptRecordError, match=message):
        read_bids_events(path)


def test_names_of_seizures_are_known() -> None:
    assert all(map(is_seizure, ("seizure", "Seizure onset", "sz", "sz_gen_ton", "Ictal")))
    assert not any(map(is_seizure, ("bckg", "interictal", "preictal", "spike", "")))


def test_a_table_of_electrodes_is_read_in_pieces_and_is_in_microvolts(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    values = np.round(rng.normal(0, 40, (1000, 3)), 1)
    rows = "\n".join(",".join(map(str, row)) for row in values.tolist())
    path = tmp_path / "table.csv"
    path.write_text(f"# fs_hz=256\nT3,T5,ECG[mV]\n{rows}\n")
    lead = eeg_lead(open_eeg(path))
    assert lead.montage.channels == ("T7-P7", "T8-P8")
    assert lead.mask.tolist() == [True, False]
    counts = np.concatenate(list(lead.pieces()))
    np.testing.assert_allclose(counts[:, 0] * 0.25, values[:, 0] - values[:, 1], atol=0.126)


def test_a_folder_without_eeg_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing here")
    with pytest.raises(InputError, match="no EEG recording"):
        eeg_files(tmp_path)
    with pytest.raises(InputError, match="neither a folder nor a data set"):
        eeg_files(tmp_path / "nowhere")
