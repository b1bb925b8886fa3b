"""The witnesses: they agree on every layer, and a planted fault is found and named."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from sympy import Abs, Sum, exp, log, sqrt

import numeric
from derive.calculus.derivation import forget, gradients
from derive.calculus.online_softmax import applies
from derive.cli import main
from derive.core.primitives import PRIMITIVES
from derive.core.terms import ONE
from derive.errors import CheckError
from derive.language.definition import Axis, Integer, Parameter, Tensor, axes, define, layer
from derive.layers.networks.mlp import mlp
from derive.loading import all_layers, load
from derive.lowering.render import numpy_source
from derive.witnesses.check import WITNESSES, check_layer
from derive.witnesses.evidence import Evidence, derived_gradients
from derive.witnesses.replay import replay, step_values
from derive.witnesses.report import Check, Report, as_json, table
from derive.witnesses.sampling import cases, choose_sizes

i, j, k = axes("i=n j=m k=K")


@pytest.fixture
def own_derivations():
    """Derivations made from a wrong table must not outlive the test."""
    forget()
    yield
    forget()


def failed(report: Report) -> set[tuple[str, str]]:
    return {(check.value, check.witness) for check in report.failures}


# every layer


BLOCKWISE = {"blockwise code", "blockwise code, float32"}


@pytest.mark.parametrize("name", all_layers())
def test_all_witnesses_agree(name):
    report = check_layer(load(name))
    assert report.ok, str(report)
    seen = {check.witness for check in report.checks}
    assert seen >= set(WITNESSES) - {"exact arithmetic", *BLOCKWISE}
    assert seen & BLOCKWISE == (BLOCKWISE if applies(load(name)) else set())


def test_every_output_and_gradient_is_seen_by_every_witness_that_applies():
    report = check_layer(load("linear"))
    seen = {(check.value, check.witness) for check in report.checks}
    every = [witness for witness in WITNESSES if witness not in BLOCKWISE]
    assert seen == {("Y", w) for w in every[:3]} | {(d, w) for d in ("dX", "dW", "db") for w in every}


@pytest.mark.parametrize("name, exact", [("linear", True), ("conv1d", True), ("toeplitz", True), ("softmax", False)])
def test_polynomial_layers_are_checked_without_tolerance(name, exact):
    found = [check for check in check_layer(load(name)).checks if check.witness == "exact arithmetic"]
    assert bool(found) is exact
    assert all(check.error == check.tolerance == 0 for check in found)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_seed_draws_other_data(seed):
    assert check_layer(load("attention"), seed).ok
    first, second = (cases(load("attention"), s)[0].arguments["Q"] for s in (0, seed))
    assert first.shape != second.shape or (first != second).any()


# layers that need care


@layer
def distance(X: Tensor[i], Y: Tensor[i]):
    """d = Σ |x - y|, with kinks"""
    return define("d", (), Sum(Abs(X[i] - Y[i]), i))


@layer
def entropy(p: Tensor[i]):
    """h = -Σ p log p, for positive p"""
    return define("h", (), -Sum(p[i] * log(p[i]), i))


@layer
def odds(p: Tensor[i]):
    """y = log(p) - log(1 - p), for p between 0 and 1"""
    return define("y", (i,), log(p[i]) - log(1 - p[i]))


@layer
def norm(X: Tensor[i, j]):
    """r = sqrt(Σ x²)"""
    return define("r", (i,), sqrt(Sum(X[i, j] ** 2, j)))


@layer
def residual(X: Tensor[i]):
    """Z reads X directly and through Y: in the derivative of Z, Y is held."""
    Y = define("Y", (i,), exp(X[i]))
    return define("Z", (i,), X[i] + X[i] * Y[i])


x, h, o = axes("x=d_in h=d_h o=d_out")


@layer
def nested(
    X: Tensor[..., x], A: Parameter[x, h], a: Parameter[h], B: Parameter[h, o], b: Parameter[o], *, s: Integer(1) = 2
):
    """The backward pass of the sublayer needs values inside it."""
    H = mlp(X, A, a, B, b, name="H")
    return define("Z", (..., o), s * H[..., o] ** 2)


@layer
def deeper(X: Tensor[..., x], A: Parameter[x, h], a: Parameter[h], B: Parameter[h, o], b: Parameter[o], c: Tensor[o]):
    """And that of this one needs values two calls down."""
    H = nested(X, A, a, B, b, s=3, name="H")
    return define("Y", (...,), Sum(H[..., o] * c[o], o))


@pytest.mark.parametrize("own", [nested, deeper], ids=lambda own: own.name)
def test_values_inside_calls(own):
    report = check_layer(own)
    assert report.ok, str(report)


@pytest.mark.parametrize("name", ["linear", "softmax", "attention"])
def test_a_gradient_is_a_layer_and_is_checked_like_one(name):
    report = check_layer(gradients(load(name)).backward)
    assert report.ok, str(report)


@pytest.mark.parametrize("own", [distance, entropy, odds, norm, residual], ids=lambda own: own.name)
def test_kinks_and_domains(own):
    report = check_layer(own)
    assert report.ok, str(report)


def test_data_keep_away_from_poles():
    @layer
    def reciprocal(X: Tensor[i], Y: Tensor[j]):
        """R = 1 / (x - y)"""
        return define("R", (i, j), 1 / (X[i] - Y[j]))

    for seed in range(5):
        report = check_layer(reciprocal, seed)
        assert report.ok, str(report)


def test_a_layer_without_values_is_an_error():
    @layer
    def nowhere(X: Tensor[i]):
        """y = log(-x²)"""
        return define("y", (i,), log(-(X[i] ** 2)))

    with pytest.raises(CheckError, match="nowhere: it has no value on random data, positive data or data between 0"):
        check_layer(nowhere)


def test_a_layer_without_sizes_is_an_error():
    @layer
    def long(X: Tensor[i]):
        """Its output is empty unless X is long."""
        s = Axis("s", i.size - 20)
        return define("y", (s,), X[s + 20])

    with pytest.raises(CheckError, match="long: no sizes n up to 13 make all its axes at least 1 long"):
        cases(long)


# sizes


@pytest.mark.parametrize("name", all_layers())
def test_sizes_are_distinct_and_the_options_vary(name):
    own = load(name)
    found = Evidence(own).cases
    for case in found:
        free = [n for size, n in case.sizes.items() if size != "..."]
        # Where there are many sizes, the work bounds them.
        assert len(set(free)) == len(free) or len(free) > 3, str(case)
        assert all(array.size for array in case.outputs)
    for option in own.options:
        assert len({case.options[option.name] for case in found}) >= 3


def test_sizes_can_be_fixed():
    sizes = choose_sizes(load("linear"), {}, (4,), np.random.default_rng(0), fixed={"d_in": 64}, work=np.inf)
    assert sizes["d_in"] == 64


def test_sizes_that_follow_from_others():
    g, r = axes("g=groups r=each")
    whole = Axis("h", g.size * r.size)

    @layer
    def grouped(X: Tensor[whole], Y: Tensor[g, r]):
        """Y times X, whose axis is split in two."""
        return define("Z", (g, r), X[r.size * g + r] * Y[g, r])

    for case in cases(grouped):
        assert case.arguments["X"].shape == (case.sizes["groups"] * case.sizes["each"],)


def test_an_axis_that_would_be_empty_is_avoided():
    pairs = Axis("h", i.size // 2)

    @layer
    def paired(X: Tensor[i]):
        """Sums of neighbours."""
        return define("y", (pairs,), X[2 * pairs] + X[2 * pairs + 1])

    assert all(case.outputs[0].size for case in cases(paired))


# planted faults

LINEAR = """
import numpy as np
def linear(X, W, b):
    return X @ W + b
