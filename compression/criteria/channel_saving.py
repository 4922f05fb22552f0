"""Channels by magnitude against what they save: a layer whose channels read few inputs loses fewer of them."""

from torch import Tensor

from ...models import NetLayer
from . import ChannelCriterion
from .channel_magnitude import channel_norms

__all__ = ["CHANNEL_SAVING", "norms_by_saving"]


def norms_by_saving(layer: NetLayer) -> Tensor:
    """`channel_norms` over the root of how many weights a channel has: (channels,)."""
    return channel_norms(layer) / layer.taps**0.5


CHANNEL_SAVING = ChannelCriterion("channel-saving", norms_by_saving)
