"""Works of a batch that tests of several processes can import."""

import os
import signal
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
from ictus.app.batch.partitions import PartitionWriter, Verdict
from ictus.app.batch.sources import Source
from ictus.signals import InputError, load

__all__ = ["Counting"]


@dataclass(frozen=True)
class Counting:
    """Counts the samples of a recording; some recordings end the process, and one is out of order."""

    kills: tuple[str, ...] = ()
    kills_until: Path | None = None
    wrong: tuple[str, ...] = ()
    schema: pa.Schema = field(default_factory=lambda: pa.schema([("n_samples", pa.int64())]))

    @property
    def identity(self) -> str:
        return "count"

    def files(self, source: Source) -> tuple[Path, ...]:
        return (source.path, source.path.with_suffix(".dat"))

    def __call__(self, source: Source) -> bytes:
        if source.name in self.wrong:
            raise InputError(f"{source.path}: out of order")
        if source.name in self.kills and not (self.kills_until and self.kills_until.exists()):
            if self.kills_until is not None:
                self.kills_until.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        n_samples = load(source.path).n_samples
        writer = PartitionWriter(self.schema)
        writer.add({"n_samples": [n_samples]})
        return writer.finish(Verdict(source.name, {"n_samples": n_samples}))
