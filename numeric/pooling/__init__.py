"""Pooling."""

from .avg_pool import (
    avg_pool1d,
    avg_pool1d_bwd,
    avg_pool1d_fwd,
    avg_pool2d,
    avg_pool2d_bwd,
    avg_pool2d_fwd,
    global_avg_pool,
    global_avg_pool_bwd,
    global_avg_pool_fwd,
)
from .max_pool import max_pool1d, max_pool1d_bwd, max_pool1d_fwd, max_pool2d, max_pool2d_bwd, max_pool2d_fwd

__all__ = [
    "avg_pool1d",
    "avg_pool1d_bwd",
    "avg_pool1d_fwd",
    "avg_pool2d",
    "avg_pool2d_bwd",
    "avg_pool2d_fwd",
    "global_avg_pool",
    "global_avg_pool_bwd",
    "global_avg_pool_fwd",
    "max_pool1d",
    "max_pool1d_bwd",
    "max_pool1d_fwd",
    "max_pool2d",
    "max_pool2d_bwd",
    "max_pool2d_fwd",
]
