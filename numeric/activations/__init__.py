"""Activations, entry by entry or along a row."""

from .elementwise import relu, relu_bwd, relu_fwd, sigmoid, sigmoid_bwd, sigmoid_fwd, tanh, tanh_bwd, tanh_fwd
from .softmax import softmax, softmax_bwd, softmax_fwd

__all__ = [
    "relu",
    "relu_bwd",
    "relu_fwd",
    "sigmoid",
    "sigmoid_bwd",
    "sigmoid_fwd",
    "softmax",
    "softmax_bwd",
    "softmax_fwd",
    "tanh",
    "tanh_bwd",
    "tanh_fwd",
]
