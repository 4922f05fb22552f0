"""kill -9 at random moments of `run`, `evaluate` and `compress --sweep`, and what a restart makes of it.

    python benchmarks/kill_nine.py --work /tmp/kill-nine --json kills.json

Every command first runs undisturbed. Then it is started and killed at a random moment of that length, again and
again in the same folder, and at last left alone. After every kill each file that has its name must be one of the
undisturbed run's, byte for byte; after the restart all of them must be there, and nothing else. Left out are only
the times that a report tells: ``seconds`` in JSON, and the table of them in ``report.html``. Nothing of a killed
run may still run a few seconds later, and the registry must show it as killed.

A command is a process of its own, forked from this one, which has everything imported already: no kill is spent on
the seconds in which Python still loads PyTorch.
"""

import argparse
import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from ictus.app.cli import main as ictus
from ictus.app.code_version import code_fingerprint
from ictus.app.output import write_json
from ictus.app.runs.store import open_runs

GRID = """
baselines = ["float32", "int8 post-training"]
[trials]
folds = 1
of = 2
prune_epochs = 1
tune_epochs = 1
min_steps = 10
gate_epochs = 1
[[grid]]
fixed.pruning.epochs = 1
fixed.tuning.epochs = 1
vary.pruning.sparsity = [0.5, 0.7]
"""
SECONDS_ROW = re.compile(rb"<tr><th>[^<]*</th><td>[\d.,]+ s</td></tr>")
NOT_RESULTS = (".part", ".lock")
SURVIVE_S = 10.0
OUT = "out"
SWEEP = ("--sweep", "--grid", "grid.toml", "--jobs", "1")


@dataclass(frozen=True)
class Case:
    """A command, how often it is killed in all, and how often in the same folder before it may finish."""

    name: str
    arguments: tuple[str, ...]
    kills: int
    in_a_row: int


LOADED = (
    "torch",
    "scipy.stats",
    "sqlalchemy",
    "unicorn",
    "capstone",
    "ictus.app.commands",
    "ictus.app.run",
    "ictus.app.compress.command",
    "ictus.app.tasks.beat",
    "ictus.app.tasks.rhythm",
)

CASES = (
    Case("run", ("run", "--quick", "--out", OUT), 16, 4),
    Case("evaluate", ("evaluate", "beat", "--out", OUT), 34, 4),
    Case("evaluate --split cv", ("evaluate", "rhythm", "--split", "cv", "--folds", "2", "--out", OUT), 25, 5),
    Case(
        "compress --sweep",
        ("compress", "rhythm", "--sweep", "--grid", "grid.toml", "--jobs", "1", "--out", OUT),
        25,
        5,
    ),
)


@dataclass
class Tally:
    """What was found of a case."""

    name: str
    command: str
    undisturbed_s: float = 0.0
    files: int = 0
    kills: int = 0
    finished_first: int = 0
    restarts: int = 0
    survivors: int = 0
    not_in_registry: int = 0
    faults: list[str] = field(default_factory=list)


