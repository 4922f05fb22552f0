"""NumPy archives (.npz) from disk: nothing is unpickled, and no array takes more memory than its bytes need."""

import io
import math
import zipfile
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from .archives import Budget, clear_errors
from .errors import CorruptRecordError

__all__ = ["read_arrays"]

_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Arrays by name, as `numpy.savez` wrote them.

    Raises
    ------
    CorruptRecordError
        The file is damaged, holds anything but plain arrays, or unpacks to far more than any recording does.
    InputError
        The file system refuses.
    """
    with clear_errors(path):
        budget, arrays = Budget(path), {}
        with zipfile.ZipFile(path) as packed:
            for member in packed.infolist():
                with packed.open(member) as content:
                    data = b"".join(budget.spent_on(content))
                arrays[member.filename.removesuffix(".npy")] = _array(path, data)
        return arrays


def _array(path: Path, data: bytes) -> np.ndarray:
    """One array, whose header and bytes must agree before there is room made for it."""
    file = io.BytesIO(data)
    version = npy.read_magic(file)
    if version not in _HEADERS:
        raise CorruptRecordError(f"{path}: an array of version {version}; {tuple(_HEADERS)} are read")
    shape, is_fortran, dtype = _HEADERS[version](file)
    n_bytes = len(data) - file.tell()
    if dtype.hasobject or min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != n_bytes:
        raise CorruptRecordError(f"{path}: an array {shape} of {dtype} cannot be made of {n_bytes} bytes")
    values = np.frombuffer(data, dtype, offset=file.tell()).copy()
    return values.reshape(shape, order="F" if is_fortran else "C")
