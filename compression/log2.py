"""Logarithmic quantisation: a weight becomes a sign and a power of two.

Three pure functions: choose the window of exponents, quantise to codes, and give back what codes are worth.
Per output channel the window is ``top - 3 .. top``; `top` ends up in the requantisation shift, so the device
never multiplies by a scale.
"""

import torch
from torch import Tensor

from .compact import N_EXPONENTS

__all__ = [
    "MAX_TOP_EXPONENT",
    "MIN_TOP_EXPONENT",
    "choose_top_exponent",
    "dequantise",
    "fake_quantise",
    "quantise",
]

MIN_TOP_EXPONENT, MAX_TOP_EXPONENT = -10, 3
"""Top exponents that a 4-bit shift can express, for hidden layers and for logits."""

_NEAREST = 4.0 / 3.0
"""log2 of 4/3 |w| rounds down to the power of two nearest to |w| (1.5 * 2^e is the middle of 2^e and 2^(e+1))."""


def choose_top_exponent(weight: Tensor) -> Tensor:
    """Largest exponent per output channel.

    Parameters
    ----------
    weight : float (channels, taps)

    Returns
    -------
    int32 (channels,); 0 for a channel without weights
    """
    largest = weight.detach().abs().amax(dim=1)
    top = torch.floor(torch.log2(largest.clamp(min=2.0**-30) * _NEAREST))
    top = top.clamp(MIN_TOP_EXPONENT, MAX_TOP_EXPONENT)
    return torch.where(largest > 0, top, torch.zeros_like(top)).to(torch.int32)


def quantise(weight: Tensor, top: Tensor) -> Tensor:
    """Codes of the nearest signed powers of two (see `compact.code_values`): uint8 (channels, taps).

    Weights below half of the smallest power in the window become 0.
    """
    magnitude = weight.detach().abs()
    exponent = torch.floor(torch.log2(magnitude.clamp(min=2.0**-40) * _NEAREST)) - top[:, None]
    bottom = 1 - N_EXPONENTS
    exponent = torch.where(magnitude * 2 >= 2.0 ** (top[:, None] + bottom), exponent.clamp(bottom, 0), -99.0)
    code = exponent - bottom + 1 + N_EXPONENTS * (weight.detach() < 0)
    return torch.where(exponent > -99.0, code, torch.zeros_like(code)).to(torch.uint8)


def dequantise(codes: Tensor, top: Tensor) -> Tensor:
    """Float weights (channels, taps) of codes."""
    bits = codes.int() - 1
    exponent = (bits % N_EXPONENTS + 1 - N_EXPONENTS + top[:, None]).float()
    sign = 1.0 - 2.0 * (bits >= N_EXPONENTS).float()
    return torch.where(codes == 0, torch.zeros_like(exponent), sign * torch.exp2(exponent))


def fake_quantise(weight: Tensor) -> Tensor:
    """What the device would use in place of `weight`, with the gradient passed straight through."""
    top = choose_top_exponent(weight)
    return weight + (dequantise(quantise(weight, top), top) - weight).detach()
