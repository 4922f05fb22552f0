"""Which maxima of the QRS energy are beats: adaptive levels, T-wave rule, search-back.

- A candidate above the threshold, which lies between the running levels of beats and of noise, is a
  beat, unless it comes soon after a beat and is clearly lower: then it is that beat's T wave.
- While the level of noise is high against that of beats, a candidate is doubted by how busy the
  signal around it is, and must pass the threshold by that much.
- When the next beat is overdue, the best candidate passed over is tried against a lower threshold;
  if there is none, the level of beats sinks, again and again, until something is found.
- The first `LEARN` samples set the levels; their candidates are decided right afterwards, one a sample.

No candidate raises the level of beats by more than a quarter, and without beats the level halves in
1.3 s after the fourth second, so that no artefact blinds for long. Levels, T-wave rule and search-back
follow Pan & Tompkins, IEEE TBME 32(3), 1985, and Hamilton, Computers in Cardiology 2002; the constants
were chosen on DS1 of MIT-BIH and on its Supraventricular database.
"""

from dataclasses import dataclass, replace

__all__ = ["HOLD", "MAX_WAIT", "Candidate", "decide"]

HOLD = 30  # samples; 234 ms that a maximum must stay the largest
MAX_WAIT = 173  # samples; 1.35 s after which a candidate is no longer announced
LEARN = 160  # samples; 1.25 s that set the levels
FLOOR = 200  # energy of a QRS of about 0.1 mV
T_WAVE_WITHIN = 41  # samples; 320 ms
FIRST_RR = 128  # samples; 60 beats a minute, before anything is known
LONGEST_RR = 320  # samples; 2.5 s, a longer interval is a pause and not the rhythm
RETRY = 32  # samples between two searches back
STALE = 150  # samples; 1.17 s after which a candidate passed over is forgotten
LOST = 512  # samples; 4 s without a beat, from which on the level sinks faster
_NEVER = -(1 << 30)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A maximum of the energy at sample `at`, known `HOLD` + 1 samples later.

    `height` is its energy after the busyness around it was allowed for, `surround` the energy around it.
    """

    at: int
    height: int
    surround: int


@dataclass(slots=True)
class _Levels:
    """What the detector has learnt, all integers."""

    beat: int
    noise: int
    last_at: int = _NEVER
    last_height: int = 0
    rr: int = FIRST_RR

    def threshold(self) -> int:
        """7/16 of the way from noise to beats."""
        return max(FLOOR, self.noise + ((self.beat - self.noise) * 7 >> 4))

    def doubt(self, c: Candidate) -> int:
        return c.surround >> 1 if self.noise * 4 > self.beat else 0

    def is_t_wave(self, c: Candidate) -> bool:
        return c.at - self.last_at < T_WAVE_WITHIN and c.height * 16 < self.last_height * 11

    def learn_noise(self, height: int) -> None:
        self.noise += (min(height, self.beat) - self.noise) >> 2

    def learn_beat(self, c: Candidate, shift: int) -> None:
        step = (min(c.height, 2 * self.beat) - self.beat) >> shift
        self.beat = max(FLOOR, self.beat + step)
        rr = c.at - self.last_at
        if rr < LONGEST_RR:
            self.rr += (rr - self.rr) >> 3
        self.last_at, self.last_height = c.at, c.height

    def sink(self, time: int) -> None:
        shift = 5 if time - self.last_at < LOST else 3
        self.beat = max(FLOOR, self.beat - (self.beat >> shift))

    def overdue_at(self) -> int:
        return self.last_at + (self.rr * 13 >> 3)


class _Decider:
    """Goes through candidates and deadlines in the order of time."""

    def __init__(self, candidates: list[Candidate]) -> None:
        early = [c.height for c in candidates if c.at + HOLD < LEARN]
        beat = max(FLOOR, max(early, default=0) * 3 >> 2)
        self._levels = _Levels(beat=beat, noise=beat >> 3)
        self._deadline = LEARN + RETRY
        self._passed_over: Candidate | None = None
        self._candidates = candidates
        self.at: list[int] = []
        self.reported: list[int] = []

    def run(self, n_samples: int) -> None:
        time = LEARN - 1
        for candidate in self._candidates:
            due = max(candidate.at + HOLD + 1, time + 1)
            self._wait(time, min(due, n_samples))
            if due >= n_samples:
                return
            self._offer(candidate, due)
            time = due
        self._wait(time, n_samples)

    def _wait(self, time: int, until: int) -> None:
        """Nothing new after `time` and before `until`: meet the deadlines in between."""
        while (time := max(self._deadline, time + 1)) < until:
            self._search_back(time)

    def _offer(self, c: Candidate, time: int) -> None:
        levels = self._levels
        doubt, t_wave = levels.doubt(c), levels.is_t_wave(c)
        if c.height - doubt > levels.threshold() and not t_wave:
            self._accept(c, time, 3)
            return
        levels.learn_noise(c.height)
        rank = c.height - (doubt >> 1)
        best = self._passed_over.height if self._passed_over else 0
        if rank > best and not t_wave:
            self._passed_over = replace(c, height=rank)

    def _search_back(self, time: int) -> None:
        c, levels = self._passed_over, self._levels
        if c and c.height * 16 > levels.threshold() * 9 and time - c.at <= MAX_WAIT:
            self._accept(c, time, 2)
            return
        if c and time - c.at >= STALE:
            self._passed_over = None
        levels.sink(time)
        self._deadline = time + RETRY

    def _accept(self, c: Candidate, time: int, shift: int) -> None:
        self._levels.learn_beat(c, shift)
        self._deadline = self._levels.overdue_at()
        self._passed_over = None
        self.at.append(c.at)
        self.reported.append(time)


def decide(candidates: list[Candidate], n_samples: int) -> tuple[list[int], list[int]]:
    """Positions of the candidates that are beats, and the sample at which each is announced.

    Parameters
    ----------
    candidates : ascending, more than `HOLD` samples apart, each known before `n_samples`
    """
    decider = _Decider(candidates)
    decider.run(n_samples)
    return decider.at, decider.reported
