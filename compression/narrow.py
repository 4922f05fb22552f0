"""Take whole channels out of a float network: a smaller network with the same weights where it still has any."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..models import NetLayer, StagedNet
from ..models.net_spec import ChainSpec, LayerSpec, NetSpec

__all__ = ["KeptChannels", "all_channels", "narrowed"]

KeptChannels = Mapping[str, Sequence[Tensor]]
"""Chain name -> bool (channels,) for each of its layers: which channels stay."""


def all_channels(net: StagedNet) -> dict[str, list[Tensor]]:
    """Every channel of every layer."""
    return {
        name: [torch.ones(layer.spec.channels, dtype=torch.bool) for layer in chain]
        for name, chain in net.chains().items()
    }


def narrowed(net: StagedNet, kept: KeptChannels) -> StagedNet:
    """The network without the channels that are not kept, and without the weights that read them.

    What a removed channel gave to its readers is lost: a constant, or what its inputs made of it.

    Parameters
    ----------
    kept : at least one channel of every layer, and every channel of the exits
    """
    reads = {name: _inputs(net, kept, name) for name in net.chains()}
    specs = {
        name: tuple(_spec(*each) for each in zip(chain, kept[name], reads[name], strict=True))
        for name, chain in net.chains().items()
    }
    with torch.random.fork_rng(devices=[]):
        smaller = StagedNet(_net_spec(net, specs))
    for name, chain in smaller.chains().items():
        for target, source, rows, taps in zip(chain, net.chains()[name], kept[name], reads[name], strict=True):
            _copy(target, source, rows, taps)
    return smaller.train(net.training)


def _net_spec(net: StagedNet, specs: Mapping[str, ChainSpec]) -> NetSpec:
    return replace(net.spec, gate=specs["gate"], screen=specs["screen"], specialist=specs["specialist"])


def _inputs(net: StagedNet, kept: KeptChannels, name: str) -> list[Tensor]:
    """Of each layer of a chain, which of its taps are still there: bool (taps,)."""
    channels = _first_channels(net, kept, name)
    found = []
    for layer, rows in zip(net.chains()[name], kept[name], strict=True):
        n_context = net.spec.n_context * layer.spec.takes_context
        positions = (layer.taps - n_context) // len(channels)
        found.append(torch.cat([channels.repeat(positions), torch.ones(n_context, dtype=torch.bool)]))
        channels = rows.repeat(2) if layer.spec.pools else rows
    return found


def _first_channels(net: StagedNet, kept: KeptChannels, name: str) -> Tensor:
    """Which channels of its source a chain can still read."""
    if name == "specialist" and net.spec.n_kept and not net.spec.screens_context:
        return kept["screen"][net.spec.n_kept - 1]
    return torch.ones(next(iter(net.chains()[name])).in_channels, dtype=torch.bool)


def _spec(layer: NetLayer, rows: Tensor, taps: Tensor) -> LayerSpec:
    spec, n_alone = layer.spec, layer.spec.n_context_only

    def before(mask: Tensor, end: int) -> int:
        return int(mask[:end].sum())

    barred = tuple(
        (before(rows, first), before(rows, end), before(taps, tap), before(taps, tap_end))
        for first, end, tap, tap_end in spec.barred
    )
    alone = int(rows[len(rows) - n_alone :].sum()) if n_alone else 0
    return replace(spec, channels=int(rows.sum()), n_context_only=alone, barred=barred)


def _copy(target: NetLayer, source: NetLayer, rows: Tensor, taps: Tensor) -> None:
    with torch.no_grad():
        target.weight.copy_(source.weight[rows][:, taps])
        if target.bias is not None and source.bias is not None:
            target.bias.copy_(source.bias[rows])
        if target.norm is not None and source.norm is not None:
            for name, value in source.norm.state_dict().items():
                target.norm.state_dict()[name].copy_(value[rows] if value.ndim else value)
