"""Fuzz every reader of files that come from outside; see `fuzz_oracle` for what must hold of each.

    python benchmarks/fuzz_readers.py [--reader edf] [--seconds 180] [--seed 0] [--corpus FOLDER] [--plain]
    python benchmarks/fuzz_readers.py --reader edf --replay FOLDER/edf/findings/1a2b3c4d

Begins with pieces of the built-in recordings and models, and of those in ``$ICTUS_DATA`` where it is set. Where
``atheris`` is installed the search is guided by the code that is reached (libFuzzer); without it, or with
``--plain``, cases are changed at random. `--seconds` is processor time, of each reader. A finding is made smaller,
kept in the corpus folder, printed, and told apart by the line that fails. The exit status is 1 if there was any.
"""

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fuzz_mutation import Parts, changed, pack, smaller, unpack

_PLAIN_SHARE = 0.15
"""Share of the cases that libFuzzer changes in its own way."""
_CORPUS_SHARE = 0.5
"""Share of the others that come from what reached new code; the rest come from a seed, past the first checks."""
_SMALLER_S = 5.0


class _Campaign:
    """One reader's: tries cases, keeps what fails, ends when its time is used."""

    def __init__(self, reader: str, seconds: float, corpus: Path) -> None:
        from fuzz_oracle import Oracle
        from fuzz_targets import TARGETS

        self.target = TARGETS[reader]
        self.seeds = [parts for parts in self.target.seeds() if sum(map(len, parts)) <= self.target.limit]
        self.folder, self._oracle, self._seconds = corpus / reader, Oracle(), seconds
        (self.folder / "findings").mkdir(parents=True, exist_ok=True)
        self._outcomes: Counter[str] = Counter()
        self._findings: dict[str, dict[str, Any]] = {}
        for parts in self.seeds:  # the first time imports what they need
            self._oracle.check(self.target.case, parts)
        for parts in self.seeds:
            self.check(parts)
        if not self._outcomes["accepted"]:
            raise SystemExit(f"{reader}: no seed is accepted: {dict(self._outcomes)} {self._findings}")
        self._start = time.process_time()

    def check(self, parts: Parts) -> None:
        """Try a case; a new fault is made smaller and kept."""
        verdict = self._oracle.check(self.target.case, parts)
        self._outcomes[verdict.outcome] += 1
        if verdict.fault is not None and verdict.fault.key not in self._findings:
            self._keep(verdict.fault.key, f"{verdict.fault.kind}: {verdict.fault.detail}", parts)

    def _keep(self, key: str, detail: str, parts: Parts) -> None:
        end = time.process_time() + _SMALLER_S

        def still_fails(tried: Parts) -> bool:
            fault = None if time.process_time() > end else self._oracle.check(self.target.case, tried).fault
            return fault is not None and fault.key == key

        self._findings[key] = {"detail": detail}
        parts = smaller(parts, still_fails)
        path = self.folder / "findings" / hashlib.sha256(key.encode()).hexdigest()[:8]
        path.write_bytes(pack(parts))
        self._findings[key] |= {"file": str(path), "parts": [ascii(part[:200]) for part in parts]}
        print(f"{self.target.case.reader}: {key}\n  {detail}\n  {path}: {[p[:200] for p in parts]}", flush=True)

    def mutated(self, data: bytes, rng: random.Random) -> bytes:
        """A changed case, in four of five with its checksums and sizes mended."""
        own = unpack(data, len(self.target.case.names))
        start = own if rng.random() < _CORPUS_SHARE else rng.choice(self.seeds)
        parts = changed(start, rng, self.seeds, self.target.words, self.target.limit)
        return pack(self.target.mend(parts) if self.target.mend and rng.random() < 0.8 else parts)

    def try_bytes(self, data: bytes) -> None:
        """A case as the fuzzer keeps it; ends the process when the time is used."""
        if time.process_time() - self._start > self._seconds:
            self.finish()
        self.check(unpack(data, len(self.target.case.names)))

    def finish(self) -> None:
        """Write what was found and leave at once: libFuzzer's own loop never returns."""
        seconds = time.process_time() - self._start
        result = {"inputs": self._outcomes.total(), "seconds": round(seconds, 1), "seeds": len(self.seeds)}
        result |= {"outcomes": dict(self._outcomes), "findings": self._findings}
        (self.folder / "result.json").write_text(json.dumps(result, indent=1), encoding="utf-8")
        self._oracle.close()
        sys.stdout.flush()
        os._exit(0)


