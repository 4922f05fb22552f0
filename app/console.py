"""Progress and tables for people: bars on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TextIO

from tqdm import tqdm

__all__ = ["Console", "table_text"]


class Console:
    """Progress of long work on standard error; an instance is a `models.train.Progress`.

    Parameters
    ----------
    stream : standard error if None
    every_s : shortest time between two plain lines of one phase; the first and the last are always there
    is_quiet : say nothing
    """

    def __init__(self, stream: TextIO | None = None, every_s: float = 5.0, is_quiet: bool = False) -> None:
        self._stream = stream or sys.stderr
        self._every_s = every_s
        self._is_quiet = is_quiet
        self._is_terminal = self._stream.isatty()
        self._phase = ""
        self._started = self._last_line = time.monotonic()
        self._bar: tqdm | None = None

    def __enter__(self) -> "Console":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __call__(self, phase: str, done: int, total: int, message: str) -> None:
        """Report `done` of `total` steps of a phase, and a line about them."""
        if self._is_quiet:
            return
        is_new = phase != self._phase
        if is_new:
            self._begin(phase, total)
        if self._bar is not None:
            self._advance(self._bar, done, total, message)
        elif is_new or done >= total or time.monotonic() - self._last_line >= self._every_s:
            self._line(phase, done, total, message)

    def counter(self, phase: str, total: int) -> Callable[[str], None]:
        """A callable to be told the name of each thing done, for instance by `prepare_records`."""
        done = 0

        def count(name: str) -> None:
            nonlocal done
            done += 1
            self(phase, done, total, name)

        return count

    def close(self) -> None:
        """End the bar of the current phase."""
        if self._bar is not None:
            self._bar.close()
        self._bar, self._phase = None, ""

    def _begin(self, phase: str, total: int) -> None:
        self.close()
        self._phase, self._started = phase, time.monotonic()
        if self._is_terminal:
            self._bar = tqdm(total=total, desc=phase, file=self._stream, leave=True, dynamic_ncols=True)

    def _advance(self, bar: tqdm, done: int, total: int, message: str) -> None:
        bar.total = total
        bar.set_postfix_str(message, refresh=False)
        bar.update(done - bar.n)
        if done >= total:
            self.close()

    def _line(self, phase: str, done: int, total: int, message: str) -> None:
        self._last_line = time.monotonic()
        elapsed_s = self._last_line - self._started
        text = f"{phase} {done}/{total} {message}".rstrip()
        print(f"{text} ({elapsed_s:.0f} s)", file=self._stream, flush=True)


def table_text(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to their widest cell; the first is flush left, the others flush right."""
    lines = [header, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
