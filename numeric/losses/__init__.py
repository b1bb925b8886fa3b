"""Losses: one number for a batch."""

from .least_squares import least_squares, least_squares_bwd, least_squares_fwd
from .mse import mse, mse_bwd, mse_fwd

__all__ = [
    "least_squares",
    "least_squares_bwd",
    "least_squares_fwd",
    "mse",
    "mse_bwd",
    "mse_fwd",
]
