"""Worker processes that do not outlive the one that started them."""

import multiprocessing
import os
import threading
from multiprocessing.connection import wait

__all__ = ["end_with_parent"]


def end_with_parent() -> None:
    """To be called in a worker process: it ends when the process that started it ends, even if that one is killed.

    A pool's workers otherwise wait for ever for work from a process that is gone, and keep its memory and its
    locks. Does nothing in a process that `multiprocessing` did not start.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def follow() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
