"""What a wearable pays for one of each thing that it does: energies are counts times these prices.

The price of an instruction is cycles of its class x uA/MHz x V of a named microcontroller, from a table with a
source for every figure. Energies of arithmetic alone, such as a multiplier's at 45 nm, appear nowhere here: what a
core spends on fetching, decoding and moving data is about 10,000 times as much.
"""

from dataclasses import dataclass

import numpy as np

from ..emulator.instructions import COSTS
from .cycles import cycles_per
from .devices import Device
from .ranges import Range

__all__ = ["Prices", "ranged"]

_PJ_PER_UJ = 1e6


def ranged(value: Range) -> np.ndarray:
    """Low, typical and high, float64 (3,)."""
    return np.array([value.low, value.typical, value.high])


@dataclass(frozen=True)
class Prices:
    """Of one wearable.

    Attributes
    ----------
    cycles : float64 (3, len(COSTS)), low, typical and high cycles of one of each of `COSTS`
    cycle_uj : a cycle of the core
    cycle_s : how long it takes
    wake_uj, wake_s : a wake-up
    byte_uj, packet_uj, frame_uj, advert_uj : of the radio, see `devices.Radio`
    sleep_uw : the core asleep, memory kept
    afe_uw : the front end
    """

    cycles: np.ndarray
    cycle_uj: Range
    cycle_s: float
    wake_uj: Range
    wake_s: Range
    byte_uj: Range
    packet_uj: Range
    frame_uj: Range
    advert_uj: Range
    sleep_uw: Range
    afe_uw: Range

    @classmethod
    def of(cls, device: Device) -> "Prices":
        """From the figures of the device table; 1 uA/MHz is 1 pC a cycle."""
        mcu, radio = device.mcu, device.radio
        cycles = cycles_per(mcu.core, mcu.wait_states)
        return cls(
            np.stack([ranged(cycles[name]) for name in COSTS], axis=1),
            mcu.active_ua_per_mhz.value * (mcu.supply_v / _PJ_PER_UJ),
            1e-6 / mcu.clock_mhz,
            mcu.wakeup_uj.value,
            mcu.wakeup_us.value * 1e-6,
            radio.byte_uj.value,
            radio.packet_uj.value,
            radio.frame_uj.value,
            radio.advert_uj.value,
            mcu.sleep_ua.value * mcu.supply_v,
            device.afe.power_uw.value,
        )
