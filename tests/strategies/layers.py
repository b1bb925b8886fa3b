"""Random valid layers."""

from __future__ import annotations

from hypothesis import strategies as st

from derive.core.atoms import Bracket, Maximum, Read, Test
from derive.core.layer import Call, Layer
from derive.core.traverse import atoms

from .expressions import Expressions
from .source import HEAD, LEAD, NAMES, Definition, Source, twins

ARGUMENTS = ("X", "Z", "V1", "gamma", "x_t", "h")
VALUES = ("S", "Y", "P", "mu", "U2", "k", "l", "q", "r")


class Drawn:
    """A layer's text, which a failure prints, and the kinds of sublayers that it calls."""

    def __init__(self, text: str, called: tuple[str, ...] = ()):
        self.text = text
        self.called = called

    def __repr__(self) -> str:
        return f"\n{self.text.removeprefix(HEAD)}"


@st.composite
def layers(draw) -> Drawn:
    source = draw_source(draw)
    return Drawn(source.text(), tuple(source.called))


def draw_source(draw) -> Source:
    source = Source()
    pen = Expressions(draw, source)
    draw_arguments(pen)
    steps = [draw_equation]
    if pen.chance(55):
        steps = [pen.one((draw_equation, draw_call)), *steps]
    if pen.chance(35):
        steps = [pen.one((draw_equation, draw_call)), *steps]
    if pen.chance(25):
        steps = [*steps, draw_call]
    if pen.chance(12):
        steps = [draw_convolution, *steps]
    for step in steps:
        step(pen)
    draw_outputs(pen)
    for axis in source.missing_sizes():
        source.argument(source.fresh("A"), (axis,), "Tensor")
    return source


def draw_arguments(pen: Expressions) -> None:
    lead = pen.chance(35)
    for number in range(pen.draw(st.integers(1, 3))):
        rank = pen.one((0, 1, 1, 2, 2, 3)) if number else pen.one((1, 2, 2, 3))
        axes = pen.draw(st.permutations(["i", "j", "k", "l", "q"]))[:rank]
        with_lead = lead and pen.chance(60)
        kind = pen.one(("Tensor", "Parameter"))
        pen.source.argument(ARGUMENTS[number * 2 + pen.chance(50)], (LEAD,) * with_lead + tuple(axes), kind)
    for number in range(pen.one((0, 0, 1, 2))):
        axes = pen.draw(st.permutations(["i", "k", "q"]))[: pen.one((0, 1, 1, 2) if lead else (1, 1, 2))]
        with_lead = lead and (not axes or pen.chance(40))
        into = pen.one([a for a in ("i", "k", "q", "l") if a not in axes])
        pen.source.positions(f"at{number}", (LEAD,) * with_lead + tuple(axes), into)


def draw_equation(pen: Expressions) -> None:
    """One equation; its left-hand side takes the indices that its right-hand side leaves free."""
    source = pen.source
    axes = [*source.compound, "i", "j", "k", "q"]
    live = pen.draw(st.permutations(axes))[: pen.one((0, 1, 1, 2, 2))]
    lead = any(k.leading for k in source.known) and pen.chance(60)
    live = (LEAD,) * lead + tuple(live)
    text = pen.expression(live, pen.one((2, 2, 3)))
    left = source.free(text)
    free = [a for a in live if a in left]
    taken = {s.partition("_")[2] for s in source_names(source)}
    # A tensor may have the name of an index, unless it is a number.
    name = pen.one([v for v in VALUES if v not in taken and (free or v not in NAMES)])
    variable = f"t{len(source.lines)}_{name}"
    source.lines.append(Definition(variable, name, tuple(free), text))
    source.know(variable, tuple(free))
    source.returns = [variable]


def draw_convolution(pen: Expressions) -> None:
    """A window that moves over the last axis of a tensor, with stride and padding; the output's length follows."""
    source = pen.source
    fitting = [k for k in source.known if k.own and k.own[-1] != "r" and "q" not in k.own]
    if not fitting:
        return
    given, kernel = pen.one(fitting), parameter(pen, ("q",))
    pen.option("s")
    pen.option("p")
    axis, last = source.fresh("w"), given.own[-1]
    source.compound[axis] = f"({last}.size + 2*p - q.size)//s + 1"
    source.lines.append(f'{axis} = Axis("{axis}", {source.compound[axis]})')
    read = f"{given.variable}[{', '.join((*given.axes[:-1], f's*{axis} + q - p'))}]"
    axes, name = (*given.axes[:-1], axis), source.fresh("C")
    largest = pen.chance(30)
    if largest:
        # No window lies outside as a whole.
        source.lines.append("given(p < q.size)")
    text = f"Max({kernel}[q] + {read}, q)" if largest else f"Sum({kernel}[q]*{read}, q)"
    source.lines.append(Definition(name, name, axes, text))
    source.know(name, axes)
    source.returns = [name]


def source_names(source: Source) -> list[str]:
    return [k.variable for k in source.known if k.variable not in source.arguments]


