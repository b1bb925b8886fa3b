"""Which way a kernel runs: forwards, x[s t + d k - p] w[k], or backwards over the data, x[t - d k] w[k]."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from derive.core.atoms import Argmax, Maximum, Read
from derive.core.axes import Affine, Index, symbolic
from derive.core.layer import Call, Layer
from derive.core.terms import Expr, Term


class Kernel(Enum):
    """How a tensor is read where it may end: along a kernel in one of two directions, or along none."""

    FORWARD = "cross-correlation"
    BACKWARD = "convolution"
    NONE = "no kernel"
    # What is read outside takes no part, which is another matter than a 0.
    MAXIMUM = "inside a maximum"


def kernels(layer: Layer) -> list[Kernel]:
    """The ways in which a layer, or one that it calls, reads: no more than the kernels where there are any."""
    found = set(_of_layer(layer))
    if not found.isdisjoint((Kernel.FORWARD, Kernel.BACKWARD)):
        found.discard(Kernel.NONE)
    return [kind for kind in Kernel if kind in found]


def _of_layer(layer: Layer) -> Iterator[Kernel]:
    for equation in layer.equations:
        yield from _of_expr(equation.expr, layer)
    for statement in layer.statements:
        if isinstance(statement, Call):
            yield from _of_layer(statement.layer)


def _of_expr(value: Expr, layer: Layer) -> Iterator[Kernel]:
    for term in value.terms:
        yield from _of_term(term, layer)
        for factor, _ in term.factors:
            inside = {kind for child in factor.children() for kind in _of_expr(child, layer)}
            yield from [Kernel.MAXIMUM] if inside and isinstance(factor, (Argmax, Maximum)) else inside


def _of_term(term: Term, layer: Layer) -> Iterator[Kernel]:
    """A kernel is read at a bare index over which the term sums, and at which another tensor is read with others."""
    reads = [a for a, _ in term.factors if isinstance(a, Read) and a.at]
    for read in reads:
        axes = layer.symbols[read.tensor].axes
        for place, axis in zip(read.at, axes, strict=True):
            taps = [i for i in place.indices if any(a.plain == i for r in reads if r is not read for a in r.at)]
            bound = [i for i in taps if i in term.bound]
            if len(place.indices) > 1 and bound:
                yield Kernel.FORWARD if all(_forwards(place, tap) for tap in bound) else Kernel.BACKWARD
            elif place.plain is None and place.looked_up is None and not _inside(place, axis):
                yield Kernel.NONE


def _inside(place: Affine, axis: Index) -> bool:
    """Is a place always on its axis, as a row of windows without padding is?"""
    return place.never_negative and (Affine((), axis.size - 1) - place).never_negative


def _forwards(place: Affine, tap: Index) -> bool:
    """Does the tap move the place in the direction in which the other indices do?"""
    signs = {bool(symbolic(c).could_extract_minus_sign()) for i, c in place.terms if i != tap}
    return signs == {bool(symbolic(place.coefficient(tap)).could_extract_minus_sign())}
