"""A derivation is a chain of named steps: each replays, starts where the last one ended, and changes something."""

from itertools import pairwise

import pytest

from derive.calculus.derivation import gradients
from derive.calculus.equality import Equality, equal
from derive.calculus.rules import has_partials
from derive.calculus.steps import Derivation
from derive.core.atoms import Bracket, Partial
from derive.core.traverse import atoms
from derive.loading import all_layers

LAYERS = all_layers()


def derivations(name: str) -> list[Derivation]:
    return list(gradients(LAYERS[name]).derivations.values())


@pytest.mark.parametrize("name", LAYERS)
def test_every_step_replays_and_follows_from_the_last(name):
    for derivation in derivations(name):
        assert derivation.steps
        for step in derivation.steps:
            assert step.rule.apply(step.before) == step.after
            assert step.before != step.after
            assert step.rule.name and "simplif" not in step.rule.name
            assert step.rule.law
        for step, following in pairwise(derivation.steps):
            assert step.after == following.before
        assert derivation.steps[-1].after == derivation.result


@pytest.mark.parametrize("name", LAYERS)
def test_a_derivation_starts_from_the_derivative_and_ends_without_any(name):
    for derivation in derivations(name):
        start = derivation.steps[0].before.only.factors
        assert len(start) == 1 and isinstance(start[0][0], Partial)
        assert start[0][0].entry.tensor == derivation.wrt.name
        assert not has_partials(derivation.result)
        assert set(derivation.result.free) <= set(derivation.at)


@pytest.mark.parametrize("name", LAYERS)
def test_the_deltas_are_shown_before_they_are_contracted(name):
    for derivation in derivations(name):
        rules = [step.rule.name for step in derivation.steps]
        if derivation.through:
            assert any(rule.startswith("derivation of ") for rule in rules)
            continue
        entries = derivation.steps[rules.index("independent entries")].after
        deltas = [a for a in atoms(entries) if isinstance(a, Bracket) and a.relation == "=="]
        assert len(deltas) >= len(derivation.at)
        if "contract deltas" in rules:
            assert rules.index("independent entries") < rules.index("contract deltas")


def test_a_derivation_reads_from_the_definition_and_the_chain_rule():
    rules = [step.rule.name for step in gradients(LAYERS["linear"])["W"].steps]
    assert rules == ["chain rule", "definition of Y", "linearity", "independent entries", "contract deltas"]


def test_derivations_can_be_compared():
    found = gradients(LAYERS["attention"])
    assert equal(found["Q"], gradients(LAYERS["attention"], ["Q"])["Q"])
    assert equal(found["Q"], found["K"]) is Equality.NOT_SHOWN
    again = gradients(LAYERS["linear"])["W"]
    assert equal(again, again.result)
    assert str(equal(again, again.result * 2).value) == "not shown"


def test_the_gradient_of_a_gradient_has_names_of_its_own():
    first = gradients(LAYERS["linear"]).backward
    second = gradients(first).backward
    names = [s.name for s in second.arguments] + [s.name for t in second.statements for s in t.defines]
    assert len(names) == len(set(names))
    adjoints = {s.name for t in first.statements for s in t.defines}
    assert adjoints.isdisjoint(s.name for t in second.statements for s in t.defines)
