"""`ictus analyze` for each task: which analysis runs, which files it writes, what the terminal shows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...signals import DATASETS, InputError, open_lead
from ..model_files import check_task, load_model
from ..summaries import analysis_text, rhythm_analysis_text
from .ecg import analyze_to_files
from .strips import analyze_rhythm, save_rhythm

__all__ = ["AnalyzeArguments", "analyze_record", "is_batch"]


@dataclass(frozen=True)
class AnalyzeArguments:
    """What `ictus analyze` was given.

    Attributes
    ----------
    record : WFDB record, EDF or CSV file
    out : folder for the files
    model : None takes the zoo's
    channel : name of the lead; None lets the task choose
    fs_hz : sampling rate of a CSV file that states none
    montage : of seizure; None lets the recording choose
    """

    record: str
    out: Path
    model: str | None = None
    channel: str | None = None
    fs_hz: float | None = None
    montage: str | None = None


def is_batch(paths: Sequence[str], jobs: int | None = None, dask: str | None = None) -> bool:
    """Whether `ictus analyze` was given anything but one recording.

    Raises
    ------
    InputError
        One recording, and workers to share it among.
    """
    path = Path(paths[0])
    if len(paths) > 1 or path.is_dir() or (str(path) in DATASETS and not _is_record(path)):
        return True
    if jobs is not None or dask is not None:
        raise InputError(f"{path}: one recording; --jobs and --dask share many among workers")
    return False


def _is_record(path: Path) -> bool:
    return path.exists() or path.with_name(f"{path.name}.hea").exists()


def analyze_record(task: str, given: AnalyzeArguments) -> tuple[Path, str]:
    """Analyse a recording into files.

    Returns
    -------
    the JSON among the files, and the text for the terminal

    Raises
    ------
    InputError
        An unknown task, or what the task's own analysis says.
    """
    check_task(task)
    return _ANALYSES[task](given)


def _beat(given: AnalyzeArguments) -> tuple[Path, str]:
    lead = open_lead(given.record, given.channel, fs_hz=given.fs_hz)
    summary, files = analyze_to_files(lead, given.out, load_model(given.model, "beat").model)
    return files.paths[0], analysis_text(summary, files)


def _rhythm(given: AnalyzeArguments) -> tuple[Path, str]:
    lead = open_lead(given.record, given.channel, fs_hz=given.fs_hz)
    analysis = analyze_rhythm(lead, load_model(given.model, "rhythm").model)
    paths = save_rhythm(analysis, given.out)
    return paths[0], rhythm_analysis_text(analysis, paths)


def _seizure(given: AnalyzeArguments) -> tuple[Path, str]:
    from .eeg import analyze_eeg
    from .eeg_files import save_seizures, seizure_analysis_text

    if given.channel is not None:
        raise InputError(
            "--channel is not an option of `ictus analyze --task seizure`; it takes --montage F7-T7,T7-P7"
        )
    analysis = analyze_eeg(given.record, given.model, given.montage, given.fs_hz)
    paths = save_seizures(analysis, given.out)
    return paths[0], seizure_analysis_text(analysis, paths)


_ANALYSES: Mapping[str, Callable[[AnalyzeArguments], tuple[Path, str]]] = {
    "beat": _beat,
    "rhythm": _rhythm,
    "seizure": _seizure,
}
