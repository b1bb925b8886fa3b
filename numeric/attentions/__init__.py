"""Attention."""

from .alibi_attention import alibi_attention, alibi_attention_bwd, alibi_attention_fwd
from .attention import attention, attention_bwd, attention_fwd
from .biased_attention import biased_attention, biased_attention_bwd, biased_attention_fwd
from .blockwise import (
    blockwise_attention,
    blockwise_attention_bwd,
    blockwise_attention_fwd,
    blockwise_causal_attention,
    blockwise_causal_attention_bwd,
    blockwise_causal_attention_fwd,
)
from .causal_attention import causal_attention, causal_attention_bwd, causal_attention_fwd
from .cross_attention import cross_attention, cross_attention_bwd, cross_attention_fwd
from .grouped_query_attention import grouped_query_attention, grouped_query_attention_bwd, grouped_query_attention_fwd
from .linear_attention import linear_attention, linear_attention_bwd, linear_attention_fwd
from .multi_head_attention import multi_head_attention, multi_head_attention_bwd, multi_head_attention_fwd
from .multi_query_attention import multi_query_attention, multi_query_attention_bwd, multi_query_attention_fwd
from .rotary import rotary, rotary_bwd, rotary_fwd
from .rotary_attention import rotary_attention, rotary_attention_bwd, rotary_attention_fwd
from .sliding_window_attention import (
    sliding_window_attention,
    sliding_window_attention_bwd,
    sliding_window_attention_fwd,
)

__all__ = [
    "alibi_attention",
    "alibi_attention_bwd",
    "alibi_attention_fwd",
    "attention",
    "attention_bwd",
    "attention_fwd",
    "biased_attention",
    "biased_attention_bwd",
    "biased_attention_fwd",
    "blockwise_attention",
    "blockwise_attention_bwd",
    "blockwise_attention_fwd",
    "blockwise_causal_attention",
    "blockwise_causal_attention_bwd",
    "blockwise_causal_attention_fwd",
    "causal_attention",
    "causal_attention_bwd",
    "causal_attention_fwd",
    "cross_attention",
    "cross_attention_bwd",
    "cross_attention_fwd",
    "grouped_query_attention",
    "grouped_query_attention_bwd",
    "grouped_query_attention_fwd",
    "linear_attention",
    "linear_attention_bwd",
    "linear_attention_fwd",
    "multi_head_attention",
    "multi_head_attention_bwd",
    "multi_head_attention_fwd",
    "multi_query_attention",
    "multi_query_attention_bwd",
    "multi_query_attention_fwd",
    "rotary",
    "rotary_attention",
    "rotary_attention_bwd",
    "rotary_attention_fwd",
    "rotary_bwd",
    "rotary_fwd",
    "sliding_window_attention",
    "sliding_window_attention_bwd",
    "sliding_window_attention_fwd",
]
