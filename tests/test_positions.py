"""Integer tensors and maxima over axes, through the whole line: meaning, gradients, code, its doors, print."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import position_layers
import position_values
import pytest

import derive
from derive.calculus.derivation import gradients
from derive.calculus.equality import Equality, equal
from derive.cli import main
from derive.errors import DeriveError
from derive.language import Max, Parameter, Tensor, axes, define, layer
from derive.language.scalars import Converter
from derive.language.sympy_form import to_sympy
from derive.loading import load_all
from derive.lowering.render import compiled, numpy_source
from derive.witnesses.sampling import cases

FILE = Path(position_layers.__file__)
LAYERS = {one.name: one for one in load_all(str(FILE))}
WITNESSES = {"generated code", "generated code, float32", "numeric differentiation", "inner products", "steps"}


@pytest.mark.parametrize("name", LAYERS)
def test_it_means_what_its_author_meant(name):
    for case in cases(LAYERS[name], seed=3):
        expected = getattr(position_values, name)(*case.arguments.values(), **case.options)
        np.testing.assert_allclose(case.outputs[0], expected, rtol=1e-9, atol=1e-9, err_msg=str(case))


@pytest.mark.parametrize("name", LAYERS)
def test_every_witness_agrees(name):
    report = derive.check(LAYERS[name])
    assert report.ok, f"\n{report}"
    assert {check.witness for check in report.checks} >= WITNESSES
    derived = {check.value for check in report.checks}
    assert derived >= {f"d{symbol.name}" for symbol in LAYERS[name].variables}
    assert derived.isdisjoint(f"d{symbol.name}" for symbol in LAYERS[name].arguments if symbol.into is not None)


SECOND = (
    "lookup_table",
    "ratings",
    "one_row_of_each",
    "relative_bias",
    "passed_messages",
    "class_loss",
    "skip_gram",
    "tagger",
    "tied_table",
    "shifted_softmax",
    "maxout",
    "largest_squares",
    "pooled_words",
)


@pytest.mark.parametrize("name", SECOND)
def test_second_derivatives(name):
    """The gradient of a layer is a layer with positions among its inputs, and has gradients itself."""
    backward = gradients(LAYERS[name]).backward
    positions = {s.name for s in LAYERS[name].arguments if s.into is not None}
    assert positions <= {s.name for s in backward.arguments if s.into is not None}
    report = derive.check(backward)
    assert report.ok, f"\n{report}"


# gradients as they are printed

PRINTED = {
    "lookup_table": {"dE[v,d]": "Σ_{ℓ,t} G[ℓ,t,d] [v = token[ℓ,t]]"},
    "segment_sums": {"dx[ℓ,t,d]": "G[ℓ,segment[t],d]"},
    "passed_messages": {"dX": "dM Wᵀ", "dW": "Xᵀ dM"},
    "smoothed_class_loss": {"dZ": "(P - T)/B"},
    "ratings": {"dP[u,f]": "-2 Σ_k Q[item[k],f] e[k] [u = user[k]]/K", "de": "2 e/K"},
    "entries_of": {"dM[u,v]": "Σ_k g[k] [v = column[k]] [u = row[k]]"},
    "class_loss": {"dZ[ℓ,c]": "G[ℓ] (exp(Z[ℓ,c])/(Σ_c1 exp(Z[ℓ,c1])) - [c = label[ℓ]])"},
    "tied_table": {"dE[v,d]": "Σ_t dH[t,d] [v = token[t]] + Σ_t H[t,d] dZ[t,v]"},
    "largest": {"dX[ℓ,i]": "g[ℓ] [i = argmax_i1 (X[ℓ,i1])]"},
    "largest_product": {"dA[i,j]": "dy p[i] q[j] [(i,j) = argmax_{i1,j1} (A[i1,j1] p[i1] q[j1])]"},
    "largest_of_group": {"dX[ℓ,i]": "g[i] [ℓ = argmax_{ℓ'} (X[ℓ',i])]"},
    "dilation": {"dF[u]": "Σ_{ℓ,y} G[ℓ,y] [u = argmax_u1 (X[ℓ,y + u1] + F[u1])]"},
    "class_margins": {"dZ[b,c]": "([c = argmax_c1 (Z[b,c1] + [c1 ≠ label[b]])] - [c = label[b]])/B"},
    "largest_squares": {"dx[j]": "2 Σ_i g[i] A[i,j] max_j1 (A[i,j1] x[j1]) [j = argmax_j1 (A[i,j1] x[j1])]"},
}


@pytest.mark.parametrize("name", PRINTED)
def test_gradients_read_as_in_a_textbook(name):
    lines = [line.strip() for line in derive.show(LAYERS[name]).splitlines()]
    for left, right in PRINTED[name].items():
        (line,) = [line for line in lines if line.startswith(f"{left} = ")]
        assert line.partition(" = ")[2].split("   ")[0] == right


def test_what_lies_outside_is_said_where_something_does():
    """A position is never outside; of a maximum, what is outside is no part."""
    assert "outside" not in derive.show(LAYERS["lookup_table"])
    assert "A read outside a tensor takes no part in a maximum." in derive.show(LAYERS["windows_1d"])
    assert "is 0 (zero padding)" not in derive.show(LAYERS["windows_1d"])
    assert "Of several largest entries, the first takes the gradient." in derive.show(LAYERS["largest"])


# which of several is largest


def test_the_first_of_several_largest_takes_the_gradient():
    code = compiled(LAYERS["largest"])
    X = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0], [-1.0, -2.0, -1.0]])
    y, residuals = code.largest_fwd(X)
    (dX,) = as_tuple(code.largest_bwd(residuals, np.array([1.0, 10.0, 100.0])))
    np.testing.assert_array_equal(y, [3, 2, -1])
    np.testing.assert_array_equal(dX, [[0, 1, 0], [10, 0, 0], [100, 0, 0]])


def test_padding_never_wins():
    code = compiled(LAYERS["windows_1d"])
    X = np.array([-5.0, -4.0, -6.0, -7.0, -3.0])
    Y, residuals = code.windows_1d_fwd(X, window=2, stride=2, padding=1)
    np.testing.assert_array_equal(Y, [-5, -4, -3])
    (dX,) = as_tuple(code.windows_1d_bwd(residuals, np.array([1.0, 2.0, 3.0]), window=2, stride=2, padding=1))
    np.testing.assert_array_equal(dX, [1, 2, 0, 0, 3])


def test_rows_that_are_read_twice_get_both_gradients_and_the_others_none():
    code = compiled(LAYERS["lookup_table"])
    Y, residuals = code.lookup_table_fwd(np.array([2, 0, 2]), np.arange(8.0).reshape(4, 2))
    (dE,) = as_tuple(code.lookup_table_bwd(residuals, np.ones_like(Y)))
    np.testing.assert_array_equal(dE, [[1, 1], [0, 0], [2, 2], [0, 0]])


def as_tuple(value):
    return value if isinstance(value, tuple) else (value,)


# the doors of generated code


@pytest.mark.parametrize(
    ("token", "E", "message"),
    [
        ([0.0, 1.0], np.ones((3, 2)), "lookup_table: token is an array of float64, expected integers."),
        ([0, 3], np.ones((3, 2)), "lookup_table: token runs from 0 to 3, expected 0 to 2."),
        ([-1, 2], np.ones((3, 2)), "lookup_table: token runs from -1 to 2, expected 0 to 2."),
        (["a"], np.ones((3, 2)), "lookup_table: token is an array of <U1, expected numbers."),
        (1, np.ones((3, 2)), "lookup_table: token[..., t] has shape (), expected at least 1 axes."),
        ([0, 1], np.ones(3), "lookup_table: E[v, d] has shape (3,), expected 2 axes."),
    ],
)
def test_positions_are_checked_at_the_door(token, E, message):
    with pytest.raises(ValueError) as caught:
        compiled(LAYERS["lookup_table"]).lookup_table(token, E)
    assert str(caught.value) == message


def test_shapes_of_positions_are_checked_at_the_door():
    Z, label = np.ones((4, 3)), np.zeros(5, int)
    with pytest.raises(ValueError) as caught:
        compiled(LAYERS["class_margins"]).class_margins(Z, label)
    assert str(caught.value) == "class_margins: axis b of label has size 5, expected 4 (axis b of Z)."


def test_no_positions_at_all_are_as_good_as_many():
    Y = compiled(LAYERS["lookup_table"]).lookup_table(np.zeros((0,), int), np.ones((3, 2)))
    assert Y.shape == (0, 2)


def test_positions_keep_the_type_of_the_numbers():
    """Small integers as positions do not make a float32 table one of float64, nor unsigned ones wrap around."""
    code = compiled(LAYERS["lookup_table"])
    E = np.arange(600, dtype=np.float32).reshape(300, 2)
    for kind in (np.uint8, np.int16, np.int64):
        token = np.array([1, 120, 120], kind)
        Y, residuals = code.lookup_table_fwd(token, E)
        (dE,) = as_tuple(code.lookup_table_bwd(residuals, np.ones_like(Y)))
        assert Y.dtype == dE.dtype == np.float32
        np.testing.assert_array_equal(Y, E[[1, 120, 120]])
        assert dE[120, 0] == 2 and dE.sum() == 6


def test_generated_code_is_what_one_would_write():
    source = numpy_source(LAYERS["lookup_table"])
    assert "Y = E[token]" in source
    assert "dE = _add_at(dY, token, V, behind=1)" in source
    assert "    for " not in source.partition("def lookup_table")[2]
    assert "dE like E" in source


# what has no gradient


def test_there_is_no_gradient_by_positions(capsys):
    with pytest.raises(DeriveError) as caught:
        gradients(LAYERS["lookup_table"], ["token"])
    expected = "lookup_table: no gradient by 'token', its entries are positions. Choose from E."
    assert str(caught.value) == expected
    assert main(["latex", f"{FILE}:lookup_table", "--wrt", "token"]) != 0
    assert expected in capsys.readouterr().err


# somebody's own backward pass

MINE = """
import numpy as np


