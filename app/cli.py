"""The ``ictus`` command line: arguments, exit status and the one line that says what is wrong."""

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

__all__ = ["build_parser", "main"]

EXIT_DONE, EXIT_BAD_INPUT, EXIT_INTERRUPTED, EXIT_BROKEN_PIPE = 0, 2, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : arguments without the program's name; ``sys.argv[1:]`` if None

    Returns
    -------
    Exit status: 0 done, 1 internal error, 2 bad arguments or bad input, 130 interrupted, 141 nobody reads on.
    """
    args = None
    try:
        args = build_parser().parse_args(argv)
        args.typed = list(sys.argv[1:] if argv is None else argv)
        _run(args)
        sys.stdout.flush()
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else EXIT_DONE
    except KeyboardInterrupt:
        return _say("interrupted", EXIT_INTERRUPTED)
    except BrokenPipeError:
        _write_no_more()
        return EXIT_BROKEN_PIPE
    except Exception as error:
        _flush_or_leave()
        return _explain(error, bool(os.environ.get("ICTUS_DEBUG")) or bool(args and args.traceback))
    return EXIT_DONE


def _run(args: argparse.Namespace) -> None:
    from . import commands

    commands.COMMANDS[args.command](args)


def _explain(error: Exception, with_traceback: bool) -> int:
    from .exit_status import exit_status

    if with_traceback:
        traceback.print_exception(error, file=sys.stderr)
    status, line = exit_status(error)
    return _say(line, status)


def _flush_or_leave() -> None:
    """Standard output may lie on a full disk: what it still holds must not be tried again when Python leaves."""
    try:
        sys.stdout.flush()
    except OSError:
        _write_no_more()


def _write_no_more() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(line: str, status: int) -> int:
    print(f"ictus: {line}", file=sys.stderr)
    return status


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_BAD_INPUT, f"ictus: {message} (see `{self.prog} --help`)\n")


class _Version(argparse.Action):
    """Prints the version, which is looked up only when asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        from importlib.metadata import version

        print(f"ictus {version('ictus')}")
        parser.exit()


def build_parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    parser = _Parser(
        prog="ictus",
        description="From a raw ECG or EEG recording to a decision that a coin-cell wearable can make.",
        epilog="Research use only. Not a medical device; not for diagnosis or treatment.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and leave")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (
        _add_run,
        _add_data,
        _add_analyze,
        _add_train,
        _add_evaluate,
        _add_compress,
        _add_export,
        _add_simulate,
        _add_app,
        _add_runs,
        _add_doctor,
    ):
        add(commands)
    return parser


_Commands = argparse._SubParsersAction  # pyright: ignore[reportPrivateUsage] - argparse gives it no public name


def _command(commands: _Commands, name: str, summary: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON; - for standard output")
    parser.add_argument("--traceback", action="store_true", help="show where an error came from")
    return parser


def _add_task(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--task", default="beat", help="beat, rhythm or seizure; default: %(default)s")


def _add_peaks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--peaks", choices=("detected", "reference"), help="of beat; default: detected")


def _add_extra(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--extra",
        action="append",
        default=[],
        metavar="DIR|NAME",
        help="further labelled data set of the training side (beat, seizure); repeatable",
    )


def _add_montage(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--montage", metavar="M", help="of seizure: see `ictus analyze`; default: double-banana")


def _count(text: str) -> int:
    """A whole number from 1 on."""
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def _add_data_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", metavar="DIR|NAME", help="folder of recordings or name of a data set; default: built-in sample"
    )


def _add_workers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--jobs", type=_count, metavar="N", help="of a batch: processes; default: one per core")
    parser.add_argument("--dask", metavar="ADDRESS", help="of a batch: scheduler of a Dask cluster to use instead")


def _add_compact_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="compact model; beat takes the one that comes along")


def _add_run(commands: _Commands) -> None:
    parser = _command(commands, "run", "train, compress, build, emulate and report, all the way from raw records")
    _add_task(parser)
    _add_data_option(parser)
    parser.add_argument("--out", metavar="DIR", default="ictus-report", help="default: %(default)s")
    parser.add_argument("--quick", action="store_true", help="fewer epochs and windows, to see that it works")


def _add_data(commands: _Commands) -> None:
    parser = _command(commands, "data", "list, fetch or verify the public data sets")
    parser.add_argument("action", choices=("list", "fetch", "verify"))
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="data set to fetch or verify, see `ictus data list`"
    )
    parser.add_argument(
        "--data", metavar="DIR", help="root folder; default: $ICTUS_DATA or the user's data folder"
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="PATTERN",
        help="files to take, for instance '10*'; repeatable",
    )


