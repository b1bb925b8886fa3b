"""Linear maps."""

from .affine import affine, affine_bwd, affine_fwd
from .bilinear import bilinear, bilinear_bwd, bilinear_fwd
from .embedding import embedding, embedding_bwd, embedding_fwd, tied_embedding, tied_embedding_bwd, tied_embedding_fwd
from .linear import LinearLayer, linear, linear_bwd, linear_fwd
from .low_rank_update import low_rank_update, low_rank_update_bwd, low_rank_update_fwd
from .matrix_factorization import matrix_factorization, matrix_factorization_bwd, matrix_factorization_fwd

__all__ = [
    "LinearLayer",
    "affine",
    "affine_bwd",
    "affine_fwd",
    "bilinear",
    "bilinear_bwd",
    "bilinear_fwd",
    "embedding",
    "embedding_bwd",
    "embedding_fwd",
    "linear",
    "linear_bwd",
    "linear_fwd",
    "low_rank_update",
    "low_rank_update_bwd",
    "low_rank_update_fwd",
    "matrix_factorization",
    "matrix_factorization_bwd",
    "matrix_factorization_fwd",
    "tied_embedding",
    "tied_embedding_bwd",
    "tied_embedding_fwd",
]
