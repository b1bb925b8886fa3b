"""Spell loops over entries and blocks, and the masks in them."""

from __future__ import annotations

from derive.lowering.program import Blocks, Each, MaskOut, Portions
from derive.printers.code_style import INDENT, wrapped
from derive.printers.numpy import NumpyPrinter


def masked_out(statement: MaskOut, printer: NumpyPrinter, room: int) -> list[str]:
    """if …: np.copyto(S, -np.inf, where=mask); S[mask] = -np.inf takes ten times as long"""
    line = f"np.copyto({statement.target}, -np.inf, where={printer.print(statement.mask)})"
    if statement.below is None or statement.above is None:
        return wrapped(line, room)
    inside = [" " * INDENT + part for part in wrapped(line, room - INDENT)]
    return [f"if {printer.size_text(statement.below)} < {printer.size_text(statement.above)}:", *inside]


def loop_header(loop: Each | Blocks | Portions, printer: NumpyPrinter) -> str:
    if isinstance(loop, Portions):
        axes = printer.tuple_text(loop.over)
        return f"for {loop.at} in _portions({axes}, {printer.size_text(loop.entries)}):"
    return each_header(loop, printer) if isinstance(loop, Each) else blocks_header(loop, printer)


def each_header(loop: Each, printer: NumpyPrinter) -> str:
    """for *at, h in np.ndindex(*ell, H):"""
    sizes = ", ".join("*ell" if i.leading else printer.size_text(i.size) for i in loop.over)
    if len(loop.over) == 1:
        (index,) = loop.over
        return f"for {loop.group} in np.ndindex(ell):" if index.leading else f"for {index.name} in range({sizes}):"
    names = ", ".join(f"*{loop.group}" if i.leading else i.name for i in loop.over)
    return f"for {names} in np.ndindex({sizes}):"


def blocks_header(loop: Blocks, printer: NumpyPrinter) -> str:
    """for j in _blocks(m, block):"""
    starts, stops = ([printer.size_text(c) for c in ends] for ends in (loop.starts, loop.stops))
    stop = stops[0] if len(stops) == 1 else f"min({', '.join(stops)})"
    start = starts[0] if len(starts) == 1 else f"max({', '.join(starts)})"
    first = "" if start == "0" else f", start={start}"
    return f"for {loop.name} in _blocks({stop}, {loop.length}{first}):"
