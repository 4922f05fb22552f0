"""Bonn: seizure segments against the others, three and five classes, cross-validated by segment.

    python benchmarks/bonn.py [DATA] [--folds 5] [--seeds 3] [--compress [TASK ...]] [--band BAND] [--work DIR]
                              [--json FILE]

DATA is the folder of the Bonn sets (default: bonn below $ICTUS_DATA). Tasks: ABCD-E, A-E, AB-CD-E, A-B-C-D-E. The
band is 0.5 to 42 Hz, or with ``--band wearable`` the wearable's 0.5 to 28 Hz. A fold's segments neither train nor
choose anything. Windows of one segment are never on both sides; segments of one patient may be, since nobody
knows whose they are.
"""

from dataclasses import replace
from pathlib import Path

from ictus.models.eeg_segment_train import SegmentConfig
from ictus.models.eeg_segments import BONN_TASKS, prepare_segments
from ictus.signals.bonn import bonn_recordings
from ictus.signals.datasets import default_data_folder
from ictus.signals.eeg_wave import WEARABLE_BAND, WIDE_BAND
from segment_runs import run_tables, segment_arguments

BANDS = {"wide": WIDE_BAND, "wearable": WEARABLE_BAND}


def main() -> None:
    """Prepare the segments and print the tables."""
    parser = segment_arguments((__doc__ or "").split("\n")[0])
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--band", choices=BANDS, default="wide")
    args = parser.parse_args()
    recordings = bonn_recordings(args.data or default_data_folder() / "bonn")
    segments = prepare_segments(recordings, BANDS[args.band])
    config = SegmentConfig()
    if args.epochs:
        config = replace(config, fit=replace(config.fit, epochs=args.epochs))
    run_tables(segments, BONN_TASKS, config, args)


if __name__ == "__main__":
    main()
