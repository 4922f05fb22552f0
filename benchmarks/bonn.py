"""Bonn: seizure segments against the others, three and five classes, cross-validated by segment.

    python benchmarks/bonn.py [DATA] [--folds 5] [--seeds 3] [--compress [TASK ...]] [--work DIR] [--json FILE]

DATA is the folder of the Bonn sets (default: bonn below $ICTUS_DATA). Tasks: ABCD-E, A-E, AB-CD-E, A-B-C-D-E. A
fold's segments neither train nor choose anything. Windows of one segment are never on both sides; segments of one
patient may be, since nobody knows whose they are.
"""

from dataclasses import replace
from pathlib import Path

from ictus.models.eeg_segment_train import SegmentConfig
from ictus.models.eeg_segments import BONN_TASKS, prepare_segments
from ictus.signals.bonn import bonn_recordings
from ictus.signals.datasets import default_data_folder
from segment_runs import run_tables, segment_arguments


def main() -> None:
    """Prepare the segments and print the tables."""
    parser = segment_arguments((__doc__ or "").split("\n")[0])
    parser.add_argument("data", nargs="?", type=Path)
    args = parser.parse_args()
    segments = prepare_segments(bonn_recordings(args.data or default_data_folder() / "bonn"))
    config = SegmentConfig()
    if args.epochs:
        config = replace(config, fit=replace(config.fit, epochs=args.epochs))
    run_tables(segments, BONN_TASKS, config, args)


if __name__ == "__main__":
    main()
