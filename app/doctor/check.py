"""One check of an installation: what was looked at, how it stands, why, and what to do."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..exit_status import exit_status

__all__ = ["Check", "State", "carried_out"]

State = Literal["ok", "warning", "failed", "absent"]


@dataclass(frozen=True)
class Check:
    """How one thing stands.

    Attributes
    ----------
    name : what was looked at
    state : ``ok``; ``warning``, works, but may surprise; ``failed``, results cannot be relied on; ``absent``,
        something optional that is not there
    why : what was found, in one line
    todo : what to do about it, "" where there is nothing to do
    """

    name: str
    state: State
    why: str
    todo: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def carried_out(name: str, look: Callable[[], Iterable[Check]]) -> Iterator[Check]:
    """What `look` finds; a check that itself breaks has failed."""
    try:
        yield from look()
    except Exception as error:  # whatever is wrong here is what the doctor is asked for
        line = exit_status(error)[1].removesuffix(" (--traceback shows where)")
        yield Check(name, "failed", line, "see the error; install again if it is one of the package's own")
