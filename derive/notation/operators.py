"""Toeplitz operators: the matrices T(w) and U(x) by which an affine read of one tensor is a matrix product.

    y[t] = Σ_k w[k] x[s t + d k - p]    is    y = T(w) x    and    y = U(x) w,
    T(w)[t, j] = Σ_k w[k] [j = s t + d k - p],    U(x)[t, k] = x[s t + d k - p].

They are found in the forward equations of a layer; what no forward equation uses gets no name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import permutations

from derive.core.atoms import Atom, Bracket, Read
from derive.core.axes import Affine, Index, fresh
from derive.core.layer import Layer, Symbol
from derive.core.names import latex_of
from derive.core.terms import Expr, Term


@dataclass(frozen=True)
class Operator:
    """The matrix `letter`(`of`), rows `row`, columns `column`.

    For T, `of` is the kernel, read at `tap`, and `column` is the axis of the other tensor, read at `at`;
    for U, `of` is the other tensor, and `column` is the tap.
    """

    letter: str
    of: str
    row: Index
    column: Index
    tap: Index
    at: Affine

    @property
    def is_kernel(self) -> bool:
        """Is this T(w), with a sum over taps in each entry?"""
        return self.tap != self.column

    def position(self, row: Index, tap: Index) -> Affine:
        """Where row `row` reads under tap `tap`."""
        return self.at.substitute({self.row: Affine.of(row), self.tap: Affine.of(tap)})

    def entry(self) -> Expr:
        """The entry formula in general, in the indices `row` and `column`."""
        if not self.is_kernel:
            return Expr((Term(1, ((Read(self.of, (self.at,)), 1),)),))
        bracket = Bracket("==", Affine.of(self.column) - self.at)
        return Expr((Term(1, ((Read(self.of, (Affine.of(self.tap),)), 1), (bracket, 1)), (self.tap,)),))


Edge = tuple[Operator, Index, Index]


def find_operators(layer: Layer) -> tuple[Operator, ...]:
    """The operators that the forward equations of a layer use, T(w) before U(x), each under a letter of its own."""
    found: dict[tuple, Operator] = {}
    for equation in layer.equations:
        for operator in _in_expr(equation.expr, layer.symbols):
            found.setdefault(_signature(operator), operator)
    return tuple(_lettered(found.values(), layer.symbols))


def _in_expr(value: Expr, symbols: Mapping[str, Symbol]) -> Iterator[Operator]:
    for term in value.terms:
        yield from _in_term(term, symbols)
        for factor, _ in term.factors:
            for child in factor.children():
                yield from _in_expr(child, symbols)


def _in_term(term: Term, symbols: Mapping[str, Symbol]) -> Iterator[Operator]:
    reads = [a for a, e in term.factors if isinstance(a, Read) and e == 1]
    for moving in reads:
        kernels = [r for r in reads if len(r.at) == 1 and (k := r.at[0].plain) is not None and k in term.bound]
        for kernel in kernels:
            tap = kernel.at[0].plain
            if moving.at and tap is not None and moving.tensor in symbols and only_in(term, tap, (kernel, moving)):
                yield from _operators(kernel, moving, tap, symbols[moving.tensor])


def _operators(kernel: Read, moving: Read, tap: Index, symbol: Symbol) -> Iterator[Operator]:
    at, axis = moving.at[-1], symbol.axes[-1]
    rows = at.indices - {tap}
    if tap not in at.indices or len(rows) != 1 or at.plain is not None:
        return
    (row,) = rows
    column = fresh(axis, (row.name, tap.name))
    yield Operator("T", kernel.tensor, row, column, tap, at)
    if len(moving.at) == 1:
        yield Operator("U", moving.tensor, row, tap, tap, at)


def only_in(term: Term, index: Index, factors: tuple) -> bool:
    """Does the index stand in these factors of the term and in no other?"""
    return all((index in a.free) == any(a is f for f in factors) for a, _ in term.factors)


def fits(operator: Operator, at: Affine, row: Index, tap: Index) -> bool:
    """Is this where `row` reads under `tap`, over axes of the operator's sizes?"""
    sizes = row.size == operator.row.size and tap.size == operator.tap.size
    return sizes and at == operator.position(row, tap)


