"""The computer: folders, database, clock and letters."""

import locale
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from ...signals.errors import InputError
from ...signals.folders import user_cache_folder, user_data_folder
from ..review.engine import default_url, make_engine, reading
from ..review.store import open_store
from ..runs.store import open_runs
from .check import Check

__all__ = ["check_machine"]

_LEAST_FREE_BYTES = 1 << 30
_CLOCK_SLACK = timedelta(minutes=5)
_BUILT = datetime(2026, 1, 1, tzinfo=UTC)
"""This program did not exist before."""


def check_machine() -> Iterator[Check]:
    """Folders, database, clock and letters."""
    folders = {"cache": user_cache_folder(), "data": user_data_folder(), "temporary": Path(tempfile.gettempdir())}
    for name, folder in folders.items():
        yield _folder(f"{name} folder", folder)
    yield _database()
    yield _clock()
    yield _letters()


def _folder(name: str, folder: Path) -> Check:
    """By writing into it, which a mode alone does not tell."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"ictus")
    except OSError as error:
        return Check(name, "failed", f"{folder}: {error.strerror}", "make it writable, or free some space")
    free = shutil.disk_usage(folder).free
    if free < _LEAST_FREE_BYTES:
        return Check(name, "warning", f"{folder}: only {free / 1e6:,.0f} MB are free", "free some space")
    return Check(name, "ok", f"{folder}, {free / 1e9:,.0f} GB free")


def _database() -> Check:
    """Opened as the dashboard and the registry do it, and read through where it is a file."""
    todo = "see $ICTUS_REVIEWS; restore a damaged file from a copy"
    try:
        open_store().close()
        open_runs().close()
        engine, shown = make_engine(default_url())
        try:
            with reading(engine, shown) as connection:
                is_file = connection.dialect.name == "sqlite"
                said = connection.execute(text("PRAGMA quick_check")).scalars().all() if is_file else ["ok"]
        finally:
            engine.dispose()
    except InputError as error:
        return Check("database", "failed", str(error), todo)
    if said != ["ok"]:
        return Check("database", "failed", f"{shown}: {said[0]}", todo)
    return Check("database", "ok", f"{shown}: reviews and runs can be written")


def _clock() -> Check:
    now, todo = datetime.now(UTC), "set the clock; runs are listed in their right order all the same"
    if now < _BUILT:
        return Check("clock", "warning", f"it says {now:%Y-%m-%d}, which is before this program was made", todo)
    try:
        runs = open_runs()
    except InputError:
        return Check("clock", "ok", f"{now:%Y-%m-%d %H:%M} UTC")
    try:
        latest = next(iter(runs.latest(1)), None)
    finally:
        runs.close()
    if latest is not None and datetime.fromisoformat(latest.start.started_at) > now + _CLOCK_SLACK:
        why = f"it says {now:%Y-%m-%d %H:%M} UTC; run {latest.id} began at {latest.start.started_at}"
        return Check("clock", "warning", f"{why}: it was set back, or that computer's is ahead", todo)
    return Check("clock", "ok", f"{now:%Y-%m-%d %H:%M} UTC")


def _letters() -> Check:
    names, texts = sys.getfilesystemencoding(), locale.getpreferredencoding(False)
    if {names.lower().replace("-", ""), texts.lower().replace("-", "")} <= {"utf8"}:
        return Check("letters", "ok", "UTF-8")
    return Check(
        "letters", "warning", f"file names {names}, text {texts}", "set LANG to a UTF-8 locale, or PYTHONUTF8=1"
    )
