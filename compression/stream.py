"""What a stage must look like to run on a stream of any length, whole or row by row."""

from .compact import CompactStage

__all__ = ["MAX_STREAM_LAYERS", "stream_fault"]

MAX_STREAM_LAYERS = 12
"""Convolutions that a stream's chain may have: the device keeps a few words of state for each."""


def stream_fault(stage: CompactStage, window_shape: tuple[int, int]) -> str | None:
    """What is wrong with the streamed part of a stage, in words; None if nothing is.

    A stream begins with convolutions of any length, whose last one pools after ReLU. No other layer may be of any
    length or pool, and none of these takes the context.

    Parameters
    ----------
    window_shape : (T, C) of the model; T must be 0 for a stream, whose rows are C values
    """
    layers = stage.layers
    n_streamed = next((number for number, layer in enumerate(layers) if layer.out_length), len(layers))
    if stage.source != "stream":
        unbounded = any(layer.out_length == 0 or layer.pools for layer in layers)
        return "a layer of any length outside a stream" if unbounded else None
    if not 1 <= n_streamed <= MAX_STREAM_LAYERS or stage.n_kept:
        return f"{n_streamed} convolutions in a stream, keeps {stage.n_kept}"
    if [layer.pools for layer in layers] != [number == n_streamed for number in range(1, len(layers) + 1)]:
        return "a stream pools once, after its last convolution"
    if window_shape[0] != 0 or not all(layer.out_length for layer in layers[n_streamed:]):
        return f"a stream of {window_shape[0]} rows, {len(layers)} layers"
    if not layers[n_streamed - 1].relu or any(layer.takes_context for layer in layers[:n_streamed]):
        return "a stream's convolution takes the context, or pools negative values"
    channels = window_shape[1]
    for number, layer in enumerate(layers[:n_streamed], start=1):
        if channels == 0 or layer.taps % channels or layer.step % channels:
            return f"layer {number}: {layer.taps} taps, step {layer.step} on rows of {channels} values"
        channels = layer.out_channels
    return None
