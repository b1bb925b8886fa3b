"""Printing matrix notation: one row per kind of tree, with what it binds as tightly as.

Σ of terms < ⊙ < product < transposition sign and powers < a single symbol or parenthesis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from derive.core.axes import Index
from derive.core.terms import Rational
from derive.notation.matrices import (
    Applied,
    Apply,
    Condition,
    Diag,
    Diagonal,
    Hadamard,
    Leaf,
    Mask,
    Matrix,
    MatrixForm,
    Number,
    Ones,
    Power,
    Product,
    Scaled,
    SquaredNorm,
    Sum,
    Trace,
    Transpose,
)
from derive.notation.ordering import Names
from derive.printers.base import IndexPrinter
from derive.printers.lines import FACTOR
from derive.printers.scope import Scope
from derive.printers.style import Style, magnitude

SUM, ENTRYWISE, QUOTIENT, PRODUCT, POSTFIX, SYMBOL = range(6)
Printed = tuple[str, int]


class MatrixPrinter:
    """Prints trees over named tensors in one style."""

    def __init__(self, style: Style, names: Names):
        self.style = style
        self.index = IndexPrinter(style, names)
        self.scope: Scope = self.index.scope(())

    def print(self, tree: Matrix | MatrixForm, axes: Sequence[Index] = ()) -> str:
        """The notation of a tree whose entries stand at `axes`."""
        self.scope = self.index.scope(axes)
        return self.visit(tree.tree if isinstance(tree, MatrixForm) else tree)[0]

    def visit(self, tree: Matrix) -> Printed:
        return ROWS[type(tree)](self, tree)

    def at_least(self, tree: Matrix, level: int) -> str:
        """In parentheses unless it binds at least as tightly as `level`."""
        text, binds = self.visit(tree)
        return text if binds >= level else self.style.parens(text)

    def raised(self, tree: Matrix) -> str:
        """Ready to take a transposition sign or a power."""
        return self.style.tensor(tree.name) if isinstance(tree, Leaf) else self.at_least(tree, SYMBOL)

    def leaf(self, tree: Leaf) -> Printed:
        return self.style.name(tree.name), SYMBOL

    def applied(self, tree: Applied) -> Printed:
        return self.style.operator(tree.operator.letter, tree.operator.of), SYMBOL

    def ones(self, tree: Ones) -> Printed:
        return self.style.ones, SYMBOL

    def number(self, tree: Number) -> Printed:
        sign = "-" if tree.value < 0 else ""
        return sign + self.style.number(magnitude(tree.value)), SUM if sign else SYMBOL

    def transpose(self, tree: Transpose) -> Printed:
        return self.style.transpose(self.raised(tree.of)), POSTFIX

    def product(self, tree: Product) -> Printed:
        return self.style.product([self.at_least(f, POSTFIX) for f in tree.factors]), PRODUCT

    def hadamard(self, tree: Hadamard) -> Printed:
        sign = f" {FACTOR}{self.style.hadamard} "
        return sign.join(self.at_least(f, POSTFIX) for f in tree.factors), ENTRYWISE

    def power(self, tree: Power) -> Printed:
        return self.style.entrywise_power(self.raised(tree.of), tree.exponent), POSTFIX

    def apply(self, tree: Apply) -> Printed:
        return self.style.function(tree.function, self.visit(tree.of)[0]), SYMBOL

    def condition(self, tree: Condition) -> Printed:
        left, right = self.visit(tree.left)[0], self.visit(tree.right)[0]
        return self.style.iverson(left, tree.relation, right), SYMBOL

    def mask(self, tree: Mask) -> Printed:
        return self.index.atom(tree.bracket, self.scope), SYMBOL

    def diag(self, tree: Diag | Diagonal) -> Printed:
        if isinstance(tree, Diag) and isinstance(tree.of, Ones):
            return self.style.identity, SYMBOL
        return self.style.named("diag", self.visit(tree.of)[0]), SYMBOL

    def trace(self, tree: Trace) -> Printed:
        return self.style.named("tr", self.visit(tree.of)[0]), SYMBOL

    def squared_norm(self, tree: SquaredNorm) -> Printed:
        return self.style.squared_norm(self.visit(tree.of)[0], tree.rank), POSTFIX

    def scaled(self, tree: Scaled) -> Printed:
        """coefficient, scalars, body, and scalar divisors behind."""
        above = [(t, e) for t, e in tree.scalars if e > 0]
        below = [self.scalar(t, -e, alone=False) for t, e in tree.scalars if e < 0]
        alone = tree.body is None and len(above) == 1
        number = magnitude(tree.coefficient)
        parts = [self.style.number(number)] if number != 1 else []
        parts += [self.scalar(t, e, alone=alone) for t, e in above]
        level = PRODUCT
        if tree.body is not None:
            only = not parts and not below
            body, binds = self.visit(tree.body)
            level = ENTRYWISE if binds == ENTRYWISE else PRODUCT
            parts.append(body if binds >= (SUM if only else ENTRYWISE) else self.style.parens(body))
        text = self.style.product(parts) or "1"
        if below:
            text, level = self.style.over(text, below), min(level, QUOTIENT)
        return ("-" + text, SUM) if tree.coefficient < 0 else (text, level)

    def scalar(self, tree: Matrix, exponent: Rational, alone: bool) -> str:
        if exponent == Fraction(1, 2):
            return self.style.root(self.visit(tree)[0])
        if exponent == 1:
            return self.at_least(tree, PRODUCT if alone and exponent > 0 else POSTFIX)
        return self.style.power(self.at_least(tree, SYMBOL), exponent)

    def sum(self, tree: Sum) -> Printed:
        terms = []
        for term in tree.terms:
            negative = isinstance(term, (Scaled, Number)) and _sign(term) < 0
            text = self.visit(term)[0]
            terms.append((negative, text[1:].lstrip() if negative else text))
        return self.style.sum(terms), SUM


def _sign(term: Scaled | Number) -> Rational:
    return term.coefficient if isinstance(term, Scaled) else term.value


ROWS: dict[type[Matrix], Callable[..., Printed]] = {
    Leaf: MatrixPrinter.leaf,
    Applied: MatrixPrinter.applied,
    Ones: MatrixPrinter.ones,
    Number: MatrixPrinter.number,
    Transpose: MatrixPrinter.transpose,
    Product: MatrixPrinter.product,
    Hadamard: MatrixPrinter.hadamard,
    Power: MatrixPrinter.power,
    Apply: MatrixPrinter.apply,
    Condition: MatrixPrinter.condition,
    Mask: MatrixPrinter.mask,
    Diag: MatrixPrinter.diag,
    Diagonal: MatrixPrinter.diag,
    Trace: MatrixPrinter.trace,
    SquaredNorm: MatrixPrinter.squared_norm,
    Scaled: MatrixPrinter.scaled,
    Sum: MatrixPrinter.sum,
}
