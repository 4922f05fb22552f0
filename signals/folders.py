"""Where the user's data and what can be made again lie (XDG Base Directory Specification 0.8)."""

import os
from pathlib import Path

__all__ = ["user_cache_folder", "user_data_folder"]


def user_data_folder() -> Path:
    """``$XDG_DATA_HOME/ictus``, else ``~/.local/share/ictus``."""
    return _folder("XDG_DATA_HOME", ".local/share")


def user_cache_folder() -> Path:
    """``$XDG_CACHE_HOME/ictus``, else ``~/.cache/ictus``; whatever lies there can be made again."""
    return _folder("XDG_CACHE_HOME", ".cache")


def _folder(variable: str, default: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / default) / "ictus"
