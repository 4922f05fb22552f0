"""A stretch of an opened recording as one of its own, for what is too slow for a whole day."""

from dataclasses import replace

import numpy as np

from ....signals import Recording
from ....signals.eeg_lead import EegLead
from ....signals.eeg_wave import EEG_DEVICE_FS_HZ
from ..pyramid import Pyramid

__all__ = ["eeg_stretch", "stretch_of"]


def stretch_of(pyramid: Pyramid, name: str, start_s: float, stop_s: float) -> Recording:
    """The lead that was analysed, in the counts of its file."""
    channel = pyramid.channel
    _, values = pyramid.samples(start_s, stop_s)
    missing = ~np.isfinite(values)
    counts = np.rint(np.where(missing, 0.0, values) * channel.gain_per_unit + channel.baseline_counts)
    invalid = missing[:, np.newaxis] if missing.any() else None
    return Recording(
        name, pyramid.fs_hz, counts.astype(np.int32)[:, np.newaxis], (channel,), name, invalid=invalid
    )


def eeg_stretch(lead: EegLead, start_s: float, stop_s: float) -> EegLead:
    """A montage from one moment to another."""
    counts = lead.between(start_s, stop_s)
    return replace(
        lead,
        duration_s=len(counts) / EEG_DEVICE_FS_HZ,
        pieces_from=lambda at_s: iter((counts[round(at_s * EEG_DEVICE_FS_HZ) :],)),
    )
