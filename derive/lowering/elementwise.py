"""Operations entry by entry: products, quotients, sums, powers and conditions on laid-out arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce as fold

from derive.core.axes import Index
from derive.core.terms import Rational
from derive.lowering.layout import align, union
from derive.lowering.values import Cast, Expand, Map, Name, Number, Permute, Value, walk

ONE = Number(1)
ZERO = Number(0)
MINUS_INFINITY = Number("-inf")
FAILING = {">=": "<", "<": ">=", "<=": ">", ">": "<=", "==": "!=", "!=": "=="}


def operate(op: str, operands: Sequence[Value], order: Sequence[Index], kind: str | None = None) -> Map:
    """op(operands), broadcast over the indices of all of them."""
    axes = union(operands, order)
    if kind is None:
        kind = "number" if all(o.is_number for o in operands) else "array"
    if op in ("add", "sub", "mul"):
        operands = truth_values_bare(operands)
    return Map(op, tuple(align(o, axes) for o in operands), kind, axes=axes)


def truth_values_bare(operands: Sequence[Value]) -> Sequence[Value]:
    """Beside an array of numbers, truth values on data count as 0 and 1 as they are."""
    if not any(o.kind == "array" and not isinstance(o, Cast) for o in operands):
        return operands
    return [o.operand if isinstance(o, Cast) and _on_data(o.operand) else o for o in operands]


def _on_data(mask: Value) -> bool:
    """Is it a mask that is not of positions alone, as the identity is?"""
    return mask.kind == "mask" and any(isinstance(part, Name) for part in walk(mask))


@dataclass(frozen=True)
class Quotient:
    """A product of values over a product of values, 0 where a condition fails. It is computed as late as possible."""

    numerators: tuple[Value, ...] = ()
    denominators: tuple[Value, ...] = ()
    conditions: tuple[Value, ...] = ()

    @property
    def parts(self) -> tuple[Value, ...]:
        return (*self.numerators, *self.denominators, *self.conditions)

    @property
    def indices(self) -> frozenset[Index]:
        return frozenset(i for part in self.parts for i in part.axes)

    @property
    def trivial(self) -> bool:
        return not self.parts or self.parts == (ONE,)

    def times(self, other: Quotient) -> Quotient:
        return Quotient(
            self.numerators + other.numerators,
            self.denominators + other.denominators,
            self.conditions + tuple(c for c in other.conditions if c not in self.conditions),
        )

    def value(self, order: Sequence[Index]) -> Value:
        """The quotient as one value: numbers first, so that every array is passed over once."""
        if self.conditions and not self._arrays():
            return self._of_mask(order)
        plain = _chain(self.numerators, self.denominators, order)
        return select(conjunction(self.conditions, order), plain, ZERO, order) if self.conditions else plain

    def _arrays(self) -> bool:
        return any(not v.is_number for v in (*self.numerators, *self.denominators))

    def _of_mask(self, order: Sequence[Index]) -> Value:
        """A condition times numbers: zeros and ones of the arrays' type."""
        mask = conjunction(self.conditions, order)
        array = mask if mask.is_number else Cast(mask, axes=mask.axes)
        return _chain((*self.numerators, array), self.denominators, order)


def _chain(numerators: Sequence[Value], denominators: Sequence[Value], order: Sequence[Index]) -> Value:
    scalars = [n for n in numerators if not n.axes and n != ONE]
    under = [d for d in denominators if not d.axes]
    arrays = [n for n in numerators if n.axes]
    smallest = min(arrays, key=lambda v: len(v.axes), default=ONE)
    if (scalars or under) and any(len(n.axes) > len(smallest.axes) for n in arrays):
        # The numbers go to the smallest array: no pass over a large one is for them alone.
        scaled = _chain([*scalars, smallest], under, smallest.axes)
        arrays = [scaled if n is smallest else n for n in arrays]
        scalars, under = [], []
    arrays = _small_first(arrays)
    result: Value | None = _product(scalars, order) if scalars else None
    if under and (result is not None or not arrays):
        result = operate("div", (result or ONE, _product(under, order)), order)
        under = []
    for array in arrays:
        result = array if result is None else operate("mul", (result, array), order)
    for divisor in (*([_product(under, order)] if under else []), *(d for d in denominators if d.axes)):
        result = operate("div", (result or ONE, divisor), order)
    return result or ONE


