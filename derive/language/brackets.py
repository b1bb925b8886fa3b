"""Brackets in an equation: conditions on indices and on data, as sums of products of Iverson brackets."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import sympy
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFalse, BooleanFunction, BooleanTrue
from sympy.tensor.indexed import Idx

from derive.core.atoms import Bracket, Test
from derive.core.axes import Affine
from derive.core.names import shortened
from derive.core.terms import ONE, ZERO, Expr, add, atom, expr, multiply
from derive.language.places import Places


class Conditions(Places):
    """Reads conditions, and the values that stand under them."""

    @abstractmethod
    def convert(self, node) -> Expr:
        """The value of an expression."""

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
                    f"SymPy has moved the condition {shortened(condition)} out of the sum over {idx}.",
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
            raise self.fail(
                f"{shortened(node)} is not a condition.", "Compare two indices or two values, as in j <= i."
            )
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
        if not self.on_indices(difference):
            self.check_compared(node)
            return self.test(relation, self.convert(left) - self.convert(right))
        # 2 i > n holds where i > n/2 does.
        difference *= sympy.denom(difference) if sympy.denom(difference).is_Integer else 1
        affine = self.affine(difference, f"the condition {shortened(node)}")
        if relation == ">":
            affine, relation = affine - Affine((), 1), ">="
        if affine == Affine((), affine.constant) and isinstance(affine.constant, int):
            return expr(int(HOLDS[relation](affine.constant, 0)))
        return atom(Bracket(relation, affine))

    def on_indices(self, difference) -> bool:
        """Are only indices, sizes, integer options and entries of integer tensors compared?"""
        entries = difference.atoms(sympy.Indexed)
        outside = difference.xreplace({e: sympy.S.Zero for e in entries if self.is_lookup(e)})
        return not outside.atoms(sympy.Indexed) and all(
            self.integral(str(s)) for s in outside.free_symbols if not isinstance(s, Idx) and not is_label(s, outside)
        )

    def check_compared(self, node) -> None:
        """A comparison of data must not have an index as one of its numbers."""
        numbers = node.replace(lambda part: isinstance(part, (sympy.Indexed, sympy.Sum)), lambda part: sympy.S.One)
        if numbers.atoms(Idx):
            raise self.fail(
                f"the condition {shortened(node)} compares an index with data.",
                "Compare indices with indices, sizes and integer options, and data with data.",
            )

    @staticmethod
    def test(relation: str, value: Expr) -> Expr:
        """The Iverson bracket of a comparison with 0."""
        constant = value.constant
        return atom(Test(relation, value)) if constant is None else expr(int(HOLDS[relation](constant, 0)))


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
