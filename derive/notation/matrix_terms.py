"""The trees of one expression: each term a network of indices, reduced; every summand padded to the same shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from derive.core.atoms import Argmax, Atom, Bracket, Function, Maximum, Paren, Partial, Position, Read, Test
from derive.core.axes import Affine, Index
from derive.core.layer import Role
from derive.core.terms import Expr, Rational, Term, add, product
from derive.core.traverse import atoms
from derive.notation.comparisons import sides
from derive.notation.exponentials import gathered_where_nested
from derive.notation.matrices import (
    Applied,
    Apply,
    Condition,
    Diagonal,
    Leaf,
    Mask,
    Matrix,
    Number,
    Scaled,
    Sum,
    cheapest,
    power,
    transpose,
)
from derive.notation.network import IDENTITY, Edge, Network, NoForm
from derive.notation.operators import Operator, contracted_kernels, fits
from derive.notation.ordering import Names, Order
from derive.notation.roots import joined_roots

MAX_EXPANSION = 64


class Builder:
    """Builds the trees of one expression; `axes` are those of the result."""

    def __init__(self, batch: Iterable[Index], axes: tuple[Index, ...], names: Names, operators: tuple[Operator, ...]):
        self.batch = frozenset(batch)
        self.axes = axes
        self.names = names
        self.operators = operators
        self.order = Order(names)
        # Indices that are summed over here, so that they are not those of the result even under the same name.
        self.hidden: frozenset[Index] = frozenset()
        self.room = MAX_EXPANSION

    def sum(self, value: Expr, axes: tuple[Index, ...], bare: bool = False) -> Matrix:
        """A sum of terms over these axes. A number, size or option among other terms stands for all its entries."""
        terms = self.order.summands(value, axes)
        bare = bare or len(terms) > 1
        trees: list[Matrix] = []
        for term in terms:
            tree = self.term(term, () if bare and self._is_number(term) else axes)
            trees.extend(tree.terms if isinstance(tree, Sum) else (tree,))
        if not trees:
            return Number(0)
        return trees[0] if len(trees) == 1 else Sum(tuple(trees))

    def _is_number(self, term: Term) -> bool:
        """Is a term made of numbers, sizes and options alone?"""
        reads = [a for a, _ in term.factors if isinstance(a, Read) and a.tensor in self.names]
        roles = {self.names[a.tensor].role for a in reads}
        return not term.bound and len(reads) == len(term.factors) and roles <= {Role.SIZE, Role.OPTION}

    def term(self, term: Term, axes: tuple[Index, ...]) -> Matrix:
        """A term as it stands; where that has no form, multiplied out: Σ_j G_ij (x_i - y_j) → diag(G 1) x - G y."""
        before = self.hidden
        self.hidden = before | set(term.bound)
        try:
            return self._term(term, axes)
        except NoForm:
            return self.sum(self._expanded(term), axes)
        finally:
            self.hidden = before

    def _term(self, term: Term, axes: tuple[Index, ...]) -> Matrix:
        network = Network()
        term, applied = contracted_kernels(joined_roots(term), self.operators, self.names)
        network.edges.extend(Edge(row, column, Applied(operator)) for operator, row, column in applied)
        for factor, exponent in gathered_where_nested(sorted(term.factors, key=self._rank)):
            self._place(network, factor, exponent)
        network.reduce(term.bound)
        return scaled(term.coefficient, network.scalars, network.result(axes))

    def _rank(self, factor: tuple[Atom, Rational]) -> tuple:
        return not isinstance(factor[0], Read), self.order.first(_tensors(factor[0]))

    def _expanded(self, term: Term) -> Expr:
        expanded = expand(term, self.batch, self.room)
        self.room -= len(expanded.terms)
        return expanded

    def _place(self, network: Network, factor: Atom, exponent: Rational) -> None:
        indices = self._indices(factor)
        if len(indices) > 2:
            raise NoForm
        tree = ATOMS[type(factor)](self, factor, indices)
        if not indices:
            network.scalars.append((tree, exponent))
        elif len(indices) == 1:
            network.mark(indices[0], power(tree, exponent))
        else:
            network.edges.append(Edge(indices[0], indices[1], power(cheapest(tree), exponent)))

    def _indices(self, factor: Atom) -> tuple[Index, ...]:
        """The free indices in an order that asks for few transposes: as they are read, or as in the result."""
        free = factor.free - self.batch
        if isinstance(factor, Read):
            return tuple(dict.fromkeys(i for a in factor.at for i in sorted(a.indices, key=str) if i in free))
        known = tuple(i for i in self.axes if i in free)
        return known + tuple(sorted(free - set(known), key=lambda i: self._place_in_reads(factor, i)))

    def _place_in_reads(self, factor: Atom, index: Index) -> tuple[int, str]:
        """Is an index that of a row or that of a column in what a factor reads?"""
        reads = (a for a in atoms(Expr((Term(1, ((factor, 1),)),))) if isinstance(a, Read))
        kept = ([at for at in a.at if at.indices.isdisjoint(self.batch)] for a in reads)
        return min((n for ats in kept for n, at in enumerate(ats) if index in at.indices), default=9), index.name

    # atoms

    def _read(self, factor: Read, axes: tuple[Index, ...]) -> Matrix:
        at = [a.plain for a in factor.at if a.indices.isdisjoint(self.batch)]
        if len(axes) == 2 and len(at) == 1:
            return self._tapped(factor, axes)
        if any(i is None for i in at) or len(at) > 2:
            raise NoForm
        leaf = Leaf(factor.tensor, len(at))
        if len(at) == 2 and at[0] == at[1]:
            return Diagonal(leaf)
        return leaf if tuple(at) == axes else transpose(leaf)

    def _tapped(self, factor: Read, axes: tuple[Index, ...]) -> Matrix:
        """x[s t + d k - p] as the matrix U(x)."""
        for operator in self.operators:
            if operator.of == factor.tensor and not operator.is_kernel:
                if fits(operator, factor.at[-1], *axes):
                    return Applied(operator)
                if fits(operator, factor.at[-1], *axes[::-1]):
                    return transpose(Applied(operator))
        raise NoForm

    def _function(self, factor: Function, axes: tuple[Index, ...]) -> Matrix:
        return Apply(factor.name, self.sum(factor.argument, axes, bare=True))

    def _paren(self, factor: Paren, axes: tuple[Index, ...]) -> Matrix:
        return self.sum(factor.body, axes)

    def _test(self, factor: Test, axes: tuple[Index, ...]) -> Matrix:
        left, relation, right = sides(factor)
        return Condition(relation, self.sum(left, axes, bare=True), self.sum(right, axes, bare=True))

    def _bracket(self, factor: Bracket, axes: tuple[Index, ...]) -> Matrix:
        """The identity, or a mask in the indices of the result, row and column."""
        if len(axes) == 2 and factor == Bracket("==", Affine.of(axes[0]) - Affine.of(axes[1])):
            return IDENTITY
        if len(axes) < 2 or axes != self.axes or not self.hidden.isdisjoint(axes):
            raise NoForm
        return Mask(factor)

    def _nothing(self, factor: Atom, axes: tuple[Index, ...]) -> Matrix:
        raise NoForm


ATOMS: dict[type[Atom], Callable[..., Matrix]] = {
    Read: Builder._read,
    Function: Builder._function,
    Paren: Builder._paren,
    Test: Builder._test,
    Bracket: Builder._bracket,
    Maximum: Builder._nothing,
    Argmax: Builder._nothing,
    Position: Builder._nothing,
    Partial: Builder._nothing,
}


def _tensors(factor: Atom) -> list[str]:
    return [a.tensor for a in atoms(Expr((Term(1, ((factor, 1),)),))) if isinstance(a, Read)]


def scaled(coefficient: Rational, scalars: list[tuple[Matrix, Rational]], body: Matrix | None) -> Matrix:
    """coefficient · Π scalar^exponent · body, without what is one."""
    if body is None and coefficient == 1 and len(scalars) == 1 and scalars[0][1] == 1:
        return scalars[0][0]
    if body is None and not scalars:
        return Number(coefficient)
    if body is not None and coefficient == 1 and not scalars:
        return body
    return Scaled(coefficient, tuple(scalars), body)


def expand(term: Term, batch: frozenset[Index], room: int) -> Expr:
    """The term with a parenthesis of three or more indices multiplied out, into at most `room` terms."""
    for factor, exponent in term.factors:
        if not isinstance(factor, Paren) or exponent not in (1, 2) or len(factor.free - batch) < 3:
            continue
        inner = factor.body.terms
        if len(inner) ** exponent > room:
            continue
        rest = Term(term.coefficient, tuple(f for f in term.factors if f[0] is not factor), term.bound)
        others = inner if exponent == 2 else (Term(1),)
        return add(*(Expr((_times(rest, one, two),)) for one in inner for two in others))
    raise NoForm


def _times(*terms: Term) -> Term:
    """A product of terms, with bound indices kept apart."""
    taken = {i.name for t in terms for i in (*t.free, *t.bound)}
    coefficient: Rational = 1
    factors: list[tuple[Atom, Rational]] = []
    bound: tuple[Index, ...] = ()
    for number, term in enumerate(terms):
        term = term.apart(taken) if number else term
        taken |= {i.name for i in term.bound}
        coefficient *= term.coefficient
        factors.extend(term.factors)
        bound += term.bound
    return product(coefficient, factors, bound)
