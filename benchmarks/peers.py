"""The same trained network by CMSIS-NN, by TensorFlow Lite for Microcontrollers and by this runtime, side by side.

    pip install 'ictus[wearable,tflite]'
    python benchmarks/peers.py [--cmsis-nn DIR] [--tflm DIR --flatbuffers DIR --gemmlowp DIR --ruy DIR]
        [--core cortex-m4] [--compiler zig] [--task beat] [--model FILE] [--dense FILE] [--max-flash BYTES]
        [--units 16] [--work DIR] [--json FILE]

Every program computes screen and specialist of the same real windows, neither left out, on the emulated core, and
holds no gate; its logits must equal the integer reference. Dense programs keep pruned weights as zeros. With
`--dense` they run another model: one with all the channels that were trained, where `--model` has lost some.
Without sources, no row.

    CMSIS-NN, public        arm_convolve_wrapper_s8 and arm_fully_connected_per_channel_s8, as TFLM calls them
    CMSIS-NN, fastest       each layer by the cheapest of these and arm_nn_mat_mult_nt_t_s8, which needs no im2col

Both are built with CMSIS_NN_USE_SINGLE_ROUNDING, a multiplier of 2^30 and shifts of 1 - shift: the same bytes.
Flash is code, constants, model and start-up; RAM is variables and arena, the window not counted. Cycles are
estimated from the classes of the instructions, without flash wait states.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import peers_sources
from ictus.compression import CompactModel, load_compact
from ictus.firmware_export import GoldenVectors, strip_inputs
from ictus.firmware_export.emulator.emulator import EmulatedCore, Profile
from ictus.firmware_export.energy.cycles import cycles_of
from ictus.firmware_export.energy.ranges import Range
from ictus.firmware_export.toolchain import read_image
from ictus.models import prepare_record
from ictus.signals import IctusError, InputError, find_dataset, gate_features, load, to_device
from peers_build import CORES, Compiler, Unit
from peers_network import WAYS, Step, n_macs, steps_of
from peers_sources import Folders

ZOO = Path(__file__).parents[1] / "models/zoo"
ARENA_BYTES = 1 << 20
LAYER_BYTES = 36  # of a dense_layer


@dataclass(frozen=True)
class Row:
    """What a program costs; `agrees` if all its logits are those of the integer reference."""

    name: str
    instructions: float
    cycles: float
    flash_bytes: int
    ram_bytes: int
    stack_bytes: int
    agrees: bool


@dataclass(frozen=True)
class Bench:
    """A network with real inputs, in the form that each of both sides runs, and the compiler for all programs."""

    model: CompactModel
    dense: CompactModel
    golden: GoldenVectors
    compiler: Compiler
    work: Path

    @property
    def n_rows(self) -> int:
        return self.golden.window.shape[1]

    def measure(self, name: str, units: Sequence[Unit], model: CompactModel) -> Row:
        """Build a program and run every unit; `model` is the reference."""
        core = self._core(name, units)
        arena = core.allocate(ARENA_BYTES)
        used = core.call("peers_start", arena, ARENA_BYTES)
        if used == 0xFFFFFFFF:
            raise InputError(f"{name}: the program refuses its model")
        core.reset_stack()
        core.reset_profile()
        agrees = all(np.array_equal(found, expected) for found, expected in self._logits(core, model))
        image, profile = read_image(self._elf(name)), core.profile()
        n = len(self.golden)
        inference = Profile({"inference": profile.by_region["inference"]}, {}, *_transfers(profile))
        cycles = cycles_of(inference, self.compiler.core, Range.exact(0)).typical
        memory = image.flash_bytes, image.ram_bytes + used, profile.stack_bytes
        return Row(name, inference.instructions / n, cycles / n, *memory, agrees)

    def cheapest_ways(self, units: Callable[[Sequence[str]], list[Unit]], public: bool) -> list[str]:
        """For every layer the way of fewest instructions, of those in CMSIS-NN's public interface or of all."""
        steps = steps_of(self.dense, self.n_rows)
        core = self._core("try", [*units(["dense_multiply"] * len(steps)), peers_sources.trial()])
        layers = core.symbol("peers_layers")
        room = core.allocate(ARENA_BYTES)
        rng = np.random.default_rng(0)
        core.write(room, rng.integers(-128, 128, ARENA_BYTES // 2, dtype=np.int8).tobytes())
        ways: list[str] = []
        for number, step in enumerate(steps):
            costs = {}
            for way in _ways(step, public):
                core.reset_profile()
                core.call(
                    "peers_try", layers + LAYER_BYTES * number, room, room + ARENA_BYTES // 2, WAYS.index(way)
                )
                costs[way] = core.profile().instructions
            ways.append(min(costs, key=lambda way: costs[way]))
        return ways

    def _core(self, name: str, units: Sequence[Unit]) -> EmulatedCore:
        elf = self.compiler.link(self._elf(name), units)
        return EmulatedCore(elf, {"inference": "peers_infer"})

    def _elf(self, name: str) -> Path:
        return self.work / f"{name.replace(' ', '_').replace(',', '')}.elf"

    def _logits(self, core: EmulatedCore, model: CompactModel) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Logits of every unit: by the program, and by the integer reference."""
        outputs = self.golden.expected(model)
        expected = np.concatenate([outputs["screen"], outputs["specialist"]], axis=1)
        window, context = (core.allocate(values[0].size) for values in (self.golden.window, self.golden.context))
        out = core.allocate(expected.shape[1])
        for unit in range(len(self.golden)):
            core.write(window, self.golden.window[unit].tobytes())
            core.write(context, self.golden.context[unit].tobytes())
            core.call("peers_infer", window, context, out)
            yield np.frombuffer(core.read(out, expected.shape[1]), np.int8), expected[unit]


def _transfers(profile: Profile) -> tuple[int, int]:
    return profile.branches_taken, profile.extra_transfers


def _ways(step: Step, public: bool) -> list[str]:
    if public:
        return ["dense_connect" if step.out_length == 1 else "dense_convolve"]
    return [way for way in WAYS if way != "dense_connect" or step.out_length == 1]


def rows_of(bench: Bench, folders: Folders, max_flash: int | None) -> Iterator[Row]:
    """Every program for which there are sources."""
    for form in ("unrolled", "packed") if bench.model.has_stream else ("unrolled", "packed", "small"):
        ours = peers_sources.ictus(bench.model, bench.n_rows, bench.work, bench.compiler.core, form)
        yield bench.measure(f"ictus, {form}", ours, bench.model)
    if max_flash is not None:
        ours = peers_sources.ictus(bench.model, bench.n_rows, bench.work, bench.compiler.core, "auto", max_flash)
        yield bench.measure(f"ictus, max-flash {max_flash}", ours, bench.model)
    at = bench.dense, bench.n_rows, bench.work
    yield bench.measure("plain C", peers_sources.plain(*at), bench.dense)
    nn = folders.cmsis_nn
    if nn is not None:
        yield from _cmsis_rows(bench, nn)
    if folders.tflm is not None:
        if nn is not None:
            yield bench.measure("TFLM with CMSIS-NN", peers_sources.tflm(*at, folders, True), bench.dense)
        yield bench.measure("TFLM, reference", peers_sources.tflm(*at, folders, False), bench.dense)


def _cmsis_rows(bench: Bench, folder: Path) -> Iterator[Row]:
    """Through its public functions and by the fewest instructions, for speed and for size."""
    at = bench.dense, bench.n_rows, bench.work, folder
    for how, suffix in (("-O2", ""), ("-Os", ", -Os")):
        for name, public in (("CMSIS-NN, public", True), ("CMSIS-NN, fastest", False)):
            units = partial(peers_sources.cmsis_nn, *at, how=how)
            ways = bench.cheapest_ways(units, public)
            yield bench.measure(name + suffix, units(ways), bench.dense)


def real_inputs(task: str, n: int) -> GoldenVectors:
    """Beats of the built-in record 200, evenly spread, or the first strips of 32 s of record 201."""
    found = find_dataset()
    if task == "beat":
        record = prepare_record(load(found.path("200")))
        beats = record.beats.take(np.arange(n) * len(record.beats) // n)
        return GoldenVectors(record.features[beats.block], beats.window, beats.context)
    counts = to_device(load(found.path("201"))).counts
    strips = strip_inputs(counts)
    n = min(n, len(strips))
    return GoldenVectors(gate_features(counts)[:n], strips.wave[:n, :, None], strips.features[:n])


def table(rows: Sequence[Row]) -> str:
    """As Markdown, with how many times as much as the cheapest row."""
    least = min(row.instructions for row in rows), min(row.flash_bytes for row in rows)
    lines = [
        "| | instructions | x | cycles | flash | x | RAM | stack | same bytes |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        ratios = row.instructions / least[0], row.flash_bytes / least[1]
        lines.append(
            f"| {row.name} | {row.instructions:,.0f} | {ratios[0]:.1f} | {row.cycles:,.0f} | {row.flash_bytes:,} "
            f"| {ratios[1]:.1f} | {row.ram_bytes:,} | {row.stack_bytes:,} | {'yes' if row.agrees else 'NO'} |"
        )
    return "\n".join(lines)


def main() -> None:
    """See the top of this file."""
    args = _arguments()
    try:
        folders = Folders(args.cmsis_nn, args.tflm, args.flatbuffers, args.gemmlowp, args.ruy)
        folders.check()
        model = load_compact(args.model or ZOO / f"{args.task}.ictus")
        compiler = Compiler(args.compiler, args.core, args.work / "objects")
        golden = real_inputs(args.task, args.units)
        dense_model = load_compact(args.dense) if args.dense else model
        bench = Bench(model, dense_model, golden, compiler, args.work / f"{args.task}-{args.core}-{args.compiler}")
        bench.work.mkdir(parents=True, exist_ok=True)
        dense, sparse = n_macs(steps_of(dense_model, bench.n_rows))[0], n_macs(steps_of(model, bench.n_rows))[1]
        print(f"{args.task}, {args.core}, {compiler.title} -O2, mean of {len(golden)} windows")
        print(f"{dense:,} MAC, {sparse:,} with a weight that was not pruned\n")
        rows = list(rows_of(bench, folders, args.max_flash))
    except IctusError as error:
        sys.exit(f"peers: {error}")
    print(table(rows))
    if args.json:
        args.json.write_text(json.dumps([asdict(row) for row in rows], indent=2))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="the same network by others and by ictus")
    for name in ("--cmsis-nn", "--tflm", "--flatbuffers", "--gemmlowp", "--ruy", "--model", "--dense", "--json"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--core", choices=CORES, default=CORES[0])
    parser.add_argument("--compiler", choices=("zig", "gcc"), default="zig")
    parser.add_argument("--task", choices=("beat", "rhythm"), default="beat")
    parser.add_argument("--max-flash", type=int, help="adds a row: the fewest instructions within these bytes")
    parser.add_argument("--units", type=int, default=16)
    parser.add_argument("--work", type=Path, default=Path("out/peers"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
