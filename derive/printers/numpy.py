"""Spell array statements in NumPy: a table per operation, and precedence that needs few parentheses."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import sympy

from derive.core.axes import Coefficient, Index
from derive.errors import LoweringError
from derive.lowering.elementwise import MINUS_INFINITY
from derive.lowering.layout import group_of, shape_of
from derive.lowering.memory import FUNCTIONS as IN_PLACE
from derive.lowering.program import Assign
from derive.lowering.values import (
    AddAt,
    Cast,
    Contract,
    Copy,
    Correlate,
    Diagonal,
    Expand,
    Extent,
    Fill,
    FirstMaximum,
    Gather,
    Inner,
    Map,
    Name,
    Number,
    Part,
    Permute,
    Positions,
    Reduce,
    Reshape,
    Room,
    Scatter,
    Size,
    Spread,
    SpreadMaximum,
    TapInner,
    TapMax,
    TapProducts,
    TapSum,
    Value,
    Window,
    operands,
)
from derive.printers.numpy_reads import ReadsPrinter, tuple_of
from derive.printers.numpy_sizes import (
    ADD,
    AND,
    ATOM,
    COMPARE,
    MUL,
    POWER,
    UNARY,
    Printed,
    bound_at,
    number_text,
    size_code,
)

# operator: its sign, what it binds as tightly as, and what its operands must bind as tightly as
INFIX = {
    "add": ("+", ADD, ADD, ADD),
    "sub": ("-", ADD, ADD, MUL),
    "mul": ("*", MUL, MUL, UNARY),
    "div": ("/", MUL, MUL, UNARY),
    "pow": ("**", POWER, ATOM, UNARY),
    "and": ("&", AND, AND, ADD),
    **{sign: (sign, COMPARE, AND, AND) for sign in ("==", "!=", ">=", ">", "<=", "<")},
}
# Arrays. Every spelling binds like a name or a call, and its operands stand between parentheses or commas.
FUNCTIONS = {
    "exp": "np.exp({x})",
    "expm1": "np.expm1({x})",
    "log": "np.log({x})",
    "sin": "np.sin({x})",
    "cos": "np.cos({x})",
    "sinh": "np.sinh({x})",
    "cosh": "np.cosh({x})",
    "tanh": "np.tanh({x})",
    "atan": "np.arctan({x})",
    "erf": "_erf({x})",
    "sigmoid": "_sigmoid({x})",
    "softplus": "_softplus({x})",
    "abs": "np.abs({x})",
    "sign": "np.sign({x})",
    "floor": "np.floor({x})",
    "sqrt": "np.sqrt({x})",
    "maximum": "np.maximum({x}, {y})",
    "minimum": "np.minimum({x}, {y})",
    "clip": "np.clip({x}, {y}, {z})",
    "where": "np.where({x}, {y}, {z})",
    "select": "_where({x}, {y}, {z})",
    "not": "np.logical_not({x})",
}
# Python's own numbers, so that no float64 of NumPy's turns float32 arrays into float64.
NUMBER_FUNCTIONS = {
    "exp": "math.exp({x})",
    "expm1": "math.expm1({x})",
    "log": "math.log({x})",
    "sin": "math.sin({x})",
    "cos": "math.cos({x})",
    "sinh": "math.sinh({x})",
    "cosh": "math.cosh({x})",
    "tanh": "math.tanh({x})",
    "atan": "math.atan({x})",
    "erf": "math.erf({x})",
    "sigmoid": "float(_sigmoid({x}))",
    "softplus": "float(_softplus({x}))",
    "abs": "abs({x})",
    "sign": "float(np.sign({x}))",
    "floor": "math.floor({x})",
    "sqrt": "math.sqrt({x})",
    "maximum": "max({x}, {y})",
    "minimum": "min({x}, {y})",
    "clip": "min(max({x}, {y}), {z})",
    "where": "({y} if {x} else {z})",
    "select": "({y} if {x} else {z})",
    "not": "not {x}",
}
# Operators as functions that are told where to write.
INTO = {"add": "np.add", "sub": "np.subtract", "mul": "np.multiply", "div": "np.divide", "neg": "np.negative"}
WITH_OUT = (*IN_PLACE, "maximum", "minimum", "select")
REDUCTIONS = {"sum": "sum", "max": "max"}
CONSTANTS = {"pi": "math.pi", "-inf": "-np.inf", "lowest": "np.finfo({dtype}).min"}


def into_of(value: Value) -> str | None:
    """The function that computes what an operator does, and can be told where to write."""
    if isinstance(value, Contract):
        return "np.matmul"
    return INTO.get(value.op) if isinstance(value, Map) else None


def told_where(value: Value) -> bool:
    """Is it spelled by a function that can be told where to write?"""
    return into_of(value) is not None or isinstance(value, Map) and value.op in WITH_OUT


class NumpyPrinter(ReadsPrinter):
    """Prints values. `names` spells computed sizes; `dtype` is the expression for the type of new arrays."""

    def __init__(self, names: Mapping[sympy.Expr, str], dtype: str):
        self.names = names
        self.dtype = dtype

    def print(self, value: Value) -> str:
        return self.visit(value)[0]

    def assign(self, statement: Assign) -> str:
        """target = value, target += value, np.exp(x, out=x), or np.subtract(x, y, out=y)"""
        target = f"{statement.target}[{', '.join(statement.part)}]" if statement.part else statement.target
        out = target if statement.out == statement.target else statement.out
        if not told_where(statement.value):
            out = None
        if out is not None and (into := into_of(statement.value)):
            return f"{into}({', '.join(map(self.print, operands(statement.value)))}, out={out})"
        text = self.print(statement.value)
        if statement.update is not None:
            places = f"[{', '.join(self.print(p) for p in statement.at)}]" if statement.at else ""
            if statement.update == "set":
                return f"np.copyto({target}, {text}, where={places[1:-1]})"
            return f"{target}{places} {INFIX[statement.update][0]}= {text}"
        if out is not None:
            text = f"{text.removesuffix(')')}, out={out})"
        return text if out == target else f"{target} = {text}"

    def visit(self, value: Value) -> Printed:
        return ROWS[type(value)](self, value)

    def at_least(self, value: Value, level: int) -> str:
        """In parentheses unless it binds at least as tightly as `level`."""
        text, binds = self.visit(value)
        return text if binds >= level else f"({text})"

    # leaves

    def name(self, value: Name) -> Printed:
        return value.name, ATOM

    def number(self, value: Number) -> Printed:
        if isinstance(value.value, str):
            text = CONSTANTS[value.value].format(dtype=self.dtype)
            return text, UNARY if text.startswith("-") else ATOM
        return number_text(Fraction(value.value))

    def extent(self, value: Extent) -> Printed:
        return self.size(value.size)

    def positions(self, value: Positions) -> Printed:
        if value.first != 0:
            stop = sympy.expand(value.first + value.size)
            return f"np.arange({self.size_text(value.first)}, {self.size_text(stop)})", ATOM
        return f"np.arange({self.size_text(value.size)})", ATOM

    def part(self, value: Part) -> Printed:
        return f"{value.name}[{', '.join(value.at)}]", ATOM

    # entry by entry

    def map(self, value: Map) -> Printed:
        if value.op in INFIX:
            sign, binds, left, right = INFIX[value.op]
            a, b = (self.at_least(o, level) for o, level in zip(value.operands, (left, right), strict=True))
            close = value.op == "pow" and re.fullmatch(r"[\w.]+", a) and re.fullmatch(r"-?[\w.]+", b)
            return f"{a}{sign}{b}" if close else f"{a} {sign} {b}", binds
        if value.op == "neg":
            # -2 * x is one pass over x, -(2 * x) would be two.
            number = first_factor(value.operands[0]).is_number
            return f"-{self.at_least(value.operands[0], MUL if number else UNARY)}", MUL if number else UNARY
        return self.call(value), ATOM

    def call(self, value: Map) -> str:
        table = NUMBER_FUNCTIONS if value.is_number else FUNCTIONS
        if value.op not in table:
            raise LoweringError(f"the function {value.op} has no spelling in NumPy. Add a row to the table.")
        texts = dict(zip("xyz", (self.print(o) for o in value.operands), strict=False))
        return table[value.op].format(**texts)

    # along axes

    def reduce(self, value: Reduce, keep: bool = False) -> Printed:
        arguments = [f"axis={self.axes(value)}"] if value.over else []
        arguments += ["keepdims=True"] if keep else []
        # Along rows, NumPy takes two to three times as long where it has nothing to begin with.
        initial = value.initial or (MINUS_INFINITY if value.op == "max" and value.over == (-1,) else None)
        arguments += [f"initial={self.print(initial)}"] if initial else []
        method = REDUCTIONS[value.op]
        text, binds = self.visit(value.operand)
        if binds == ATOM and not text.startswith("np."):
            return f"{text}.{method}({', '.join(arguments)})", ATOM
        return f"np.{method}({', '.join([text, *arguments])})", ATOM

    def axes(self, value: Reduce) -> str:
        """Counted from the front where that is short and there are no leading axes, else from the end."""
        rank = len(value.operand.axes)
        front = group_of(value.operand.axes) is None
        shown = [p + rank if front and (p != -1 or len(value.over) > 1) else p for p in value.over]
        return str(shown[0]) if len(shown) == 1 else f"({', '.join(map(str, shown))})"

    def contract(self, value: Contract) -> Printed:
        return f"{self.at_least(value.left, MUL)} @ {self.at_least(value.right, UNARY)}", MUL

    def inner(self, value: Inner) -> Printed:
        if not value.axes:
            return f"np.vdot({self.print(value.left)}, {self.print(value.right)})", ATOM
        pattern = self.subscripts(value.pattern, value.left.axes, value.right.axes)
        return f'np.einsum("{pattern}", {self.print(value.left)}, {self.print(value.right)})', ATOM

    # layout

    def permute(self, value: Permute) -> Printed:
        rank = len(value.order)
        operand = self.at_least(value.operand, ATOM)
        grouped = group_of(value.axes) is not None
        moved = [n for n in range(-rank, 0) if value.order[n + rank] != n]
        if moved == [-2, -1]:
            return f"{operand}.{'T' if rank == 2 and not grouped else 'mT'}", ATOM
        if not grouped:
            return f"{operand}.transpose({', '.join(str(n + rank) for n in value.order)})", ATOM
        if len(moved) == 2:
            return f"{operand}.swapaxes({moved[0]}, {moved[1]})", ATOM
        places = [value.order[n + rank] for n in moved]
        return f"np.moveaxis({self.print(value.operand)}, {tuple_of(places)}, {tuple_of(moved)})", ATOM

    def expand(self, value: Expand) -> Printed:
        if isinstance(value.operand, Reduce) and self._keeps_axes(value, value.operand):
            return self.reduce(value.operand, keep=True)
        slots = [":" if present else "None" for present in value.present]
        if group_of(value.axes) is not None:
            while slots and slots[0] == ":":
                slots.pop(0)
            slots.insert(0, "...")
        return f"{self.at_least(value.operand, ATOM)}[{', '.join(slots)}]", ATOM

    @staticmethod
    def _keeps_axes(value: Expand, reduced: Reduce) -> bool:
        """Are the new axes those that were reduced?"""
        new = [n - len(value.present) for n, present in enumerate(value.present) if not present]
        named = sum(not i.leading for i in reduced.operand.axes)
        return tuple(new) == reduced.over and len(value.present) == named

    def reshape(self, value: Reshape) -> Printed:
        return f"{self.at_least(value.operand, ATOM)}.reshape({', '.join(self.shape(value.shape))})", ATOM

    def shape(self, shape: Sequence[Size]) -> list[str]:
        special = {"group": "*ell", "rest": "-1"}
        return [special[s] if isinstance(s, str) else self.size_text(s) for s in shape]

    def diagonal(self, value: Diagonal) -> Printed:
        operand = self.at_least(value.operand, ATOM)
        if len(value.operand.axes) == 2 and group_of(value.axes) is None:
            return f"{operand}.diagonal()", ATOM
        return f"{operand}.diagonal(axis1={value.first}, axis2={value.second})", ATOM

    # new arrays

    def cast(self, value: Cast) -> Printed:
        size = _identity(value.operand)
        if size is not None:
            return f"np.eye({self.size_text(size)}, dtype={self.dtype})", ATOM
        return f"{self.at_least(value.operand, ATOM)}.astype({self.dtype})", ATOM

    def fill(self, value: Fill) -> Printed:
        shape = tuple_of(self.shape(value.shape))
        if not value.shape and value.operand.is_number:
            return f"{self.dtype}.type({self.print(value.operand)})", ATOM
        if value.operand == Number(0):
            return f"np.zeros({shape}, {self.dtype})", ATOM
        if value.operand.is_number:
            return f"np.full({shape}, {self.print(value.operand)}, {self.dtype})", ATOM
        return f"np.broadcast_to({self.print(value.operand)}, {shape}){'.copy()' if value.own else ''}", ATOM

    def room(self, value: Room) -> Printed:
        return f"np.empty({tuple_of(self.shape(value.shape))}, {self.dtype})", ATOM

    def copy(self, value: Copy) -> Printed:
        return f"{self.at_least(value.operand, ATOM)}.copy()", ATOM

    # sizes

    def tuple_text(self, axes: Sequence[Index]) -> str:
        """The shape of an array over some axes."""
        return tuple_of(self.shape(shape_of([(i,) for i in axes])))

    def size_text(self, size: Size) -> str:
        return self.size(size)[0]

    def size(self, size: Size) -> Printed:
        """A size as Python: floor(a / b) is a // b."""
        if isinstance(size, tuple):
            return " * ".join(bound_at(self.size(s), UNARY) for s in size), MUL
        if isinstance(size, int):
            return number_text(Fraction(size))
        assert isinstance(size, sympy.Expr)
        return size_code(size, self.names)


