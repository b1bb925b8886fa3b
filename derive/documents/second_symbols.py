"""The table of symbols of a document on second derivatives."""

from __future__ import annotations

from collections.abc import Sequence

from derive.calculus.second import live
from derive.core.axes import LEADING, LEADING_SIZE
from derive.core.layer import Role, Symbol
from derive.core.traverse import tensors_read
from derive.documents.second_typeset import SecondTypesetter
from derive.documents.symbol_table import TABLE_ORDER, SymbolRow
from derive.printers.escape import escape
from derive.printers.lines import TERM, plain


def second_symbols(setters: Sequence[SecondTypesetter]) -> list[SymbolRow]:
    """Every symbol of the document, in order of rank."""
    rows: dict[str, tuple[int, SymbolRow]] = {}
    for setter in setters:
        for symbol in _listed(setter):
            rows.setdefault(symbol.name, (TABLE_ORDER.index(symbol.role), _row(setter, symbol)))
    return [row for _, row in sorted(rows.values(), key=lambda pair: pair[0])]


def _listed(setter: SecondTypesetter) -> list[Symbol]:
    of = setter.of
    used = set(setter.setter.layer.symbols) | {of.direction.name}
    if of.second is not None:
        used |= {s.name for s in of.second.cotangents} | {s.name for t in of.within.statements for s in t.defines}
    used |= {
        s.name
        for t in live(of.adjoints, [of.product.symbol.name])
        for s in t.defines
        if s.name != of.product.symbol.name
    }
    used |= set(tensors_read(of.result))
    return [s for n, s in of.names.items() if n in used and n != LEADING.name]


def _row(setter: SecondTypesetter, symbol: Symbol) -> SymbolRow:
    style, index = setter.style, setter.setter.index
    sizes = [r"|\ell|" if i.size == LEADING_SIZE else index.size(i.size) for i in symbol.axes]
    if len(sizes) > 1:
        sizes = [rf"({s})" if TERM in s else s for s in sizes]
    shape = "$" + r" \times ".join(plain(s) for s in sizes) + "$" if sizes else "number"
    shown = f"${plain(index.entry(symbol.name, symbol.axes))}$" if symbol.axes else f"${style.name(symbol.name)}$"
    return SymbolRow(shown, rf"\texttt{{{escape(symbol.name)}}}", shape, _meaning(setter, symbol))


def _meaning(setter: SecondTypesetter, symbol: Symbol) -> str:
    of = setter.of
    if symbol.name == of.direction.name:
        return "any direction"
    if of.second is not None and symbol.name in {s.name for s in of.second.cotangents}:
        return "gradient by the output, given"
    if symbol.role is Role.OPTION:
        kind = "real number" if symbol.least is None else f"integer, at least {symbol.least}"
        return kind if symbol.default is None else f"{kind}; {symbol.default} if not given"
    if symbol.name in of.layer.outputs:
        return "output"
    if symbol.name in {s.name for s in of.layer.arguments}:
        return "parameter" if symbol.role is Role.PARAMETER else "input"
    kinds = {Role.SIZE: "size", Role.ADJOINT: "derivative on the way"}
    return kinds.get(symbol.role, "intermediate value")
