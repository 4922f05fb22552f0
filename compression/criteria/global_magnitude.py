"""Magnitude over all layers together (Han et al., NeurIPS 2015): layers with small weights lose most."""

from . import WeightCriterion

__all__ = ["GLOBAL_MAGNITUDE"]

GLOBAL_MAGNITUDE = WeightCriterion("global-magnitude", lambda weight, _: weight.detach().abs())
