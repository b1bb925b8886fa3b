"""A layer and its gradients in one target's spelling: equations as lines with a left, a right and a remark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from derive.calculus.steps import Derivation, Gradients
from derive.core.axes import Affine, Index
from derive.core.layer import Call, Equation, Layer, Statement, Symbol
from derive.core.terms import Expr
from derive.core.traverse import tensors_read
from derive.notation.matrices import Applied, Matrix, MatrixForm, divides_by_rows
from derive.notation.matrix import matrix_form
from derive.notation.operators import Operator, find_operators
from derive.printers.base import IndexPrinter
from derive.printers.style import Style
from derive.printers.tree import MatrixPrinter


@dataclass(frozen=True)
class Line:
    """left = right, with a remark at the right. `right` may hold the marks at which it may be broken."""

    left: str
    right: str
    remark: str = ""


class Typesetter:
    """Writes equations of one layer, and of its gradients, in one style."""

    def __init__(self, layer: Layer, names: Mapping[str, Symbol], style_of):
        self.layer = layer
        self.names = names
        self.style: Style = style_of(names, layer.spellings)
        self.index = IndexPrinter(self.style, names)
        self.trees = MatrixPrinter(self.style, names)
        # What has been printed so far: operators, and whether anything was in matrix notation.
        self.used: dict[Operator, None] = {}
        self.matrices = False

    @classmethod
    def of(cls, gradients: Gradients, style_of) -> Typesetter:
        names = dict(gradients.names)
        for derivation in gradients.derivations.values():
            names = {**derivation.names, **names, **_loss(gradients.layer, derivation)}
        return cls(gradients.layer, names, style_of)

    @classmethod
    def of_derivation(cls, derivation: Derivation, style_of) -> Typesetter:
        layer = derivation.layer or Layer("", (), (), (), ())
        return cls(layer, {**derivation.names, **_loss(layer, derivation)}, style_of)

    @cached_property
    def operators(self) -> tuple[Operator, ...]:
        return find_operators(self.layer)

    def form(self, value: Expr, axes: Sequence[Index]) -> MatrixForm | None:
        """The matrix form, if there is one; remembers which operators are in use."""
        found = matrix_form(value, axes, self.names, self.operators)
        if found is not None:
            self.matrices = True
            self.used.update((o, None) for o in _operators(found.tree))
        return found

    # lines

    def index_line(self, symbol: Symbol, value: Expr, remark: str = "", left: str | None = None) -> Line:
        left = self.index.entry(symbol.name, symbol.axes) if left is None else left
        return Line(left, self.index.print(value, symbol.axes), remark)

    def matrix_line(self, symbol: Symbol, value: Expr, left: str | None = None) -> Line | None:
        found = self.form(value, symbol.axes)
        return None if found is None else self.form_line(symbol, found, left)

    def form_line(self, symbol: Symbol, found: MatrixForm, left: str | None = None) -> Line:
        right = self.trees.print(found, symbol.axes[len(found.batch) :])
        return Line(left or self.style.name(symbol.name), right, self.each(found))

    def each(self, found: MatrixForm) -> str:
        """For which values the form holds, where it is one for each of several."""
        scope = self.index.scope(found.batch)
        return self.style.each([scope.shown[i] for i in found.batch]) if found.batch else ""

    def best_line(self, symbol: Symbol, value: Expr, left: str | None = None, entry: str | None = None) -> Line:
        """Matrix notation; index notation where that reads better, and with a remark where there is no other."""
        found = self.form(value, symbol.axes)
        if found is None:
            remark = "" if not symbol.axes else self.style.remark("no matrix form")
            return self.index_line(symbol, value, remark, entry)
        if divides_by_rows(found.tree):
            return self.index_line(symbol, value, self.each(found), entry)
        return self.form_line(symbol, found, left)

    def call_line(self, call: Call) -> Line:
        """H = linear(X, W1, b1)"""
        outputs = ", ".join(self.style.name(s.name) for s in call.outputs)
        inner = type(self.style)(call.layer.symbols, call.layer.spellings)
        options = [f"{inner.name(s.name)} = {self.index.size(call.options[s.name])}" for s in call.layer.options]
        arguments = [self.style.name(a) for a in call.arguments]
        return Line(outputs, self.style.call(call.layer.name, [*arguments, *options]))

    def forward(self, matrices: bool) -> list[Line]:
        """The equations of the layer."""
        return [self.statement(s, matrices) for s in self.layer.statements]

    def facts(self) -> list[Line]:
        """What is declared of the layer's arguments."""
        lines = []
        for fact in self.layer.facts:
            symbol = self.names[fact.tensor]
            left, right = fact.sides(symbol)
            axes = [i for i in symbol.axes if i in left.free]
            lines.append(Line(self.index.print(left, axes), self.index.print(right, axes)))
        return lines

    def statement(self, statement: Statement, matrices: bool) -> Line:
        if isinstance(statement, Call):
            return self.call_line(statement)
        if matrices:
            return self.best_line(statement.symbol, statement.expr)
        return self.index_line(statement.symbol, statement.expr)

    def gradient(self, symbol: Symbol, value: Expr, tensor: Symbol | None, loss: str, matrices: bool) -> Line:
        """∂L/∂X = … for an argument X, dS = … for what is used on the way."""
        left = entry = None
        if tensor is not None:
            left = self.style.partial(self.style.name(loss), self.style.name(tensor.name))
            entry = self.style.partial(self.style.name(loss), self.index.entry(tensor.name, symbol.axes))
        if matrices:
            return self.best_line(symbol, value, left, entry)
        return self.index_line(symbol, value, left=entry)

    def gradients(self, gradients: Gradients, matrices: bool, named: bool = False) -> list[Line]:
        """Every gradient in the order of computation; `named` writes dX for ∂L/∂X."""
        arguments = {} if named else {s.name: s for s in self.layer.arguments}
        lines = []
        for symbol, value, derivation in summary(gradients):
            tensor = arguments.get(derivation.wrt.name) if derivation else None
            loss = derivation.loss if derivation else ""
            if derivation is not None and derivation.refers:
                lines.append(self.reference(derivation, loss if tensor is not None else ""))
            else:
                lines.append(self.gradient(symbol, value, tensor, loss, matrices))
        return lines

    def reference(self, derivation: Derivation, loss: str) -> Line:
        """The chain rule for a gradient that the derivation of a sublayer gives; `loss` to write ∂L/∂X for dX."""
        symbol = derivation.symbol
        left = self.index.entry(symbol.name, symbol.axes)
        if loss:
            left = self.style.partial(self.style.name(loss), self.index.entry(derivation.wrt.name, symbol.axes))
        at = {p: Affine.of(i) for p, i in zip(derivation.at, symbol.axes, strict=True)}
        chained = derivation.steps[0].after.substitute(at)
        return self.index_line(symbol, chained, self.style.rule(derivation.steps[-1].rule.name), left)

    def contributions(self, gradients: Gradients) -> list[str]:
        """What the names that calls give stand for: of contributions to gradients, and of values inside."""
        said = []
        for call, parts in contributions(gradients).items():
            several = [whole for _, whole, _ in parts]
            shown = [
                f"{self.style.quote(self.style.name(part.name))} to {self.style.quote(self.style.name(whole.name))}"
                + (f" (as its argument {argument})" if several.count(whole) > 1 else "")
                for part, whole, argument in parts
            ]
            said.append(f"{self._giver(call)} contributes {', '.join(shown)}.")
        used = used_names(gradients)
        for call, saved in gradients.saves.items():
            inner = type(self.style)(call.layer.symbols, call.layer.spellings)
            shown = [
                f"{self.style.quote(self.style.name(value.name))} is the {self.style.quote(inner.name(name))}"
                for name, value in saved
                if value.name in used
            ]
            if shown:
                said.append(f"{', '.join(shown)} inside {self._giver(call).rstrip(',')}.")
        return said

    def _giver(self, call: Call) -> str:
        """linear, which gives H: a call in a sentence."""
        outputs = [self.style.quote(self.style.name(s.name)) for s in call.outputs]
        return f"{self.style.quote(self.style.layer(call.layer.name))}, which gives {', '.join(outputs)},"

    def steps(self, derivation: Derivation, matrices: bool) -> list[Line]:
        """The derivation, step by step; in the end in matrix notation."""
        loss, entry = self.style.name(derivation.loss), self.index.entry(derivation.wrt.name, derivation.at)
        left = self.style.partial(loss, entry)
        lines: list[Line] = []
        for step in derivation.steps:
            right = self.index.print(step.after, derivation.at)
            if right != (lines[-1].right if lines else left):
                lines.append(Line("" if lines else left, right, self.style.rule(step.rule.name)))
        if not lines:
            lines.append(Line(left, self.index.print(derivation.result, derivation.at)))
        if matrices and not derivation.refers:
            whole = self.style.partial(loss, self.style.name(derivation.wrt.name))
            line = self.matrix_line(derivation.symbol, derivation.expr, whole)
            if line is not None:
                remark = self.style.remark("in matrix notation") if not line.remark else line.remark
                lines.append(replace(line, remark=remark))
        return lines

    def definitions(self) -> list[Line]:
        """The entries of the operators in use."""
        lines = []
        for operator in self.used:
            scope = self.index.scope((operator.row, operator.column))
            at = [scope.shown[operator.row], scope.shown[operator.column]]
            left = self.style.operator_entry(operator.letter, operator.of, at)
            lines.append(Line(left, self.index.print(operator.entry(), (operator.row, operator.column))))
        return lines


