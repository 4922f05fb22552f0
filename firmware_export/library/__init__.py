"""The exported folder: sources, self-test, examples, build files and the read-me, each from its own module."""

from .layout import write_library
from .model_sources import LibraryModel, write_sources

__all__ = ["LibraryModel", "write_library", "write_sources"]
