"""The text of a random layer: arguments, options and lines, put together as a module that uses the public surface."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import sympy
from sympy.core.relational import Relational
from sympy.tensor.indexed import Idx

from derive.core.layer import Layer
from derive.language.definition import Axis, Tensor, tensor

HEAD = """\
from sympy import Abs, And, Eq, Function, KroneckerDelta, Max, Min, Ne, Not, Or, Rational, Sum, Symbol
from sympy import EulerGamma, I, Matrix, Mod, nan, oo, zoo
from sympy import atan, cos, cosh, exp, log, pi, sin, sinh, sqrt, tanh

from derive.language import *
from derive.layers.activations.elementwise import relu, sigmoid as logistic
from derive.layers.linear_maps.linear import linear
from derive.layers.activations.softmax import softmax

i, j, k, l, q, r = axes("i=n j=n k=m l=m q=K r=K")


@layer
def swish(X: Tensor[...]):
    T = define("T", (...,), sigmoid(X[...]))
    return define("Y", (...,), X[...] * T[...])


@layer
def gain(X: Tensor[..., i], g: Parameter[i]):
    return define("Y", (..., i), sin(g[i]) * X[..., i] + g[i])


@layer
def nested(X: Tensor[..., i], g: Parameter[i], *, offset: Integer(0) = 1, eps: Real() = 0.5):
    H = gain(X, g, name="H")
    A = swish(H, name="A")
    Z = define("Z", (..., i), A[..., i + offset] * g[i] + eps * tanh(X[..., i]))
    return gain(Z, g, name="Y")


@layer
def pair(X: Tensor[..., i], g: Parameter[i]):
    A = define("A", (..., i), tanh(g[i] * X[..., i]))
    B = define("B", (...,), Sum(A[..., i] ** 2, i))
    return A, B
"""

SIZES = {"i": "n", "j": "n", "k": "m", "l": "m", "q": "K", "r": "K"}
NAMES = tuple(SIZES)
LEAD = "..."
OPTIONS = {
    "s": "Integer(1) = {}",
    "p": "Integer(0) = {}",
    "eps": "Real() = {}",
}


@dataclass(frozen=True)
class Known:
    """A tensor that an expression may read: its variable, and its axes by name."""

    variable: str
    axes: tuple[str, ...]
    # Of an integer tensor, the axis along which it holds positions.
    into: str | None = None

    @property
    def leading(self) -> bool:
        return LEAD in self.axes

    @property
    def own(self) -> tuple[str, ...]:
        """The axes after the leading ones."""
        return tuple(a for a in self.axes if a != LEAD)


@dataclass(frozen=True)
class Definition:
    """A line `variable = define("name", (axes), text)`."""

    variable: str
    name: str
    axes: tuple[str, ...]
    text: str
    latex: str = ""

    def __str__(self) -> str:
        spelling = f", latex={self.latex!r}" if self.latex else ""
        axes = "".join(f"{a}, " for a in self.axes)
        return f"{self.variable} = define({self.name!r}, ({axes.strip()}), {self.text}{spelling})"

    def changed(self, **changes: Any) -> Definition:
        return replace(self, **changes)


@dataclass
class Source:
    """A layer's text as it grows."""

    arguments: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    # Declarations as they stand, for mistakes.
    extra: list[str] = field(default_factory=list)
    lines: list[Definition | str] = field(default_factory=list)
    known: list[Known] = field(default_factory=list)
    lists: list[Known] = field(default_factory=list)
    returns: list[str] = field(default_factory=list)
    called: list[str] = field(default_factory=list)
    # Axes whose sizes are expressions, as the outputs of convolutions have them.
    compound: dict[str, str] = field(default_factory=dict)
    count: int = 0

    def argument(self, name: str, axes: tuple[str, ...], kind: str) -> Known:
        self.arguments[name] = f"{name}: {kind}[{', '.join(axes) or '()'}]"
        return self.know(name, axes)

    def positions(self, name: str, axes: tuple[str, ...], into: str) -> None:
        self.arguments[name] = f"{name}: Tensor[{', '.join(axes)}].into({into})"
        self.lists.append(Known(name, axes, into))

    def know(self, variable: str, axes: tuple[str, ...]) -> Known:
        self.known.append(Known(variable, axes))
        return self.known[-1]

    def fresh(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def missing_sizes(self) -> list[str]:
        """Axes whose size no argument tells: each needs one that has it."""
        declared = [k for k in self.known if k.variable in self.arguments] + self.lists
        plain = {SIZES[a] for k in declared for a in k.own if a in SIZES}
        text = "\n".join([*map(str, self.lines), *(k.into for k in self.lists if k.into)])
        return [a for a in ("i", "k", "q") if SIZES[a] not in plain and any(uses(text, b) for b in twins(a))]

    def text(self) -> str:
        """The whole module."""
        signature = list(self.arguments.values())
        options = [f"{o}: {OPTIONS[o].format(v)}" for o, v in self.options.items()] + self.extra
        signature += ["*", *options] if options else []
        body = [*map(str, self.lines), f"return {', '.join(self.returns)}"]
        return f"{HEAD}\n\n@layer\ndef drawn({', '.join(signature)}):\n" + "".join(f"    {line}\n" for line in body)

    def free(self, expression: str) -> set[str]:
        """The indices that SymPy leaves in an expression."""
        names: dict[str, Any] = dict(AXES)
        names.update({o: sympy.Symbol(o, real=True) if o == "eps" else option(o) for o in OPTIONS})
        for axis, size in self.compound.items():
            names[axis] = Axis(axis, eval(size, {**NAMESPACE, **names}))
        names.update({k.variable: handle(k, names) for k in (*self.known, *self.lists)})
        value = eval(expression, {**NAMESPACE, **names})
        # SymPy keeps k in k < k + 1, and a sum of zeros; the engine does not.
        value = sympy.sympify(value).replace(
            lambda node: isinstance(node, Relational), lambda node: node.func(sympy.expand(node.lhs - node.rhs), 0)
        )
        value = value.replace(lambda node: isinstance(node, sympy.Sum) and node.function == 0, lambda _: sympy.S.Zero)
        return {str(a.label) for a in value.atoms(Idx)}


def uses(text: str, axis: str) -> bool:
    import re

    return re.search(rf"\b{axis}\b", text) is not None


def twins(axis: str) -> list[str]:
    """The axes of the same size."""
    return [a for a in NAMES if SIZES[a] == SIZES.get(axis)] or [axis]


def option(name: str) -> sympy.Symbol:
    return sympy.Symbol(name, integer=True, positive=True if name == "s" else None, nonnegative=True)


def handle(known: Known, axes: dict[str, Any]) -> Tensor:
    plain = tensor(known.variable, *(... if a == LEAD else axes[a] for a in known.axes))
    if known.into is None:
        return plain
    (into,) = tensor(known.variable, axes[known.into]).symbol.axes
    return Tensor(plain.symbol.renamed(into=into))


def build(text: str) -> Layer:
    """Run the module and return its layer."""
    namespace: dict[str, Any] = {"__name__": "drawn"}
    exec(compile(text, "<drawn>", "exec", dont_inherit=True), namespace)
    return namespace["drawn"]


NAMESPACE: dict[str, Any] = {}
exec(compile(HEAD, "<head>", "exec", dont_inherit=True), NAMESPACE)
AXES = {name: NAMESPACE[name] for name in NAMES}
