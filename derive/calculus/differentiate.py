"""Carry out a differentiation step by step: from ∂Y/∂X through the rules of calculus to contracted deltas."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from derive.calculus.deltas import contract, distribute
from derive.calculus.rules import (
    bare_read,
    check_finished,
    d_entry,
    d_function,
    d_maximum,
    d_power,
    d_product,
    d_sum,
    definition,
    has_partials,
    rewrite_partials,
)
from derive.calculus.steps import Rule, Trail
from derive.core.atoms import Paren, Partial, Read
from derive.core.layer import Equation, Symbol
from derive.core.terms import Expr

DEFINITION = r"\text{a name and its definition are equal}"
ENTRIES = r"\frac{\partial X_{i}}{\partial X_{p}} = \delta_{i,p}"
CALCULUS = (
    ("linearity", r"\partial \left(\sum c\, a + b\right) = \sum c\, \partial a + \partial b", d_sum),
    ("product rule", r"\partial (a b) = (\partial a)\, b + a\, \partial b", d_product),
    ("power rule", r"\partial a^{n} = n\, a^{n-1} \partial a", d_power),
    ("function rule", r"\partial f(u) = f'(u)\, \partial u", d_function),
    ("first maximum", r"\partial \max_{k} a_{k} = \sum_{k} \left[k = \arg\max a\right] \partial a_{k}", d_maximum),
)
DISTRIBUTE = Rule("distribute", r"a (b + c) = a b + a c", distribute)


def differentiate(trail: Trail, equations: Mapping[str, Equation], names: Mapping[str, Symbol]) -> None:
    """Work out every partial derivative, down to Kronecker deltas, and contract them; `names` are all in scope."""
    contracted = Rule("contract deltas", r"\sum_{j} \delta_{j,k} f_{j} = f_{k}", partial(contract, names=names))
    put_in_definitions(trail, equations)
    while has_partials(trail.value):
        changed = False
        for name, law, rule in CALCULUS:
            changed |= trail.take(Rule(name, law, partial(rewrite_partials, rule=rule)))
        if not changed:
            trail.take(Rule("independent entries", ENTRIES, partial(rewrite_partials, rule=d_entry)))
            check_finished(trail.value)
    while trail.take(DISTRIBUTE) | trail.take(contracted):
        pass


def put_in_definitions(trail: Trail, equations: Mapping[str, Equation]) -> None:
    """∂Y/∂X becomes the derivative of Y's right-hand side."""
    names = sorted({r.tensor for r in derived_reads(trail.value)} & set(equations))
    if names:
        rule = definition(equations)
        shown = ", ".join(equations[n].symbol.shown for n in names)
        trail.take(Rule(f"definition of {shown}", DEFINITION, partial(rewrite_partials, rule=rule)))


def derived_reads(value: Expr) -> list[Read]:
    """The tensors whose derivatives stand in an expression."""
    found = []
    for term in value.terms:
        for factor, _ in term.factors:
            if isinstance(factor, Partial) and (bare := bare_read(factor.of)) is not None:
                found.append(bare)
            elif isinstance(factor, Paren):
                found.extend(derived_reads(factor.body))
    return found