class Killer:
    """Runs one case in a folder of its own; `moments` draws shares of the undisturbed length."""

    def __init__(self, case: Case, work: Path, moments: np.random.Generator) -> None:
        self.case, self.moments = case, moments
        self.work = work / re.sub(r"\W+", "-", case.name)
        self.registry = self.work / "registry.sqlite"
        self.tally = Tally(case.name, f"ictus {' '.join(case.arguments)}")

    def run(self) -> Tally:
        """The undisturbed run, then all kills."""
        start_s = time.monotonic()
        self._finish(self._folder("undisturbed"))
        self.tally.undisturbed_s = round(time.monotonic() - start_s, 1)
        self.wanted = results(self._folder("undisturbed") / OUT)
        self.tally.files = len(self.wanted)
        if self.tally.faults or not self.wanted:
            raise SystemExit(
                f"{self.case.name}: the undisturbed run failed, see {self._folder('undisturbed') / 'log'}"
            )
        number = 0
        while self.tally.kills < self.case.kills:
            folder = self._folder(f"killed-{number}")
            for _ in range(min(self.case.in_a_row, self.case.kills - self.tally.kills)):
                if not self._kill(folder):
                    break
            self._restart(folder)
            number += 1
        self.tally.not_in_registry = self.tally.kills - self._n_registered()
        return self.tally

    def _folder(self, name: str) -> Path:
        folder = self.work / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "grid.toml").write_text(GRID)
        return folder

    def _start(self, folder: Path) -> int:
        """Number of a new process, leader of a group, that does the command in a folder."""
        child = os.fork()
        if child:
            return child
        status = 1
        try:
            os.setpgid(0, 0)
            os.chdir(folder)
            os.environ["ICTUS_REVIEWS"] = str(self.registry)
            log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(log, 1)
            os.dup2(log, 2)
            status = ictus(list(self.case.arguments))
        finally:
            os._exit(status)

    def _finish(self, folder: Path) -> None:
        status = os.waitstatus_to_exitcode(os.waitpid(self._start(folder), 0)[1])
        if status != 0:
            self.tally.faults.append(f"{folder.name}: exit status {status}, see {folder / 'log'}")

    def _kill(self, folder: Path) -> bool:
        """Start and kill; False for a run that was through before its moment, which is no kill."""
        moment_s = self.moments.uniform(0, self.tally.undisturbed_s)
        child = self._start(folder)
        was_first = ended_within(child, moment_s)
        if was_first:
            self.tally.finished_first += 1
        else:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            self.tally.kills += 1
        self.tally.survivors += has_survivors(child)
        for name, content in results(folder / OUT).items():
            if self.wanted.get(name) != content:
                self.tally.faults.append(f"{folder.name}: {name} after a kill at {moment_s:.2f} s")
        return not was_first

    def _restart(self, folder: Path) -> None:
        self._finish(folder)
        self.tally.restarts += 1
        said = f"{self.tally.kills} of {self.case.kills} kills, {self.tally.restarts} restarts"
        print(f"{self.case.name}: {said}, {len(self.tally.faults)} faults", file=sys.stderr, flush=True)
        found = results(folder / OUT)
        differing = [name for name in {*found, *self.wanted} if found.get(name) != self.wanted.get(name)]
        self.tally.faults += [f"{folder.name}: {name} after the restart" for name in sorted(differing)]
        left = [p.name for p in folder.rglob("*") if p.name.endswith(NOT_RESULTS)]
        self.tally.faults += [f"{folder.name}: {name} left behind" for name in left]

    def _n_registered(self) -> int:
        runs = open_runs(str(self.registry))
        try:
            return sum(run.state == "killed" for run in runs.latest())
        finally:
            runs.close()


def results(folder: Path) -> dict[str, bytes]:
    """Every file that has its name, by its path, without the times that it tells."""
    files = [
        p for p in folder.rglob("*") if p.is_file() and not any(n.endswith(NOT_RESULTS) for n in _below(p, folder))
    ]
    return {p.relative_to(folder).as_posix(): timeless(p) for p in sorted(files)}


def _below(path: Path, folder: Path) -> tuple[str, ...]:
    return path.relative_to(folder).parts


def timeless(path: Path) -> bytes:
    """A file without the times that it tells."""
    content = path.read_bytes()
    if path.suffix == ".json":
        return json.dumps(_without_seconds(json.loads(content))).encode()
    return SECONDS_ROW.sub(b"", content) if path.suffix == ".html" else content


def _without_seconds(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_seconds(item) for name, item in value.items() if name != "seconds"}
    return [_without_seconds(item) for item in value] if isinstance(value, list) else value


def ended_within(child: int, seconds: float) -> bool:
    """Whether a process ends of itself in so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if os.waitpid(child, os.WNOHANG)[0]:
            return True
        time.sleep(0.002)
    return False


def has_survivors(group: int) -> bool:
    """Whether a process of a group still runs after `SURVIVE_S`."""
    end = time.monotonic() + SURVIVE_S
    while any(True for _ in _processes(group)):
        if time.monotonic() > end:
            return True
        time.sleep(0.1)
    return False


def _processes(group: int) -> Iterator[int]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            yield int(stat.parent.name)


def main() -> int:
    """Kill, restart, compare; exit status 1 where anything was found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--work", type=Path, required=True, help="folder for the runs; must be new")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", metavar="NAME", help="one of: " + ", ".join(case.name for case in CASES))
    parser.add_argument("--kills", type=int, help="of every case; default: 100 in all")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    given.work.mkdir(parents=True)
    for module in LOADED:
        import_module(module)
    code_fingerprint()  # that of the code which was loaded, also if somebody edits it meanwhile
    tallies = []
    for number, case in enumerate(CASES):
        if given.only in (None, case.name):
            kills = given.kills or case.kills
            chosen = Case(case.name, case.arguments, kills, case.in_a_row)
            tally = Killer(chosen, given.work, np.random.default_rng([given.seed, number])).run()
            print(json.dumps(asdict(tally)), flush=True)
            tallies.append(asdict(tally))
    if given.json:
        write_json(given.json, tallies)
    return int(any(t["faults"] or t["survivors"] for t in tallies))


if __name__ == "__main__":
    sys.exit(main())
