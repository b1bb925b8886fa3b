"""What notebooks show: layers and derivations as `$\\displaystyle …$`, in matrix notation where there is one."""

from __future__ import annotations

from derive.calculus.steps import Derivation, Gradients
from derive.core.layer import Layer
from derive.documents.aligned import PAGE, aligned
from derive.documents.typeset import Typesetter
from derive.printers.latex import LatexStyle


def displayed(aligned_lines: str) -> str:
    return rf"$\displaystyle {aligned_lines}$"


def notebook_layer(layer: Layer) -> str:
    """The forward equations of a layer, in index notation."""
    setter = Typesetter(layer, layer.symbols, LatexStyle)
    return displayed(aligned(setter.forward(False), PAGE))


def notebook_derivation(derivation: Derivation) -> str:
    """A derivation, step by step."""
    setter = Typesetter.of_derivation(derivation, LatexStyle)
    lines = setter.steps(derivation, True)
    return displayed(aligned([*lines, *setter.definitions()], PAGE))


def notebook_gradients(gradients: Gradients) -> str:
    """Every gradient of a layer."""
    setter = Typesetter.of(gradients, LatexStyle)
    lines = setter.gradients(gradients, True)
    return displayed(aligned([*lines, *setter.definitions()], PAGE))
