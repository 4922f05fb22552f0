"""Recordings: read and check them, know the data sets and their splits, filter, detect beats, cut windows."""

from .beat_classes import AAMI_CLASS, CLASSES, aami_index, beats_of, fibrillation_of
from .beats import BLOCK_SAMPLES, N_CONTEXT, PRE_R_SAMPLES, WINDOW_SAMPLES, BeatWindows, Context, beat_windows
from .datasets import (
    DATASETS,
    SAMPLE_FOLDER,
    Dataset,
    LocalDataset,
    dataset,
    default_data_folder,
    find_dataset,
    subject_of,
)
from .device_signal import DEVICE_FS_HZ, DEVICE_UV_PER_COUNT, DeviceSignal, device_pieces, to_device
from .errors import (
    CorruptModelError,
    CorruptRecordError,
    FetchError,
    IctusError,
    InputError,
    UnanalysableError,
    UnsupportedFormatError,
)
from .filters import BASELINE_DELAY, remove_baseline, smooth
from .gate_features import N_GATE_FEATURES, GateFeature, gate_features
from .lead import Lead, choose_channel, lead_of
from .load import load, open_lead
from .matching import MATCH_TOLERANCE, match_peaks
from .noise import mix, noise_gain, noise_power, qrs_power
from .qrs import QRS_MAX_LATENCY_SAMPLES, QrsDetections, detect_qrs
from .recording import Channel, Events, Recording
from .splits import DS1, DS2, PACED, BeatSplit, Split, inter_patient_split, intra_patient_split, shared_subjects

__all__ = [
    "AAMI_CLASS",
    "BASELINE_DELAY",
    "BLOCK_SAMPLES",
    "CLASSES",
    "DATASETS",
    "DEVICE_FS_HZ",
    "DEVICE_UV_PER_COUNT",
    "DS1",
    "DS2",
    "MATCH_TOLERANCE",
    "N_CONTEXT",
    "N_GATE_FEATURES",
    "PACED",
    "PRE_R_SAMPLES",
    "QRS_MAX_LATENCY_SAMPLES",
    "SAMPLE_FOLDER",
    "WINDOW_SAMPLES",
    "BeatSplit",
    "BeatWindows",
    "Channel",
    "Context",
    "CorruptModelError",
    "CorruptRecordError",
    "Dataset",
    "DeviceSignal",
    "Events",
    "FetchError",
    "GateFeature",
    "IctusError",
    "InputError",
    "Lead",
    "LocalDataset",
    "QrsDetections",
    "Recording",
    "Split",
    "UnanalysableError",
    "UnsupportedFormatError",
    "aami_index",
    "beat_windows",
    "beats_of",
    "choose_channel",
    "dataset",
    "default_data_folder",
    "detect_qrs",
    "device_pieces",
    "fibrillation_of",
    "find_dataset",
    "gate_features",
    "inter_patient_split",
    "intra_patient_split",
    "lead_of",
    "load",
    "match_peaks",
    "mix",
    "noise_gain",
    "noise_power",
    "open_lead",
    "qrs_power",
    "remove_baseline",
    "shared_subjects",
    "smooth",
    "subject_of",
    "to_device",
]
