"""Faults planted in second derivatives are found by the witnesses: in equations, in closed forms, in code."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest
from second_layers import LAYERS

from derive.cli import main
from derive.core.layer import Equation
from derive.core.terms import add, scale
from derive.loading import load
from derive.lowering.render import loaded, numpy_second_source
from derive.witnesses import second, second_evidence
from derive.witnesses.second import check_second

MUTANTS = [
    ("logistic_regression", "(1 - s)", "(1 + s)"),
    ("logistic_regression", "@ X", "@ X * 2"),
    ("logistic_regression", "X.T @", "-X.T @"),
    ("half_squares", "H = X.T @ X", "H = X.T @ X + 1e-3"),
    ("log_sum_exp", "- u @ p", "+ u @ p"),
    ("log_sum_exp", "-(p * p[:, None])", "p * p[:, None]"),
    ("quadratic_form", "A.T", "A"),
    ("factorization", "2 *", "3 *"),
]


@pytest.mark.parametrize("name, right, wrong", MUTANTS)
def test_a_fault_in_generated_code_is_found(name, right, wrong):
    source = numpy_second_source(LAYERS[name])
    head, mark, tail = source.partition(f"def {name}_hvp")
    assert right in tail
    module: ModuleType = loaded(name, head + mark + tail.replace(right, wrong))
    report = check_second(LAYERS[name], module=module)
    assert {c.witness for c in report.failures} & {"generated code", "generated code, float32"}


def test_a_wrong_sign_in_a_product_is_found(monkeypatch):
    honest = second.SecondEvidence.together.func

    def wrong(self):
        found = honest(self)
        *others, last = found.adjoints
        assert isinstance(last, Equation)
        return replace(found, adjoints=(*others, Equation(last.symbol, scale(last.expr, -1))))

    patched = second_evidence.cached_property(wrong)
    patched.__set_name__(second_evidence.SecondEvidence, "together")
    monkeypatch.setattr(second_evidence.SecondEvidence, "together", patched)
    report = check_second(LAYERS["log_sum_exp"])
    assert {"numeric differentiation", "gradient, moved", "printed product"} <= {c.witness for c in report.failures}


@pytest.mark.parametrize(
    "spoiled", [lambda e: scale(e, 2), lambda e: scale(e, -1), lambda e: add(*[type(e)((t,)) for t in e.terms[1:]])]
)
def test_a_wrong_closed_form_is_found(monkeypatch, spoiled):
    real = second_evidence.hessians

    def wrong(layer):
        return [replace(h, result=spoiled(h.result)) for h in real(layer)]

    monkeypatch.setattr(second_evidence, "hessians", wrong)
    report = check_second(LAYERS["log_sum_exp"])
    assert ("H_x", "numeric differentiation") in {(c.value, c.witness) for c in report.failures}


def test_a_wrong_step_is_found(monkeypatch):
    real = second_evidence.hessians

    def wrong(layer):
        found = []
        for one in real(layer):
            steps = list(one.steps)
            steps[1] = replace(steps[1], after=scale(steps[1].after, 3))
            found.append(replace(one, steps=tuple(steps)))
        return found

    monkeypatch.setattr(second_evidence, "hessians", wrong)
    report = check_second(LAYERS["log_sum_exp"])
    assert ("H_x", "steps") in {(c.value, c.witness) for c in report.failures}


def test_a_wrong_jacobian_is_found(monkeypatch):
    real = second_evidence.jacobian
    monkeypatch.setattr(
        second_evidence, "jacobian", lambda *given: replace(one := real(*given), result=scale(one.result, -1))
    )
    report = check_second(LAYERS["softmax_vector"])
    assert ("J_s", "numeric differentiation") in {(c.value, c.witness) for c in report.failures}


# the command line


def test_the_command_line_reaches_second_order(capsys, tmp_path):
    assert main(["show", "ridge", "--order", "2", "--wrt", "w"]) == 0
    assert "H = 2 Xᵀ X + 2 penalty I" in capsys.readouterr().out
    assert main(["latex", "ridge", "--order", "2", "--wrt", "w", "--steps"]) == 0
    assert r"\frac{\partial^{2} L}{\partial w^{2}} &= 2 X^{\top} X" in capsys.readouterr().out
    assert main(["latex", "ridge", "--order", "2", "--document", "-o", str(tmp_path / "r.tex")]) == 0
    assert r"\end{document}" in (tmp_path / "r.tex").read_text()
    assert main(["numpy", "ridge", "--order", "2", "--wrt", "w"]) == 0
    assert "def ridge_hessian(X, w, y, *, penalty=0.1):" in capsys.readouterr().out
    assert main(["show", "softmax", "--jacobian"]) == 0
    assert "J = diag(P) - P Pᵀ   (for each ℓ)" in capsys.readouterr().out
    assert main(["latex", "softmax", "--jacobian", "--steps"]) == 0
    assert "The Jacobians of softmax." in capsys.readouterr().out
    assert main(["numpy", "softmax", "--jacobian"]) == 0
    assert "def softmax_jacobian(S):" in capsys.readouterr().out
    assert main(["show", "softmax", "--jacobian", "--order", "2"]) == 2
    assert "--jacobian is of order 1" in capsys.readouterr().err
    assert main(["check", "ridge", "softmax", "--order", "2"]) == 0
    assert "checks passed, 2 layers" in capsys.readouterr().out


def test_the_command_line_says_why_not(capsys):
    assert main(["show", "embedding", "--order", "2"]) == 0
    assert "the gradient does not change with E" in capsys.readouterr().out
    assert main(["show", "embedding", "--order", "2", "--wrt", "token"]) == 2
    assert main(["check", "ridge", "--order", "2", "--against", "x.py:f"]) == 2
    assert "order 1" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["transformer_block"])
def test_what_has_no_short_closed_form_has_its_product(name, capsys):
    assert main(["show", name, "--order", "2", "--wrt", "W_Q"]) == 0
    said = capsys.readouterr().out
    assert "its entries have no short closed form" in said
    assert load(name).name in said