def fits_backwards(operator: Operator, at: Affine, column: Index, tap: Index) -> bool:
    """Is this the row that reads at `column` under `tap`, over axes of the operator's sizes?"""
    sizes = column.size == operator.column.size and tap.size == operator.tap.size
    step = operator.at.coefficient(operator.row)
    rest = operator.at.without(operator.row).substitute({operator.tap: Affine.of(tap)})
    return sizes and step in (1, -1) and at == (Affine.of(column) - rest).times(step)


def contracted_kernels(
    term: Term, operators: tuple[Operator, ...], names: Mapping[str, Symbol]
) -> tuple[Term, list[Edge]]:
    """The term without the kernels that are summed over, and the operators in their place: (T(w), row, column)."""
    found: list[Edge] = []
    for operator in operators:
        for kernel, exponent in term.factors:
            if operator.is_kernel and exponent == 1 and isinstance(kernel, Read) and kernel.tensor == operator.of:
                contraction = _contraction(operator, kernel, term, names)
                if contraction is not None:
                    term, edge = contraction
                    found.append(edge)
                    break
    return term, found


def _contraction(operator: Operator, kernel: Read, term: Term, names: Mapping[str, Symbol]) -> tuple[Term, Edge] | None:
    """Σ_k w[k] x[s t + d k - p] → Σ_j T(w)[t, j] x[j],  Σ_k w[k] [j = s t + d k - p] → T(w)[t, j]

    Where s is 1 or -1, also Σ_k w[k] g[s (j - d k + p)] → Σ_t T(w)[t, j] g[t].
    """
    tap = kernel.at[0].plain
    if tap is None or tap not in term.bound:
        return None
    for moving, exponent in term.factors:
        moved = _moved(operator, moving, tap, term, names)
        if moved is None or exponent != 1 or not only_in(term, tap, (kernel, moving)):
            continue
        row, column, instead = moved
        factors = tuple(f for f in term.factors if f[0] is not kernel and f[0] is not moving)
        bound = tuple(i for i in term.bound if i != tap)
        if instead is not None:
            factors, bound = (*factors, (instead, 1)), (*bound, *instead.at[-1].indices)
        return Term(term.coefficient, factors, bound), (operator, row, column)
    return None


def _moved(
    operator: Operator, moving: Atom, tap: Index, term: Term, names: Mapping[str, Symbol]
) -> tuple[Index, Index, Read | None] | None:
    """Row and column of T(w), and the plain read that takes the place of an affine one."""
    if isinstance(moving, Read) and moving.at and moving.tensor in names:
        at, axis = moving.at[-1], names[moving.tensor].axes[-1]
        new = fresh(axis, {i.name for a, _ in term.factors for i in a.free} | {i.name for i in term.bound})
        plain = Read(moving.tensor, (*moving.at[:-1], Affine.of(new)))
        for index in sorted(at.indices - {tap}, key=str):
            if axis.size == operator.column.size and fits(operator, at, index, tap):
                return index, new, plain
            if axis.size == operator.row.size and fits_backwards(operator, at, index, tap):
                return new, index, plain
    if isinstance(moving, Bracket) and moving.relation == "==" and len(moving.affine.terms) == 3:
        for row, column in permutations(sorted(moving.affine.indices - {tap}, key=str)):
            bracket = Bracket("==", Affine.of(column) - operator.position(row, tap))
            sizes = row.size == operator.row.size and column.size == operator.column.size
            if moving == bracket and sizes and tap.size == operator.tap.size:
                return row, column, None
    return None


def _signature(operator: Operator) -> tuple:
    labels = {operator.row: "row", operator.tap: "tap"}
    kind = operator.is_kernel
    return kind, operator.of, operator.at.key(labels), operator.row.size, operator.column.size, operator.tap.size


def _lettered(operators, symbols: Mapping[str, Symbol]) -> Iterator[Operator]:
    """Letters that no tensor has, and a second letter for a second operator of the same tensor."""
    spelled = {s.latex or latex_of(s.name) for s in symbols.values()}
    used: set[tuple[str, str]] = set()
    for operator in sorted(operators, key=lambda o: not o.is_kernel):
        letters = (operator.letter, *LETTERS[operator.letter])
        letter = next(x for x in letters if x not in spelled and (x, operator.of) not in used)
        used.add((letter, operator.of))
        yield replace(operator, letter=letter)


LETTERS = {
    "T": ("\\mathcal{T}", *(f"\\mathcal{{T}}_{{{n}}}" for n in range(1, 100))),
    "U": ("\\mathcal{U}", *(f"\\mathcal{{U}}_{{{n}}}" for n in range(1, 100))),
}
