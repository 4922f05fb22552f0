"""One file over HTTP: resumed where it stopped, checked, and under its name only when whole."""

import http.client
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

from ..signals import FetchError
from .checksums import sha256_of

__all__ = ["download", "read_text"]

_ATTEMPTS = 3
_CHUNK_BYTES = 1 << 16
_TIMEOUT_S = 60.0
_MAX_TEXT_BYTES = 1 << 26
_HTTP_PARTIAL, _HTTP_RANGE_NOT_SATISFIABLE = 206, 416


def download(url: str, target: Path, sha256: str) -> int:
    """Fetch `url` into `target` and return the number of bytes received.

    What arrives is kept in ``<target>.part``; a later call goes on from there. A file whose SHA-256
    differs is removed.

    Raises
    ------
    FetchError
        The server refuses, the connection breaks again and again, or the content is not the expected one.
    """
    part = target.with_name(target.name + ".part")
    target.parent.mkdir(parents=True, exist_ok=True)
    received = 0
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            received += _append(url, part)
            break
        except (ConnectionError, TimeoutError, http.client.HTTPException, urllib.error.URLError) as error:
            if attempt == _ATTEMPTS:
                raise FetchError(f"{url}: {_reason(error)} ({_ATTEMPTS} attempts); run again to resume") from error
    found = sha256_of(part)
    if found != sha256:
        part.unlink()
        raise FetchError(f"{url}: SHA-256 is {found}, expected {sha256}; the file was not kept")
    part.replace(target)
    return received


def read_text(url: str) -> str:
    """Fetch a small text.

    Raises
    ------
    FetchError
        The server refuses, or the text is larger than 64 MiB.
    """
    try:
        with _open(url, 0) as response:
            content = response.read(_MAX_TEXT_BYTES + 1)
    except (ConnectionError, TimeoutError, http.client.HTTPException, urllib.error.URLError) as error:
        raise FetchError(f"{url}: {_reason(error)}") from error
    if len(content) > _MAX_TEXT_BYTES:
        raise FetchError(f"{url}: the text is larger than {_MAX_TEXT_BYTES} bytes")
    return content.decode("utf-8", errors="replace")


def _append(url: str, part: Path) -> int:
    """Receive what is missing from `part`; a server that ignores the range sends all of it again."""
    held = part.stat().st_size if part.is_file() else 0
    try:
        response = _open(url, held)
    except FetchError as error:
        if held and isinstance(error.__cause__, urllib.error.HTTPError) and _is_beyond_end(error.__cause__):
            return 0
        raise
    with response:
        if held and not (response.status == _HTTP_PARTIAL and _starts_at(response, held)):
            held = 0
        with part.open("ab" if held else "wb") as file:
            return _copy(response, file, held, part.stem)


def _copy(response: http.client.HTTPResponse, file: BinaryIO, held: int, name: str) -> int:
    announced = response.headers.get("Content-Length", "")
    n_bytes = int(announced) if announced.isdigit() else None
    total = None if n_bytes is None else held + n_bytes
    received = 0
    is_terminal = sys.stderr.isatty()
    with tqdm(
        total=total, initial=held, desc=name, unit="B", unit_scale=True, leave=False, disable=not is_terminal
    ) as bar:
        while chunk := response.read(_CHUNK_BYTES):
            file.write(chunk)
            received += len(chunk)
            bar.update(len(chunk))
    if n_bytes is not None and received < n_bytes:
        raise ConnectionError(f"the connection ended after {held + received} of {total} bytes")
    return received


def _open(url: str, start: int) -> http.client.HTTPResponse:
    if not url.startswith(("https://", "http://")):
        raise FetchError(f"{url}: only http and https addresses are fetched")
    headers = {"User-Agent": "ictus", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    request = urllib.request.Request(url, headers=headers)
    try:
        return urllib.request.urlopen(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()
        raise FetchError(f"{url}: the server answers {error.code} {error.reason}") from error


def _starts_at(response: http.client.HTTPResponse, start: int) -> bool:
    return response.headers.get("Content-Range", "").startswith(f"bytes {start}-")


def _is_beyond_end(error: urllib.error.HTTPError) -> bool:
    return error.code == _HTTP_RANGE_NOT_SATISFIABLE


def _reason(error: Exception) -> str:
    return " ".join(str(getattr(error, "reason", "") or error).split()) or type(error).__name__
