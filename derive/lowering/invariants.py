"""What is done to a tensor whatever the block is done before the loops: K / √d once, not in every block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from derive.lowering.program import Assign, Statement
from derive.lowering.sharing import fresh_name, substituted
from derive.lowering.tiles import Tile
from derive.lowering.values import Map, Name, Part, Value, names_read, operands, walk

SCALINGS = ("mul", "div", "neg")


def hoisted(statement: Statement, tile: Tile, before: list[Statement], taken: set[str]) -> Statement:
    """The statement of a block with what is the same in every block computed `before` the loops."""
    if not isinstance(statement, Assign):
        return statement
    value = statement.value
    while (found := next(invariants(value, tile), None)) is not None:
        value = substituted(value, found, taken_out(found, tile, before, taken))
    return replace(statement, value=value)


def invariants(value: Value, tile: Tile) -> Iterator[Value]:
    """What is made of one tensor and numbers; not of one that is as large as what blocks are to avoid."""
    names = set(names_read([value]))
    if isinstance(value, Map) and value.kind == "array" and value.axes and len(names) == 1:
        (name,) = names
        at = tile.parts[name].at if name in tile.parts else ()
        if at and not {tile.row.name, tile.column.name} <= set(at) and of_numbers(value):
            yield value
            return
    for operand in operands(value):
        yield from invariants(operand, tile)


def of_numbers(value: Value) -> bool:
    """Is it a tensor by its name, combined with numbers alone?"""
    if isinstance(value, Map):
        arrays = [o for o in value.operands if not o.is_number]
        return len(arrays) == 1 and of_numbers(arrays[0])
    return isinstance(value, Name)


def taken_out(value: Value, tile: Tile, before: list[Statement], taken: set[str]) -> Name:
    """The part of what is computed before the loops."""
    (name,) = set(names_read([value]))
    part = tile.parts[name]
    axes = tile.symbols[part.name].axes
    whole = replace(substituted(value, Name(name, axes=value.axes), Name(part.name, axes=axes)), axes=axes)
    known = next((s.target for s in before if isinstance(s, Assign) and s.value == whole), None)
    if known is None:
        scaled = all(v.op in SCALINGS for v in walk(value) if isinstance(v, Map) and v.axes)
        known = fresh_name(f"{part.name}_scaled" if scaled else f"{part.name}_part", taken)
        before.append(Assign(known, whole))
    inside = f"{known}[{', '.join(part.at)}]"
    tile.parts[inside] = Part(known, part.at)
    return Name(inside, axes=value.axes)
