"""Compute once what stands several times: a value that two places need becomes a statement of its own.

Names follow what the value is: `E` for an exponential, `S_max` for the maximum of `S`, `mask` for a condition.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from typing import TypeGuard

from derive.lowering.program import Assign, Statement
from derive.lowering.values import (
    LEAVES,
    PRODUCTS,
    VIEWS,
    AddAt,
    Cast,
    Contract,
    Expand,
    FirstMaximum,
    Gather,
    Map,
    Name,
    Permute,
    Positions,
    Reduce,
    Reshape,
    Scatter,
    Value,
    Window,
    is_new,
    names_read,
    operands,
    walk,
)

PART = "part"
LAID_OUT = re.compile("_(rows|columns|windows)$")
TOLD_BY_MAP = {
    **dict.fromkeys(("where", "select"), "{x}_masked"),
    **dict.fromkeys(("sqrt", "log", "tanh", "sigmoid", "sin", "cos"), "{f}_{x}"),
}
# What is worth taking out of a line that is too long, and room for its name.
SHORTEST, NAME_LENGTH = 20, 16
COMPUTED = (*PRODUCTS, Map, Reduce, Scatter, Gather, AddAt, FirstMaximum, Cast)


def shared(statements: Sequence[Statement], taken: Iterable[str]) -> list[Statement]:
    """The statements, with every value that is needed more than once computed in a statement before its first use."""
    names = set(taken)
    wanted = _needed_twice(statements)
    known: dict[Value, Value] = {}
    result: list[Statement] = []

    def place(value: Value) -> Value:
        if value in known:
            return replace(known[value], axes=value.axes)
        rebuilt = rebuild(value, place)
        if value not in wanted:
            return rebuilt
        name = fresh_name(temporary_name(rebuilt), names)
        result.append(Assign(name, rebuilt))
        known[value] = Name(name, rebuilt.kind, axes=value.axes)
        return known[value]

    for statement in statements:
        if isinstance(statement, Assign):
            value = place(statement.value)
            result.append(replace(statement, value=value))
            if not isinstance(statement.value, (*VIEWS, *LEAVES)):
                known.setdefault(statement.value, Name(statement.target, axes=statement.value.axes))
        else:
            result.append(statement)
    return _comments_first(result)


def _comments_first(statements: list[Statement]) -> list[Statement]:
    """The equation stands above the first of the statements that implement it."""
    result: list[Statement] = []
    start = 0
    for statement in statements:
        result.append(statement)
        if isinstance(statement, Assign) and statement.implements is None:
            continue
        if isinstance(statement, Assign) and start < len(result) - 1:
            first = result[start]
            assert isinstance(first, Assign)
            result[start] = replace(first, implements=statement.implements)
            result[-1] = replace(statement, implements=None)
        start = len(result)
    return result


def _needed_twice(statements: Sequence[Statement]) -> set[Value]:
    """Values worth a statement that stand in two different places."""
    places: dict[Value, int] = {}
    seen: set[Value] = set()

    def visit(value: Value) -> None:
        for operand in operands(value):
            places[operand] = places.get(operand, 0) + 1
            # A view is not computed: where it is needed again, so is what it shows.
            if operand not in seen or (isinstance(operand, (*VIEWS, Reshape)) and not _worth_a_name(operand)):
                seen.add(operand)
                visit(operand)

    for statement in statements:
        if isinstance(statement, Assign):
            value = statement.value
            places[value] = places.get(value, 0) + 1
            if value not in seen:
                seen.add(value)
                visit(value)
    defined = {s.value for s in statements if isinstance(s, Assign)}
    return {v for v, count in places.items() if count > 1 and _worth_a_name(v) and v not in defined}


def _worth_a_name(value: Value) -> bool:
    if value.kind in ("number", "positions") or _a_few_numbers(value):
        return False
    if isinstance(value, (Window, Reshape)):
        return _copies(value)
    return isinstance(value, COMPUTED)


def _a_few_numbers(value: Value) -> bool:
    """Is it made of scalars alone?"""
    return not any(v.axes for v in walk(value))


def _copies(value: Value) -> bool:
    """Does laying out the value move entries in memory?"""
    if isinstance(value, Window):
        return not isinstance(value.operand, LEAVES) or any(row[0] != 0 for row in value.rows)
    return isinstance(value, Reshape) and isinstance(value.operand, (Permute, Window))


def rebuild(value: Value, function: Callable[[Value], Value]) -> Value:
    """The value with `function` applied to each of its operands."""
    changes: dict[str, object] = {}
    for field in fields(value):
        part = getattr(value, field.name)
        if isinstance(part, Value):
            changes[field.name] = function(part)
        elif isinstance(part, tuple) and any(isinstance(p, Value) for p in part):
            changes[field.name] = tuple(function(p) for p in part)
    return replace(value, **changes) if changes else value  # type: ignore[arg-type]


def temporary_name(value: Value) -> str:
    """A telling name for a value that its author gave none."""
    if value.kind == "mask":
        return "mask"
    if isinstance(value, Map) and value.op == "exp":
        return "E"
    names = {v.name for v in walk(value) if isinstance(v, Name) and v.kind == "array"}
    if isinstance(value, Map) and value.op == "sub" and all(isinstance(_viewed(o), Name) for o in value.operands):
        return "_minus_".join(v.name for o in value.operands for v in walk(o) if isinstance(v, Name))
    if len(names) != 1:
        return PART
    (stem,) = names
    if isinstance(value, Reduce):
        return f"{stem}_{value.op}"
    if isinstance(value, Map):
        return TOLD_BY_MAP.get(value.op, PART).format(x=stem, f=value.op)
    root = LAID_OUT.sub("", stem)
    if isinstance(value, Reshape):
        windows = root + "_windows" == stem or any(isinstance(v, Window) for v in walk(value))
        return f"{root}_{'columns' if windows else 'rows'}"
    return f"{root}_windows" if isinstance(value, Window) else PART


def _viewed(value: Value) -> Value:
    """What a view shows."""
    return _viewed(value.operand) if isinstance(value, (Permute, Expand)) else value


def fresh_name(stem: str, taken: set[str]) -> str:
    """A name that is not taken yet; it is from now on."""
    name, number = stem, 1
    while name in taken:
        number += 1
        name = f"{stem}_{number}"
    taken.add(name)
    return name


def broken_up(
    statements: Sequence[Statement], taken: Iterable[str], length: Callable[[Value], int], limit: int
) -> list[Statement]:
    """The statements, with parts of those that are too long to read in a statement of their own, each part once."""
    names = set(taken)
    changing = {name for s in statements if isinstance(s, Assign) for name in _changed(s)}
    known: dict[Value, Name] = {}
    result: list[Statement] = []

    def broken(statement: Assign) -> list[Statement]:
        for old, name in known.items():
            statement = replace(statement, value=substituted(statement.value, old, name))
        parts = _broken(statement, names, length, limit)
        for part in parts[:-1]:
            if (
                isinstance(part, Assign)
                and part.target != statement.target
                and changing.isdisjoint(names_read([part.value]))
            ):
                known[part.value] = Name(part.target, part.value.kind, axes=part.value.axes)
        return parts

    for statement in statements:
        scattered = _scattered(statement.value) if isinstance(statement, Assign) else None
        if isinstance(statement, Assign) and scattered is not None:
            # What is scattered is worth a name of its own: the value at each tap.
            name = fresh_name(f"{statement.target}_taps", names)
            result += broken(Assign(name, scattered, statement.implements))
            value = substituted(statement.value, scattered, Name(name, axes=scattered.axes))
            statement = replace(statement, value=value, implements=None)
        result += broken(statement) if isinstance(statement, Assign) else [statement]
    return result


def _changed(statement: Assign) -> tuple[str, ...]:
    """The name that a statement writes to in place."""
    return (statement.target,) if statement.update else (statement.out,) if statement.out else ()


def _scattered(value: Value) -> Value | None:
    """What is scattered in a value, where that is more than a name; weights are read as they come."""
    scatters = (v for v in walk(value) if isinstance(v, Scatter) and v.weights is None)
    return next((v.operand for v in scatters if not isinstance(v.operand, Name)), None)


def _broken(statement: Assign, names: set[str], length: Callable[[Value], int], limit: int) -> list[Statement]:
    """Statements for the parts of a long one, and what is left of it."""
    result: list[Statement] = []
    added: list[Assign] = []
    while len(statement.target) + 3 + length(statement.value) > limit:
        value = statement.value
        part = _part_to_name(value, length, limit)
        if part is None:
            break
        stem = temporary_name(part)
        if stem == PART and statement.update is None and _grows(value):
            # A sum whose parts have no telling names is added up one by one.
            added.insert(0, Assign(statement.target, operands(value)[1], update=value.op, part=statement.part))
            statement = replace(statement, value=operands(value)[0])
            continue
        if stem == PART and not statement.target.startswith(PART):
            kind = "matrix" if isinstance(part, Contract) else "rows"
            stem = f"{statement.target}_{kind if isinstance(statement.value, Reshape) else PART}"
        name = fresh_name(stem, names)
        result.append(Assign(name, part, statement.implements))
        value = substituted(value, part, Name(name, part.kind, axes=part.axes))
        statement = replace(statement, value=value, implements=None)
    further = (part for s in added for part in _broken(s, names, length, limit))
    return [*result, statement, *further]


def _grows(value: Value) -> TypeGuard[Map]:
    """Is it a sum whose first operand is a new array that has room for the result?"""
    if not isinstance(value, Map) or value.op not in ("add", "sub"):
        return False
    first = value.operands[0]
    return is_new(first) and first.kind == "array" and first.axes == value.axes != ()


def _part_to_name(value: Value, length: Callable[[Value], int], limit: int) -> Value | None:
    """The longest part that fits on a line, else the shortest; views and numbers stay where they are."""
    parts = [v for v in walk(value) if v is not value and _nameable(v) and length(v) >= SHORTEST]
    fitting = [v for v in parts if length(v) <= limit - NAME_LENGTH]
    return max(fitting, key=length) if fitting else min(parts, key=length, default=None)


def _nameable(value: Value) -> bool:
    return value.kind != "number" and not isinstance(value, (Name, Positions, Permute, Expand))


def substituted(value: Value, old: Value, new: Value) -> Value:
    if value == old:
        return replace(new, axes=value.axes)
    return rebuild(value, lambda v: substituted(v, old, new))
