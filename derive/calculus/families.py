"""Which statements belong to a softmax that is taken block by block, and in which order loops and statements come.

pairs        carry its rows and its columns, as S, P and dS: computed in a block, never kept
reductions   read pairs and do not carry both, as O, dQ, dK: added up from block to block
plain        all others: computed before the loop, or after it
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from derive.calculus.online_softmax import Softmax, unused
from derive.calculus.pairs import Aligned, aligned, alike
from derive.core.atoms import Read
from derive.core.axes import Affine, Index
from derive.core.layer import Equation, Layer, Statement
from derive.core.terms import Expr, Term, add
from derive.core.traverse import atoms
from derive.errors import LoweringError


@dataclass
class Family:
    """A softmax and what depends on its pairs; every equation is in the softmax's alphabet."""

    softmax: Softmax
    row: Index
    pairs: dict[str, tuple[Index, ...]]
    # The pairs that are 0 wherever the softmax is.
    vanishing: set[str] = field(default_factory=set)
    equations: dict[str, Aligned] = field(default_factory=dict)

    @property
    def column(self) -> Index:
        return self.softmax.over

    @property
    def looped(self) -> tuple[Index, ...]:
        return tuple(i for i in self.softmax.rows if i != self.row)


def family_of(layer: Layer, softmax: Softmax) -> Family:
    """The family of a softmax: it, and the values as large that it is computed from."""
    name = softmax.equation.symbol.name
    family = Family(softmax, row_of(layer, softmax), {name: softmax.equation.symbol.axes}, {name})
    large = as_large(layer, softmax)
    equations = {e.symbol.name: e for e in layer.equations}
    pending = [softmax.equation]
    while pending:
        equation = pending.pop()
        known = family.pairs[equation.symbol.name]
        # The equation in the alphabet of the softmax, from where its tensor stands in it.
        own = dict(zip(equation.symbol.axes, known, strict=True))
        for read in reads_of(equation.expr):
            at = [own.get(a.plain) if a.plain is not None else None for a in read.at]
            if read.tensor in large and read.tensor not in family.pairs and None not in at:
                family.pairs[read.tensor] = tuple(i for i in at if i is not None)
                pending.append(equations[read.tensor])
    return family


def reads_of(value: Expr) -> list[Read]:
    return [a for a in atoms(value) if isinstance(a, Read)]


def row_of(layer: Layer, softmax: Softmax) -> Index:
    """The axis of rows that is taken in blocks: one that conditions compare with the columns, else the last of those
    that what is contracted with does not have."""
    plain = [i for i in softmax.rows if not i.leading]
    if not plain:
        name = softmax.equation.symbol.read_as
        raise LoweringError(f"{layer.name}: {name} has no axis of rows beside {softmax.over}. It needs no blocks.")
    compared = [i for i in plain if any(i in c.free for c in softmax.conditions)]
    name = softmax.equation.symbol.name
    beside: set[Index] = set()
    for equation in layer.equations:
        if name in equation.reads:
            lined_up = aligned(equation, {name: softmax.equation.symbol.axes})
            for read in reads_of(lined_up.expr) if lined_up is not None else ():
                indices = {i for at in read.at for i in at.indices}
                beside |= indices if read.tensor != name and softmax.over in indices else set()
    own = [i for i in plain if i not in beside]
    return [*plain, *own, *compared][-1]


def sorted_in(layer: Layer, families: Sequence[Family]) -> Layer:
    """Tell every family its equations. Raises LoweringError where one cannot be computed block by block.

    An equation that adds up several things is taken apart where they are not all sums over the same pairs, so that the
    layer that comes back may have more equations.
    """
    known = [dict(f.pairs) for f in families]
    vanishing = [set(f.vanishing) for f in families]
    result = _sorted_in(layer, families)
    more = [(n, f, name, axes) for n, f in enumerate(families) for name, axes in also_pairs(result, f).items()]
    if not more:
        return result
    for family, pairs, gone in zip(families, known, vanishing, strict=True):
        family.pairs, family.vanishing, family.equations = pairs, gone, {}
    for _, family, name, axes in more:
        family.pairs[name] = axes
    return sorted_in(layer, families)


def also_pairs(layer: Layer, family: Family) -> dict[str, tuple[Index, ...]]:
    """The values with rows and columns that nothing but the family reads, as dP is read by dS alone."""
    found: dict[str, tuple[Index, ...]] = {}
    members = set(family.equations)
    own = {e.symbol.name for e in layer.equations} - set(layer.outputs) - members
    for lined_up in family.equations.values():
        for read in reads_of(lined_up.expr):
            at = tuple(a.plain for a in read.at if a.plain is not None)
            if read.tensor in own and len(at) == len(read.at) and {family.row, family.column} <= set(at):
                readers = {n for s in layer.statements if read.tensor in s.reads for n in names(s)}
                if readers <= members:
                    found[read.tensor] = at
    return found


