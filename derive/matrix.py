"""Matrix notation, recovered from index notation: Σ_i X[b,i] W[i,o] → X W.

Every term is a network of indices (`network`); a sum of terms is a sum of matrices of the same shape, each padded with
ones over the axes that it lacks. The first axes of a result of higher rank are stripped where they stand plainly and
first in every tensor that has them: the form then holds for each of their values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from derive.arrange import arrange
from derive.axes import LEADING, Affine, Index, fresh
from derive.errors import InternalError
from derive.matrices import (
    Apply,
    Applied,
    Condition,
    Diagonal,
    Leaf,
    Mask,
    Matrix,
    MatrixForm,
    Number,
    Scaled,
    Sum,
    Transpose,
    cheapest,
    ones,
    power,
    transpose,
)
from derive.network import IDENTITY, Edge, Network, NoForm
from derive.operators import Operator, only_in
from derive.ordering import Names, Order
from derive.terms import (
    Atom,
    Bracket,
    Expr,
    Function,
    Maximum,
    Paren,
    Partial,
    Rational,
    Read,
    Term,
    Test,
    add,
    atoms,
    product,
    scale,
)

MAX_EXPANSION = 64


def matrix_form(
    value: Expr, axes: Sequence[Index], names: Names, operators: Iterable[Operator] = ()
) -> MatrixForm | None:
    """The matrix notation of a tensor with these axes whose entries are `value`, or None where there is none."""
    axes, operators = tuple(axes), tuple(operators)
    if value.free - set(axes):
        raise InternalError(f"{value} has indices other than {axes}")
    for count in range(_first_strip(axes, names), len(axes) + 1):
        batch, rest = axes[:count], axes[count:]
        if len(rest) > 2 or not _strippable(value, batch, names):
            continue
        try:
            tree = Builder(batch, rest, names, operators).sum(value, rest)
        except NoForm:
            continue
        if not _masks_turned(tree):
            return MatrixForm(arrange(tree, Order(names)), batch)
    return None


def _first_strip(axes: tuple[Index, ...], names: Names) -> int:
    """Leading axes are rows like any other, unless some tensor would then be more than a matrix."""
    crowded = any(LEADING in s.axes and len(s.axes) > 2 for s in names.values())
    return int(bool(axes) and axes[0].leading and crowded)


def _strippable(value: Expr, batch: tuple[Index, ...], names: Names) -> bool:
    """Do these indices stand plainly and first in every read that has them, or in every read if not all are leading?"""
    if not batch:
        return True
    for factor in atoms(value):
        if not isinstance(factor, (Read, Bracket)) or isinstance(factor, Read) and not factor.at:
            continue
        if isinstance(factor, Bracket) or factor.free.isdisjoint(batch):
            if isinstance(factor, Bracket) and factor.free.isdisjoint(batch):
                continue
            if isinstance(factor, Bracket) or any(not i.leading for i in batch):
                return False
            continue
        if tuple(a.plain for a in factor.at[: len(batch)]) != batch:
            return False
        if any(not a.indices.isdisjoint(batch) for a in factor.at[len(batch) :]):
            return False
    return True


def _masks_turned(tree: Matrix) -> bool:
    """Is an index mask transposed, so that its rows are not the rows of the result?"""
    if isinstance(tree, Transpose) and isinstance(tree.of, Mask):
        return True
    return any(_masks_turned(part) for part in tree.parts)


class Builder:
    """Builds the trees of one expression; `axes` are those of the result."""

    def __init__(self, batch: tuple[Index, ...], axes: tuple[Index, ...], names: Names, operators):
        self.batch = frozenset(batch)
        self.axes = axes
        self.names = names
        self.operators: tuple[Operator, ...] = operators
        self.order = Order(names)

    def sum(self, value: Expr, axes: tuple[Index, ...], bare: bool = False) -> Matrix:
        """A sum of terms over these axes. A number among other terms stands for all its entries."""
        terms = self.order.summands(value, axes)
        if not terms:
            return Number(0)
        bare = bare or len(terms) > 1
        trees: list[Matrix] = []
        for term in terms:
            if bare and not term.factors and not term.bound:
                trees.append(Number(term.coefficient))
                continue
            tree = self.term(term, axes)
            trees.extend(tree.terms if isinstance(tree, Sum) else (tree,))
        return trees[0] if len(trees) == 1 else Sum(tuple(trees))

    def term(self, term: Term, axes: tuple[Index, ...]) -> Matrix:
        """A term as it stands; where that has no form, multiplied out: Σ_j G_ij (x_i - y_j) → diag(G 1) x - G y."""
        try:
            return self._term(term, axes)
        except NoForm:
            expanded = expand(term, self.batch)
            if expanded is None:
                raise
            return self.sum(expanded, axes)

    def _term(self, term: Term, axes: tuple[Index, ...]) -> Matrix:
        network = Network()
        term = self._operators(term, network)
        for factor, exponent in gathered(sorted(term.factors, key=self._rank)):
            self._place(network, factor, exponent)
        network.reduce(term.bound)
        if len(axes) == 2 and any(e.ends != set(axes) for e in network.edges):
            raise NoForm
        return scaled(term.coefficient, network.scalars, network.result(axes), len(axes))

    def _rank(self, factor: tuple[Atom, Rational]) -> tuple:
        names = [a.tensor for a in atoms(Expr((Term(1, (factor,)),))) if isinstance(a, Read)]
        return not isinstance(factor[0], Read), self.order.first(names)

    def _place(self, network: Network, factor: Atom, exponent: Rational) -> None:
        indices = self._indices(factor)
        if len(indices) > 2:
            raise NoForm
        tree = self.atom(factor, indices)
        if not indices:
            network.scalars.append((tree, exponent))
        elif len(indices) == 1:
            network.mark(indices[0], power(tree, exponent))
        else:
            network.edges.append(Edge(indices[0], indices[1], power(cheapest(tree), exponent)))

    def _indices(self, factor: Atom) -> tuple[Index, ...]:
        """The free indices: those of the result in its order, those of a read in their order, others by name."""
        free = factor.free - self.batch
        if isinstance(factor, Read):
            return tuple(dict.fromkeys(i for a in factor.at for i in sorted(a.indices, key=_name) if i in free))
        known = tuple(i for i in self.axes if i in free)
        return known + tuple(sorted(free - set(known), key=lambda i: self._first_read(factor, i)))

    def _first_read(self, factor: Atom, index: Index) -> tuple:
        """Where an index first stands in a factor: row before column."""
        places = [
            p
            for a in atoms(Expr((Term(1, ((factor, 1),)),)))
            if isinstance(a, Read)
            for p, at in enumerate(at for at in a.at if at.indices.isdisjoint(self.batch))
            if index in at.indices
        ]
        return min(places, default=9), index.name

    def atom(self, factor: Atom, axes: tuple[Index, ...]) -> Matrix:
        return ATOMS[type(factor)](self, factor, axes)

    def _read(self, factor: Read, axes: tuple[Index, ...]) -> Matrix:
        for operator in self.operators:
            if not operator.is_kernel and operator.of == factor.tensor and len(axes) == 2:
                for row, tap in (axes, axes[::-1]):
                    if _fits(operator, factor.at[-1], row, tap):
                        return Applied(operator) if row == axes[0] else transpose(Applied(operator))
        at = [a.plain for a in factor.at if a.indices.isdisjoint(self.batch)]
        if any(i is None for i in at) or len(at) > 2:
            raise NoForm
        leaf = Leaf(factor.tensor, len(at))
        if len(at) == 2 and at[0] == at[1]:
            return Diagonal(leaf)
        return leaf if tuple(at) == axes or len(at) < 2 else transpose(leaf)

    def _function(self, factor: Function, axes: tuple[Index, ...]) -> Matrix:
        return Apply(factor.name, self.sum(factor.argument, axes, bare=True))

    def _paren(self, factor: Paren, axes: tuple[Index, ...]) -> Matrix:
        return self.sum(factor.body, axes)

    def _test(self, factor: Test, axes: tuple[Index, ...]) -> Matrix:
        left, right = sides(factor.argument)
        return Condition(factor.relation, self.sum(left, axes, bare=True), self.sum(right, axes, bare=True))

    def _bracket(self, factor: Bracket, axes: tuple[Index, ...]) -> Matrix:
        first, *others = axes or (None,)
        if first is None or not set(axes) <= set(self.axes) or factor.affine.indices - set(axes):
            if others and factor == Bracket("==", Affine.of(axes[0]) - Affine.of(axes[1])):
                return IDENTITY
            raise NoForm
        if others and factor == Bracket("==", Affine.of(axes[0]) - Affine.of(axes[1])):
            return IDENTITY
        return Mask(factor)

    def _nothing(self, factor: Atom, axes: tuple[Index, ...]) -> Matrix:
        raise NoForm

    def _operators(self, term: Term, network: Network) -> Term:
        """Kernels contracted with an affine read or an affine bracket become edges T(w)."""
        for operator in self.operators:
            if operator.is_kernel:
                term = self._kernel(operator, term, network)
        return term

    def _kernel(self, operator: Operator, term: Term, network: Network) -> Term:
        kernels = [a for a, e in term.factors if isinstance(a, Read) and a.tensor == operator.of and e == 1]
        for kernel in kernels:
            tap = kernel.at[0].plain
            if tap is None or tap not in term.bound:
                continue
            for moving, exponent in term.factors:
                found = self._moved(operator, moving, tap, term)
                if exponent != 1 or found is None or not only_in(term, tap, (kernel, moving)):
                    continue
                row, column, instead = found
                network.edges.append(Edge(row, column, Applied(operator)))
                factors = [f for f in term.factors if f[0] is not kernel and f[0] is not moving]
                bound = tuple(i for i in term.bound if i != tap)
                new = instead and (column,) or ()
                return Term(term.coefficient, (*factors, *(((instead, 1),) if instead else ())), bound + new)
        return term

    def _moved(self, operator: Operator, moving: Atom, tap: Index, term: Term):
        """Row and column of T(w), and the plain read that replaces an affine one."""
        if isinstance(moving, Read) and moving.at and tap in moving.at[-1].indices:
            axis = self.names[moving.tensor].axes[-1] if moving.tensor in self.names else None
            for row in moving.at[-1].indices - {tap}:
                if axis is not None and axis.size == operator.column.size and _fits(operator, moving.at[-1], row, tap):
                    taken = {i.name for a, _ in term.factors for i in a.free} | {i.name for i in term.bound}
                    column = fresh(axis, taken)
                    return row, column, Read(moving.tensor, (*moving.at[:-1], Affine.of(column)))
        if isinstance(moving, Bracket) and moving.relation == "==" and len(moving.affine.terms) == 3:
            for row in moving.affine.indices - {tap}:
                (column,) = moving.affine.indices - {tap, row}
                bracket = Bracket("==", Affine.of(column) - operator.position(row, tap))
                if moving == bracket and row.size == operator.row.size and column.size == operator.column.size:
                    return row, column, None
        return None


ATOMS = {
    Read: Builder._read,
    Function: Builder._function,
    Paren: Builder._paren,
    Test: Builder._test,
    Bracket: Builder._bracket,
    Maximum: Builder._nothing,
    Partial: Builder._nothing,
}


def _name(index: Index) -> str:
    return index.name


def _fits(operator: Operator, at: Affine, row: Index, tap: Index) -> bool:
    """Is this where `row` reads under `tap`, over axes of the operator's sizes?"""
    sizes = row.size == operator.row.size and tap.size == operator.tap.size
    return sizes and at == operator.position(row, tap)


