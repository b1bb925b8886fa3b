"""Normalizations."""

from .batch_norm import batch_norm, batch_norm2d, batch_norm2d_bwd, batch_norm2d_fwd, batch_norm_bwd, batch_norm_fwd
from .group_norm import group_norm, group_norm_bwd, group_norm_fwd, instance_norm, instance_norm_bwd, instance_norm_fwd
from .l2_normalize import l2_normalize, l2_normalize_bwd, l2_normalize_fwd
from .layer_norm import layer_norm, layer_norm_bwd, layer_norm_fwd, rms_norm, rms_norm_bwd, rms_norm_fwd

__all__ = [
    "batch_norm",
    "batch_norm2d",
    "batch_norm2d_bwd",
    "batch_norm2d_fwd",
    "batch_norm_bwd",
    "batch_norm_fwd",
    "group_norm",
    "group_norm_bwd",
    "group_norm_fwd",
    "instance_norm",
    "instance_norm_bwd",
    "instance_norm_fwd",
    "l2_normalize",
    "l2_normalize_bwd",
    "l2_normalize_fwd",
    "layer_norm",
    "layer_norm_bwd",
    "layer_norm_fwd",
    "rms_norm",
    "rms_norm_bwd",
    "rms_norm_fwd",
]
