"""What can be wrong with what a user hands over.

    IctusError                     every error the package raises on purpose
    └── InputError (ValueError)    bad input: one clear line, exit status 2
        ├── UnsupportedFormatError the file is of a kind that no reader knows
        ├── CorruptRecordError     the recording contradicts itself or its format
        ├── UnanalysableError      the recording is sound but holds nothing to decide on
        ├── CorruptModelError      a model file is damaged or of another version
        └── FetchError             a data set could not be fetched whole

A message names the file, the value and the limit.
"""

__all__ = [
    "CorruptModelError",
    "CorruptRecordError",
    "FetchError",
    "IctusError",
    "InputError",
    "UnanalysableError",
    "UnsupportedFormatError",
]


class IctusError(Exception):
    """Root of the errors raised on purpose."""


class InputError(IctusError, ValueError):
    """The user's input cannot be used."""


class UnsupportedFormatError(InputError):
    """No reader knows this kind of file."""


class CorruptRecordError(InputError):
    """The recording contradicts itself or its format."""


class UnanalysableError(InputError):
    """The recording is sound but holds nothing to decide on."""


class CorruptModelError(InputError):
    """A model file is damaged or of another version."""


class FetchError(InputError):
    """A data set could not be fetched whole."""
