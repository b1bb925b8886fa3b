"""Concrete cases for a layer: sizes, options and seeded data, small enough to loop over.

Free sizes are distinct primes, so that a swapped axis cannot pass; the others follow from them (the output of a
convolution), and are kept distinct where that is possible.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import sympy

from derive.core.atoms import Argmax, Maximum
from derive.core.axes import LEADING_SIZE, Index
from derive.core.layer import Call, Layer, Symbol
from derive.core.terms import Expr
from derive.core.traverse import atoms
from derive.errors import CheckError
from derive.witnesses.entries import Array, Number, Place, evaluated, leads, sympy_number
from derive.witnesses.interpret import interpret
from derive.witnesses.satisfied import satisfying

PRIMES = (2, 3, 5, 7, 11, 13)
SMALL = (2, 3, 4, 5, 6, 7, 8)
# An axis with one entry hides more than two axes of one length do.
THIN = 3
TRIES = 60
ORDERS = 720
GROUPS: tuple[Place, ...] = ((4,), (), (2, 3))
# Where there are no other axes.
LONE_GROUPS: tuple[Place, ...] = ((11,), (), (5, 7))
# How many factors the oracle may evaluate for one numeric gradient: about half a second.
WORK = 300_000
# How many for the outputs of all cases of a layer together, and of one case: about a tenth of a second for all.
EVALUATIONS, LARGEST_EVALUATION = 60_000, 12_000
# How far options are moved: not at all, by one step, by two.
LEVELS = (0, 1, 2)
# Data are drawn anew where entries get larger than this: near a pole, no two ways to compute agree.
TAME, DRAWS = 100.0, 3
Sizes = dict[str, int]
# Is it too much work; how many flaws there are; would a gradient be too much work; and how much.
Rank = tuple[bool, float, bool, float]


@dataclass(frozen=True)
class Case:
    """A layer's arguments and cotangents as arrays, with the sizes and options they are for."""

    layer: Layer
    sizes: Mapping[str, int]
    options: Mapping[str, Number]
    arguments: Mapping[str, Array]
    cotangents: tuple[Array, ...]

    def __str__(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in {**self.sizes, **self.options}.items())

    @cached_property
    def values(self) -> dict[str, Array]:
        """Every tensor of the layer, by the oracle."""
        return interpret(self.layer, self.arguments, self.options)

    @property
    def outputs(self) -> tuple[Array, ...]:
        return tuple(self.values[name] for name in self.layer.outputs)


def groups_of(layer: Layer) -> tuple[Place, ...]:
    """The shapes that the group of leading axes takes in turn."""
    if not layer.has_leading:
        return ((),)
    return GROUPS if free_sizes(layer) else LONE_GROUPS