def scaled(
    coefficient: Rational, scalars: list[tuple[Matrix, Rational]], body: Matrix | None, rank: int
) -> Matrix:
    if body is None and coefficient == 1 and len(scalars) == 1 and scalars[0][1] == 1:
        return scalars[0][0]
    if body is None and not scalars:
        return Number(coefficient)
    if body is not None and coefficient == 1 and not scalars:
        return body
    return Scaled(coefficient, tuple(scalars), body)


def gathered(factors: Iterable[tuple[Atom, Rational]]) -> list[tuple[Atom, Rational]]:
    """exp(a) exp(b) = exp(a + b), where the indices of one are among those of the other."""
    kept: list[tuple[Atom, Rational]] = []
    groups: list[Expr] = []
    exponentials = []
    for factor, exponent in factors:
        if isinstance(factor, Function) and factor.name == "exp":
            exponentials.append(scale(factor.argument, exponent))
        else:
            kept.append((factor, exponent))
    for argument in sorted(exponentials, key=lambda a: -len(a.free)):
        place = next((n for n, g in enumerate(groups) if argument.free <= g.free), None)
        if place is None:
            groups.append(argument)
        else:
            groups[place] = add(groups[place], argument)
    return kept + [(Function("exp", g), 1) for g in groups]


def sides(value: Expr) -> tuple[Expr, Expr]:
    """A comparison with zero as one of two sides: a - b > 0 is a > b."""
    left = Expr(tuple(t for t in value.terms if t.coefficient > 0))
    right = Expr(tuple(t.scaled(-1) for t in value.terms if t.coefficient < 0))
    return left, right


def expand(term: Term, batch: frozenset[Index]) -> Expr | None:
    """The term with a parenthesis of three or more indices multiplied out, or None."""
    for factor, exponent in term.factors:
        if not isinstance(factor, Paren) or exponent not in (1, 2) or len(factor.free - batch) < 3:
            continue
        inner = factor.body.terms
        if len(inner) ** int(exponent) > MAX_EXPANSION:
            continue
        rest = [f for f in term.factors if f[0] is not factor]
        names = {i.name for a, _ in term.factors for i in a.free} | {i.name for i in term.bound}
        result = []
        for first in inner:
            for second in inner if exponent == 2 else (Term(1),):
                one = first.apart(names)
                two = second.apart(names | {i.name for i in one.bound})
                coefficient = term.coefficient * one.coefficient * two.coefficient
                factors = [*rest, *one.factors, *two.factors]
                result.append(Expr((product(coefficient, factors, term.bound + one.bound + two.bound),)))
        return add(*result)
    return None


