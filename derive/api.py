"""The verbs of the package on whatever a person has in hand: a layer, its gradients, or one derivation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from derive.calculus.blockwise import Blockwise
from derive.calculus.forward import Tangents
from derive.calculus.jacobian import Jacobian
from derive.calculus.steps import Derivation, Gradients
from derive.core.layer import Layer, expect_layer

if TYPE_CHECKING:
    from derive.witnesses.report import Report


def show(of: Layer | Gradients | Jacobian | Tangents | Blockwise, ascii: bool = False) -> str:
    """The forward equations and every gradient as text, in matrix notation where there is one.

    Of a Hessian or a Jacobian, the matrix and its product with a direction; of a blockwise form, its equations. With
    `ascii`, without characters that some terminals lack.
    """
    if isinstance(of, Jacobian):
        from derive.documents.second_order import second_text

        return second_text(of.layer, [of], ascii=ascii)
    if isinstance(of, Tangents):
        from derive.documents.second_order import tangents_text

        return tangents_text(of, ascii=ascii)
    if isinstance(of, Blockwise):
        from derive.documents.plain_text import blockwise_text

        return blockwise_text(of, ascii=ascii)
    from derive.documents.plain_text import show_text

    return show_text(_gradients(of), ascii=ascii)


def latex(
    of: Layer | Gradients | Derivation | Jacobian | Tangents,
    notation: str = "matrix",
    steps: bool = False,
    document: bool = False,
) -> str:
    """The gradients as LaTeX, in "matrix" or "index" notation; a fragment for amsmath.

    With `steps`, every step of the derivations with its rule's name; with `document`, a complete file for pdflatex.
    Raises NotationError for a notation that does not exist.
    """
    if isinstance(of, Jacobian):
        from derive.documents.second_order import second_latex

        return second_latex(of.layer, [of], notation, steps, document)
    if isinstance(of, Tangents):
        from derive.documents.second_order import tangents_latex

        return tangents_latex(of)
    from derive.documents.document import latex as written

    return written(of if isinstance(of, Derivation) else _gradients(of), notation, steps, document)


def check(of: Layer, seed: int = 0, order: int = 1) -> Report:
    """Every witness that applies to a layer, side by side; `.ok` says whether all agree, `print` shows the table.

    Those of its gradients; with order=2, those of its second derivatives.
    """
    if order == 2:
        from derive.witnesses.second import check_second

        return check_second(expect_layer(of), seed)
    from derive.witnesses.check import check_layer

    return check_layer(expect_layer(of), seed)


def _gradients(of: Layer | Gradients) -> Gradients:
    from derive.calculus.derivation import gradients

    return of if isinstance(of, Gradients) else gradients(of)
