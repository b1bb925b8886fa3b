"""SymPy in: a scalar expression over `Indexed`, `Sum`, conditions and functions becomes the normal form.

Every operator of section "what an equation may say" has a method here; anything else raises an error that names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction

import sympy
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.logic.boolalg import Boolean, BooleanFalse, BooleanFunction, BooleanTrue
from sympy.tensor.indexed import Idx

from derive.axes import LEADING, Affine, Coefficient, Index, plain_number, symbolic
from derive.errors import DefinitionError
from derive.functions import MaxOver
from derive.layer import Role, Symbol
from derive.names import shortened
from derive.primitives import PRIMITIVES
from derive.sizes import size_value
from derive.terms import ONE, ZERO, Bracket, Expr, Maximum, Test, add, apply, atom, expr, multiply, power, read, total

MAX_EXPONENT = 64
MAX_DENOMINATOR = 1000
MAX_DEPTH = 100
# Numbers have to fit into a float, and so do their squares; indices into an array.
MAX_NUMBER = 10**120
MAX_OFFSET = 2**31 - 1

FUNCTIONS = {name: name for name in PRIMITIVES} | {"Abs": "abs"}
# SymPy's words for a real number's own parts.
OF_A_REAL = ("re", "conjugate")

__all__ = ["Converter", "MaxOver", "UndefinedTensor"]


class UndefinedTensor(DefinitionError):
    """A read of a tensor that is not defined so far. It may be defined later, which another message says better."""

    def __init__(self, where: str, tensor: str):
        super().__init__(
            f"{where}: tensor {tensor} is not defined. Declare it as an argument, or define() it above this equation."
        )
        self.where = where
        self.tensor = tensor

    @property
    def owner(self) -> str:
        """The tensor whose equation reads it."""
        return self.where.rpartition(": ")[2].partition("[")[0]


class Converter:
    """Converts the right-hand side of one equation. `where` is the equation's left-hand side, for messages.

    `meet` is told every index that the expression uses, and objects if it has another size elsewhere.
    """

    def __init__(self, symbols: Mapping[str, Symbol], where: str, meet: Callable[[Index, str], None]):
        self.symbols = symbols
        self.where = where
        self.meet = meet
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
            raise self.fail(f"{shown(node)} divides by zero.", "Correct the denominator.") from None
        except RecursionError:
            raise self.fail("the expression is nested too deep for SymPy.", "Name parts of it with define().") from None
        finally:
            self.depth -= 1

    def _convert(self, node) -> Expr:
        name = type(node).__name__
        if not isinstance(node, AppliedUndef):
            for kind in type(node).__mro__:
                method = getattr(self, f"on_{kind.__name__}", None)
                if method is not None:
                    return method(node)
            if name in FUNCTIONS:
                return apply(FUNCTIONS[name], self.convert(node.args[0]))
            if name in OF_A_REAL:
                return self.convert(node.args[0])
        if isinstance(node, sympy.Function):
            known = ", ".join(sorted(PRIMITIVES))
            raise self.fail(f"{name} is not in the table of primitives.", f"Use one of {known}, or write it with them.")
        if isinstance(node, Boolean):
            raise self.fail(f"the condition {shown(node)} stands as a number.", "Write iverson(…) or where(…) around it.")
        raise self.fail(
            f"{shown(node)} cannot stand in an equation.",
            "An equation is made of entries of tensors, sizes, options, numbers, functions and sums.",
        )

    # numbers and names

    def on_Rational(self, node) -> Expr:
        return self.number(Fraction(int(node.p), int(node.q)), node)

    def on_Float(self, node) -> Expr:
        """The decimal as it is written: 0.1 is 1/10."""
        if not abs(node) < MAX_NUMBER:
            raise self.too_large(node)
        return self.number(Fraction(repr(float(node))), node)

    def number(self, value: Fraction, node) -> Expr:
        if max(abs(value.numerator), value.denominator) > MAX_NUMBER:
            raise self.too_large(node)
        return expr(value)

    def too_large(self, node) -> DefinitionError:
        return self.fail(f"the number {shown(node)} is too large, or too small, for an array.", "Use another scale.")

    def on_Infinity(self, node) -> Expr:
        raise self.fail(
            f"{node} is not a finite number.",
            "To leave entries out of a sum, multiply what is summed by a condition: exp(S[i, j])*iverson(j <= i).",
        )

    on_NegativeInfinity = on_Infinity

    def on_ComplexInfinity(self, node) -> Expr:
        raise self.fail("something is divided by zero.", "Correct the denominator.")

    def on_NaN(self, node) -> Expr:
        raise self.fail("a part of the expression is not a number (nan).", "Correct it.")

    def on_ImaginaryUnit(self, node) -> Expr:
        raise self.fail(
            "the imaginary unit I stands in it.", "Layers are real. Look for a complex number or a root of a negative one."
        )

    def on_Pi(self, node) -> Expr:
        return read("pi")

    def on_NumberSymbol(self, node) -> Expr:
        raise self.fail(f"the constant {node} is not known.", f"Write its value, {float(node):.6g}….")

    def on_Exp1(self, node) -> Expr:
        return apply("exp", ONE)

    def on_Idx(self, node) -> Expr:
        raise self.fail(
            f"index {node} stands as a number.", "An index may stand in brackets [ ] and in conditions only."
        )

    def on_Symbol(self, node) -> Expr:
        name = str(node)
        symbol = self.symbols.get(name)
        if symbol is None:
            raise self.fail(f"{name} is not defined.", "Declare it as an argument, an option or the size of an axis.")
        if symbol.axes:
            raise self.fail(f"{name} stands without indices.", f"Read its entries: {symbol.read_as}.")
        return read(name)

    def on_floor(self, node) -> Expr:
        """floor of sizes and options, as in the size of a convolution's output."""
        for name in map(str, node.free_symbols):
            if node.atoms(sympy.Indexed, Idx, sympy.Float) or not self.integral(name):
                raise self.fail(f"{shown(node)} is a floor of data.", "A floor may be taken of sizes and integer options.")
        return size_value(node)

    def integral(self, name: str) -> bool:
        """Is this the name of a size or of an integer option?"""
        symbol = self.symbols.get(name)
        return symbol is not None and (
            symbol.role is Role.SIZE or symbol.role is Role.OPTION and symbol.least is not None
        )

    def on_Indexed(self, node) -> Expr:
        name = str(node.base.label)
        symbol = self.symbols.get(name)
        if symbol is None:
            raise UndefinedTensor(self.where, name)
        indices = tuple(self.affine(i, f"in {node}, the index {i}") for i in node.indices)
        if len(indices) != len(symbol.axes):
            raise self.fail(
                f"{name} has {len(symbol.axes)} axes, {symbol.read_as}, but is read as {node} with {len(indices)}.",
                "Give one index for each axis.",
            )
        for index, axis in zip(indices, symbol.axes, strict=True):
            self.check_place(node, symbol, index, axis)
        return read(name, *indices)

    def check_place(self, node, symbol: Symbol, index: Affine, axis: Index) -> None:
        """May `index` stand where the tensor has `axis`?"""
        plain = index.plain
        if axis.leading != (plain is not None and plain.leading) or LEADING in index.indices and plain is None:
            raise self.fail(
                f"in {node}, '...' does not stand where {symbol.read_as} has it.", f"Read it as {symbol.read_as}."
            )
        if plain is not None and sympy.expand(plain.size - axis.size) != 0:
            raise self.fail(
                f"in {node}, index {plain} has two sizes: its own, {plain.size}, and {axis.size}, that of axis {axis} of "
                f"{symbol.read_as}.",
                f"Read it at an axis of size {axis.size}.",
            )
        if not index.terms and (lies_outside(index.constant) or lies_outside(axis.size - 1 - index.constant)):
            raise self.fail(
                f"{node} lies outside {symbol.read_as}, where it is always 0.",
                f"Indices run from 0 to {axis.size - 1}; the last entry is at {axis.size - 1}.",
            )

    def index(self, node) -> Index:
        name = str(node.label) if isinstance(node.label, sympy.Symbol) else str(node)
        if node.upper is None or node.lower != 0:
            raise self.fail(f"index {name} has no size, or does not start at 0.", f"Declare it with axes('{name}=n').")
        index = Index(name, node.upper - node.lower + 1)
        self.meet(index, self.where)
        return index

    def affine(self, node, what: str) -> Affine:
        """Σ integer·index + integer, where integers may be sizes and integer options."""
        polynomial = sympy.expand(node)
        terms, rest = [], polynomial
        for idx in sorted(polynomial.atoms(Idx), key=str):
            coefficient = polynomial.coeff(idx, 1)
            rest -= coefficient * idx
            terms.append((idx, self.integer(coefficient, what)))
        constant = self.integer(sympy.expand(rest), what)
        return Affine.build(((self.index(i), c) for i, c in terms), constant)

    def integer(self, node, what: str):
        """A coefficient or an offset of an affine index."""
        if node.atoms(Idx, sympy.Indexed, sympy.Float) or isinstance(node, sympy.Basic) and node.has(sympy.oo):
            raise self.not_affine(what)
        for name in sorted(map(str, node.free_symbols)):
            if name not in self.symbols:
                raise self.fail(f"{what} reads {name}, which is not defined.", "Declare it as an option or a size.")
            if not self.integral(name):
                raise self.not_affine(what)
        node = node.xreplace({s: sympy.Symbol(s.name, integer=True) for s in node.free_symbols if not s.is_integer})
        if not node.is_integer:
            raise self.not_affine(what)
        if node.is_Integer and abs(node) > MAX_OFFSET:
            raise self.fail(f"{what} is beyond ±{MAX_OFFSET}.", "Use a smaller one.")
        return plain_number(node)

    def not_affine(self, what: str) -> DefinitionError:
        return self.fail(
            f"{what} is not affine.", "An index is a sum of axes times integers, sizes or integer options, and a constant."
        )

    # arithmetic

    def on_Add(self, node) -> Expr:
        return add(*(self.convert(a) for a in node.args))

    def on_Mul(self, node) -> Expr:
        return multiply(*(self.convert(a) for a in node.args))

    def on_Pow(self, node) -> Expr:
        base, exponent = node.args
        if base is sympy.E:
            return apply("exp", self.convert(exponent))
        if base.is_Rational and base > 0 and not exponent.is_number:
            return apply("exp", multiply(self.convert(exponent), apply("log", self.convert(base))))
        if not exponent.is_number:
            raise self.fail(
                f"in {shown(node)}, the exponent {shown(exponent)} is not a number.",
                "For a positive base x, write exp(y*log(x)) instead of x**y.",
            )
        if not exponent.is_Rational and not exponent.is_Float:
            return apply("exp", multiply(self.convert(exponent), apply("log", self.convert(base))))
        number = Fraction(repr(float(exponent))) if exponent.is_Float else Fraction(int(exponent.p), int(exponent.q))
        if abs(number) > MAX_EXPONENT:
            raise self.fail(f"in {shown(node)}, the exponent is beyond ±{MAX_EXPONENT}.", "Use a smaller one.")
        if number.denominator > MAX_DENOMINATOR:
            raise self.fail(
                f"in {shown(node)}, the exponent {exponent} has more than three decimals.",
                "Write it as a fraction of SymPy's, for example Rational(1, 3).",
            )
        return power(self.convert(base), number)

    def on_exp(self, node) -> Expr:
        return apply("exp", self.convert(node.args[0]))

    def on_Max(self, node) -> Expr:
        return self.largest(node.args)

    def largest(self, values: Iterable[sympy.Expr]) -> Expr:
        """The largest of several values. Where a number is as large as what varies, the number is taken: slope 0."""
        first, *others = sorted(values, key=lambda a: not a.is_number)
        result = self.convert(first)
        for other in others:
            result = self._larger(self.convert(other), result)
        return result

    @staticmethod
    def _larger(a: Expr, b: Expr) -> Expr:
        """max(a, b) = [a > b] a + [b >= a] b"""
        return add(multiply(Converter.test(">", a - b), a), multiply(Converter.test(">=", b - a), b))

    @staticmethod
    def test(relation: str, value: Expr) -> Expr:
        """The Iverson bracket of a comparison with 0."""
        constant = value.constant
        return atom(Test(relation, value)) if constant is None else expr(int(HOLDS[relation](constant, 0)))

    def on_Min(self, node) -> Expr:
        return -self.largest(-a for a in node.args)

    def on_sign(self, node) -> Expr:
        value = self.convert(node.args[0])
        return self.test(">", value) - self.test(">", -value)

    def on_Heaviside(self, node) -> Expr:
        """The step [x > 0]; at 0 it is what the second argument says, and 0 where that is left at SymPy's 1/2."""
        value, at_zero = self.convert(node.args[0]), node.args[1]
        step = self.test(">", value)
        return step if at_zero == sympy.S.Half else step + multiply(self.convert(at_zero), self.test("==", value))

    # sums and reductions over axes

    def bind(self, node, limits) -> list[Index]:
        over = []
        for limit in limits:
            idx = limit[0]
            if not isinstance(idx, Idx):
                raise self.fail(
                    f"{shown(node)} runs over {shown(idx)}, which is not an axis.", "Declare axes with axes('i=n')."
                )
            index = self.index(idx)
            if len(limit) == 3 and (limit[1] != 0 or sympy.expand(limit[2] + 1 - index.size) != 0):
                raise self.fail(
                    f"the sum over {index} runs from {limit[1]} to {limit[2]}, not over the whole axis, 0 to "
                    f"{index.size - 1}.",
                    f"Write Sum(…, {index}), and multiply what is summed by iverson({index} <= …).",
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
        return total(self.inside(node.function, over), over)

    def on_MaxOver(self, node) -> Expr:
        over = self.bind(node, [(i,) for i in node.args[1:]])
        return atom(Maximum(self.inside(node.args[0], over), tuple(over)))

    def inside(self, node, over: list[Index]) -> Expr:
        """An expression under a sum or a maximum over indices."""
        self.sums.extend(over)
        body = self.convert(node)
        del self.sums[len(self.sums) - len(over) :]
        return body

    # conditions

    def on_KroneckerDelta(self, node) -> Expr:
        return self.condition(sympy.Eq(node.args[0], node.args[1], evaluate=False))

    def on_Where(self, node) -> Expr:
        condition, value, otherwise = node.args
        return self.cases([(value, condition), (otherwise, sympy.true)])

    def on_Piecewise(self, node) -> Expr:
        summed = {limit[0] for value, _ in node.args for s in value.atoms(sympy.Sum) for limit in s.limits}
        for _, condition in node.args:
            for idx in condition.atoms(Idx) & summed:
                raise self.fail(
                    f"SymPy has moved the condition {shown(condition)} out of the sum over {idx}.",
                    "Write where(condition, value, otherwise) of derive instead of Piecewise.",
                )
        return self.cases(node.args)

    def cases(self, branches) -> Expr:
        """[c] a + [not c] b: each value under its condition, so that where that is 0 the value does not matter."""
        result, otherwise = ZERO, ONE
        for value, condition in branches:
            holds = conjunction(otherwise, self.condition(condition))
            if holds.terms:
                result = add(result, guarded(holds, self.convert(value)))
            otherwise = conjunction(otherwise, self.condition(sympy.Not(condition)))
        return result

    def condition(self, node) -> Expr:
        """A condition as a sum of products of Iverson brackets, at most one of which is 1."""
        if isinstance(node, BooleanTrue):
            return ONE
        if isinstance(node, BooleanFalse):
            return ZERO
        if isinstance(node, sympy.And):
            return conjunction(*(self.condition(a) for a in node.args))
        if isinstance(node, sympy.Or):
            return self.either(node.args)
        if isinstance(node, sympy.Not) and isinstance(node.args[0], Relational):
            return self.condition(node.args[0].negated)
        if isinstance(node, BooleanFunction):
            return self.condition(sympy.to_nnf(node, simplify=False))
        if not isinstance(node, Relational):
            raise self.fail(f"{shown(node)} is not a condition.", "Compare two indices or two values, as in j <= i.")
        return self.comparison(node)

    def either(self, alternatives) -> Expr:
        """[a or b] = [a] + [not a] [b]"""
        result, none = ZERO, ONE
        for alternative in alternatives:
            result = add(result, conjunction(none, self.condition(alternative)))
            none = conjunction(none, self.condition(sympy.Not(alternative)))
        return result

    def comparison(self, node) -> Expr:
        left, right, relation = node.lhs, node.rhs, node.rel_op
        if relation in ("<", "<="):
            left, right, relation = right, left, {"<": ">", "<=": ">="}[relation]
        difference = sympy.together(left - right)
        if difference.atoms(sympy.Indexed) or not all(
            self.integral(str(s)) for s in difference.free_symbols if not isinstance(s, Idx) and not is_label(s, difference)
        ):
            self.check_compared(node)
            return self.test(relation, self.convert(left) - self.convert(right))
        # 2 i > n holds where i > n/2 does.
        difference *= sympy.denom(difference) if sympy.denom(difference).is_Integer else 1
        affine = self.affine(difference, f"the condition {shown(node)}")
        if relation == ">":
            affine, relation = affine - Affine((), 1), ">="
        if not affine.terms and isinstance(affine.constant, int):
            return expr(int(HOLDS[relation](affine.constant, 0)))
        return atom(Bracket(relation, affine))


    def check_compared(self, node) -> None:
        """A comparison of data must not have an index as one of its numbers."""
        numbers = node.replace(lambda part: isinstance(part, (sympy.Indexed, sympy.Sum)), lambda part: sympy.S.One)
        if numbers.atoms(Idx):
            raise self.fail(
                f"the condition {shown(node)} compares an index with data.",
                "Compare indices with indices, sizes and integer options, and data with data.",
            )


HOLDS: dict[str, Callable] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def conjunction(*values: Expr) -> Expr:
    """The product of conditions, multiplied out."""
    result = [ONE]
    for value in values:
        result = [multiply(a, Expr((t,))) for a in result for t in value.terms]
    return add(*result)


def guarded(condition: Expr, value: Expr) -> Expr:
    """[c or d] a = [c] a + [d] a"""
    return add(*(multiply(Expr((t,)), value) for t in condition.terms))


def is_label(symbol: sympy.Symbol, node: sympy.Expr) -> bool:
    """Is this the name of an index? SymPy counts it among the free symbols."""
    return any(symbol == idx.label for idx in node.atoms(Idx))


def lies_outside(distance: Coefficient) -> bool:
    """Is the distance from an end of an axis known to be negative?"""
    return bool(symbolic(distance).is_negative)


def shown(node) -> str:
    """An expression in a message."""
    return shortened(node)
