"""Which recordings may be opened, and that nothing else can be; whose they are is not told."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ictus.app.dashboard.library import BUILT_IN, FOLDER, UPLOAD, Library
from ictus.app.recording_facts import model_facts, patient_identity, recording_facts
from ictus.signals import SAMPLE_FOLDER, load
from ictus.signals.errors import IctusError, InputError

ECG, EEG = SAMPLE_FOLDER / "mitdb" / "208.hea", SAMPLE_FOLDER / "chbmit" / "chb01_18_ictal.edf"


@pytest.fixture
def library(tmp_path: Path):
    folder = tmp_path / "recordings"
    (folder / "ward").mkdir(parents=True)
    for suffix in (".hea", ".dat"):
        shutil.copy(ECG.with_suffix(suffix), folder / "ward")
    shutil.copy(EEG, folder)
    (tmp_path / "secret.edf").write_bytes(EEG.read_bytes())
    opened = Library(folder)
    yield opened
    opened.close()


def _files(*paths: Path) -> list[tuple[str, bytes]]:
    return [(path.name, path.read_bytes()) for path in paths]


def test_the_sample_and_the_folder_are_offered_under_ids_that_last(library):
    entries = {entry.id: entry for entry in library.entries()}
    assert {f"{BUILT_IN}:mitdb/208", f"{BUILT_IN}:chbmit/chb01_18_ictal"} <= entries.keys()
    assert entries[f"{BUILT_IN}:chbmit/chb01_18_ictal"].task == "seizure"
    ours = {i for i, entry in entries.items() if entry.source == FOLDER}
    assert ours == {f"{FOLDER}:ward/208.hea", f"{FOLDER}:chb01_18_ictal.edf"}
    for entry_id, entry in entries.items():
        assert library.find(entry_id).path == entry.path
    assert load(library.find(f"{FOLDER}:ward/208.hea").path).n_samples == load(ECG).n_samples


@pytest.mark.parametrize(
    "entry_id",
    [
        *("folder:../secret.edf", "folder:ward/../../secret.edf", "folder:/etc/passwd", "folder:link.edf"),
        *("folder:gone.edf", "folder:ward", "folder:ward/208.dat", "folder:a\0.edf", "folder:", "folder:loop.edf"),
        *("folder:out/208.hea", "folder:" + "a" * 5000 + ".edf", "upload:0123", "built-in:../../../x"),
        *("built-in:mitdb/999", "", "nonsense"),
    ],
)
def test_no_name_leads_out_of_the_folder(library, tmp_path, entry_id):
    folder = tmp_path / "recordings"
    (folder / "link.edf").symlink_to(tmp_path / "secret.edf")
    (folder / "loop.edf").symlink_to(folder / "loop.edf")
    (folder / "out").mkdir()
    shutil.copy(ECG, folder / "out")
    (folder / "out" / "208.dat").symlink_to(ECG.with_suffix(".dat"))
    with pytest.raises(InputError) as caught:
        library.find(entry_id)
    assert str(tmp_path) not in str(caught.value)
    assert "link.edf" not in {entry.title for entry in library.entries()}


@given(st.text(max_size=60))
def test_any_id_gives_an_entry_or_one_clear_line(entry_id):
    library = Library(SAMPLE_FOLDER)
    try:
        assert library.find(entry_id).path.is_relative_to(SAMPLE_FOLDER.resolve())
    except InputError as error:
        assert "\n" not in str(error)
    finally:
        library.close()


def test_a_folder_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="no such folder of recordings"):
        Library(Path("/nowhere"))


def test_uploads_of_every_kind_are_read_as_the_file_would_be(library, tmp_path):
    table = tmp_path / "strip.csv"
    table.write_text("# fs_hz=250\nII,V1[uV]\n" + "0.1,3\n" * 500)
    pair = library.upload(_files(ECG, ECG.with_suffix(".dat"), ECG.with_suffix(".atr")))
    assert (pair.source, pair.task, pair.title) == (UPLOAD, "beat", "208.hea")
    assert len(load(pair.path).events) == len(load(ECG).events)
    assert library.upload(_files(EEG)).task == "seizure"
    strip = library.upload(_files(table))
    assert load(strip.path).fs_hz == 250
    assert {entry.id for entry in library.entries()} >= {pair.id, strip.id}
    assert library.find(pair.id) == pair


def test_uploads_are_private_and_go_when_the_library_closes(library):
    path = library.upload(_files(EEG)).path
    assert path.parent.stat().st_mode & 0o077 == 0
    assert path.parent.parent.stat().st_mode & 0o077 == 0
    library.close()
    assert not path.parent.parent.exists()


@pytest.mark.parametrize(
    ("name", "kept"),
    [("../../etc/x.edf", "x.edf"), ("C:\\temp\\y.EDF", "y.edf"), ("a b;rm -rf.edf", "a_b_rm_-rf.edf"),
     ("...edf", "recording.edf"), ("\N{SNOWMAN}.edf", "recording.edf"), ("x" * 300 + ".edf", "x" * 100 + ".edf")],
)  # fmt: skip
def test_names_of_uploads_are_made_harmless(library, name, kept):
    assert library.upload([(name, EEG.read_bytes())]).path.name == kept


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([("x.edf", b"rubbish")], r"^x\.edf: not an EDF file"),
        ([("x.edf", EEG.read_bytes()[:-100])], r"^x\.edf: \d+ data records announced"),
        ([("x.edf", b"")], r"^x\.edf: the file is empty"),
        ([("x.csv", b"a,b\n1,2\n")], r"^x\.csv: no sampling rate"),
        ([("208.hea", ECG.read_bytes())], r"^208\.hea: signal file '208\.dat' is missing"),
        ([("208.hea", ECG.read_bytes()), ("208.dat", b"1234")], r"^208\.dat: is truncated"),
        ([("208.hea", b"208 1 360 2\n../../x.dat 16 200\n")], r"outside the folder"),
        ([("208.dat", b"1234")], "needs its header"),
        ([("a.edf", b""), ("b.edf", b"")], "one recording at a time"),
        ([("a.edf", b""), ("b.dat", b"")], "nothing goes with it"),
        ([("208.hea", b""), ("208.dat", b""), ("208.dat", b"")], "3 files; a WFDB record"),
        ([("x.exe", b"MZ")], r"^x\.exe: not a file of a recording"),
        ([("x", b"")], "not a file of a recording"),
        ([], "needs its header"),
    ],
)
def test_a_broken_upload_is_told_in_one_line_and_leaves_nothing(library, files, message):
    folder = Path(library._uploads._folder.name)
    with pytest.raises(IctusError, match=message) as caught:
        library.upload(files)
    assert "\n" not in str(caught.value)
    assert str(folder) not in str(caught.value)
    assert list(folder.iterdir()) == []


def test_an_upload_has_a_limit():
    library = Library(upload_limit_bytes=1_000_000)
    with pytest.raises(InputError, match=r"^x\.edf: 1\.5 MB are too many \(at most 1 MB an upload\)"):
        library.upload([("x.edf", bytes(1_500_000))])
    library.close()


def test_the_hash_is_that_of_the_signal_whatever_the_file_is_called_and_whoever_it_is_of(tmp_path):
    anonymous = bytearray(EEG.read_bytes())
    anonymous[8:88] = b"Jane Doe 1970".ljust(80)
    (tmp_path / "other.edf").write_bytes(anonymous)
    assert recording_facts(tmp_path / "other.edf").sha256 == recording_facts(EEG).sha256
    header = ECG.read_text().replace("208", "renamed")
    (tmp_path / "renamed.hea").write_text(header + "# 35 M, some diagnosis\n")
    shutil.copy(ECG.with_suffix(".dat"), tmp_path / "renamed.dat")
    assert recording_facts(tmp_path / "renamed.hea").sha256 == recording_facts(ECG).sha256


def test_the_hash_changes_with_a_sample_and_with_its_meaning(tmp_path):
    data = bytearray(EEG.read_bytes())
    data[-1] ^= 1
    (tmp_path / "a.edf").write_bytes(data)
    shutil.copy(ECG.with_suffix(".dat"), tmp_path)
    (tmp_path / "208.hea").write_text(ECG.read_text().replace(" 200 ", " 100 ").replace(" 200(", " 100("))
    assert recording_facts(tmp_path / "a.edf").sha256 != recording_facts(EEG).sha256
    assert recording_facts(tmp_path / "208").sha256 != recording_facts(ECG).sha256


@pytest.mark.parametrize("path", [ECG, EEG], ids=["WFDB", "EDF"])
def test_facts_agree_with_the_recording_and_name_no_patient(path):
    facts, recording = recording_facts(path), load(path)
    assert facts.channels == tuple(c.name for c in recording.channels)
    assert facts.units == tuple(c.unit for c in recording.channels)
    assert (facts.fs_hz, facts.duration_s) == (recording.fs_hz, recording.duration_s)
    identity = patient_identity(path)
    assert identity
    assert not any(line in repr(facts) for line in identity)


def test_a_model_is_known_by_its_bytes(tmp_path):
    (tmp_path / "m.ictus").write_bytes(b"abc")
    assert model_facts(tmp_path / "m.ictus").sha256.startswith("ba7816bf")
    with pytest.raises(InputError, match="No such file"):
        model_facts(tmp_path / "gone.ictus")