def linear_fwd(X, W, b):
    return X @ W + b, (X, W)
def linear_bwd(residuals, dY):
    X, W = residuals
    n, o = dY.reshape(-1, dY.shape[-1]), W.shape[-1]
    return dY @ W.T, X.reshape(-1, X.shape[-1]).T @ n, n.sum(axis=0)
"""


def module(source: str) -> SimpleNamespace:
    namespace = {}
    exec(source, namespace)
    return SimpleNamespace(**namespace)


FAULTS = [
    ("X @ W + b\ndef linear_fwd", "X @ W - b\ndef linear_fwd", "Y", "Y["),
    ("dY @ W.T", "-dY @ W.T", "dX", "looks like: sign flipped"),
    ("dY @ W.T", "2 * dY @ W.T", "dX", "looks like: a constant factor of 2"),
    ("dY @ W.T", "dY", "dX", "dX has shape"),
    (".T @ n,", ".T @ n.astype('f4'),", "dW", "dW["),
    ("n.sum(axis=0)", "n", "db", "looks like: a missing sum over axis 0"),
    ("n.sum(axis=0)", "np.float64(1) * n.sum(axis=0)", "db", "db is float64 for arguments in float32"),
    ("dY @ W.T", "(dY @ W.T).tolist()", "dX", "dX comes back as list instead of an array"),
    ("n.sum(axis=0)", "n.summ(axis=0)", "db", "AttributeError: 'numpy.ndarray' object has no attribute 'summ'"),
    ("    return dY @ W.T, ", "    return ", "dX", "3 values come back instead of 4 (Y, dX, dW, db)"),
]


def test_the_module_without_a_fault_passes():
    report = check_layer(load("linear"), module=module(LINEAR))
    assert report.ok, str(report)


@pytest.mark.parametrize("right, wrong, value, detail", FAULTS, ids=[wrong for _, wrong, _, _ in FAULTS])
def test_a_fault_in_generated_code_is_found(right, wrong, value, detail):
    assert right in LINEAR
    report = check_layer(load("linear"), module=module(LINEAR.replace(right, wrong)))
    assert not report.ok
    found = [check for check in report.failures if check.value == value]
    assert {check.witness for check in found} <= {"generated code", "generated code, float32", "inner products"}
    assert any(detail in check.detail for check in found), str(report)


def test_many_modules_can_be_checked_on_one_evidence():
    evidence = Evidence(load("linear"))
    for number, (right, wrong, value, _) in enumerate(FAULTS):
        other = evidence.with_module(module(LINEAR.replace(right, wrong)))
        assert other.cases is evidence.cases
        WITNESSES["generated code"](other)
        found = {check.value for check in other.tally.report(other.values).failures}
        # The fault in the type of db shows in float32 only.
        assert value in found or number in (4, 6), wrong


@pytest.mark.parametrize("name, right, wrong", [("sigmoid", "(X)[0]", "(X)[1]"), ("toeplitz", "stride=1", "stride=2")])
def test_bare_values_and_defaults_are_checked_too(name, right, wrong):
    """A tuple of one value is not that value, and where an option has its default it is not passed."""
    source = numpy_source(load(name))
    assert check_layer(load(name), module=module(source)).ok
    report = check_layer(load(name), module=module(source.replace(right, wrong, 1)))
    assert "generated code" in {witness for _, witness in failed(report)}


def test_only_what_is_wrong_is_named():
    wrong = LINEAR.replace("dY @ W.T", "-dY @ W.T")
    witnesses = ("generated code", "generated code, float32", "inner products")
    assert failed(check_layer(load("linear"), module=module(wrong))) == {("dX", witness) for witness in witnesses}


def test_a_fault_in_handwritten_code_is_found(monkeypatch, capsys):
    def wrong(residuals, dY):
        dX, dW, db = right(residuals, dY)
        return dX, dW, 0.5 * db

    right = numeric.linear_bwd
    monkeypatch.setattr(numeric, "linear_bwd", wrong)
    assert main(["check", "linear"]) == 1
    assert "FAILED  linear, db, handwritten code: db[o=" in capsys.readouterr().out


@pytest.mark.parametrize("name, row", [("tanh", "tanh"), ("sigmoid", "sigmoid"), ("attention", "exp")])
def test_a_wrong_row_of_the_table_is_found(monkeypatch, own_derivations, capsys, name, row):
    assert main(["check", name]) == 0
    right = PRIMITIVES[row].derivative
    monkeypatch.setitem(PRIMITIVES, row, replace(PRIMITIVES[row], derivative=lambda x, y: right(x, y) + ONE))
    capsys.readouterr()
    assert main(["check", name]) == 1
    out = capsys.readouterr().out
    assert f"FAILED  {name}, d" in out
    assert "numeric differentiation" in out and "after the step 'function rule'" in out


def test_a_wrong_step_is_found():
    evidence = Evidence(load("softmax"))
    derivation = evidence.gradients.derivations["S"]
    number = len(derivation.steps) // 2
    wrong = replace(derivation.steps[number], after=derivation.steps[number].after * 2)
    steps = (*derivation.steps[:number], wrong, *derivation.steps[number + 1 :])
    broken = replace(derivation, steps=steps)
    evidence.__dict__["gradients"] = replace(evidence.gradients, derivations={"S": broken})
    WITNESSES["steps"](evidence)
    (check,) = evidence.tally.report(evidence.values).failures
    assert check.witness == "steps" and "after the step" in check.detail


def test_derivations_start_from_the_derivative_of_the_loss():
    evidence = Evidence(load("attention"))
    (case, *_) = cases(evidence.layer, 0, 20_000, ((),))
    oracle = replay(evidence.gradients, case)
    for name, gradient in zip("QKV", derived_gradients(evidence.gradients, case), strict=True):
        values = step_values(evidence.gradients.derivations[name], oracle)
        assert len(values) == len(evidence.gradients.derivations[name].steps) + 1
        np.testing.assert_allclose(values[0][0], gradient, rtol=1e-12)
        np.testing.assert_allclose(values[-1][0], gradient, rtol=1e-12)


# reports


def test_reports_as_json():
    report = Report("f", (Check("steps", "dX", np.inf, 1e-9, False, "somewhere"),))
    assert json.loads(json.dumps(as_json([report]), allow_nan=False)) == {
        "ok": False,
        "layers": [
            {
                "layer": "f",
                "ok": False,
                "checks": [
                    {"witness": "steps", "value": "dX", "error": 1.7976931348623157e308, "tolerance": 1e-9, "ok": False}
                ],
            }
        ],
    }


def test_reports_as_a_table():
    report = Report("f", (Check("steps", "dX", 0.5, 1e-9, False, "dX[i=2] is 1 instead of 2"),))
    assert table([report]).splitlines() == [
        "layer  value  witness  error    tolerance  verdict",
        "--------------------------------------------------",
        "f      dX     steps    5.0e-01  1e-09      FAILED",
        "",
        "FAILED  f, dX, steps: dX[i=2] is 1 instead of 2",
        "",
        "1 of 1 checks failed, 1 layer",
    ]


def test_a_report_without_checks_is_not_fine():
    assert not Report("f", ()).ok
