"""Linear maps."""

from .affine import affine, affine_bwd, affine_fwd
from .linear import LinearLayer, linear, linear_bwd, linear_fwd

__all__ = [
    "LinearLayer",
    "affine",
    "affine_bwd",
    "affine_fwd",
    "linear",
    "linear_bwd",
    "linear_fwd",
]
