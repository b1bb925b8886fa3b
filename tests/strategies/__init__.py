"""Random layers, written as a person would write them: valid ones, and ones with a planted mistake."""

from .layers import Drawn, layers
from .mistakes import MISTAKES, Spoiled, spoiled_layers

__all__ = ["MISTAKES", "Drawn", "Spoiled", "layers", "spoiled_layers"]
