"""Who does the work: an existing Dask cluster, whose workers may be on other machines."""

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from ...signals.errors import InputError
from .identity import program_identity
from .work import Outcome, Task, perform_elsewhere, with_files

__all__ = ["DaskWorkers"]

_CONNECT_S = 20
_AHEAD = 2
"""Tasks in flight for each thread of the cluster: one at work, one that waits."""
_NO_WORKER_S = 60.0
"""How long a cluster may be without any worker; one that is restarted comes back sooner."""
_POLL_S = 0.02


class DaskWorkers:
    """The workers of a cluster that somebody else started.

    A task holds its model. A worker that does not find the recording's files under their paths, or finds others
    there, is sent their bytes. If a worker is killed, the scheduler gives its tasks to others, as often as the
    cluster's ``distributed.scheduler.allowed-failures`` says (3 unless somebody changed it). It cannot tell the
    task at work from those that waited: one that it gives up is done once more when all others are done, alone.

    Parameters
    ----------
    address : of the scheduler, for instance ``tcp://10.0.0.5:8786``

    Raises
    ------
    InputError
        `distributed` is not installed, nobody answers there, there is no worker, or one runs another version.
    """

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            raise InputError("--dask needs the package distributed: pip install 'ictus[dask]'") from error
        try:
            self._client: Any = Client(address, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            line = " ".join(str(error).split())
            raise InputError(f"--dask {address}: no scheduler answers there ({line})") from error
        self._address = address
        self._check(address)

    def close(self) -> None:
        """Leave the cluster; it goes on."""
        self._client.close()

    def results(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
        """See `Workers.results`; `InputError` if all workers leave the cluster and none comes for a minute."""
        suspects: list[Task] = []
        n_ahead = _AHEAD * max(self._n_threads(), 1)
        for task, outcome in self._done(tasks, n_ahead):
            if outcome.fault == "killed":
                suspects.append(task)
            else:
                yield task, outcome
        for task in suspects:
            yield from self._done([task], 1)

    def _done(self, tasks: Iterable[Task], n_at_once: int) -> Iterator[tuple[Task, Outcome]]:
        from distributed import as_completed

        waiting, running = iter(tasks), dict[Any, Task]()
        finished = as_completed([], loop=self._client.loop)
        try:
            while True:
                while len(running) < n_at_once and (task := next(waiting, None)):
                    self._begin(task, running, finished)
                if not running:
                    return
                self._wait(finished)
                future = next(finished)
                task, outcome = running.pop(future), _outcome(future)
                if outcome.needs_files:
                    outcome = self._send(task, running, finished)
                if outcome is not None:
                    yield task, outcome
        finally:
            with suppress(Exception):
                self._client.cancel(list(running))

    def _wait(self, finished: Any) -> None:
        """Until a task is done, or nobody is left to do it."""
        seen_s = looked_s = time.monotonic()
        while not finished.has_ready():
            time.sleep(_POLL_S)
            now_s = time.monotonic()
            if now_s < looked_s + _NO_WORKER_S / 10:
                continue
            looked_s = now_s
            if self._n_threads():
                seen_s = now_s
            elif now_s > seen_s + _NO_WORKER_S:
                kept = "what is done is kept, start again to go on"
                raise InputError(f"--dask {self._address}: no worker for {_NO_WORKER_S:.0f} s; {kept}")

    def _n_threads(self) -> int:
        """Of all workers of the cluster; 0 if the scheduler does not answer."""
        try:
            return sum(self._client.nthreads().values())
        except (OSError, TimeoutError):
            return 0

    def _begin(self, task: Task, running: dict[Any, Task], finished: Any) -> None:
        future = self._client.submit(perform_elsewhere, task, pure=False)
        running[future] = task
        finished.add(future)

    def _send(self, task: Task, running: dict[Any, Task], finished: Any) -> Outcome | None:
        """Begin again with the files; an outcome only if they cannot be read."""
        try:
            self._begin(with_files(task), running, finished)
        except InputError as error:
            return Outcome(fault="input", reason=str(error))
        return None

    def _check(self, address: str) -> None:
        try:
            programs: dict[str, str] = self._client.run(program_identity)
        except Exception as error:
            self.close()
            raise InputError(f"--dask {address}: a worker cannot run ictus ({error})") from error
        others = {worker: found for worker, found in programs.items() if found != program_identity()}
        if others or not programs:
            self.close()
        if not programs:
            raise InputError(f"--dask {address}: the cluster has no worker")
        if others:
            worker, found = next(iter(others.items()))
            raise InputError(f"--dask {address}: {worker} runs ictus {found}, this is {program_identity()}")


def _outcome(future: Any) -> Outcome:
    """The result of a task; an error where there is none."""
    from distributed import KilledWorker

    error = future.exception() if future.status in ("error", "cancelled") else None
    if error is None and future.status != "cancelled":
        return future.result()
    if isinstance(error, KilledWorker):
        return Outcome(fault="killed", reason="the workers of the cluster that began it ended without a result")
    return Outcome(fault="internal", reason=f"the cluster gave no result: {' '.join(str(error).split())}")
