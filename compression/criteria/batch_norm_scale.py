"""Channels by their batch norm's scale, trained with an L1 penalty: network slimming (Liu et al., ICCV 2017)."""

from collections.abc import Sequence

from torch import Tensor

from ...models import NetLayer
from . import ChannelCriterion

__all__ = ["BATCH_NORM_SCALE"]


def _scales(layer: NetLayer) -> Sequence[Tensor]:
    return () if layer.norm is None else (layer.norm.weight,)


BATCH_NORM_SCALE = ChannelCriterion(
    "batch-norm-scale", lambda layer: _scales(layer)[0].detach().abs(), shrinks=_scales
)
