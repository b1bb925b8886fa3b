"""Convolutions, as cross-correlation."""

from .conv1d import conv1d, conv1d_bwd, conv1d_fwd
from .toeplitz import toeplitz, toeplitz_bwd, toeplitz_fwd, toeplitz_matrix

__all__ = [
    "conv1d",
    "conv1d_bwd",
    "conv1d_fwd",
    "toeplitz",
    "toeplitz_bwd",
    "toeplitz_fwd",
    "toeplitz_matrix",
]
