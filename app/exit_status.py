"""What an error means for the exit status, and the one line that says it."""

import errno

from ..signals.errors import InputError

__all__ = ["EXIT_BAD_INPUT", "EXIT_DONE", "EXIT_INTERNAL", "EXIT_INTERRUPTED", "exit_status"]

EXIT_DONE, EXIT_INTERNAL, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 0, 1, 2, 130

_MACHINE = {
    getattr(errno, name)
    for name in (
        "ENOSPC",
        "EDQUOT",
        "EFBIG",
        "EROFS",
        "EACCES",
        "EPERM",
        "EIO",
        "ENAMETOOLONG",
        "EMFILE",
        "ENFILE",
    )
    if hasattr(errno, name)
}
"""What the machine refuses: nothing that the program did wrong."""


def exit_status(error: BaseException) -> tuple[int, str]:
    """Exit status of a command that ended with `error`, and what to say of it in one line.

    Returns
    -------
    2 for bad input and for what the machine refuses (a full disk, a folder that may only be read), 130 for an
    interruption, the program's own status where it left by itself, else 1
    """
    line = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, InputError):
        return EXIT_BAD_INPUT, line
    if isinstance(error, OSError) and error.errno in _MACHINE:
        return EXIT_BAD_INPUT, f"{error.filename or 'writing'}: {error.strerror}"
    if isinstance(error, KeyboardInterrupt):
        return EXIT_INTERRUPTED, "interrupted"
    if isinstance(error, SystemExit):
        return (error.code, "") if isinstance(error.code, int) else (EXIT_DONE, "")
    return EXIT_INTERNAL, f"internal error, {type(error).__name__}: {line} (--traceback shows where)"
