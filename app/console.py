"""Progress and tables for people: bars on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TextIO

from tqdm import tqdm

__all__ = ["Console", "table_text"]


@dataclass
class _Phase:
    """A phase that has begun; `bar` on a terminal only."""

    started_s: float
    last_line_s: float
    bar: tqdm | None


class Console:
    """Progress of long work on standard error; an instance is a `models.train.Progress`.

    Phases may run side by side: each has a bar or lines of its own.

    Parameters
    ----------
    stream : standard error if None
    every_s : shortest time between two plain lines of one phase; the first and the last are always there
    """

    def __init__(self, stream: TextIO | None = None, every_s: float = 5.0) -> None:
        self._stream = stream or sys.stderr
        self._every_s = every_s
        self._is_terminal = self._stream.isatty()
        self._phases: dict[str, _Phase] = {}

    def __enter__(self) -> "Console":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __call__(self, phase: str, done: int, total: int, message: str) -> None:
        """Report `done` of `total` steps of a phase, and a line about them."""
        is_new = phase not in self._phases
        state = self._begin(phase, total) if is_new else self._phases[phase]
        is_due = is_new or done >= total or time.monotonic() - state.last_line_s >= self._every_s
        if state.bar is not None:
            _advance(state.bar, done, total, message)
        elif is_due:
            self._line(phase, state, f"{done}/{total} {message}".rstrip())
        if done >= total:
            self._end(phase)

    def close(self) -> None:
        """End the bars of all phases."""
        for phase in list(self._phases):
            self._end(phase)

    def _begin(self, phase: str, total: int) -> _Phase:
        bar = (
            tqdm(total=total, desc=phase, file=self._stream, leave=False, dynamic_ncols=True)
            if self._is_terminal
            else None
        )
        now_s = time.monotonic()
        self._phases[phase] = _Phase(now_s, now_s, bar)
        return self._phases[phase]

    def _end(self, phase: str) -> None:
        """Forget a phase; its bar becomes a line above those that still move."""
        bar = self._phases.pop(phase).bar
        if bar is not None:
            last = str(bar)
            bar.close()
            tqdm.write(last, file=self._stream)

    def _line(self, phase: str, state: _Phase, text: str) -> None:
        state.last_line_s = time.monotonic()
        elapsed_s = state.last_line_s - state.started_s
        print(f"{phase} {text} ({elapsed_s:.0f} s)", file=self._stream, flush=True)


def _advance(bar: tqdm, done: int, total: int, message: str) -> None:
    bar.total = total
    bar.set_postfix_str(message, refresh=False)
    bar.update(done - bar.n)


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