def _add_analyze(commands: _Commands) -> None:
    parser = _command(commands, "analyze", "find the beats and events of recordings")
    parser.add_argument(
        "record",
        metavar="RECORD",
        nargs="+",
        help="WFDB record, .edf or .csv file; several, folders, or the name of a data set make a batch",
    )
    _add_task(parser)
    parser.add_argument("--model", metavar="MODEL", help="default: the compact model that comes along")
    parser.add_argument(
        "--channel", metavar="LEAD", help="name of the lead; default: MLII, else II, else the first"
    )
    parser.add_argument(
        "--montage",
        metavar="M",
        help="of seizure: double-banana, temporal-4, temporal-2, as-recorded, or channels like F7-T7,T7-P7; "
        "default: the first of these of which the recording holds half",
    )
    parser.add_argument("--fs", type=float, metavar="HZ", help="sampling rate of a CSV file that states none")
    parser.add_argument(
        "--out", metavar="DIR", help="default: the current folder; a batch needs one, and resumes from it"
    )
    _add_workers(parser)


def _add_train(commands: _Commands) -> None:
    parser = _command(commands, "train", "train the float network of a task")
    parser.add_argument("task", metavar="TASK")
    _add_data_option(parser)
    parser.add_argument(
        "--split",
        metavar="S",
        help="beat: inter (default) or intra; rhythm: all (default) or fold0 to fold4; seizure: all (default) or "
        "without-SUBJECT",
    )
    _add_extra(parser)
    _add_montage(parser)
    _add_peaks(parser)
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument(
        "--seeds",
        type=_count,
        metavar="N",
        help="train N models, from --seed on, into MODEL-seedK files, and print the spread of their figures",
    )
    parser.add_argument("--out", metavar="MODEL", help="default: TASK.safetensors")


def _add_evaluate(commands: _Commands) -> None:
    parser = _command(commands, "evaluate", "score a model on the test side of a split")
    parser.add_argument("task", metavar="TASK")
    parser.add_argument(
        "--model",
        nargs="+",
        metavar="MODEL",
        help="default: the compact model that comes along; of several, the spread of their figures is told",
    )
    _add_data_option(parser)
    parser.add_argument(
        "--split",
        metavar="S",
        help="inter, intra, cv, external or all; seizure: loso, subject, external or all; default: inter for "
        "beat, cv for rhythm, loso for seizure",
    )
    parser.add_argument(
        "--negatives", metavar="DIR", help="of seizure: folder of seizure-free EEG, to count false alarms on"
    )
    _add_montage(parser)
    _add_extra(parser)
    _add_peaks(parser)
    parser.add_argument("--folds", type=_count, metavar="K", help="of --split cv; default: 5")
    parser.add_argument("--recipe", metavar="R", help="of --split cv of rhythm: compress every fold's model, too")
    parser.add_argument("--seeds", type=_count, metavar="N", help="of --split cv: repeat it N times; default: 1")
    parser.add_argument(
        "--out", metavar="DIR", help="write report, tables and WFDB annotations, and resume from it"
    )
    _add_workers(parser)


def _add_compress(commands: _Commands) -> None:
    parser = _command(commands, "compress", "prune and log-quantise a trained model")
    parser.add_argument(
        "model", metavar="MODEL", help="file from `ictus train`, or a task for the float model that comes along"
    )
    parser.add_argument("--describe", action="store_true", help="describe the compact model that comes along")
    _add_data_option(parser)
    _add_extra(parser)
    parser.add_argument("--recipe", metavar="R", help="name or .toml file; default: default")
    parser.add_argument(
        "--sweep", action="store_true", help="try a grid of settings and all baselines on held-out training data"
    )
    parser.add_argument("--grid", metavar="FILE", help="of --sweep: TOML; default: sparsity times bits")
    parser.add_argument(
        "--max-loss",
        type=float,
        metavar="POINTS",
        help="of accuracy; without --sweep, searches for the smallest model that loses no more",
    )
    parser.add_argument("--max-bytes", type=float, metavar="N", help="of the chosen model on the device")
    parser.add_argument("--max-energy", type=float, metavar="UJ", help="of a decision, inference alone")
    parser.add_argument(
        "--weights", metavar="W", help="of --sweep's quality; default: accuracy=2,bytes=0.5,instructions=0"
    )
    parser.add_argument("--jobs", type=_count, default=2, metavar="N", help="trials at a time; default: 2")
    parser.add_argument("--out", metavar="PATH", help="model, or folder of --sweep; default: beside MODEL")


