"""CHB-MIT's own words: all 24 summaries, all 141 seizure files, the clips, and what hand-written text can hold."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from ictus.signals import SAMPLE_FOLDER, CorruptRecordError, default_data_folder, load
from ictus.signals.chbmit import elapsed_s, parse_summary, read_clips, read_seizure_file, read_summary
from ictus.signals.eeg_files import eeg_files
from ictus.signals.eeg_montage import MONTAGES, plan_montage
from ictus.signals.seizure_files import seizures_beside
from ictus.signals.seizures import seizures_of

CLIPS = SAMPLE_FOLDER / "chbmit"
SUMMARY = """Data Sampling Rate: 256 Hz
*************************

Channels in EDF Files:
**********************
Channel 1: FP1-F7
Channel 2: -

File Name: chb99_01.edf
File Start Time: 23:10:00
File End Time: 24:10:00
Number of Seizures in File: 2
Seizure 1 Start Time: 10 seconds
Seizure 1 End Time:  20 seconds
Seizure Start Time: 30 seconds
Seizure End Time: 40 seconds

Channels changed:
Channel 1: FP1-CS2

File Name: chb99_02+.edf
File Start Time: 0:12:30
File End Time: 1:12:30
Number of Seizures in File: 0
"""


@pytest.fixture(scope="module")
def database() -> Path:
    folder = default_data_folder() / "chbmit"
    if not (folder / "summaries").is_dir():
        pytest.skip(f"no {folder / 'summaries'}: set ICTUS_DATA to the folder of the data sets")
    return folder


def test_24_summaries_tell_198_seizures_of_11611_s(database: Path) -> None:
    summaries = [read_summary(path) for path in sorted((database / "summaries").iterdir())]
    seizures_s = [s for summary in summaries for file in summary.files for s in file.seizures_s]
    assert len(summaries) == 24
    assert {summary.fs_hz for summary in summaries} == {256.0}
    assert len(seizures_s) == 198
    assert sum(end_s - onset_s for onset_s, end_s in seizures_s) == 11_611


def test_141_seizure_files_agree_with_the_summaries_but_for_one_onset(database: Path) -> None:
    summaries = [read_summary(path) for path in sorted((database / "summaries").iterdir())]
    told = {file.record: file.seizures_s for s in summaries for file in s.files if file.seizures_s}
    marked = {
        p.name.removesuffix(".edf.seizures"): read_seizure_file(p) for p in (database / "seizures").iterdir()
    }
    assert len(marked) == 141
    assert told.keys() == marked.keys()
    differing = {record: (told[record], marked[record]) for record in told if told[record] != marked[record]}
    assert differing == {"chb24_21": (((2804.0, 2872.0),), ((2404.0, 2872.0),))}


def test_the_list_of_records_with_seizures_names_one_wrong_record(database: Path) -> None:
    """It says chb07_18 where the summary and the seizure file say chb07_19."""
    listed = {Path(line).stem for line in (database / "RECORDS-WITH-SEIZURES").read_text().split()}
    marked = {path.name.removesuffix(".edf.seizures") for path in (database / "seizures").iterdir()}
    assert listed ^ marked == {"chb07_18", "chb07_19"}


def test_of_every_channel_list_most_of_the_double_banana_can_be_had(database: Path) -> None:
    lists = {f.channels for p in (database / "summaries").iterdir() for f in read_summary(p).files}
    n_channels = {len(labels) for labels in lists}
    assert min(n_channels) >= 22
    assert max(n_channels) <= 38
    for labels in lists:
        assert sum(plan_montage(labels, "double-banana").mask) >= 16
        assert all(plan_montage(labels, "temporal-4").mask)
    assert any("P7-CS2" in labels for labels in lists)
    assert any("01" in labels for labels in lists)


def test_clips_go_the_full_path(database: Path) -> None:
    clips = read_clips(database / "clips.csv")
    assert len(clips) == 29
    seizures_s = {s for f in eeg_files(database) for s in (f.seizures_s or ())}
    assert {(10.0, 50.0), (10.0, 37.0), (10.0, 61.0)} <= seizures_s
    for clip in clips:
        recording = load(clip.path)
        assert (recording.duration_s, recording.subject) == (clip.duration_s, clip.subject)
        assert [tuple(row) for row in seizures_of(recording).tolist()] == list(clip.seizures_s)
        whole = read_summary(database / "summaries" / f"{clip.subject}-summary.txt")
        in_record = next(f.seizures_s for f in whole.files if f.record == clip.record)
        for onset_s, end_s in clip.seizures_s:
            assert any(a <= clip.start_s + onset_s and clip.start_s + end_s <= b for a, b in in_record)


def test_numbers_gaps_midnight_and_channel_lists_are_understood() -> None:
    first, second = (summary := parse_summary(SUMMARY, "chb99-summary.txt")).files
    assert first.seizures_s == ((10.0, 20.0), (30.0, 40.0))
    assert (first.start_s, first.end_s) == (83_400, 87_000)
    assert (first.channels, second.channels) == (("FP1-F7", "-"), ("FP1-CS2",))
    assert second.record == "chb99_02+"
    assert elapsed_s(summary) == [83_400.0, 87_150.0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("File: 2", "File: 3", "chb99_01: 3 seizures announced, 2 starts and 2 ends told"),
        ("Time: 40 sec", "Time: 29 sec", "chb99_01: seizure from 30 s to 29 s"),
        ("Channel 2: -", "Kanal 2: -", "line 7 'Kanal 2: -' is of no known form"),
        ("Data Sampling Rate: 256 Hz", "", "no sampling rate"),
    ],
)
def test_a_contradictory_summary_is_refused_in_one_line(old: str, new: str, message: str) -> None:
    with pytest.raises(CorruptRecordError, match=message) as found:
        parse_summary(SUMMARY.replace(old, new), "chb99-summary.txt")
    assert "\n" not in str(found.value)


def test_a_full_copy_is_read_by_its_summary_and_by_its_seizure_files(tmp_path: Path) -> None:
    folder = tmp_path / "chb99"
    folder.mkdir()
    for record in ("chb99_01", "chb99_02+", "chb99_03"):
        shutil.copyfile(CLIPS / "chb01_18_preictal.edf", folder / f"{record}.edf")
    (folder / "chb99-summary.txt").write_text(SUMMARY)
    files = eeg_files(tmp_path)
    assert [(f.subject, f.record, f.seizures_s) for f in files] == [
        ("chb99", "chb99_01", ((10.0, 20.0), (30.0, 40.0))),
        ("chb99", "chb99_02+", ()),
        ("chb99", "chb99_03", ()),
    ]
    (folder / "chb99-summary.txt").unlink()
    assert seizures_beside(folder / "chb99_01.edf") is None


def test_files_of_others_beside_a_recording_are_left_alone(tmp_path: Path) -> None:
    path = Path(shutil.copyfile(CLIPS / "chb01_18_preictal.edf", tmp_path / "night.edf"))
    (tmp_path / "clips.csv").write_text("video,minute\nnight,3\n")
    (tmp_path / "sleep-summary.txt").write_text("slept well\n")
    assert seizures_beside(path) is None
    assert len(load(path).events) == 0


@pytest.mark.parametrize("n_kept", [0, 10, 30, 53])
def test_a_cut_seizure_file_is_refused(database: Path, tmp_path: Path, n_kept: int) -> None:
    path = tmp_path / "chb01_03.edf.seizures"
    path.write_bytes((database / "seizures" / "chb01_03.edf.seizures").read_bytes()[:n_kept])
    with pytest.raises(CorruptRecordError, match=r"chb01_03\.edf\.seizures: not a WFDB annotation file"):
        read_seizure_file(path)


def test_the_built_in_clips_know_their_seizures() -> None:
    files = {f.name: f for f in eeg_files()}
    assert files["chb01_18_ictal.edf"].seizures_s == ((0.0, 10.0),)
    assert files["chb01_18_preictal.edf"].seizures_s == ()
    assert files["chb01_18_ictal.edf"].start_s == 1730
    np.testing.assert_array_equal(seizures_of(load(CLIPS / "chb03_34_ictal.edf")), [[0, 10]])


def test_double_banana_has_18_channels_and_the_wearable_montages_are_part_of_it() -> None:
    banana = set(MONTAGES["double-banana"].channels)
    assert len(banana) == 18
    assert set(MONTAGES["temporal-2"].channels) < set(MONTAGES["temporal-4"].channels) < banana
