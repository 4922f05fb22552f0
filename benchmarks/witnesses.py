"""Do all forms of a model give the same bytes? Thousands of real windows of each task through every witness.

    python benchmarks/witnesses.py [--tasks beat rhythm seizure] [--forms packed auto small] [--windows 5000]
        [--model FILE]

The integer Python is the reference; the table says for each of the others how many windows it ran and how many
came out with another byte at any exit. Models are the zoo's, or one file. LiteRT is asked once, with the first
form; a model with a stream has no small one. A window is a beat of the test side of MIT-BIH (DS2); a strip of 32 s
of any of its recordings, cut from 0 s and again from 16 s on, so that each overlaps two others; or 4 s of one of
the 18 channels of a CHB-MIT clip. Of all that there are, `--windows` are taken evenly.
"""

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np
from ictus.app.model_files import ZOO
from ictus.app.wearable.firmware import golden_vectors
from ictus.compression import load_compact
from ictus.firmware_export import GoldenVectors, strip_inputs
from ictus.firmware_export.emulator.seizure_run import golden_windows
from ictus.firmware_export.targets import TARGETS
from ictus.firmware_export.witnesses import each_witness
from ictus.models import prepare_record
from ictus.models.seizure_data import FIRST_DECISION_S
from ictus.signals import DS2, find_dataset, gate_features, load, to_device
from ictus.signals.eeg_lead import load_device_eeg
from ictus.signals.eeg_wave import EEG_DEVICE_FS_HZ

BOARDS = [TARGETS[name].board for name in ("cortex-m0plus", "cortex-m4", "cortex-m33", "cortex-m7")]
STRIP_S, STRIP_SAMPLES = 32, 32 * 128


def beats() -> Iterator[GoldenVectors]:
    """All beats of DS2, record by record."""
    mitdb = find_dataset("mitdb")
    for name in DS2:
        record = prepare_record(load(mitdb.path(name)))
        yield golden_vectors(record, len(record.beats))


def strips() -> Iterator[GoldenVectors]:
    """All strips of MIT-BIH, record by record."""
    mitdb = find_dataset("mitdb")
    for name in mitdb.records:
        counts = to_device(load(mitdb.path(name))).counts
        for start in (0, STRIP_SAMPLES // 2):
            cut, gate = strip_inputs(counts[start:]), gate_features(counts[start:])
            n = len(cut)
            yield GoldenVectors(gate[: n * STRIP_S : STRIP_S], cut.wave[:, :, None], cut.features)


def eeg_windows() -> Iterator[GoldenVectors]:
    """All windows of all channels of the clips, clip by clip."""
    chbmit = find_dataset("chbmit")
    for name in chbmit.records:
        counts = load_device_eeg(load(chbmit.path(name)), "double-banana")[0]
        n_seconds, n_channels = len(counts) // EEG_DEVICE_FS_HZ, counts.shape[1]
        yield golden_windows(counts, (n_seconds - FIRST_DECISION_S) * n_channels)


def evenly(golden: GoldenVectors, n: int) -> GoldenVectors:
    """So many of the units, from the first to the last; all if there are no more."""
    n = min(n, len(golden))
    rows = np.arange(n) * len(golden) // n
    return GoldenVectors(golden.features[rows], golden.window[rows], golden.context[rows])


WINDOWS: dict[str, Callable[[], Iterator[GoldenVectors]]] = {
    "beat": beats,
    "rhythm": strips,
    "seizure": eeg_windows,
}


def main() -> None:
    """Print a table of tasks, forms and witnesses."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tasks", nargs="+", default=list(WINDOWS), choices=list(WINDOWS))
    parser.add_argument("--forms", nargs="+", default=["packed"], choices=["packed", "auto", "small"])
    parser.add_argument("--windows", type=int, default=5000)
    parser.add_argument("--model", type=load_compact, metavar="FILE", help="in place of the zoo's models")
    args = parser.parse_args()
    tasks = args.tasks if args.model is None else [args.model.task]
    print("| task | form | witness | windows | with another byte |\n|---|---|---|---|---|", flush=True)
    for task in tasks:
        golden = evenly(GoldenVectors.concatenate(list(WINDOWS[task]())), args.windows)
        model = args.model or load_compact(ZOO / f"{task}.ictus")
        forms = [form for form in args.forms if form != "small" or not model.has_stream]
        for form in forms:
            start_s = time.perf_counter()
            is_first = form == forms[0]
            for w in each_witness(model, golden, boards=BOARDS, form=form, with_litert=is_first):
                print(f"| `{task}` | {form} | {w.name} | {w.n_units:,} | {w.n_different} |", flush=True)
            print(f"<!-- {task}, {form}: {time.perf_counter() - start_s:.0f} s -->", flush=True)


if __name__ == "__main__":
    main()
