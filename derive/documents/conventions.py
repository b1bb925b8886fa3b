"""What a reader must know beside the equations: layout, the given cotangents, leading axes, cross-correlation."""

from __future__ import annotations

from derive.calculus.steps import Gradients
from derive.core.atoms import Maximum, Read
from derive.core.axes import LEADING
from derive.core.layer import Layer
from derive.core.traverse import atoms, bound_indices
from derive.documents.typeset import Typesetter, cotangents
from derive.notation.kernels import Kernel, kernels
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
    return said + ranges(setter, gradients.layer) + readings(gradients.layer) + setter.contributions(gradients)


def ranges(setter: Typesetter, layer: Layer) -> list[str]:
    """How far the indices run that stand in no tensor's shape, and at which none is read plainly: those of windows."""
    own = {i.name for i in layer.indices}
    said: dict[str, str] = {}
    for equation in layer.equations:
        reads = [a for a in atoms(equation.expr) if isinstance(a, Read)]
        for index in bound_indices(equation.expr):
            if index.name not in own and not index.leading and not any(p.plain == index for r in reads for p in r.at):
                name, last = setter.style.index(index.name), plain(setter.index.size(index.size - 1))
                said[name] = f"{setter.style.quote(name)} runs from 0 to {setter.style.quote(last)}."
    return list(said.values())


def readings(layer: Layer) -> list[str]:
    """How kernels run over data, and what is read outside, where a layer reads at more than plain indices; and ties."""
    largest = any(isinstance(a, Maximum) for e in layer.equations for a in atoms(e.expr))
    return [*(CONVENTIONS[kind] for kind in kernels(layer)), *([FIRST] if largest else [])]
