"""Between arrays and entries: which sizes the shapes of the arguments give, and tensors as tables of Python numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import sympy

from derive.core.axes import Coefficient
from derive.core.layer import Layer, Symbol
from derive.errors import CheckError

Array = np.ndarray
Number = Any
Place = tuple[int, ...]
Entries = Mapping[Place, Number]


def leads(symbol: Symbol) -> bool:
    """Does the tensor have the group of leading axes?"""
    return bool(symbol.axes) and symbol.axes[0].leading


def bind(layer: Layer, shapes: Mapping[str, Place]) -> tuple[dict[str, int], Place]:
    """The sizes that the shapes of the arguments give, and the shape of the group of leading axes."""
    sizes: dict[str, int] = {}
    group: Place = ()
    for symbol in layer.arguments:
        shape, axes = shapes[symbol.name], symbol.axes
        if leads(symbol):
            count = len(shape) - len(axes) + 1
            group, shape, axes = shape[:count], shape[count:], axes[1:]
            sizes[symbol.axes[0].size.name] = math.prod(group)
        if len(shape) != len(axes):
            given = shapes[symbol.name]
            raise CheckError(f"{layer.name}: {symbol.name} has {len(symbol.axes)} axes but is given shape {given}.")
        sizes.update({i.size.name: n for i, n in zip(axes, shape, strict=True) if i.size.is_Symbol})
    return sizes, group


def entries_of(array: Array, symbol: Symbol) -> Entries:
    """An array's entries as Python numbers, its leading axes as one."""
    array = np.asarray(array)
    if leads(symbol):
        count = array.ndim - len(symbol.axes) + 1
        array = array.reshape(math.prod(array.shape[:count]), *array.shape[count:])
    return dict(zip(np.ndindex(array.shape), array.ravel().tolist(), strict=True))


def filled(entries: Entries, shape: Place, exact: bool = False) -> Array:
    """Entries in row-major order as an array of floats, of complex numbers where there are any, or of exact numbers."""
    values = list(entries.values())
    kind = object if exact else complex if any(isinstance(v, complex) for v in values) else float
    array = np.empty(len(values), kind)
    array[:] = values
    return array.reshape(shape)


def evaluated(value: Coefficient | float, scalars: Mapping[str, Number]) -> Number:
    """A number, or an expression in sizes and options, as a number."""
    if not isinstance(value, sympy.Basic):
        return value
    if value.is_Symbol and isinstance(scalars[value.name], int):
        return scalars[value.name]
    return substituted(value, *(scalars[name] for name in names_in(value)))


@lru_cache(maxsize=4096)
def names_in(value: sympy.Basic) -> tuple[str, ...]:
    return tuple(sorted(s.name for s in value.free_symbols))


# The same few sizes are asked for again and again.
@lru_cache(maxsize=4096, typed=True)
def substituted(value: sympy.Basic, *numbers: Number) -> Number:
    """The value at numbers for the symbols in it, in the order of their names."""
    by_name = dict(zip(names_in(value), numbers, strict=True))
    result = value.xreplace({s: sympy_number(by_name[s.name]) for s in value.free_symbols})
    return int(result) if result.is_Integer else float(result)


def sympy_number(value: Number) -> sympy.Expr:
    return sympy.Float(value) if isinstance(value, float) else sympy.Rational(value)


def integer(value: Coefficient, scalars: Mapping[str, Number]) -> int:
    """A size or a coefficient of an index; neither may be a fraction."""
    result = evaluated(value, scalars)
    if not isinstance(result, int):
        raise CheckError(f"{value} is {result} here, but a size or an index is an integer. Choose other sizes.")
    return result
