"""Write into memory that is no longer needed, where the language would take new: under a function, and into a name.

    np.exp(S - m)    →    S -= m           where S is the function's own array, and nothing reads it afterwards
                          np.exp(S, out=S)
    P = E / s        →    P /= s           where E is a temporary, called P from the start
    A * (B @ C - s)  →    T = B @ C        where s is smaller than the product, to which it is broadcast
                          T -= s
                          T *= A
    m ? S : -inf     →    np.copyto(S, -inf, where=~m)
    max(H, 0)        →    A = np.maximum(H, 0, out=H)       where H is the function's own
    A - B * C        →    T = B * C        where A is needed: a difference has no room in what is subtracted
                          T = A - T

What operators make of unnamed arrays of one shape is left to the language, which reuses those itself. Arguments and
residuals, and what is handed back, are never written to once they are whole.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeGuard

from derive.lowering.elementwise import MINUS_INFINITY, negated
from derive.lowering.program import Assign, CallLayer, Portions, Statement
from derive.lowering.sharing import rebuild
from derive.lowering.values import (
    VIEWS,
    Contract,
    Correlate,
    Expand,
    Map,
    Name,
    Number,
    Part,
    Reshape,
    Spread,
    Value,
    is_new,
    names_read,
)

Reads = Callable[[Statement], Collection[str]]
OPERATORS = ("add", "sub", "mul", "div")
COMMUTATIVE = ("add", "mul")
FUNCTIONS = ("exp", "log", "sin", "cos", "sinh", "cosh", "tanh", "atan", "abs", "sqrt")


def in_place(statements: Sequence[Statement], kept: Collection[str], authored: Collection[str]) -> list[Statement]:
    """The statements, written in place where that takes less memory.

    `kept` are the names that are needed afterwards, `authored` those that are not to be changed.
    """
    result: list[Statement] = []
    pending = list(statements)
    # Of every statement it is asked again and again.
    found_reads: dict[int, tuple[Statement, frozenset[str]]] = {}

    def reads(statement: Statement) -> frozenset[str]:
        known = found_reads.get(id(statement))
        if known is None or known[0] is not statement:
            known = found_reads[id(statement)] = statement, frozenset(_read(statement))
        return known[1]

    while pending:
        statement = pending.pop(0)
        if not isinstance(statement, Assign):
            result.append(statement)
            continue
        free = _free_names(result, pending, kept, reads)
        statement = _over_what_is_cut_off(statement, free)
        masked = _masked_in_place(statement, free, authored)
        if masked is not None:
            pending[:0] = [masked]
            names = {statement.target: masked.target}
            pending = [_renamed(s, names) for s in pending]
            continue
        split = _under_a_function(statement, free) or _under_an_operator(statement)
        if split is not None:
            pending[:0] = split
            continue
        found = _into_a_name(statement, free, authored)
        if found is not None:
            statement, names = found
            *result, statement = (_renamed(s, names) for s in (*result, statement))
            pending = [_renamed(s, names) for s in pending]
        result.append(statement)
    return result


def _under_a_function(statement: Assign, free: Collection[str]) -> tuple[Assign, Assign] | None:
    """f(a op b) as two statements: into a, if nothing else needs it, else into the target."""
    value = statement.value
    if (
        not isinstance(value, Map)
        or value.op not in FUNCTIONS
        or not _array(value)
        or statement.update
        or statement.out
    ):
        return None
    (inner,) = value.operands
    if not isinstance(inner, Map) or inner.op not in OPERATORS or inner.axes != value.axes:
        return None
    left, right = inner.operands
    if isinstance(left, Name) and left.name in free and left.axes == inner.axes:
        first = Assign(left.name, right, statement.implements, update=inner.op)
        return first, Assign(statement.target, replace(value, operands=(left,)), out=left.name)
    named = Name(statement.target, axes=inner.axes)
    whole = replace(statement, value=inner)
    return whole, Assign(statement.target, replace(value, operands=(named,)), out=statement.target)


def _over_what_is_cut_off(statement: Assign, free: Collection[str]) -> Assign:
    """max(a, 0), and a where a condition holds and 0 elsewhere, into a."""
    value = statement.value
    if not isinstance(value, Map) or not _array(value) or statement.update or statement.out:
        return statement
    a = value.operands[value.op == "select"]
    if not isinstance(a, Name) or a.name not in free or a.axes != value.axes or not value.operands[-1].is_number:
        return statement
    cut = value.op in ("maximum", "minimum") or value.op == "select" and value.operands[-1] == Number(0)
    return replace(statement, out=a.name) if cut else statement


def _masked_in_place(statement: Assign, free: Collection[str], authored: Collection[str]) -> Assign | None:
    """x where a mask holds, -inf elsewhere: -inf into x where it does not, if nothing else needs x."""
    value = statement.value
    if not isinstance(value, Map) or value.op != "where" or statement.target in authored or not _array(value):
        return None
    mask, x, other = value.operands
    if not _is_free(x, value, free) or other != MINUS_INFINITY:
        return None
    return Assign(x.name, other, statement.implements, update="set", at=(negated(mask),))


def _under_an_operator(statement: Assign) -> tuple[Assign, ...] | None:
    """(B op s) op A as T = B op s, T op= A: each operation into the first array of the whole's size."""
    value = statement.value
    if not isinstance(value, Map) or statement.update or statement.out or not _array(value) or not _wasteful(value):
        return None
    left, right = value.operands
    for inner, other in _ways(value):
        if _room(inner, value) and _unseen(inner, other, value):
            return replace(statement, value=inner), Assign(statement.target, other, update=value.op)
    if value.op != "sub" or not _room(right, value):
        return None
    last = replace(value, operands=(left, Name(statement.target, axes=value.axes)))
    return replace(statement, value=right), Assign(statement.target, last, out=statement.target)


