"""The networks as data: what `network.StagedNet` is built from."""

from dataclasses import dataclass

__all__ = ["ChainSpec", "LayerSpec", "NetSpec"]


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
    pools : the map (T, C) is replaced by [mean(C), maximum(C)] over all its positions
    n_context_only : where the layer takes the context: its last so many channels read the context alone and the
        others the map alone, so that each part learns to tell the classes by itself; 0 lets all read both
    barred : blocks (first channel, channel after the last, first tap, tap after the last) of weights that stay 0,
        so that some channels do not see some inputs
    """

    channels: int
    kernel: int = 0
    stride: int = 1
    takes_context: bool = False
    is_logit: bool = False
    pools: bool = False
    n_context_only: int = 0
    barred: tuple[tuple[int, int, int, int], ...] = ()


ChainSpec = tuple[LayerSpec, ...]


@dataclass(frozen=True)
class NetSpec:
    """Gate, screen and specialist of a task.

    Attributes
    ----------
    n_features : inputs of the gate
    window_shape : (T, C) of the window; T = 0 allows any length, and the last convolution pools
    n_context : length of the context vector
    gate, screen, specialist : the chains
    n_kept : the specialist starts from the map after this many layers of the screen
    labels : what the specialist's logits mean
    screens_context : the screen looks at the context alone, and the specialist starts from the window
    """

    n_features: int
    window_shape: tuple[int, int]
    n_context: int
    gate: ChainSpec
    screen: ChainSpec
    specialist: ChainSpec
    n_kept: int
    labels: tuple[str, ...]
    screens_context: bool = False
