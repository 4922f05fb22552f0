"""The networks as float modules.

Every network is made of one kind of layer, a valid convolution over ``[T][C]``; a dense layer is a convolution
over its whole input. Hidden activations are clipped to the range that the device's int8 can hold from the first
epoch on, so that quantisation later changes resolution and not range.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .net_spec import ChainSpec, LayerSpec, NetSpec

__all__ = ["ACTIVATION_MAX", "Chain", "NetLayer", "StagedNet", "pool"]

ACTIVATION_MAX = 127 / 32
"""Largest value of a hidden activation: int8 with five fraction bits."""


def pool(x: Tensor, channels: int) -> Tensor:
    """Mean and maximum of each channel over all positions: (B, T * C) -> (B, 2 C)."""
    maps = x.reshape(len(x), -1, channels)
    return torch.cat([maps.mean(dim=1), maps.amax(dim=1)], dim=1)


class NetLayer(nn.Module):
    """Convolution or dense layer with batch norm and clipped ReLU.

    Maps are flat, ``[T][C]`` as on the device, so a layer is a sliding window over its input: window `taps` long,
    `step` apart. `weight` is (channels, taps) in the same order. An `in_length` of 0 stands for any length; so
    does an `out_length` of 0. `rate` is how often each weight is used for every sample of the window: once in
    as many samples as a convolution's output positions are apart; 0 for a dense layer, which uses them once in a
    whole window. `in_rate` is the same of the input's positions. `dropout` is the share of the outputs that is
    put to 0 in every step of a training.
    """

    def __init__(
        self, spec: LayerSpec, in_length: int, in_channels: int, n_context: int, in_rate: float = 0.0
    ) -> None:
        super().__init__()
        self.spec = spec
        self.rate = in_rate / spec.stride if spec.kernel else 0.0
        self.dropout = 0.0
        kernel = spec.kernel or in_length
        self.in_channels = in_channels
        self.step = spec.stride * in_channels
        self.out_length = (in_length - kernel) // spec.stride + 1 if in_length else 0
        self.taps = kernel * in_channels + n_context * spec.takes_context
        self.weight = nn.Parameter(torch.empty(spec.channels, self.taps))
        nn.init.kaiming_uniform_(self.weight, nonlinearity="relu")
        self.allowed: Tensor | None
        self.register_buffer("allowed", self._allowed(kernel * in_channels), persistent=False)
        if self.allowed is not None:  # fewer inputs, larger weights
            seen = self.allowed.sum(dim=1, keepdim=True).clamp(min=1)
            self.weight.data *= self.allowed * (self.taps / seen).sqrt()
        self.bias = nn.Parameter(torch.zeros(spec.channels)) if spec.is_logit else None
        self.norm = None if spec.is_logit else nn.BatchNorm1d(spec.channels)

    def _allowed(self, n_map: int) -> Tensor | None:
        """1 where a weight may be, 0 where the spec bars it, (channels, taps); None if it bars nothing."""
        n_alone, barred = self.spec.n_context_only, self.spec.barred
        if n_alone:
            barred = (*barred, (0, self.spec.channels - n_alone, n_map, self.taps))
            barred = (*barred, (self.spec.channels - n_alone, self.spec.channels, 0, n_map))
        if not barred:
            return None
        allowed = torch.ones(self.spec.channels, self.taps)
        for channel, channel_end, tap, tap_end in barred:
            allowed[channel:channel_end, tap:tap_end] = 0
        return allowed

    @property
    def seen_weight(self) -> Tensor:
        """`weight`, and 0 where the spec bars it."""
        return self.weight if self.allowed is None else self.weight * self.allowed

    @property
    def n_weights(self) -> int:
        """Weights that may differ from 0."""
        return self.weight.numel() if self.allowed is None else int(self.allowed.sum())

    def products(self, x: Tensor, context: Tensor, weight: Tensor) -> Tensor:
        """Sums of products: (B, T * C) -> (B * T', C')."""
        if self.spec.takes_context:
            x = torch.cat([x, context], dim=1)
        if self.out_length == 0:
            return self._convolved(x, weight)
        patches = x.unfold(1, self.taps, self.step)  # (B, T', taps)
        return F.linear(patches.reshape(-1, self.taps), weight)

    def _convolved(self, x: Tensor, weight: Tensor) -> Tensor:
        """The same sums without copies of the input, for long maps: ``[T][C]`` is a channels-last image."""
        image = x.reshape(len(x), 1, -1, self.in_channels).permute(0, 3, 1, 2)  # (B, C, 1, T)
        kernel = weight.reshape(self.spec.channels, 1, -1, self.in_channels).permute(0, 3, 1, 2)
        out = F.conv2d(image, kernel, stride=(1, self.spec.stride))  # (B, C', 1, T')
        return out.permute(0, 2, 3, 1).reshape(-1, self.spec.channels)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """(B, T * C) -> (B, T' * C'), or (B, 2 C') where the layer pools."""
        out = self.products(x, context, self.seen_weight)
        if self.bias is not None:
            out = out + self.bias
        else:
            assert self.norm is not None
            out = F.hardtanh(self.norm(out), 0.0, ACTIVATION_MAX)
            out = F.dropout(out, self.dropout, self.training)
        out = out.reshape(len(x), -1)
        return pool(out, self.spec.channels) if self.spec.pools else out

    def folded(self) -> tuple[Tensor, Tensor]:
        """Weight and bias (channels,) with the batch norm's running statistics folded in."""
        if self.bias is not None:
            return self.seen_weight, self.bias
        norm = self.norm
        assert norm is not None and norm.running_mean is not None and norm.running_var is not None
        gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        return self.seen_weight * gain[:, None], norm.bias - norm.running_mean * gain


class Chain(nn.Module):
    """Layers in a row; keeps the map after `n_kept` layers. `in_rate` is that of its first layer's input."""

    def __init__(
        self,
        specs: ChainSpec,
        in_length: int,
        in_channels: int,
        n_context: int,
        n_kept: int = 0,
        in_rate: float = 1.0,
    ) -> None:
        super().__init__()
        self.n_kept = n_kept
        self.layers = nn.ModuleList()
        self.kept_shape, self.kept_rate = (0, 0), in_rate
        for number, spec in enumerate(specs, start=1):
            layer = NetLayer(spec, in_length, in_channels, n_context, in_rate)
            self.layers.append(layer)
            in_rate = layer.rate
            self.kept_rate = in_rate if number == n_kept else self.kept_rate
            in_length, in_channels = (1, 2 * spec.channels) if spec.pools else (layer.out_length, spec.channels)
            self.kept_shape = (in_length, in_channels) if number == n_kept else self.kept_shape

    def __iter__(self) -> Iterator[NetLayer]:
        return (layer for layer in self.layers if isinstance(layer, NetLayer))

    def hidden_dense(self) -> Iterator[NetLayer]:
        """The dense layers that are no exit."""
        return (layer for layer in self if layer.spec.kernel == 0 and not layer.spec.is_logit)

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
        screened = (1, spec.n_context) if spec.screens_context else spec.window_shape
        self.screen = Chain(spec.screen, *screened, spec.n_context, spec.n_kept)
        kept = spec.window_shape if spec.screens_context else self.screen.kept_shape
        kept_rate = 1.0 if spec.screens_context else self.screen.kept_rate
        self.specialist = Chain(spec.specialist, *kept, spec.n_context, in_rate=kept_rate)

    def forward(self, window: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Both exits of a beat or a strip.

        Parameters
        ----------
        window : float (B, T * C), 1.0 is half of the running R amplitude
        context : float (B, n_context)

        Returns
        -------
        screen logit (B, 1) and class logits (B, n_labels)
        """
        if self.spec.screens_context:
            return self.screen(context, context)[0], self.specialist(window, context)[0]
        screen, kept = self.screen(window, context)
        classes, _ = self.specialist(kept, context)
        return screen, classes

    def opinions(self, wave: Tensor, context: Tensor) -> list[Tensor]:
        """Screen logit, and class logits of the whole head, of the channels that see the wave, and of the others.

        Each part must tell the classes by itself, or the features, which learn fastest, leave the CNN nothing to
        do. For networks whose screen reads the context alone; shapes as of `forward`.
        """
        *body, hidden_layer, exit_layer = self.specialist
        x = wave
        for layer in body:
            x = layer(x, context)
        hidden = hidden_layer(x, context)
        sees_wave = torch.arange(hidden.shape[1]) < hidden.shape[1] - hidden_layer.spec.n_context_only
        parts = (hidden, hidden * sees_wave, hidden * ~sees_wave)
        return [self.screen(context, context)[0], *(exit_layer(part, context) for part in parts)]

    def judge(self, features: Tensor) -> Tensor:
        """Gate logit (B, 1) of features (B, n_features); high means analysable."""
        return self.gate(features, features[:, :0])[0]

    def chains(self) -> dict[str, Chain]:
        """The chains by stage name, in the order in which they run."""
        return {"gate": self.gate, "screen": self.screen, "specialist": self.specialist}

    def n_float_bytes(self) -> int:
        """Bytes of all folded weights and biases as float32: the baseline of the compression ratio."""
        layers = [layer for chain in self.chains().values() for layer in chain]
        return sum(4 * (layer.n_weights + layer.spec.channels) for layer in layers)
