"""Printing sizes and coefficients: n + 2 p - 1, s, ⌊(n - K)/s⌋ + 1."""

from __future__ import annotations

from fractions import Fraction

import sympy

from derive.core.axes import Coefficient, symbolic
from derive.errors import NotationError
from derive.printers.style import Fractions, Style


class SizePrinter:
    """Prints SymPy expressions of sizes and options in one style."""

    def __init__(self, style: Style):
        self.style = style
        self.known: dict[sympy.Expr, list[tuple[bool, str]]] = {}

    def coefficient(self, value: Coefficient) -> tuple[bool, str]:
        """Sign and absolute value of a coefficient; nothing for one."""
        terms = self.terms(symbolic(value))
        if len(terms) > 1:
            return False, self.style.parens(self.style.sum(terms))
        negative, text = terms[0]
        return negative, "" if text == "1" else text

    def size(self, value: Coefficient) -> str:
        """The size of an axis, or a coefficient."""
        return self.style.sum(self.terms(symbolic(value)))

    def terms(self, value: sympy.Expr) -> list[tuple[bool, str]]:
        """(negative, absolute value) of each term, the positive first."""
        if value not in self.known:
            parts = sorted(sympy.Add.make_args(value), key=lambda a: (a.is_number, not a.is_Symbol, str(a)))
            self.known[value] = sorted((self._term(a) for a in parts), key=lambda t: t[0])
        return self.known[value]

    def _term(self, value: sympy.Expr) -> tuple[bool, str]:
        number, rest = value.as_coeff_Mul()
        fractions = Fractions()
        for factor in sympy.Mul.make_args(rest) if rest != 1 else ():
            base, exponent = factor.as_base_exp()
            text = self._atom(base)
            power = abs(int(exponent))
            text = text if power == 1 else self.style.power(text, power)
            (fractions.scalars if exponent > 0 else fractions.scalars_below).append(text)
        coefficient = abs(Fraction(int(number.p), int(number.q)))
        return bool(number < 0), self.style.term(coefficient, fractions, "", Fractions())

    def _atom(self, value: sympy.Expr) -> str:
        if value.is_Symbol:
            return self.style.name(str(value))
        if isinstance(value, sympy.floor):
            return self.style.function("floor", self._floored(value.args[0]))
        if value.is_Add:
            return self.style.parens(self.size(value))
        kind = type(value).__name__
        raise NotationError(f"the size {value} is made of {kind}. Use sums, products and floor division.")

    def _floored(self, value: sympy.Expr) -> str:
        """⌊(a + b)/c⌋ with one denominator."""
        above, below = sympy.fraction(sympy.together(value))
        if below == 1:
            return self.size(above)
        top, bottom = self.size(above), self.size(below)
        fractions = Fractions(bare=top, bare_below=bottom)
        fractions.above = [self.style.parens(top) if above.is_Add else top]
        fractions.below = [bottom if below.is_Symbol else self.style.parens(bottom)]
        return self.style.term(1, fractions, "", Fractions())
