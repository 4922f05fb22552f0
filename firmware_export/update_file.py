"""A model as a file for an update over the air or for flash, to be unpacked into RAM by ``ictus_unpack.c``."""

import re
from pathlib import Path

from ..compression.compact import CompactModel
from ..compression.model_file import to_bytes
from ..compression.storage import to_stored
from ..signals.whole_files import write_bytes
from .library.c_text import c_rows
from .unpacking import scratch_counts

__all__ = ["write_update"]


def write_update(model: CompactModel, path: Path) -> int:
    """Write the stored form: as a C array if the name ends in ``.h``, else the bytes themselves.

    Returns
    -------
    bytes of the stored form

    Raises
    ------
    InputError
        the model has a size that the format, or the device, cannot hold.
    """
    data = to_stored(model)
    as_text = path.suffix == ".h"
    write_bytes(path, _header(model, path.stem, data).encode() if as_text else data)
    return len(data)


def _header(model: CompactModel, stem: str, data: bytes) -> str:
    """The stored form and the sizes that ``ictus_unpack`` is to be given, as C constants."""
    name = re.sub(r"\W", "_", f"ictus_{stem.removeprefix('ictus_')}")
    rows = c_rows(str(byte) for byte in data)
    return f"""/* The stored form of a {model.task} model: see ictus_unpack.h. */
#ifndef {name.upper()}_H
#define {name.upper()}_H

#include <stdint.h>

enum {{
    {name.upper()}_BYTES = {len(data)},
    {name.upper()}_MODEL_BYTES = {len(to_bytes(model))}, /* once unpacked */
    {name.upper()}_SCRATCH = {scratch_counts(model)} /* counts that unpacking works in, free afterwards */
}};

static const uint8_t {name}[{name.upper()}_BYTES] = {{
{rows}
}};

#endif
"""
