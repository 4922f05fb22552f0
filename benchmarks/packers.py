"""What each packer makes of compact models, and every byte of their two forms: the table of docs/compression.md.

    python benchmarks/packers.py [MODEL.ictus ...]        # the zoo's models if none is named
    python benchmarks/packers.py --device [MODEL ...]     # and what unpacking costs on the emulated Cortex-M4

A packer's row has the bytes of all weights (codes, index and tables), were it the only one, and bits for each
weight that is left; "entropy" is what an ideal coder takes that knows how often a layer has each code.
"""

import argparse
from pathlib import Path

import numpy as np
from ictus.app.model_files import TASKS, ZOO
from ictus.compression import CompactModel, byte_count, load_compact, stored_byte_count, to_stored
from ictus.compression.channel_order import order_channels
from ictus.compression.storage import packed_sizes


def entropy_bytes(model: CompactModel) -> float:
    """Bytes of all weights at the entropy of each layer's codes, pruned ones included."""
    bits = 0.0
    for layer in (layer for stage in model.stages for layer in stage.layers):
        counts = np.bincount(layer.codes.ravel())
        shares = counts[counts > 0] / layer.codes.size
        bits -= layer.codes.size * float((shares * np.log2(shares)).sum())
    return bits / 8


def column(model: CompactModel) -> dict[str, str]:
    """Row -> cell of one model: bytes, and bits for each weight that is left."""
    n_weights = sum(layer.n_weights for stage in model.stages for layer in stage.layers)
    sizes = packed_sizes(model) | {"entropy": entropy_bytes(model)}
    packed = {name: f"{n:,.0f} ({8 * n / n_weights:.2f})" for name, n in sizes.items()}
    device, stored = byte_count(model), stored_byte_count(model)
    rows = {"weights that are left": f"{n_weights:,}", **packed, "device form": f"{device.total:,}"}
    rows |= {f"device form: {name}": f"{n:,}" for name, n in vars(device).items()}
    rows |= {"stored form": f"{stored.total:,} ({8 * stored.total / n_weights:.2f})"}
    rows |= {f"stored form: {name}": f"{n:,}" for name, n in vars(stored).items()}
    return rows | {"stored form, channels in order": f"{len(to_stored(order_channels(model))):,}"}


def on_device(model: CompactModel) -> dict[str, str]:
    """Row -> cell of what unpacking costs on the emulated Cortex-M4; `MissingToolError` without its tools."""
    from ictus.firmware_export.unpacking import measure_unpacking

    cost = vars(measure_unpacking(model))
    names = "decoder_bytes", "scratch_bytes", "stack_bytes", "instructions"
    return {f"unpacking: {name.replace('_', ' ')}": f"{cost[name]:,}" for name in names}


def main() -> None:
    """Print the table, as Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", nargs="*", type=Path, default=[ZOO / f"{task}.ictus" for task in TASKS])
    parser.add_argument("--device", action="store_true", help="unpack on the emulated Cortex-M4 too")
    options = parser.parse_args()
    models = [load_compact(path) for path in options.models]
    columns = [column(model) | (on_device(model) if options.device else {}) for model in models]
    print("| | " + " | ".join(path.stem for path in options.models) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for name in columns[0]:
        print(f"| {name} | " + " | ".join(each[name] for each in columns) + " |")


if __name__ == "__main__":
    main()
