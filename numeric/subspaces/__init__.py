"""Subspaces of largest variance."""

from .pca import pca, pca_bwd, pca_fwd
from .rayleigh_quotient import rayleigh_quotient, rayleigh_quotient_bwd, rayleigh_quotient_fwd

__all__ = [
    "pca",
    "pca_bwd",
    "pca_fwd",
    "rayleigh_quotient",
    "rayleigh_quotient_bwd",
    "rayleigh_quotient_fwd",
]
