"""From a score a second to alarms: the event rule, in integers, the same on the device (``ictus_seizure.c``)."""

from dataclasses import dataclass, replace

import numpy as np

__all__ = ["EventRule", "EventTracker", "SeizureEvent", "find_events"]


@dataclass(frozen=True)
class EventRule:
    """When an alarm begins and ends.

    Attributes
    ----------
    wanted : windows above threshold that raise an alarm
    among : of so many latest windows, at most 32
    quiet : windows in a row below threshold that end it
    merge_s : an alarm that begins less than so many seconds after the last ended goes on with it: nobody is told
        twice of one seizure
    """

    wanted: int = 4
    among: int = 5
    quiet: int = 8
    merge_s: int = 30


@dataclass(frozen=True)
class SeizureEvent:
    """One alarm, in seconds from the recording's start.

    Attributes
    ----------
    onset_s : begin of the second that completed the first of the windows that raised it
    alarm_s : when it was raised
    end_s : end of the last second whose window was above threshold
    """

    onset_s: int
    alarm_s: int
    end_s: int


class EventTracker:
    """The rule, a second at a time.

    Attributes
    ----------
    is_on : whether the wearer is in an alarm
    """

    def __init__(self, rule: EventRule) -> None:
        self.rule = rule
        self.is_on = False
        self._latest = 0  # bit i: the window i seconds ago was above
        self._below = 0
        self._since_end = rule.merge_s

    def push(self, is_above: bool) -> int:
        """Take the next window.

        Returns
        -------
        0, or if the alarm begins with it: how many seconds ago the first of its windows was, plus 1
        """
        self._latest = ((self._latest << 1) | int(is_above)) & ((1 << self.rule.among) - 1)
        if self.is_on:
            self._below = 0 if is_above else self._below + 1
            if self._below == self.rule.quiet:
                self.is_on, self._latest, self._since_end = False, 0, 0
            return 0
        self._since_end = min(self._since_end + 1, self.rule.merge_s)
        if self._latest.bit_count() < self.rule.wanted:
            return 0
        self.is_on, self._below = True, 0
        return self._latest.bit_length()

    @property
    def is_news(self) -> bool:
        """Whether the alarm that has just begun is one of its own, and does not go on with the last."""
        return self._since_end >= self.rule.merge_s


def find_events(is_above: np.ndarray, rule: EventRule) -> tuple[list[SeizureEvent], np.ndarray]:
    """Alarms of a recording.

    Parameters
    ----------
    is_above : bool (n,), for each second whether its window is above threshold; False where nothing was decided

    Returns
    -------
    the alarms in time order, and for each second whether one is on at its end, bool (n,)
    """
    tracker, events = EventTracker(rule), list[SeizureEvent]()
    is_on = np.zeros(len(is_above), bool)
    for t, above in enumerate(is_above.tolist()):
        began = tracker.push(above)
        if began and tracker.is_news:
            events.append(SeizureEvent(t + 1 - began, t + 1, t + 1))
        elif events and tracker.is_on and above:
            events[-1] = replace(events[-1], end_s=t + 1)
        is_on[t] = tracker.is_on
    return events, is_on