def right(token, E, dY):
    dE = np.zeros_like(E)
    np.add.at(dE, token, dY)
    return dE


def wrong(token, E, dY):
    dE = np.zeros_like(E)
    dE[token] += dY
    return dE
"""


def test_a_backward_pass_of_somebodys_own_is_checked(tmp_path, capsys):
    """The usual mistake, dE[token] += dY, keeps one of the gradients of a row that is read twice."""
    (tmp_path / "mine.py").write_text(MINE, encoding="utf-8")
    spec = f"{FILE}:lookup_table"
    assert main(["check", spec, "--against", f"{tmp_path / 'mine.py'}:right"]) == 0
    capsys.readouterr()
    assert main(["check", spec, "--against", f"{tmp_path / 'mine.py'}:wrong"]) != 0
    assert "FAILED" in capsys.readouterr().out


# in and out of SymPy


# SymPy has no function of that name: it comes back as what it is made of.
WRITTEN_OUT = ("passed_messages", "skip_gram")


@pytest.mark.parametrize("name", [name for name in LAYERS if name not in WRITTEN_OUT])
def test_sympy_and_back(name):
    """What is handed out as SymPy's is read again as the same expression."""
    derived = gradients(LAYERS[name])
    backward = derived.backward
    for equation in (*LAYERS[name].equations, *backward.equations):
        symbols = {**LAYERS[name].symbols, **backward.symbols}
        again = Converter(symbols, equation.symbol.name, lambda index, where: None).convert(to_sympy(equation.expr))
        assert again == equation.expr


