"""Who does the work: processes of this machine, one a core, each with one recording at a time."""

import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Protocol

from ...signals.child_process import end_with_parent
from .work import Outcome, Task, perform

__all__ = ["ATTEMPTS", "LocalWorkers", "Workers", "core_count"]

ATTEMPTS = 3
"""How often a recording is begun whose worker process is killed: once, and twice again."""

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Workers(Protocol):
    """Whoever does the tasks."""

    def results(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
        """Every task once with its outcome, in the order in which they are done.

        Tasks are taken one by one, as workers become free; a worker that ends on a task loses no other task.
        """
        ...


def core_count() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class LocalWorkers:
    """Processes of this machine.

    They start when there is something to do. A process that is killed is replaced, and its recording is tried
    again when all others have been begun: if memory was short, it then has more of it.

    Parameters
    ----------
    n : processes; None is one a core
    """

    def __init__(self, n: int | None = None) -> None:
        self._n = core_count() if n is None else n

    def results(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
        """See `Workers.results`."""
        queue = _Queue(iter(tasks))
        idle: list[_Worker] = []
        busy: dict[Connection, _Worker] = {}
        try:
            while True:
                while len(busy) < self._n and (attempt := queue.next()):
                    worker = idle.pop() if idle else _Worker.start()
                    worker.give(attempt)
                    busy[worker.pipe] = worker
                if not busy:
                    return
                for pipe in wait(list(busy)):
                    worker = busy.pop(pipe)  # pyright: ignore[reportArgumentType] - only connections were given
                    attempt, outcome = worker.take()
                    if outcome is not None:
                        idle.append(worker)
                        yield attempt.task, outcome
                    elif attempt.number == ATTEMPTS:
                        yield attempt.task, Outcome(fault="killed", reason=_killed(attempt.task))
                    else:
                        queue.again.append(_Attempt(attempt.task, attempt.number + 1))
        finally:
            for worker in (*idle, *busy.values()):
                worker.stop()


def _killed(task: Task) -> str:
    return f"{task.source.path}: the worker process ended without a result, {ATTEMPTS} times (killed?)"


@dataclass(frozen=True)
class _Attempt:
    """A task, and which time it is begun."""

    task: Task
    number: int = 1


class _Queue:
    """New tasks first, then those whose worker was killed."""

    def __init__(self, tasks: Iterator[Task]) -> None:
        self._tasks = tasks
        self.again: deque[_Attempt] = deque()

    def next(self) -> _Attempt | None:
        """None if there is none at present."""
        task = next(self._tasks, None)
        if task is not None:
            return _Attempt(task)
        return self.again.popleft() if self.again else None


class _Worker:
    """A process and our end of the pipe to it."""

    def __init__(self, pipe: Connection, stop: "_Stop") -> None:
        self.pipe, self._stop = pipe, stop
        self._attempt: _Attempt | None = None

    @classmethod
    def start(cls) -> "_Worker":
        """A new process that shares nothing with this one, and whose libraries start no threads."""
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs,), daemon=True)
        with _one_thread():
            process.start()
        theirs.close()
        return cls(ours, process)  # pyright: ignore[reportArgumentType] - Windows has a class of its own for it

    def give(self, attempt: _Attempt) -> None:
        """Begin a task; where the process is gone, `take` says so."""
        self._attempt = attempt
        with suppress(OSError):
            self.pipe.send(attempt.task)

    def take(self) -> tuple[_Attempt, Outcome | None]:
        """What was begun, and its outcome; None if the process has ended instead."""
        assert self._attempt is not None, "only a worker that was given a task is asked"
        try:
            return self._attempt, self.pipe.recv()
        except (EOFError, OSError):  # OSError: killed while it handed over
            self.stop()
            return self._attempt, None

    def stop(self) -> None:
        """End the process, whatever it does."""
        self.pipe.close()
        self._stop.kill()
        self._stop.join()


class _Stop(Protocol):
    """The part of a process that ends it."""

    def kill(self) -> None:
        """End it now."""
        ...

    def join(self) -> None:
        """Wait until it has ended."""
        ...


def _serve(pipe: Connection) -> None:
    """Do tasks until the program that gives them is gone."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to all; who started this process ends it
    with suppress(EOFError, OSError):
        while True:
            pipe.send(perform(pipe.recv()))


@contextmanager
def _one_thread() -> Iterator[None]:
    """What starts within takes one thread a process, unless the user said otherwise."""
    new = {name: "1" for name in _ONE_THREAD if name not in os.environ}
    os.environ.update(new)
    try:
        yield
    finally:
        for name in new:
            del os.environ[name]
