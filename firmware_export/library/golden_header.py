"""Golden vectors as a C header, for the self-test."""

import numpy as np

from ...compression.compact import CompactModel
from ..golden import GoldenVectors
from .c_text import c_rows

__all__ = ["golden_header"]


def golden_header(model: CompactModel, golden: GoldenVectors) -> str:
    """``golden.h``: inputs of every stage, and what the integer reference makes of them."""
    n = len(golden)
    logits = np.concatenate(list(golden.expected(model).values()), axis=1)
    arrays = {
        "features": golden.features,
        "window": golden.window.reshape(n, -1),
        "context": golden.context,
        "logits": logits,
    }
    body = "\n".join(_table(f"golden_{name}", values) for name, values in arrays.items())
    return f"""\
/* Inputs of every stage, and the logits of all stages one behind the other, int8. */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <stdint.h>

#define GOLDEN_UNITS {n}

{body}
#endif
"""


def _table(name: str, values: np.ndarray) -> str:
    rows = "\n".join(f"    {{\n{c_rows(map(str, row), indent='        ')}\n    }}," for row in values)
    width = max(values.shape[1], 1)
    return f"static const int8_t {name}[GOLDEN_UNITS][{width}] = {{\n{rows}\n}};\n"
