"""What SymPy lacks for writing equations: conditions that stay where they stand, maxima over axes, two activations."""

from __future__ import annotations

import sympy
from sympy.logic.boolalg import Boolean
from sympy.tensor.indexed import Idx

from derive.core.names import shortened
from derive.errors import DefinitionError


class RealFunction(sympy.Function):
    """A function that is real, so that SymPy needs no real parts of it."""

    def _eval_is_extended_real(self) -> bool:
        return True


class sigmoid(RealFunction):  # noqa: N801 (functions are lower case in SymPy)
    """The logistic function 1 / (1 + exp(-x))."""

    nargs = 1


class softplus(RealFunction):  # noqa: N801
    """log(1 + exp(x))."""

    nargs = 1


class Where(RealFunction):
    """`Where(condition, value, otherwise)`. A Piecewise would be moved out of sums by SymPy, past their indices."""

    nargs = 3

    @classmethod
    def eval(cls, condition, value, otherwise):
        """What SymPy asks a function for when it is applied: its value, where that is known. It evaluates no text."""
        if condition in (sympy.true, sympy.false):
            return value if condition == sympy.true else otherwise
        return value if value == otherwise else None


class PositionOf(RealFunction):
    """A sum of indices as a number. Written `position(j - i)` in a definition."""

    nargs = 1


class MaxOver(RealFunction):
    """The largest value of an expression over axes: MaxOver(f, j). Written `Max(f, j)` in a definition."""

    nargs = None


class ArgmaxIs(RealFunction):
    """1 where places are the first at which an expression is largest over axes, else 0: ArgmaxIs(f, (j,), (place,))."""

    nargs = 3


def entry(value, what: str) -> sympy.Expr:
    """A number, a scalar tensor or an expression as SymPy has it; nothing that SymPy would have to parse."""
    own = getattr(value, "_sympy_", None)
    if own is not None:
        value = own()
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = sympy.Integer(value) if isinstance(value, int) else sympy.Float(value)
    if isinstance(value, sympy.Expr):
        return value
    if isinstance(value, Boolean) and not isinstance(value, bool):
        raise DefinitionError(
            f"{what}: the condition {shortened(value)} stands as a number. Write iverson(…) or where(…) around it."
        )
    raise DefinitionError(
        f"{what}: {shortened(value)} is not an expression. Write it with entries of tensors and numbers."
    )


def where(condition, value, otherwise=0) -> sympy.Expr:
    """`value` where the condition on indices or data holds, else `otherwise`."""
    if not isinstance(condition, Boolean):
        hint = (
            "In Python i == j is True or False at once. Write Eq(i, j) or Ne(i, j) of SymPy"
            if isinstance(condition, bool)
            else "Compare two indices or two values, as in j <= i"
        )
        raise DefinitionError(f"where: {shortened(condition)} is not a condition. {hint}.")
    return Where(condition, entry(value, "where"), entry(otherwise, "where"))


def position(index) -> sympy.Expr:
    """An index, or a sum of indices times integers, as a number: position(t), position(j - i)."""
    return PositionOf(entry(index, "position"))


def iverson(condition) -> sympy.Expr:
    """The Iverson bracket: 1 where the condition holds, else 0."""
    return where(condition, 1)


def Max(value, *others):  # noqa: N802 (the name of SymPy's, which it extends to axes)
    """Max(a, b, …), or Max(f, j, …) over axes."""
    first = entry(value, "Max")
    if others and all(isinstance(o, Idx) for o in others):
        return MaxOver(first, *others)
    return sympy.Max(first, *(entry(o, "Max") for o in others))
