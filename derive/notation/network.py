"""A term as a network, and its series-parallel reduction to matrix notation.

Indices are vertices, factors with two indices edges, factors with one labels on vertices. Parallel edges multiply
entry by entry; a bound vertex between two edges is a matrix product, at the end of one edge a matrix times a column,
on its own a dot product or a sum. What cannot be reduced so has no matrix form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from derive.core.axes import Index
from derive.core.terms import Rational
from derive.notation.matrices import (
    Diag,
    Diagonal,
    Leaf,
    Matrix,
    Ones,
    Power,
    Product,
    SquaredNorm,
    Trace,
    Transpose,
    hadamard,
    matmul,
    transpose,
    transposes,
)


class NoForm(Exception):
    """This has no matrix notation."""


@dataclass(frozen=True)
class Edge:
    """A matrix whose rows are index `row` and whose columns are index `column`."""

    row: Index
    column: Index
    tree: Matrix

    def towards(self, column: Index) -> Matrix:
        """The matrix with `column` as its columns."""
        return self.tree if self.column == column else transpose(self.tree)

    def other(self, end: Index) -> Index:
        return self.row if self.column == end else self.column

    @property
    def ends(self) -> frozenset[Index]:
        return frozenset((self.row, self.column))


@dataclass
class Network:
    """Edges, labels of vertices, and what does not depend on any index."""

    edges: list[Edge] = field(default_factory=list)
    labels: dict[Index, list[Matrix]] = field(default_factory=dict)
    scalars: list[tuple[Matrix, Rational]] = field(default_factory=list)

    def at(self, vertex: Index) -> list[Edge]:
        return [e for e in self.edges if vertex in e.ends]

    def mark(self, vertex: Index, label: Matrix) -> None:
        self.labels.setdefault(vertex, []).append(label)

    def reduce(self, bound: Iterable[Index]) -> None:
        """Sum over the bound vertices, one after the other."""
        remaining = list(bound)
        self._traces(remaining)
        while remaining:
            self._parallel()
            vertex = min(remaining, key=lambda v: len(self.at(v)))
            around = self.at(vertex)
            if len(around) > 2:
                raise NoForm
            self.edges = [e for e in self.edges if e not in around]
            ELIMINATE[len(around)](self, vertex, self.labels.pop(vertex, []), *around)
            remaining.remove(vertex)
            self._traces(remaining)
        self._parallel()

    def _parallel(self) -> None:
        """Edges between the same two vertices multiply entry by entry."""
        groups: dict[frozenset[Index], list[Edge]] = {}
        for edge in self.edges:
            groups.setdefault(edge.ends, []).append(edge)
        self.edges = [Edge(g[0].row, g[0].column, hadamard(e.towards(g[0].column) for e in g)) for g in groups.values()]

    def _traces(self, remaining: list[Index]) -> None:
        """Σ_ij A_ij B_ij = tr(Aᵀ B), where nothing else stands at i and j."""
        for vertex in list(remaining):
            around = self.at(vertex)
            pair = _pair(around)
            other = around[0].other(vertex) if around else vertex
            if not pair or other not in remaining or self.at(other) != around:
                continue
            if self.labels.get(vertex) or self.labels.get(other):
                continue
            self.scalars.append((_trace(*pair), 1))
            self.edges = [e for e in self.edges if e not in around]
            remaining[:] = [v for v in remaining if v not in (vertex, other)]

    def result(self, axes: Sequence[Index]) -> Matrix | None:
        """What is left, as a column or matrix over the axes of the result."""
        return RESULT[len(axes)](self, *axes)

    def _column(self, row: Index) -> Matrix:
        return hadamard(self.labels.get(row, []))

    def _matrix(self, row: Index, column: Index) -> Matrix:
        left, right = self.labels.get(row, []), self.labels.get(column, [])
        if not self.edges:
            return matmul(hadamard(left), transpose(hadamard(right)))
        middle = self.edges[0].towards(column)
        if middle == IDENTITY:
            return Diag(hadamard([*left, *right]))
        before = [Diag(hadamard(left))] if left else []
        behind = [Diag(hadamard(right))] if right else []
        return matmul(*before, middle, *behind)


IDENTITY = Diag(Ones())
RESULT: dict[int, Callable[..., Matrix | None]] = {0: lambda network: None, 1: Network._column, 2: Network._matrix}


def _pair(edges: list[Edge]) -> tuple[Matrix, Matrix] | None:
    """Two matrices between the same two vertices and nothing else, oriented alike."""
    if len(edges) == 1 and isinstance(edges[0].tree, Power) and edges[0].tree.exponent == 2:
        return edges[0].tree.of, edges[0].tree.of
    if len(edges) == 2 and edges[0].ends == edges[1].ends:
        return edges[0].tree, edges[1].towards(edges[0].column)
    return None


def _trace(left: Matrix, right: Matrix) -> Matrix:
    """tr(Aᵀ B) with the fewest transposition signs; ‖A‖² where both are the same."""
    if left == right:
        return SquaredNorm(left.of if isinstance(left, Transpose) else left, 2)
    turned = transpose(left), transpose(right)
    ways = [matmul(turned[0], right), matmul(left, turned[1]), matmul(right, turned[0]), matmul(turned[1], left)]
    return Trace(min(ways, key=transposes))


def _end(network: Network, vertex: Index, label: list[Matrix], edge: Edge) -> None:
    """Σ_j M_ij v_j = (M v)_i"""
    network.mark(edge.other(vertex), matmul(edge.towards(vertex), hadamard(label)))


def _between(network: Network, vertex: Index, label: list[Matrix], first: Edge, second: Edge) -> None:
    """Σ_k A_ik d_k B_kj = (A diag(d) B)_ij"""
    row, column = first.other(vertex), second.other(vertex)
    middle = (Diag(hadamard(label)),) if label else ()
    network.edges.append(Edge(row, column, matmul(first.towards(vertex), *middle, second.towards(column))))


def _alone(network: Network, vertex: Index, label: list[Matrix]) -> None:
    """Σ_i u_i v_i = uᵀ v, Σ_i u_i = 1ᵀ u, Σ_i M_ii = tr(M)"""
    if not label:
        if not vertex.size.is_Symbol:
            raise NoForm
        network.scalars.append((Leaf(str(vertex.size), 0), 1))
        return
    if len(label) == 1 and isinstance(label[0], Diagonal):
        network.scalars.append((Trace(label[0].of), 1))
        return
    left, right = _two(label)
    network.scalars.append((SquaredNorm(left, 1) if left == right else _dot(left, right), 1))


def _two(label: list[Matrix]) -> tuple[Matrix, Matrix]:
    """A label as the entrywise product of two columns: single tensors first, ones where there is but one."""
    if len(label) == 1:
        only = label[0]
        if isinstance(only, Power) and only.exponent == 2:
            return only.of, only.of
        return Ones(), only
    first, *others = sorted(label, key=lambda m: isinstance(m, Product))
    return first, hadamard(others)


def _dot(left: Matrix, right: Matrix) -> Matrix:
    """uᵀ v with the fewest transposition signs."""
    ways = [matmul(transpose(left), right), matmul(transpose(right), left)]
    return min(ways, key=transposes)


ELIMINATE: dict[int, Callable[..., None]] = {0: _alone, 1: _end, 2: _between}
