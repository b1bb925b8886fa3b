"""Affine reads and their adjoints: which condition on indices becomes a read, a scatter, or stays a mask.

Σ_j x[j] [j = s t + d k - p]        →  x[s t + d k - p]                     gather: a read outside x is 0
Σ_{t,k} f[t, k] [j = s t + d k - p]  →  out[s t + d k - p] += f[t, k]        scatter: a loop over the taps k
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from derive.calculus.deltas import ends_with
from derive.core import canonical
from derive.core.atoms import Argmax, Atom, Bracket, Read
from derive.core.axes import Affine, Coefficient, Index, fresh, plain_number, symbolic
from derive.core.layer import Role, Symbol
from derive.core.terms import Expr, Factor, Term, product
from derive.core.traverse import atoms
from derive.lowering.layout import FLAT_SIZE, ordered
from derive.lowering.signs import defined
from derive.lowering.values import Diagonal, Row, Value, Window

# The data of a convolution is what a cotangent carries; its taps are what a parameter carries.
RANK = {Role.COTANGENT: 0, Role.ADJOINT: 0, Role.VALUE: 1, Role.INPUT: 2, Role.PARAMETER: 3}
Symbols = Mapping[str, Symbol]


def row_of(affine: Affine, indices: Sequence[Index]) -> Row:
    return (affine.constant, *(affine.coefficient(i) for i in indices))


def read_entries(value: Value, at: Sequence[Affine], order: Sequence[Index]) -> Value:
    """The array of the reads of a tensor at affine indices; `value` is the tensor, one axis for each of `at`."""
    plain = [whole_axis(a, axis) for a, axis in zip(at, value.axes, strict=True)]
    if None not in plain and len(set(plain)) == len(plain):
        return replace(value, axes=tuple(i for i in plain if i is not None))
    if None not in plain and len(set(plain)) == len(plain) - 1:
        return _diagonal(value, [i for i in plain if i is not None])
    start = _first_affine(at, plain)
    kept, windowed = tuple(i for i in plain[:start] if i is not None), at[start:]
    indices = ordered((i for a in windowed for i, _ in a.terms), order)
    rows = tuple(row_of(a, indices) for a in windowed)
    return Window(value, tuple(i.size for i in indices), rows, axes=(*kept, *indices))


def _diagonal(value: Value, at: list[Index]) -> Value:
    twice = next(i for i in at if at.count(i) == 2)
    first = at.index(twice)
    second = at.index(twice, first + 1)
    rest = tuple(i for i in at if i != twice)
    return Diagonal(value, first - len(at), second - len(at), axes=(*rest, twice))


def whole_axis(affine: Affine, axis: Index) -> Index | None:
    """The index that runs over the whole axis, if it is one: not one of another size, whose reads may lie outside."""
    index = affine.plain
    if index is None or index.leading or index.size in (axis.size, FLAT_SIZE):
        return index
    return index if plain_number(index.size - axis.size) == 0 else None


def _first_affine(at: Sequence[Affine], plain: Sequence[Index | None]) -> int:
    """The first axis from which on the tensor is read through a window."""
    start = plain.index(None) if None in plain else len(at)
    for n, a in enumerate(at):
        if any(i in b.indices for i in a.indices for b in at[n + 1 :]):
            start = min(start, n)
    return start


# kernels


def simplified(term: Term, symbols: Symbols) -> Term:
    """The term with its conditions solved, and its kernels read tap by tap where that leaves no condition behind."""
    unfolded = solve(unfolded_kernels(term, symbols), symbols)
    for factors, bound in canonical.components(unfolded)[1]:
        group = Term(1, tuple(factors), tuple(bound))
        plan = plan_scatter(group, symbols)
        if set(equalities(plan.rest if plan else group)) - set(equalities(term)):
            return solve(term, symbols)
    return unfolded


def unfolded_kernels(term: Term, symbols: Symbols) -> Term:
    """Σ_i x[i] w[j - s i] as Σ_{i,u} x[i] w[u] [j = s i + u], so that no matrix of the shifted kernel is made."""
    factors: list[Factor] = []
    taps: list[Index] = []
    taken = {i.name for a, _ in term.factors for i in a.free} | {i.name for i in term.bound}
    for factor, exponent in term.factors:
        if exponent != 1 or not isinstance(factor, Read) or not _shifted_kernel(factor, term, symbols):
            factors.append((factor, exponent))
            continue
        at = list(factor.at)
        for n, (affine, axis) in enumerate(zip(factor.at, symbols[factor.tensor].axes, strict=True)):
            if len(affine.terms) > 1:
                tap = fresh(axis, taken)
                taken.add(tap.name)
                taps.append(tap)
                at[n] = Affine.of(tap)
                factors.append((Bracket("==", affine - Affine.of(tap)), 1))
        factors.append((Read(factor.tensor, tuple(at)), 1))
    return Term(term.coefficient, tuple(factors), (*taps, *term.bound)) if taps else term


def _shifted_kernel(read: Read, term: Term, symbols: Symbols) -> bool:
    """Is a parameter read at a sum of indices, over some of which the term sums?"""
    symbol = symbols.get(read.tensor)
    if symbol is None or symbol.role is not Role.PARAMETER:
        return False
    return any(len(a.terms) > 1 and not a.indices.isdisjoint(term.bound) for a in read.at)


# conditions that are equations


def equalities(term: Term) -> list[Bracket]:
    return [a for a, _ in term.factors if isinstance(a, Bracket) and a.relation == "==" and not a.affine.lookups]


def solve(term: Term, symbols: Symbols) -> Term:
    """Solve the equations among the conditions for the bound index that runs over the data, where that is sound."""
    for bracket in equalities(term):
        for index in _data_indices(bracket, term, symbols):
            if _solvable(bracket, index, term) and _carried(index, term, symbols):
                return solve(eliminate(term, bracket, index, symbols), symbols)
    return term


def solve_any(term: Term, symbols: Symbols) -> Term:
    """Solve every equation that has a bound index with coefficient 1 or -1."""
    for bracket in equalities(term):
        for index in term.bound:
            if _solvable(bracket, index, term):
                return solve_any(eliminate(term, bracket, index, symbols), symbols)
    return term


def _data_indices(bracket: Bracket, term: Term, symbols: Symbols) -> list[Index]:
    """The bound indices of a condition that are carried by what most looks like data."""
    ranks = {i: rank(i, term.factors, symbols) for i in term.bound if i in bracket.affine.indices}
    best = min(ranks.values(), default=0)
    return [i for i, r in ranks.items() if r == best]


def rank(index: Index, factors: Sequence[Factor], symbols: Symbols) -> int:
    """How much an index looks like one that runs over data (0), not over the taps of a kernel (3)."""
    roles = [symbols[r.tensor].role for r in _reads(factors) if index in r.free and r.tensor in symbols]
    return min((RANK.get(role, 3) for role in roles), default=4)


def data_first(indices: Sequence[Index], factors: Sequence[Factor], symbols: Symbols) -> list[Index]:
    """Indices by how much they look like one that runs over data; of two that look alike, a kernel's own last."""

    def plain_rank(index: Index) -> float:
        """By the reads at the bare index; one that has none stands between data and kernels."""
        plain = [r for r in _reads(factors) if any(a.plain == index for a in r.at) and r.tensor in symbols]
        return min((RANK.get(symbols[r.tensor].role, 3) for r in plain), default=RANK[Role.PARAMETER] - 0.5)

    return sorted(indices, key=lambda i: (rank(i, factors, symbols), plain_rank(i)))


