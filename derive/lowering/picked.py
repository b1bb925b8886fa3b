"""A value of which only picked entries are read is computed at these alone: its equation is put in where it is read.

logP_c = x_c - log Σ_k exp(x_k),  L = -logP_y    ⟹    L = log Σ_k exp(x_k) - x_y
"""

from __future__ import annotations

from collections.abc import Iterable

from derive.calculus.deltas import within
from derive.calculus.reuse import unfold
from derive.core.atoms import Read
from derive.core.layer import Call, Equation, Layer, Statement, Symbol
from derive.core.traverse import atoms
from derive.lowering.residuals import with_statements


def with_picked_entries(layer: Layer, backward: Layer) -> tuple[Layer, Layer]:
    """The layer without values that are read by nothing but equations that pick entries of them; backward as it is."""
    kept = {*layer.outputs, *(s.name for s in backward.arguments)}
    for equation in layer.equations:
        later = [s for s in layer.statements if equation.symbol.name in s.reads]
        if equation.symbol.name not in kept and later and _picked(equation.symbol, later):
            put_in = unfold(equation)
            layer = with_statements(
                layer,
                (
                    Equation(s.symbol, put_in(s.expr)) if s in later and isinstance(s, Equation) else s
                    for s in layer.statements
                    if s is not equation
                ),
            )
    return layer, backward


def _picked(symbol: Symbol, readers: Iterable[Statement]) -> bool:
    """Is every read of it inside it, and at an entry of an integer tensor?"""
    for statement in readers:
        if isinstance(statement, Call):
            return False
        reads = [a for a in atoms(statement.expr) if isinstance(a, Read) and a.tensor == symbol.name]
        if not all(within(r, symbol.axes) and any(p.looked_up for p in r.at) for r in reads):
            return False
    return True
