"""The verbs of the package on whatever a person has in hand: a layer, its gradients, or one derivation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from derive.calculus.steps import Derivation, Gradients
from derive.core.layer import Layer, expect_layer

if TYPE_CHECKING:
    from derive.witnesses.report import Report


def show(of: Layer | Gradients, ascii: bool = False) -> str:
    """The forward equations and every gradient as text, in matrix notation where there is one.

    With `ascii`, without characters that some terminals lack.
    """
    from derive.documents.plain_text import show_text

    return show_text(_gradients(of), ascii=ascii)


def latex(
    of: Layer | Gradients | Derivation, notation: str = "matrix", steps: bool = False, document: bool = False
) -> str:
    """The gradients as LaTeX, in "matrix" or "index" notation; a fragment for amsmath.

    With `steps`, every step of the derivations with its rule's name; with `document`, a complete file for pdflatex.
    Raises NotationError for a notation that does not exist.
    """
    from derive.documents.document import latex as written

    return written(of if isinstance(of, Derivation) else _gradients(of), notation, steps, document)


def check(of: Layer, seed: int = 0) -> Report:
    """Every witness that applies to a layer, side by side; `.ok` says whether all agree, `print` shows the table."""
    from derive.witnesses.check import check_layer

    return check_layer(expect_layer(of), seed)


def _gradients(of: Layer | Gradients) -> Gradients:
    from derive.calculus.derivation import gradients

    return of if isinstance(of, Gradients) else gradients(of)