def _reads(factors: Sequence[Factor]):
    for factor, _ in factors:
        if isinstance(factor, Read):
            yield factor
        for child in factor.children():
            for term in child.terms:
                yield from _reads(term.factors)


def _unit(coefficient: Coefficient) -> bool:
    return coefficient in (1, -1)


def _solvable(bracket: Bracket, index: Index, term: Term) -> bool:
    """May a condition be solved for an index?

    Not where a maximum is taken for each of its values, or among them; nor where an integer tensor is read at it:
    outside of one there is no position.
    """
    inside = [a for a in atoms(Expr((term,))) if index in a.free]
    if any(isinstance(a, Argmax) or any(index in entry.free for entry in a.lookups()) for a in inside):
        return False
    return _unit(bracket.affine.coefficient(index))


def _carried(index: Index, term: Term, symbols: Symbols) -> bool:
    """Does a bare read of a tensor that ends where the index does make the term 0 where it is out of its range?"""
    return any(isinstance(a, Read) and e > 0 and ends_with(index, a, symbols) for a, e in term.factors)


def eliminate(term: Term, bracket: Bracket, index: Index, symbols: Symbols) -> Term:
    """The term with the condition solved for a bound index, and the range of that index as a condition if needed."""
    sign = bracket.affine.coefficient(index)
    value = bracket.affine.without(index).times(-sign)
    factors: list[Factor] = [(a.substitute({index: value}), e) for a, e in term.factors if a != bracket]
    same = value.plain is not None and value.plain.size == index.size
    # A read of 0 outside settles it, unless what it is multiplied by has no value there.
    finite = all(defined(a, e, symbols) for a, e in term.factors if index in a.free)
    if not same and not (_carried(index, term, symbols) and finite):
        last = Affine.build((), index.size - 1)
        factors += [(Bracket(">=", value), 1), (Bracket(">=", last - value), 1)]
    return product(term.coefficient, factors, tuple(i for i in term.bound if i != index))