def _add_export(commands: _Commands) -> None:
    parser = _command(commands, "export", "write a compact model as C99 source or .tflite")
    _add_compact_model(parser)
    parser.add_argument("--format", choices=("c", "tflite"), required=True)
    parser.add_argument("--target", default="cortex-m4", help="core of the device; default: %(default)s")
    parser.add_argument(
        "--form",
        choices=("packed", "unrolled", "small", "auto"),
        help="weights as data or as instructions; default: packed",
    )
    parser.add_argument("--max-flash", type=_count, metavar="BYTES", help="for the model, whatever its form")
    parser.add_argument("--out", metavar="DIR", required=True)


def _add_simulate(commands: _Commands) -> None:
    parser = _command(commands, "simulate", "run a recording through the emulated wearable")
    _add_compact_model(parser)
    parser.add_argument("record", metavar="RECORD")
    parser.add_argument("--device", metavar="NAME", help="default: that of the device table")
    parser.add_argument(
        "--scenario", metavar="S", help="always-on, cascade, block, store, phone, raw-128 or raw; default: cascade"
    )
    parser.add_argument("--all-scenarios", action="store_true", help="compare them all")
    parser.add_argument("--seconds", type=float, metavar="N", help="only the beginning of the recording")
    speed = parser.add_mutually_exclusive_group()
    speed.add_argument(
        "--fast", action="store_true", help="execute the beginning and count the rest; of itself from 2 hours on"
    )
    speed.add_argument("--execute", action="store_true", help="execute everything, however long")
    parser.add_argument(
        "--form", default="packed", help="code of the networks, as for export; default: %(default)s"
    )
    parser.add_argument("--max-flash", type=_count, metavar="BYTES", help="of the networks, as for export")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="F",
        help="break it, task beat; such as lead-off:60-180, motion:300-330@-6dB, saturation:60-180@0.2mV, "
        "dropped:1%%, drift:200ppm, bit-flip:600, outage:600-1200; repeatable",
    )
    parser.add_argument(
        "--queue", type=_count, default=64, metavar="N", help="events that wait for the radio; default: 64"
    )
    parser.add_argument(
        "--out", metavar="DIR", help="write report.html with all scenarios and what-ifs, task beat"
    )


def _add_app(commands: _Commands) -> None:
    summary = "review recordings in the browser, on this computer"
    parser = commands.add_parser("app", help=summary, description=summary[0].upper() + summary[1:] + ".")
    parser.add_argument("--folder", metavar="DIR", help="recordings to offer besides the built-in ones")
    parser.add_argument(
        "--database",
        metavar="URL",
        help="of the reviews; default: $ICTUS_REVIEWS or a file in the user's data folder",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; default: %(default)s")
    parser.add_argument("--port", type=_count, default=8501, metavar="N", help="default: %(default)s")
    parser.add_argument("--upload-mb", type=_count, default=200, metavar="MB", help="largest upload; default: 200")
    parser.add_argument("--traceback", action="store_true", help="show where an error came from")


def _add_runs(commands: _Commands) -> None:
    parser = _command(commands, "runs", "list and compare the runs of train, compress, evaluate and run")
    parser.add_argument("action", nargs="?", choices=("list", "show", "compare"), default="list")
    parser.add_argument("ids", nargs="*", metavar="ID", help="number of a run to show; of two or more to compare")
    parser.add_argument("--kind", metavar="COMMAND", help="only runs of this command")
    parser.add_argument("--task", metavar="TASK", help="only runs of this task")
    parser.add_argument(
        "--since",
        metavar="TIME",
        help="only runs that began then or later: a date, a time in UTC, or 7d, 12h, 30m ago",
    )
    parser.add_argument("--limit", type=_count, default=20, metavar="N", help="at most; default: %(default)s")
    parser.add_argument("--database", metavar="URL", help="of the runs; default: as for `ictus app`")


def _add_doctor(commands: _Commands) -> None:
    parser = _command(commands, "doctor", "check this installation")
    parser.add_argument("--full", action="store_true", help="hash every file of the data sets, too")
