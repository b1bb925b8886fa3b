"""The mean of no entries is not a number: an error of ours, before NumPy's warning."""

from __future__ import annotations

from ..shapes import Array


def nonempty(layer: str, name: str, axis: str, array: Array) -> None:
    """Raise a ValueError unless there is an entry to take the mean of."""
    if array.size == 0:
        raise ValueError(f"{layer}: {name}, axis {axis}: expected at least 1 entry, given shape {array.shape}.")
