"""Weights as instructions: layers of a compact model as C that adds and subtracts, and which of them to choose."""

from .generated import GeneratedCode, generate
from .predict import LayerPlan

__all__ = ["GeneratedCode", "LayerPlan", "generate"]
