"""Random invalid layers: one mistake of a known kind planted in a random valid layer."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from .expressions import Expressions
from .layers import draw_source
from .source import HEAD, LEAD, NAMES, Definition, Known, Source, twins

BAD_NAMES = ("2Y", "lambda", "np", "sum", "été", "Y Z", "_x", "pi", "as_strided", "x" * 70, "x;y")
BAD_SPELLINGS = (r"\input{x}", r"x^^5cend", "$x$", "x_{", "x_a_b", r"\hat", "%")


class Spoiled:
    """The text of a layer with a mistake in it."""

    def __init__(self, text: str, mistake: str):
        self.text = text
        self.mistake = mistake

    def __repr__(self) -> str:
        return f"\n# {self.mistake}\n{self.text.removeprefix(HEAD)}"


@st.composite
def spoiled_layers(draw, mistake: str) -> Spoiled:
    source = draw_source(draw)
    pen = Expressions(draw, source)
    place = pen.one([n for n, line in enumerate(source.lines) if isinstance(line, Definition)])
    spoil = Spoil(pen, source, source.lines[place], place)
    MISTAKES[mistake](spoil)
    source.lines[place] = spoil.definition
    return Spoiled(source.text(), mistake)


@dataclass
class Spoil:
    """A definition that is about to be spoiled, and what is at hand for it."""

    pen: Expressions
    source: Source
    definition: Definition
    place: int

    @property
    def tensor(self) -> Known:
        """A tensor with an axis of its own; arguments come first, so that there is one."""
        arguments = [k for k in self.source.known if k.own and k.variable in self.source.arguments]
        return self.pen.one(arguments)

    def entry(self, known: Known | None = None, **replaced: str) -> str:
        """A plain read of a tensor; `last` replaces its last index."""
        known = known or self.tensor
        places = list(known.axes)
        if "last" in replaced:
            places[-1] = replaced["last"]
        return f"{known.variable}[{', '.join(places)}]"

    def add(self, term: str) -> None:
        self.definition = self.definition.changed(text=f"({self.definition.text}) + {term}")

    def spare(self, *but: str) -> str:
        """An index that does not stand on the left."""
        return self.pen.one([a for a in NAMES if a not in self.definition.axes and a not in but])


def two_sizes(spoil: Spoil) -> None:
    known = spoil.tensor
    wrong = [a for a in NAMES if a not in twins(known.axes[-1])]
    spoil.add(spoil.entry(known, last=spoil.pen.one(wrong)))


def two_sizes_of_a_name(spoil: Spoil) -> None:
    known = spoil.tensor
    axis = f'Axis("{known.axes[-1]}", "other")'
    spoil.add(f"{spoil.entry(known)}*Sum({spoil.entry(known, last=f'{axis} + 1')}, {axis})")


def summed_twice(spoil: Spoil) -> None:
    x = spoil.spare()
    text = f"Sum(({spoil.definition.text})*(1 + Sum({spoil.entry()}, {x})), {x})"
    spoil.definition = spoil.definition.changed(text=text)


def free_on_the_right(spoil: Spoil) -> None:
    spoil.add(spoil.entry(last=f"{spoil.spare()} + 1"))


def free_on_the_left(spoil: Spoil) -> None:
    spoil.definition = spoil.definition.changed(axes=(*spoil.definition.axes, spoil.spare()))


def wrong_number_of_indices(spoil: Spoil) -> None:
    known = spoil.tensor
    more = f"{known.variable}[{', '.join((*known.axes, known.axes[-1]))}]"
    less = f"{known.variable}[{', '.join(known.axes[:-1]) or '()'}]"
    spoil.add(spoil.pen.one((more, less)))


def undefined_tensor(spoil: Spoil) -> None:
    spoil.add('Sum(tensor("Nowhere", i)[i], i)')


def defined_later(spoil: Spoil) -> None:
    spoil.add('Sum(tensor("Later", i)[i], i)')
    spoil.source.lines.append('define("Later", (i,), Sum(' + spoil.entry(last="i + 1") + "**2, i)*0 + 1)")


def unknown_primitive(spoil: Spoil) -> None:
    spoil.add(f'Function("ramp")({spoil.entry()})')


def index_not_affine(spoil: Spoil) -> None:
    bad = ("i*i", "i*k", "i//2", "i/2", "i + 0.5", "Mod(i, 2)", spoil.entry(), "sin(i)")
    spoil.add(spoil.entry(last=spoil.pen.one(bad)))


def what_is_no_index(spoil: Spoil) -> None:
    bad = ('"i"', "None", "1.5", "True", ":", "[i]", spoil.tensor.variable, "1j")
    spoil.add(spoil.entry(last=spoil.pen.one(bad)))


def outside_for_ever(spoil: Spoil) -> None:
    known = spoil.tensor
    spoil.add(spoil.entry(known, last=spoil.pen.one(("-1", f"{known.axes[-1]}.size"))))


def bad_name(spoil: Spoil) -> None:
    spoil.definition = spoil.definition.changed(name=spoil.pen.one(BAD_NAMES))


def bad_spelling(spoil: Spoil) -> None:
    spoil.definition = spoil.definition.changed(latex=spoil.pen.one(BAD_SPELLINGS))


def name_twice(spoil: Spoil) -> None:
    spoil.source.lines.append(spoil.definition.changed(variable="again"))


def repeated_axis(spoil: Spoil) -> None:
    axis = spoil.spare()
    spoil.definition = spoil.definition.changed(axes=(*spoil.definition.axes, axis, axis))


def dots_behind(spoil: Spoil) -> None:
    spoil.definition = spoil.definition.changed(axes=(spoil.spare(), *spoil.definition.axes, LEAD))


def bad_axes(spoil: Spoil) -> None:
    spoil.definition = spoil.definition.changed(axes=(spoil.pen.one(('"i"', "3", "None", "i.size", "i + 1", "[i]")),))


def exponent(spoil: Spoil) -> None:
    entry = spoil.entry()
    spoil.add(spoil.pen.one((f"{entry}**65", f"{entry}**{entry}", f"{entry}**i", f"{entry}**0.1234567")))


def partial_sum(spoil: Spoil) -> None:
    spoil.add(f"Sum({spoil.entry(last='i')}, (i, {spoil.pen.one(('0, 1', '1, i.size - 1', '0, i.size'))}))")


def sum_over_no_axis(spoil: Spoil) -> None:
    over = spoil.pen.one(("3", 'Symbol("i")', "...", "i.size", spoil.tensor.variable))
    spoil.add(f"Sum({spoil.entry()}, {over})")


def index_as_a_number(spoil: Spoil) -> None:
    spoil.add(f"i*{spoil.entry()}")


def no_number(spoil: Spoil) -> None:
    spoil.add(spoil.pen.one(("oo", "nan", "zoo", "I", "1j", "10**400", "1/(pi - pi)", "EulerGamma", "sqrt(-1)")))


def no_expression(spoil: Spoil) -> None:
    text = spoil.pen.one(('"X"', "None", "True", "[1]", "Matrix([1])", "1j", "pi > 3", "i", spoil.tensor.variable))
    spoil.definition = spoil.definition.changed(text=text)


def without_indices(spoil: Spoil) -> None:
    spoil.add(spoil.pen.one(("exp({})", "2*{}", "{} + 1", "{} @ {}", "sum({})")).replace("{}", spoil.tensor.variable))


def no_condition(spoil: Spoil) -> None:
    entry = spoil.entry()
    condition = spoil.pen.one(("i == j", entry, '"i < j"', "i*j < 2", f"{entry} < i", "1 <= i < 3", "None"))
    spoil.definition = spoil.definition.changed(text=f"where({condition}, {spoil.definition.text})")


def unknown_size(spoil: Spoil) -> None:
    axis = 'Axis("z", "Z")'
    spoil.add(f"Sum({spoil.entry(last=f'{axis} + 1')}, {', '.join({*spoil.tensor.own})}, {axis})")


def bad_option(spoil: Spoil) -> None:
    bad = ("Integer(1) = 0", "Integer(0) = 1.5", "Integer(0)", 'Real() = float("nan")', "int = 1")
    spoil.source.extra.append(f"bad: {spoil.pen.one(bad)}")


def bad_argument(spoil: Spoil) -> None:
    bad = ("Q: Tensor[i, i]", 'Q: Tensor["i"]', "Q: Tensor[i, ...]", "Q", "np: Tensor[i]", 'Q: "Tensor[i]"')
    spoil.source.arguments["Q"] = spoil.pen.one(bad)


def bad_result(spoil: Spoil) -> None:
    variable = spoil.source.returns[0]
    bad = ("None", "()", next(iter(spoil.source.arguments)), f"{variable}, {variable}", "1", f"({variable}, None)")
    spoil.source.returns = [spoil.pen.one(bad)]


def bad_call(spoil: Spoil) -> None:
    given = spoil.tensor
    x = given.variable
    bad = (
        f"linear({x}, {x})",
        f"linear({x}, {x}, {x}, name='np')",
        f"softmax({spoil.entry(given)})",
        f"softmax({x}, over={next(a for a in NAMES if a not in given.axes)})",
        f"softmax({x}, axis=1)",
        f"softmax({x}, over=0)",
        f"softmax({x}, name='{spoil.definition.name}')",
        f"softmax({x}, name=('a', 'b'))",
        f"gain({x}, {x}[()])",
        f"nested({x}, {x}, offset=-1)",
        f"nested({x}, {x}, offset=1.5)",
        f"nested({x}, {x}, eps={x})",
        "softmax(3)",
        "softmax(tensor('Nowhere', i))",
    )
    spoil.source.lines.append(f"result = {spoil.pen.one(bad)}")


MISTAKES = {
    rule.__name__.replace("_", " "): rule
    for rule in (
        two_sizes,
        two_sizes_of_a_name,
        summed_twice,
        free_on_the_right,
        free_on_the_left,
        wrong_number_of_indices,
        undefined_tensor,
        defined_later,
        unknown_primitive,
        index_not_affine,
        what_is_no_index,
        outside_for_ever,
        bad_name,
        bad_spelling,
        name_twice,
        repeated_axis,
        dots_behind,
        bad_axes,
        exponent,
        partial_sum,
        sum_over_no_axis,
        index_as_a_number,
        no_number,
        no_expression,
        without_indices,
        no_condition,
        unknown_size,
        bad_option,
        bad_argument,
        bad_result,
        bad_call,
    )
}
