"""Trained float networks on disk: safetensors, with what they were trained on beside the weights."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..signals import CorruptModelError
from ..signals.errors import one_line, parsed, quoted
from .beat_task import BeatDesign, beat_net_spec
from .float_model import FloatModel
from .net_spec import ChainSpec, LayerSpec, NetSpec
from .network import StagedNet

__all__ = ["FloatFile", "float_to_bytes", "load_float", "seeded_net"]

_KEY = "ictus"
_FORMAT = "float-2"


@dataclass(frozen=True)
class FloatFile:
    """A float model and its provenance.

    Attributes
    ----------
    task : task name
    model : network and thresholds
    provenance : data set, split with its hash, seed, command and whatever else the trainer noted
    """

    task: str
    model: FloatModel
    provenance: dict[str, Any] = field(default_factory=dict)


def float_to_bytes(file: FloatFile) -> bytes:
    """Serialise; the same model always gives the same bytes."""
    tensors = {name: t.contiguous() for name, t in sorted(file.model.net.state_dict().items())}
    metadata = {
        "format": _FORMAT,
        "task": file.task,
        "spec": asdict(file.model.net.spec),
        "thresholds": file.model.thresholds,
        "provenance": file.provenance,
    }
    metadata["sha256"] = _digest(tensors, metadata)
    return save(tensors, {_KEY: json.dumps(metadata, sort_keys=True)})  # safetensors does not order several keys


def _digest(tensors: dict[str, Tensor], metadata: dict[str, Any]) -> str:
    """SHA-256 of names, shapes, weights, and of everything else that the file says but this digest."""
    said = {name: value for name, value in metadata.items() if name != "sha256"}
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode() + tensor.numpy().tobytes())
    return digest.hexdigest()


def load_float(path: str | Path) -> FloatFile:
    """Read a float model.

    Raises
    ------
    CorruptModelError
        one line that names the file and what is wrong with it.
    """
    try:
        with safe_open(str(path), framework="pt") as opened:
            metadata = parsed(json.loads, (opened.metadata() or {}).get(_KEY, "{}"))
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - not a dict
    except (OSError, SafetensorError, ValueError) as error:
        raise CorruptModelError(f"{path}: not a safetensors file ({one_line(error)})") from error
    found = metadata.get("format") if isinstance(metadata, dict) else None
    if found != _FORMAT:
        raise CorruptModelError(f"{path}: format {quoted(found)}, this release reads {_FORMAT!r}")
    if _digest(tensors, metadata) != metadata.get("sha256"):
        raise CorruptModelError(f"{path}: the contents do not match their checksum")
    return _built(path, metadata, tensors)


def _built(path: str | Path, metadata: dict[str, Any], tensors: dict[str, Tensor]) -> FloatFile:
    try:
        net = StagedNet(_spec_of(metadata["spec"]))
        net.load_state_dict(tensors)
        model = FloatModel(net.eval(), metadata["thresholds"])
        return FloatFile(metadata["task"], model, metadata["provenance"])
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise CorruptModelError(f"{path}: does not fit this release's network ({one_line(error)})") from error


def _spec_of(said: dict[str, Any]) -> NetSpec:
    """The network that a file describes; TypeError or KeyError for fields that this release does not know."""
    shape = tuple(said["window_shape"])
    chains = {name: _chain_of(said[name]) for name in ("gate", "screen", "specialist")}
    return NetSpec(**{**said, **chains, "window_shape": shape, "labels": tuple(said["labels"])})


def _chain_of(said: list[dict[str, Any]]) -> ChainSpec:
    return tuple(LayerSpec(**{**layer, "barred": tuple(map(tuple, layer["barred"]))}) for layer in said)


def seeded_net(n_features: int, seed: int, design: BeatDesign = "new patients") -> StagedNet:
    """A fresh network of the beat task whose weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return StagedNet(beat_net_spec(n_features, design))
