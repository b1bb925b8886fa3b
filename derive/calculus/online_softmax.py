"""The online softmax: a softmax that is contracted over its axis, without the array of all its entries.

    P_j = exp(x_j) / Σ_k exp(x_k) = exp(x_j - L)    with  L = log Σ_k exp(x_k)

P_j is then local in j: an entry takes x_j and one number L for each row. So a sum over j can be taken block by block,
forward with a running maximum M and a running sum Z = Σ exp(x - M), which a new block scales by exp(M_old - M_new), and
backward with L for a residual in the place of P (Milakov and Gimelshein, 2018; Dao et al., FlashAttention, 2022).

It applies to every equation P = softmax(x) whose readers sum over its axis, whatever x is and whatever conditions say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from derive.calculus.steps import Rule, Step
from derive.calculus.steps import replace as replaced
from derive.core.atoms import Atom, Function, Paren, Read, Test, exponential
from derive.core.axes import Affine, Index, fresh
from derive.core.layer import Call, Equation, Layer, Statement, Symbol
from derive.core.terms import Expr, Factor, Term, add, apply, atom, multiply, power, total
from derive.core.traverse import atoms
from derive.errors import LoweringError

NAME = "online softmax"
SOURCE = "Milakov and Gimelshein, 2018; Dao et al., 2022"
STATEMENT = r"\frac{e^{x_{j}}}{\sum_{k} e^{x_{k}}} = e^{x_{j} - L}, \quad L = \log \sum_{k} e^{x_{k}}"


@dataclass(frozen=True)
class Softmax:
    """P[…, j] = [c_j] exp(x_j) / Σ_k [c_k] exp(x_k)"""

    equation: Equation
    over: Index
    exponent: Expr
    conditions: tuple[Atom, ...]
    sum: Expr
    # Does the equation ask whether the sum is 0?
    asked: bool

    @property
    def rows(self) -> tuple[Index, ...]:
        """The axes of what is the same for a whole row."""
        return tuple(i for i in self.equation.symbol.axes if i != self.over)

    def log_sum(self, name: str) -> Equation:
        """L = log Σ_k exp(x_k)"""
        return Equation(Symbol(name, self.rows), apply("log", self.sum))

    def entry(self, log_sum: Equation) -> Equation:
        """P_j = exp(x_j - L); where there is nothing in the sum, there is nothing here"""
        body = apply("exp", self.exponent - log_sum.symbol.value())
        return Equation(self.equation.symbol, multiply(*(atom(c) for c in self.conditions), body, *self.anything()))

    def anything(self) -> list[Expr]:
        """[Σ_k exp(x_k) > 0], where the author asks that."""
        return [atom(Test(">", self.sum))] if self.asked else []

    def step(self, log_sum: Equation) -> Step:
        """The rewrite as a step: before, the author's right-hand side; after, what it is equal to."""
        before, after = self.equation.expr, self.entry(log_sum).expr
        return Step(Rule(NAME, STATEMENT, replaced(before, after)), before, after)


def softmax_of(equation: Equation) -> Softmax | None:
    """The softmax that an equation is, over one of its axes; None where it is something else."""
    term = equation.expr.only
    if term is None or term.bound or term.coefficient != 1:
        return None
    for factor, exponent in term.factors:
        if not isinstance(factor, Paren) or exponent != -1:
            continue
        summed = factor.body.only
        if summed is None or len(summed.bound) != 1:
            continue
        rest = [f for f in term.factors if f[0] is not factor]
        asked = [f for f in rest if isinstance(f[0], Test) and f[0].argument == factor.body]
        above = [f for f in rest if f not in asked]
        if not all(a.boolean or exponential(a) for a, _ in above) or not any(exponential(a) for a, _ in above):
            continue
        for index in equation.symbol.axes:
            if index.size == summed.bound[0].size and _sum_over(above, index) == factor.body:
                conditions = tuple(a for a, _ in above if a.boolean)
                return Softmax(equation, index, _exponent(above), conditions, factor.body, bool(asked))
    return None


def _exponent(factors: Iterable[Factor]) -> Expr:
    """x of a product of exponentials, exp(x)."""
    parts = [multiply(Expr((Term(e),)), a.children()[0]) for a, e in factors if exponential(a)]
    return add(*parts)


def _sum_over(factors: Sequence[Factor], index: Index) -> Expr:
    """Σ over an index of a product."""
    inner = fresh(index, {i.name for a, _ in factors for i in a.free})
    mapping = {index: Affine.of(inner)}
    return total(multiply(*(atom(a.substitute(mapping), e) for a, e in factors)), (inner,))


# where it applies


def contracted(layer: Layer) -> Iterator[Softmax]:
    """The softmaxes of a layer that it contracts and needs for nothing else."""
    for equation in layer.equations:
        found = softmax_of(equation)
        if found is not None and why_not(layer, found) is None:
            yield found


def why_not(layer: Layer, softmax: Softmax) -> str | None:
    """What keeps the rewrite from a softmax, in words; None where it applies."""
    name = softmax.equation.symbol.name
    if name in layer.outputs:
        return f"{name} is handed back, so that all its entries are needed"
    if not any(name in s.reads for s in layer.statements):
        return f"nothing reads {name}"
    if any(softmax.exponent == s.value() for s in layer.arguments):
        return f"the scores of {name} are given, and blocks would save no memory"
    return None


