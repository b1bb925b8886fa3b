"""Attention."""

from .attention import attention, attention_bwd, attention_fwd

__all__ = [
    "attention",
    "attention_bwd",
    "attention_fwd",
]