def _sorted_in(layer: Layer, families: Sequence[Family]) -> Layer:
    statements: list[Statement] = []
    taken = {*layer.symbols, *(i.name for i in layer.indices)}
    for statement in layer.statements:
        touched = [f for f in families if not (set(statement.reads) | names(statement)).isdisjoint(f.pairs)]
        if not touched:
            statements.append(statement)
            continue
        if not isinstance(statement, Equation):
            raise refusal(layer, statement, "it takes what a softmax gives as a whole")
        for part in taken_apart(statement, touched, taken):
            statements.append(part)
            reading = [f for f in touched if not (set(part.reads) | names(part)).isdisjoint(f.pairs)]
            if len(reading) > 1:
                raise refusal(layer, part, "two softmaxes stand in it")
            if reading:
                join(layer, part, reading[0])
    return replace(layer, statements=tuple(statements))


def join(layer: Layer, statement: Equation, family: Family) -> None:
    """Make an equation one of a family."""
    name = statement.symbol.name
    if name in family.pairs:
        family.equations[name] = stated_in(statement, family.pairs[name])
        return
    lined_up = aligned(statement, family.pairs)
    if lined_up is None:
        raise refusal(layer, statement, "it reads one matrix of pairs at several places")
    if not all(vanishes(t, family) for t in lined_up.expr.terms):
        raise refusal(layer, statement, f"it is not 0 where {family.softmax.equation.symbol.name} is")
    family.equations[name] = lined_up
    if {family.row, family.column} <= set(lined_up.axes) and name not in layer.outputs:
        if not set(family.softmax.equation.symbol.axes) <= set(lined_up.axes):
            raise refusal(layer, statement, "it adds up several softmaxes entry by entry")
        family.pairs[name] = lined_up.axes
        family.vanishing.add(name)


def expect_proportional(layer: Layer, family: Family) -> None:
    """A running sum is rescaled row by row: all that the forward pass makes of P is proportional to it, row by row."""
    for name, lined_up in family.equations.items():
        if name in family.vanishing or name not in family.pairs:
            own = name == family.softmax.equation.symbol.name
            if not own and not all(proportional(t, family) for t in lined_up.expr.terms):
                raise refusal(layer, lined_up.equation, "it is not proportional to the softmax")
            if not set(family.softmax.rows) <= set(lined_up.axes):
                raise refusal(layer, lined_up.equation, "it adds up rows of the softmax")


def proportional(term: Term, family: Family) -> bool:
    """Does one entry of what vanishes with the softmax stand in a term, as a factor?"""
    factors = [e for a, e in term.factors if isinstance(a, Read) and a.tensor in family.vanishing]
    anywhere = [r for r in reads_of(Expr((term,))) if r.tensor in family.vanishing]
    return factors == [1] and len(anywhere) == 1


def taken_apart(statement: Equation, families: Sequence[Family], taken: set[str]) -> Iterator[Equation]:
    """The equation, or one for each kind of sums over pairs in it and then itself: dX = dX_1 + dX_2 + G."""
    if any(statement.symbol.name in f.pairs for f in families):
        yield statement
        return
    kinds: list[tuple[Family, list[Term]]] = []
    rest: list[Term] = []
    for term in statement.expr.terms:
        read = {r.tensor for r in reads_of(Expr((term,)))}
        own = next((f for f in families if not read.isdisjoint(f.pairs)), None)
        if own is None:
            rest.append(term)
            continue
        kind = next((k for f, k in kinds if f is own and alike(statement, [*k, term], f.pairs)), None)
        if kind is None:
            kinds.append((own, [term]))
        else:
            kind.append(term)
    if len(kinds) + bool(rest) < 2:
        yield statement
        return
    parts = []
    for _, terms in kinds:
        symbol = statement.symbol.renamed(name=unused(f"{statement.symbol.name}_1", taken), text=None, latex=None)
        parts.append(symbol)
        yield Equation(symbol, Expr(tuple(terms)))
    yield Equation(statement.symbol, add(*(s.value() for s in parts), Expr(tuple(rest))))


def stated_in(statement: Equation, axes: tuple[Index, ...]) -> Aligned:
    """An equation on the way to the softmax in its alphabet."""
    mapping = {i: Affine.of(j) for i, j in zip(statement.symbol.axes, axes, strict=True)}
    return Aligned(statement, axes, statement.expr.substitute(mapping))


def as_large(layer: Layer, softmax: Softmax) -> set[str]:
    """The values on the way to a softmax, itself included, that have all its axes."""
    equations = {e.symbol.name: e for e in layer.equations}
    found: set[str] = set()
    pending = [softmax.equation.symbol.name]
    while pending:
        name = pending.pop()
        if name in found or name not in equations or name in layer.outputs:
            continue
        found.add(name)
        axes = set(equations[name].symbol.axes)
        for read in (a for a in atoms(equations[name].expr) if isinstance(a, Read) and a.at):
            if frozenset().union(*(at.indices for at in read.at)) >= axes:
                pending.append(read.tensor)
    return found


def names(statement: Statement) -> set[str]:
    return {s.name for s in statement.defines}


def vanishes(term: Term, family: Family) -> bool:
    return any(isinstance(a, Read) and a.tensor in family.vanishing and e > 0 for a, e in term.factors)


def refusal(layer: Layer, statement: Statement, why: str) -> LoweringError:
    name = ", ".join(s.name for s in statement.defines)
    return LoweringError(f"{layer.name}: there is no blockwise form of {name}, because {why}.")
