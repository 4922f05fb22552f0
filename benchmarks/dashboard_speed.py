"""The dashboard as a reader waits for it, in Chromium: first view of a built-in recording, of 24 h, and panning.

    python benchmarks/dashboard_speed.py [DATA] [--hours 24] [--pans 12] [--json FILE]

The long recording is one lead at 250 Hz made of MIT-BIH records, as in analyze_speed.py; database and cache are
new, so that its first view holds hashing, analysis and min-max levels. A wait ends when the paper and the list of
findings stand on the page (panning: when another stretch is drawn). Needs Playwright and a chromium on PATH;
browser and server share the machine, whose load is printed.
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from analyze_speed import write_record
from playwright.sync_api import Page, sync_playwright

_COMMAND = "import sys; from ictus.app.cli import main; sys.exit(main(sys.argv[1:]))"
_ARGUMENTS = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-dev-shm-usage"]
_BUILT_IN, _OTHER = "built-in:mitdb/203", "built-in:mitdb/200"
_KEYS = ("ArrowRight", "ArrowRight", "Shift+ArrowRight", "ArrowLeft")


@contextmanager
def dashboard(folder: Path) -> Iterator[str]:
    """`ictus app` with a database and a cache of its own; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = [
        "app",
        "--port",
        str(port),
        "--folder",
        str(folder / "long"),
        "--database",
        str(folder / "r.sqlite"),
    ]
    server = subprocess.Popen(
        [sys.executable, "-c", _COMMAND, *arguments],
        env=os.environ | {"XDG_CACHE_HOME": str(folder / "cache")},
        stdout=subprocess.DEVNULL,
    )
    try:
        _await_server(f"http://127.0.0.1:{port}", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def _await_server(address: str, server: "subprocess.Popen[bytes]") -> None:
    while server.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=2)
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("ictus app did not start")


def first_view_s(page: Page, address: str, record: str, t_s: int = 0) -> float:
    """Seconds until a recording stands on the page."""
    start = time.monotonic()
    page.goto(f"{address}/?record={record}&view=review&t={t_s}")
    page.locator(".st-key-strip svg").first.wait_for()
    page.locator(".st-key-list .row, .st-key-list .empty").first.wait_for()
    return time.monotonic() - start


def pans_s(page: Page, n: int) -> list[float]:
    """Seconds from a key to another stretch on the paper, `n` times."""
    strip, waits = page.locator(".st-key-strip svg").first, []
    page.wait_for_timeout(1500)
    for i in range(n):
        before, start = strip.get_attribute("aria-label"), time.monotonic()
        page.keyboard.press(_KEYS[i % len(_KEYS)])
        while strip.get_attribute("aria-label") == before:
            page.wait_for_timeout(5)
        waits.append(time.monotonic() - start)
        page.wait_for_timeout(400)
    return waits


def measure(page: Page, address: str, hours: float, n_pans: int) -> dict[str, object]:
    """Every wait, in seconds."""
    first_view_s(page, address, _OTHER)  # the server has shown something before
    found: dict[str, object] = {"built_in_s": first_view_s(page, address, _BUILT_IN, 20)}
    found["built_in_pans_s"] = pans_s(page, n_pans)
    found["long_s"] = first_view_s(page, address, "folder:long.hea", round(1800 * hours))
    found["long_pans_s"] = pans_s(page, n_pans)
    found["long_again_s"] = first_view_s(page, address, "folder:long.hea", round(900 * hours))
    return found


def _text(found: dict[str, object], hours: float) -> str:
    def pans(name: str) -> str:
        waits = found[name]
        assert isinstance(waits, list)
        return f"{statistics.median(waits):.2f} s (median of {len(waits)}; longest {max(waits):.2f} s)"

    return "\n".join(
        [
            f"first view of a built-in recording: {found['built_in_s']:.1f} s; panning {pans('built_in_pans_s')}",
            f"first view of {hours:g} h: {found['long_s']:.1f} s; panning {pans('long_pans_s')}",
            f"the same again, from the cache: {found['long_again_s']:.1f} s",
        ]
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", nargs="?", default="mitdb")
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--pans", type=int, default=12)
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("no chromium on PATH")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "long").mkdir()
        write_record(folder / "long", args.data, args.hours)
        print(f"load of the machine: {os.getloadavg()[0]:.1f}", flush=True)
        with dashboard(folder) as address, sync_playwright() as started:
            page = started.chromium.launch(executable_path=chromium, args=_ARGUMENTS).new_page(
                viewport={"width": 1440, "height": 900}
            )
            page.set_default_timeout(120_000)
            found = measure(page, address, args.hours, args.pans)
    print(_text(found, args.hours))
    if args.json:
        args.json.write_text(json.dumps(found, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
