"""`ictus app`: the clinician's dashboard, served to a browser on this computer."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from ...signals.errors import InputError

__all__ = ["DEFAULT_PORT", "LOCAL", "serve", "streamlit_options"]

LOCAL, DEFAULT_PORT = "127.0.0.1", 8501
_PAGE = Path(__file__).with_name("script.py")
_NEEDED = ("streamlit", "plotly", "sqlalchemy")
_MB = 1_000_000
_THEMES: Mapping[str, Mapping[str, str]] = {
    "light": {
        "primaryColor": "#005a8c",
        "backgroundColor": "#f7f8fa",
        "secondaryBackgroundColor": "#e9edf1",
        "textColor": "#17202b",
        "borderColor": "#d0d7df",
    },
    "dark": {
        "primaryColor": "#6cc3f5",
        "backgroundColor": "#12161c",
        "secondaryBackgroundColor": "#222a34",
        "textColor": "#e6ebf1",
        "borderColor": "#3a4552",
    },
}


def serve(
    folder: str | Path | None = None,
    *,
    host: str = LOCAL,
    port: int = DEFAULT_PORT,
    database: str | None = None,
    upload_mb: int = 200,
) -> None:
    """Serve until interrupted.

    Parameters
    ----------
    folder : recordings that may be opened besides the built-in ones, with its subfolders
    host : address to listen on; anything but this computer's own lets others in without a password
    port : to listen on
    database : of the reviews, a file or a URL; None takes ``$ICTUS_REVIEWS`` or a file in the user's data folder
    upload_mb : largest upload

    Raises
    ------
    InputError
        The extra ``ictus[dashboard]`` is not installed, the folder or the database cannot be used, or the port is
        taken.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise InputError(f"the dashboard needs {', '.join(missing)}: install ictus[dashboard]")
    if folder is not None and not Path(folder).is_dir():
        raise InputError(f"{folder}: no such folder of recordings")
    _check_port(host, port)
    os.environ |= _environment(folder, database, upload_mb)
    _run(streamlit_options(host, port, upload_mb))


def streamlit_options(host: str, port: int, upload_mb: int) -> dict[str, object]:
    """Options of ``streamlit run`` under the names of its command line."""
    themes: dict[str, object] = {
        f"theme_{base}_{name}": value for base, theme in _THEMES.items() for name, value in theme.items()
    }
    return themes | {
        "server_address": host,
        "server_port": port,
        "server_headless": True,
        "server_maxUploadSize": upload_mb,
        "server_fileWatcherType": "none",
        "server_runOnSave": False,
        "browser_gatherUsageStats": False,
        "client_toolbarMode": "minimal",
        "client_showErrorDetails": "none",
        "logger_hideWelcomeMessage": True,
        "theme_baseFontSize": 15,
        "theme_baseRadius": "6px",
        "theme_showWidgetBorder": True,
    }


def _environment(folder: str | Path | None, database: str | None, upload_mb: int) -> dict[str, str]:
    from .views.services import DATABASE_VARIABLE, FOLDER_VARIABLE, UPLOAD_VARIABLE

    given = {
        FOLDER_VARIABLE: None if folder is None else str(Path(folder).resolve()),
        DATABASE_VARIABLE: database,
        UPLOAD_VARIABLE: str(upload_mb),
    }
    return {name: value for name, value in given.items() if value is not None}


def _check_port(host: str, port: int) -> None:
    """Ask for the port before anything is loaded: Streamlit's own answer comes late and in many lines."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{host}:{port}: cannot listen there, {reason}") from error


def _run(options: dict[str, object]) -> None:
    """The server; what the first page would wait for is loaded before it starts."""
    from streamlit.web import bootstrap

    from ...firmware_export.native.library import NoNativeLibraryError, native_library
    from ..review.store import open_store
    from .views import shell  # noqa: F401

    open_store().close()
    with suppress(NoNativeLibraryError):  # the pages then say that they are slow
        native_library()
    bootstrap.load_config_options(options)
    print(f"ictus: http://{options['server_address']}:{options['server_port']} (Ctrl-C ends it)", flush=True)
    bootstrap.run(str(_PAGE), False, [], options)
