"""The firmware engineer's folder: C99 library, golden vectors, self-test, examples and measured figures."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ..compression.compact import CompactModel
from ..signals.errors import InputError
from ..signals.whole_files import atomic_folder
from .emulator.footprint import measure_footprint
from .emulator.worst_case import worst_case
from .golden import GoldenVectors
from .library import LibraryModel, write_library, write_sources
from .library.c_text import write_text
from .library.readme import Costs, readme
from .targets import DEFAULT_TARGET, Target, get_target
from .toolchain import MissingToolError, build_device

__all__ = ["export_c", "write_sources"]

_EMULATED = ("cortex-m0plus", "cortex-m4")
"""Targets whose instructions the emulated core has."""


def export_c(
    model: CompactModel,
    directory: str | Path,
    golden: GoldenVectors,
    *,
    target: str = DEFAULT_TARGET,
    form: str = "packed",
    max_flash: int | None = None,
    counts: np.ndarray | None = None,
) -> list[Path]:
    """Write everything that a firmware project needs, see `library.layout`.

    Parameters
    ----------
    model : what to run on the device
    directory : made if need be; files of the same names are replaced, others stay
    golden : inputs for the self-test, at least one unit
    target, form, max_flash : as in `write_sources`
    counts : device signal whose most costly samples the read-me states, as in `worst_case`; None for none

    Returns
    -------
    the files, sorted; they are the same bytes for the same model, golden vectors and compiler.

    Raises
    ------
    InputError : an unknown target, no golden vector, no form that fits, or a directory that cannot be written.
    """
    get_target(target)
    if len(golden) == 0:
        raise InputError(f"{directory}: no golden vector to check the export with")
    try:
        with atomic_folder(directory) as part:
            (part / "src").mkdir()
            written = write_sources(model, part / "src", target=target, form=form, max_flash=max_flash)
            write_library(model, part, golden)
            costs = _measured(model, part / "src", written, golden, get_target(target), counts)
            write_text(part / "README.md", readme(model, costs))
            names = sorted(path.relative_to(part) for path in part.rglob("*") if path.is_file())
    except OSError as error:
        raise InputError(f"{directory}: {error.strerror or error}") from error
    return [Path(directory) / name for name in names]


def _measured(
    model: CompactModel,
    sources: Path,
    written: LibraryModel,
    golden: GoldenVectors,
    target: Target,
    counts: np.ndarray | None,
) -> Costs | None:
    """What the library takes; None where the tools are not installed."""
    emulated = target if target.name in _EMULATED else get_target(DEFAULT_TARGET)
    try:
        footprint = measure_footprint(model, sources, golden, written, emulated.name)
        worst = None if counts is None else worst_case(model.task, sources, counts, emulated.name)
        with TemporaryDirectory(prefix="ictus-") as folder:
            linked = target if target.flags else emulated
            image = build_device(sources, Path(folder) / "ictus.elf", target=linked.name)
    except MissingToolError:
        return None
    return Costs(target, image, footprint, worst, emulated)
