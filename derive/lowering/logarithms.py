"""Logarithms of quotients of exponentials are taken of the exponents: where P underflows to 0, log P has a value.

    P_j = exp(x_j) / Σ_k exp(x_k)    ⟹    log P_j = x_j - log Σ_k exp(x_k)
    p = sigmoid(x)                   ⟹    log p = -softplus(-x),    log(1 - p) = -softplus(x)

Where P has a name its logarithm is given one too, in the code alone, and what the backward pass reads of it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from derive.calculus.deltas import within
from derive.core.atoms import Atom, Function, Paren, Read, exponential
from derive.core.layer import Call, Equation, Layer, Role, Statement, Symbol
from derive.core.terms import ONE, Expr, Rational, add, apply, atom, expr, multiply, power, scale, total
from derive.core.traverse import rebuild
from derive.lowering.residuals import given_part, with_statements


def with_logarithms(layer: Layer, backward: Layer) -> tuple[Layer, Layer]:
    """A layer and its backward layer with a name for every such logarithm that either takes."""
    layer, backward = (with_statements(one, map(_inline, one.statements)) for one in (layer, backward))
    for equation in list(layer.equations):
        for log in _logarithms(equation, {*layer.symbols, *backward.symbols}):
            layer, backward = _named(layer, backward, equation, log)
    return layer, backward


def _inline(statement: Statement) -> Statement:
    """log(exp(x) / Σ exp(y)) = x - log Σ exp(y) where no name stands between."""
    return _rewritten(statement, _log)


def _logarithms(equation: Equation, taken: set[str]) -> Iterator[tuple[Callable[[Read], Expr], Equation]]:
    """What a logarithm may be taken of, at an entry of the tensor, and the equation of the logarithm."""
    for prefix, form in (("log_", lambda entry: atom(entry)), ("log1m_", lambda entry: add(ONE, -atom(entry)))):
        of = form(equation.symbol.entry())
        value = _log(equation.expr if prefix == "log_" else add(ONE, -equation.expr))
        name = f"{prefix}{equation.symbol.name}"
        if value is not None and name not in taken and of.free == frozenset(equation.symbol.axes):
            yield form, Equation(Symbol(name, equation.symbol.axes, Role.VALUE), value)


def _named(
    layer: Layer, backward: Layer, of: Equation, log: tuple[Callable[[Read], Expr], Equation]
) -> tuple[Layer, Layer]:
    form, equation = log

    def value(argument: Expr) -> Expr | None:
        entry = next((a for a in _entries(argument, of.symbol.name) if form(a) == argument), None)
        if entry is None or not within(entry, of.symbol.axes):
            return None
        return atom(Read(equation.symbol.name, entry.at))

    forward = [_rewritten(s, value) for s in layer.statements]
    behind = [_rewritten(s, value) for s in backward.statements]
    if not any(equation.symbol.name in s.reads for s in (*forward, *behind)):
        return layer, backward
    place = 1 + next(n for n, s in enumerate(layer.statements) if s is of or s.defines == of.defines)
    layer = with_statements(layer, (*forward[:place], equation, *forward[place:]))
    return layer, given_part(layer, backward, equation.symbol, behind)


def _entries(value: Expr, tensor: str) -> Iterator[Read]:
    return (a for t in value.terms for a, _ in t.factors if isinstance(a, Read) and a.tensor == tensor)


def _rewritten(statement: Statement, value: Callable[[Expr], Expr | None]) -> Statement:
    """The statement with the logarithms replaced of which `value` knows what they are worth."""
    if isinstance(statement, Call):
        return statement
    found = _replaced(statement.expr, value)
    return statement if found == statement.expr else Equation(statement.symbol, found)


def _replaced(value: Expr, log: Callable[[Expr], Expr | None]) -> Expr:
    terms = []
    for term in value.terms:
        parts = [expr(term.coefficient)]
        for factor, exponent in term.factors:
            known = log(factor.argument) if isinstance(factor, Function) and factor.name == "log" else None
            if known is None:
                children = tuple(_replaced(c, log) for c in factor.children())
                known = rebuild(factor, children) if children else atom(factor)
            parts.append(power(known, exponent))
        terms.append(total(multiply(*parts), term.bound))
    return add(*terms)


def _log(value: Expr) -> Expr | None:
    """The logarithm of a product of exponentials and of sums of exponentials, or of a sigmoid; None of all else."""
    term = value.only
    if term is None:
        return _log_of_the_rest(value)
    if term.coefficient != 1 or term.bound or not term.factors:
        return None
    parts = [_log_of_power(factor, exponent) for factor, exponent in term.factors]
    known = [part for part in parts if part is not None]
    return add(*known) if len(known) == len(parts) else None


def _log_of_power(factor: Atom, exponent: Rational) -> Expr | None:
    if isinstance(factor, Function) and factor.name == "exp":
        return scale(factor.argument, exponent)
    if isinstance(factor, Function) and factor.name == "sigmoid":
        return scale(apply("softplus", -factor.argument), -exponent)
    if isinstance(factor, Paren) and all(exponential(a) for t in factor.body.terms for a, _ in t.factors):
        return scale(apply("log", factor.body), exponent) if all(t.factors for t in factor.body.terms) else None
    return None


def _log_of_the_rest(value: Expr) -> Expr | None:
    """log(1 - sigmoid(x)) = -softplus(x)"""
    rest = add(ONE, -value).only
    if rest is None or rest.coefficient != 1 or rest.bound or len(rest.factors) != 1:
        return None
    factor, exponent = rest.factors[0]
    if exponent != 1 or not isinstance(factor, Function) or factor.name != "sigmoid":
        return None
    return -apply("softplus", factor.argument)
