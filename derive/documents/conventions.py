"""What a reader must know beside the equations: layout, the given cotangents, leading axes, cross-correlation."""

from __future__ import annotations

from derive.calculus.steps import Gradients
from derive.core.atoms import Read
from derive.core.axes import LEADING
from derive.core.layer import Call, Layer
from derive.core.traverse import atoms
from derive.documents.typeset import Typesetter, cotangents

LAYOUT = "Each gradient is laid out in the shape of its variable."
CORRELATION = (
    "Convolution here is cross-correlation: the kernel is not flipped. A read outside a tensor is 0 (zero padding)."
)


def remarks(setter: Typesetter, gradients: Gradients, d: str = "d") -> list[str]:
    """Conventions that a reader needs, as far as they are used; `d` is the sign of a derivative."""
    style = setter.style
    said = [LAYOUT]
    loss = next((d.loss for d in gradients.derivations.values()), "L")
    for cotangent, output in cotangents(gradients):
        partial = f"{d}{style.name(loss)}/{d}{style.name(output.name)}"
        said.append(f"{style.name(cotangent.name)} = {partial} is given, {style.name(loss)} any scalar.")
    if gradients.layer.has_leading:
        said.append(f"{style.index(LEADING.name)} stands for all leading axes.")
    if reads_affine(gradients.layer):
        said.append(CORRELATION)
    return said + setter.contributions(gradients)


def reads_affine(layer: Layer) -> bool:
    """Is some tensor read at more than plain indices?"""
    equations = [e.expr for e in layer.equations]
    inner = [c.layer for c in layer.statements if isinstance(c, Call)]
    affine = any(isinstance(a, Read) and any(at.plain is None for at in a.at) for e in equations for a in atoms(e))
    return affine or any(map(reads_affine, inner))
