"""Reads textbook LaTeX, in index and in matrix notation, and evaluates it on arrays. Knows nothing of `derive`."""

from .aligned import split_aligned, split_entry, split_matrix
from .index import evaluate_index
from .matrix import evaluate_matrix
from .tokens import ReaderError

__all__ = ["ReaderError", "evaluate_index", "evaluate_matrix", "split_aligned", "split_entry", "split_matrix"]