def _work(args: argparse.Namespace) -> None:
    """The process of one reader."""
    if args.plain or find_spec("atheris") is None:
        return _at_random(_Campaign(args.reader[0], args.seconds, args.corpus), args.seed)
    import atheris  # pyright: ignore[reportMissingImports] - an extra that not every Python has

    with atheris.instrument_imports(include=["ictus", "wfdb"]):  # what the seeds need is imported here
        campaign = _Campaign(args.reader[0], args.seconds, args.corpus)
    return _guided(campaign, args, atheris)


def _at_random(campaign: _Campaign, seed: int) -> None:
    from fuzz_oracle import memory_limit

    rng = random.Random(f"{campaign.target.case.reader} {seed}")
    with memory_limit():
        while True:
            campaign.try_bytes(campaign.mutated(pack(rng.choice(campaign.seeds)), rng))


def _guided(campaign: _Campaign, args: argparse.Namespace, atheris: Any) -> None:
    from fuzz_oracle import memory_limit

    kept = campaign.folder / "corpus"
    kept.mkdir(exist_ok=True)
    for parts in campaign.seeds:
        data = pack(parts)
        (kept / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        rng = random.Random(seed)
        own = atheris.Mutate(data, max_size) if rng.random() < _PLAIN_SHARE else campaign.mutated(data, rng)
        return bytes(own)[:max_size]

    options = [
        f"-seed={args.seed + 1}",
        f"-max_len={2 * campaign.target.limit}",
        "-timeout=120",
        "-rss_limit_mb=0",
    ]
    options += ["-verbosity=0", "-print_final_stats=0", "-close_fd_mask=0", "-len_control=0"]
    atheris.Setup([sys.argv[0], *options, str(kept)], campaign.try_bytes, custom_mutator=mutate)
    with memory_limit():
        atheris.Fuzz()


def _replay(reader: str, path: Path) -> int:
    from fuzz_oracle import Oracle, memory_limit
    from fuzz_targets import TARGETS

    oracle, case = Oracle(), TARGETS[reader].case
    with memory_limit():
        verdict = oracle.check(case, unpack(path.read_bytes(), len(case.names)))
    oracle.close()
    print(verdict)
    return int(verdict.fault is not None)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--reader", action="append", metavar="NAME", help="only this one; may be given several times"
    )
    parser.add_argument("--seconds", type=float, default=180.0, help="processor time of each reader")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--corpus", type=Path, default=Path("fuzz-corpus"), help="where corpora and findings stay")
    parser.add_argument("--plain", action="store_true", help="at random, even where atheris is installed")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="try one kept case of the reader")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser


def main() -> int:
    """A process for each reader, one after the other, and a table of what they tried."""
    args = _parser().parse_args()
    if args.worker:
        _work(args)
        return 0
    if args.replay:
        return _replay(args.reader[0], args.replay)
    from fuzz_targets import TARGETS

    n_findings, total_s = 0, 0.0
    for reader in args.reader or TARGETS:
        path = args.corpus / reader / "result.json"
        path.unlink(missing_ok=True)
        command = [sys.executable, __file__, "--worker", "--reader", reader, "--seconds", str(args.seconds)]
        command += ["--seed", str(args.seed), "--corpus", str(args.corpus)] + ["--plain"] * args.plain
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="replace")
        if not path.is_file():
            print(f"{reader}: the process ended with {done.returncode}: {done.stderr[-2000:]}", flush=True)
            n_findings += 1
            continue
        found = json.loads(path.read_text(encoding="utf-8"))
        n_findings, total_s = n_findings + len(found["findings"]), total_s + found["seconds"]
        print(f"{reader:<12}{found['seconds']:8.0f} s{found['inputs']:10} inputs  {found['outcomes']}", flush=True)
    print(f"{total_s / 3600:.2f} h of processor time, {n_findings} findings", flush=True)
    return int(n_findings > 0)


if __name__ == "__main__":
    sys.exit(main())
