"""What SymPy's words mean in an equation: each on a small example, by the oracle and by the generated code."""

from dataclasses import replace
from functools import partial

import numpy as np
import own_layers
import pytest
import sympy
from sympy import (
    ITE,
    Abs,
    And,
    E,
    Eq,
    Heaviside,
    Implies,
    KroneckerDelta,
    Ne,
    Not,
    Or,
    Piecewise,
    Rational,
    Sum,
    Xor,
    cos,
    exp,
    log,
    pi,
    sign,
    sin,
    sqrt,
)

import derive
from derive.core.axes import LEADING
from derive.core.layer import Call, Equation
from derive.errors import DefinitionError
from derive.language import (
    Axis,
    Integer,
    Max,
    Parameter,
    Real,
    Tensor,
    axes,
    define,
    iverson,
    layer,
    leading,
    tensor,
    where,
)
from derive.language.scalars import Converter
from derive.layers.activations.softmax import softmax
from derive.layers.attentions.attention import attention
from derive.layers.convolutions.conv1d import conv1d
from derive.layers.linear_maps.linear import linear
from derive.loading import load_all
from derive.witnesses.interpret import interpret
from derive.witnesses.sampling import cases

i, j, k = axes("i=n j=n k=m")
x, y, c = np.array([-1.0, 0.0, 2.0]), np.array([1.0, 0.0, -3.0]), np.array(0.5)

