"""Matrix notation: parse a LaTeX expression, find every shape, and evaluate it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from .dimensions import ONE, SCALAR, Dimension, Shape
from .functions import FUNCTIONS, RELATIONS, absolute
from .matrix_nodes import (
    Apply,
    Counter,
    Diagonal,
    Divide,
    Entrywise,
    Listed,
    Node,
    Norm,
    Ones,
    Plus,
    Power,
    Product,
    Test,
    Trace,
    Transpose,
    Value,
)
from .tokens import CLOSING, Cursor, Key, ReaderError, keyed, spelled, tokenize

BOLD_ONE = tokenize(r"\mathbf{1}")
BOLD_I = tokenize(r"\mathbf{I}")
OF_MATRICES = {tokenize(r"\mathrm{diag}"): Diagonal, tokenize(r"\mathrm{tr}"): Trace}
OF_MATRICES |= {tokenize(r"\operatorname{diag}"): Diagonal, tokenize(r"\operatorname{tr}"): Trace}
NORMS = (r"\Vert", r"\|", r"\lVert")
ENDS = frozenset({"", "+", "-", "/", "}", r"\odot", ",", *RELATIONS, *CLOSING.values()}) - {"|", r"\Vert", r"\|"}
CLOSERS = (r"\right", r"\bigr", r"\Bigr", r"\biggr", r"\Biggr")


def evaluate_matrix(
    latex: str,
    arrays: Mapping[str, np.ndarray],
    scalars: Mapping[str, float] | None = None,
    shape: tuple[int, ...] | None = None,
    operators: Mapping[str, Callable[..., np.ndarray]] | None = None,
    indices: Sequence[str] = (),
) -> np.ndarray:
    """The value of a LaTeX expression in matrices: rank 2 is a matrix, rank 1 a column, rank 0 a scalar.

    `shape` is that of the result, where it is known; it helps to find how long each vector of ones is. `operators`
    make matrices of arrays, as in T(w). `indices` are the spellings of the row's and the column's index in masks
    [j ≤ i]. A result that is nothing but 0 is the zero of any shape. Raises ReaderError where the text is not in the
    notation or a shape does not fit.
    """
    parser = MatrixParser(Cursor(latex), arrays, scalars or {}, operators or {}, indices)
    node = parser.expression()
    parser.cursor.finish()
    if shape is not None and node.plain and node.shape.scalar and node.evaluate() == 0:
        return np.zeros(shape)
    if shape is not None:
        node.shape.equate(_shape_of(shape), f"the result of {latex!r}")
    found = node.shape.lengths(f"the result of {latex!r}")
    with np.errstate(all="ignore"):
        result = np.array(np.broadcast_to(node.evaluate(), found), dtype=float)
    return result[:, 0] if node.shape.column else result


def _shape_of(shape: tuple[int, ...]) -> Shape:
    if len(shape) > 2:
        raise ReaderError(f"matrix notation has no shape {shape}")
    return Shape(Dimension(shape[0]), Dimension(shape[1]) if len(shape) == 2 else ONE) if shape else SCALAR


class MatrixParser:
    """expression = term ± term …, term = product ⊙ product …, product = factors side by side, then / scalar."""

    def __init__(self, cursor, arrays, scalars, operators, indices):
        self.cursor = cursor
        self.values = {key: Value(np.asarray(array, dtype=float)) for key, array in keyed(arrays).items()}
        for key, number in keyed(scalars).items():
            if key in self.values:
                raise ReaderError(f"{spelled(key)} is an array and a scalar")
            self.values[key] = Value(np.asarray(float(number)), plain=True)
        self.operators = keyed(operators)
        self.indices = {tokenize(name): n == 0 for n, name in enumerate(indices)}
        self.in_mask = False

    def expression(self) -> Node:
        terms = [(self.sign(optional=True), self.term())]
        while self.cursor.peek() in ("+", "-"):
            terms.append((self.sign(), self.term()))
        return terms[0][1] if len(terms) == 1 and terms[0][0] == 1 else Plus(terms)

    def sign(self, optional: bool = False) -> int:
        if self.cursor.accept("-"):
            return -1
        if not self.cursor.accept("+") and not optional:
            raise self.cursor.fail("expected + or -")
        return 1

    def term(self) -> Node:
        parts = [self.product()]
        while self.cursor.accept(r"\odot"):
            parts.append(self.product())
        return parts[0] if len(parts) == 1 else Entrywise(parts)

    def product(self) -> Node:
        result = self.factor()
        while not self.ended():
            if self.cursor.peek()[0].isdigit():
                raise self.cursor.fail("a number after a factor")
            result = Product(result, self.factor())
        while self.cursor.accept("/"):
            result = Divide(result, self.factor())
            if not self.ended() and self.cursor.peek() != "/":
                raise self.cursor.fail("a factor after a / is ambiguous")
        return result

    def ended(self) -> bool:
        """Bars open as they close: only a growing one closes, so a bare one opens."""
        return self.cursor.peek() in ENDS or self.cursor.peek() in CLOSERS

    def factor(self) -> Node:
        base = self.primary()
        while self.cursor.accept("^"):
            base = self.cursor.group(partial(self.script, base))
        return base

    def script(self, base: Node) -> Node:
        if self.cursor.accept(r"\top") or self.cursor.accept(r"\mathsf", "{", "T", "}"):
            return Transpose(base)
        entrywise = self.cursor.accept(r"\odot")
        exponent = self.expression()
        if not exponent.plain or not exponent.shape.scalar:
            raise self.cursor.fail("an exponent is a number")
        return Power(base, float(exponent.evaluate()), entrywise)

    def primary(self) -> Node:
        number = self.cursor.number()
        if number is not None:
            return Value(np.asarray(number), plain=True)
        for named in (self.operator, self.index, self.value):
            found = named()
            if found is not None:
                return found
        if self.cursor.accept(*BOLD_ONE):
            return Ones()
        if self.cursor.accept(*BOLD_I):
            return Diagonal(Ones())
        special = {r"\frac": self.fraction, r"\sqrt": self.root, "{": self.braces}.get(self.cursor.peek())
        if special is not None:
            return special()
        if self.cursor.opens("("):
            return self.cursor.delimited(self.expression)
        if self.cursor.opens("["):
            return self.cursor.delimited(self.test)
        if self.cursor.opens("|", r"\lvert"):
            return Apply(absolute, self.cursor.delimited(self.expression))
        if self.cursor.opens(r"\lfloor"):
            return Apply(np.floor, self.cursor.delimited(self.expression))
        if self.cursor.opens(*NORMS):
            return self.norm()
        return self.function()

    def value(self) -> Node | None:
        found = self.cursor.braced_word(self.values)
        if found is not None and self.in_mask and self.cursor.accept("_"):
            return self.entry(*found)
        if found is not None and self.cursor.peek() == "_":
            raise self.cursor.fail(f"{spelled(found[0])} with a subscript is not a matrix that is known")
        return found[1] if found else None

    def entry(self, name: Key, value: Value) -> Node:
        """An entry of an array in a mask."""
        at = self.cursor.group(self.counters)
        if len(at) != value.array.ndim:
            raise self.cursor.fail(f"{spelled(name)} has {value.array.ndim} axes")
        return Listed(value.array, tuple(at))

    def counters(self) -> list[Counter]:
        found = []
        while True:
            named = self.cursor.word(self.indices)
            if named is None:
                raise self.cursor.fail("an entry in a mask is read at the index of a row or of a column")
            found.append(Counter(named[1]))
            if not self.cursor.accept(","):
                return found

    def operator(self) -> Node | None:
        """T(w): known only from its parentheses, so that an array may have the same name."""
        start = self.cursor.at
        found = self.cursor.braced_word(self.operators)
        if found is None or not self.cursor.opens("("):
            self.cursor.at = start
            return None
        arguments = self.cursor.delimited(self.listed)
        values = [a.evaluate() for a in arguments]
        flat = [v[:, 0] if a.shape.column else v for a, v in zip(arguments, values, strict=True)]
        return Value(np.asarray(found[1](*flat), dtype=float))

    def listed(self) -> list[Node]:
        found = [self.expression()]
        while self.cursor.accept(","):
            found.append(self.expression())
        return found

    def index(self) -> Node | None:
        if not self.in_mask:
            return None
        start = self.cursor.at
        found = self.cursor.word(self.indices)
        if found is None:
            return None
        after, self.cursor.at = self.cursor.at, start
        other = self.cursor.word(self.values)
        if other is not None and self.cursor.at >= after:
            if self.cursor.at == after:
                raise self.cursor.fail(f"{spelled(found[0])} is an index and a value")
            self.cursor.at = start
            return None
        self.cursor.at = after
        return Counter(found[1])

    def function(self) -> Node:
        found = self.cursor.word({**FUNCTIONS, **OF_MATRICES})
        if found is None:
            raise self.cursor.fail("unknown text")
        if not self.cursor.opens("("):
            raise self.cursor.fail("a function needs its argument in parentheses")
        body = self.cursor.delimited(self.expression)
        return found[1](body) if found[0] in OF_MATRICES else Apply(found[1], body)

    def norm(self) -> Node:
        norm = Norm(self.cursor.delimited(self.expression))
        if self.cursor.accept("_"):
            self.cursor.group(lambda: self.cursor.accept("F") or self.cursor.expect("2"))
        return norm

    def test(self) -> Node:
        before, self.in_mask = self.in_mask, True
        sides, relations = [self.expression()], []
        while self.cursor.peek() in RELATIONS:
            relations.append(self.cursor.take())
            sides.append(self.expression())
        self.in_mask = before
        if not relations:
            raise self.cursor.fail("a bracket holds a test")
        return Test(sides, relations)

    def braces(self) -> Node:
        """Braces are invisible: what stands in them must be one factor."""
        return self.cursor.group(self.factor)

    def fraction(self) -> Node:
        self.cursor.expect(r"\frac")
        above = self.cursor.group(self.expression)
        return Divide(above, self.cursor.group(self.expression))

    def root(self) -> Node:
        self.cursor.expect(r"\sqrt")
        return Apply(np.sqrt, self.cursor.group(self.expression))
