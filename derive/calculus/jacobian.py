"""Jacobians and Hessians as expressions: every entry of one tensor by every entry of another.

    J[α, β] = ∂Y[α]/∂X[β] = (Jᵀ u)[β]        with u[α'] = δ(α', α), the unit direction

A Hessian is the Jacobian of a gradient. Both come out of one reverse sweep: its cotangent is put to a unit direction,
the deltas are contracted, and what is left is arranged in blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial

from derive.calculus.adjoint_names import spelling
from derive.calculus.deltas import contract, same_size
from derive.calculus.derivation import Reverse, on_the_way
from derive.calculus.diagonals import Block, arrange
from derive.calculus.differentiate import DISTRIBUTE
from derive.calculus.inline import inlined
from derive.calculus.reuse import unfold
from derive.calculus.rules import instantiate
from derive.calculus.second import SecondOrder, direction_of, live, second_order
from derive.calculus.simplify import Context, cost, simplify
from derive.calculus.steps import Derivation, Rule, Step, Trail
from derive.core.atoms import Bracket, Read
from derive.core.axes import Affine, Index, fresh, plain_number
from derive.core.layer import Equation, Layer, Statement, Symbol, expect_layer
from derive.core.terms import Expr, add, atom, expr, multiply, power, total
from derive.core.traverse import bound_indices, rebuild, tensors_read
from derive.errors import DifferentiationError, UsageError

CONTRACT = r"\sum_{j} \delta_{j,k} f_{j} = f_{k}"
UNIT = r"u_{\beta} = \delta_{\beta,\alpha}"
DEFINITION = r"\text{a name and its definition are equal}"
# Above this price a closed form is no longer one: there is the product with a direction instead.
LONGEST = 700


@dataclass(frozen=True)
class Jacobian:
    """∂Y[rows]/∂X[columns] as a sum of blocks, with the steps that led there from the product with a direction.

    `product` is the derivation of Jᵀ u, for `direction` u. Of a Hessian, Y is the gradient ∂L/∂X.
    """

    layer: Layer
    of: Symbol
    wrt: Symbol
    rows: tuple[Index, ...]
    columns: tuple[Index, ...]
    result: Expr
    blocks: tuple[Block, ...]
    steps: tuple[Step, ...]
    # Is there a closed form that is short enough to be one? Else `result` is still the product with the direction.
    closed: bool
    product: Derivation
    direction: Symbol
    # The layer in which X is an argument and Y an output, the statements that define every other name in the steps.
    within: Layer = field(repr=False)
    adjoints: tuple[Statement, ...] = field(repr=False)
    names: Mapping[str, Symbol] = field(repr=False)
    # Of a Hessian, where it comes from.
    second: SecondOrder | None = field(default=None, repr=False)

    @property
    def at(self) -> tuple[Index, ...]:
        return (*self.rows, *self.columns)

    @property
    def is_zero(self) -> bool:
        return not self.result.terms

    def __repr__(self) -> str:
        kind = "Hessian" if self.second is not None else "Jacobian"
        return f"<{kind} of {self.layer.name} by {self.wrt.read_as}, {len(self.steps)} steps>"

    def _repr_latex_(self) -> str:
        from derive.documents.second_order import notebook_jacobian

        return notebook_jacobian(self)


def hessian(layer: Layer, wrt: str) -> Jacobian:
    """Derive the Hessian of a layer by one of its variables, in closed form: H[α, β] = ∂²L/∂X[α]∂X[β].

    Of a loss, L is the loss; of any other layer L = ⟨G, Y⟩, with the cotangent G held fixed. Raises UsageError where
    `wrt` is no variable, DifferentiationError where something has no derivative.
    """
    return _hessian(expect_layer(layer), wrt)


def forget_matrices() -> None:
    """Empty the caches of Hessians and Jacobians."""
    _hessian.cache_clear()
    _jacobian.cache_clear()


@lru_cache(maxsize=256)
def _hessian(layer: Layer, wrt: str) -> Jacobian:
    second = second_order(layer, [wrt])
    product, direction, variable = second.products[wrt], second.directions[wrt], second.gradient.symbols[wrt]
    rows, columns = _indices(second.gradient, direction.axes, variable.axes)
    of = second.first[wrt].symbol
    return _entries(layer, of, variable, rows, columns, product, direction, second.gradient, second.adjoints, second)


@dataclass(frozen=True)
class Refusal:
    """A variable by which there is no second derivative, and why."""

    wrt: str
    reason: str


def hessians(layer: Layer, wrt: Iterable[str] | None = None) -> list[Jacobian | Refusal]:
    """The Hessian by each of `wrt`; by every variable where that is None, with the reason where there is none."""
    if wrt is not None:
        return [hessian(layer, name) for name in dict.fromkeys(wrt)]
    found: list[Jacobian | Refusal] = []
    for symbol in expect_layer(layer).variables:
        try:
            found.append(hessian(layer, symbol.name))
        except DifferentiationError as error:
            found.append(Refusal(symbol.name, str(error)))
    return found


def jacobian(layer: Layer, wrt: str, of: str | None = None) -> Jacobian:
    """Derive the Jacobian of an output of a layer by one of its variables: J[α, β] = ∂Y[α]/∂X[β].

    `of` names the output where there are several. Raises UsageError where a name is not what it should be,
    DifferentiationError where something has no derivative.
    """
    layer = expect_layer(layer)
    of = layer.outputs[0] if of is None and len(layer.outputs) == 1 else of
    if of not in layer.outputs:
        raise UsageError(f"{layer.name}: {of!r} is not an output. Choose of=… from {', '.join(layer.outputs)}.")
    variables = [s.name for s in layer.variables]
    if wrt not in variables:
        raise UsageError(f"{layer.name}: {wrt!r} is not a variable. Choose from {', '.join(variables)}.")
    return _jacobian(layer, wrt, of)


def jacobians(layer: Layer, wrt: Iterable[str] | None = None) -> list[Jacobian]:
    """The Jacobian of every output by each of `wrt`, by every variable where that is None."""
    layer = expect_layer(layer)
    names = [s.name for s in layer.variables] if wrt is None else list(dict.fromkeys(wrt))
    return [jacobian(layer, name, of) for of in layer.outputs for name in names]


@lru_cache(maxsize=256)
def _jacobian(layer: Layer, wrt: str, of: str) -> Jacobian:
    plain = inlined(layer)
    output = plain.symbols[of]
    taken = set(plain.symbols)
    spelled = {spelling(s) for s in plain.symbols.values()} | {i.name for i in plain.indices}
    direction = direction_of(output, True, taken, spelled)
    plain = replace(plain, statements=live(plain.statements, [of]), outputs=(of,), directions={of: direction})
    sweep = Reverse(plain, (wrt,), seeded=False)
    products, adjoints = on_the_way(sweep.run(required=(wrt,)), (wrt,), sweep)
    variable = plain.symbols[wrt]
    rows, columns = _indices(plain, output.axes, variable.axes)
    return _entries(layer, output, variable, rows, columns, products[wrt], direction, plain, adjoints)


def _indices(layer: Layer, of: tuple[Index, ...], by: tuple[Index, ...]) -> tuple[tuple[Index, ...], tuple[Index, ...]]:
    """Rows and columns: the axes of the one tensor, and those of the other under the letters that come next."""
    spelled = set(layer.spellings.values())
    taken = {*layer.symbols, *spelled, *(i.name for i in layer.indices), *(i.name for i in of)}
    taken |= {i.name for e in layer.equations for i in bound_indices(e.expr)}
    seen = {i.name for i in of}
    columns = []
    for index in by:
        name = index.name
        if name in seen and not index.leading:
            later = (c for c in map(chr, range(ord(name[0]) + 1, ord("z") + 1)) if c not in taken)
            name = next(later, "") if len(name) == 1 else ""
        column = Index(name, index.size) if name else fresh(index, taken)
        column = fresh(index, seen) if index.leading else column
        taken.add(column.name)
        seen.add(column.name)
        columns.append(column)
    return of, tuple(columns)


def _entries(
    layer: Layer,
    of: Symbol,
    wrt: Symbol,
    rows: tuple[Index, ...],
    columns: tuple[Index, ...],
    product: Derivation,
    direction: Symbol,
    within: Layer,
    adjoints: tuple[Statement, ...],
    second: SecondOrder | None = None,
) -> Jacobian:
    """From (Jᵀ u)[columns] to J[rows, columns]."""
    names = dict(second.names if second is not None else product.names)
    context = Context.of(within)
    trail = Trail(product.result.substitute({p: Affine.of(c) for p, c in zip(product.at, columns, strict=True)}))
    for statement in reversed(adjoints):
        if isinstance(statement, Equation) and statement.symbol.name in tensors_read(trail.value):
            trail.take(Rule(f"definition of {statement.symbol.shown}", DEFINITION, written_out(statement)))
            simplify(trail, context)
            if cost(trail.value) > LONGEST:
                break
    found: tuple[Block, ...] = ()
    closed = cost(trail.value) <= LONGEST
    if closed:
        trail.take(Rule("unit direction", UNIT, partial(unit, direction=direction.name, at=rows)))
        contracted = Rule("contract deltas", CONTRACT, partial(contract, names=names))
        while trail.take(DISTRIBUTE) | trail.take(contracted):
            pass
        simplify(trail, context)
        pairs = [(r, c) for r in rows for c in columns if same_size(r.size, c.size)]
        found = tuple(arrange(trail, pairs, context))
    return Jacobian(
        layer, of, wrt, rows, columns, trail.value, found, tuple(trail.steps), closed, product, direction, within,
        adjoints, names, second,
    )  # fmt: skip


def unit(value: Expr, direction: str, at: tuple[Index, ...]) -> Expr:
    """u[β] = δ(β, α): the direction along one entry"""
    names = [i.name for i in at]
    terms = []
    for term in value.terms:
        # Renamed from outside in: a row's index is never that of a sum around the direction.
        term = term.apart(names)
        parts = []
        for factor, exponent in term.factors:
            if isinstance(factor, Read) and factor.tensor == direction:
                deltas = (Bracket("==", here - Affine.of(i)) for here, i in zip(factor.at, at, strict=True))
                parts.append(multiply(*map(atom, deltas)))
            elif factor.children() and any(direction in tensors_read(c) for c in factor.children()):
                parts.append(power(rebuild(factor, tuple(unit(c, direction, at) for c in factor.children())), exponent))
            else:
                parts.append(atom(factor, exponent))
        terms.append(total(multiply(expr(term.coefficient), *parts), term.bound))
    return add(*terms)


def written_out(statement: Equation) -> Callable[[Expr], Expr]:
    """Put the right-hand side of an equation in for its tensor; where it is read outside, it is 0 there."""
    inside = unfold(statement)
    name, axes = statement.symbol.name, statement.symbol.axes

    def guarded(value: Expr) -> Expr:
        terms = []
        for term in value.terms:
            parts = []
            for factor, exponent in term.factors:
                if isinstance(factor, Read) and factor.tensor == name:
                    parts.append(power(multiply(instantiate(statement, factor), *_bounds(factor, axes)), exponent))
                elif factor.children():
                    parts.append(power(rebuild(factor, tuple(guarded(c) for c in factor.children())), exponent))
                else:
                    parts.append(atom(factor, exponent))
            terms.append(total(multiply(expr(term.coefficient), *parts), term.bound))
        return add(*terms)

    return lambda value: guarded(inside(value))


def _bounds(read: Read, axes: tuple[Index, ...]) -> Iterator[Expr]:
    """[0 ≤ place ≤ n - 1], for each place at which a read may leave its tensor"""
    for place, axis in zip(read.at, axes, strict=True):
        whole = place.plain or place.looked_up
        if whole is None or not same_size(whole.size, axis.size):
            last = Affine((), plain_number(axis.size - 1))
            yield from (atom(Bracket(">=", side)) for side in (place, last - place) if not side.never_negative)
