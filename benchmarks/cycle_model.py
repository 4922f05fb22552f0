"""The cycle and energy model against figures that others have measured on real cores.

    python benchmarks/cycle_model.py

Two dense int8 layers, plain C and dual multiplications as optimised libraries have them, are built, checked and
counted on the emulated Cortex-M4; the tables of cycles and devices turn the counts into cycles and nJ for one
multiply-accumulate, which stand beside published measurements of whole networks. Nothing in the tables was fitted
to these.
"""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from ictus.firmware_export.emulator.emulator import EmulatedCore, Profile
from ictus.firmware_export.energy.cycles import cycles_of
from ictus.firmware_export.energy.devices import get_device
from ictus.firmware_export.energy.ranges import Range
from ictus.firmware_export.targets import get_target
from ictus.firmware_export.toolchain import DEVICE_DIRECTORY, compiler, device_flags

SOURCE = Path(__file__).with_name("kernels") / "dense.c"
N_OUT, N_IN = 32, 288
KERNELS = {"plain C": "dense_plain", "dual multiplications": "dense_pairs"}


@dataclass(frozen=True)
class Measured:
    """A published measurement: unit is cycles or nJ for one multiply-accumulate."""

    kernel: str
    device: str
    clock_mhz: float | None
    unit: str
    value: float
    source: str


MEASURED = (
    Measured("dual multiplications", "stm32l4", 80, "nJ", 2.3,
             "STM32L475, a network by an optimised library (project references)"),
    Measured("dual multiplications", "stm32h7", 216, "cycles", 216e6 * 0.0991 / (24.7e6 / 2),
             "CMSIS-NN, arXiv 1801.06601, from memory: 24.7 million operations in 99.1 ms, a Cortex-M7"),
    Measured("dual multiplications", "stm32h7", 480, "cycles", 480e6 * 0.053 / 6.0e6,
             "TinyEngine's table: CMSIS-NN 53 ms on STM32H743; 6.0 million MAC are quoted from memory"),
    Measured("dual multiplications", "stm32h7", 480, "cycles", 480e6 * 0.027 / 6.0e6,
             "TinyEngine's table: TinyEngine 27 ms, the same network"),
    Measured("plain C", "stm32h7", 480, "cycles", 480e6 * 0.587 / 6.0e6,
             "TinyEngine's table: TFLM's reference kernels 587 ms, the same network"),
)  # fmt: skip


def count(folder: Path) -> dict[str, Profile]:
    """Build, check and count both kernels."""
    compiler()
    elf = folder / "dense.elf"
    script = ("-T", str(DEVICE_DIRECTORY / "cortex_m.ld"), "-Wl,--entry=ictus_reset")
    sources = (str(DEVICE_DIRECTORY / "start.c"), str(SOURCE))
    flags = device_flags(get_target("cortex-m4"))
    command = [sys.executable, "-m", "ziglang", "cc", *flags, *script, *sources, "-o", str(elf)]
    subprocess.run(command, check=True)
    core = EmulatedCore(elf, KERNELS)
    return {name: _counted(core, symbol) for name, symbol in KERNELS.items()}


def _counted(core: EmulatedCore, symbol: str) -> Profile:
    rng = np.random.default_rng(0)
    x, w = (rng.integers(-128, 128, shape, dtype=np.int8) for shape in (N_IN, (N_OUT, N_IN)))
    addresses = [core.allocate(values.nbytes) for values in (x, w)]
    for address, values in zip(addresses, (x, w), strict=True):
        core.write(address, values.tobytes())
    out = core.allocate(4 * N_OUT)
    core.reset_profile()
    core.call(symbol, *addresses, out, N_OUT, N_IN)
    expected = w.astype(np.int32) @ x.astype(np.int32)
    assert core.read(out, 4 * N_OUT) == expected.astype("<i4").tobytes(), f"{symbol} computes something else"
    return core.profile()


def modelled(profile: Profile, measured: Measured) -> Range:
    """What the tables give for one multiply-accumulate."""
    mcu = get_device(measured.device).mcu
    mcu = mcu.at(measured.clock_mhz or mcu.clock_mhz)
    cycles = cycles_of(profile, mcu.core, mcu.wait_states) * (1 / (N_OUT * N_IN))
    nj = cycles * mcu.active_ua_per_mhz.value * (mcu.supply_v * 1e-3)
    return nj if measured.unit == "nJ" else cycles


def _lines(profiles: dict[str, Profile]) -> Sequence[str]:
    yield_of = {name: p.instructions / (N_OUT * N_IN) for name, p in profiles.items()}
    lines = [
        f"{name}: {per_mac:.2f} instructions for one multiply-accumulate" for name, per_mac in yield_of.items()
    ]
    lines += ["", "| kernel | device | unit | the tables | measured | within | source of the measurement |"]
    lines += ["|" + "---|" * 7]
    for row in MEASURED:
        found = modelled(profiles[row.kernel], row)
        within = "yes" if found.low <= row.value <= found.high else "no"
        clock = f"{row.device} at {row.clock_mhz:g} MHz"
        lines.append(
            f"| {row.kernel} | {clock} | {row.unit} | {found} | {row.value:.2f} | {within} | {row.source} |"
        )
    return lines


def main() -> None:
    """See the top of this file."""
    with TemporaryDirectory() as folder:
        print("\n".join(_lines(count(Path(folder)))))


if __name__ == "__main__":
    main()
