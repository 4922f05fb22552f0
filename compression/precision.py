"""Mixed precision: how few powers of two, and how few bits of activation, each layer bears by itself."""

from collections.abc import Callable

from torch import nn

from ..signals import InputError
from .quant_net import QuantLayer, QuantNet
from .quantisers.powers_of_two import Log2Quantiser
from .recipe import MixedPrecision

__all__ = ["set_precision"]


def set_precision(net: QuantNet, precision: MixedPrecision, loss_of: Callable[[nn.Module], float]) -> None:
    """Give each layer of screen and specialist the least precision that it bears while the others keep theirs.

    Parameters
    ----------
    net : changed in place
    loss_of : loss on a fixed draw of the training material

    Raises
    ------
    InputError
        a layer is not quantised in powers of two.
    """
    was_training = net.training
    allowed = loss_of(net.eval()) * (1 + precision.tolerance)
    layers = [layer for name in ("screen", "specialist") for layer in net.layers(name)]

    def is_borne() -> bool:
        return loss_of(net) <= allowed

    exponents = [_fewest_exponents(layer, precision, is_borne) for layer in layers]
    coarse = [precision.activations and _bears_four_bits(layer, is_borne) for layer in layers]
    for layer, n_exponents, is_coarse in zip(layers, exponents, coarse, strict=True):
        _quantiser(layer).n_exponents = n_exponents
        layer.activation_bits = 4 if is_coarse else layer.activation_bits
    net.train(was_training)


def _quantiser(layer: QuantLayer) -> Log2Quantiser:
    if not isinstance(layer.quantiser, Log2Quantiser):
        raise InputError("precision: only layers of powers of two have exponents to choose; method must be log2")
    return layer.quantiser


def _fewest_exponents(layer: QuantLayer, precision: MixedPrecision, is_borne: Callable[[], bool]) -> int:
    quantiser = _quantiser(layer)
    standard = quantiser.n_exponents
    try:
        for n_exponents in sorted(precision.choices):
            quantiser.n_exponents = n_exponents
            if is_borne():
                return n_exponents
        return max(precision.choices)
    finally:
        quantiser.n_exponents = standard


def _bears_four_bits(layer: QuantLayer, is_borne: Callable[[], bool]) -> bool:
    if layer.is_logit:
        return False
    standard, layer.activation_bits = layer.activation_bits, 4
    try:
        return is_borne()
    finally:
        layer.activation_bits = standard
