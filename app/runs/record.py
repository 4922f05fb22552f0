"""What is known of a run, and which process it was."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["RunRecord", "RunResult", "RunStart", "this_host", "this_process"]

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_START_FIELD = 19
"""Of /proc/PID/stat after the name's closing bracket: starttime, in ticks since the machine started (proc(5))."""


@dataclass(frozen=True)
class RunStart:
    """What is known when a run begins.

    Attributes
    ----------
    kind : the command, such as ``train``
    task : ``beat``, ``rhythm``, ``seizure``, or "" where the command has none
    command : what was typed
    arguments : every option with its value, those that were not given with their default
    version, code : of the package, see `code_fingerprint`
    environment : what the code ran on
    host, process : see `this_host` and `this_process`
    started_at : ISO 8601 in UTC, by the computer's clock
    """

    kind: str
    task: str
    command: str
    arguments: Mapping[str, Any]
    version: str
    code: str
    environment: Mapping[str, str]
    host: str
    process: Mapping[str, Any]
    started_at: str


@dataclass(frozen=True)
class RunResult:
    """What is known when it has ended.

    Attributes
    ----------
    status : exit status
    error : the one line that was said, "" without an error
    duration_s : by a clock that nobody sets, None if the run did not end
    data : data set -> ``{"files": n, "sha256": hash of their names and contents}``
    splits : name of a split -> its hash
    figures : name -> number, of what the command hands over as JSON
    files : absolute path -> SHA-256
    """

    status: int | None = None
    error: str = ""
    ended_at: str | None = None
    duration_s: float | None = None
    data: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    splits: Mapping[str, str] = field(default_factory=dict)
    seeds: tuple[int, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunRecord:
    """A run in the registry; numbers grow in the order in which runs began, whatever the clock says."""

    id: int
    start: RunStart
    result: RunResult

    @property
    def state(self) -> str:
        """``done``, ``failed``, ``interrupted``; without an end ``running``, ``killed``, or on another computer
        ``never ended``.
        """
        if self.result.status is not None:
            return {0: "done", 130: "interrupted"}.get(self.result.status, "failed")
        if self.start.host != this_host():
            return "never ended"
        return "running" if _is_alive(self.start.process) else "killed"

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {"id": self.id, "state": self.state} | vars(self.start) | vars(self.result)


def this_host() -> str:
    """Name of this computer."""
    return socket.gethostname()


def this_process() -> dict[str, Any]:
    """Number of this process, and where the system tells it, what no later process of that number has."""
    return {"pid": os.getpid()} | _birth(os.getpid())


def _is_alive(process: Mapping[str, Any]) -> bool:
    pid = int(process.get("pid", 0))
    try:
        os.kill(pid, 0)
    except PermissionError:
        pass
    except OSError:
        return False
    return {"pid": pid} | _birth(pid) == dict(process)


def _birth(pid: int) -> dict[str, Any]:
    try:
        boot, stat = _BOOT.read_text("ascii").strip(), Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except OSError:
        return {}
    return {"boot": boot, "ticks": int(stat.rpartition(")")[2].split()[_START_FIELD])}
