"""Names that come from outside lead nowhere but below their folder, and texts that do are never markup or code."""

import ast
import io
import os
import shutil
import signal
import tarfile
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ictus.app.dashboard.library import FOLDER, Library
from ictus.app.dashboard.serve import LOCAL, serve, streamlit_options
from ictus.app.dashboard.uploads import UploadFolder
from ictus.app.report.page import Card, Page, Section, Table, render_page
from ictus.app.report.svg import text as svg_text
from ictus.data_scripts.checksums import matching, parse_sums
from ictus.signals import SAMPLE_FOLDER, FetchError, InputError, find_dataset, load, open_lead
from ictus.signals.bounded_files import read_bounded, stays_inside
from ictus.signals.chbmit import read_clips
from ictus.signals.eeg_files import eeg_files
from ictus.signals.seizure_files import seizures_beside

ROOT = Path(load.__globals__["__file__"]).parent.parent
FOLDERS = ("ictus", "signals", "models", "compression", "firmware_export", "app", "data_scripts")
RECORD, CLIP = SAMPLE_FOLDER / "mitdb" / "100", SAMPLE_FOLDER / "chbmit" / "chb01_18_ictal.edf"
OUTSIDE = (
    "../../../etc/passwd", "/etc/passwd", "..", ".", "", "a/../../b", "C:\\x", "\\\\host\\x", "a\\..\\b",
    "x\0.dat", "c:x",
)  # fmt: skip
MARKUP = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def hurried() -> Iterator[None]:
    """What waits for a pipe ends after 10 s of the clock."""

    def end(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(10)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("name", [n for n in OUTSIDE if n] + ["a" * 300, "/dev/zero", "missing.dat"])
def test_a_header_names_files_of_its_own_folder_only(tmp_path: Path, name: str) -> None:
    (tmp_path / "r.hea").write_text(f"r 1 250 100\n{name} 16\n")
    for read in (load, open_lead):
        with pytest.raises(InputError, match=r"r\.hea: ") as error:
            read(tmp_path / "r.hea")
        assert str(error.value).isprintable() and len(str(error.value)) < 600


@pytest.mark.parametrize("n_samples", ["1000000000000", "1099511627776", "9" * 18, "9" * 400])
def test_a_header_that_claims_a_million_million_samples_takes_no_memory(tmp_path: Path, n_samples: str) -> None:
    (tmp_path / "r.hea").write_text(f"r 1 250 {n_samples}\nr.dat 16\n")
    (tmp_path / "r.dat").write_bytes(bytes(1000))
    edf = bytearray(CLIP.read_bytes())
    edf[236:244] = n_samples[:8].encode()
    (tmp_path / "r.edf").write_bytes(edf)
    tracemalloc.start()
    for name in ("r.hea", "r.edf"):
        with pytest.raises(InputError, match=rf"{name[:2]}"):
            load(tmp_path / name)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.usefixtures("hurried")
def test_pipes_and_devices_are_no_recordings_and_nobody_waits_for_them(tmp_path: Path) -> None:
    shutil.copyfile(CLIP, tmp_path / CLIP.name)
    for name in (
        "a.edf",
        "b.hea",
        "S001.txt",
        "ictal1.mat",
        "chb01-summary.txt",
        "clips.csv",
        f"{CLIP.name}.seizures",
    ):
        os.mkfifo(tmp_path / name)
    assert [file.name for file in eeg_files(tmp_path)] == [CLIP.name]
    assert seizures_beside(tmp_path / CLIP.name) is None
    (tmp_path / "r.hea").write_text("r 1 250 100\nr.dat 16\n")
    os.mkfifo(tmp_path / "r.dat")
    for name in ("a.edf", "b.hea", "r.hea"):
        with pytest.raises(InputError):
            load(tmp_path / name)
    with pytest.raises(InputError):
        load("/dev/zero")


def test_a_file_without_end_is_read_up_to_a_limit() -> None:
    with pytest.raises(InputError, match="/dev/zero: more than 1024 bytes"):
        read_bounded(Path("/dev/zero"), 1024)


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_table_of_clips_names_files_below_its_folder_only(tmp_path: Path, name: str) -> None:
    assert not stays_inside(name)
    (tmp_path / "clips.csv").write_text(f"file,subject,record,start_s,duration_s,state\n{name},s,r,0,1,ictal\n")
    with pytest.raises(InputError, match=r"clips\.csv: .* outside the folder"):
        read_clips(tmp_path / "clips.csv")


@given(st.text(max_size=30))
def test_a_name_that_stays_inside_does(name: str) -> None:
    if stays_inside(name):
        assert Path("/folder", name).resolve().is_relative_to("/folder") and Path(name).name


def members(kind: str, names: tuple[str, ...]) -> bytes:
    """An archive of a header under hostile names, and of a link, a device and a pipe."""
    file, content = io.BytesIO(), RECORD.with_suffix(".hea").read_bytes()
    if kind == "zip":
        with zipfile.ZipFile(file, "w") as packed:
            for name in names:
                packed.writestr(zipfile.ZipInfo(name), content)
        return file.getvalue()
    with tarfile.open(fileobj=file, mode="w") as packed:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            packed.addfile(entry, io.BytesIO(content))
        for i, special in enumerate((tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)):
            entry = tarfile.TarInfo(f"special{i}.hea")
            entry.type, entry.linkname = special, "/etc/passwd"
            packed.addfile(entry)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_an_archive_writes_below_its_cache_only(tmp_path: Path, own_cache: Path, kind: str) -> None:
    names = ("../../up.hea", "/absolute.hea", "a/../../b.hea", "..", "x/..", "deep/in/100.hea")
    (tmp_path / f"x.{kind}").write_bytes(members(kind, names))
    found = find_dataset(tmp_path / f"x.{kind}")
    written = {p for p in tmp_path.rglob("*") if not p.is_dir()} - {tmp_path / f"x.{kind}"}
    assert {p.name for p in written} == {"up.hea", "absolute.hea", "b.hea", "100.hea"}
    assert all(p.parent == found.folder and p.is_file() and not p.is_symlink() for p in written)
    assert own_cache in found.folder.parents and not Path("/absolute.hea").exists()


@given(
    st.lists(st.text(max_size=40), min_size=1, max_size=3),
    st.sampled_from([".hea", ".dat", ".atr", ".edf", ".csv"]),
)
def test_uploads_cannot_name_a_path(names: list[str], suffix: str) -> None:
    folder = UploadFolder()
    root = Path(folder._folder.name)
    try:
        path = folder.keep([(name + suffix, b"x") for name in [*names, "../../etc/passwd"]])
    except InputError as error:
        assert str(error).isprintable()
    else:
        assert path.resolve().is_relative_to(root)
    kept = [p for p in root.rglob("*") if p.is_file()]
    assert all(p.parent.parent == root and not p.is_symlink() for p in kept)
    folder.close()
    assert not root.exists()


@given(st.text(max_size=40))
def test_an_id_of_the_library_leads_into_its_folder_only(name: str) -> None:
    library = Library(RECORD.parent)
    for tried in (name, f"../{name}", f"/{name}", f"../chbmit/{CLIP.name}", "../../README.md"):
        try:
            found = library.find(f"{FOLDER}:{tried}")
        except InputError as error:
            assert str(error).isprintable()
        else:
            assert found.path.resolve().is_relative_to(RECORD.parent.resolve())
    library.close()


def test_a_link_out_of_the_library_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for suffix in (".hea", ".dat"):
        shutil.copyfile(RECORD.with_suffix(suffix), tmp_path / f"100{suffix}")
    (tmp_path / "in" / "100.hea").symlink_to(tmp_path / "100.hea")
    (tmp_path / "in" / "a.hea").write_text("a 2 360 108000\n" + "100.dat 212 200\n" * 2)
    (tmp_path / "in" / "100.dat").symlink_to(tmp_path / "100.dat")
    library = Library(tmp_path / "in")
    for name in ("100.hea", "a.hea"):
        with pytest.raises(InputError, match="no such recording"):
            library.find(f"{FOLDER}:{name}")
    library.close()


@pytest.mark.parametrize("name", [n for n in OUTSIDE if n.strip("./")] + ["SHA256SUMS.txt", "100.dat.part"])
def test_a_list_of_checksums_names_files_below_its_folder_only(name: str) -> None:
    with pytest.raises(FetchError):
        parse_sums(f"{'0' * 64} {name}", "list")


@given(st.text(max_size=20), st.lists(st.text(min_size=1, max_size=20), max_size=5))
def test_a_pattern_chooses_among_the_files_of_the_list_only(pattern: str, paths: list[str]) -> None:
    assert set(matching(paths, [pattern, "../*", "/etc/*"])) <= set(paths)


def test_a_page_shows_hostile_texts_as_they_are() -> None:
    table = Table(MARKUP, (MARKUP,), ((MARKUP, MARKUP),), (1,))
    section = Section("key", MARKUP, (MARKUP,), (table,), legend=((MARKUP, MARKUP),))
    page = render_page(Page(MARKUP, MARKUP, (section,), (Card(MARKUP, MARKUP, MARKUP),), (MARKUP,), MARKUP))
    drawn = svg_text(0, 0, MARKUP)
    assert "&lt;script&gt;" in page and "&lt;script&gt;" in drawn
    for shown in (page, drawn):
        assert "<script>alert" not in shown and "<img src=x" not in shown


def test_markdown_shows_a_name_as_it_is() -> None:
    pytest.importorskip("streamlit")
    from ictus.app.dashboard.views.html import as_text

    assert as_text("![x](//evil.example/a.png) <b> $a$") == r"!\[x\](//evil.example/a.png) \<b\> \$a\$"
    assert as_text("A 100_b.hea: 3 of 4") == "A 100_b.hea: 3 of 4"


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def sources() -> list[Path]:
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def test_nothing_is_unpickled_or_evaluated() -> None:
    forbidden = {"pickle", "cPickle", "dill", "joblib", "cloudpickle", "shelve", "marshal", "yaml"}
    for path in sources():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = [a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names]
        imported += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        assert not {name.split(".")[0] for name in imported} & forbidden, path
        for call in calls(tree):
            said = ast.unparse(call.func)
            assert said not in ("torch.load", "eval", "exec", "os.system", "np.load", "numpy.load"), (
                path,
                call.lineno,
            )
            given = {k.arg: ast.unparse(k.value) for k in call.keywords}
            assert given.get("allow_pickle", "False") == "False" and given.get("shell", "False") == "False", path


def test_archives_are_opened_in_one_place() -> None:
    for path in sources():
        found = {ast.unparse(call.func) for call in calls(ast.parse(path.read_text(encoding="utf-8")))}
        assert not {name for name in found if name.endswith(("extractall", ".extract", "unpack_archive"))}, path
        if "tarfile.open" in found:
            assert path.name == "archives.py"


def test_the_dashboard_listens_on_this_computer_unless_told() -> None:
    import inspect

    assert LOCAL == "127.0.0.1" and inspect.signature(serve).parameters["host"].default == LOCAL
    options = streamlit_options(LOCAL, 1, 1)
    assert options["server_address"] == LOCAL
    assert not {"server_enableCORS", "server_enableXsrfProtection"} & set(options)  # both stay on
