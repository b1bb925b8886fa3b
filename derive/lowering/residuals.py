"""What the backward pass needs of the forward pass: a part that both compute is computed once, and handed over.

    L = Σ (X W - Y)²          R = X W - Y,  L = Σ R²
    dW = 2 Xᵀ (X W - Y)       dW = 2 Xᵀ R

The equations stay as their author wrote them; only the code has the name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from derive.calculus.backward import with_sizes
from derive.calculus.reuse import reuse
from derive.core.atoms import Function, Maximum, Paren, Read
from derive.core.axes import Index
from derive.core.layer import Call, Equation, Layer, Role, Statement, Symbol
from derive.core.terms import Expr
from derive.core.traverse import atoms

# For a column, and for anything else.
NAMES = ("r", "R")


def with_parts_in_common(forward: Layer, backward: Layer) -> tuple[Layer, Layer]:
    """The layer and its backward layer, with a name for a sum that stands in both, where that saves work or memory."""
    taken = {*forward.symbols, *backward.symbols, *(i.name for i in (*forward.indices, *backward.indices))}
    for place, statement in enumerate(forward.statements):
        for body in sums(statement):
            axes = axes_of(body)
            name = NAMES[len(axes) > 1 or axes[0].leading]
            part = Equation(Symbol(name, axes, Role.VALUE), body)
            shared = with_part(forward, backward, part) if name not in taken else None
            if shared is not None:
                above, below = forward.statements[:place], forward.statements[place:]
                statements = (*above, part, *(with_name(s, part) for s in below))
                return with_statements(forward, statements), shared
    return forward, backward


def with_part(layer: Layer, backward: Layer, part: Equation) -> Layer | None:
    """The backward layer that is given the part; None where that saves neither a product nor a residual."""
    statements = [with_name(s, part) for s in backward.statements]
    if not any(part.symbol.name in s.reads for s in statements):
        return None
    shared = given_part(layer, backward, part.symbol, statements)
    more = len(shared.arguments) - len(backward.arguments)
    if more >= 0 and not any(t.bound for t in part.expr.terms) or more > 0:
        return None
    return shared


def given_part(layer: Layer, backward: Layer, part: Symbol, statements: Sequence[Statement]) -> Layer:
    """The backward layer with these statements, which may read one more value of the forward layer."""
    count = len(layer.outputs)
    known, cotangents = [*backward.arguments[:-count], part], list(backward.arguments[-count:])
    reads = {name for s in statements for name in s.reads}
    residuals = with_sizes([s for s in known if s.name in reads], cotangents, list(statements), known)
    return replace(backward, arguments=(*residuals, *cotangents), statements=tuple(statements))


def with_statements(layer: Layer, statements: Iterable[Statement]) -> Layer:
    statements = tuple(statements)
    return layer if statements == layer.statements else replace(layer, statements=statements)


def with_name(statement: Statement, part: Equation) -> Statement:
    return statement if isinstance(statement, Call) else Equation(statement.symbol, reuse(statement.expr, part))


def sums(statement: Statement) -> Iterator[Expr]:
    """The sums of several terms in an equation that have a value whatever the entries are."""
    if isinstance(statement, Call) or any(a.boolean for a in atoms(statement.expr)):
        return
    for factor in atoms(statement.expr):
        if isinstance(factor, Paren) and len(factor.body.terms) > 1 and factor.free:
            inside = list(atoms(factor.body))
            if not any(isinstance(a, (Function, Maximum)) for a in inside) and all_positive(factor.body):
                yield factor.body


def all_positive(value: Expr) -> bool:
    """Is nothing divided by, but sizes and options?"""
    return all(e > 0 or (isinstance(a, Read) and not a.at) for t in value.terms for a, e in t.factors)


def axes_of(value: Expr) -> tuple[Index, ...]:
    """The free indices, in the order in which they are read."""
    reads = (a for a in atoms(value) if isinstance(a, Read))
    found = dict.fromkeys(i for a in reads for at in a.at for i in sorted(at.indices, key=str) if i in value.free)
    return tuple(sorted(found, key=lambda i: not i.leading))
