"""What the backward pass computes again, rather than that the forward pass keeps it.

    xhat = (X - μ) r,  Y = γ xhat + β          kept:  xhat, r, γ       →       kept:  X, μ, r, γ

Two operations on what is in the cache take less time than an array takes to be written to memory and read back, and X
is there anyway. This holds for what is made of a few products and sums of arguments, of smaller values and of what is
kept for other reasons, where the backward pass goes through its arrays a few items at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

from derive.calculus.backward import with_sizes
from derive.core.atoms import Paren, Read
from derive.core.layer import Equation, Layer, Role, Symbol
from derive.core.terms import Expr
from derive.core.traverse import atoms

# What is made of more entries than this is not made twice.
MOST = 4


def with_values_again(forward: Layer, backward: Layer, in_loops: Callable[[Layer], Collection[str]]) -> Layer:
    """The backward layer that computes cheap values itself; `in_loops` tells which are made a few items at a time."""
    for equation in candidates(forward, backward):
        computing = given_less(forward, backward, equation)
        if equation.symbol.name in in_loops(computing):
            backward = computing
    return backward


def candidates(forward: Layer, backward: Layer) -> Iterator[Equation]:
    """The equations of residuals that cost little."""
    kept = {s.name for s in backward.arguments if s.role is Role.VALUE} - set(forward.outputs)
    for statement in forward.statements:
        if isinstance(statement, Equation) and statement.symbol.name in kept:
            axes = statement.symbol.axes
            if axes and axes[0].leading and cheap(statement.expr) and _at_hand(statement, forward, backward):
                yield statement


def cheap(value: Expr) -> bool:
    """Is it made of few sums and products, entry by entry?"""
    factors = [f for t in value.terms for f in t.factors]
    inside = list(atoms(value))
    plain = all(isinstance(a, (Read, Paren)) for a in inside) and all(e in (1, 2) for _, e in factors)
    reads = sum(isinstance(a, Read) for a in inside)
    return plain and not any(t.bound for t in value.terms) and reads <= MOST


def _at_hand(equation: Equation, forward: Layer, backward: Layer) -> bool:
    """Are the arguments, or kept, or smaller, that it is made of?"""
    kept = {s.name for s in (*forward.arguments, *backward.arguments)}
    count = len(equation.symbol.axes)
    return all(name in kept or len(forward.symbols[name].axes) < count for name in equation.reads)


def given_less(forward: Layer, backward: Layer, equation: Equation) -> Layer:
    """The backward layer that computes the equation, and is given what that takes."""
    cotangents: list[Symbol] = list(backward.arguments[-len(forward.outputs) :])
    statements = (equation, *backward.statements)
    known = [s for s in forward.symbols.values() if s.role not in (Role.SIZE, Role.OPTION)]
    reads = {name for s in statements for name in s.reads} - {equation.symbol.name}
    residuals = with_sizes([s for s in known if s.name in reads], cotangents, list(statements), known)
    return replace(backward, arguments=(*residuals, *cotangents), statements=statements)
