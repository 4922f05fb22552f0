"""What the wearable costs and finds, from executed instructions of whole recordings.

    python benchmarks/wearable.py ds2 [--model FILE] [--form F] [--records 100,103] [--seconds N]
    python benchmarks/wearable.py rhythms [...]
    python benchmarks/wearable.py events [...]

`ds2` runs the 22 test records of MIT-BIH through two firmwares, the cascade and the specialist on every beat, and
compares what inference, and what the system without its front end, takes in each scenario, beside what is found.
`rhythms` gives average power and battery days of five microcontrollers on a normal recording, on fibrillation and
on bigeminy. `events` compares every decision of ten records on the emulated core with `ictus analyze`'s.
Needs $ICTUS_DATA with mitdb. A record of half an hour takes about 15 s on an idle core, for each firmware. With
`--fast` two minutes of the first record are executed on each firmware; of all others the device's own C on this
computer counts how often each part runs, and a run costs what it did there. `--compare` executes everything, does
that as well, and shows how far the two are apart.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from ictus.app.analyze.ecg import analyze
from ictus.app.model_files import load_model
from ictus.app.wearable.firmware import compact_of
from ictus.app.wearable.scenarios import INFERENCE, Quality, beat_quality
from ictus.compression import CompactModel
from ictus.firmware_export import simulate
from ictus.firmware_export.energy.devices import Device, device_table, get_device
from ictus.firmware_export.energy.ranges import Range
from ictus.firmware_export.wearable.energy_timeline import EnergyTimeline
from ictus.firmware_export.wearable.fast_run import simulate_fast
from ictus.firmware_export.wearable.simulate import BeatSimulation
from ictus.signals import DS2, InputError, Recording, find_dataset, load

RHYTHMS = {"normal": "103", "fibrillation": "221", "bigeminy": "200"}
WEARABLES = ("efm32wg", "stm32l4", "stm32u5", "nrf52", "apollo4")
STREAMED = ("raw", "raw-128")
HERE = ("cascade", "block", "store", "phone")
CLASSIFIER = "stm32l4"


@dataclass(frozen=True)
class Runs:
    """One record on both firmwares."""

    recording: Recording
    cascade: BeatSimulation
    always_on: BeatSimulation

    def energy(self, device: Device, name: str) -> EnergyTimeline:
        """Under a scenario."""
        run = self.always_on if name == "always-on" else self.cascade
        return run.energy_timeline(device, name)


def run_one(
    model: CompactModel,
    recording: Recording,
    args: argparse.Namespace,
    use: str,
    first: BeatSimulation | None = None,
) -> BeatSimulation:
    """A record on the firmware of a scenario, executed or counted."""
    if not args.fast:
        return simulate(model, recording, seconds=args.seconds, use=use, form=args.form)
    return simulate_fast(model, recording, seconds=args.seconds, use=use, form=args.form, measured=first)


def run_both(model: CompactModel, args: argparse.Namespace) -> Iterator[Runs]:
    """The records of DS2, one after the other."""
    first: dict[str, BeatSimulation] = {}
    for name in args.records:
        recording = load(find_dataset("mitdb").path(name))
        runs = [run_one(model, recording, args, use, first.get(use)) for use in ("cascade", "always-on")]
        first = first or dict(zip(("cascade", "always-on"), runs, strict=True))
        assert all(run.agrees_with_reference for run in runs), f"{name}: {[run.difference for run in runs]}"
        found = Runs(recording, *runs)
        share = found.cascade.stage_share["specialist"]
        print(
            f"{name}: {found.cascade.n_units} beats, {share:.1%} reach the specialist", file=sys.stderr, flush=True
        )
        yield found


def total(parts: Sequence[Range]) -> Range:
    """Their sum."""
    return sum(parts, Range.exact(0))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """As Markdown."""
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)) + "\n"


def quality_table(runs: Sequence[Runs]) -> str:
    """What both firmwares find, over all beats of all records."""
    rows = []
    for title, pick in (("always-on", "always_on"), ("cascade", "cascade")):
        found = [beat_quality(getattr(run, pick), run.recording) for run in runs]
        by_class = {name: sum((q[name] for q in found if q), Quality(0, 0, 0)) for name in ("N", "S", "V", "F")}
        rows.append([title, *(f"{100 * q.se:.2f} / {100 * q.ppv:.1f}" for q in by_class.values())])
    return table(("decides", *(f"{name} Se / +P %" for name in ("N", "S", "V", "F"))), rows)


def inference_table(runs: Sequence[Runs]) -> str:
    """What gate, screen and specialist take for a beat, and how much less with the cascade."""
    n_beats, rows = sum(run.cascade.n_units for run in runs), []
    for device in map(get_device, device_table().mcu):
        each = {
            name: total([run.energy(device, name).row_uj(*INFERENCE) for run in runs]) * (1 / n_beats)
            for name in ("always-on", "cascade")
        }
        ratio = each["always-on"].typical / each["cascade"].typical
        rows.append([device.name, *(str(value) for value in each.values()), f"{ratio:.2f}"])
    return table(("device", "always-on, uJ a beat", "cascade, uJ a beat", "times less"), rows)


def system_table(runs: Sequence[Runs]) -> str:
    """Mean power without the front end in every scenario, and how much less than streaming."""
    duration_s, rows = sum(run.cascade.duration_s for run in runs), []
    names = (*STREAMED, "always-on", *HERE)
    for device in map(get_device, device_table().mcu):
        uw = {}
        for name in names:
            energies = [run.energy(device, name) for run in runs]
            uw[name] = total([e.without_afe_uw * e.duration_s for e in energies]) * (1 / duration_s)
        best = min(uw[name].typical for name in HERE)
        ratios = [f"{uw[name].typical / best:.1f}" for name in STREAMED]
        rows.append([device.name, *(f"{value.typical:.1f}" for value in uw.values()), *ratios])
    return table(("device", *names, *(f"{name} / best" for name in STREAMED)), rows)


def share_table(runs: Sequence[Runs]) -> str:
    """Where the power of the cheapest scenario, `store`, goes, and what is left for a seventh of streaming."""
    duration_s, rows = sum(run.cascade.duration_s for run in runs), []
    parts = tuple(runs[0].cascade.timeline.parts)
    for device in map(get_device, device_table().mcu):
        energies = [run.energy(device, "store") for run in runs]
        streamed = total([e.without_afe_uw * e.duration_s for e in (run.energy(device, "raw") for run in runs)])
        spent = [
            total([energy.row_uj(*names) for energy in energies]).typical / duration_s
            for names in (parts, INFERENCE, ("fetch", "wake"), ("sleep",), ("radio",))
        ]
        rows.append([device.name, *(f"{uw:.1f}" for uw in (*spent, streamed.typical / duration_s / 7))])
    head = ("device, `store`", "firmware", "of it the networks", "fetching, waking", "sleep", "radio", "raw / 7")
    return table(head, rows)


def beat_table(runs: Sequence[Runs]) -> str:
    """What a beat takes on an STM32L4: classified by both stages, on average, and with all that comes before."""
    device = get_device(CLASSIFIER)
    energies = [run.energy(device, "cascade") for run in runs]
    n_beats = sum(run.cascade.n_units for run in runs)
    n_runs = {name: sum(run.cascade.profile.calls[name] for run in runs) for name in ("screen", "specialist")}

    def of(*names: str) -> Range:
        return total([energy.row_uj(*names) for energy in energies])

    classified = of("screen") * (1 / n_runs["screen"]) + of("specialist") * (1 / n_runs["specialist"])
    parts = list(runs[0].cascade.timeline.parts)
    rows = [
        ("screen and specialist, one run each", classified),
        ("gate, screen, specialist, average beat", of(*INFERENCE) * (1 / n_beats)),
        ("the same with filter and QRS detector", of(*INFERENCE, "filter", "qrs") * (1 / n_beats)),
        ("the whole firmware", of(*parts) * (1 / n_beats)),
        ("the whole core, fetching and wake-ups in", of(*parts, "fetch", "wake") * (1 / n_beats)),
    ]
    return table((f"uJ on {device.name}", "typical (low to high)"), [(name, str(value)) for name, value in rows])


def part_table(runs: Sequence[Runs]) -> str:
    """Instructions of every part: of one run, and for one beat."""
    n_beats = sum(run.cascade.n_units for run in runs)
    parts = runs[0].cascade.timeline.parts
    executed = {name: sum(run.cascade.timeline.by_part[name] for run in runs) for name in parts}
    n_runs = dict(zip(parts, sum(run.cascade.timeline.runs.sum(axis=0) for run in runs), strict=True))
    rows = [(name, f"{executed[name] / n_runs[name]:,.1f}", f"{executed[name] / n_beats:,.0f}") for name in parts]
    return table(("part", "instructions a run", "a beat"), rows)


def compared_table(executed: Sequence[Runs], counted: Sequence[Runs]) -> str:
    """Instructions a beat of every part and power of the system on some devices, executed and counted."""
    rows = []
    for title, pick in (("cascade", "cascade"), ("always-on", "always_on")):
        both = [[getattr(run, pick) for run in runs] for runs in (executed, counted)]
        for part in both[0][0].timeline.parts:
            spent = [sum(run.timeline.by_part[part] for run in found) for found in both]
            rows.append(_compared(title, f"{part}, instructions a beat", both, spent))
        for device in map(get_device, WEARABLES):
            for what, names in (("inference", INFERENCE), ("whole firmware", both[0][0].timeline.parts)):
                energies = [[run.energy_timeline(device).row_uj(*names) for run in found] for found in both]
                spent = [total(found).typical for found in energies]
                rows.append(_compared(title, f"{what} on {device.name}, uJ a beat", both, spent))
    return table(("firmware", "what", "executed", "counted", "counted is off by"), rows)


def _compared(
    title: str, what: str, both: Sequence[Sequence[BeatSimulation]], spent: Sequence[float]
) -> tuple[str, ...]:
    executed, counted = (n / sum(run.n_units for run in found) for n, found in zip(spent, both, strict=True))
    off = 100 * (counted / executed - 1) if executed else 0.0
    return title, what, f"{executed:,.4g}", f"{counted:,.4g}", f"{off:+.2f} %"


def ds2(model: CompactModel, args: argparse.Namespace) -> None:
    """Both firmwares on the test records."""
    runs = list(run_both(model, args))
    beats = np.sum([run.cascade.n_units for run in runs])
    passed = np.sum([run.cascade.run.counts.specialist for run in runs])
    image = runs[0].cascade.image
    print(
        f"{len(runs)} records, {beats} beats, {passed / beats:.1%} reach the specialist; {args.form} code, ",
        end="",
    )
    print(f"{image.flash_bytes} bytes of flash, {image.ram_bytes} of RAM, {image.compiler}\n")
    for part in (quality_table, inference_table, beat_table, system_table, share_table, part_table):
        print(part(runs))
    if args.compare:
        print(compared_table(runs, list(run_both(model, argparse.Namespace(**vars(args) | {"fast": True})))))


def rhythms(model: CompactModel, args: argparse.Namespace) -> None:
    """Average power and battery days on three kinds of recording, sample by sample and in blocks."""
    rows = []
    first = None
    for rhythm, name in RHYTHMS.items():
        run = run_one(model, load(find_dataset("mitdb").path(name)), args, "cascade", first)
        first = first or run
        for device in map(get_device, WEARABLES):
            for scenario in ("cascade", "block"):
                energy = run.energy_timeline(device, scenario)
                power = f"{energy.by_group['mcu'].typical / energy.duration_s:.1f}"
                average, days = energy.average_uw, energy.battery_days
                spread = f"{average.typical:.0f} ({average.low:.0f} to {average.high:.0f})"
                left = f"{days.typical:.0f} ({days.low:.0f} to {days.high:.0f})"
                rows.append((f"{rhythm} ({name})", device.name, scenario, power, spread, left))
    print(table(("recording", "device", "scenario", "core awake uW", "system uW", "days on a CR2032"), rows))


def events(model: CompactModel, args: argparse.Namespace) -> None:
    """Every decision of the emulated core against `ictus analyze`'s."""
    rows = []
    for name in args.records[:10]:
        recording = load(find_dataset("mitdb").path(name))
        device = simulate(model, recording, seconds=args.seconds, form=args.form).run.events
        table_of = analyze(recording, model).table
        n = len(device)
        same = all(
            np.array_equal(mine, theirs[:n])
            for mine, theirs in (
                (device.peak, table_of.peak),
                (device.label, table_of.label),
                (device.reached, table_of.stage),
            )
        )
        rows.append((name, str(n), str(len(table_of) - n), "yes" if same else "NO"))
    print(table(("record", "decided on the device", "owed at the end", "peak, class and stage equal"), rows))


def main() -> None:
    """See the top of this file."""
    parser = argparse.ArgumentParser(description="the wearable on whole recordings")
    parts = {"ds2": ds2, "rhythms": rhythms, "events": events}
    parser.add_argument("part", choices=parts)
    parser.add_argument("--model", default=None, help="compact model; default: the zoo's")
    parser.add_argument("--form", default="packed")
    parser.add_argument("--records", default=DS2, type=lambda text: tuple(text.split(",")))
    parser.add_argument("--seconds", type=float, default=None)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--compare", action="store_true", help="ds2: execute everything, and count it as well")
    args = parser.parse_args()
    if args.fast and args.compare:
        sys.exit("wearable: --compare executes everything, --fast does not")
    try:
        parts[args.part](compact_of(load_model(args.model, "beat")), args)
    except InputError as error:
        sys.exit(f"wearable: {error}")


if __name__ == "__main__":
    main()
