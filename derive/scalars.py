"""SymPy in: a scalar expression over `Indexed`, `Sum`, `Piecewise`, `KroneckerDelta` becomes the normal form.

Every operator of section "what an equation may say" has a method here; anything else raises an error that names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import sympy
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFalse, BooleanTrue
from sympy.tensor.indexed import Idx

from derive.axes import Affine, Index, plain_number
from derive.errors import DefinitionError
from derive.layer import Role, Symbol
from derive.primitives import PRIMITIVES
from derive.terms import ONE, ZERO, Bracket, Expr, Maximum, Test, add, apply, atom, expr, multiply, power, read, total

MAX_EXPONENT = 64
MAX_DEPTH = 100

FUNCTIONS = {name: name for name in PRIMITIVES} | {"Abs": "abs"}


class MaxOver(sympy.Function):
    """The largest value of an expression over axes: MaxOver(f, j). Written `Max(f, j)` by `derive.define`."""

    nargs = None


class Converter:
    """Converts the right-hand side of one equation. `where` is the equation's left-hand side, for messages."""

    def __init__(self, symbols: Mapping[str, Symbol], where: str, later: Mapping[str, str] | None = None):
        self.symbols = symbols
        self.where = where
        self.later = later or {}
        self.sums: list[Index] = []
        self.depth = 0

    def fail(self, what: str, remedy: str) -> DefinitionError:
        return DefinitionError(f"{self.where}: {what} {remedy}")

    def convert(self, node) -> Expr:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail(f"the expression is nested more than {MAX_DEPTH} deep.", "Name parts of it with define().")
        try:
            return self._convert(node)
        except ZeroDivisionError:
            raise self.fail(f"{node} divides by zero.", "Check the expression.") from None
        finally:
            self.depth -= 1

    def _convert(self, node) -> Expr:
        for kind in type(node).__mro__:
            method = getattr(self, f"on_{kind.__name__}", None)
            if method is not None:
                return method(node)
        name = type(node).__name__
        if name in FUNCTIONS:
            return apply(FUNCTIONS[name], self.convert(node.args[0]))
        if isinstance(node, sympy.Function) or callable(getattr(node, "func", None)) and getattr(node, "args", ()):
            known = ", ".join(sorted(PRIMITIVES))
            raise self.fail(f"{name} is not in the table of primitives.", f"Use one of {known}, or write it with them.")
        raise self.fail(f"{node!r} ({name}) cannot stand in an equation.", "Use tensors, axes, sizes and numbers.")

    # numbers and names

    def on_Rational(self, node) -> Expr:
        return expr(Fraction(int(node.p), int(node.q)))

    def on_Float(self, node) -> Expr:
        if not node.is_finite:
            raise self.fail(f"{node} is not a finite number.", "Use a finite one.")
        return expr(Fraction(repr(float(node))))

    def on_Infinity(self, node) -> Expr:
        raise self.fail(f"{node} is not a finite number.", "For a mask, multiply by an Iverson bracket.")

    on_NegativeInfinity = on_ComplexInfinity = on_NaN = on_ImaginaryUnit = on_Infinity

    def on_NumberSymbol(self, node) -> Expr:
        return read(str(node).lower())

    def on_Exp1(self, node) -> Expr:
        return apply("exp", ONE)

    def on_Idx(self, node) -> Expr:
        raise self.fail(
            f"index {node} stands as a number.", "An index may stand in brackets [ ] and in conditions only."
        )

    def on_Symbol(self, node) -> Expr:
        name = str(node)
        if name in self.later:
            raise self.fail(f"{name} is read here but defined later, by {self.later[name]}.", "Move its definition up.")
        symbol = self.symbols.get(name)
        if symbol is None:
            raise self.fail(f"{name} is not defined.", "Declare it as an argument, an option or the size of an axis.")
        return read(name)

    def on_Indexed(self, node) -> Expr:
        name = str(node.base.label)
        if name in self.later:
            raise self.fail(f"{name} is read here but defined later, by {self.later[name]}.", "Move its definition up.")
        symbol = self.symbols.get(name)
        if symbol is None:
            raise self.fail(f"tensor {name} is not defined.", "Declare it as an argument or define() it first.")
        indices = tuple(self.affine(i, node) for i in node.indices)
        if len(indices) != len(symbol.axes):
            axes = ", ".join(i.name for i in symbol.axes)
            raise self.fail(
                f"{name} has {len(symbol.axes)} axes, {name}[{axes}], but is read as {node} with {len(indices)}.",
                "Give one index for each axis.",
            )
        for index, axis in zip(indices, symbol.axes, strict=True):
            plain = index.plain
            if plain is not None and sympy.expand(plain.size - axis.size) != 0:
                raise self.fail(
                    f"in {node}, index {plain} runs over 0..{plain.size}-1, but axis {axis} of {name} has size "
                    f"{axis.size}: one index with two sizes.",
                    "Use an axis of that size.",
                )
            if axis.leading != (plain is not None and plain.leading):
                raise self.fail(f"in {node}, '...' must stand where {name} has '...'.", "Read it at '...' too.")
        return read(name, *indices)

    def index(self, node) -> Index:
        return Index(str(node.label) if isinstance(node.label, sympy.Symbol) else str(node), node.upper - node.lower + 1)

    def affine(self, node, read_at) -> Affine:
        found = sorted(node.atoms(Idx), key=str)
        polynomial = sympy.expand(node)
        terms, rest = [], polynomial
        for idx in found:
            coefficient = polynomial.coeff(idx, 1)
            rest -= coefficient * idx
            terms.append((idx, coefficient))
        rest = sympy.expand(rest)
        bad = rest.atoms(Idx) | {a for _, c in terms for a in c.atoms(Idx)}
        for part in [rest, *(c for _, c in terms)]:
            if bad or part.atoms(sympy.Indexed) or part.is_integer is False or part.atoms(sympy.Float):
                raise self.fail(
                    f"in {read_at}, the index {node} is not affine.",
                    "An index is a sum of axes times integers, sizes or options, and a constant.",
                )
            for symbol in part.free_symbols:
                if str(symbol) not in self.symbols:
                    raise self.fail(f"in {read_at}, {symbol} is not defined.", "Declare it as an option or a size.")
        return Affine.build(((self.index(i), plain_number(c)) for i, c in terms), plain_number(rest))

    # arithmetic

    def on_Add(self, node) -> Expr:
        return add(*(self.convert(a) for a in node.args))

    def on_Mul(self, node) -> Expr:
        return multiply(*(self.convert(a) for a in node.args))

    def on_Pow(self, node) -> Expr:
        base, exponent = node.args
        if base is sympy.E:
            return apply("exp", self.convert(exponent))
        if not exponent.is_Rational and not exponent.is_Float:
            raise self.fail(f"in {node}, the exponent {exponent} is not a number.", "Write exp(y*log(x)) for x**y.")
        number = Fraction(repr(float(exponent))) if exponent.is_Float else Fraction(int(exponent.p), int(exponent.q))
        if abs(number) > MAX_EXPONENT or number.denominator > MAX_EXPONENT:
            raise self.fail(f"the exponent {exponent} is beyond ±{MAX_EXPONENT}.", "Use a smaller one.")
        return power(self.convert(base), number)

    def on_exp(self, node) -> Expr:
        return apply("exp", self.convert(node.args[0]))

    def on_Max(self, node) -> Expr:
        numbers = [a for a in node.args if a.is_number]
        first, *others = numbers + [a for a in node.args if not a.is_number]
        result = self.convert(first)
        for other in others:
            value = self.convert(other)
            result = self._larger(value, result)
        return result

    @staticmethod
    def _larger(a: Expr, b: Expr) -> Expr:
        """max(a, b) = [a > b] a + [b >= a] b"""
        return add(multiply(atom(Test(">", a - b)), a), multiply(atom(Test(">=", b - a)), b))

    def on_Min(self, node) -> Expr:
        return -self.on_Max(sympy.Max(*(-a for a in node.args), evaluate=False))

    def on_sign(self, node) -> Expr:
        value = self.convert(node.args[0])
        return atom(Test(">", value)) - atom(Test(">", -value))

    # sums and reductions over axes

    def bind(self, node, limits) -> list[Index]:
        over = []
        for limit in limits:
            idx = limit[0]
            if not isinstance(idx, Idx):
                raise self.fail(f"in {node}, the sum runs over {idx}, which is not an axis.", "Declare it with axes().")
            index = self.index(idx)
            if len(limit) == 3 and (limit[1] != 0 or sympy.expand(limit[2] + 1 - index.size) != 0):
                raise self.fail(
                    f"the sum over {index} runs from {limit[1]} to {limit[2]}, not over the whole axis.",
                    "Sum over the axis and multiply by an Iverson bracket.",
                )
            if index in over or index in self.sums:
                raise self.fail(
                    f"index {index} is summed twice, by a Sum(…, {index}) inside a Sum(…, {index}).",
                    "Give the inner sum its own index.",
                )
            over.append(index)
        return over

    def on_Sum(self, node) -> Expr:
        over = self.bind(node, node.limits)
        self.sums.extend(over)
        body = self.convert(node.function)
        del self.sums[-len(over) :]
        return total(body, over)

    def on_MaxOver(self, node) -> Expr:
        over = self.bind(node, [(i,) for i in node.args[1:]])
        self.sums.extend(over)
        body = self.convert(node.args[0])
        del self.sums[-len(over) :]
        return atom(Maximum(body, tuple(over)))

    # conditions

    def on_KroneckerDelta(self, node) -> Expr:
        return self.condition(sympy.Eq(node.args[0], node.args[1], evaluate=False))

    def on_Piecewise(self, node) -> Expr:
        result, otherwise = ZERO, ONE
        for value, condition in node.args:
            holds = self.condition(condition)
            result = add(result, multiply(otherwise, holds, self.convert(value)))
            otherwise = multiply(otherwise, self.condition(sympy.Not(condition)))
        return result

    def condition(self, node) -> Expr:
        """A condition as a product (and), a sum (or) of Iverson brackets."""
        if isinstance(node, BooleanTrue) or node is True:
            return ONE
        if isinstance(node, BooleanFalse) or node is False:
            return ZERO
        if isinstance(node, sympy.And):
            return multiply(*(self.condition(a) for a in node.args))
        if isinstance(node, sympy.Or):
            return 1 - multiply(*(self.condition(sympy.Not(a)) for a in node.args))
        if isinstance(node, sympy.Not):
            if isinstance(node.args[0], Relational):
                return self.condition(node.args[0].negated)
            return 1 - self.condition(node.args[0])
        if not isinstance(node, Relational):
            raise self.fail(f"{node} is not a condition.", "Compare two indices or two values.")
        left, right, relation = node.lhs, node.rhs, node.rel_op
        if relation in ("<", "<="):
            left, right, relation = right, left, {"<": ">", "<=": ">="}[relation]
        difference = left - right
        if not difference.atoms(sympy.Indexed, sympy.Sum, sympy.Float, sympy.Function):
            affine = self.affine(difference, node)
            if relation == ">":
                affine, relation = affine - Affine((), 1), ">="
            return atom(Bracket(relation, affine))
        value = self.convert(left) - self.convert(right)
        return atom(Test(relation, value))


def symbol_of_size(size: sympy.Symbol) -> Symbol:
    return Symbol(str(size), role=Role.SIZE)
