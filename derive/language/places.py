"""Where a tensor is read: SymPy's indices become sums of axes times integers, sizes or integer options."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sympy
from sympy.tensor.indexed import Idx

from derive.core.axes import LEADING, Affine, Coefficient, Index, plain_number, symbolic
from derive.core.layer import Role, Symbol
from derive.core.terms import Expr, read
from derive.errors import DefinitionError

MAX_OFFSET = 2**31 - 1


class UndefinedTensor(DefinitionError):
    """A read of a tensor that is not defined so far. It may be defined later, which another message says better."""

    def __init__(self, where: str, tensor: str):
        super().__init__(
            f"{where}: tensor {tensor} is not defined. Declare it as an argument, or define() it above this equation."
        )
        self.where = where
        self.tensor = tensor

    @property
    def owner(self) -> str:
        """The tensor whose equation reads it."""
        return self.where.rpartition(": ")[2].partition("[")[0]


class Places:
    """Reads the indices of one equation's right-hand side. `where` is its left-hand side, for messages.

    `meet` is told every index that the expression uses, and objects if it has another size elsewhere.
    """

    def __init__(self, symbols: Mapping[str, Symbol], where: str, meet: Callable[[Index, str], None]):
        self.symbols = symbols
        self.where = where
        self.meet = meet

    def fail(self, what: str, remedy: str) -> DefinitionError:
        return DefinitionError(f"{self.where}: {what} {remedy}")

    def integral(self, name: str) -> bool:
        """Is this the name of a size or of an integer option?"""
        symbol = self.symbols.get(name)
        return symbol is not None and (
            symbol.role is Role.SIZE or symbol.role is Role.OPTION and symbol.least is not None
        )

    def on_Indexed(self, node) -> Expr:
        name = str(node.base.label)
        symbol = self.symbols.get(name)
        if symbol is None:
            raise UndefinedTensor(self.where, name)
        indices = tuple(self.affine(i, f"in {node}, the index {i}") for i in node.indices)
        if len(indices) != len(symbol.axes):
            raise self.fail(
                f"{name} has {len(symbol.axes)} axes, {symbol.read_as}, but is read as {node} with {len(indices)}.",
                "Give one index for each axis.",
            )
        for index, axis in zip(indices, symbol.axes, strict=True):
            self.check_place(node, symbol, index, axis)
        return read(name, *indices)

    def check_place(self, node, symbol: Symbol, index: Affine, axis: Index) -> None:
        """May `index` stand where the tensor has `axis`?"""
        plain = index.plain
        if axis.leading != (plain is not None and plain.leading) or LEADING in index.indices and plain is None:
            raise self.fail(
                f"in {node}, '...' does not stand where {symbol.read_as} has it.", f"Read it as {symbol.read_as}."
            )
        if plain is not None and sympy.expand(plain.size - axis.size) != 0:
            raise self.fail(
                f"in {node}, index {plain} has two sizes: its own, {plain.size}, and {axis.size}, that of axis {axis} "
                f"of {symbol.read_as}.",
                f"Read it at an axis of size {axis.size}.",
            )
        if not index.terms and (lies_outside(index.constant) or lies_outside(axis.size - 1 - index.constant)):
            raise self.fail(
                f"{node} lies outside {symbol.read_as}, where it is always 0.",
                f"Indices run from 0 to {axis.size - 1}; the last entry is at {axis.size - 1}.",
            )

    def index(self, node) -> Index:
        name = str(node.label) if isinstance(node.label, sympy.Symbol) else str(node)
        if node.upper is None or node.lower != 0:
            raise self.fail(f"index {name} has no size, or does not start at 0.", f"Declare it with axes('{name}=n').")
        index = Index(name, node.upper - node.lower + 1)
        self.meet(index, self.where)
        return index

    def affine(self, node, what: str) -> Affine:
        """Σ integer·index + integer, where integers may be sizes and integer options."""
        polynomial = sympy.expand(node)
        terms, rest = [], polynomial
        for idx in sorted(polynomial.atoms(Idx), key=str):
            coefficient = polynomial.coeff(idx, 1)
            rest -= coefficient * idx
            terms.append((idx, self.integer(coefficient, what)))
        constant = self.integer(sympy.expand(rest), what)
        return Affine.build(((self.index(i), c) for i, c in terms), constant)

    def integer(self, node, what: str):
        """A coefficient or an offset of an affine index."""
        if node.atoms(Idx, sympy.Indexed, sympy.Float) or isinstance(node, sympy.Basic) and node.has(sympy.oo):
            raise self.not_affine(what)
        for name in sorted(map(str, node.free_symbols)):
            if name not in self.symbols:
                raise self.fail(f"{what} reads {name}, which is not defined.", "Declare it as an option or a size.")
            if not self.integral(name):
                raise self.not_affine(what)
        node = node.xreplace({s: sympy.Symbol(s.name, integer=True) for s in node.free_symbols if not s.is_integer})
        if not node.is_integer:
            raise self.not_affine(what)
        if node.is_Integer and abs(node) > MAX_OFFSET:
            raise self.fail(f"{what} is beyond ±{MAX_OFFSET}.", "Use a smaller one.")
        return plain_number(node)

    def not_affine(self, what: str) -> DefinitionError:
        return self.fail(
            f"{what} is not affine.",
            "An index is a sum of axes times integers, sizes or integer options, and a constant.",
        )


def lies_outside(distance: Coefficient) -> bool:
    """Is the distance from an end of an axis known to be negative?"""
    return bool(symbolic(distance).is_negative)
