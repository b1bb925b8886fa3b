"""Write out the calls of sublayers: a layer as equations alone, through all of which rewrites can see."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from derive.calculus.sublayers import call_axes, call_values
from derive.core.axes import Affine, Index
from derive.core.layer import Call, Equation, Layer, Role, Statement, Symbol
from derive.core.names import latex_of
from derive.core.rebind import Rebinding


@lru_cache(maxsize=512)
def inlined(layer: Layer) -> Layer:
    """The same layer without calls; a value inside a call is named after the call's first output."""
    if not any(isinstance(s, Call) for s in layer.statements):
        return layer
    taken = set(layer.symbols)
    statements: list[Statement] = []
    for statement in layer.statements:
        statements.extend(_written_out(statement, taken) if isinstance(statement, Call) else [statement])
    return replace(layer, statements=tuple(statements))


def _written_out(call: Call, taken: set[str]) -> list[Equation]:
    """The equations of the callee, on the caller's tensors and indices."""
    callee = inlined(call.layer)
    names = dict(zip((s.name for s in callee.arguments), call.arguments, strict=True))
    symbols = dict(zip(callee.outputs, call.outputs, strict=True))
    rebinding = Rebinding(names, call_values(call))
    found = []
    for equation in callee.equations:
        inner = equation.symbol
        if inner.name not in symbols:
            symbols[inner.name] = _inside(call, inner, taken)
        outer = symbols[inner.name]
        names[inner.name] = outer.name
        # The callee's leading axes may be none of the caller's, or several.
        own = {i: call.axes[i] if i in call.axes else (Index(i.name, rebinding.size(i.size)),) for i in inner.axes}
        axes = tuple(j for i in inner.axes for j in own[i])
        groups = {i: tuple(Affine.of(j) for j in group) for i, group in own.items()}
        found.append(Equation(outer.renamed(axes=axes), rebinding.expr(equation.expr, groups)))
    return found


def _inside(call: Call, symbol: Symbol, taken: set[str]) -> Symbol:
    """The caller's symbol for a value inside a call."""
    output = call.outputs[0]
    number, stem = 1, f"{output.name}_{symbol.name}"
    name = stem
    while name in taken:
        name, number = f"{stem}_{number}", number + 1
    taken.add(name)
    own = symbol.latex or latex_of(symbol.name)
    own = f"{{{own}}}" if "^" in own else own
    latex = f"{own}^{{({output.latex or latex_of(output.name)})}}"
    return Symbol(name, call_axes(call, symbol), Role.VALUE, latex=latex)