def draw_call(pen: Expressions) -> None:
    """A sublayer called on a tensor with at least one axis of its own."""
    # Parameters are declared above the axes whose sizes are expressions.
    fitting = [k for k in pen.source.known if k.own and k.own[-1] not in pen.source.compound]
    if not fitting:
        draw_equation(pen)
        return
    given = pen.one(fitting)
    call = pen.one((call_activation, call_softmax, call_linear, call_gain, call_gain, call_nested, call_pair))
    call(pen, given)
    pen.source.called.append(call.__name__)


def result(pen: Expressions, variable: str, line: str, axes: tuple[str, ...]) -> None:
    pen.source.lines.append(line)
    pen.source.know(variable, axes)
    pen.source.returns = [variable]


def call_activation(pen: Expressions, given) -> None:
    variable = pen.source.fresh("a")
    function = pen.one(("relu", "logistic", "swish"))
    result(pen, variable, f'{variable} = {function}({given.variable}, name="{variable}")', given.axes)


def call_softmax(pen: Expressions, given) -> None:
    variable, over = pen.source.fresh("p"), pen.one(given.own)
    result(pen, variable, f'{variable} = softmax({given.variable}, over={over}, name="{variable}")', given.axes)


def parameter(pen: Expressions, axes: tuple[str, ...]) -> str:
    """A parameter of that shape: one that is there, or a new one."""
    known = [k for k in pen.source.known if k.axes == axes and k.variable in pen.source.arguments]
    if known and pen.chance(60):
        return pen.one(known).variable
    return pen.source.argument(pen.source.fresh("W"), axes, "Parameter").variable


def call_linear(pen: Expressions, given) -> None:
    variable = pen.source.fresh("y")
    out = pen.one([a for a in ("i", "k", "q", "r") if a not in given.axes])
    last = given.axes[-1]
    weight = parameter(pen, (next(a for a in twins(last) if a != out), out))
    bias = parameter(pen, (out,))
    line = f'{variable} = linear({given.variable}, {weight}, {bias}, name="{variable}")'
    result(pen, variable, line, (*given.axes[:-1], out))


def call_gain(pen: Expressions, given) -> None:
    variable, weight = pen.source.fresh("g"), parameter(pen, given.axes[-1:])
    result(pen, variable, f'{variable} = gain({given.variable}, {weight}, name="{variable}")', given.axes)


def call_nested(pen: Expressions, given) -> None:
    variable, weight = pen.source.fresh("z"), parameter(pen, given.axes[-1:])
    keywords = f'name="{variable}"'
    if pen.chance(50):
        pen.option("p")
        keywords += ", offset=p"
    if pen.chance(50):
        pen.option("eps")
        keywords += ", eps=eps"
    result(pen, variable, f"{variable} = nested({given.variable}, {weight}, {keywords})", given.axes)


def call_pair(pen: Expressions, given) -> None:
    first, second, weight = pen.source.fresh("u"), pen.source.fresh("v"), parameter(pen, given.axes[-1:])
    line = f'{first}, {second} = pair({given.variable}, {weight}, name=("{first}", "{second}"))'
    pen.source.know(first, given.axes)
    result(pen, second, line, given.axes[:-1])


def draw_outputs(pen: Expressions) -> None:
    defined = source_names(pen.source)
    if len(defined) > 1 and pen.chance(30):
        pen.source.returns = pen.draw(st.permutations(defined))[:2]


# what a layer has in it


def shares(drawn: Drawn, layer: Layer) -> set[str]:
    """The features of a layer, for counting how many have each."""
    found = set()
    expressions = [e.expr for e in layer.equations]
    reads = [a for e in expressions for a in atoms(e) if isinstance(a, Read) and a.at]
    if any(place.plain is None for r in reads for place in r.at):
        found.add("affine reads")
    if any(isinstance(a, (Bracket, Test)) for e in expressions for a in atoms(e)):
        found.add("conditions")
    names = [r.tensor for r in reads] + [n for s in layer.statements if isinstance(s, Call) for n in s.arguments]
    if any(a.lookups() for e in expressions for a in atoms(e)):
        found.add("positions")
    if any(isinstance(a, Maximum) for e in expressions for a in atoms(e)):
        found.add("maxima over axes")
    if len(set(names)) < len(names):
        found.add("a tensor read twice")
    if len(layer.statements) > 1:
        found.add("several equations")
    if drawn.called:
        found.add("a sublayer")
    if any(isinstance(s, Call) for s in layer.statements):
        found.add("a sublayer with parameters")
    if layer.has_leading:
        found.add("leading axes")
    if layer.options:
        found.add("options")
    if len(layer.outputs) > 1:
        found.add("several outputs")
    if any(not i.size.is_Symbol for i in layer.indices):
        found.add("convolutions")
    if any(len({p.plain for p in r.at if p.plain}) < sum(p.plain is not None for p in r.at) for r in reads):
        found.add("diagonals")
    return found
