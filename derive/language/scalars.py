"""SymPy in: a scalar expression over `Indexed`, `Sum`, conditions and functions becomes the normal form.

Every operator of section "what an equation may say" has a method here; anything else raises an error that names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction

import sympy
from sympy.core.function import AppliedUndef
from sympy.logic.boolalg import Boolean
from sympy.tensor.indexed import Idx

from derive.core.atoms import Argmax, Maximum, Position
from derive.core.axes import Index, symbolic
from derive.core.layer import Symbol
from derive.core.names import shortened
from derive.core.primitives import PRIMITIVES
from derive.core.sizes import size_value
from derive.core.terms import ONE, Expr, add, apply, atom, expr, multiply, power, read, total
from derive.errors import DefinitionError
from derive.language.brackets import Conditions
from derive.language.places import UndefinedTensor

MAX_EXPONENT = 64
MAX_DENOMINATOR = 1000
MAX_DEPTH = 100
# Numbers have to fit into a float, and so do their squares.
MAX_NUMBER = 10**120

FUNCTIONS = {name: name for name in PRIMITIVES} | {"Abs": "abs"}
# SymPy's words for a real number's own parts.
OF_A_REAL = ("re", "conjugate")

__all__ = ["Converter", "UndefinedTensor"]


class Converter(Conditions):
    """Converts the right-hand side of one equation."""

    def __init__(self, symbols: Mapping[str, Symbol], where: str, meet: Callable[[Index, str], None]):
        super().__init__(symbols, where, meet)
        # The indices that are bound here, each with what binds it.
        self.bound: dict[Index, str] = {}
        self.depth = 0

    def convert(self, node) -> Expr:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail(f"the expression is nested more than {MAX_DEPTH} deep.", "Name parts of it with define().")
        try:
            return self._convert(node)
        except ZeroDivisionError:
            raise self.fail(f"{shortened(node)} divides by zero.", "Correct the denominator.") from None
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
            raise self.fail(
                f"the condition {shortened(node)} stands as a number.", "Write iverson(…) or where(…) around it."
            )
        raise self.fail(
            f"{shortened(node)} cannot stand in an equation.",
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
        return self.fail(
            f"the number {shortened(node)} is too large, or too small, for an array.", "Use another scale."
        )

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
            "the imaginary unit I stands in it.",
            "Layers are real. Look for a complex number or a root of a negative one.",
        )

    def on_Pi(self, node) -> Expr:
        return read("pi")

    def on_NumberSymbol(self, node) -> Expr:
        raise self.fail(f"the constant {node} is not known.", f"Write its value, {float(node):.6g}….")

    def on_Exp1(self, node) -> Expr:
        return apply("exp", ONE)

    def on_Idx(self, node) -> Expr:
        raise self.fail(
            f"index {node} stands as a number.",
            f"An index may stand in brackets [ ] and in conditions; as a number, it is written position({node}).",
        )

    def on_PositionOf(self, node) -> Expr:
        """The number that a sum of indices is; a size or a number alone is that itself."""
        place = self.affine(node.args[0], f"position({shortened(node.args[0])})")
        return atom(Position(place)) if place.indices else size_value(symbolic(place.constant))

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
                raise self.fail(
                    f"{shortened(node)} is a floor of data.", "A floor may be taken of sizes and integer options."
                )
        return size_value(node)

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
                f"in {shortened(node)}, the exponent {shortened(exponent)} is not a number.",
                "For a positive base x, write exp(y*log(x)) instead of x**y.",
            )
        if not exponent.is_Rational and not exponent.is_Float:
            return apply("exp", multiply(self.convert(exponent), apply("log", self.convert(base))))
        number = Fraction(repr(float(exponent))) if exponent.is_Float else Fraction(int(exponent.p), int(exponent.q))
        if abs(number) > MAX_EXPONENT:
            raise self.fail(f"in {shortened(node)}, the exponent is beyond ±{MAX_EXPONENT}.", "Use a smaller one.")
        if number.denominator > MAX_DENOMINATOR:
            raise self.fail(
                f"in {shortened(node)}, the exponent {exponent} has more than three decimals.",
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

    def on_Min(self, node) -> Expr:
        return -self.largest(-a for a in node.args)

    def on_Heaviside(self, node) -> Expr:
        """The step [x > 0]; at 0 it is what the second argument says, and 0 where that is left at SymPy's 1/2."""
        value, at_zero = self.convert(node.args[0]), node.args[1]
        step = self.test(">", value)
        return step if at_zero == sympy.S.Half else step + multiply(self.convert(at_zero), self.test("==", value))

    # sums and reductions over axes

    def bind(self, node, limits) -> list[Index]:
        over: list[Index] = []
        word = binder(node)
        for limit in limits:
            idx = limit[0]
            if not isinstance(idx, Idx):
                raise self.fail(
                    f"{shortened(node)} runs over {shortened(idx)}, which is not an axis.",
                    "Declare axes with axes('i=n').",
                )
            index = self.index(idx)
            if len(limit) == 3 and (limit[1] != 0 or sympy.expand(limit[2] + 1 - index.size) != 0):
                raise self.fail(
                    f"the sum over {index} runs from {limit[1]} to {limit[2]}, not over the whole axis, 0 to "
                    f"{index.size - 1}.",
                    f"Write Sum(…, {index}), and multiply what is summed by iverson({index} <= …).",
                )
            if index in over or index in self.bound:
                outer = self.bound.get(index, word)
                how = "summed" if word == outer == "Sum" else "bound"
                raise self.fail(
                    f"index {index} is {how} twice, by a {word}(…, {index}) inside a {outer}(…, {index}).",
                    f"Give the inner {'sum' if word == 'Sum' else 'maximum'} its own index.",
                )
            over.append(index)
        return over

    def on_Sum(self, node) -> Expr:
        over = self.bind(node, node.limits)
        return total(self.inside(node, node.function, over), over)

    def on_MaxOver(self, node) -> Expr:
        over = self.bind(node, [(i,) for i in node.args[1:]])
        return atom(Maximum(self.inside(node, node.args[0], over), tuple(over)))

    def on_ArgmaxIs(self, node) -> Expr:
        body, indices, places = node.args
        at = tuple(self.affine(p, f"in {shortened(node)}, the place {p}") for p in places)
        over = self.bind(node, [(i,) for i in indices])
        return atom(Argmax(self.inside(node, body, over), tuple(over), at))

    def inside(self, node, body, over: list[Index]) -> Expr:
        """What stands under a sum or a maximum over indices."""
        self.bound.update(dict.fromkeys(over, binder(node)))
        result = self.convert(body)
        for index in over:
            del self.bound[index]
        return result


def binder(node) -> str:
    """What a person has written over indices."""
    return "Sum" if isinstance(node, sympy.Sum) else "Max"
