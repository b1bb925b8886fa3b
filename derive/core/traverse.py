"""Walking over expressions: into the atoms, and back out with something changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from derive.core.atoms import Argmax, Atom, Function, Maximum, Paren, Partial, Read, Test
from derive.core.axes import Index
from derive.core.terms import Expr, add, apply, atom, expr, multiply, power, total

REBUILD: dict[type[Atom], Callable[..., Expr]] = {
    Function: lambda factor, argument: apply(factor.name, argument),
    Paren: lambda factor, body: body,
    Test: lambda factor, argument: atom(Test(factor.relation, argument)),
    Maximum: lambda factor, body: atom(Maximum(body, factor.over)),
    Argmax: lambda factor, body: atom(Argmax(body, factor.over, factor.at)),
    Partial: lambda factor, of: atom(Partial(of, factor.entry)),
}


def rebuild(factor: Atom, children: tuple[Expr, ...]) -> Expr:
    """An atom, as an expression, with other expressions inside."""
    return REBUILD[type(factor)](factor, *children) if children else atom(factor)


def transform(value: Expr, function) -> Expr:
    """`value` with `function` applied to every expression inside its atoms, innermost first, then to itself."""
    return function(map_children(value, lambda child: transform(child, function)))


def map_children(value: Expr, function) -> Expr:
    """`value` with `function` applied to each expression directly inside one of its atoms."""
    if not any(a.children() for t in value.terms for a, _ in t.factors):
        return value
    terms = []
    for term in value.terms:
        parts = [
            power(rebuild(a, tuple(function(c) for c in a.children())), e) if a.children() else atom(a, e)
            for a, e in term.factors
        ]
        # The bound indices of the term are free in its parts: bind them after multiplying.
        terms.append(total(multiply(expr(term.coefficient), *parts), term.bound))
    return add(*terms)


def atoms(value: Expr) -> Iterator[Atom]:
    """Every atom of an expression, at any depth, outermost first."""
    for term in value.terms:
        for factor, _ in term.factors:
            yield factor
            for child in factor.children():
                yield from atoms(child)


def bound_indices(value: Expr) -> Iterator[Index]:
    """The indices of all sums and maxima, at any depth."""
    for term in value.terms:
        yield from term.bound
        for factor, _ in term.factors:
            yield from factor.over if isinstance(factor, (Argmax, Maximum)) else ()
            for child in factor.children():
                yield from bound_indices(child)


def tensors_read(value: Expr) -> dict[str, None]:
    """The names of all tensors, sizes and options that an expression reads, in order of appearance."""
    names: dict[str, None] = {}
    for factor in atoms(value):
        names.update((r.tensor, None) for r in factor.lookups())
        if isinstance(factor, Read):
            names[factor.tensor] = None
        elif isinstance(factor, Partial):
            names[factor.entry.tensor] = None
    return names
