"""Builds of the guarded firmware, and its queue as Python sees it."""

from dataclasses import dataclass

from ictus.firmware_export.emulator.machine import Machine

N_URGENCIES = 4
_QUEUE_BYTES, _SLOT_BYTES = 256, 16


@dataclass
class Queue:
    """An `ictus_queue` in a machine's memory."""

    machine: Machine
    address: int
    event: int

    @classmethod
    def of(cls, machine: Machine, n_slots: int) -> "Queue":
        """A queue of so many slots; AssertionError if it is refused."""
        machine.free_all()
        address = machine.allocate(_QUEUE_BYTES)
        slots = machine.allocate(_SLOT_BYTES * n_slots)
        assert machine.call("ictus_queue_init", address, slots, n_slots) == 0
        return cls(machine, address, machine.allocate(16))

    def put(self, peak: int, urgency: int) -> None:
        self.machine.write(self.event, event_bytes(peak, urgency))
        self.machine.call("ictus_queue_put", self.address, self.event, urgency)

    def take(self) -> int | None:
        if not self.machine.call("ictus_queue_take", self.address, self.event):
            return None
        return int.from_bytes(self.machine.read(self.event, 4), "little")

    def lost(self) -> int:
        return self.machine.call("ictus_queue_lost", self.address)


def event_bytes(peak: int, urgency: int) -> bytes:
    """An `ictus_event` of that urgency: gated, normal, supraventricular or ventricular."""
    label = {0: 0, 1: -1, 2: 1, 3: 2}[urgency]
    return peak.to_bytes(4, "little") + bytes([2, label & 0xFF, 7]) + bytes(9)


class ModelQueue:
    """What the queue promises, in the plainest way."""

    def __init__(self, n_slots: int) -> None:
        self.n_slots = n_slots
        self.waiting: list[tuple[int, int]] = []  # urgency, peak, in the order of coming
        self.lost: list[tuple[int, int]] = []

    def put(self, peak: int, urgency: int) -> None:
        self.waiting.append((urgency, peak))
        if len(self.waiting) > self.n_slots:
            least = min(urgency for urgency, _ in self.waiting)
            self.lost.append(next(event for event in self.waiting if event[0] == least))
            self.waiting.remove(self.lost[-1])

    def take(self) -> int | None:
        if not self.waiting:
            return None
        most = max(urgency for urgency, _ in self.waiting)
        event = next(event for event in self.waiting if event[0] == most)
        self.waiting.remove(event)
        return event[1]
