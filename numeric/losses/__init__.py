"""Losses: one number for a batch."""

from .binary_cross_entropy import binary_cross_entropy, binary_cross_entropy_bwd, binary_cross_entropy_fwd
from .cross_entropy import cross_entropy, cross_entropy_bwd, cross_entropy_fwd
from .hinge import hinge, hinge_bwd, hinge_fwd
from .huber import huber, huber_bwd, huber_fwd
from .info_nce import info_nce, info_nce_bwd, info_nce_fwd
from .kl_divergence import kl_divergence, kl_divergence_bwd, kl_divergence_fwd
from .label_smoothing import label_smoothing, label_smoothing_bwd, label_smoothing_fwd
from .least_squares import least_squares, least_squares_bwd, least_squares_fwd
from .logistic_loss import logistic_loss, logistic_loss_bwd, logistic_loss_fwd
from .mean_absolute_error import mean_absolute_error, mean_absolute_error_bwd, mean_absolute_error_fwd
from .mse import mse, mse_bwd, mse_fwd
from .ridge import ridge, ridge_bwd, ridge_fwd
from .sparse_cross_entropy import (
    smoothed_cross_entropy,
    smoothed_cross_entropy_bwd,
    smoothed_cross_entropy_fwd,
    sparse_cross_entropy,
    sparse_cross_entropy_bwd,
    sparse_cross_entropy_fwd,
)

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_bwd",
    "binary_cross_entropy_fwd",
    "cross_entropy",
    "cross_entropy_bwd",
    "cross_entropy_fwd",
    "hinge",
    "hinge_bwd",
    "hinge_fwd",
    "huber",
    "huber_bwd",
    "huber_fwd",
    "info_nce",
    "info_nce_bwd",
    "info_nce_fwd",
    "kl_divergence",
    "kl_divergence_bwd",
    "kl_divergence_fwd",
    "label_smoothing",
    "label_smoothing_bwd",
    "label_smoothing_fwd",
    "least_squares",
    "least_squares_bwd",
    "least_squares_fwd",
    "logistic_loss",
    "logistic_loss_bwd",
    "logistic_loss_fwd",
    "mean_absolute_error",
    "mean_absolute_error_bwd",
    "mean_absolute_error_fwd",
    "mse",
    "mse_bwd",
    "mse_fwd",
    "ridge",
    "ridge_bwd",
    "ridge_fwd",
    "smoothed_cross_entropy",
    "smoothed_cross_entropy_bwd",
    "smoothed_cross_entropy_fwd",
    "sparse_cross_entropy",
    "sparse_cross_entropy_bwd",
    "sparse_cross_entropy_fwd",
]
