"""Second derivatives as programs: L_hvp(arguments…, cotangents…, directions…) and L_hessian(arguments…, cotangents…).

A Hessian is one array where its variable is a vector. Else each part of it that stands beside Kronecker deltas is an
array of its own, and the documentation says how its entries make up those of H: no array is filled with zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from derive.calculus.diagonals import Block, Pair, joined
from derive.calculus.forward import Tangents
from derive.calculus.inline import inlined
from derive.calculus.jacobian import Jacobian
from derive.calculus.second import SecondOrder, live
from derive.core.layer import Equation, Layer, Role, Symbol
from derive.core.terms import Expr
from derive.errors import LoweringError
from derive.lowering.lower import lowered
from derive.lowering.program import Function, Program

# H for the whole; A, B, … for the parts of a sum.
LETTERS = "HABCDEFGIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Part:
    """δ(row, column) for each of `deltas`, times the entries of one array."""

    deltas: tuple[Pair, ...]
    symbol: Symbol
    value: Expr


def lower_second(second: SecondOrder, found: Sequence[Jacobian]) -> Program:
    """The functions for products with directions and, where there is a closed form, for the Hessians."""
    functions = [product_function(second)]
    left_out = []
    for one in found:
        try:
            functions.append(matrix_function(one, single=len(found) == 1))
        except LoweringError as error:
            left_out.append(f"There is no function for the Hessian by {one.wrt.name}: {error}")
    doc = (
        f"Second derivatives of {second.layer.name}: products with a direction, and Hessians.",
        "",
        *((second.layer.doc, "") if second.layer.doc else ()),
        *held_fixed(second),
        *left_out,
    )
    return Program(second.layer, tuple(functions), tuple(line for text in doc for line in text.splitlines() or [""]))


def program_of(of: Jacobian | Tangents) -> Program:
    """The functions of one Hessian, of a Jacobian, or of a product J u."""
    if isinstance(of, Tangents):
        doc = (f"Forward mode of {of.layer.name}: its outputs and their tangents.", "", *of.layer.doc.splitlines())
        return Program(of.layer, (tangent_function(of),), doc)
    if of.second is not None:
        return lower_second(of.second, [of])
    return lower_jacobians(of.layer, [of])


def lower_jacobians(layer: Layer, found: Sequence[Jacobian]) -> Program:
    """The functions for Jacobians: those that have a closed form."""
    functions, left_out = [], []
    for one in found:
        try:
            functions.append(matrix_function(one, single=len(found) == 1))
        except LoweringError as error:
            left_out.append(f"There is no function for the Jacobian by {one.wrt.name}: {error}")
    doc = (f"Jacobians of {layer.name}.", "", *layer.doc.splitlines(), *(("", *left_out) if left_out else ()))
    return Program(layer, tuple(functions), doc)


def tangent_function(of: Tangents) -> Function:
    """L_jvp: the outputs, and how they change along the tangents of the arguments."""
    layer = of.tangent_layer()
    whole = inlined(of.layer)
    statements = live((*whole.statements, *of.tangents), (*whole.outputs, *layer.outputs))
    layer = replace(layer, statements=statements, outputs=(*whole.outputs, *layer.outputs))
    outputs = tuple(layer.symbols[name] for name in layer.outputs)
    along = ", ".join(u.name for u in of.directions.values())
    return alone(layer, outputs, (f"The outputs, and their tangents along {along}.",))


def held_fixed(second: SecondOrder) -> list[str]:
    """Of what the second derivatives are."""
    if not second.cotangents:
        return [f"L stands for the loss {second.layer.outputs[0]}."]
    pairs = [f"<{c.name}, {o}>" for c, o in zip(second.cotangents, second.layer.outputs, strict=True)]
    held = ", ".join(c.name for c in second.cotangents)
    return [f"L stands for {' + '.join(pairs)}, with {held} held fixed."]


def product_function(second: SecondOrder) -> Function:
    """L_hvp: for each variable X, the sum over the variables Y of d²L/dXdY u_Y."""
    layer = second.product_layer()
    names = {
        output: fresh(f"H{second.directions[v].name}", layer)
        for v, output in zip(second.wanted, layer.outputs, strict=True)
    }
    layer = renamed(layer, names)
    outputs = tuple(layer.symbols[name] for name in layer.outputs)
    directions = ", ".join(u.name for u in second.directions.values())
    together = " together" if len(second.wanted) > 1 else ""
    doc = [f"The Hessian of L by {', '.join(second.wanted)}{together}, times the direction {directions}."]
    return alone(layer, outputs, tuple(doc))


def alone(layer: Layer, outputs: tuple[Symbol, ...], doc: tuple[str, ...]) -> Function:
    body = lowered(layer, layer.outputs, None)
    return Function(layer.name, layer, layer.arguments, (), body, outputs, False, True, doc)


def fresh(name: str, layer: Layer) -> str:
    while name in layer.symbols:
        name += "_1"
    return name


def renamed(layer: Layer, names: dict[str, str]) -> Layer:
    """The layer with other names for some of its outputs, which nothing else reads."""
    read = {n for t in layer.statements for n in t.reads}
    names = {old: new for old, new in names.items() if old not in read}
    statements = tuple(
        replace(t, symbol=t.symbol.renamed(name=names[t.symbol.name], text=None, latex=None))
        if isinstance(t, Equation) and t.symbol.name in names
        else t
        for t in layer.statements
    )
    return replace(layer, statements=statements, outputs=tuple(names.get(o, o) for o in layer.outputs))


def parts_of(of: Jacobian) -> list[Part]:
    """The arrays that make up a matrix of derivatives."""
    if not of.closed:
        raise LoweringError("its entries have no short closed form.")
    if of.is_zero:
        raise LoweringError("it is 0.")
    common = tuple(p for p in (of.blocks[0].deltas if of.blocks else ()) if all(p in b.deltas for b in of.blocks))
    rows, columns = ([i for i in axes if i not in {j for p in common for j in p}] for axes in (of.rows, of.columns))
    groups: list[Block]
    small = len(rows) <= 1 and len(columns) <= 1
    if len(of.rows) == len(of.columns) == 1 and not of.rows[0].leading:
        groups = [Block((), of.result)]
    elif small or len(of.blocks) <= 1:
        rest = [Block(tuple(d for d in b.deltas if d not in common), b.body) for b in of.blocks]
        groups = [Block(common, joined(rest))]
    else:
        groups = list(of.blocks)
    found = []
    for number, block in enumerate(groups):
        gone = {column for _, column in block.deltas}
        # What is the same for every row with the delta is said once.
        gone |= {row for row, _ in block.deltas if row not in block.body.free}
        axes = tuple(i for i in of.at if i not in gone)
        if sum(i.leading for i in axes) > 1:
            raise LoweringError("it couples different leading axes, which code has no array for.")
        letter = LETTERS[number if len(groups) == 1 else number + 1]
        name = letter if letter not in of.names else fresh(f"{letter}_{of.wrt.name}", of.within)
        found.append(Part(block.deltas, Symbol(name, axes, Role.ADJOINT), block.body))
    return found


def matrix_function(of: Jacobian, single: bool = True) -> Function:
    """L_hessian, or L_jacobian; L_hessian_X where it is not the only one."""
    parts = parts_of(of)
    suffix = "" if single else f"_{of.wrt.name}"
    kind = "hessian" if of.second is not None else "jacobian"
    statements = (*of.within.statements, *(Equation(p.symbol, p.value) for p in parts))
    outputs = tuple(p.symbol for p in parts)
    layer = replace(
        of.within,
        name=f"{of.layer.name}_{kind}{suffix}",
        statements=live(statements, [s.name for s in outputs]),
        outputs=tuple(s.name for s in outputs),
    )
    return alone(layer, outputs, (f"The {kind.capitalize()} {entry_formula(of, parts)}.",))


def entry_formula(of: Jacobian, parts: Sequence[Part]) -> str:
    """d²L/dU[i,a]dU[j,b] = [i = j] H[i,a,b]"""
    rows, columns = (",".join(shown(i) for i in axes) for axes in (of.rows, of.columns))
    wrt = of.wrt.name
    left = f"d{of.of.name}[{rows}]/d{wrt}[{columns}]"
    if of.second is not None:
        left = f"d²L/d{wrt}[{rows}]d{wrt}[{columns}]"
    terms = []
    for part in parts:
        deltas = [f"[{shown(row)} = {shown(column)}]" for row, column in part.deltas]
        at = ",".join(shown(i) for i in part.symbol.axes)
        terms.append(" ".join([*deltas, f"{part.symbol.name}[{at}]" if at else part.symbol.name]))
    return f"{left.replace('[]', '')} = {' + '.join(terms)}"


def shown(index) -> str:
    """... for the leading axes, ...' for those of the other entry."""
    return "..." + "'" * (index.name != "...") if index.leading else index.name
