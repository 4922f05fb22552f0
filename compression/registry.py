"""Methods by name: whatever the modules of a sub-package offer. A new method is a new file there, nothing else."""

from importlib import import_module
from pkgutil import iter_modules
from typing import TypeVar

from ..signals import InputError

__all__ = ["named", "offered"]

T = TypeVar("T")


def offered(package: str, kind: type[T]) -> dict[str, T]:
    """Every instance of `kind` at the top of a module of the package, by its ``name``, in alphabetical order.

    Parameters
    ----------
    package : full name of a package whose modules are imported
    kind : a class whose instances have a ``name``
    """
    modules = [import_module(f"{package}.{m.name}") for m in iter_modules(import_module(package).__path__)]
    found = [value for module in modules for value in vars(module).values() if isinstance(value, kind)]
    return dict(sorted((getattr(value, "name"), value) for value in found))  # noqa: B009 - T has no bound


def named(package: str, kind: type[T], name: str) -> T:
    """The method of that name; `InputError` with the known names if there is none."""
    known = offered(package, kind)
    if name not in known:
        raise InputError(f"{package.rpartition('.')[2]}: {name!r} is not known; known: {', '.join(known)}")
    return known[name]
