"""A Hessian or a Jacobian in one target's spelling: the product with a direction, the entries, the steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from derive.calculus.adjoint_names import spelling
from derive.calculus.diagonals import Block, joined
from derive.calculus.inline import inlined
from derive.calculus.jacobian import Jacobian
from derive.calculus.kinks import kinks
from derive.calculus.second import live
from derive.core.axes import LEADING, Index
from derive.core.layer import Equation
from derive.documents.conventions import ranges, readings
from derive.documents.typeset import Line, Typesetter
from derive.notation.factored import Factored, factored
from derive.notation.matrices import Leaf, Transpose
from derive.printers.latex import LatexStyle
from derive.printers.lines import plain
from derive.printers.style import Fractions, magnitude


class SecondTypesetter:
    """Writes one matrix of derivatives; `alone` if it is the only one, so that its name needs no subscript."""

    def __init__(self, of: Jacobian, style_of, alone: bool = True):
        self.of = of
        self.alone = alone
        self.setter = Typesetter(inlined(of.layer), of.names, style_of)
        self.style = self.setter.style

    @property
    def is_latex(self) -> bool:
        return isinstance(self.style, LatexStyle)

    def index_line(self, latex: bool) -> Line:
        """The entries in index notation."""
        return Line(self.entry(latex), self.setter.index.print(self.of.result, self.of.at))

    # what is on the left

    @property
    def loss(self) -> str:
        """L, or the loss by its own name."""
        layer = self.of.layer
        if not layer.scalar:
            return "L"
        output = layer.output_symbols[0]
        return spelling(output) if self.is_latex else type(self.style)({output.name: output}).name(output.name)

    @property
    def letter(self) -> str:
        """H, or J."""
        taken = {self.style.name(n) for n in (*self.of.names, *self.setter.layer.symbols)}
        letters = ("H", "Hess") if self.of.second is not None else ("J", "Jac")
        letter = next((c for c in letters if c not in taken), letters[-1])
        return letter if self.alone else f"{letter}_{self.style.name(self.of.wrt.name)}"

    def left(self, latex: bool) -> str:
        """The whole matrix."""
        if not latex:
            return self.letter
        if self.of.second is not None:
            return self.style.second(self.loss, self.style.name(self.of.wrt.name))
        return self.style.partial(self.style.name(self.of.of.name), self.style.name(self.of.wrt.name))

    def entry(self, latex: bool) -> str:
        """An entry."""
        rows, columns = self.of.rows, self.of.columns
        if not latex:
            shown = self.shown
            at = ",".join(shown[i] for i in self.of.at)
            return f"{self.letter}[{at}]" if at else self.letter
        if self.of.second is not None:
            wrt = self.of.wrt.name
            return self.style.second(self.loss, self._at(wrt, rows), self._at(wrt, columns))
        return self.style.partial(self._at(self.of.of.name, rows), self._at(self.of.wrt.name, columns))

    def _at(self, name: str, at: Sequence[Index]) -> str:
        return self.style.entry(name, [self.shown[i] for i in at])

    @property
    def shown(self):
        return self.setter.index.scope(self.of.at).shown

    # the entries

    def line(self, latex: bool) -> Line:
        """The matrix in matrix notation; as factors at pairs of indices; in index notation."""
        of = self.of
        if of.is_zero:
            return Line(self.left(latex), "0", self.style.remark(self.why_zero()))
        form = self._form()
        if form is not None:
            tree, batch = form
            right = self.setter.trees.print(tree, [i for i in of.at if i.name not in {b.name for b in batch}])
            if not batch:
                return Line(self.left(latex), right)
            shown = [self.shown[i] for i in batch]
            return Line(self.left(latex), right, self.style.each(shown))
        parts = factored(of.result, of.at, self.setter.names)
        if parts is not None and (text := self._factors(parts)) is not None:
            return Line(self.entry(latex), text)
        return self.index_line(latex)

    def _form(self):
        """The tree, and the indices for each of which it holds, where rows and columns are one index each."""
        of = self.of
        common = [p for p in of.blocks[0].deltas if all(p in b.deltas for b in of.blocks)]
        batch = [p for p in common if p[0].leading] if len(of.rows) > 1 or len(of.columns) > 1 else []
        gone = {i for pair in batch for i in pair}
        rows, columns = ([i for i in axes if i not in gone] for axes in (of.rows, of.columns))
        if len(rows) > 1 or len(columns) > 1:
            return None
        inside = joined([Block(tuple(d for d in b.deltas if d not in batch), b.body) for b in of.blocks])
        axes = [row for row, _ in batch] + rows + columns
        found = self.setter.form(inside, axes)
        if found is None or len(found.batch) > len(batch):
            return None
        return found.tree, [row for row, _ in batch]

    def _factors(self, parts: Sequence[Factored]) -> str | None:
        """2 δ_ij (VᵀV)_ab"""
        terms = []
        for part in parts:
            scope = self.setter.index.scope(())
            pieces = self.setter.index.fractions([f for t in part.scalars.terms for f in t.factors], scope)
            for pair in part.deltas:
                delta = self._delta([self.shown[i] for i in pair])
                if delta is None:
                    return None
                pieces.above.append(delta)
            for tree, at in part.factors:
                if isinstance(tree, Transpose) and isinstance(tree.of, Leaf):
                    tree, at = tree.of, at[::-1]
                text = self.setter.trees.print(tree, at)
                single = isinstance(tree, Leaf)
                pieces.above.append(self.style.subscripted(text, [self.shown[i] for i in at], single))
            text = self.style.term(magnitude(part.coefficient), pieces, "", Fractions())
            terms.append((part.coefficient < 0, text))
        return self.style.sum(terms)

    def _delta(self, at: list[str]) -> str | None:
        """δ_ij"""
        plain = self.style.delta(*at)
        if plain is None or "(" not in plain:
            return plain
        return self.style.subscripted(plain.partition("(")[0], at, True)

    def why_zero(self) -> str:
        """A gradient that is constant, by itself or between kinks."""
        name = self.of.product.wrt.shown
        if self.of.second is None:
            return f"no {name} in it"
        bent = bool(kinks(self.of.layer, self.of.wrt.name))
        return f"the gradient does not change with {name}{' between kinks' if bent else ''}"

    # the product with a direction

    def products(self, latex: bool, matrices: bool = True) -> list[Line]:
        """H u, and the names that it uses."""
        lines = []
        for statement in live(self.of.adjoints, [self.of.product.symbol.name]):
            if isinstance(statement, Equation) and statement.symbol.name != self.of.product.symbol.name:
                lines.append(self.setter.statement(statement, matrices))
        product = self.of.product
        direction = self.style.name(self.of.direction.name)
        symbol = product.symbol
        entry = [self.setter.index.scope(symbol.axes).shown[i] for i in symbol.axes]
        whole = self._times(self.left(latex), direction, latex)
        at = f"({whole})[{','.join(entry)}]" if not latex else rf"\left({whole}\right)_{{{','.join(entry)}}}"
        value = product.expr
        if matrices:
            lines.append(self.setter.best_line(symbol, value, whole, at if entry else whole))
        else:
            lines.append(self.setter.index_line(symbol, value, left=at if entry else whole))
        return lines

    def _times(self, left: str, direction: str, latex: bool) -> str:
        if self.of.second is None:
            left = self.style.transpose(left if not latex else rf"\left({left}\right)")
        return f"{left} {direction}" if not latex else rf"{left} \, {direction}"

    # the steps

    def steps(self, latex: bool = True) -> Iterator[list[Line]]:
        """How H u comes about, then how H comes out of it."""
        yield self.setter.steps(self.of.product, True)
        if not self.of.closed or self.of.is_zero:
            return
        said = "entry of the product" if self.of.second is not None else "entry of the transposed product"
        first = self.of.steps[0].before if self.of.steps else self.of.result
        lines = [Line(self.entry(latex), self.setter.index.print(first, self.of.at), self.style.remark(said))]
        for step in self.of.steps:
            right = self.setter.index.print(step.after, self.of.at)
            if right != lines[-1].right:
                lines.append(Line("", right, self.style.rule(step.rule.name)))
        closed = self.line(latex)
        if closed.right != lines[-1].right:
            lines.append(replace(closed, remark=closed.remark or self.style.remark("in matrix notation")))
        yield lines


def second_remarks(setter: SecondTypesetter, d: str = "d") -> list[str]:
    """What a reader must know beside the equations."""
    of, style = setter.of, setter.style
    layer = of.layer
    said = []
    if of.second is not None:
        for cotangent, output in zip(of.second.cotangents, of.second.first.layer.output_symbols, strict=False):
            partial = f"{d}{setter.loss}/{d}{style.name(output.name)}"
            said.append(f"{style.quote(f'{style.name(cotangent.name)} = {partial}')} is given, and held fixed.")
    facts = [style.quote(f"{plain(line.left)} = {plain(line.right)}") for line in setter.setter.facts()]
    if facts:
        said.append(f"Given: {', '.join(facts)}.")
    if any(i.leading for s in layer.symbols.values() for i in s.axes):
        said.append(f"{style.quote(style.index(LEADING.name))} stands for all leading axes.")
    if of.is_zero:
        return said
    return (
        said
        + ranges(setter.setter, [(e.symbol, e.expr) for e in setter.setter.layer.equations])
        + readings(setter.setter.layer)
    )


def kink_remark(setter: SecondTypesetter) -> str:
    """Where the second derivative does not exist."""
    places: dict[str, None] = {}
    for kink in kinks(setter.of.layer, setter.of.wrt.name):
        text = setter.setter.index.print(kink.value)
        zero = setter.style.quote(f"{text} = 0")
        places[f"entries of {setter.style.quote(text)} tie for the largest" if kink.tie else zero] = None
    return f"Not twice differentiable where {' or '.join(places)}; elsewhere as printed." if places else ""
