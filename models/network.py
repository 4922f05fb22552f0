"""The networks as data (`NetSpec`) and as float modules.

Every network is made of one kind of layer, a valid convolution over ``[T][C]``; a dense layer is a convolution
over its whole input. Hidden activations are clipped to the range that the device's int8 can hold from the first
epoch on, so that quantisation later changes resolution and not range.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["ACTIVATION_MAX", "Chain", "ChainSpec", "LayerSpec", "NetLayer", "NetSpec", "StagedNet"]

ACTIVATION_MAX = 127 / 32
"""Largest value of a hidden activation: int8 with five fraction bits."""


@dataclass(frozen=True)
class LayerSpec:
    """One layer.

    Attributes
    ----------
    channels : output channels
    kernel : length of the kernel in positions; 0 makes the layer dense
    stride : distance of two output positions
    takes_context : append the context vector to the input of a dense layer
    is_logit : an exit: no batch norm, no ReLU
    """

    channels: int
    kernel: int = 0
    stride: int = 1
    takes_context: bool = False
    is_logit: bool = False


ChainSpec = tuple[LayerSpec, ...]


@dataclass(frozen=True)
class NetSpec:
    """Gate, screen and specialist of a task.

    Attributes
    ----------
    n_features : inputs of the gate
    window_shape : (T, C) of the window
    n_context : length of the context vector
    gate, screen, specialist : the chains
    n_kept : the specialist starts from the map after this many layers of the screen
    labels : what the specialist's logits mean
    """

    n_features: int
    window_shape: tuple[int, int]
    n_context: int
    gate: ChainSpec
    screen: ChainSpec
    specialist: ChainSpec
    n_kept: int
    labels: tuple[str, ...]


class NetLayer(nn.Module):
    """Convolution or dense layer with batch norm and clipped ReLU.

    Maps are flat, ``[T][C]`` as on the device, so a layer is a sliding window over its input: window `taps` long,
    `step` apart. `weight` is (channels, taps) in the same order.
    """

    def __init__(self, spec: LayerSpec, in_length: int, in_channels: int, n_context: int) -> None:
        super().__init__()
        self.spec = spec
        kernel = spec.kernel or in_length
        self.step = spec.stride * in_channels
        self.out_length = (in_length - kernel) // spec.stride + 1
        self.taps = kernel * in_channels + n_context * spec.takes_context
        self.weight = nn.Parameter(torch.empty(spec.channels, self.taps))
        nn.init.kaiming_uniform_(self.weight, nonlinearity="relu")
        self.bias = nn.Parameter(torch.zeros(spec.channels)) if spec.is_logit else None
        self.norm = None if spec.is_logit else nn.BatchNorm1d(spec.channels)

    def products(self, x: Tensor, context: Tensor, weight: Tensor) -> Tensor:
        """Sums of products: (B, T * C) -> (B * T', C')."""
        if self.spec.takes_context:
            x = torch.cat([x, context], dim=1)
        patches = x.unfold(1, self.taps, self.step)  # (B, T', taps)
        return F.linear(patches.reshape(-1, self.taps), weight)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """(B, T * C) -> (B, T' * C')."""
        out = self.products(x, context, self.weight)
        if self.bias is not None:
            out = out + self.bias
        else:
            assert self.norm is not None
            out = self.norm(out).clamp(0.0, ACTIVATION_MAX)
        return out.reshape(len(x), -1)

    def folded(self) -> tuple[Tensor, Tensor]:
        """Weight and bias (channels,) with the batch norm's running statistics folded in."""
        if self.bias is not None:
            return self.weight, self.bias
        norm = self.norm
        assert norm is not None and norm.running_mean is not None and norm.running_var is not None
        gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        return self.weight * gain[:, None], norm.bias - norm.running_mean * gain


class Chain(nn.Module):
    """Layers in a row; keeps the map after `n_kept` layers."""

    def __init__(
        self, specs: ChainSpec, in_length: int, in_channels: int, n_context: int, n_kept: int = 0
    ) -> None:
        super().__init__()
        self.n_kept = n_kept
        self.layers = nn.ModuleList()
        self.kept_shape = (0, 0)
        for number, spec in enumerate(specs, start=1):
            layer = NetLayer(spec, in_length, in_channels, n_context)
            self.layers.append(layer)
            in_length, in_channels = layer.out_length, spec.channels
            self.kept_shape = (in_length, in_channels) if number == n_kept else self.kept_shape

    def __iter__(self) -> Iterator[NetLayer]:
        return (layer for layer in self.layers if isinstance(layer, NetLayer))

    def forward(self, x: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, n_outputs) and the kept map (B, T * C)."""
        kept = x
        for number, layer in enumerate(self, start=1):
            x = layer(x, context)
            kept = x if number == self.n_kept else kept
        return x, kept


class StagedNet(nn.Module):
    """Gate, screen and specialist in float.

    The gate is trained apart from the other two, which share their first layers.
    """

    def __init__(self, spec: NetSpec) -> None:
        super().__init__()
        self.spec = spec
        self.gate = Chain(spec.gate, 1, spec.n_features, spec.n_context)
        self.screen = Chain(spec.screen, *spec.window_shape, spec.n_context, spec.n_kept)
        self.specialist = Chain(spec.specialist, *self.screen.kept_shape, spec.n_context)

    def forward(self, window: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Both exits of a beat.

        Parameters
        ----------
        window : float (B, T * C), 1.0 is half of the running R amplitude
        context : float (B, n_context)

        Returns
        -------
        screen logit (B, 1) and class logits (B, n_labels)
        """
        screen, kept = self.screen(window, context)
        classes, _ = self.specialist(kept, context)
        return screen, classes

    def judge(self, features: Tensor) -> Tensor:
        """Gate logit (B, 1) of features (B, n_features); high means analysable."""
        return self.gate(features, features[:, :0])[0]

    def chains(self) -> dict[str, Chain]:
        """The chains by stage name, in the order in which they run."""
        return {"gate": self.gate, "screen": self.screen, "specialist": self.specialist}

    def n_float_bytes(self) -> int:
        """Bytes of all folded weights and biases as float32: the baseline of the compression ratio."""
        return sum(4 * t.numel() for chain in self.chains().values() for layer in chain for t in layer.folded())
