"""What others may rely on, as text: names and signatures, the command line, and the keys of its JSON.

    python tests/public_api.py > tests/public_api.txt     after a change that is meant

Signatures are names, kinds and defaults of parameters; a command is its arguments; JSON keys are those that the
commands write for the built-in sample, ``*`` stands for names that come from the data.
"""

import argparse
import contextlib
import enum
import inspect
import io
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

from ictus.app.cli import build_parser, main
from ictus.signals import SAMPLE_FOLDER

__all__ = ["LOCK", "SECTIONS", "package_lines", "text"]

LOCK = Path(__file__).with_name("public_api.txt")

_PACKAGES = (
    "ictus",
    "ictus.signals",
    "ictus.models",
    "ictus.compression",
    "ictus.firmware_export",
    "ictus.data_scripts",
    "ictus.app.verbs",
)
_RECORD = str(SAMPLE_FOLDER / "mitdb" / "100")
_JSON = {
    "evaluate beat": ("evaluate", "beat"),
    "evaluate rhythm": ("evaluate", "rhythm", "--split", "all"),
    "evaluate seizure": ("evaluate", "seizure", "--split", "all"),
    "compress beat --describe": ("compress", "beat", "--describe"),
    "simulate beat": ("simulate", "beat", _RECORD, "--seconds", "20"),
}
_BY_DATA = {"records", "by_record", "by_subject", "subjects", "recordings", "warnings"}
_DEPTH = 3
_SIMPLE = (str, int, float, bool, type(None))


def package_lines(package: str) -> list[str]:
    """The names of a package's ``__all__``, each with what its caller writes."""
    module = import_module(package)
    return [line for name in sorted(module.__all__) for line in _described(name, getattr(module, name))]


def _described(name: str, value: Any) -> list[str]:
    if isinstance(value, type) and issubclass(value, enum.Enum):
        return [f"enum {name}: {' '.join(member.name for member in value)}"]
    if isinstance(value, type) and issubclass(value, BaseException):
        return [f"error {name}({value.__mro__[1].__name__})"]
    if isinstance(value, type):
        return [f"class {name}{_signature(value)}", *(f"    {line}" for line in _members(value))]
    if callable(value):
        return [f"{name}{_signature(value)}"]
    is_stated = isinstance(value, _SIMPLE) and not name.startswith("__")
    return [f"{name}: {value!r}" if is_stated else f"{name}: {type(value).__name__}"]


def _members(cls: type) -> Iterator[str]:
    """Public methods and properties that the project wrote, inherited ones among them."""
    own = [c for c in reversed(cls.__mro__) if c.__module__.startswith("ictus")]
    found = {name: value for c in own for name, value in vars(c).items() if not name.startswith("_")}
    for name, value in sorted(found.items()):
        if isinstance(value, property | cached_property):
            yield f"{name}: property"
        elif isinstance(value, classmethod | staticmethod):
            yield f"{type(value).__name__} {name}{_signature(value.__func__)}"
        elif inspect.isfunction(value):
            yield f"{name}{_signature(value)}"


def _signature(function: Any) -> str:
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        return "(...)"
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in parameters if p.name != "self"]
    return str(inspect.Signature([p.replace(default=_Shown(p.default)) if _has_default(p) else p for p in bare]))


def _has_default(parameter: inspect.Parameter) -> bool:
    return parameter.default is not inspect.Parameter.empty


class _Shown:
    """A default whose text is the same on every machine and in every run."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __repr__(self) -> str:
        value = self._value
        if isinstance(value, tuple):
            return f"({', '.join(repr(_Shown(v)) for v in value)})"
        if isinstance(value, _SIMPLE) and not isinstance(value, enum.Enum):
            return repr(value)
        name = getattr(value, "__qualname__", None) or getattr(value, "name", None)
        return f"<{name or type(value).__name__}>"


def _command_lines() -> list[str]:
    parser = build_parser()
    commands = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction)).choices
    head = [f"ictus {_argument(a)}" for a in parser._actions if a.option_strings]
    return head + [
        f"ictus {name} {_argument(action)}" for name, command in commands.items() for action in command._actions
    ]


def _argument(action: argparse.Action) -> str:
    said = ", ".join(action.option_strings) or action.dest
    facts = {"metavar": action.metavar, "nargs": action.nargs, "default": action.default}
    facts["choices"] = None if action.choices is None else list(action.choices)
    shown = [f"{key}={value!r}" for key, value in facts.items() if value not in (None, argparse.SUPPRESS)]
    return " ".join([said, *(["required"] if action.required and action.option_strings else []), *shown])


def _json_lines() -> list[str]:
    return [f"{name}: {path}" for name, argv in _JSON.items() for path in _keys(_json_of(argv))]


def _keys(value: Any) -> list[str]:
    """Paths of an object, the first three keys of each."""
    return sorted({".".join(path.split(".")[:_DEPTH]) for path in _paths(value)})


def _json_of(argv: tuple[str, ...]) -> Any:
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        file = Path(folder) / "result.json"
        if main([*argv, "--json", str(file)]):
            raise SystemExit(f"ictus {' '.join(argv)} failed")
        return json.loads(file.read_text(encoding="utf-8"))


def _paths(value: Any, at: str = "") -> Iterator[str]:
    """``key.key[]`` of every value."""
    if isinstance(value, Mapping) and value:
        for key, below in value.items():
            name = "*" if at.rpartition(".")[2] in _BY_DATA else key
            yield from _paths(below, f"{at}.{name}" if at else name)
    elif isinstance(value, list) and value:
        for below in value:
            yield from _paths(below, f"{at}[]")
    else:
        yield at


SECTIONS = {package: lambda package=package: package_lines(package) for package in _PACKAGES} | {
    "command line": _command_lines,
    "JSON": _json_lines,
}
"""Heading -> what gives its lines."""


def text() -> str:
    """The whole lock."""
    return "\n".join(f"[{heading}]\n" + "\n".join(lines()) + "\n" for heading, lines in SECTIONS.items())


if __name__ == "__main__":
    sys.stdout.write(text())