def cases(
    layer: Layer,
    seed: int = 0,
    work: float = math.inf,
    groups: tuple[Place, ...] | None = None,
    *,
    some_entries: bool = False,
    first: int | None = None,
) -> list[Case]:
    """A case for each setting of the options that has sizes, or for the first of them, with other leading axes in each.

    `work` bounds the factors that the oracle evaluates for a gradient by numbers. Where `some_entries` of it are
    enough, only the outputs have to be evaluated in bounded time: the more settings, the smaller each case.
    """
    groups = groups or groups_of(layer)
    rng = np.random.default_rng(seed)
    settings = list(option_settings(layer))[:first]
    while len(settings) < max(len(groups), 2):
        settings.append(settings[0])
    once = min(LARGEST_EVALUATION, EVALUATIONS // len(settings)) if some_entries else None
    found = []
    for options, group in zip(settings, itertools.cycle(groups)):
        sizes = choose_sizes(layer, options, group, rng, work=work, once=once)
        if sizes is not None:
            found.append(sample(layer, sizes, group, options, rng))
    if not found:
        tried = ", ".join(free_sizes(layer))
        raise CheckError(f"{layer.name}: no sizes {tried} up to {max(PRIMES)} make all its axes at least 1 long.")
    return found


def option_settings(layer: Layer) -> Iterator[dict[str, Number]]:
    """The defaults, all options moved together, all moved further; then every two options at every pair of values.

    A formula that is wrong for some values of the options is nearly always wrong for a pair of them, as of a stride
    and a padding (pairwise testing; Kuhn, Wallace and Gallo, 2004), and pairs take few settings.
    """
    options = layer.options
    for row in pairwise_grid(len(options)):
        yield {s.name: moved(s, level) if level else s.default for s, level in zip(options, row, strict=True)}


def pairwise_grid(count: int) -> Iterator[tuple[int, ...]]:
    """Rows of levels 0, 1, 2 in which every two columns take every pair of levels: nine rows for three columns."""
    if count == 0:
        yield ()
        return
    pairs = itertools.combinations(range(count), 2)
    missing = {(a, i, b, j) for a, b in pairs for i in LEVELS for j in LEVELS}
    rows = [(level,) * count for level in LEVELS]
    while True:
        for row in rows:
            yield row
            missing -= covered(row)
        if not missing:
            return
        rows = [widest(count, missing)]


def covered(row: Sequence[int]) -> set[tuple[int, int, int, int]]:
    return {(a, row[a], b, row[b]) for a, b in itertools.combinations(range(len(row)), 2)}


def widest(count: int, missing: set[tuple[int, int, int, int]]) -> tuple[int, ...]:
    """A row with the first of the missing pairs, and column by column with as many more as there are."""
    a, i, b, j = min(missing)
    row = {a: i, b: j}
    for column in range(count):
        if column not in row:
            gains = [sum((*sorted_pair(column, level, c, k),) in missing for c, k in row.items()) for level in LEVELS]
            row[column] = max(LEVELS, key=lambda level: (gains[level], level))  # noqa: B023 (used at once)
    return tuple(row[column] for column in range(count))


def sorted_pair(a: int, i: int, b: int, j: int) -> tuple[int, int, int, int]:
    return (a, i, b, j) if a < b else (b, j, a, i)


def moved(option: Symbol, steps: int) -> Number:
    default: Number = option.default
    return default + (steps if option.least is not None else steps / 4)


# sizes


def free_sizes(layer: Layer) -> list[str]:
    """The names of the sizes that are not options; the leading axes aside."""
    names = {s.name: None for i in layer.indices if not i.leading for s in sorted(i.size.free_symbols, key=str)}
    options = {s.name for s in layer.options}
    return [name for name in names if name not in options]


def choose_sizes(
    layer: Layer,
    options: Mapping[str, Number],
    group: Place,
    rng: np.random.Generator,
    *,
    fixed: Mapping[str, int] | None = None,
    work: float = WORK,
    once: float | None = None,
) -> Sizes | None:
    """Sizes that fit the layer: distinct and within the work if possible, else the least work; None where none fit.

    `work` is what the oracle may evaluate for a gradient by numbers, `once` what it may evaluate for the outputs; where
    that is given, it is the bound, and `work` is kept if that costs nothing else.
    """
    fixed = dict(fixed or {})
    names = [name for name in free_sizes(layer) if name not in fixed]
    group_size = {LEADING_SIZE.name: math.prod(group)} if layer.has_leading else {}

    def rank(sizes: Sizes) -> Rank | None:
        lengths = axis_lengths(layer, {**options, **sizes})
        if lengths is None:
            return None
        evaluation = oracle_work(layer, lengths, {**options, **sizes})
        cost = entry_count(layer, lengths) * evaluation
        flaws = len(lengths) - len(set(lengths.values())) + THIN * thin(lengths)
        over = cost > work if once is None else evaluation > once
        return over, thin(lengths) if over else flaws, cost > work, cost

    best: tuple[Rank, Sizes] | None = None
    for sizes in candidates(names, rng):
        sizes = {**sizes, **fixed, **group_size}
        found = rank(sizes)
        if found is not None and found[:3] == (False, 0, False):
            return sizes
        if found is not None and (best is None or found < best[0]):
            best = found, sizes
    return shrunk(*best, names, rank) if best else None


def shrunk(found: Rank, sizes: Sizes, names: Sequence[str], rank: Callable[[Sizes], Rank | None]) -> Sizes:
    """Smaller sizes, one step at a time, as long as the oracle would take too long; down to 1 only where that helps."""
    for least in (2, 1):
        while found[0]:
            smaller = [{**sizes, name: sizes[name] - 1} for name in names if sizes[name] > least]
            ranked = [(r, s) for s in smaller if (r := rank(s)) is not None and r[3] < found[3]]
            if not ranked:
                break
            found, sizes = min(ranked, key=lambda pair: pair[0][3])
    return sizes


def candidates(names: list[str], rng: np.random.Generator) -> Iterator[Sizes]:
    """Distinct small primes in any order, then distinct small numbers, then any."""
    for pool in (PRIMES, SMALL):
        orders = list(itertools.islice(itertools.permutations(pool[: max(len(names) + 1, 4)], len(names)), ORDERS))
        for number in rng.permutation(len(orders))[:TRIES]:
            yield dict(zip(names, orders[number], strict=True))
    # Of many sizes, few draws fit one another.
    for attempt in range(TRIES if len(names) <= len(PRIMES) else 8 * TRIES):
        largest = (PRIMES[-1], SMALL[2], PRIMES[0])[attempt % 3]
        yield dict(zip(names, map(int, rng.integers(1 + attempt % 2, largest + 1, len(names))), strict=True))


def axis_lengths(layer: Layer, scalars: Mapping[str, Number]) -> dict | None:
    """How long every axis is, by the expression of its size; None where one is not a positive integer.

    Also None where what the layer requires of sizes and options does not hold.
    """
    lengths = {i.size: evaluated(i.size, scalars) for i in (*layer.indices, *under_maxima(layer))}
    fits = all(isinstance(n, int) and n > 0 for n in lengths.values())
    return lengths if fits and all(holds(relation, scalars) for relation in layer.requires) else None


def holds(relation: sympy.Basic, scalars: Mapping[str, Number]) -> bool:
    """Does a condition on sizes and options hold?"""
    return relation.xreplace({s: sympy_number(scalars[s.name]) for s in relation.free_symbols}) == sympy.true


def under_maxima(layer: Layer) -> Iterator[Index]:
    """The indices of maxima: there is no largest of nothing."""
    for equation in layer.equations:
        for factor in atoms(equation.expr):
            if isinstance(factor, (Argmax, Maximum)):
                yield from factor.over


def thin(lengths: Mapping) -> int:
    """How many axes have one entry only, on which a missing sum would not show."""
    return sum(n == 1 for size, n in lengths.items() if size != LEADING_SIZE)


def entry_count(layer: Layer, lengths: Mapping) -> int:
    return sum(math.prod(lengths[i.size] for i in s.axes) for s in layer.variables)


def oracle_work(layer: Layer, lengths: Mapping, scalars: Mapping[str, Number]) -> int:
    """How many factors the oracle multiplies to evaluate the layer once."""

    def size(index) -> int:
        return lengths[index.size] if index.size in lengths else max(1, int(evaluated(index.size, scalars)))

    def cost(value: Expr) -> int:
        return sum(math.prod(map(size, t.bound)) * (1 + sum(1 + inside(a) for a, _ in t.factors)) for t in value.terms)

    def inside(atom) -> int:
        over = math.prod(map(size, atom.over)) if isinstance(atom, (Argmax, Maximum)) else 1
        return over * sum(map(cost, atom.children()))

    total = 0
    for statement in layer.statements:
        if isinstance(statement, Call):
            total += call_work(layer, statement, size, scalars)
        else:
            total += math.prod(map(size, statement.symbol.axes)) * cost(statement.expr)
    return total


def evaluation_work(case: Case) -> int:
    """How many factors the oracle multiplies for the outputs of a case."""
    scalars = {**case.options, **case.sizes}
    lengths = axis_lengths(case.layer, scalars)
    return oracle_work(case.layer, lengths, scalars) if lengths else 0


def call_work(layer: Layer, call: Call, size, scalars: Mapping[str, Number]) -> int:
    """The work of a callee, at the sizes that its arguments have here."""
    inner: dict[str, Number] = {n: evaluated(v, scalars) for n, v in call.options.items()}
    for symbol, name in zip(call.layer.arguments, call.arguments, strict=True):
        shape = [size(i) for i in layer.symbols[name].axes]
        count = len(shape) - len(symbol.axes) + 1 if leads(symbol) else 0
        shape = [math.prod(shape[:count]), *shape[count:]] if leads(symbol) else shape
        inner.update({i.size.name: n for i, n in zip(symbol.axes, shape, strict=True) if i.size.is_Symbol})
    inner = {s.name: s.default for s in call.layer.options} | inner
    return oracle_work(call.layer, {i.size: evaluated(i.size, inner) for i in call.layer.indices}, inner)


def shape_of(symbol: Symbol, scalars: Mapping[str, Number], group: Place) -> Place:
    shape = tuple(evaluated(i.size, scalars) for i in symbol.axes)
    return (*group, *shape[1:]) if leads(symbol) else shape


# data


def sample(
    layer: Layer, sizes: Mapping[str, int], group: Place, options: Mapping[str, Number], rng: np.random.Generator
) -> Case:
    """Data on which the layer has a value everywhere: of both signs, else positive, else between 0 and 1."""
    for data in DATA:
        drawn = [filled_case(layer, sizes, group, options, data, rng) for _ in range(DRAWS)]
        tame = next((case for case in drawn if largest_value(case) <= TAME), None)
        best = tame or min(drawn, key=largest_value)
        if largest_value(best) < math.inf:
            return best
    raise CheckError(f"{layer.name}: it has no value on random data, positive data or data between 0 and 1, at {best}.")


def largest_value(case: Case) -> float:
    """The size of the largest entry of all tensors; infinite where one has no value."""
    sizes = [float(np.abs(value.astype(float)).max(initial=0)) for value in case.values.values()]
    return max(sizes) if all(map(math.isfinite, sizes)) else math.inf


def filled_case(layer: Layer, sizes, group: Place, options, data, rng: np.random.Generator) -> Case:
    """A case with entries drawn by `data(shape, rng)`, moved to where declared facts hold.

    Positions along an axis are drawn from all of them.
    """
    scalars = {**options, **sizes}
    arguments = {s.name: drawn(s, scalars, group, data, rng) for s in layer.arguments}
    cotangents = tuple(signed(shape_of(s, scalars, group), rng) for s in layer.output_symbols)
    return Case(layer, sizes, options, satisfying(layer, arguments, scalars), cotangents)


def drawn(symbol: Symbol, scalars, group: Place, data, rng: np.random.Generator) -> Array:
    shape = shape_of(symbol, scalars, group)
    if symbol.into is not None:
        return rng.integers(0, evaluated(symbol.into.size, scalars), shape)
    # Of no axes, NumPy makes a number, to which nothing can be written.
    return np.asarray(data(shape, rng))


def signed(shape: Place, rng: np.random.Generator) -> Array:
    """As many numbers of either sign, away from 0, where functions have kinks and poles."""
    signs = rng.permutation(np.resize([1.0, -1.0], math.prod(shape))).reshape(shape)
    return rng.uniform(0.25, 1.75, shape) * signs


def positive(shape: Place, rng: np.random.Generator) -> Array:
    return rng.uniform(0.25, 1.75, shape)


def unit(shape: Place, rng: np.random.Generator) -> Array:
    return rng.uniform(0.1, 0.9, shape)


DATA = (signed, positive, unit)


def fractions(shape: Place, rng: np.random.Generator) -> Array:
    """Exact fractions of both signs."""
    array = np.empty(shape, object)
    for place in np.ndindex(*shape):
        array[place] = Fraction(int(rng.integers(1, 30)) * int(rng.choice([-1, 1])), int(rng.integers(1, 8)))
    return array
