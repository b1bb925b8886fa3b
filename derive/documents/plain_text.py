"""Equations as plain text for the terminal, in Unicode or in ASCII."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from derive.calculus.blockwise import Blockwise
from derive.calculus.online_softmax import NAME, SOURCE, applies
from derive.calculus.steps import Gradients
from derive.core.layer import Call, Layer
from derive.documents.conventions import remarks
from derive.documents.typeset import Line, Typesetter
from derive.printers.lines import plain
from derive.printers.text import AsciiStyle, TextStyle
from derive.terminal import to_ascii


def equation_line(layer: Layer, ascii: bool = False) -> str:
    """The forward equations in one line."""
    setter = Typesetter(layer, layer.symbols, AsciiStyle if ascii else TextStyle)
    return "; ".join(f"{line.left} = {plain(line.right)}" for line in setter.forward(True))


def show_text(gradients: Gradients, ascii: bool = False) -> str:
    """The forward equations and every gradient, in matrix notation where there is one."""
    setter = Typesetter.of(gradients, AsciiStyle if ascii else TextStyle)
    layer = gradients.layer
    forward = setter.forward(True)
    backward = setter.gradients(gradients, True, named=True)
    said = remarks(setter, gradients, "d" if ascii else "∂")
    where = [f"where {line.left} = {plain(line.right)}" for line in setter.definitions()]
    doc = layer.doc.partition("\n\n")[0].replace("\n", " ")
    blocks = [[f"{layer.name}: {doc}" if doc else layer.name], columns(forward), columns(backward), where, said]
    text = "\n\n".join("\n".join(b) for b in blocks if b) + "\n"
    return to_ascii(text) if ascii else text


def blockwise_text(of: Blockwise, ascii: bool = False) -> str:
    """The equations of a blockwise form, and by which rule they come from the author's."""
    text = show_text(replace(of.derived, layer=of.forward), ascii=ascii)
    inner = dict.fromkeys(s.layer.name for s in of.derived.layer.statements if isinstance(s, Call) and applies(s.layer))
    logs = ", ".join(log.symbol.shown for log in of.log_sums)
    said = [f"{NAME}: {logs} and sums over its axis are taken block by block ({SOURCE})."] if logs else []
    said += [f"{name} is called in its blockwise form." for name in inner]
    return text + "\n".join(said) + "\n"


def gradients_text(gradients: Gradients, ascii: bool = False) -> str:
    """Every gradient on a line of its own: dW = Xᵀ G."""
    setter = Typesetter.of(gradients, AsciiStyle if ascii else TextStyle)
    lines = setter.gradients(gradients, True, named=True)
    return "\n".join(f"{line.left} = {plain(line.right)}" for line in lines)


def columns(lines: Sequence[Line]) -> list[str]:
    """Equations with their equals signs below one another, and their remarks behind, or above where all have one."""
    common = lines[0].remark if lines else ""
    if common and all(line.remark == common for line in lines):
        return [f"  {common}:", *columns([replace(line, remark="") for line in lines])]
    left = max(len(line.left) for line in lines)
    right = max((len(plain(line.right)) for line in lines if line.remark), default=0)
    shown = []
    for line in lines:
        text = f"    {line.left:>{left}} = {plain(line.right)}"
        shown.append(f"{text:<{left + right + 7}}   ({line.remark})" if line.remark else text)
    return shown
