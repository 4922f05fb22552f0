"""Channels by the norm of their folded weights, relative to the others of their kind (Li et al., ICLR 2017)."""

import torch
from torch import Tensor

from ...models import NetLayer
from . import ChannelCriterion, channel_groups

__all__ = ["CHANNEL_MAGNITUDE", "channel_norms"]


def channel_norms(layer: NetLayer) -> Tensor:
    """Norm of each channel's weights over the mean of its group, see `channel_groups`: (channels,)."""
    norms, group = layer.folded()[0].detach().norm(dim=1), channel_groups(layer)
    sums = torch.zeros(int(group.max()) + 1).index_add(0, group, norms)
    means = sums / torch.bincount(group)
    return norms / means[group].clamp(min=1e-12)


CHANNEL_MAGNITUDE = ChannelCriterion("channel-magnitude", channel_norms)
