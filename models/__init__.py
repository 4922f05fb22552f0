"""Tasks, networks, training, the cascade's decisions and their scores."""

from typing import TYPE_CHECKING

from ..signals.lazy import imported_when_asked
from .beat_data import BeatRecord, LabelledBeats, prepare_record, prepare_records
from .beat_scores import ECTOPIC, ectopic_score, majority_baseline
from .evaluate import BeatEvaluation, evaluate_beats, evaluate_decisions
from .gate_sources import GateSources, gate_figures
from .staged import Decisions, StagedModel, decide

if TYPE_CHECKING:
    from .beat_train import BeatTrainingSet, GateData, TrainConfig, train_beats
    from .cross_validation import cv_protocols, recording_id, recording_ids
    from .float_model import FloatModel
    from .network import Chain, NetLayer, StagedNet
    from .protocol import Protocol, make_protocol
    from .weights import FloatFile, float_to_bytes, load_float

__getattr__ = imported_when_asked(
    __name__, "float_model", "network", "weights", "beat_train", "protocol", "cross_validation"
)

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
    "cv_protocols",
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