def _small_first(arrays: list[Value]) -> list[Value]:
    """What is smaller than the product first, where that takes fewer passes over large arrays: (u v) A, not u A v."""
    whole = {i for a in arrays for i in a.axes}
    small = [a for a in arrays if set(a.axes) != whole]
    if len(small) in (0, 1, len(arrays)) or {i for a in small for i in a.axes} == whole:
        return arrays
    return [*small, *(a for a in arrays if set(a.axes) == whole)]


def _product(values: Sequence[Value], order: Sequence[Index]) -> Value:
    """Numbers before arrays, so that their product is one number."""
    values = sorted(values, key=lambda v: not v.is_number)
    return fold(lambda a, b: operate("mul", (a, b), order), values)


def conjunction(conditions: Sequence[Value], order: Sequence[Index]) -> Value:
    """All conditions at once."""
    return fold(lambda a, b: operate("and", (a, b), order, _truth((a, b))), conditions)


def _truth(values: Sequence[Value]) -> str:
    return "number" if all(v.is_number for v in values) else "mask"


def compare(relation: str, left: Value, right: Value, order: Sequence[Index]) -> Value:
    return operate(relation, (left, right), order, _truth((left, right)))


def negated(condition: Value) -> Value:
    """Where a condition fails: of positions the opposite relation; that of data would be wrong where these are NaN."""
    if isinstance(condition, (Expand, Permute)):
        return replace(condition, operand=negated(condition.operand))
    if isinstance(condition, Map) and condition.op in FAILING and not _on_data(condition):
        return replace(condition, op=FAILING[condition.op])
    return operate("not", (condition,), condition.axes, condition.kind)


def choose(condition: Value, value: Value, otherwise: Value, order: Sequence[Index]) -> Value:
    """`value` where the condition holds, else `otherwise`."""
    return operate("where", (condition, value, otherwise), order)


def select(condition: Value, value: Value, otherwise: Value, order: Sequence[Index]) -> Map:
    """The same, without a branch for every entry where data decide."""
    op = "select" if _on_data(condition) and (value.axes or otherwise.axes) else "where"
    return operate(op, (condition, value, otherwise), order)


def negative(value: Value, order: Sequence[Index]) -> Value:
    if isinstance(value, Number) and not isinstance(value.value, str):
        return Number(-value.value)
    return operate("neg", (value,), order)


def power(base: Value, exponent: Rational, order: Sequence[Index]) -> Value:
    """base^exponent for a positive exponent."""
    if exponent == 1:
        return base
    if exponent == Fraction(1, 2):
        return operate("sqrt", (base,), order)
    if exponent == 4 and base.axes:
        return power(power(base, 2, order), 2, order)
    return operate("pow", (base, Number(exponent)), order)


def powers(base: Value, exponent: Rational, order: Sequence[Index]) -> tuple[Value, ...]:
    """Values whose product is base^exponent. Of all powers NumPy multiplies for the square only, so x³ is x² x."""
    if exponent == 3 and base.axes:
        return power(base, 2, order), base
    return (power(base, exponent, order),)


def summed(terms: Sequence[tuple[int, Value]], order: Sequence[Index]) -> Value:
    """Σ sign·value, in the given order, but starting with a positive one where there is one."""
    start = next((n for n, (sign, _) in enumerate(terms) if sign > 0), 0)
    (sign, result), rest = terms[start], [*terms[:start], *terms[start + 1 :]]
    if sign < 0:
        result = negative(result, order)
    for sign, value in rest:
        result = operate("add" if sign > 0 else "sub", (result, value), order)
    return result
