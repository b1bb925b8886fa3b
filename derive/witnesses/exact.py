"""Exact derivatives of rational layers: dual numbers over fractions, (a + b ε)(c + d ε) = ac + (ad + bc) ε, ε² = 0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from derive.core.atoms import Atom, Function, Read
from derive.core.layer import Call, Layer
from derive.core.traverse import atoms
from derive.witnesses.entries import Array, Number
from derive.witnesses.interpret import interpret


@dataclass(frozen=True)
class Dual:
    """A number and its derivative."""

    real: Fraction
    slope: Fraction

    def __add__(self, other: Dual | int | Fraction) -> Dual:
        other = dual(other)
        return Dual(self.real + other.real, self.slope + other.slope)

    def __mul__(self, other: Dual | int | Fraction) -> Dual:
        other = dual(other)
        return Dual(self.real * other.real, self.real * other.slope + self.slope * other.real)

    def __pow__(self, exponent: int) -> Dual:
        return Dual(self.real**exponent, exponent * self.real ** (exponent - 1) * self.slope)

    __radd__ = __add__
    __rmul__ = __mul__


def dual(value: Dual | int | Fraction) -> Dual:
    return value if isinstance(value, Dual) else Dual(Fraction(value), Fraction(0))


def rational(layer: Layer) -> bool:
    """Are the layer's values fractions when its arguments are?"""
    for statement in layer.statements:
        if isinstance(statement, Call):
            if not rational(statement.layer):
                return False
        elif any(irrational(a) for a in atoms(statement.expr)) or not whole_exponents(statement.expr):
            return False
    return True


def irrational(atom: Atom) -> bool:
    return isinstance(atom, Function) or isinstance(atom, Read) and atom.tensor == "pi"


def whole_exponents(value) -> bool:
    return all(
        Fraction(exponent).denominator == 1 and all(map(whole_exponents, atom.children()))
        for term in value.terms
        for atom, exponent in term.factors
    )


def exact_gradient(
    layer: Layer, arguments: Mapping[str, Array], options: Mapping[str, Number], wrt: str, cotangents: tuple[Array, ...]
) -> Array:
    """The gradient of ⟨cotangents, outputs⟩ by one argument, one entry at a time, forward through dual numbers."""
    gradient = np.empty(arguments[wrt].shape, object)
    for place in np.ndindex(*gradient.shape):
        moved = arguments[wrt].copy()
        moved[place] = Dual(arguments[wrt].item(place), Fraction(1))
        values = interpret(layer, {**arguments, wrt: moved}, options)
        gradient[place] = sum(slopes(layer, values, cotangents), Fraction(0))
    return gradient


def slopes(layer: Layer, values: Mapping[str, Array], cotangents: tuple[Array, ...]) -> Iterator[Fraction]:
    """The terms of ⟨cotangents, derivatives of the outputs⟩."""
    for name, cotangent in zip(layer.outputs, cotangents, strict=True):
        for value, weight in zip(values[name].ravel(), cotangent.ravel(), strict=True):
            yield dual(value).slope * weight
