"""The parts of a product, sorted for computing: numbers apart, exponentials as one, conditions where they are cheap."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from derive.core.atoms import Function, Read, exponential
from derive.core.axes import Index
from derive.core.terms import Expr, Factor, Rational, Term, add
from derive.core.traverse import atoms
from derive.lowering.contract import weight
from derive.lowering.elementwise import Quotient
from derive.lowering.layout import flat_substitution
from derive.lowering.values import Contract, Number, Value, names_read, sizes_used, walk


def coefficient_of(coefficient: Rational) -> Quotient:
    """A rational number as a quotient: decimal where it is one, else a division."""
    if coefficient == 1:
        return Quotient()
    number = Fraction(coefficient)
    denominator = number.denominator
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator //= prime
    if denominator == 1:
        return Quotient((Number(coefficient),))
    above = (Number(number.numerator),) if number.numerator != 1 else ()
    return Quotient(above, (Number(number.denominator),))


def sign_folds(term: Term) -> bool:
    """Does the sign of a term cost less inside it, with the number that an operand is multiplied by anyway?"""
    return term.coefficient != -1 and (bool(term.bound) or any(a.boolean for a, _ in term.factors))


def scalars_of(quotient: Quotient) -> tuple[Quotient, Quotient]:
    """What has no axes, and the rest."""
    above, below = quotient.numerators, quotient.denominators
    plain = Quotient(tuple(n for n in above if not n.axes), tuple(d for d in below if not d.axes))
    rest = tuple(n for n in above if n.axes), tuple(d for d in below if d.axes)
    return plain, Quotient(*rest, quotient.conditions)


def gathered(term: Term) -> tuple[Factor, ...]:
    """Exponentials as one, exp(a) exp(b) = exp(a + b): all of them, or where one runs over the others' indices."""
    result: list[Factor] = []
    merged: list[tuple[int, Expr]] = []
    for factor, exponent in term.factors:
        if not exponential(factor):
            result.append((factor, exponent))
            continue
        argument = Expr(tuple(t.scaled(exponent) for t in factor.children()[0].terms))
        free = factor.free
        alike = (n for n, (_, e) in enumerate(merged) if not term.bound or e.free <= free or free <= e.free)
        same = next(alike, None)
        if same is None:
            merged.append((len(result), argument))
        else:
            merged[same] = (merged[same][0], add(merged[same][1], argument))
    for place, argument in reversed(merged):
        result.insert(place, (Function("exp", argument), 1))
    return tuple(result)


def attached(conditions: Sequence[Value], operands: Sequence[Quotient]) -> list[Quotient]:
    """Every condition goes to the smallest operand over its indices; without one it is an operand of its own."""
    result = list(operands)
    for condition in conditions:
        able = [n for n, o in enumerate(result) if set(condition.axes) <= o.indices]
        alone = Quotient(conditions=(condition,))
        if able:
            best = min(able, key=lambda n: weight(result[n].indices))
            result[best] = result[best].times(alone)
        else:
            result.append(alone)
    return result


def to_scale(
    operands: Sequence[Quotient], result: frozenset[Index], scalars: Quotient, names: Sequence[str]
) -> int | None:
    """The operand of a contraction to scale by numbers: the smallest one, unless the result is smaller still.

    Of two that look alike, one whose own size stands in the numbers: 1/√d goes with what has axis d.
    """
    if len(operands) < 2 or weight(result) < min(weight(o.indices) for o in operands):
        return None
    sizes = {str(s) for v in scalars.parts for s in sizes_used(v)}

    def preference(position: int) -> tuple[int, bool, int]:
        operand = operands[position]
        first = min((names.index(n) for n in names_read(operand.parts)), default=len(names))
        return weight(operand.indices), sizes.isdisjoint(str(i.size) for i in operand.indices), first

    return min(range(len(operands)), key=preference)


def summand_rank(summand: tuple[int, Value]) -> tuple[bool, int, bool]:
    """Positive terms first, then those with more axes, then matrix products: X @ W + b."""
    sign, value = summand
    return sign < 0, -len(value.axes), not any(isinstance(v, Contract) for v in walk(value))


def native_order(value: Expr, order: Sequence[Index], names: Sequence[str]) -> Sequence[Index]:
    """The order of indices in which an expression is best computed.

    That of a read at all of them; for matrix products that of their factors; else the one that is wanted.
    """
    reads = [r for r in atoms(value) if isinstance(r, Read) and r.tensor in names]
    reads.sort(key=lambda r: names.index(r.tensor))
    at = [[i for a in r.at for i in a.indices if i in value.free] for r in reads]
    native = next((indices for indices in at if set(indices) == value.free), [])
    if not native and any(t.bound for t in value.terms):
        native = [i for indices in at for i in indices]
    return [*dict.fromkeys(native), *order]


# leading axes


def with_one_group(term: Term) -> Term:
    """Bound leading groups flattened, where the term has a second group."""
    body, bound = one_group(Expr((Term(term.coefficient, term.factors),)), term.bound)
    if bound == term.bound or body.only is None:
        return term
    return Term(term.coefficient, body.only.factors, bound)


def one_group(body: Expr, over: Sequence[Index]) -> tuple[Expr, tuple[Index, ...]]:
    """The same with the bound groups as plain axes, unless there is only one group in sight."""
    groups = {i for i in (*body.free, *over) if i.leading}
    mapping = flat_substitution(i for i in over if i.leading) if len(groups) > 1 else {}
    bound = tuple(mapping[i].plain or i if i in mapping else i for i in over)
    return (body.substitute(mapping) if mapping else body), bound
