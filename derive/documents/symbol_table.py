"""The table of symbols of a document: how each is spelled, named in code, shaped, and what it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from derive.calculus.steps import Gradients
from derive.core.axes import LEADING, LEADING_SIZE
from derive.core.layer import Call, Role, Symbol
from derive.documents.typeset import Typesetter, contributions, cotangents, summary, used_names
from derive.printers.escape import escape
from derive.printers.latex import LatexStyle
from derive.printers.lines import TERM, plain


@dataclass(frozen=True)
class SymbolRow:
    """A row of the table of symbols."""

    symbol: str
    code: str
    shape: str
    meaning: str


def symbol_rows(setter: Typesetter, gradients: Gradients) -> list[SymbolRow]:
    parts = {part.name: whole for several in contributions(gradients).values() for part, whole, _ in several}
    return [_row(setter, gradients, s, parts) for s in _listed(setter, gradients, parts)]


def _listed(setter: Typesetter, gradients: Gradients, parts: Mapping[str, Symbol]) -> Iterable[Symbol]:
    """Every symbol of the document, in order of rank; sizes and options last."""
    used = {s.name for s, _, _ in summary(gradients)} | set(gradients.layer.symbols)
    used |= {c.name for c, _ in cotangents(gradients)}
    used |= set(parts) | set(_inside(gradients))
    symbols = [s for s in setter.names.values() if s.name in used and s.name != LEADING.name]
    return sorted(symbols, key=lambda s: (TABLE_ORDER.index(s.role), list(setter.names).index(s.name)))


def _inside(gradients: Gradients) -> dict[str, tuple[str, Call]]:
    """The values inside sublayers that gradients read, by the name that each has here: its name there, and the call."""
    used = used_names(gradients)
    saved = ((call, inner, value) for call, values in gradients.saves.items() for inner, value in values)
    return {value.name: (inner, call) for call, inner, value in saved if value.name in used}


TABLE_ORDER = [Role.INPUT, Role.PARAMETER, Role.VALUE, Role.COTANGENT, Role.ADJOINT, Role.OPTION, Role.SIZE]


def _row(setter: Typesetter, gradients: Gradients, symbol: Symbol, parts: Mapping[str, Symbol]) -> SymbolRow:
    style = setter.style
    sizes = [r"|\ell|" if i.size == LEADING_SIZE else setter.index.size(i.size) for i in symbol.axes]
    axes = setter.index.scope(symbol.axes)
    at = ",".join(axes.shown[i] for i in symbol.axes)
    if len(sizes) > 1:
        sizes = [rf"({s})" if TERM in s else s for s in sizes]
    shape = "$" + r" \times ".join(plain(s) for s in sizes) + "$" if sizes else "number"
    shown = f"${plain(setter.index.entry(symbol.name, symbol.axes))}$" if at else f"${style.name(symbol.name)}$"
    return SymbolRow(shown, rf"\texttt{{{escape(symbol.name)}}}", shape, _meaning(setter, gradients, symbol, parts))


def _listing(setter: Typesetter, call: Call) -> str:
    return ", ".join(f"${setter.style.name(s.name)}$" for s in call.outputs)


def _meaning(setter: Typesetter, gradients: Gradients, symbol: Symbol, parts: Mapping[str, Symbol]) -> str:
    if symbol.name in gradients.layer.outputs:
        return "output"
    derivation = next((d for d in gradients.derivations.values() if d.symbol.name == symbol.name), None)
    if derivation is not None:
        return f"gradient by ${setter.style.name(derivation.wrt.name)}$"
    if symbol.name in parts:
        return f"contribution to ${setter.style.name(parts[symbol.name].name)}$"
    if symbol.name in (inside := _inside(gradients)):
        name, call = inside[symbol.name]
        inner = LatexStyle(call.layer.symbols, call.layer.spellings)
        giver = f"${setter.style.layer(call.layer.name)}$ that gives {_listing(setter, call)}"
        return f"${inner.name(name)}$ of the {giver}"
    output = next((o for c, o in cotangents(gradients) if c.name == symbol.name), None)
    if output is not None:
        return f"gradient by ${setter.style.name(output.name)}$, given"
    if symbol.role is Role.OPTION:
        kind = "real number" if symbol.least is None else f"integer, at least {symbol.least}"
        return kind if symbol.default is None else f"{kind}; {symbol.default} if not given"
    if symbol.name in {s.name for s in gradients.layer.arguments}:
        return "parameter" if symbol.role is Role.PARAMETER else "input"
    return "size" if symbol.role is Role.SIZE else "intermediate value"
