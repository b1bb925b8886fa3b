"""What a reader must know beside the equations: layout, the given cotangents, leading axes, cross-correlation."""

from __future__ import annotations

from collections.abc import Iterable

from derive.calculus.steps import Gradients
from derive.core.atoms import Maximum, Read
from derive.core.axes import LEADING
from derive.core.layer import Layer, Symbol
from derive.core.terms import Expr
from derive.core.traverse import atoms
from derive.documents.typeset import Typesetter, cotangents, summary
from derive.notation.kernels import Kernel, kernels
from derive.printers.base import IndexPrinter
from derive.printers.lines import plain

LAYOUT = "Each gradient is laid out in the shape of its variable."
OUTSIDE = "A read outside a tensor is 0 (zero padding)."
FIRST = "Of several largest entries, the first takes the gradient."
CONVENTIONS = {
    Kernel.FORWARD: f"Convolution here is cross-correlation: the kernel is not flipped. {OUTSIDE}",
    Kernel.BACKWARD: f"Convolution here is that of mathematics: the kernel runs backwards over the data. {OUTSIDE}",
    Kernel.NONE: OUTSIDE,
    Kernel.MAXIMUM: "A read outside a tensor takes no part in a maximum.",
}


def remarks(setter: Typesetter, gradients: Gradients, d: str = "d") -> list[str]:
    """Conventions that a reader needs, as far as they are used; `d` is the sign of a derivative."""
    style = setter.style
    facts = [f"{plain(line.left)} = {plain(line.right)}" for line in setter.facts()]
    said = [LAYOUT, *([f"Given: {', '.join(facts)}."] if facts else [])]
    loss = next((d.loss for d in gradients.derivations.values()), "L")
    for cotangent, output in cotangents(gradients):
        partial = f"{d}{style.name(loss)}/{d}{style.name(output.name)}"
        said.append(f"{style.name(cotangent.name)} = {partial} is given, {style.name(loss)} any scalar.")
    if gradients.layer.has_leading:
        said.append(f"{style.index(LEADING.name)} stands for all leading axes.")
    return said + ranges(setter, shown(gradients)) + readings(gradients.layer) + setter.contributions(gradients)


def shown(gradients: Gradients) -> list[tuple[Symbol, Expr]]:
    """What a document writes out: the equations of the layer and of its gradients."""
    return [(e.symbol, e.expr) for e in gradients.layer.equations] + [(s, value) for s, value, _ in summary(gradients)]


def ranges(setter: Typesetter, equations: Iterable[tuple[Symbol, Expr]]) -> list[str]:
    """How far the indices run that stand in no tensor's shape, and at which none is read plainly: those of windows.

    A copy that is made of such an index where it is taken already runs as far, and is not said again.
    """
    said: dict[str, str] = {}
    for symbol, value in equations:
        plainly = {p.plain for a in atoms(value) if isinstance(a, Read) for p in a.at}
        printer = IndexPrinter(setter.style, setter.names)
        printer.print(value, symbol.axes)
        for name, index in printer.bound.items():
            last = plain(setter.index.size(index.size - 1))
            copied = said.get(setter.style.index(index.name)) == last
            if not (index.leading or index in plainly or name in printer.outermost.sizes or copied):
                said[name] = last
    quote = setter.style.quote
    return [f"{quote(name)} runs from 0 to {quote(last)}." for name, last in said.items()]


def readings(layer: Layer) -> list[str]:
    """How kernels run over data, and what is read outside, where a layer reads at more than plain indices; and ties."""
    largest = any(isinstance(a, Maximum) for e in layer.equations for a in atoms(e.expr))
    return [*(CONVENTIONS[kind] for kind in kernels(layer)), *([FIRST] if largest else [])]
