"""Fetching from a local HTTP server: resumed, checked, whole or not there at all."""

import hashlib
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from ictus.data_scripts import fetch, list_datasets, verify
from ictus.data_scripts.checksums import parse_sums
from ictus.signals import SAMPLE_FOLDER, FetchError, InputError, find_dataset

PUBLISHED = ("201.hea", "201.dat", "201.atr", "100.hea")


class Archive(ThreadingHTTPServer):
    """Serves ``files``; breaks off ``broken`` paths after that many bytes, once; can ignore ranges."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.broken: dict[str, list[int]] = {}
        self.ranges: list[str | None] = []
        self.honours_ranges = True
        for name in PUBLISHED:
            self.publish(name, (SAMPLE_FOLDER / "mitdb" / name).read_bytes())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def publish(self, name: str, content: bytes) -> None:
        self.files[name] = content
        sums = [f"{hashlib.sha256(c).hexdigest()} {n}\n" for n, c in self.files.items() if n != "SHA256SUMS.txt"]
        self.files["SHA256SUMS.txt"] = "".join(sums).encode()


class Handler(BaseHTTPRequestHandler):
    server: Archive

    def do_GET(self) -> None:
        name = self.path.removeprefix("/mitdb/1.0.0/")
        content = self.server.files.get(name)
        if content is None:
            self.send_error(404)
            return
        asked = self.headers["Range"] if self.server.honours_ranges else None
        if name.endswith(".dat"):
            self.server.ranges.append(self.headers["Range"])
        start = int(re.findall(r"bytes=(\d+)-", asked)[0]) if asked else 0
        if start >= len(content) > 0:
            self.send_error(416)
            return
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        limits = self.server.broken.get(name)
        self.wfile.write(content[start : start + limits.pop(0)] if limits else content[start:])

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def archive() -> Iterator[Archive]:
    with Archive() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def names(folder: Path) -> set[str]:
    return {p.name for p in folder.rglob("*") if p.is_file()}


def test_a_data_set_is_fetched_whole_and_found(archive: Archive, tmp_path: Path) -> None:
    result = fetch("mitdb", tmp_path, base_url=archive.url)
    assert (result.n_fetched, result.n_present) == (4, 0)
    assert result.n_bytes == sum(len(archive.files[n]) for n in PUBLISHED)
    assert names(tmp_path / "mitdb") == {*PUBLISHED, "SHA256SUMS.txt"}
    assert verify("mitdb", tmp_path).is_whole
    assert find_dataset(tmp_path).records == ("100", "201")


def test_whole_files_are_not_fetched_again(archive: Archive, tmp_path: Path) -> None:
    fetch("mitdb", tmp_path, base_url=archive.url)
    again = fetch("mitdb", tmp_path, base_url=archive.url)
    assert (again.n_fetched, again.n_present, again.n_bytes) == (0, 4, 0)


def test_a_broken_connection_is_resumed_where_it_ended(archive: Archive, tmp_path: Path) -> None:
    archive.broken["201.dat"] = [100_000]
    fetch("mitdb", tmp_path, base_url=archive.url)
    assert archive.ranges == [None, "bytes=100000-"]
    assert (tmp_path / "mitdb" / "201.dat").read_bytes() == archive.files["201.dat"]


def test_what_arrived_is_kept_for_the_next_call(archive: Archive, tmp_path: Path) -> None:
    archive.broken["201.dat"] = [100, 200, 300]
    with pytest.raises(FetchError, match=r"201\.dat: the connection ended after 600 of 324000 bytes"):
        fetch("mitdb", tmp_path, base_url=archive.url)
    assert (tmp_path / "mitdb" / "201.dat.part").stat().st_size == 600
    assert not (tmp_path / "mitdb" / "201.dat").exists()
    fetch("mitdb", tmp_path, base_url=archive.url)
    assert archive.ranges[-1] == "bytes=600-"
    assert verify("mitdb", tmp_path).is_whole


def test_a_server_without_ranges_sends_all_again(archive: Archive, tmp_path: Path) -> None:
    archive.honours_ranges = False
    archive.broken["201.dat"] = [100_000]
    fetch("mitdb", tmp_path, base_url=archive.url)
    assert (tmp_path / "mitdb" / "201.dat").read_bytes() == archive.files["201.dat"]


def test_a_part_that_was_already_whole_is_taken(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "mitdb").mkdir()
    (tmp_path / "mitdb" / "201.dat.part").write_bytes(archive.files["201.dat"])
    fetch("mitdb", tmp_path, base_url=archive.url)
    assert names(tmp_path / "mitdb") == {*PUBLISHED, "SHA256SUMS.txt"}


def test_a_wrong_checksum_leaves_no_file(archive: Archive, tmp_path: Path) -> None:
    archive.files["201.dat"] = bytes(len(archive.files["201.dat"]))
    with pytest.raises(FetchError, match=r"201\.dat: SHA-256 is [0-9a-f]{64}, expected"):
        fetch("mitdb", tmp_path, base_url=archive.url)
    assert not {"201.dat", "201.dat.part"} & names(tmp_path)


def test_a_damaged_file_is_found_and_replaced(archive: Archive, tmp_path: Path) -> None:
    fetch("mitdb", tmp_path, base_url=archive.url)
    (tmp_path / "mitdb" / "201.dat").write_bytes(b"damaged")
    (tmp_path / "mitdb" / "201.atr").unlink()
    result = verify("mitdb", tmp_path)
    assert (result.n_ok, result.missing, result.damaged) == (2, ("201.atr",), ("201.dat",))
    assert not result.is_whole
    assert fetch("mitdb", tmp_path, base_url=archive.url).n_fetched == 2
    assert verify("mitdb", tmp_path).is_whole


def test_only_what_matches_is_fetched(archive: Archive, tmp_path: Path) -> None:
    fetch("mitdb", tmp_path, only=["*.hea"], base_url=archive.url)
    assert names(tmp_path / "mitdb") == {"201.hea", "100.hea", "SHA256SUMS.txt"}
    assert verify("mitdb", tmp_path, only=["*.hea"]).is_whole
    with pytest.raises(FetchError, match=r"none of its 4 files matches \*\.edf"):
        fetch("mitdb", tmp_path, only=["*.edf"], base_url=archive.url)


def test_a_file_that_the_server_lacks_is_named(archive: Archive, tmp_path: Path) -> None:
    del archive.files["201.atr"]
    with pytest.raises(FetchError, match=r"201\.atr: the server answers 404"):
        fetch("mitdb", tmp_path, base_url=archive.url)
    with pytest.raises(FetchError, match=r"nstdb/1\.0\.0/SHA256SUMS\.txt: the server answers 404"):
        fetch("nstdb", tmp_path, base_url=archive.url)


@pytest.mark.parametrize("path", ["../evil.hea", "/etc/evil.hea", "a/../../evil.hea", "a\\evil.hea", "C:evil.hea"])
def test_a_path_outside_the_folder_is_refused(archive: Archive, tmp_path: Path, path: str) -> None:
    archive.publish(path, b"evil")
    with pytest.raises(FetchError, match="which is outside the folder"):
        fetch("mitdb", tmp_path / "data", base_url=archive.url)
    assert names(tmp_path) == set()


def test_a_page_that_is_no_list_of_checksums_is_refused() -> None:
    with pytest.raises(FetchError, match="line 1 '<html>' is not a SHA-256 and a path"):
        parse_sums("<html>\n", "SHA256SUMS.txt")
    with pytest.raises(FetchError, match="the list of checksums is empty"):
        parse_sums("\n", "SHA256SUMS.txt")


def test_an_unreachable_server_and_another_scheme_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="refused"):
        fetch("mitdb", tmp_path, base_url="http://127.0.0.1:1")
    with pytest.raises(FetchError, match="only http and https"):
        fetch("mitdb", tmp_path, base_url="file:///etc")


def test_a_folder_that_cannot_be_written_is_named(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "mitdb").write_text("a file, not a folder")
    with pytest.raises(InputError, match="mitdb"):
        fetch("mitdb", tmp_path, base_url=archive.url)


def test_unknown_names_and_unfetched_sets_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'ecgdb' is no data set; known: mitdb"):
        fetch("ecgdb", tmp_path)
    with pytest.raises(InputError, match=r"SHA256SUMS\.txt: no such file; `ictus data fetch mitdb`"):
        verify("mitdb", tmp_path)


def test_the_list_tells_what_is_there() -> None:
    held = {state.dataset.name: state.n_recordings for state in list_datasets(SAMPLE_FOLDER)}
    assert held == {"mitdb": 24, "nstdb": 3, "svdb": 0, "cudb": 0, "cinc2017": 12, "chbmit": 3}
