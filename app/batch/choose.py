"""Workers as a command names them."""

from collections.abc import Iterator
from contextlib import contextmanager

from ...signals.errors import InputError
from .workers import LocalWorkers, Workers

__all__ = ["chosen_workers", "refuse_workers"]


def refuse_workers(is_batch: bool, jobs: int | None, dask: str | None) -> None:
    """Raise `InputError` for workers that have nothing to share: an evaluation that trains, or keeps nothing."""
    if not is_batch and (jobs is not None or dask is not None):
        raise InputError("--jobs and --dask share recordings of a split that trains nothing, and need --out DIR")


@contextmanager
def chosen_workers(jobs: int | None = None, dask: str | None = None) -> Iterator[Workers]:
    """Processes of this machine, or a Dask cluster.

    Parameters
    ----------
    jobs : processes; None is one a core
    dask : address of a scheduler

    Raises
    ------
    InputError
        Both are given, or the cluster cannot be used.
    """
    if dask is None:
        yield LocalWorkers(jobs)
        return
    if jobs is not None:
        raise InputError("--jobs counts processes of this machine; with --dask the cluster's workers do the work")
    from .dask_workers import DaskWorkers

    workers = DaskWorkers(dask)
    try:
        yield workers
    finally:
        workers.close()
