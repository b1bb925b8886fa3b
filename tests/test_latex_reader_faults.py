"""The reader rejects planted faults, raises on what it does not know, and takes derivations apart into lines."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from latex_reader import ReaderError, evaluate_index, evaluate_matrix, split_aligned, split_entry, split_matrix
from reader_values import ATTENTION, HEAD, LINEAR, SOFTMAX, B, I, M, N, O, c

# (what is right, the same with a planted fault, names, shape)
FAULTS = {
    "dropped transpose": (r"X^{\top} G", r"X G", LINEAR, (I, O)),
    "dropped transpose of a square matrix": (r"A^{\top} v", r"A v", LINEAR, (I,)),
    "transposed result": (r"X^{\top} G", r"G^{\top} X", LINEAR, (I, O)),
    "a row for a column": (r"G^{\top} \mathbf{1}", r"\mathbf{1}^{\top} G", LINEAR, (O,)),
    "swapped factors": (r"G W^{\top}", r"W^{\top} G", LINEAR, (B, I)),
    "swapped square factors": (r"A A^{\top}", r"A^{\top} A", LINEAR, (I, I)),
    "flipped sign": (r"2 X^{\top} \left(X W - Y\right)", r"2 X^{\top} \left(X W + Y\right)", LINEAR, (I, O)),
    "the rival's least squares": (
        r"2 X^{\top} \left(X W - Y\right)",
        r"2 X^{\top} X W - 2 Y^{\top} X",
        LINEAR,
        (I, O),
    ),
    "lost factor": (r"2 X^{\top} \left(X W - Y\right)", r"X^{\top} \left(X W - Y\right)", LINEAR, (I, O)),
    "lost broadcast": (
        r"P \odot \left(G V^{\top} - \delta \mathbf{1}^{\top}\right)",
        r"P \odot \left(G V^{\top} - \delta\right)",
        ATTENTION,
        (N, M),
    ),
    "product for entrywise product": (r"P \odot G", r"P G", SOFTMAX, (N, M)),
    "lost sum": (
        r"P \odot \left(G - \left(P \odot G\right) \mathbf{1} \mathbf{1}^{\top}\right)",
        r"P \odot \left(G - \left(P \odot G\right)\right)",
        SOFTMAX,
        (N, M),
    ),
    "forgotten parentheses": (
        r"G \odot \left(1 - P^{\odot 2}\right)",
        r"G \odot 1 - P^{\odot 2}",
        SOFTMAX,
        (N, M),
    ),
}


def rejected(right: str, wrong: str, read) -> bool:
    expected = read(right)
    try:
        found = read(wrong)
    except ReaderError:
        return True
    return found.shape != expected.shape or not np.allclose(found, expected)


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_in_matrix_notation_is_rejected(name):
    right, wrong, arrays, shape = FAULTS[name]
    assert rejected(right, wrong, lambda latex: evaluate_matrix(latex, arrays, HEAD, shape))


def test_the_rivals_least_squares_is_rejected_for_its_shape():
    with pytest.raises(ReaderError, match="in a sum"):
        evaluate_matrix(r"2 X^{\top} X W - 2 Y^{\top} X", LINEAR, shape=(I, O))


INDEX_FAULTS = {
    "dropped transpose": (r"\sum_{b} X_{b,p}\,G_{b,q}", r"\sum_{b} X_{p,b}\,G_{b,q}", "pq"),
    "swapped free indices": (r"\sum_{b} X_{b,p}\,G_{b,q}", r"\sum_{b} X_{b,q}\,G_{b,p}", "pq"),
    "transposed square matrix": (r"\sum_{i} A_{i,p}\,v_{i}", r"\sum_{i} A_{p,i}\,v_{i}", "p"),
    "flipped sign": (r"v_{p} - \sum_{o} W_{p,o}", r"v_{p} + \sum_{o} W_{p,o}", "p"),
    "lost sum": (r"\sum_{b} G_{b,q}", r"G_{0,q}", "q"),
    "swapped factor": (r"\sum_{b} X_{b,p}\,G_{b,q}", r"\sum_{b} X_{b,p}\,Y_{b,q}", "pq"),
    "a sum that reaches too far": (r"\sum_{o} c_{o} + v_{p}", r"\sum_{o} \left(c_{o} + v_{p}\right)", "p"),
}


@pytest.mark.parametrize("name", INDEX_FAULTS)
def test_a_planted_fault_in_index_notation_is_rejected(name):
    right, wrong, free = INDEX_FAULTS[name]
    # Sizes are those of the right result.
    sizes = {"p": I, "q": O}
    assert rejected(right, wrong, lambda latex: evaluate_index(latex, tuple(free), LINEAR, sizes))


MALFORMED_MATRIX = {
    "unknown name": r"X Z",
    "unknown command": r"X \star W",
    "unknown character": r"X # W",
    "unclosed parenthesis": r"\left(X W",
    "wrong closing delimiter": r"\left(X W\right]",
    "nothing": r"",
    "no factor after a sign": r"X W +",
    "no factor after ⊙": r"X \odot",
    "function without parentheses": r"\exp X",
    "sum in invisible braces": r"{X + X} W",
    "a number behind": r"X 2",
    "ambiguous division": r"X / 2 W",
    "power of a matrix": r"A^{2}",
    "division by a matrix": r"\frac{X}{A}",
    "subscript": r"X_{1} W",
    "transposed scalar": r"2^{\top} X",
    "number for a matrix": r"1",
    "scalar plus matrix": r"v^{\top} v + X",
    "an undetermined length": r"\mathbf{1} \mathbf{1}^{\top}",
    "bracket without a condition": r"\left[X\right]",
    "unbraced long superscript": r"X^\mathrm{T}",
}


@pytest.mark.parametrize("name", MALFORMED_MATRIX)
def test_malformed_matrix_notation_raises(name):
    with pytest.raises(ReaderError):
        evaluate_matrix(MALFORMED_MATRIX[name], LINEAR, shape=(B, O) if name == "number for a matrix" else None)


MALFORMED_INDEX = {
    "unknown name": r"Z_{b,i}",
    "unknown index": r"X_{b,z}",
    "index as a number": r"b X_{b,i}",
    "too few indices": r"X_{b}",
    "no indices": r"X",
    "indices without commas": r"X_{b i}",
    "one index for two sizes": r"X_{i,b}",
    "index bound twice": r"\sum_{b} X_{b,i}",
    "index bound twice at once": r"\sum_{j,j} A_{j,j}",
    "a sum without a term": r"\sum_{j}",
    "range of a sum": r"\sum_{j=1}^{n} A_{j,i}",
    "trailing text": r"X_{b,i} )",
    "subscript after superscript": r"X^{2}_{b,i}",
    "ambiguous division": r"1 / 2 X_{b,i}",
    "delta of one index": r"\delta_{i}",
    "bracket without a condition": r"\left[i\right]",
    "index that is a value too": r"X_{b,o}",
    "index of unknown size": r"\sum_{z} X_{b,2 z}",
    "derivative of nothing": r"\frac{\partial}{\partial X_{b,i}} X_{b,i}",
    "derivative by a number": r"\frac{\partial X_{b,i}}{\partial 2}",
    "condition that is no index": r"X_{b,\frac{i}{2}}",
}


@pytest.mark.parametrize("name", MALFORMED_INDEX)
def test_malformed_index_notation_raises(name):
    with pytest.raises(ReaderError):
        evaluate_index(MALFORMED_INDEX[name], ("b", "i"), {**LINEAR, "b": c[0]}, {}, {"o": 1})


def test_lines_of_a_derivation_are_split():
    latex = r"""\begin{aligned}
      \frac{\partial L}{\partial W_{p,q}} &= \sum_{b,o} \left[b = 0\right] G_{b,o} && \text{chain rule} \\[2pt]
      &= G_{0,q} \\
      &\quad {} + X_{b,p} \biggl( & \text{definition of $Y$} \\
      &\quad 1 \biggr) \left[p = 0\right] \\
      \frac{\partial L}{\partial W} &= X^{\top} G && \text{matrix product}
    \end{aligned}"""
    entry = r"\frac{\partial L}{\partial W_{p,q}}"
    lines = split_aligned(latex)
    assert [left for left, _, _ in lines] == [entry, entry, r"\frac{\partial L}{\partial W}"]
    assert [rule for _, _, rule in lines] == ["chain rule", "definition of $Y$", "matrix product"]
    assert lines[0][1] == r"\sum_{b,o} \left[b = 0\right] G_{b,o}"
    assert "".join(lines[1][1].split()) == r"G_{0,q}\quad+X_{b,p}\biggl(\quad1\biggr)\left[p=0\right]"
    assert lines[2][1] == r"X^{\top} G"


def test_a_matrix_written_out_is_split():
    latex = r"T(w) &= \begin{pmatrix} w_{0} & w_{1} & 0 \\ 0 & w_{0} & w_{1} \end{pmatrix}"
    ((left, right, _),) = split_aligned(latex)
    assert (left, split_matrix(right)) == ("T(w)", [["w_{0}", "w_{1}", "0"], ["0", "w_{0}", "w_{1}"]])
    with pytest.raises(ReaderError):
        split_matrix(r"\begin{pmatrix} 1 & 2 \\ 3 \end{pmatrix}")


@pytest.mark.parametrize(
    ("latex", "name", "indices"),
    [
        ("X_{b,i}", "X", ("b", "i")),
        (r"{W_{1}}_{i,h}", "W_{1}", ("i", "h")),
        (r"{\mathrm{d}S}_{\ell,p}", r"\mathrm{d}S", (r"\ell", "p")),
        (r"\mathrm{d}S", r"\mathrm{d}S", ()),
        (r"P_{\ell_{1},q}", "P", (r"\ell_{1}", "q")),
        ("G", "G", ()),
        (r"{\hat{x}\!\,}_{i}", r"\hat{x}", ("i",)),
    ],
)
def test_a_left_side_is_split(latex, name, indices):
    assert split_entry(latex) == (name, indices)


def test_the_reader_imports_nothing_from_derive():
    for path in (Path(__file__).parent / "latex_reader").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            assert not {m.split(".")[0] for m in modules} & {"derive", "numeric", "sympy"}, path
