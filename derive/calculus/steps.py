"""Rules, steps and derivations: the record of how a gradient came about, as frozen values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from derive.core.axes import Affine, Index
from derive.core.facts import Fact
from derive.core.layer import Call, Layer, Statement, Symbol
from derive.core.terms import Expr, add, read
from derive.errors import UsageError


@dataclass(frozen=True)
class Rule:
    """A named law. `apply` carries out the rule on a whole expression; `law` states it in one line of LaTeX."""

    name: str
    law: str
    apply: Callable[[Expr], Expr]
    # The declared facts that it uses, by the tensor whose entries it takes them for.
    pins: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One rule applied to a whole expression: rule.apply(before) == after, and both have the same value."""

    rule: Rule
    before: Expr
    after: Expr


class Trail:
    """An expression on its way through rules; keeps a step for each rule that changed it."""

    def __init__(self, value: Expr):
        self.value = value
        self.steps: list[Step] = []

    def take(self, rule: Rule) -> bool:
        """Apply a rule; say whether it changed anything."""
        after = rule.apply(self.value)
        if same_form(after, self.value):
            return False
        self.steps.append(Step(rule, self.value, after))
        self.value = after
        return True


def replace(before: Expr, after: Expr) -> Callable[[Expr], Expr]:
    """The function of a rule that says what one whole expression is equal to."""
    return lambda value: after if value == before else value


def swap(before: Expr, after: Expr) -> Callable[[Expr], Expr]:
    """Replace the terms of `before`, where they stand as summands, by `after`."""
    keys = {t.body_key for t in before.terms}

    def rule(value: Expr) -> Expr:
        if not keys <= {t.body_key for t in value.terms}:
            return value
        return add(after, *(Expr((t,)) for t in value.terms if t.body_key not in keys))

    return rule


def same_form(a: Expr, b: Expr) -> bool:
    return a.key == b.key


@dataclass(frozen=True)
class Derivation:
    """The gradient of a layer by one tensor, with the steps that led to it.

    `result` is the entry of `symbol` at the indices `at`; `steps` run from the chain rule to it.
    """

    wrt: Symbol
    symbol: Symbol
    at: tuple[Index, ...]
    result: Expr
    steps: tuple[Step, ...]
    names: Mapping[str, Symbol] = field(repr=False)
    # The name that stands for the scalar loss in the first step.
    loss: str = "L"
    # The sublayers to whose own derivations this one refers.
    through: tuple[str, ...] = ()
    # The layer that is differentiated: its spellings and operators.
    layer: Layer | None = field(default=None, repr=False, compare=False)

    @cached_property
    def expr(self) -> Expr:
        """The gradient at the axes of the tensor itself, as in dW[i, o] = …"""
        return self.result.substitute({p: Affine.of(i) for p, i in zip(self.at, self.symbol.axes, strict=True)})

    def __repr__(self) -> str:
        return f"<derivation of {self.symbol.read_as}, {len(self.steps)} steps>"

    @cached_property
    def refers(self) -> bool:
        """Is this nothing but what the derivation of a sublayer gives?"""
        return bool(self.through) and self.result == read(self.symbol.name, *self.at)

    def _repr_latex_(self) -> str:
        from derive.documents.notebook import notebook_derivation

        return notebook_derivation(self)


@dataclass(frozen=True)
class Gradients:
    """The gradients of a layer: a derivation for each tensor on the way, and the backward layer they make up.

    `derivations` are in the order in which the gradients are computed; `adjoints` defines every name that they use.
    """

    layer: Layer
    backward: Layer
    derivations: Mapping[str, Derivation]
    adjoints: tuple[Statement, ...]
    # For each call whose backward pass needs values inside the callee: (the callee's name, the caller's symbol).
    saves: Mapping[Call, tuple[tuple[str, Symbol], ...]] = field(default_factory=dict)
    # The call whose gradients each backward call among the adjoints gives.
    forward_calls: Mapping[Call, Call] = field(default_factory=dict)

    def __getitem__(self, tensor: str) -> Derivation:
        """The derivation of the gradient by one tensor."""
        if tensor not in self.derivations:
            raise UsageError(
                f"{self.layer.name}: no gradient by {tensor!r}. Choose from {', '.join(self.derivations)}."
            )
        return self.derivations[tensor]

    @property
    def names(self) -> dict[str, Symbol]:
        """Every name of the layer and of its gradients."""
        return {**self.layer.symbols, **self.backward.symbols, **{s.name: s for a in self.adjoints for s in a.defines}}

    def __repr__(self) -> str:
        return f"<gradients of {self.layer.name} by {', '.join(self.derivations)}>"

    def _repr_latex_(self) -> str:
        from derive.documents.notebook import notebook_gradients

        return notebook_gradients(self)
