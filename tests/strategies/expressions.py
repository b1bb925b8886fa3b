"""Random right-hand sides: text over the tensors in scope; log, sqrt and / get positive arguments."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from hypothesis import strategies as st

from .source import LEAD, NAMES, SIZES, Known, Source, twins

SMOOTH = (
    "tanh({e})",
    "sin({e})",
    "cos({e})",
    "sigmoid({e})",
    "softplus({e})",
    "atan({e})",
    "exp(-({e})**2)",
    "exp(sin({e}))",
    "log(1 + ({e})**2)",
    "sqrt(2 + ({e})**2)",
    "1/(1 + ({e})**2)",
    "(1 + ({e})**2)**Rational(-3, 2)",
    "(2 + sin({e}))**0.5",
    "({e})**2",
    "({e})**3",
    "sinh(tanh({e}))",
    "cosh(sin({e}))",
    "2**tanh({e})",
    "-({e})",
)
KINKED = ("Abs({e})", "Max({e}, 0)", "Min({e}, 0.5)", "Max({e}, -({e})**2, 0.1)")
NUMBERS = ("2", "0.1", "3", "Rational(1, 3)", "-1.5", "pi", "0.75")
# Indices at which an axis may be read: by live indices a and b, the axis's size, and options.
AFFINE = (
    "{a} + 1",
    "{a} - 1",
    "2*{a}",
    "2*{a} + 1",
    "{n} - 1 - {a}",
    "s*{a}",
    "s*{a} + {b} - p",
    "{a} + {b}",
    "{a} - {b}",
    "{a} + p",
    "3 - {a} + s",
    "2*{a} - {b}",
    "0",
)
RELATIONS = ("{a} <= {b}", "{a} < {b}", "Eq({a}, {b})", "Ne({a}, {b})", "{a} >= {b}", "{a} > {b}")
SIDES = ("{a}", "{a}", "{a} + 1", "2*{a}", "1", "s", "{a} + {b} - p", "{n} - 2")


class Expressions:
    """Draws expressions over what `source` knows. `live` are the indices that may stand free."""

    def __init__(self, draw: Callable, source: Source):
        self.draw = draw
        self.source = source

    def one(self, choices: Sequence):
        return self.draw(st.sampled_from(list(choices)))

    def chance(self, percent: int) -> bool:
        return self.draw(st.integers(0, 99)) < percent

    def option(self, name: str) -> None:
        """Declare an option, if an expression has come to use it."""
        if name not in self.source.options:
            values = {"s": ("1", "2"), "p": ("0", "1", "2"), "eps": ("0.5", "1e-2", "3")}
            self.source.options[name] = self.one(values[name])

    def expression(self, live: tuple[str, ...], depth: int) -> str:
        if depth <= 0:
            return self.read(live) if self.chance(85) else self.number()
        kinds = (self.read, self.product, self.combination, self.function, self.reduction, self.conditional)
        weights = (1, 3, 2, 3, 3, 2)
        kind = self.one([k for k, w in zip(kinds, weights, strict=True) for _ in range(w)])
        return kind(live, depth - 1)

    # leaves

    def number(self) -> str:
        text = self.one((*NUMBERS, "eps", *(f"{a}.size" for a in ("i", "k", "q"))))
        if text == "eps":
            self.option("eps")
        return text

    def read(self, live: tuple[str, ...], depth: int = 0, tensor: Known | None = None, affine: int = 25) -> str:
        """An entry of a tensor: plain where a live index fits, else at an affine index."""
        readable = [k for k in self.source.known if not k.leading or LEAD in live]
        if tensor is None:
            if not readable:
                return self.number()
            tensor = self.one(readable)
        if not tensor.axes:
            return tensor.variable
        places = [LEAD] if tensor.leading else []
        places += [self.place(axis, live, affine) for axis in tensor.own]
        if len(tensor.own) > 1 and self.chance(10):
            places = self.diagonal(tensor, places)
        return f"{tensor.variable}[{', '.join(places)}]"

    def place(self, axis: str, live: tuple[str, ...], affine: int) -> str:
        if self.chance(30) and (entries := self.lists(axis, live)):
            return self.one(entries)
        fitting = [a for a in live if a in twins(axis)]
        if fitting and not self.chance(affine):
            return self.one(fitting)
        own = [a for a in live if a != LEAD]
        return self.affine(own, axis) if own else "0"

    def lists(self, axis: str | None, live: tuple[str, ...]) -> list[str]:
        """The entries of integer tensors at live indices; positions along an axis like this one, or along any."""
        found = []
        for known in self.source.lists:
            places = [next((a for a in live if a in twins(b)), None) for b in known.own]
            fits = axis is None or axis in twins(known.into)
            if fits and None not in places and (LEAD in live or not known.leading):
                front = [LEAD] if known.leading else []
                found.append(f"{known.variable}[{', '.join([*front, *(str(p) for p in places)])}]")
        return found

    def diagonal(self, tensor: Known, places: list[str]) -> list[str]:
        """The same index at every axis of the size of the last."""
        first = len(places) - len(tensor.own)
        alike = twins(tensor.own[-1])
        return places[:first] + [
            places[-1] if axis in alike else place for axis, place in zip(tensor.own, places[first:], strict=True)
        ]

    def affine(self, own: list[str], axis: str) -> str:
        form = self.one(AFFINE)
        first = self.one(own)
        second = self.one([a for a in own if a != first] or ["1"])
        for name in ("s", "p"):
            if name in form.replace("{a}", "").replace("{b}", ""):
                self.option(name)
        return form.format(a=first, b=second, n=f"{axis}.size")

    # nodes

    def product(self, live: tuple[str, ...], depth: int) -> str:
        left, right = self.expression(live, depth), self.expression(live, depth)
        if self.chance(20):
            return f"({left})/(1 + ({right})**2)"
        return f"({left})*({right})"

    def combination(self, live: tuple[str, ...], depth: int) -> str:
        return f"({self.expression(live, depth)} {self.one('+-')} ({self.expression(live, depth)}))"

    def function(self, live: tuple[str, ...], depth: int) -> str:
        return self.one(SMOOTH if self.chance(85) else KINKED).format(e=self.expression(live, depth))

    def reduction(self, live: tuple[str, ...], depth: int) -> str:
        """A sum or a mean over an axis of some tensor, or over all leading axes."""
        choices = [a for a in (*NAMES, *self.source.compound) if a not in live]
        if LEAD not in live and any(k.leading for k in self.source.known):
            choices += [LEAD, LEAD]
        if not choices:
            return self.read(live)
        over = self.one(choices)
        inner = (*live, over)
        carrying = [k for k in self.source.known if self.carries(k, over, inner)]
        body = self.expression(inner, depth)
        if carrying:
            body = f"{self.read(inner, tensor=self.one(carrying), affine=10)}*({body})"
        axis = "leading" if over == LEAD else over
        if self.chance(20) and self.never_outside(body):
            return f"Max({body}, {axis})"
        return f"Sum({body}, {axis})" + (f"/{axis}.size" if self.chance(30) else "")

    @staticmethod
    def never_outside(body: str) -> bool:
        """Is every read at indices by themselves? There is no largest of what is all outside."""
        return not re.search(r"\[[^\]]*(?:[-+*]|\b[0-9])[^\]]*\]", body)

    def carries(self, known: Known, over: str, live: tuple[str, ...]) -> bool:
        if known.leading and LEAD not in live:
            return False
        return known.leading if over == LEAD else any(a in twins(over) for a in known.own)

    def conditional(self, live: tuple[str, ...], depth: int) -> str:
        own = [a for a in live if a != LEAD]
        if len(own) > 1 and self.chance(10):
            return f"KroneckerDelta({own[0]}, {own[1]})*({self.expression(live, depth)})"
        condition, value = self.condition(live), self.expression(live, depth)
        if self.chance(40):
            return f"where({condition}, {value})"
        if self.chance(60):
            return f"where({condition}, {value}, {self.expression(live, depth - 1)})"
        return f"iverson({condition})*({value})"

    def condition(self, live: tuple[str, ...]) -> str:
        own = [a for a in live if a != LEAD]
        first = self.index_condition(live) if own and self.chance(70) else self.data_condition(live)
        if self.chance(20) and own:
            return f"{self.one(('And', 'Or'))}({first}, {self.index_condition(live, lists=False)})"
        return f"Not({first})" if self.chance(10) else first

    def index_condition(self, live: tuple[str, ...], lists: bool = True) -> str:
        own = [a for a in live if a != LEAD]
        first = self.one(own)
        second = self.one([a for a in own if a != first] or ["1"])
        if lists and (entries := self.lists(None, live)) and self.chance(50):
            return self.one(RELATIONS).format(a=first, b=self.one(entries))
        side = self.one(SIDES)
        for name in ("s", "p"):
            if name in side.replace("{a}", "").replace("{b}", "").split() or side == name:
                self.option(name)
        other = side.format(a=second, b=first, n=f"{first}.size")
        return self.one(RELATIONS).format(a=first, b=other)

    def data_condition(self, live: tuple[str, ...]) -> str:
        left = self.read(live)
        if left in NUMBERS:
            # No tensor can be read here, and a comparison of numbers is none.
            self.option("eps")
            left = "eps"
        right = self.one(("0", "0.3", None)) or self.read(live)
        return self.one(("{a} > {b}", "{a} >= {b}", "{a} < {b}", "Ne({a}, {b})")).format(a=left, b=right)


__all__ = ["Expressions", "SIZES"]
