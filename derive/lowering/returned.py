"""An intermediate value that is returned as it is has the name of what is returned: dY = …, not dR = … and dY = dR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from derive.calculus.equality import renamed
from derive.core.layer import Call, Equation, Statement


def named_as_returned(statements: Sequence[Statement], outputs: Sequence[str]) -> list[Statement]:
    """The statements with every equation between an output and an intermediate value left out, and these renamed."""
    defined = {s.symbol.name for s in statements if isinstance(s, Equation)} - set(outputs)
    names: dict[str, str] = {}
    kept: list[Statement] = []
    for statement in statements:
        source = copied(statement)
        if source in defined and source not in names and statement.defines[0].name in outputs:
            names[source] = statement.defines[0].name
        else:
            kept.append(statement)
    return [with_names(s, names) for s in kept] if names else kept


def copied(statement: Statement) -> str | None:
    """The tensor that an equation hands on entry by entry; None where it does more."""
    if not isinstance(statement, Equation) or len(statement.reads) != 1:
        return None
    (name,) = statement.reads
    return name if statement.expr == statement.symbol.renamed(name=name).value() else None


def with_names(statement: Statement, names: dict[str, str]) -> Statement:
    if isinstance(statement, Call):
        return replace(statement, arguments=tuple(names.get(a, a) for a in statement.arguments))
    name = names.get(statement.symbol.name, statement.symbol.name)
    symbol = (
        statement.symbol
        if name == statement.symbol.name
        else statement.symbol.renamed(name=name, latex=None, text=None)
    )
    return Equation(symbol, renamed(statement.expr, names))
