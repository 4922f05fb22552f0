"""Export and simulation of the seizure task: which EEG goes in."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ...compression import CompactModel
from ...firmware_export import GoldenVectors
from ...firmware_export.emulator.seizure_run import DEVICE_EEG_CHANNELS, golden_windows
from ...firmware_export.wearable.scenarios import Scenario
from ...firmware_export.wearable.seizure import SeizureSimulation, simulate_seconds
from ...models.train import Progress
from ...signals import SAMPLE_FOLDER, UnanalysableError
from ...signals.eeg_files import open_eeg
from ...signals.eeg_lead import EegLead, eeg_lead, load_device_eeg
from ...signals.eeg_wave import EEG_DEVICE_FS_HZ
from ...signals.load import load

__all__ = ["golden_clip", "golden_eeg", "simulate_eeg", "wearable_lead"]

_WEARABLE = "temporal-4"
_GOLDEN_CLIP = SAMPLE_FOLDER / "chbmit" / "chb01_18_ictal.edf"


def golden_eeg(n: int) -> GoldenVectors:
    """Network inputs of `n` windows of the built-in clip of a seizure."""
    return golden_windows(golden_clip(), n)


def golden_clip() -> np.ndarray:
    """Device signal of the built-in clip of a seizure, int16 (n, 4)."""
    return load_device_eeg(load(_GOLDEN_CLIP), _WEARABLE)[0]


def simulate_eeg(
    model: CompactModel,
    record: str | Path,
    device: str | None = None,
    seconds: float | None = None,
    progress: Progress | None = None,
    *,
    use: str | Scenario = "cascade",
    form: str = "packed",
    max_flash: int | None = None,
) -> SeizureSimulation:
    """Run EEG on the emulated wearable of four temporal channels; see `simulate_seconds`.

    Raises
    ------
    InputError
        the recording cannot be read or is too short, holds more channels than the wearable, or an unknown device
    """
    lead = wearable_lead(record)
    done = _counted(lead, progress)
    return simulate_seconds(model, lead, device, seconds, done, use=use, form=form, max_flash=max_flash)


def wearable_lead(record: str | Path, fs_hz: float | None = None) -> EegLead:
    """The four temporal channels of a recording; one that has none of them is taken as it is.

    Parameters
    ----------
    fs_hz : sampling rate of a CSV file that states none

    Raises
    ------
    InputError
        the recording cannot be read, or has other channels, and more than the wearable
    """
    source = open_eeg(record, fs_hz=fs_hz)
    try:
        return eeg_lead(source, _WEARABLE)
    except UnanalysableError:
        if len(source.channels) > DEVICE_EEG_CHANNELS:
            raise
        return eeg_lead(source)


def _counted(lead: EegLead, progress: Progress | None) -> Callable[[int], object]:
    """A callable that counts seconds of signal."""
    n_done, total_s = 0, round(lead.duration_s)

    def count(n_samples: int) -> None:
        nonlocal n_done
        n_done += n_samples
        if progress:
            progress("emulate", n_done // EEG_DEVICE_FS_HZ, total_s, "s of signal")

    return count