def first_factor(value: Value) -> Value:
    """What a product, or a quotient, starts with."""
    while isinstance(value, Map) and value.op in ("mul", "div"):
        value = value.operands[0]
    return value


def _identity(mask: Value) -> Coefficient | None:
    """The size of the identity matrix that a mask [i = j] is; None where it is no such mask."""
    if not isinstance(mask, Map) or mask.op != "==" or len(mask.axes) != 2:
        return None
    columns, rows = mask.operands
    rows = rows.operand if isinstance(rows, Expand) else rows
    square = isinstance(columns, Positions) and isinstance(rows, Positions) and columns.size == rows.size
    return columns.size if square and isinstance(columns, Positions) else None


ROWS: dict[type, Callable[..., Printed]] = {
    Name: NumpyPrinter.name,
    Part: NumpyPrinter.part,
    Number: NumpyPrinter.number,
    Extent: NumpyPrinter.extent,
    Positions: NumpyPrinter.positions,
    Map: NumpyPrinter.map,
    Reduce: NumpyPrinter.reduce,
    TapSum: NumpyPrinter.tap_sum,
    TapInner: NumpyPrinter.tap_inner,
    Correlate: NumpyPrinter.correlate,
    TapProducts: NumpyPrinter.tap_products,
    Spread: NumpyPrinter.spread,
    SpreadMaximum: NumpyPrinter.spread_maximum,
    TapMax: NumpyPrinter.tap_max,
    Contract: NumpyPrinter.contract,
    Inner: NumpyPrinter.inner,
    Permute: NumpyPrinter.permute,
    Expand: NumpyPrinter.expand,
    Reshape: NumpyPrinter.reshape,
    Diagonal: NumpyPrinter.diagonal,
    Window: NumpyPrinter.window,
    Scatter: NumpyPrinter.scatter,
    Gather: NumpyPrinter.gather,
    FirstMaximum: NumpyPrinter.first_maximum,
    AddAt: NumpyPrinter.add_at,
    Cast: NumpyPrinter.cast,
    Fill: NumpyPrinter.fill,
    Room: NumpyPrinter.room,
    Copy: NumpyPrinter.copy,
}
