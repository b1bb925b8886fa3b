"""Declarations: what is true of an argument beyond its shape, in an equation at the head of a definition.

given(Eq(Sum(T[b, c], c), 1))       the rows of T sum to 1
given(Eq(A[i, j], A[j, i]))         A is symmetric
given(padding < window)             what must hold of sizes and options
"""

from __future__ import annotations

import sympy
from sympy.logic.boolalg import BooleanFalse
from sympy.printing.str import StrPrinter

from derive.core.atoms import Read
from derive.core.axes import Index
from derive.core.facts import Fact, SumFact, Symmetry
from derive.core.layer import Role, Symbol
from derive.core.names import shortened
from derive.core.terms import Expr
from derive.core.traverse import atoms
from derive.errors import DefinitionError
from derive.language.requirements import is_requirement, require
from derive.language.scalars import Converter
from derive.language.scope import Scope, current_scope

FORMS = "Declare a sum, as Eq(Sum(T[b, c], c), 1), or a symmetry, as Eq(A[i, j], A[j, i])."


def given(equation) -> None:
    """Declare what is true of an argument, for gradients to be simplified by; nothing checks that it is.

    `equation` is an Eq of SymPy: a sum of entries over some axes is a number, `given(Eq(Sum(T[b, c], c), 1))`, or
    a matrix is symmetric, `given(Eq(A[i, j], A[j, i]))`. A condition on sizes and integer options, `given(p < k)`, is
    checked by the generated code, and in a layer that calls this one. It stands before the first equation of the layer.
    A layer that calls this one has the use of a fact where it declares the same of the tensor that it gives.
    """
    scope = current_scope("given(…)")
    if scope.statements:
        raise DefinitionError(f"{scope.name}: given(…) stands below an equation. Put it first.")
    if is_requirement(scope, equation):
        require(scope, equation)
        return
    if equation is sympy.true:
        raise DefinitionError(f"{scope.name}: given(…) says what is true of every tensor. Leave it out.")
    if isinstance(equation, (bool, BooleanFalse)):
        raise DefinitionError(
            f"{scope.name}: given({equation}) says nothing of a tensor: in Python a == b is True or False at once. "
            "Write Eq(a, b) of SymPy."
        )
    if not isinstance(equation, sympy.Equality):
        shown = written(equation) if isinstance(equation, sympy.Expr) else shortened(equation)
        raise DefinitionError(f"{scope.name}: given({shown}) is not an equation. {FORMS}")
    sides = [written(side) for side in equation.args]
    where = f"{scope.name}: given({' = '.join(sides)})"
    left, right = (Converter(scope.symbols, where, scope.meet).convert(side) for side in equation.args)
    if not tensors(left):
        left, right, sides = right, left, sides[::-1]
    record(scope, fact(scope, where, left, right, " = ".join(sides)), where)


def fact(scope: Scope, where: str, left: Expr, right: Expr, text: str) -> Fact:
    """The declared fact that an equation is."""
    entry = entry_of(left)
    if entry is None:
        raise DefinitionError(f"{where}: the left side is more than the entries of one tensor. {FORMS}")
    symbol = scope.symbols[entry.tensor]
    if symbol.role not in (Role.INPUT, Role.PARAMETER) or symbol.into is not None:
        raise DefinitionError(
            f"{where}: {symbol.name} is {'an integer tensor' if symbol.into else 'not an argument'}. "
            "Declare what is true of an argument; what is true of other tensors follows from their equations."
        )
    at = plain_indices(entry)
    if at is None:
        raise DefinitionError(f"{where}: {symbol.name} is read at other than its own axes. {FORMS}")
    term = left.only
    assert term is not None
    if term.bound:
        return sum_fact(where, symbol, tuple(n for n, i in enumerate(at) if i in term.bound), left, right, text)
    return symmetry(where, symbol, at, right, text)


def sum_fact(where: str, symbol: Symbol, over: tuple[int, ...], left: Expr, right: Expr, text: str) -> SumFact:
    if tensors(right):
        raise DefinitionError(f"{where}: the sum is given by another tensor. Give it as a number.")
    if right.free:
        index = min(right.free, key=lambda i: i.name)
        raise DefinitionError(f"{where}: the sum depends on index {index}. Give it as a number.")
    return SumFact(symbol.name, over, right, text)


def symmetry(where: str, symbol: Symbol, at: tuple[Index, ...], right: Expr, text: str) -> Symmetry:
    other = entry_of(right)
    there = plain_indices(other) if other is not None and other.tensor == symbol.name else None
    moved = [n for n, (i, j) in enumerate(zip(at, there, strict=True)) if i != j] if there is not None else []
    if there is None or len(moved) != 2 or set(at) != set(there):
        raise DefinitionError(f"{where}: the right side is not {symbol.name} with two indices exchanged. {FORMS}")
    return Symmetry(symbol.name, (moved[0], moved[1]), text)


def record(scope: Scope, declared: Fact, where: str) -> None:
    """Add a fact to those of the layer, which it must neither repeat nor contradict."""
    for known in scope.facts:
        same_sum = isinstance(known, SumFact) and isinstance(declared, SumFact) and known.over == declared.over
        if known == declared or (same_sum and known.tensor == declared.tensor):
            what = "it is declared already" if known == declared else f"it contradicts {known.text}"
            raise DefinitionError(f"{where}: {what}. Leave one of them out.")
    scope.facts.append(declared)


def tensors(value: Expr) -> set[str]:
    """The tensors with axes that an expression reads."""
    return {a.tensor for a in atoms(value) if isinstance(a, Read) and a.at}


def entry_of(value: Expr) -> Read | None:
    """The read of which an expression is an entry, or a sum of entries; None where it is anything else."""
    term = value.only
    if term is None or term.coefficient != 1 or len(term.factors) != 1:
        return None
    factor, exponent = term.factors[0]
    return factor if isinstance(factor, Read) and factor.at and exponent == 1 else None


def plain_indices(read: Read) -> tuple[Index, ...] | None:
    """The indices of a read where they are different and plain."""
    indices = [a.plain for a in read.at]
    plain = tuple(i for i in indices if i is not None)
    return plain if len(set(plain)) == len(indices) else None


class Writer(StrPrinter):
    """Prints sums as a person writes them: Sum(T[b, c], c)."""

    def _print_Sum(self, node: sympy.Sum) -> str:  # noqa: N802 (the name is SymPy's)
        return f"Sum({self._print(node.function)}, {', '.join(str(limit[0]) for limit in node.limits)})"


def written(node: sympy.Expr) -> str:
    """An expression as a person writes it."""
    return Writer().doprint(node)
