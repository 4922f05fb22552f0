"""Recordings prepared in several processes."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Protocol, TypeVar

from ..signals.child_process import end_with_parent

__all__ = ["prepare_all"]


class _Named(Protocol):
    @property
    def name(self) -> str:
        """Of the recording."""
        ...


Job = TypeVar("Job")
Prepared = TypeVar("Prepared", bound=_Named)


def prepare_all(
    work: Callable[[Job], Prepared],
    jobs: Sequence[Job],
    n_processes: int = 2,
    on_done: Callable[[str], None] | None = None,
    chunk: int = 1,
) -> list[Prepared]:
    """`work` of every job, in their order.

    Parameters
    ----------
    work : a function of a module, which another process can import
    on_done : gets each one's name
    chunk : jobs that go to a process together
    """
    done: list[Prepared] = []
    with ProcessPoolExecutor(max(1, min(n_processes, len(jobs))), initializer=end_with_parent) as pool:
        for prepared in pool.map(work, jobs, chunksize=chunk):
            done.append(prepared)
            if on_done:
                on_done(prepared.name)
    return done
