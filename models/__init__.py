"""Tasks, networks, training, the cascade's decisions and their scores."""

from .beat_data import BeatRecord, LabelledBeats, prepare_record, prepare_records
from .beat_scores import ECTOPIC, ectopic_score, majority_baseline
from .beat_train import BeatTrainingSet, GateData, TrainConfig, train_beats
from .cross_validation import cross_validation, recording_id, recording_ids
from .evaluate import BeatEvaluation, evaluate_beats, evaluate_decisions
from .gate_sources import GateSources, gate_figures
from .network import Chain, NetLayer, StagedNet
from .protocol import Protocol, make_protocol
from .staged import Decisions, FloatModel, StagedModel, decide
from .weights import FloatFile, float_to_bytes, load_float

__all__ = [
    "ECTOPIC",
    "BeatEvaluation",
    "BeatRecord",
    "BeatTrainingSet",
    "Chain",
    "Decisions",
    "FloatFile",
    "FloatModel",
    "GateData",
    "GateSources",
    "LabelledBeats",
    "NetLayer",
    "Protocol",
    "StagedModel",
    "StagedNet",
    "TrainConfig",
    "cross_validation",
    "decide",
    "ectopic_score",
    "evaluate_beats",
    "evaluate_decisions",
    "float_to_bytes",
    "gate_figures",
    "load_float",
    "majority_baseline",
    "make_protocol",
    "prepare_record",
    "prepare_records",
    "recording_id",
    "recording_ids",
    "train_beats",
]
