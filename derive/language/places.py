"""Where a tensor is read: SymPy's indices become sums of axes times integers, sizes or integer options."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sympy
from sympy.tensor.indexed import Idx

from derive.core.atoms import Lookup, Read
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

    def holds_positions(self, name: str) -> bool:
        """Is this the name of an integer tensor?"""
        return name in self.symbols and self.symbols[name].into is not None

    def on_Indexed(self, node) -> Expr:
        name = str(node.base.label)
        if self.holds_positions(name):
            raise self.fail(
                f"{node} is a position, not a number.",
                f"Use it as an index, as in X[{node}], or compare it with an index.",
            )
        return read(name, *self.entry(node).at)

    def entry(self, node) -> Read:
        """The tensor and the indices at which it is read."""
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
        return Read(name, indices)

    def check_lookup(self, node, symbol: Symbol, index: Affine, axis: Index) -> None:
        """May the entry of an integer tensor stand where the tensor has `axis`?"""
        if symbol.into is not None:
            raise self.fail(
                f"in {node}, an integer tensor is read at an entry of another.",
                f"Read it at its axes, as {symbol.read_as}, and look the positions up before the layer.",
            )
        entry = index.looked_up
        if entry is None:
            raise self.fail(
                f"in {node}, the position is more than an entry of an integer tensor.",
                f"Let the entry stand alone, as in {symbol.name}[{index.lookups[0][0].tensor}[…]].",
            )
        if sympy.expand(entry.size - axis.size) != 0:
            raise self.fail(
                f"in {node}, {entry.tensor} holds positions along an axis of size {entry.size}, but axis {axis} of "
                f"{symbol.read_as} has size {axis.size}.",
                f"Declare {entry.tensor} with .into({axis}), or read a tensor that has such an axis.",
            )

    def check_place(self, node, symbol: Symbol, index: Affine, axis: Index) -> None:
        """May `index` stand where the tensor has `axis`?"""
        if index.lookups:
            self.check_lookup(node, symbol, index, axis)
            return
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
        entries = {e: sympy.Dummy(integer=True) for e in node.atoms(sympy.Indexed) if self.is_lookup(e)}
        polynomial = sympy.expand(node.xreplace(entries))
        terms, rest, lookups = [], polynomial, []
        for looked_up, dummy in entries.items():
            coefficient = polynomial.coeff(dummy, 1)
            rest -= coefficient * dummy
            lookups.append((self.lookup(looked_up), self.integer(coefficient, what)))
        for idx in sorted(polynomial.atoms(Idx), key=str):
            coefficient = polynomial.coeff(idx, 1)
            rest -= coefficient * idx
            terms.append((idx, self.integer(coefficient, what)))
        constant = self.integer(sympy.expand(rest), what)
        return Affine.build(((self.index(i), c) for i, c in terms), constant, lookups)

    def lookup(self, node) -> Lookup:
        entry = self.entry(node)
        symbol = self.symbols[entry.tensor]
        into = symbol.into
        assert into is not None
        if not all(map(stays_inside, entry.at, symbol.axes)):
            raise self.fail(
                f"{node} may lie outside {symbol.read_as}, where there is no position.",
                f"Read an integer tensor at its axes, as {symbol.read_as}.",
            )
        return Lookup(entry.tensor, entry.at, into.size)

    def is_lookup(self, node) -> bool:
        return self.holds_positions(str(node.base.label))

    def integer(self, node, what: str):
        """A coefficient or an offset of an affine index."""
        if node.atoms(Idx, sympy.Indexed, sympy.Float) or isinstance(node, sympy.Basic) and node.has(sympy.oo):
            raise self.not_affine(what)
        for name in sorted(map(str, node.free_symbols)):
            if isinstance(node, sympy.Basic) and node.atoms(sympy.Dummy):
                raise self.not_affine(what)
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
            "An index is a sum of axes times integers, sizes or integer options, and a constant; or an entry of an "
            "integer tensor, declared with Tensor[…].into(axis).",
        )


def stays_inside(place: Affine, axis: Index) -> bool:
    """Is an entry at this place of an axis known to be there, whatever the indices are?"""
    last = Affine((), axis.size - 1)
    return place.plain is not None or place.never_negative and (last - place).never_negative


def lies_outside(distance: Coefficient) -> bool:
    """Is the distance from an end of an axis known to be negative?"""
    return bool(symbolic(distance).is_negative)
