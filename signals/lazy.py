"""Names of a package that are imported when they are first asked for."""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

__all__ = ["imported_when_asked"]


def imported_when_asked(package: str, *modules: str) -> Callable[[str], Any]:
    """A ``__getattr__`` for a package, so that who does not need torch does not wait for it (PEP 562).

    Parameters
    ----------
    package : its ``__name__``; only what its ``__all__`` offers is looked for
    modules : of the package, in the order in which they are searched; each says in ``__all__`` what it has
    """

    def find(name: str) -> Any:
        if name in sys.modules[package].__all__:
            for module in (import_module(f".{m}", package) for m in modules):
                if name in module.__all__:
                    return getattr(module, name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return find
