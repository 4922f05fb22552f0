"""Delhi (Hauz Khas): ictal segments against the rest, and all three states, cross-validated by segment.

    python benchmarks/delhi.py [DATA] [--folds 5] [--seeds 3] [--compress [TASK ...]] [--work DIR] [--json FILE]

DATA is the folder of the Delhi sets (default: delhi below $ICTUS_DATA). Tasks: ictal, states. A segment lasts
5.12 s and is one window of 4.5 s. Segments of one patient may be on both sides, since nobody knows whose they are.
"""

from dataclasses import replace
from pathlib import Path

from ictus.models.eeg_segment_train import DELHI_CONFIG
from ictus.models.eeg_segments import DELHI_TASKS, prepare_segments
from ictus.signals.datasets import default_data_folder
from ictus.signals.delhi import delhi_recordings
from segment_runs import run_tables, segment_arguments


def main() -> None:
    """Prepare the segments and print the tables."""
    parser = segment_arguments((__doc__ or "").split("\n")[0])
    parser.add_argument("data", nargs="?", type=Path)
    args = parser.parse_args()
    segments = prepare_segments(delhi_recordings(args.data or default_data_folder() / "delhi"))
    config = DELHI_CONFIG
    if args.epochs:
        config = replace(config, fit=replace(config.fit, epochs=args.epochs))
    run_tables(segments, DELHI_TASKS, config, args)


if __name__ == "__main__":
    main()
