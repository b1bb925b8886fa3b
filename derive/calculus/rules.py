"""Differentiation as rewriting: each rule replaces some ∂(of)/∂(entry) by what it is worth.

A rule is a named function from one partial derivative to an expression, or to None where it does not apply. Tensors
other than the entry's own are held fixed; only the primitives of the table have derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from derive.core.atoms import (
    Argmax,
    Atom,
    Bracket,
    Function,
    Maximum,
    Paren,
    Partial,
    Read,
    Test,
    exponential,
    open_scope,
)
from derive.core.axes import Affine
from derive.core.layer import Equation
from derive.core.primitives import PRIMITIVES
from derive.core.terms import ONE, ZERO, Expr, Term, add, atom, expr, from_term, multiply, power, scale, total
from derive.errors import DifferentiationError, InternalError

PartialRule = Callable[[Partial], Expr | None]


def rewrite_partials(value: Expr, rule: PartialRule) -> Expr:
    """`value` with every partial derivative replaced by what the rule says, in parentheses too."""
    terms = []
    for term in value.terms:
        if not any(isinstance(a, (Partial, Paren)) for a, _ in term.factors):
            terms.append(Expr((term,)))
            continue
        parts = [_rewrite_factor(a, e, rule) for a, e in term.factors]
        terms.append(total(multiply(expr(term.coefficient), *parts), term.bound))
    return add(*terms)


def _rewrite_factor(factor: Atom, exponent, rule: PartialRule) -> Expr:
    if isinstance(factor, Partial):
        result = rule(factor)
        return atom(factor) if result is None else result
    if isinstance(factor, Paren):
        return power(rewrite_partials(factor.body, rule), exponent)
    return atom(factor, exponent)


def has_partials(value: Expr) -> bool:
    return any(
        isinstance(a, Partial) or isinstance(a, Paren) and has_partials(a.body)
        for t in value.terms
        for a, _ in t.factors
    )


def depends(factor: Atom, tensor: str) -> bool:
    """Can the derivative by an entry of `tensor` be other than 0? A condition is constant almost everywhere."""
    if isinstance(factor, (Test, Bracket, Argmax)):
        return False
    if isinstance(factor, Read):
        return factor.tensor == tensor
    return any(depends(a, tensor) for child in factor.children() for t in child.terms for a, _ in t.factors)


def definition(equations: Mapping[str, Equation]) -> PartialRule:
    """∂Y[α]/∂X = ∂(right-hand side of Y at α)/∂X"""

    def rule(partial: Partial) -> Expr | None:
        read = bare_read(partial.of)
        if read is None or read.tensor == partial.entry.tensor or read.tensor not in equations:
            return None
        return atom(Partial(instantiate(equations[read.tensor], read), partial.entry))

    return rule


def instantiate(equation: Equation, read: Read) -> Expr:
    """The right-hand side of an equation at the indices of a read of its tensor."""
    return equation.expr.substitute(dict(zip(equation.symbol.axes, read.at, strict=True)))


def bare_read(value: Expr) -> Read | None:
    """The read, when the expression is nothing but one read."""
    term = value.only
    if term is None or term.coefficient != 1 or term.bound or len(term.factors) != 1:
        return None
    factor, exponent = term.factors[0]
    return factor if isinstance(factor, Read) and exponent == 1 else None


def d_sum(partial: Partial) -> Expr | None:
    """∂(Σ c a + b) = Σ c ∂a + ∂b; what does not depend on the variable comes out, or drops"""
    tensor = partial.entry.tensor
    parts = [_d_term(t, partial.entry) for t in partial.of.terms if any(depends(a, tensor) for a, _ in t.factors)]
    result = add(*parts)
    return None if result == atom(partial) else result


def _d_term(term: Term, entry: Read) -> Expr:
    term = term.apart(i.name for i in entry.free)
    tensor = entry.tensor
    fixed = tuple((a, e) for a, e in term.factors if not depends(a, tensor))
    moving = tuple((a, e) for a, e in term.factors if depends(a, tensor))
    derivative = atom(Partial(from_term(Term(1, moving)), entry))
    return total(multiply(from_term(Term(term.coefficient, fixed)), derivative), term.bound)


def d_product(partial: Partial) -> Expr | None:
    """∂(a b) = ∂a b + a ∂b"""
    term = partial.of.only
    if term is None or term.bound or len(term.factors) < 2:
        return None
    result = ZERO
    for position, (factor, exponent) in enumerate(term.factors):
        if depends(factor, partial.entry.tensor):
            others = term.factors[:position] + term.factors[position + 1 :]
            derivative = atom(Partial(atom(factor, exponent), partial.entry))
            result = add(result, multiply(from_term(Term(term.coefficient, others)), derivative))
    return result


def d_power(partial: Partial) -> Expr | None:
    """∂(a^n) = n a^(n-1) ∂a"""
    term = partial.of.only
    if term is None or term.bound or len(term.factors) != 1 or term.factors[0][1] == 1:
        return None
    factor, exponent = term.factors[0]
    if exponential(factor):
        return None
    base = factor.body if isinstance(factor, Paren) else atom(factor)
    outer = multiply(expr(term.coefficient * exponent), atom(factor, exponent - 1))
    return multiply(outer, atom(Partial(base, partial.entry)))


def d_function(partial: Partial) -> Expr | None:
    """∂f(u) = f'(u) ∂u, with f' from the table of primitives"""
    term = partial.of.only
    if term is None or term.coefficient != 1 or term.bound or len(term.factors) != 1:
        return None
    factor, exponent = term.factors[0]
    if not isinstance(factor, Function) or (exponent != 1 and not exponential(factor)):
        return None
    row = PRIMITIVES.get(factor.name)
    if row is None:
        raise DifferentiationError(f"{factor.name} has no derivative. Add it to the table of primitives.")
    # The normal form has exp(c u) as exp(u)^c, which is differentiated as the function that it is.
    argument = scale(factor.argument, exponent)
    return multiply(row.derivative(argument, partial.of), atom(Partial(argument, partial.entry)))


def d_maximum(partial: Partial) -> Expr | None:
    """∂ max_k a_k = Σ_k [k = argmax a] ∂a_k: where several are largest, the first takes the derivative"""
    term = partial.of.only
    if term is None or term.coefficient != 1 or term.bound or len(term.factors) != 1:
        return None
    factor, exponent = term.factors[0]
    if not isinstance(factor, Maximum) or exponent != 1:
        return None
    body, over = open_scope(factor.body, factor.over, {i.name for i in partial.free})
    first = Argmax(body, over, tuple(Affine.of(i) for i in over))
    return total(multiply(atom(first), atom(Partial(body, partial.entry))), over)


def d_entry(partial: Partial) -> Expr | None:
    """∂X[β]/∂X[p] = δ(β, p): the entries of a tensor are independent"""
    read = bare_read(partial.of)
    if read is None:
        return None
    if read.tensor != partial.entry.tensor:
        return ZERO
    deltas: list[Expr] = []
    for here, there in zip(read.at, partial.entry.at, strict=True):
        difference = there - here
        deltas.append(atom(Bracket("==", difference)) if difference != Affine(()) else ONE)
    return multiply(*deltas)


def check_finished(value: Expr) -> None:
    if has_partials(value):
        raise InternalError(f"a partial derivative is left in {value!r}")
