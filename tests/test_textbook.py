"""The gradients come out in the forms that textbooks print: string for string, and whatever things are called.

The forms are derived by general rules. So renaming every tensor and axis, writing factors and equations in another
order and storing tensors transposed must give the same forms.
"""

import pytest
from sympy import Sum, exp, log, sqrt

from derive.calculus.derivation import gradients
from derive.language.definition import Parameter, Tensor, axes, define, layer, leading, sigmoid
from derive.layers.activations.elementwise import relu, tanh
from derive.layers.activations.elementwise import sigmoid as sigmoid_layer
from derive.layers.activations.softmax import softmax
from derive.layers.attentions.attention import attention
from derive.layers.convolutions.toeplitz import toeplitz
from derive.layers.linear_maps.affine import affine
from derive.layers.linear_maps.linear import linear
from derive.layers.losses.least_squares import least_squares
from derive.layers.losses.mse import mse
from derive.layers.networks.mlp import mlp
from derive.notation.matrix import matrix_form
from derive.notation.operators import find_operators
from derive.printers.latex import matrix_latex
from derive.printers.text import matrix_text


def forms(of, printer=matrix_text):
    """The printed matrix form of every gradient of a layer, by the tensor's name."""
    found, operators = gradients(of), find_operators(of)
    result = {}
    for tensor, derivation in found.derivations.items():
        form = matrix_form(derivation.expr, derivation.symbol.axes, derivation.names, operators)
        result[tensor] = printer(form, derivation.names, axes=derivation.symbol.axes)
    for adjoint in found.adjoints:
        for symbol in adjoint.defines:
            if symbol.text and symbol.text.startswith("δ"):
                form = matrix_form(adjoint.expr, symbol.axes, found.names, operators)
                result["δ"] = printer(form, found.names, axes=symbol.axes)
    return result


FORMS = [
    (affine, {"x": "Wᵀ g", "W": "g xᵀ", "b": "g"}),
    (linear, {"X": "G Wᵀ", "W": "Xᵀ G", "b": "Gᵀ 1"}),
    (relu, {"X": "G ⊙ [X > 0]"}),
    (tanh, {"X": "G ⊙ (1 - Y^{⊙2})"}),
    (sigmoid_layer, {"X": "G ⊙ Y ⊙ (1 - Y)"}),
    (softmax, {"S": "P ⊙ (G - (P ⊙ G) 1 1ᵀ)"}),
    (toeplitz, {"x": "T(w)ᵀ g", "w": "U(x)ᵀ g"}),
    (
        attention,
        {
            "V": "Pᵀ G",
            "P": "G Vᵀ",
            "S": "P ⊙ (G Vᵀ - δ 1ᵀ)",
            "δ": "(G ⊙ O) 1",
            "Q": "dS K/√d_k",
            "K": "dSᵀ Q/√d_k",
        },
    ),
    (least_squares, {"X": "2 (X W - Y) Wᵀ", "W": "2 Xᵀ (X W - Y)", "Y": "-2 (X W - Y)"}),
    (mse, {"Y": "2 (Y - T)/|ℓ|", "T": "-dY"}),
    (
        mlp,
        {
            "A": "G W2ᵀ",
            "H": "dA ⊙ [H > 0]",
            "X": "dH W1ᵀ",
            "W1": "Xᵀ dH",
            "b1": "dHᵀ 1",
            "W2": "Aᵀ G",
            "b2": "Gᵀ 1",
        },
    ),
]


@pytest.mark.parametrize(("of", "expected"), FORMS, ids=[of.name for of, _ in FORMS])
def test_the_textbook_form(of, expected):
    assert forms(of) == expected


def test_the_textbook_form_in_latex():
    assert forms(softmax, matrix_latex) == {
        "S": r"P \odot \left(G - \left(P \odot G\right) \mathbf{1} \mathbf{1}^{\top}\right)"
    }
    assert forms(least_squares, matrix_latex)["W"] == r"2 X^{\top} \left(X W - Y\right)"
    assert forms(attention, matrix_latex)["K"] == r"{\mathrm{d}S}^{\top} Q / \sqrt{d_{k}}"