def _ways(value: Map) -> list[tuple[Value, Value]]:
    """What an operation may be written into, and the other operand."""
    left, right = value.operands
    return [(left, right), (right, left)] if value.op in COMMUTATIVE else [(left, right)]


def _wasteful(value: Value) -> bool:
    """Is new memory taken where there is room: beside something smaller, or in what is subtracted?"""
    if not isinstance(value, Map) or value.op not in OPERATORS:
        return False
    left, right = value.operands
    if any(_room(inner, value) and _unseen(inner, other, value) for inner, other in _ways(value)):
        return True
    return value.op == "sub" and _room(right, value) and left.axes == value.axes and not _room(left, value)


def _unseen(inner: Value, other: Value, whole: Value) -> bool:
    """Is there room in a new array that the language does not find: beside something smaller, or behind a view?"""
    return _smaller(other, whole) or _wasteful(inner) or isinstance(inner, Reshape)


def _room(value: Value, whole: Value) -> bool:
    """Is it a new array without a name, as large as the whole?"""
    matrix = value.operand if isinstance(value, Reshape) else value
    new = isinstance(matrix, (Contract, Correlate, Spread, Map)) and matrix.kind == "array"
    return new and value.axes == whole.axes


def _smaller(value: Value, whole: Value) -> bool:
    """Is it an array that is broadcast to the whole?"""
    return value.kind != "number" and bool(value.axes) and _fewer(value, whole)


def _fewer(smaller: Value, whole: Value) -> bool:
    inner = smaller.operand if isinstance(smaller, Expand) else smaller
    return len(inner.axes) < len(whole.axes)


def _into_a_name(
    statement: Assign, free: Collection[str], authored: Collection[str]
) -> tuple[Assign, dict[str, str]] | None:
    """T = a op b as T op= b, where a is a temporary: it is called T from the start. The new names of what there is."""
    value = statement.value
    if not isinstance(value, Map) or value.op not in OPERATORS or not _array(value) or statement.update:
        return None
    left, right = value.operands
    if value.op == "mul" and not _is_free(left, value, free):
        left, right = right, left
    if not _is_free(left, value, free) or left.name in authored or statement.target not in authored:
        return None
    old, new = left.name, statement.target
    last = Assign(new, right, statement.implements, update=value.op)
    # What is called after it goes along.
    return last, {old: new, f"{old}_sum": f"{new}_sum", f"{old}_max": f"{new}_max"}


def _is_free(operand: Value, whole: Value, free: Collection[str]) -> TypeGuard[Name]:
    return isinstance(operand, Name) and operand.name in free and operand.axes == whole.axes


def _array(value: Value) -> bool:
    """Is it an array for certain? Without axes, or with none but leading ones, it may be a number."""
    return value.kind == "array" and any(not i.leading for i in value.axes)


def _free_names(
    before: Sequence[Statement], after: Sequence[Statement], kept: Collection[str], reads: Reads
) -> set[str]:
    """The names of new arrays that neither what comes later nor the caller needs, nor anything that shows them."""
    needed = {*kept, *(name for s in after for name in reads(s))}
    owner: dict[str, str] = {}
    for statement in before:
        if isinstance(statement, CallLayer) and (statement.backward or statement.residuals is None):
            # What a function hands back is the caller's; what it has saved may be the same.
            owner.update((name, name) for name in statement.targets)
        elif isinstance(statement, Assign) and statement.update is None:
            own = statement.target if is_new(statement.value) else ""
            owner[statement.target] = statement.out or _memory(statement.value, owner) or own
    held = {owner.get(name, "") for name in needed}
    return {name for name, of in owner.items() if of and of not in held}


def _memory(value: Value, owner: dict[str, str]) -> str | None:
    """Whose memory a view shows; None for a new array."""
    while isinstance(value, (*VIEWS, Reshape)) and not isinstance(value, (Name, Part)):
        value = value.operand
    return owner.get(value.name, "") if isinstance(value, (Name, Part)) else None


def _read(statement: Statement) -> Iterator[str]:
    if isinstance(statement, Assign):
        yield from names_read(statement.values)
        yield from [statement.target] if statement.update else []
    elif isinstance(statement, CallLayer):
        yield from (*statement.arguments, *(statement.residuals or ()))
    elif isinstance(statement, Portions):
        yield from (name for inner in statement.statements for name in _read(inner))


def _renamed(statement: Statement, names: Mapping[str, str]) -> Statement:
    if isinstance(statement, Portions):
        return replace(statement, statements=tuple(_renamed(s, names) for s in statement.statements))
    return renamed(statement, names) if isinstance(statement, Assign) else statement


def renamed(statement: Assign, names: Mapping[str, str]) -> Assign:
    """The statement with arrays called otherwise, where they are read and where they are written."""
    target = names.get(statement.target, statement.target)
    out = names.get(statement.out, statement.out) if statement.out else None
    at = tuple(_with_names(place, names) for place in statement.at)
    return replace(statement, target=target, out=out, value=_with_names(statement.value, names), at=at)


def _with_names(value: Value, names: Mapping[str, str]) -> Value:
    if isinstance(value, (Name, Part)):
        return replace(value, name=names.get(value.name, value.name))
    return rebuild(value, lambda operand: _with_names(operand, names))
