"""Where the Rayleigh quotient is stationary: its derived gradient set to zero is the eigenvalue equation C w = ρ w.

    python examples/rayleigh_quotient.py [--latex]

The derivation is printed as the engine found it, and carried on to the eigenvalue equation. Then numbers: the
generated gradient vanishes at all eigenvectors of the digits' covariance, and uphill is the largest eigenvalue.
"""

import argparse

import numpy as np
from sympy import Eq, Sum

from common.command import on_one_thread
from common.data import covariance
from derive import compiled, gradients
from derive.calculus.steps import Derivation
from derive.core.atoms import Paren
from derive.core.axes import Index
from derive.core.terms import Expr, add
from derive.documents.aligned import ARTICLE, chunks
from derive.documents.typeset import Line, Typesetter
from derive.language import Parameter, Tensor, axes, define, given, layer
from derive.printers.latex import LatexStyle
from derive.printers.lines import plain
from derive.printers.text import TextStyle

i, j = axes("i=d j=d")


@layer
def rayleigh(C: Tensor[i, j], w: Parameter[i]):
    """Rayleigh quotient ρ = wᵀ C w / wᵀ w of a symmetric matrix (Golub and Van Loan, 2013, §8.2)."""
    given(Eq(C[i, j], C[j, i]))
    return define("rho", (), Sum(w[i] * C[i, j] * w[j], i, j) / Sum(w[i] ** 2, i))


def equation(found: Derivation) -> tuple[Expr, Expr, Expr]:
    """The sides of the equation that says where a gradient is zero, and the factor, never zero, that was divided out.

    The gradient is one term: a factor with entries, in parentheses, times numbers without. What is subtracted in the
    parentheses goes to the right.
    """
    gradient = found.expr
    ((entries, _),) = (f for f in gradient.only.factors if isinstance(f[0], Paren) and f[0].free)
    left = add(*(Expr((t,)) for t in entries.body.terms if t.coefficient > 0))
    return left, left - entries.body, gradient / entries.body


def conclusion(found: Derivation, style: type) -> list[Line]:
    """From the gradient set to zero to an equation for w, in matrix notation."""
    setter, axes = Typesetter.of_derivation(found, style), found.symbol.axes

    def shown(value: Expr, axes: tuple[Index, ...] = axes) -> str:
        return plain(setter.trees.print(setter.form(value, axes), axes))

    left, right, factor = equation(found)
    return [
        Line(shown(found.expr), "0", setter.style.remark("where it is stationary")),
        Line(shown(left - right), "0", setter.style.remark("divided by ") + shown(factor, ())),
        Line(shown(left), shown(right), setter.style.remark("eigenvalue equation")),
    ]


def text(found: Derivation) -> str:
    derived = Typesetter.of_derivation(found, TextStyle).steps(found, matrices=True)
    lines = [*derived, Line("", "", ""), *conclusion(found, TextStyle)]
    return "\n".join(f"{plain(s.left):>20} = {plain(s.right)}    [{s.remark}]" if s.right else "" for s in lines)


def typeset(found: Derivation) -> str:
    """The same as LaTeX, in displays between which a page can break. Needs amsmath."""
    derived = Typesetter.of_derivation(found, LatexStyle).steps(found, matrices=True)
    blocks = [*chunks(derived, ARTICLE), *chunks(conclusion(found, LatexStyle), ARTICLE)]
    return "\n".join("\n".join((r"\[\begin{aligned}", *block, r"\end{aligned}\]")) for block in blocks)


def numbers() -> None:
    """The generated gradient, on the covariance of the digits."""
    code, C = compiled(rayleigh, wrt=["w"]), covariance()
    values, vectors = np.linalg.eigh(C)

    def gradient(w: np.ndarray) -> np.ndarray:
        _, residuals = code.rayleigh_fwd(C, w)
        return code.rayleigh_bwd(residuals, 1)

    largest = max(np.abs(gradient(v)).max() for v in vectors.T)
    print(f"At all {len(values)} eigenvectors, no entry of the generated gradient is above {largest:.0e}.")
    w, step = np.random.default_rng(0).standard_normal(len(C)), 1 / (2 * values[-1])
    for _ in range(400):
        w /= np.linalg.norm(w)
        w += step * gradient(w)
    rho = code.rayleigh(C, w)
    print(f"400 steps uphill from seed 0 end at ρ = {rho:.12f}; the largest eigenvalue is {values[-1]:.12f}.")
    print(f"There, |C w - ρ w| / |w| = {np.linalg.norm(C @ w - rho * w) / np.linalg.norm(w):.0e}.")


def main() -> None:
    commands = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands.add_argument("--latex", action="store_true", help="print the derivation as LaTeX, and nothing else")
    found = gradients(rayleigh)["w"]
    if commands.parse_args().latex:
        print(typeset(found))
        return
    print(f"{rayleigh.doc}\n\n{text(found)}\n")
    numbers()


if __name__ == "__main__":
    on_one_thread(main)
