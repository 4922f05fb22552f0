"""Tasks, networks, training, the cascade's decisions and their scores."""

from .beat_data import BeatRecord, LabelledBeats, prepare_record, prepare_records
from .beat_train import BeatTrainingSet, GateData, TrainConfig, train_beats
from .evaluate import BeatEvaluation, evaluate_beats
from .gate_sources import GateSources, gate_figures
from .network import Chain, NetLayer, StagedNet
from .protocol import Protocol, make_protocol
from .staged import Decisions, FloatModel, StagedModel, decide
from .weights import FloatFile, float_to_bytes, load_float

__all__ = [
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
    "decide",
    "evaluate_beats",
    "float_to_bytes",
    "gate_figures",
    "load_float",
    "make_protocol",
    "prepare_record",
    "prepare_records",
    "train_beats",
]