def _loss(layer: Layer, derivation: Derivation) -> dict[str, Symbol]:
    """The loss that a derivation starts from is the layer's output where that is one number."""
    if not layer.scalar:
        return {}
    output = layer.output_symbols[0]
    return {derivation.loss: replace(output, name=derivation.loss, text=output.shown, latex=_latex(output))}


def _latex(symbol: Symbol) -> str:
    from derive.core.names import latex_of

    return symbol.latex or latex_of(symbol.name)


def _operators(tree: Matrix) -> Iterator[Operator]:
    if isinstance(tree, Applied):
        yield tree.operator
    for part in tree.parts:
        yield from _operators(part)


def summary(gradients: Gradients) -> list[tuple[Symbol, Expr, Derivation | None]]:
    """What is computed, in order: gradients of arguments and of intermediates, and names given on the way."""
    derived = {d.symbol.name: d for d in gradients.derivations.values()}
    found: dict[str, tuple[Symbol, Expr, Derivation | None]] = {}
    for statement in gradients.adjoints:
        for symbol in statement.defines:
            derivation = derived.get(symbol.name)
            if derivation is not None:
                found[symbol.name] = symbol, derivation.expr, derivation
            elif isinstance(statement, Equation):
                found[symbol.name] = symbol, statement.expr, None
    for name, derivation in derived.items():
        found.setdefault(name, (derivation.symbol, derivation.expr, derivation))
    return list(found.values())


def used_names(gradients: Gradients) -> set[str]:
    """Every name that a printed gradient reads."""
    return {name for _, value, _ in summary(gradients) for name in tensors_read(value)}


def contributions(gradients: Gradients) -> dict[Call, list[tuple[Symbol, Symbol, str]]]:
    """By call: (contribution, gradient that it is added to, argument of the sublayer) for the names in use."""
    used = used_names(gradients)
    found: dict[Call, list[tuple[Symbol, Symbol, str]]] = {}
    for backward, call in gradients.forward_calls.items():
        for part, tensor, formal in zip(backward.outputs, call.variables, call.layer.variables, strict=True):
            whole = gradients.derivations.get(tensor)
            if whole is not None and part.name in used and part.name != whole.symbol.name:
                found.setdefault(call, []).append((part, whole.symbol, formal.name))
    return found


def cotangents(gradients: Gradients) -> list[tuple[Symbol, Symbol]]:
    """(cotangent, output) for each output of a layer that is not a loss."""
    if gradients.layer.scalar:
        return []
    given = gradients.backward.arguments[-len(gradients.layer.outputs) :]
    return list(zip(given, gradients.layer.output_symbols, strict=True))
