"""Data of which the declared facts are true: rows are given their sums, and a symmetric matrix its other half."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import sympy

from derive.core.facts import Fact, SumFact
from derive.core.layer import Layer, Symbol
from derive.errors import CheckError
from derive.language.sympy_form import to_sympy
from derive.witnesses.entries import Array, Number, leads, sympy_number

# One fact may undo a little of another: they are seen to in turn.
ROUNDS, CLOSE = 200, 1e-13


def satisfying(layer: Layer, arguments: Mapping[str, Array], scalars: Mapping[str, Number]) -> dict[str, Array]:
    """The arguments, moved to where the facts that the layer declares of them hold.

    Raises CheckError where no data are found: facts may exclude one another.
    """
    result = dict(arguments)
    symbols = {s.name: s for s in layer.arguments}
    for _ in range(ROUNDS):
        settled = True
        for fact in layer.facts:
            before = result[fact.tensor]
            result[fact.tensor] = moved(before, fact, symbols[fact.tensor], scalars)
            settled &= close(result[fact.tensor], before)
        if settled:
            return result
    texts = "; ".join(f.text for f in layer.facts)
    raise CheckError(f"{layer.name}: no data were found for which all holds that is declared: {texts}.")


def close(array: Array, other: Array) -> bool:
    return bool(np.max(np.abs((array - other).astype(float)), initial=0) <= CLOSE)


def moved(array: Array, fact: Fact, symbol: Symbol, scalars: Mapping[str, Number]) -> Array:
    """An array near this one of which the fact is true."""
    if isinstance(fact, SumFact):
        over = tuple(axis for n in fact.over for axis in array_axes(array, symbol, n))
        return summing_to(array, over, number(fact, scalars, exact=array.dtype == object))
    first, second = (axis for n in fact.exchanged for axis in array_axes(array, symbol, n))
    return mirrored(array, first, second)


def summing_to(array: Array, over: tuple[int, ...], value: Number) -> Array:
    """Positive entries are scaled and stay positive; others are shifted, as their sum may be near 0."""
    sums = array.sum(axis=over, keepdims=True)
    if value > 0 and np.all(array > 0):
        return array * (value / sums)
    return array + (value - sums) / (array.size // max(sums.size, 1))


def mirrored(array: Array, first: int, second: int) -> Array:
    """The entries above the diagonal of two axes below it too."""
    rows, columns = np.indices(array.shape)[[first, second]]
    return np.where(rows <= columns, array, np.swapaxes(array, first, second))


def array_axes(array: Array, symbol: Symbol, position: int) -> tuple[int, ...]:
    """The axes of the array that a tensor's axis is: `...` may be several."""
    more = array.ndim - len(symbol.axes)
    if not leads(symbol):
        return (position,)
    return tuple(range(more + 1)) if position == 0 else (position + more,)


def number(fact: SumFact, scalars: Mapping[str, Number], exact: bool) -> Number:
    """The declared sum as a number."""
    value = to_sympy(fact.value)
    value = value.subs({s: sympy_number(scalars[s.name]) for s in value.free_symbols})
    return Fraction(int(value.p), int(value.q)) if exact and isinstance(value, sympy.Rational) else float(value)