# value(x, y, c, p, e) of a layer Z[i], and what it is at x, y, c above, p = 1, e = 0.25.
WORDS = {
    "Heaviside is 0 at 0": (lambda x, y, c, p, e: Heaviside(x[i]), [0, 0, 1]),
    "Heaviside with its value at 0": (lambda x, y, c, p, e: Heaviside(x[i], 1), [0, 1, 1]),
    "Heaviside with a fraction at 0": (lambda x, y, c, p, e: Heaviside(x[i], Rational(1, 4)), [0, 0.25, 1]),
    "sign": (lambda x, y, c, p, e: sign(x[i]), [-1, 0, 1]),
    "Abs": (lambda x, y, c, p, e: Abs(x[i]), [1, 0, 2]),
    "Abs of exp of a sum": (lambda x, y, c, p, e: Abs(exp(Sum(x[j], j)) * x[i]), np.e * abs(x)),
    "Abs of exp of where": (lambda x, y, c, p, e: Abs(exp(where(x[i] > 0, x[i])) * y[i]), [1, 0, 3 * np.e**2]),
    "Max of three": (lambda x, y, c, p, e: Max(x[i], y[i], 0), [1, 0, 2]),
    "Max of SymPy": (lambda x, y, c, p, e: sympy.Max(x[i], -x[i], c), [1, 0.5, 2]),
    "Min": (lambda x, y, c, p, e: sympy.Min(x[i], y[i]), [-1, 0, -3]),
    "clipped": (lambda x, y, c, p, e: sympy.Min(Max(x[i], -e), e), [-0.25, 0, 0.25]),
    "a float as exponent": (lambda x, y, c, p, e: (1 + x[i] ** 2) ** 1.5, (1 + x**2) ** 1.5),
    "the root of a square": (lambda x, y, c, p, e: (x[i] ** 2) ** 0.5, [1, 0, 2]),
    "an irrational exponent": (lambda x, y, c, p, e: (1 + x[i] ** 2) ** sqrt(2), (1 + x**2) ** np.sqrt(2)),
    "a number to a power": (lambda x, y, c, p, e: 2 ** x[i], 2**x),
    "log to a base": (lambda x, y, c, p, e: log(1 + x[i] ** 2, 2), np.log2(1 + x**2)),
    "a cube root": (lambda x, y, c, p, e: (2 + x[i]) ** Rational(-1, 3), (2 + x) ** (-1 / 3)),
    "decimals": (lambda x, y, c, p, e: 0.1 * x[i] + 1e-7 + Rational(1, 3), 0.1 * x + 1e-7 + 1 / 3),
    "constants": (lambda x, y, c, p, e: pi * x[i] + E, np.pi * x + np.e),
    "options and sizes": (lambda x, y, c, p, e: p * x[i] + e * i.size, x + 0.75),
    "half a size": (lambda x, y, c, p, e: x[i] / (i.size // 2), x),
    "Piecewise": (lambda x, y, c, p, e: Piecewise((1, x[i] < 0), (x[i], x[i] < 1), (x[i] ** 2, True)), [1, 0, 4]),
    "Piecewise without else": (lambda x, y, c, p, e: Piecewise((1, x[i] < 0), (x[i] ** 2, x[i] >= 0)), [1, 0, 4]),
    "Piecewise on indices": (lambda x, y, c, p, e: Piecewise((3, i < 1), (4, Eq(i, 1)), (5 * x[i], True)), [3, 4, 10]),
    "And, Or": (lambda x, y, c, p, e: where(Or(And(i >= 1, x[i] > 1), Eq(i, 0)), x[i], 7), [-1, 7, 2]),
    "Not And": (lambda x, y, c, p, e: where(Not(And(i >= 1, x[i] > 1)), x[i], 7), [-1, 0, 7]),
    "Not Or": (lambda x, y, c, p, e: where(Not(Or(i < 1, x[i] > 1)), 3, 7 * x[i]), [-7, 3, 14]),
    "Xor": (lambda x, y, c, p, e: where(Xor(i < 1, x[i] > 1), 3 * x[i], 7), [-3, 7, 6]),
    "Implies": (lambda x, y, c, p, e: where(Implies(i < 1, x[i] > 1), 3 * x[i], 7), [7, 0, 6]),
    "ITE": (lambda x, y, c, p, e: where(ITE(i < 1, x[i] > 1, x[i] < 1), 3, 7 * x[i]), [-7, 3, 14]),
    "where in where": (
        lambda x, y, c, p, e: where(x[i] > 0, where(i < 1, 1, 2 * x[i]), where(i < 1, 3, 4)),
        [3, 4, 4],
    ),
    "a guarded log": (lambda x, y, c, p, e: where(x[i] > 0, log(x[i])), [0, 0, np.log(2)]),
    "a log guarded by an Or": (lambda x, y, c, p, e: where(Or(x[i] > 0, x[i] < -5), log(x[i])), [0, 0, np.log(2)]),
    "a guarded division": (lambda x, y, c, p, e: where(Ne(x[i], 0), 1 / x[i], 9), [-1, 9, 0.5]),
    "delta": (lambda x, y, c, p, e: Sum(KroneckerDelta(i, j) * x[j], j), x),
    "delta of an affine index": (lambda x, y, c, p, e: Sum(KroneckerDelta(i, j + 1) * x[j], j), [0, -1, 0]),
    "delta of a number": (lambda x, y, c, p, e: KroneckerDelta(i, 1), [0, 1, 0]),
    "an index and an option": (lambda x, y, c, p, e: iverson(Eq(i, p)) * (x[i] + 1), [0, 1, 0]),
    "half of a size": (lambda x, y, c, p, e: iverson(i < i.size / 2) * (x[i] + 2), [1, 2, 0]),
    "an odd multiple": (lambda x, y, c, p, e: iverson(2 * i + 1 > i.size) * (x[i] + 2), [0, 0, 4]),
    "a condition on a size": (lambda x, y, c, p, e: where(i.size > 2, x[i], 5 * y[i]), x),
    "a condition on an option": (lambda x, y, c, p, e: where(p > 2, x[i], 5 * y[i]), 5 * y),
    "a condition on a real option": (lambda x, y, c, p, e: where(e > 0.3, x[i], 5 * y[i]), 5 * y),
    "a condition on a scalar": (lambda x, y, c, p, e: where(x[i] > c, x[i], 5), [5, 5, 2]),
    "a condition on a sum": (lambda x, y, c, p, e: where(Sum(x[j], j) > x[i], x[i], 5 * y[i]), [-1, 0, -15]),
    "a condition that always holds": (lambda x, y, c, p, e: where(i >= 0, x[i], y[i]), x),
    "a tensor cancels": (lambda x, y, c, p, e: x[i] * y[i] / y[i], x),
    "a sum of ones": (lambda x, y, c, p, e: x[i] * Sum(1, j), 3 * x),
    "an index free and bound": (lambda x, y, c, p, e: x[i] * Sum(x[i], i), x),
    "reversed and shifted": (lambda x, y, c, p, e: Sum(x[i - j] * y[j], j), [-1, 0, 5]),
    "a quotient of functions": (lambda x, y, c, p, e: sin(x[i]) / cos(x[i]), np.tan(x)),
}


@pytest.mark.parametrize("name", WORDS)
def test_word(name):
    value, expected = WORDS[name]

    @layer
    def own(x: Tensor[i], y: Tensor[i], c: Tensor[()], *, p: Integer(0) = 1, e: Real() = 0.25):
        return define("Z", (i,), value(x, y, c, p, e))

    np.testing.assert_allclose(interpret(own, {"x": x, "y": y, "c": c})["Z"], expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(derive.compiled(own).own(x, y, c), expected, rtol=1e-12, atol=1e-12)


def test_a_scalar_tensor_is_its_only_entry():
    @layer
    def own(c: Tensor[()], x: Tensor[i]):
        d = define("d", (), 1 / (1 + c) + c**2 - (2 * c) / 3 + c[()])
        return define("Z", (i,), where(c > 0, x[i] - d, -c * x[i]))

    d = 1 / 1.5 + 0.25 - 1 / 3 + 0.5
    np.testing.assert_allclose(interpret(own, {"c": c, "x": x})["Z"], x - d)


def test_where_stays_in_its_sum():
    """SymPy moves a Piecewise out of inner sums, past their indices; `where` stays, and a moved one is refused."""
    inner = Sum(where(j <= i, 1, 0), j)
    assert not Sum(inner * i, i).function.has(Piecewise)

    @layer
    def own(x: Tensor[i]):
        return define("L", (), Sum(x[i] * Sum(where(j <= i, x[j]), j), i))

    assert interpret(own, {"x": x})["L"] == pytest.approx(x @ np.tril(np.ones((3, 3))) @ x)


def test_axes_are_made_anew_by_sympy():
    for axis in (i, leading, Axis("t", (i.size - k.size) // 2 + 1)):
        assert axis.func(*axis.args) == axis
        assert axis.func(*axis.args).size == axis.size


def test_sizes_by_any_symbol_of_the_name():
    @layer
    def own(x: Tensor[Axis("a", sympy.Symbol("n"))], z: Tensor[i]):
        return define("Z", (i,), x[i] * z[i] / sympy.Symbol("n"))

    np.testing.assert_allclose(interpret(own, {"x": x, "z": y})["Z"], x * y / 3)


# composition


def test_self_attention_keeps_its_axes_apart():
    t, d = axes("t=T d=D")

    @layer
    def own(X: Tensor[..., t, d]):
        return attention(X, X, X, name="Z")

    shapes = {s.name: [a.name for a in s.axes] for e in own.statements for s in e.defines}
    assert shapes["S"][-2] != shapes["S"][-1]
    X = np.random.default_rng(0).standard_normal((4, 3))
    E = np.exp(X @ X.T / np.sqrt(3))
    np.testing.assert_allclose(interpret(own, {"X": X})["Z"], E / E.sum(1, keepdims=True) @ X)


@pytest.mark.parametrize("order", ["ij", "ji"])
def test_over_an_axis_that_is_not_the_last(order):
    """softmax(X, over=i) is shaped like X, also where both axes have one size."""
    first, last = (i, j) if order == "ij" else (j, i)

    @layer
    def own(X: Tensor[..., first, last]):
        P = softmax(X, over=i, name="P")
        return define("Z", (..., first, last), P[..., first, last] ** 2)

    X = np.random.default_rng(0).standard_normal((2, 3, 3))
    axis = 1 if order == "ij" else 2
    E = np.exp(X)
    np.testing.assert_allclose(interpret(own, {"X": X})["Z"], (E / E.sum(axis, keepdims=True)) ** 2)


def test_a_layer_with_parameters_over_another_axis_is_put_in():
    o = Axis("o", "d_out")

    @layer
    def own(X: Tensor[i, k], W: Parameter[i, o], b: Parameter[o]):
        return linear(X, W, b, i=i, name="Y")

    assert not any(isinstance(s, Call) for s in own.statements)
    rng = np.random.default_rng(0)
    X, W, b = (rng.standard_normal(shape) for shape in ((3, 2), (3, 4), (4,)))
    np.testing.assert_allclose(interpret(own, {"X": X, "W": W, "b": b})["Y"], X.T @ W + b)


def test_the_axes_of_a_sublayers_output_can_be_read():
    ch, o = axes("ch=C o=d_out")

    @layer
    def own(X: Tensor[..., ch, i], W: Parameter[o, ch, k], b: Parameter[o], *, s: Integer(1) = 2):
        Y = conv1d(X, W, b, stride=s, name="Y")
        *_, out, t = Y.axes
        return define("M", (..., out), Sum(Y[..., out, t] ** 2, t) / t.size)

    assert derive.check(own).ok
    assert own.symbols["Y"].axes[0] == LEADING


def test_the_first_mistake_is_told_first():
    """What follows a read of nothing may only follow from it."""
    with pytest.raises(DefinitionError, match=r"^bad: Y\[i\]: T is read here but defined later\. Move"):

        @layer
        def bad(x: Tensor[i]):
            define("Y", (i,), tensor("T", i)[i])
            define("T", (i,), x[i])
            define("U", (k,), x[i])


def test_where_a_mistake_was_made(tmp_path):
    """A file's error names its line, also of a mistake that only shows at the end of the definition."""
    path = tmp_path / "mine.py"
    path.write_text(
        "from derive.language.definition import Tensor, axes, define, layer, tensor\n"
        "(i,) = axes('i=n')\n"
        "@layer\n"
        "def mine(x: Tensor[i]):\n"
        "    Y = define('Y', (i,), tensor('T', i)[i])\n"
        "    define('T', (i,), x[i])\n"
        "    return Y\n"
    )
    with pytest.raises(derive.DeriveError, match="line 5: mine: Y.i.: T is read here but defined later"):
        derive.load(str(path))


# SymPy out, and in again


@pytest.mark.parametrize("own", load_all(own_layers.__file__), ids=lambda own: own.name)
def test_out_and_in_again(own):
    """What is handed back as SymPy means the same when it is written into an equation."""
    again = replace(own, statements=tuple(map(partial(rewritten, own), own.statements)))
    case = cases(own, work=2000)[0]
    values, same = case.values, interpret(again, case.arguments, case.options)
    for name in own.outputs:
        np.testing.assert_allclose(same[name], values[name], rtol=1e-12, atol=1e-12)


def rewritten(own, statement):
    if isinstance(statement, Call):
        return statement
    converter = Converter(own.symbols, f"{own.name}: {statement.symbol.read_as}", lambda index, where: None)
    return Equation(statement.symbol, converter.convert(derive.to_sympy(statement.expr)))


def test_sums_in_sums_are_told_apart():
    """SymPy would not mind an index that is summed over twice, but whoever works with the result would."""

    j2 = Axis("j2", "n")

    @layer
    def own(x: Tensor[i]):
        return define("L", (), Sum(x[i] * exp(Sum(x[j] * sin(Sum(where(j2 <= j, x[j - j2]), j2)), j)), i))

    written = derive.to_sympy(own.statements[0].expr)
    names = [limit[0] for s in written.atoms(Sum) for limit in s.limits]
    assert len(names) == len(set(names)) == 3
    assert not written.has(Piecewise)