# scatter


@dataclass(frozen=True)
class ScatterPlan:
    """Σ over `slices` and `taps` of `rest`, added at `rows` of the axes `targets`. Without slices: entry by entry."""

    targets: tuple[Index, ...]
    rows: tuple[Affine, ...]
    slices: tuple[Index, ...]
    taps: tuple[Index, ...]
    rest: Term
    injective: bool


def plan_scatter(term: Term, symbols: Symbols) -> ScatterPlan | None:
    """How to scatter a sum whose conditions say where its entries go; None where no condition says so."""
    targets: dict[Index, tuple[Bracket, Affine]] = {}
    for bracket in equalities(term):
        target = _target(bracket, term)
        if target is not None:
            sign = bracket.affine.coefficient(target)
            targets[target] = (bracket, bracket.affine.without(target).times(-sign))
    if not targets:
        return None
    rows = tuple(row for _, row in targets.values())
    brackets = [bracket for bracket, _ in targets.values()]
    factors = tuple((a, e) for a, e in term.factors if a not in brackets)
    sources = [i for i in term.bound if any(i in row.indices for row in rows)]
    slices = _slices(rows, factors, symbols)
    injective = slices is not None
    chosen = slices or ()
    return ScatterPlan(
        tuple(targets),
        rows,
        tuple(i for i in sources if i in chosen),
        tuple(i for i in sources if i not in chosen),
        Term(term.coefficient, factors, tuple(i for i in term.bound if i not in sources)),
        injective,
    )


def _target(bracket: Bracket, term: Term) -> Index | None:
    """A free index that stands in this condition alone, which says where the bound ones go."""
    others: list[Atom] = [a for a, _ in term.factors if a != bracket]
    for index in sorted(bracket.affine.indices, key=lambda i: i.name):
        if index in term.bound or index.leading or not _unit(bracket.affine.coefficient(index)):
            continue
        sources = bracket.affine.indices - {index}
        if sources and sources <= set(term.bound) and not any(index in a.free for a in others):
            return index
    return None


def _slices(rows: Sequence[Affine], factors: Sequence[Factor], symbols: Symbols) -> tuple[Index, ...] | None:
    """One index for each row that can be added as a slice: no two of its entries go to the same place."""
    chosen: list[Index] = []
    for row in rows:
        if any(i in row.indices for i in chosen):
            continue
        usable = [i for i, c in row.terms if symbolic(c).is_nonzero]
        if usable:
            # An index that runs over a number of places is a tap where another runs over as many as the data has.
            chosen.append(min(usable, key=lambda i: (bool(i.size.is_number), rank(i, factors, symbols))))
    distinct = all(sum(i in row.indices for i in chosen) <= 1 for row in rows)
    return tuple(chosen) if chosen and distinct else None