def test_a_toeplitz_kernel_gradient_in_index_notation():
    from derive.printers.text import index_text

    found = gradients(toeplitz)["w"]
    assert index_text(found.expr, found.names) == "Σ_t g[t] x[stride·t + dilation·k - padding]"


def test_both_forms_of_the_attention_gradient_are_steps_and_the_one_between_is_named():
    found = gradients(attention)["S"]
    rules = [step.rule.name for step in found.steps]
    shown = []
    for step in found.steps:
        form = matrix_form(step.after, found.at, found.names)
        shown.append(matrix_text(form, found.names, axes=found.at) if form else None)
    first = shown.index("P ⊙ (dP - (P ⊙ dP) 1 1ᵀ)")
    last = shown.index("P ⊙ (G Vᵀ - (G ⊙ O) 1 1ᵀ)")
    assert first < last
    assert rules[first + 1 : last + 1] == ["definition of dP", "reuse O"]
    assert rules[-1] == "name δ" and shown[-1] == "P ⊙ (G Vᵀ - δ 1ᵀ)"


# The same mathematics under other names, in another order, stored another way.

s, t, u, v = axes("s=p_1 t=p_2 u=p_3 v=p_4")


@layer
def renamed_linear(Input: Tensor[..., u], Matrix: Parameter[u, v], c: Parameter[v]):
    return define("Out", (..., v), c[v] + Sum(Matrix[u, v] * Input[..., u], u))


@layer
def transposed_linear(X: Tensor[s, t], W: Parameter[v, t], b: Parameter[v]):
    return define("Y", (s, v), Sum(W[v, t] * X[s, t], t) + b[v])


@layer
def renamed_softmax(Logits: Tensor[s, t]):
    w = axes("w=p_2")[0]
    return define("Out", (s, t), 1 / Sum(exp(Logits[s, w]), w) * exp(Logits[s, t]))


@layer
def columns_softmax(S: Tensor[t, s]):
    w = axes("w=p_2")[0]
    return define("P", (t, s), exp(S[t, s]) / Sum(exp(S[w, s]), w))


@layer
def renamed_attention(A: Tensor[..., s, u], B: Tensor[..., t, u], C: Tensor[..., t, v]):
    w = axes("w=p_2")[0]
    E = define("E", (..., s, t), Sum(B[..., t, u] * A[..., s, u], u) / sqrt(u.size))
    R = define("R", (..., s, t), exp(E[..., s, t]) / Sum(exp(E[..., s, w]), w))
    return define("Z", (..., s, v), Sum(C[..., t, v] * R[..., s, t], t))


@layer
def transposed_attention(Q: Tensor[..., u, s], K: Tensor[..., u, t], V: Tensor[..., v, t]):
    w = axes("w=p_2")[0]
    S = define("S", (..., s, t), Sum(Q[..., u, s] * K[..., u, t], u) / sqrt(u.size))
    P = define("P", (..., s, t), exp(S[..., s, t]) / Sum(exp(S[..., s, w]), w))
    return define("O", (..., v, s), Sum(P[..., s, t] * V[..., v, t], t))


@layer
def renamed_least_squares(D: Tensor[s, t], theta: Parameter[t, u], R: Tensor[s, u]):
    return define("loss", (), Sum((R[s, u] - Sum(theta[t, u] * D[s, t], t)) ** 2, u, s))


@layer
def shifted_softmax(S: Tensor[s, t], c: Tensor[s]):
    w = axes("w=p_2")[0]
    return define("P", (s, t), exp(S[s, t] - c[s]) / Sum(exp(S[s, w] - c[s]), w))


VARIANTS = [
    (renamed_linear, {"Input": "G Matrixᵀ", "Matrix": "Inputᵀ G", "c": "Gᵀ 1"}),
    (transposed_linear, {"X": "G W", "W": "Gᵀ X", "b": "Gᵀ 1"}),
    (renamed_softmax, {"Logits": "Out ⊙ (G - (Out ⊙ G) 1 1ᵀ)"}),
    (columns_softmax, {"S": "P ⊙ (G - 1 1ᵀ (P ⊙ G))"}),
    (
        renamed_attention,
        {
            "C": "Rᵀ G",
            "R": "G Cᵀ",
            "E": "R ⊙ (G Cᵀ - δ 1ᵀ)",
            "δ": "(G ⊙ Z) 1",
            "A": "dE B/√p_3",
            "B": "dEᵀ A/√p_3",
        },
    ),
    (
        transposed_attention,
        {
            "V": "G P",
            "P": "Gᵀ V",
            "S": "P ⊙ (Gᵀ V - δ 1ᵀ)",
            "δ": "(G ⊙ O)ᵀ 1",
            "Q": "K dSᵀ/√p_3",
            "K": "Q dS/√p_3",
        },
    ),
    (
        renamed_least_squares,
        {"D": "-2 (R - D θ) θᵀ", "theta": "-2 Dᵀ (R - D θ)", "R": "2 (R - D θ)"},
    ),
]


