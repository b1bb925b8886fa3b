"""Conditions that keep a product from having no value: [s > 0] x / s is 0 at s = 0, and x / s is not a number there.

A rewrite may drop a condition that another factor implies, as [c] Y = Y where Y = [c] a, unless it guards something.
"""

from __future__ import annotations

from fractions import Fraction

from derive.core.atoms import Atom, Function
from derive.core.terms import Factor


def guards(condition: Atom, factor: Factor) -> bool:
    """May the condition keep a factor from being divided by zero, or from a root or a logarithm that does not exist?"""
    of, exponent = factor
    if isinstance(of, Function) and of.name == "exp":
        return False
    partial = exponent < 0 or isinstance(exponent, Fraction) or isinstance(of, Function) and of.name == "log"
    if partial and condition.free and condition.free <= of.free:
        return True
    return any(guards(condition, inner) for child in of.children() for t in child.terms for inner in t.factors)
