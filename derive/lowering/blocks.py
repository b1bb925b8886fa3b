"""The statements of a loop over blocks of a softmax's pairs: forward with a running maximum and sum, backward from L.

    forward     M' = max(M, max_j S),  E = exp(S - M'),  c = exp(M - M'),  Z = c Z + Σ_j E,  O = c O + Σ_j E V
    backward    P = exp(S - L), and whatever is computed from it

A block in which conditions on indices leave nothing is never looked at; minus infinity masks what they leave out of
the others.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from derive.calculus.families import reads_of
from derive.calculus.pairs import Aligned
from derive.core.atoms import Bracket, Read
from derive.core.axes import Index
from derive.core.layer import Equation, Symbol
from derive.core.terms import Expr
from derive.lowering.conditions import maybe_empty
from derive.lowering.elementwise import FAILING, ONE, ZERO, choose, compare, operate
from derive.lowering.expressions import Expressions
from derive.lowering.invariants import hoisted
from derive.lowering.layout import align, shape_of
from derive.lowering.memory import in_place
from derive.lowering.program import Assign, Blocks, Each, MaskOut, Note, Statement
from derive.lowering.ranges import columns_of, somewhere_out
from derive.lowering.sharing import fresh_name, shared, substituted
from derive.lowering.sweeps import Sweep
from derive.lowering.tiles import Tile
from derive.lowering.values import Copy, Fill, Name, Number, Part, Reduce, Value, names_read, operands, walk

RUNNING = "online softmax: {M} is the largest so far, {Z} = Σ {E}, and {P} = {E} / {Z} in the end"


@dataclass
class Sweeping:
    """Lowers one loop. `block` is the name of the option, `taken` are the names that are in use."""

    sweep: Sweep
    symbols: dict[str, Symbol]
    taken: set[str]
    block: str

    def __post_init__(self) -> None:
        family = self.sweep.family
        self.family = family
        self.softmax = family.softmax
        group = fresh_name("at", set(self.taken))
        self.tile = Tile(family.row, family.column, family.looped, group, self.symbols)
        for aligned in self.sweep.pairs:
            name = aligned.equation.symbol.name
            self.tile.local[name] = replace(aligned.equation.symbol, axes=self.tile.pair(aligned.axes))
        self.before: list[Statement] = []

    # the loop around

    def loop(self, body: Sequence[Statement]) -> list[Statement]:
        """The arrays to add up in, and the loops around the statements of a block."""
        row, column = self.family.row, self.family.column
        starts, stops = columns_of(self.family)
        inner: Statement = Blocks(column.name, starts, stops, self.block, tuple(body))
        inner = Blocks(row.name, (0,), (row.size,), self.block, (inner,))
        looped = self.family.looped
        return [*self.before, Each(looped, self.tile.group, (inner,)) if looped else inner]

    def masks(self, target: str) -> Iterator[MaskOut]:
        """Minus infinity where a condition fails."""
        axes = self.tile.pair(())
        lowering = Expressions({**self.symbols, **self.tile.local})
        for condition in self.softmax.conditions:
            (inside,) = (a for t in self.tile.atom(condition).terms for a, _ in t.factors)
            if isinstance(inside, Bracket):
                sides = lowering.sides(inside.affine, axes)
                mask: Value = compare(FAILING[inside.relation], *sides, axes)
            else:
                lowering.symbols = {**self.symbols, **self.tile.local}
                mask = operate("not", (lowering.mask(inside, axes, ()),), axes, "mask")
            yield MaskOut(target, align(mask, axes), *somewhere_out(condition, self.family))

    # the pairs

    def scores(self) -> tuple[list[Statement], Name, list[Aligned]]:
        """The statements up to x, masked, in an array of its own; what it is called; and the pairs that come after."""
        name = self.softmax.equation.symbol.name
        place = next((n for n, a in enumerate(self.sweep.pairs) if a.equation.symbol.name == name), 0)
        upstream, after = list(self.sweep.pairs[:place]), list(self.sweep.pairs[place + 1 :])
        axes = self.tile.pair(())
        statements: list[Statement] = [self.assigned(a) for a in upstream]
        bare = bare_read(self.softmax.exponent)
        others = [*upstream, *after, *self.sweep.reductions]
        own = bare in {a.equation.symbol.name for a in upstream}
        if own and bare is not None and not any(bare in {r.tensor for r in reads_of(a.expr)} for a in others):
            scores = bare
        else:
            scores = fresh_name(f"{bare}_block" if bare else "S", self.taken)
            value = self.tile.lower(self.softmax.exponent, axes)
            value = Copy(value, axes=value.axes) if not operands(value) or isinstance(value, Name) else value
            statements.append(Assign(scores, value))
        return statements, Name(scores, axes=axes), after

    def assigned(self, aligned: Aligned) -> Assign:
        """An equation for pairs, in the block."""
        symbol = aligned.equation.symbol
        value = self.tile.lower(aligned.expr, self.tile.pair(aligned.axes))
        return Assign(symbol.name, value, aligned.equation)

    # the sums

    def place(self, aligned: Aligned) -> tuple[tuple[str, ...], tuple[Index, ...]]:
        """Where a reduction stands in its array, and the axes of what is added there."""
        return self.tile.at(aligned.axes), self.tile.axes(aligned.axes)

    def zeros(self, symbol: Symbol, value: Value = ZERO) -> Assign:
        return Assign(symbol.name, Fill(value, shape_of([(i,) for i in symbol.axes]), axes=symbol.axes))

    def backward(self, log_sum: Equation) -> list[Statement]:
        """Sums over the pairs from P = exp(x - L)."""
        statements, scores, after = self.scores()
        softmax = self.softmax.equation.symbol
        axes = self.tile.pair(())
        rows = self.tile.lower(log_sum.symbol.value(), self.tile.axes(log_sum.symbol.axes))
        exponent = operate("sub", (scores, rows), axes)
        statements.append(Assign(softmax.name, operate("exp", (exponent,), axes), self.local_entry(log_sum)))
        statements += [self.assigned(a) for a in after]
        for aligned in self.sweep.reductions:
            symbol = aligned.equation.symbol
            value = self.tile.lower(aligned.expr, self.place(aligned)[1])
            statements.append(Assign(symbol.name, value, aligned.equation))
            self.before.append(self.zeros(symbol))
        sums = {a.equation.symbol.name: a for a in self.sweep.reductions}
        body = self.passed(statements, list(sums))
        return self.loop(self.finished(self.with_masks(body, scores.name), sums))

    def local_entry(self, log_sum: Equation) -> Equation:
        """P = exp(x - L), which is 0 too where nothing is left of a row."""
        return replace(self.softmax, asked=False).entry(log_sum)

    def passed(self, statements: Sequence[Statement], kept: Collection[str]) -> list[Statement]:
        """What every function's statements go through."""
        outside = [hoisted(s, self.tile, self.before, self.taken) for s in statements]
        taken = [*self.taken, *self.tile.local]
        return in_place(shared(outside, taken), kept, {*self.symbols, *self.tile.local})

    def with_masks(self, statements: Sequence[Statement], scores: str) -> list[Statement]:
        """The masks stand before the first statement that reads x and does not only change it."""
        reading = (
            n
            for n, s in enumerate(statements)
            if isinstance(s, Assign) and scores in names_read([s.value]) and s.target != scores
        )
        place = next(reading, len(statements))
        return [*statements[:place], *self.masks(scores), *statements[place:]]

    def finished(self, statements: Sequence[Statement], sums: dict[str, Aligned]) -> list[Statement]:
        """The statements with reductions added to their arrays, in parts of tensors, invariants taken out."""
        result: list[Statement] = []
        for number, statement in enumerate(statements):
            if isinstance(statement, Assign) and statement.target in sums:
                several = sum(isinstance(s, Assign) and s.target == statement.target for s in statements) > 1
                last = not any(isinstance(s, Assign) and s.target == statement.target for s in statements[number + 1 :])
                at, axes = self.place(sums[statement.target])
                update = None if self.whole(sums[statement.target]) else "add"
                if several:
                    part = f"{statement.target}_part"
                    result.append(replace(statement, target=part))
                    if last:
                        result.append(Assign(statement.target, Name(part, axes=axes), part=at, update=update))
                    continue
                statement = replace(statement, part=at, update=update)
            result.append(statement)
        return [self.outside(s) for s in result]

    def whole(self, aligned: Aligned) -> bool:
        """Does every block have a place of its own in the reduction?"""
        return {self.family.row, *self.softmax.rows, self.family.column} <= set(aligned.axes)

    def outside(self, statement: Statement) -> Statement:
        """The statement with parts of tensors."""
        if isinstance(statement, MaskOut):
            return replace(statement, mask=self.tile.in_parts(statement.mask))
        if not isinstance(statement, Assign):
            return statement
        target = re.sub(r"\[.*?\]", "", statement.target)
        out = re.sub(r"\[.*?\]", "", statement.out) if statement.out else None
        return replace(statement, value=self.tile.in_parts(statement.value), target=target, out=out)

    # forward

    def forward(self, log_sum: Equation, largest: str, total: str) -> list[Statement]:
        """Sums over the pairs by running maximum and sum; and L, once these are known."""
        family, axes = self.family, self.tile.pair(())
        row = self.tile.inside[family.row]
        statements, scores, after = self.scores()
        running = {n: Symbol(n, log_sum.symbol.axes) for n in (largest, total)}
        at = self.tile.at(log_sum.symbol.axes)
        new, factor = fresh_name(f"{largest}_new", self.taken), fresh_name("rescale", self.taken)
        exponentials = fresh_name("E", self.taken)
        dtype_lowest = Number("lowest")
        self.before += [self.zeros(running[largest], dtype_lowest), self.zeros(running[total])]
        body: list[Statement] = self.with_masks(self.passed(statements, [scores.name]), scores.name)
        so_far = Part(largest, at, axes=(row,))
        maxima = Reduce("max", scores, (-2,), axes=(row,))
        body += [
            Note(RUNNING.format(M=largest, Z=total, E=exponentials, P=self.softmax.equation.symbol.name)),
            Assign(new, operate("maximum", (so_far, maxima), (row,))),
            Assign(scores.name, Name(new, axes=(row,)), update="sub"),
            Assign(exponentials, operate("exp", (scores,), axes), out=scores.name),
            Assign(factor, operate("exp", (operate("sub", (so_far, Name(new, axes=(row,))), (row,)),), (row,))),
            Assign(largest, Name(new, axes=(row,)), part=at),
            Assign(total, Name(factor, axes=(row,)), part=at, update="mul"),
            Assign(total, Reduce("sum", Name(exponentials, axes=axes), (-2,), axes=(row,)), part=at, update="add"),
        ]
        softmax = self.softmax.equation.symbol
        self.tile.local[exponentials] = Symbol(exponentials, self.tile.pair(softmax.axes))
        self.tile.local[softmax.name] = Symbol(softmax.name, self.tile.pair(softmax.axes))
        later = [self.assigned(a) for a in after]
        ends: list[Statement] = []
        for aligned in self.sweep.reductions:
            symbol = aligned.equation.symbol
            place, own = self.place(aligned)
            value = self.tile.lower(aligned.expr, own)
            later.append(Assign(symbol.name, value, aligned.equation))
            self.before.append(self.zeros(symbol))
        sums = {a.equation.symbol.name: a for a in self.sweep.reductions}
        for statement in self.finished(self.passed(later, list(sums)), sums):
            if isinstance(statement, Assign) and statement.target in sums:
                place, own = self.place(sums[statement.target])
                scale = align(Name(factor, axes=(row,)), own)
                body.append(Assign(statement.target, scale, statement.implements, part=place, update="mul"))
                statement = replace(statement, implements=None)
            body.append(named(statement, softmax.name, exponentials))
        body = [self.outside(s) for s in body]
        sums_name = Name(total, axes=log_sum.symbol.axes)
        if self.softmax.asked or all(maybe_empty(t) for t in self.softmax.sum.terms):
            order = log_sum.symbol.axes
            ends.append(Assign(total, choose(compare(">", sums_name, ZERO, order), sums_name, ONE, order)))
        for aligned in self.sweep.reductions:
            symbol = aligned.equation.symbol
            ends.append(
                Assign(symbol.name, align(sums_name_in(sums_name, aligned, log_sum), symbol.axes), update="div")
            )
        logs = operate("log", (sums_name,), log_sum.symbol.axes)
        whole = operate("add", (Name(largest, axes=log_sum.symbol.axes), logs), log_sum.symbol.axes)
        return [*self.loop(body), *ends, Assign(log_sum.symbol.name, whole, log_sum)]


def sums_name_in(value: Name, aligned: Aligned, log_sum: Equation) -> Value:
    """The running sums, their axes called as in an equation."""
    called = dict(zip(aligned.axes, aligned.equation.symbol.axes, strict=True))
    return replace(value, axes=tuple(called[i] for i in log_sum.symbol.axes))


def bare_read(value: Expr) -> str | None:
    """The tensor that an expression reads, where it is nothing else."""
    term = value.only
    if term is None or term.bound or term.coefficient != 1 or len(term.factors) != 1:
        return None
    factor, exponent = term.factors[0]
    plain = isinstance(factor, Read) and exponent == 1 and all(a.plain for a in factor.at) and factor.at
    return factor.tensor if plain and isinstance(factor, Read) else None


def named(statement: Statement, old: str, new: str) -> Statement:
    """The statement that reads an array under another name."""
    if not isinstance(statement, Assign):
        return statement
    value = statement.value
    for part in [v for v in walk(value) if isinstance(v, Name) and v.name == old]:
        value = substituted(value, part, Name(new, axes=part.axes))
    return replace(statement, value=value)
