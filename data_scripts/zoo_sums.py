"""Write the list of checksums of the models that come along, after one of them was trained again.

Usage::

python -m ictus.data_scripts.zoo_sums
"""

from pathlib import Path

from ..signals.whole_files import write_bytes
from .checksums import SUMS_FILE, sha256_of

__all__ = ["ZOO_FOLDER", "zoo_sums"]

ZOO_FOLDER = Path(__file__).resolve().parent.parent / "models" / "zoo"


def zoo_sums() -> str:
    """A line for every file of the zoo but the list itself."""
    files = sorted(p for p in ZOO_FOLDER.iterdir() if p.is_file() and p.name != SUMS_FILE and p.name[0] != ".")
    return "".join(f"{sha256_of(path)}  {path.name}\n" for path in files)


if __name__ == "__main__":
    print(write_bytes(ZOO_FOLDER / SUMS_FILE, zoo_sums().encode("ascii")))
