"""Do all forms of each model that comes along give the same bytes on the golden vectors?"""

from collections.abc import Iterator

from ...compression import CompactModel
from ...firmware_export.toolchain import MissingToolError
from ...firmware_export.witnesses import call_witnesses
from ..model_files import TASKS, load_model
from ..wearable.firmware import golden_of
from .check import Check

__all__ = ["check_witnesses"]

N_UNITS = 32


def check_witnesses() -> Iterator[Check]:
    """Integer Python against C on this computer, LiteRT and C on the emulated core."""
    for task in TASKS:
        yield _model(task)


def _model(task: str) -> Check:
    name = f"witnesses {task}"
    model = load_model(None, task).model
    assert isinstance(model, CompactModel)
    golden = golden_of(task).head(N_UNITS)
    try:
        found = call_witnesses(model, golden)
    except MissingToolError as error:
        return Check(name, "absent", str(error), "pip install 'ictus[wearable]'")
    wrong = [f"{w.name} differs at {w.n_different} of {w.n_units}" for w in found if not w.agrees]
    if wrong:
        return Check(name, "failed", "; ".join(wrong), "trust no result of this installation; report it")
    return Check(name, "ok", f"{', '.join(w.name for w in found)}: the same bytes at {len(golden)} units")
