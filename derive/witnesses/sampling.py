"""Concrete cases for a layer: sizes, options and seeded data, small enough to loop over.

Free sizes are distinct primes, so that a swapped axis cannot pass; the others follow from them (the output of a
convolution), and are kept distinct where that is possible.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from derive.core.atoms import Maximum
from derive.core.axes import LEADING_SIZE
from derive.core.layer import Call, Layer, Symbol
from derive.core.terms import Expr
from derive.errors import CheckError
from derive.witnesses.entries import Array, Number, Place, evaluated, leads
from derive.witnesses.interpret import interpret

PRIMES = (2, 3, 5, 7, 11, 13)
SMALL = (2, 3, 4, 5, 6, 7, 8)
TRIES = 60
ORDERS = 720
GROUPS: tuple[Place, ...] = ((4,), (), (2, 3))
# Where there are no other axes.
LONE_GROUPS: tuple[Place, ...] = ((11,), (), (5, 7))
# How many factors the oracle may evaluate for one numeric gradient: about half a second.
WORK = 300_000
# Data are drawn anew where entries get larger than this: near a pole, no two ways to compute agree.
TAME, DRAWS = 100.0, 3
Sizes = dict[str, int]


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


def cases(layer: Layer, seed: int = 0, work: int = WORK, groups: tuple[Place, ...] | None = None) -> list[Case]:
    """A case for each setting of the options that has sizes, with other leading axes in each."""
    groups = groups or groups_of(layer)
    rng = np.random.default_rng(seed)
    settings = list(option_settings(layer))
    while len(settings) < max(len(groups), 2):
        settings.append(settings[0])
    found = []
    for options, group in zip(settings, itertools.cycle(groups)):
        sizes = choose_sizes(layer, options, group, rng, work=work)
        if sizes is not None:
            found.append(sample(layer, sizes, group, options, rng))
    if not found:
        tried = ", ".join(free_sizes(layer))
        raise CheckError(f"{layer.name}: no sizes {tried} up to {max(PRIMES)} make all its axes at least 1 long.")
    return found


def option_settings(layer: Layer) -> Iterator[dict[str, Number]]:
    """The defaults; all options moved together; each moved alone; all moved further."""
    defaults = {s.name: s.default for s in layer.options}
    yield defaults
    if not defaults:
        return
    yield {s.name: moved(s, 1) for s in layer.options}
    if len(defaults) > 1:
        yield from ({**defaults, s.name: moved(s, 1)} for s in layer.options)
    yield {s.name: moved(s, 2) for s in layer.options}


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
) -> Sizes | None:
    """Sizes that fit the layer: distinct and within the work if possible; None where none fit."""
    fixed = dict(fixed or {})
    names = [name for name in free_sizes(layer) if name not in fixed]
    group_size = {LEADING_SIZE.name: math.prod(group)} if layer.has_leading else {}
    possible = []
    for sizes in candidates(names, rng):
        sizes = {**sizes, **fixed, **group_size}
        lengths = axis_lengths(layer, {**options, **sizes})
        if lengths is None:
            continue
        cost = entry_count(layer, lengths) * oracle_work(layer, lengths, {**options, **sizes})
        flaws = len(lengths) - len(set(lengths.values())) + thin(lengths)
        if cost <= work and not flaws:
            return sizes
        possible.append((cost > work, flaws, cost, sizes))
    return min(possible, key=lambda row: row[:3])[3] if possible else None


def candidates(names: list[str], rng: np.random.Generator) -> Iterator[Sizes]:
    """Distinct small primes in any order, then distinct small numbers, then any."""
    for pool in (PRIMES, SMALL):
        orders = list(itertools.islice(itertools.permutations(pool[: max(len(names) + 1, 4)], len(names)), ORDERS))
        for number in rng.permutation(len(orders))[:TRIES]:
            yield dict(zip(names, orders[number], strict=True))
    for attempt in range(TRIES):
        largest = SMALL[2] if attempt % 2 else PRIMES[-1]
        yield dict(zip(names, map(int, rng.integers(1, largest + 1, len(names))), strict=True))


def axis_lengths(layer: Layer, scalars: Mapping[str, Number]) -> dict | None:
    """How long every axis is, by the expression of its size; None where one is not a positive integer."""
    lengths = {i.size: evaluated(i.size, scalars) for i in layer.indices}
    return lengths if all(isinstance(n, int) and n > 0 for n in lengths.values()) else None


def thin(lengths: Mapping) -> int:
    """How many axes have one entry only, on which a missing sum would not show."""
    return sum(n == 1 for size, n in lengths.items() if size != LEADING_SIZE)


def entry_count(layer: Layer, lengths: Mapping) -> int:
    return sum(math.prod(lengths[i.size] for i in s.axes) for s in layer.arguments)


def oracle_work(layer: Layer, lengths: Mapping, scalars: Mapping[str, Number]) -> int:
    """How many factors the oracle multiplies to evaluate the layer once."""

    def size(index) -> int:
        return lengths[index.size] if index.size in lengths else max(1, int(evaluated(index.size, scalars)))

    def cost(value: Expr) -> int:
        return sum(math.prod(map(size, t.bound)) * (1 + sum(1 + inside(a) for a, _ in t.factors)) for t in value.terms)

    def inside(atom) -> int:
        over = math.prod(map(size, atom.over)) if isinstance(atom, Maximum) else 1
        return over * sum(map(cost, atom.children()))

    total = 0
    for statement in layer.statements:
        if isinstance(statement, Call):
            total += call_work(layer, statement, size, scalars)
        else:
            total += math.prod(map(size, statement.symbol.axes)) * cost(statement.expr)
    return total


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
    """A case with entries drawn by `data(shape, rng)`."""
    scalars = {**options, **sizes}
    arguments = {s.name: data(shape_of(s, scalars, group), rng) for s in layer.arguments}
    cotangents = tuple(signed(shape_of(s, scalars, group), rng) for s in layer.output_symbols)
    return Case(layer, sizes, options, arguments, cotangents)


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
