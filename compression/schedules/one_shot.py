"""Everything at once, before the first step: what gradual pruning is measured against."""

from . import Schedule

__all__ = ["ONE_SHOT"]

ONE_SHOT = Schedule("one-shot", lambda _, target: target)
