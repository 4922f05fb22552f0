"""ictus: from a raw ECG or EEG recording to a decision that a coin-cell wearable can make.

The public verbs are imported when they are first used, so that ``import ictus`` costs nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "analyze": ".app.analyze.ecg",
    "compress": ".app.verbs",
    "evaluate": ".app.verbs",
    "export": ".app.wearable.firmware",
    "load": ".signals",
    "simulate": ".app.wearable.simulate",
    "train": ".app.verbs",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'ictus' has no attribute {name!r}")
    return getattr(import_module(_HOME[name], __name__), name)


__all__ = ["__version__", *_HOME]  # pyright: ignore[reportUnsupportedDunderAll]


def __dir__() -> list[str]:
    return __all__