def applies(layer: Layer) -> bool:
    """Has the layer, or one that it calls, a softmax that it contracts?"""
    return any(contracted(layer)) or any(applies(s.layer) for s in layer.statements if isinstance(s, Call))


def refusal(layer: Layer) -> LoweringError:
    """What is missing for a blockwise form."""
    found = [s for s in map(softmax_of, layer.equations) if s is not None]
    reasons = [why for s in found if (why := why_not(layer, s)) is not None]
    missing = reasons[0] if reasons else "none of its equations is P[j] = exp(x[j]) / Σ_k exp(x[k])"
    return LoweringError(
        f"{layer.name}: there is no blockwise form, because {missing}. It takes a softmax that is summed over its "
        "axis, as in Σ_j P[i, j] V[j, e]."
    )


# what it makes of a layer and its gradients


def named_parts(layer: Layer) -> Layer:
    """The layer with names for the scores of its softmaxes, and for what they are contracted to."""
    for softmax in contracted(layer):
        if not any(softmax.exponent == s.value() for s in layer.symbols.values()):
            layer = with_scores(layer, softmax)
    return named_contractions(layer)


def with_scores(layer: Layer, softmax: Softmax) -> Layer:
    """P_j = exp(f_j) / Σ_k exp(f_k)    →    S_j = f_j,  P_j = exp(S_j) / Σ_k exp(S_k)"""
    symbol = softmax.equation.symbol
    taken = {*layer.symbols, *(i.name for i in layer.indices)}
    scores = Symbol(unused("S", taken), symbol.axes)
    above = [(c, 1) for c in softmax.conditions] + [(Function("exp", scores.value()), 1)]
    below = _sum_over(above, softmax.over)
    asked = [atom(Test(">", below))] if softmax.asked else []
    value = multiply(*(atom(a, e) for a, e in above), power(below, -1), *asked)
    statements: list[Statement] = []
    for statement in layer.statements:
        same = statement is softmax.equation
        statements += [Equation(scores, softmax.exponent), Equation(symbol, value)] if same else [statement]
    return replace(layer, statements=tuple(statements))


def named_contractions(layer: Layer) -> Layer:
    """The layer with a name for each sum over the axis of a softmax that is only a part of its equation.

    Y[o] = b[o] + Σ_{j,e} P[j] V[j,e] W[e,o]    →    O[e] = Σ_j P[j] V[j,e],  Y[o] = b[o] + Σ_e O[e] W[e,o]
    """
    for softmax in contracted(layer):
        layer = _contractions_of(layer, softmax)
    return layer


def _contractions_of(layer: Layer, softmax: Softmax) -> Layer:
    statements: list[Statement] = []
    taken = {*layer.symbols, *(i.name for i in layer.indices)}
    name = softmax.equation.symbol.name
    for statement in layer.statements:
        if isinstance(statement, Equation) and name in statement.reads:
            terms = []
            for term in statement.expr.terms:
                part = _inner_sum(term, softmax, statement) if _reads(term, name) else None
                if part is None:
                    terms.append(term)
                    continue
                inner, rest, bound = part
                axes = tuple(sorted(inner.free, key=lambda i: (not i.leading, _rank(i, inner))))
                symbol = Symbol(unused("O", taken), axes)
                statements.append(Equation(symbol, inner))
                whole = total(multiply(Expr((Term(term.coefficient, rest),)), symbol.value()), bound)
                terms += whole.terms
            statement = Equation(statement.symbol, Expr(tuple(terms)))
        statements.append(statement)
    return replace(layer, statements=tuple(statements))


def _reads(term: Term, name: str) -> bool:
    return any(isinstance(a, Read) and a.tensor == name for a in atoms(Expr((term,))))


def _rank(index: Index, value: Expr) -> int:
    """Where an index first stands among those that an expression reads."""
    order = dict.fromkeys(i for a in atoms(value) if isinstance(a, Read) for at in a.at for i in at.indices)
    return list(order).index(index)


def _inner_sum(
    term: Term, softmax: Softmax, equation: Equation
) -> tuple[Expr, tuple[Factor, ...], tuple[Index, ...]] | None:
    """Σ_j of the factors with j, the other factors and the other sums; None where that is the equation as it is."""
    symbol = softmax.equation.symbol
    found = next((a for a, e in term.factors if isinstance(a, Read) and a.tensor == symbol.name and e == 1), None)
    over = found.at[symbol.axes.index(softmax.over)].plain if found is not None else None
    if over is None or over not in term.bound:
        return None
    if len(equation.expr.terms) == 1 and term.bound == (over,):
        return None
    inside = [atom(a, e) for a, e in term.factors if over in a.free]
    rest = tuple(f for f in term.factors if over not in f[0].free)
    return total(multiply(*inside), (over,)), rest, tuple(i for i in term.bound if i != over)


def unused(name: str, taken: set[str]) -> str:
    """A name that is not taken yet; it is from now on."""
    chosen, number = name, 1
    while chosen in taken:
        number += 1
        chosen = f"{name}_{number}"
    taken.add(chosen)
    return chosen
