"""Mutants of Python functions: the same source with one sign, operator, transpose, comparison or constant changed.

A rule takes a syntax node and yields what it can be replaced by. A mutant is named by its function and by its line
before and after, so that it is found again wherever the line stands.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from types import CodeType


@dataclass(frozen=True, order=True)
class Mutant:
    """A function with one line changed; `code` defines it, to be run where the other functions are."""

    function: str
    before: str
    after: str
    code: CodeType = field(compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.function}: {self.before}  →  {self.after}"

    def changes(self, function: str, part: str, changed: str) -> bool:
        """Is it this change to that part of a line, wherever that stands?"""
        places = [match.start() for match in re.finditer(re.escape(part), self.before)]
        swapped = (self.before[:n] + changed + self.before[n + len(part) :] for n in places)
        return function == self.function and self.after in swapped


def mutants(source: str, names: Collection[str], skipped: Collection[str] = ()) -> Iterator[Mutant]:
    """Every mutant of the functions of these names, but of calls of what is skipped, and of what only raises."""
    for function in functions(ast.parse(source)):
        if function.name not in names:
            continue
        seen = set()
        for statement in statements(function):
            before = line(statement)
            for _ in changes(statement, skipped):
                after = line(statement)
                if after != before and (before, after) not in seen:
                    seen.add((before, after))
                    yield Mutant(function.name, before, after, compiled(function))


def functions(module: ast.Module) -> Iterator[ast.FunctionDef]:
    """The functions of a module, without their annotations."""
    for node in module.body:
        if isinstance(node, ast.FunctionDef):
            node.returns = None
            for argument in (n for n in ast.walk(node.args) if isinstance(n, ast.arg)):
                argument.annotation = None
            yield node


def statements(function: ast.FunctionDef) -> Iterator[ast.stmt]:
    """The function itself, for its defaults, and all below it; not its docstring."""
    return (n for n in ast.walk(function) if isinstance(n, ast.stmt) and not is_text(n) and not is_check(n))


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def is_check(node: ast.AST) -> bool:
    """Does it only raise, or is it what is raised?"""
    return isinstance(node, ast.Raise) or (isinstance(node, ast.If) and isinstance(node.body[0], ast.Raise))


def line(statement: ast.stmt) -> str:
    """The statement without the statements below it, in one line."""
    bare = copy.copy(statement)
    for name in ("body", "orelse"):
        if hasattr(bare, name):
            setattr(bare, name, [])
    return " ".join(ast.unparse(bare).split())


def compiled(function: ast.FunctionDef) -> CodeType:
    module = ast.Module([function], [])
    return compile(ast.fix_missing_locations(module), f"<mutant of {function.name}>", "exec")


# walking


def changes(statement: ast.stmt, skipped: Collection[str]) -> Iterator[None]:
    """Make each change in turn, undoing the one before."""
    sizes = reshaped(statement)
    for parent, name, place, node in children(statement, skipped):
        if id(node) in sizes and is_negative(parent):
            continue
        for rule in RULES:
            if rule is added_sign and (id(node) in sizes or is_empty(node) or calls(parent, *MEASURES, *TYPES)):
                continue
            if rule in (added_sign, transpose) and (isinstance(parent, ast.Expr) or calls(parent, *TYPES)):
                continue
            for new in rule(node, parent, name):
                put(parent, name, place, new)
                yield
                put(parent, name, place, node)


def children(node: ast.AST, skipped: Collection[str]) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """All nodes of one statement but of its annotation, each with where it hangs."""
    for name, value in ast.iter_fields(node):
        if name == "annotation":
            continue
        for place, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.AST) and not (isinstance(child, ast.stmt) or is_door(child, skipped)):
                yield node, name, place, child
                yield from children(child, skipped)


def is_door(node: ast.AST, skipped: Collection[str]) -> bool:
    """Does it only check? Calls of what is skipped do, and the `strict=True` of a zip."""
    if isinstance(node, ast.keyword):
        return node.arg == "strict"
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in skipped


def reshaped(statement: ast.stmt) -> set[int]:
    """All that stands in the sizes of a reshape; there, any negative number is the size that is left over."""
    calls = (n for n in ast.walk(statement) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute))
    sizes = (size for call in calls if call.func.attr == "reshape" for size in call.args)
    return {id(node) for size in sizes for node in ast.walk(size)}


def is_empty(node: ast.AST) -> bool:
    """Is it an array that holds nothing yet? A sign there changes no value that is written to it afterwards."""
    return calls(node, "np.empty", "np.empty_like")


def calls(node: ast.AST, *functions: str) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in functions


def put(parent: ast.AST, name: str, place: int | None, node: ast.AST) -> None:
    if place is None:
        setattr(parent, name, node)
    else:
        getattr(parent, name)[place] = node


# rules

Rule = Callable[[ast.AST, ast.AST, str], Iterator[ast.AST]]

OPERATORS: dict[type, tuple[type, ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div, ast.Add),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,),
    ast.MatMult: (ast.Mult,),
    ast.Pow: (ast.Mult,),
}
COMPARISONS: dict[type, tuple[type, ...]] = {
    ast.Gt: (ast.Lt, ast.GtE),
    ast.GtE: (ast.LtE, ast.Gt),
    ast.Lt: (ast.Gt, ast.LtE),
    ast.LtE: (ast.GtE, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
}
COMMUTATIVE = (ast.Add, ast.Mult)
OPPOSITES = {"max": "min", "maximum": "minimum", "sin": "cos", "sinh": "cosh", "add": "subtract", "multiply": "divide"}
OPPOSITES |= {there: here for here, there in OPPOSITES.items()}
# Operators as functions, of which the order of the operands matters.
ORDERED = ("np.subtract", "np.divide", "np.matmul")
TRANSPOSES = ("T", "mT")
MODULES = ("np", "math")
# What is asked for a shape, which an array has in common with minus the array, or for a type. That no sign is put
# there, nor before what is still empty or nobody takes, leaves out 63 of 22,544 mutants of the generated code, and 107
# of 11,166 of the handwritten.
MEASURES = ("len", "np.empty_like")
TYPES = ("np.result_type",)


def operator(node: ast.AST, parent: ast.AST, name: str) -> Iterator[ast.AST]:
    """+ ↔ -, * ↔ /, …, also where they assign"""
    yield from (new() for new in OPERATORS.get(type(node), ()))


def comparison(node: ast.AST, parent: ast.AST, name: str) -> Iterator[ast.AST]:
    """> ↔ <, > ↔ >=, == ↔ !="""
    yield from (new() for new in COMPARISONS.get(type(node), ()))


def operands(node: ast.AST, parent: ast.AST, name: str) -> Iterator[ast.AST]:
    """a @ b → b @ a, a @ b → a, a @ b → b, np.matmul(a, b) → np.matmul(b, a)"""
    if calls(node, *ORDERED):
        left, right, *rest = node.args
        yield ast.Call(node.func, [right, left, *rest], node.keywords)
    if isinstance(node, ast.BinOp):
        if not isinstance(node.op, COMMUTATIVE):
            yield ast.BinOp(node.right, node.op, node.left)
        yield node.left
        yield node.right


def lost_sign(node: ast.AST, parent: ast.AST, name: str) -> Iterator[ast.AST]:
    """-a → a"""
    if is_negative(node):
        yield node.operand


def added_sign(node: ast.AST, parent: ast.AST, name: str) -> Iterator[ast.AST]:
    """a → -a"""
    if is_value(node, parent, name) and not is_negative(parent):
        yield ast.UnaryOp(ast.USub(), node)


def transpose(node: ast.AST, parent: ast.AST, name: str) -> Iterator[ast.AST]:
    """a.T → a, a.swapaxes(…) → a, a → a.mT"""
    if isinstance(node, ast.Attribute) and node.attr in TRANSPOSES:
        yield node.value
    elif is_value(node, parent, name):
        yield ast.Attribute(node, "mT", ast.Load())


def constant(node: ast.AST, parent: ast.AST, name: str) -> Iterator[ast.AST]:
    """c → c + 1, c → c - 1, True ↔ False"""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield ast.Constant(not node.value)
        elif isinstance(node.value, (int, float)):
            yield ast.Constant(node.value + 1)
            yield number(node.value - 1)


def new_axis(node: ast.AST, parent: ast.AST, name: str) -> Iterator[ast.AST]:
    """a[:, None] → a[None, :], a[:, None] → a"""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
        yield ast.Subscript(node.value, ast.Tuple(node.slice.elts[::-1], ast.Load()), node.ctx)
        if any(isinstance(entry, ast.Constant) and entry.value is None for entry in node.slice.elts):
            yield node.value


def lost_call(node: ast.AST, parent: ast.AST, name: str) -> Iterator[ast.AST]:
    """exp(a) → a, a.sum(…) → a"""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if not is_module(node.func.value):
            yield node.func.value
        elif len(node.args) == 1 and not isinstance(node.args[0], ast.Starred):
            yield node.args[0]


def other_function(node: ast.AST, parent: ast.AST, name: str) -> Iterator[ast.AST]:
    """max ↔ min, sin ↔ cos, np.add ↔ np.subtract"""
    if isinstance(node, ast.Attribute) and node.attr in OPPOSITES:
        yield ast.Attribute(node.value, OPPOSITES[node.attr], node.ctx)


def branches(node: ast.AST, parent: ast.AST, name: str) -> Iterator[ast.AST]:
    """where(c, a, b) → where(c, b, a)"""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "np.where":
        condition, *rest = node.args
        yield ast.Call(node.func, [condition, *rest[::-1]], node.keywords)


def subscripts(node: ast.AST, parent: ast.AST, name: str) -> Iterator[ast.AST]:
    """'ij,j->i' → 'ii,j->i', 'ij,z->i', …"""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and "->" in node.value:
        text = node.value
        letters = [*sorted({c for c in text if c.isalpha()}), "z"]
        for place, letter in enumerate(text):
            if letter.isalpha():
                yield from (ast.Constant(text[:place] + new + text[place + 1 :]) for new in letters if new != letter)


RULES: tuple[Rule, ...] = (
    operator,
    comparison,
    operands,
    lost_sign,
    added_sign,
    transpose,
    constant,
    new_axis,
    lost_call,
    other_function,
    branches,
    subscripts,
)


def is_value(node: ast.AST, parent: ast.AST, name: str) -> bool:
    """Does the node stand where a number or an array is computed with, not where a part of it is named?"""
    if not isinstance(node, (ast.Name, ast.Call, ast.BinOp, ast.Attribute, ast.Subscript)) or is_module(node):
        return False
    if isinstance(parent, (ast.Attribute, ast.Starred, ast.keyword)) or name == "func":
        return False
    if isinstance(parent, (ast.arg, ast.arguments, ast.FunctionDef)):
        return False
    if isinstance(parent, ast.Subscript):
        return name == "slice"
    return isinstance(getattr(node, "ctx", None), (ast.Load, type(None)))


def is_negative(node: ast.AST) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)


def is_module(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in MODULES


def number(value: int | float) -> ast.expr:
    """A constant; a negative one as the parser would give it."""
    return ast.UnaryOp(ast.USub(), ast.Constant(-value)) if value < 0 else ast.Constant(value)