@pytest.mark.parametrize(("of", "expected"), VARIANTS, ids=[of.name for of, _ in VARIANTS])
def test_names_order_and_storage_change_nothing_but_names(of, expected):
    assert forms(of) == expected


def test_a_shift_that_cancels_leaves_nothing():
    assert gradients(shifted_softmax)["c"].expr.terms == ()


# Layers outside the catalogue whose textbook forms everybody knows.

i, j, k, b, d, o = axes("i=n j=n k=n b=B_0 d=r o=m")


@layer
def quadratic_form(x: Tensor[i], A: Tensor[i, j]):
    return define("y", (), Sum(x[i] * A[i, j] * x[j], i, j))


@layer
def low_rank_update(X: Tensor[b, i], W: Parameter[i, o], A: Parameter[i, d], B: Parameter[d, o]):
    return define("Y", (b, o), Sum(X[b, i] * (W[i, o] + Sum(A[i, d] * B[d, o], d)), i))


@layer
def squared_distances(X: Tensor[b, d], Y: Tensor[o, d]):
    return define("D", (b, o), Sum((X[b, d] - Y[o, d]) ** 2, d))


@layer
def softmax_cross_entropy(Z: Tensor[b, j], T: Tensor[b, j]):
    P = softmax(Z, over=j)
    return define("L", (), -Sum(T[b, j] * log(P[b, j]), b, j) / b.size)


@layer
def gated(X: Tensor[b, i], W: Parameter[i, o], V: Parameter[i, o]):
    A = define("A", (b, o), Sum(X[b, i] * W[i, o], i))
    S = define("S", (b, o), sigmoid(Sum(X[b, i] * V[i, o], i)))
    return define("Y", (b, o), A[b, o] * S[b, o])


@layer
def frobenius(X: Tensor[...]):
    return define("L", (), Sum(X[...] ** 2, leading) / 2)


@layer
def inside_the_sphere(X: Tensor[b, d]):
    """The adjoint of q is used by that of s alone, and put in where it turns up again."""
    s = define("s", (b,), 1 + Sum(X[b, d] ** 2, d))
    q = define("q", (b,), 1 / sqrt(s[b]))
    return define("Y", (b, d), X[b, d] * q[b])


@layer
def centred_twice(X: Tensor[b, d]):
    """Σ (X - μ) = 0, though no tensor is X - μ."""
    mu = define("mu", (b,), Sum(X[b, d], d) / d.size)
    v = define("v", (b,), Sum((X[b, d] - mu[b]) ** 2, d) / d.size)
    return define("Y", (b, d), (X[b, d] - mu[b]) * v[b])


OTHERS = [
    (inside_the_sphere, "X", "diag(q) (G - diag((G ⊙ Y) 1) Y)"),
    (centred_twice, "mu", "-v ⊙ (G 1)"),
    (quadratic_form, "x", "A x + Aᵀ x"),
    (quadratic_form, "A", "x xᵀ"),
    (low_rank_update, "A", "dW Bᵀ"),
    (low_rank_update, "B", "Aᵀ dW"),
    (squared_distances, "X", "2 diag(G 1) X - 2 G Y"),
    (softmax_cross_entropy, "Z", "(diag(T 1) P - T)/B_0"),
    (gated, "A", "G ⊙ S"),
    (frobenius, "X", "X"),
]


@pytest.mark.parametrize(("of", "tensor", "expected"), OTHERS, ids=[f"{of.name}-{t}" for of, t, _ in OTHERS])
def test_layers_outside_the_catalogue(of, tensor, expected):
    assert forms(of)[tensor] == expected
