"""What a flipped bit of the model's flash does until the self-check finds it: nothing, other decisions, or worse.

    python benchmarks/bit_flips.py --bits 1000

Each bit is flipped alone, after 20 s of a real recording on the emulated core; the next seconds are compared with
those of the whole model. A call that leaves the device's memory, or does not end, is what a watchdog would have to
catch. That CRC-32 finds every single bit within two passes is a law, tested in ``tests/test_guard.py``.
"""

import argparse
from collections import Counter

import numpy as np
from ictus.app.model_files import load_model
from ictus.compression.compact import CompactModel
from ictus.firmware_export.emulator.emulator import DeviceFaultError, EmulatedCore
from ictus.firmware_export.faults import inject
from ictus.firmware_export.faults.guarded import Feed, flip_bit, start_feed
from ictus.firmware_export.faults.outcome import GuardedFirmware
from ictus.signals import DEVICE_FS_HZ, SAMPLE_FOLDER, load, to_device

RAM, RAM_BYTES = 0x20000000, 32768
WARM_S, AFTER_S = 20, 4


def push(feed: Feed, counts: np.ndarray, first_s: int, n_seconds: int) -> list[list[int]]:
    """Feed whole seconds; what was decided, in words."""
    events = []
    for second in range(first_s, first_s + n_seconds):
        place = slice(second * DEVICE_FS_HZ, (second + 1) * DEVICE_FS_HZ)
        tick = np.arange(place.start, place.stop, dtype=np.uint32)
        events += feed.push(counts[place], tick, 32).tolist()
    return sorted(events)


def what_happens(core: EmulatedCore, feed: Feed, counts: np.ndarray, bit: int, expected: list[list[int]]) -> str:
    """In a word, with one bit flipped."""
    flip_bit(core, bit)
    try:
        found = push(feed, counts, WARM_S, AFTER_S)
    except DeviceFaultError as error:
        return "does not end" if "still running" in str(error) else "leaves memory"
    finally:
        flip_bit(core, bit)
    if found == expected:
        return "nothing"
    same_class = [row[:3] for row in found] == [row[:3] for row in expected]
    return "other logits" if same_class else "other decisions"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bits", type=int, default=1000, help="drawn from the model's; default: %(default)s")
    parser.add_argument("--record", default=str(SAMPLE_FOLDER / "mitdb" / "200"))
    given = parser.parse_args()
    model = load_model(None, "beat").model
    assert isinstance(model, CompactModel)
    counts = to_device(load(given.record)).counts
    with GuardedFirmware(model) as firmware:
        core, n_bits = firmware.core, 8 * firmware.model_bytes
        feed = start_feed(core, inject(counts, ()), 256, 0)
        push(feed, counts, 0, WARM_S)
        warm = core.read(RAM, RAM_BYTES)
        expected = push(feed, counts, WARM_S, AFTER_S)
        core.limit_s = 30.0
        seen: Counter[str] = Counter()
        for bit in np.random.default_rng(0).choice(n_bits, min(given.bits, n_bits), replace=False).tolist():
            core.write(RAM, warm)
            seen[what_happens(core, feed, counts, bit, expected)] += 1
    print(f"{sum(seen.values())} of {n_bits} bits, {len(expected)} beats each")
    for name, n in seen.most_common():
        print(f"{name:16s} {n:6d} {100 * n / sum(seen.values()):6.1f} %")


if __name__ == "__main__":
    main()