def test_gradients_are_equal_whatever_indices_are_called():
    s, w, e = axes("s=n w=V e=D")

    @layer
    def lookup_again(token: Tensor[..., s].into(w), E: Parameter[w, e]):
        return define("Y", (..., s, e), E[token[..., s], e])

    @layer
    def largest_again(X: Tensor[..., w]):
        return define("y", (...,), Max(X[..., w], w))

    @layer
    def smallest_again(X: Tensor[..., w]):
        return define("y", (...,), Max(-X[..., w], w))

    assert equal(gradients(LAYERS["lookup_table"])["E"], gradients(lookup_again)["E"]) is Equality.EQUAL
    assert equal(gradients(smallest_again)["X"], gradients(largest_again)["X"]) is Equality.NOT_SHOWN
    assert equal(gradients(largest_again)["X"], gradients(largest_again)["X"]) is Equality.EQUAL


# print


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("notation", ["matrix", "index"])
def test_it_is_typeset(name, notation):
    for steps in (False, True):
        text = derive.latex(LAYERS[name], notation=notation, steps=steps)
        assert text.count("{") == text.count("}")
        assert text.count(r"\begin{") == text.count(r"\end{") > 0
    derive.show(LAYERS[name], ascii=True).encode("ascii")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex")
def test_documents_compile(tmp_path):
    for name in ("tagger", "windows_2d", "class_margins"):
        text = derive.latex(LAYERS[name], steps=True, document=True)
        (tmp_path / f"{name}.tex").write_text(text, encoding="utf-8")
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"{name}.tex"]
        found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stdout[-2000:]
        assert "Overfull" not in found.stdout


def test_in_a_notebook():
    shown = LAYERS["class_loss"]._repr_latex_()
    assert r"\mathit{label}_{\ell}" in shown
    assert r"\arg\max" in gradients(LAYERS["largest"])._repr_latex_()
