"""Logarithmic quantisation: a weight becomes a sign and a power of two.

Pure functions: choose the window of exponents, quantise to codes, and give back what codes are worth. The window
is ``top - n + 1 .. top``, of an output channel or of the layer; `top` ends up in the requantisation shift, so the
device never multiplies by a scale.
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
    "least_squares_top",
    "quantise",
    "top_limits",
]

MIN_TOP_EXPONENT, MAX_TOP_EXPONENT = -10, 3
"""Top exponents that a 4-bit shift can express, for hidden layers and for logits, with four exponents or fewer."""

_NEAREST = 4.0 / 3.0
"""log2 of 4/3 |w| rounds down to the power of two nearest to |w| (1.5 * 2^e is the middle of 2^e and 2^(e+1))."""

_LOWER_TOPS = 3


def top_limits(n_exponents: int) -> tuple[int, int]:
    """Lowest and highest top exponent that leave a shift of 0 to 15 to a layer of so many exponents.

    With 16 no device has to run the layer, and the limits are those of eight.
    """
    n = min(n_exponents, 8)
    return MIN_TOP_EXPONENT + n - N_EXPONENTS, MAX_TOP_EXPONENT + min(n - N_EXPONENTS, 0)


def choose_top_exponent(weight: Tensor, n_exponents: int = N_EXPONENTS) -> Tensor:
    """Largest exponent per output channel.

    Parameters
    ----------
    weight : float (channels, taps)

    Returns
    -------
    int32 (channels,); 0 for a channel without weights
    """
    largest = weight.detach().abs().amax(dim=1)
    low, high = top_limits(n_exponents)
    top = torch.floor(torch.log2(largest.clamp(min=2.0**-30) * _NEAREST)).clamp(low, high)
    return torch.where(largest > 0, top, torch.zeros_like(top)).to(torch.int32)


def least_squares_top(weight: Tensor, n_exponents: int = N_EXPONENTS, near_zero: float = 0.5) -> Tensor:
    """Like `choose_top_exponent`, or up to two lower where that makes the squared error of the channel smaller."""
    largest = choose_top_exponent(weight, n_exponents)
    low = top_limits(n_exponents)[0]
    tops = torch.stack([(largest - lower).clamp(min=low) for lower in range(_LOWER_TOPS)])
    errors = torch.stack(
        [
            (dequantise(quantise(weight, top, n_exponents, near_zero), top, n_exponents) - weight.detach())
            .square()
            .sum(dim=1)
            for top in tops
        ]
    )
    return tops.gather(0, errors.argmin(dim=0, keepdim=True))[0]


def quantise(
    weight: Tensor,
    top: Tensor,
    n_exponents: int = N_EXPONENTS,
    near_zero: float = 0.5,
    dither: Tensor | None = None,
) -> Tensor:
    """Codes of the nearest signed powers of two (see `compact.code_values`): uint8 (channels, taps).

    Parameters
    ----------
    near_zero : weights below this share of the smallest power in the window become 0
    dither : uniform in [0, 1), same shape: rounds up in the log domain with the probability that leaves the
        exponent's mean in place; None rounds to the nearest
    """
    magnitude = weight.detach().abs()
    bottom = 1 - n_exponents
    exponent = torch.log2(magnitude.clamp(min=2.0**-40) * (_NEAREST if dither is None else 1.0))
    exponent = torch.floor(exponent if dither is None else exponent + dither) - top[:, None]
    is_there = magnitude >= near_zero * 2.0 ** (top[:, None] + bottom)
    code = exponent.clamp(bottom, 0) - bottom + 1 + n_exponents * (weight.detach() < 0)
    return torch.where(is_there & (magnitude > 0), code, torch.zeros_like(code)).to(torch.uint8)


def dequantise(codes: Tensor, top: Tensor, n_exponents: int = N_EXPONENTS) -> Tensor:
    """Float weights (channels, taps) of codes."""
    bits = codes.int() - 1
    exponent = (bits % n_exponents + 1 - n_exponents + top[:, None]).float()
    sign = 1.0 - 2.0 * (bits >= n_exponents).float()
    return torch.where(codes == 0, torch.zeros_like(exponent), sign * torch.exp2(exponent))


def fake_quantise(weight: Tensor) -> Tensor:
    """What the device would use in place of `weight`, with the gradient passed straight through."""
    top = choose_top_exponent(weight)
    return weight + (dequantise(quantise(weight, top), top) - weight).detach()
