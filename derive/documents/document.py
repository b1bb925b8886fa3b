"""Documents: the gradients of a layer as LaTeX, a fragment or a whole file. (Text for the terminal: `plain_text`.)"""

from __future__ import annotations

from dataclasses import dataclass, field

from derive.calculus.steps import Derivation, Gradients
from derive.core.atoms import Bracket, Test
from derive.core.layer import Call, Layer
from derive.core.terms import Expr
from derive.core.traverse import atoms
from derive.documents.aligned import ARTICLE, PAGE, aligned, chunks, rows
from derive.documents.block_toeplitz import block_parts
from derive.documents.conventions import LAYOUT, ranges, readings, remarks, shown
from derive.documents.plain_text import equation_line, gradients_text, show_text
from derive.documents.symbol_table import symbol_rows
from derive.documents.toeplitz_matrix import example_sizes, toeplitz_matrix_latex
from derive.documents.typeset import Typesetter, contributions, cotangents, summary
from derive.errors import UsageError
from derive.printers.escape import comment, escape
from derive.printers.latex import LatexStyle
from derive.printers.lines import plain

__all__ = ["derivation_latex", "equation_line", "gradients_text", "latex", "show_text"]

NOTATIONS = ("matrix", "index")


def latex(
    gradients: Gradients | Derivation, notation: str = "matrix", steps: bool = False, document: bool = False
) -> str:
    """The gradients of a layer in LaTeX: a fragment for amsmath, or with `document` a file that compiles as it is.

    `notation` is "matrix" or "index"; `steps` gives every step of each derivation with the name of its rule. Where a
    gradient has no matrix form it is printed in index notation, and the remark beside it says so.
    """
    if notation not in NOTATIONS:
        raise UsageError(f"there is no notation {notation!r}. Use {' or '.join(NOTATIONS)}.")
    matrices = notation == "matrix"
    if isinstance(gradients, Derivation):
        return derivation_latex(gradients, matrices)
    return _document(gradients, matrices, steps) if document else _fragment(gradients, matrices, steps)


def derivation_latex(derivation: Derivation, matrices: bool = True, room: float = ARTICLE) -> str:
    """One derivation as an aligned block, with the entries of the operators in it."""
    setter = Typesetter.of_derivation(derivation, LatexStyle)
    return aligned([*setter.steps(derivation, matrices), *setter.definitions()], room)


def _fragment(gradients: Gradients, matrices: bool, steps: bool) -> str:
    from derive.templating import latex_environment

    setter = Typesetter.of(gradients, LatexStyle)
    blocks = _gradient_blocks(setter, gradients, matrices, steps, ARTICLE)
    definitions = setter.definitions()
    if definitions:
        blocks.append(rows(definitions, ARTICLE))
    said = [f"The gradients of {comment(gradients.layer.name)}. Needs \\usepackage{{amsmath}}."]
    said += [comment(plain(r)) for r in remarks(setter, gradients)]
    template = latex_environment().get_template("latex_fragment.tex.j2")
    return template.render(remarks=said, blocks=blocks)


def _gradient_blocks(
    setter: Typesetter, gradients: Gradients, matrices: bool, steps: bool, room: float
) -> list[list[str]]:
    if not steps:
        return chunks(setter.gradients(gradients, matrices), room)
    blocks: list[list[str]] = []
    for symbol, value, derivation in summary(gradients):
        if derivation is None:
            blocks += chunks([setter.gradient(symbol, value, None, "", matrices)], room)
        else:
            blocks += chunks(setter.steps(derivation, matrices), room)
    return blocks


# the whole file


@dataclass
class Part:
    """A paragraph and the displays below it."""

    prose: str = ""
    blocks: list[list[str]] = field(default_factory=list)


@dataclass
class Section:
    title: str
    parts: list[Part]


def _document(gradients: Gradients, matrices: bool, steps: bool) -> str:
    from derive.templating import latex_environment

    layer = gradients.layer
    setter = Typesetter.of(gradients, LatexStyle)
    forward = _forward(setter)
    shown = Section("Gradients", _gradient_parts(setter, gradients, matrices))
    sections = [forward, _conventions(setter, gradients), shown]
    if steps:
        sections.append(_derivations(setter, gradients, matrices))
    if setter.used:
        sections.append(_operators(setter))
    if blocks := block_parts(setter):
        sections.append(Section("Block Toeplitz matrices", [Part(*part) for part in blocks]))
    return (
        latex_environment()
        .get_template("latex.tex.j2")
        .render(
            title=rf"The gradients of \texttt{{{escape(layer.name)}}}",
            summary=escape(layer.doc.partition("\n\n")[0]),
            sections=sections,
            symbols=symbol_rows(setter, gradients),
        )
    )


def _forward(setter: Typesetter) -> Section:
    parts = [Part("In index notation:", chunks(setter.forward(False), PAGE))]
    if setter.layer.facts:
        parts.append(Part("The gradients hold where the following does, which is given:", chunks(setter.facts(), PAGE)))
    if any(not isinstance(s, Call) for s in setter.layer.statements):
        lines = [setter.statement(s, True) for s in setter.layer.statements]
        if any(line.right != other.right for line, other in zip(lines, setter.forward(False), strict=True)):
            parts.append(Part("In matrix notation:", chunks(lines, PAGE)))
    for callee in _callees(setter.layer):
        inner = Typesetter(callee, callee.symbols, LatexStyle)
        matrices = [line for line in inner.forward(True) if line.right not in {f.right for f in inner.forward(False)}]
        parts.append(Part(f"The layer {_signature(inner)} is", chunks(inner.forward(False) + matrices, PAGE)))
    return Section("Forward equations", parts)


def _callees(layer: Layer) -> list[Layer]:
    """The layers that a layer calls, and those that these call, each once."""
    called = [s.layer for s in layer.statements if isinstance(s, Call)]
    return list(dict.fromkeys(found for callee in called for found in (callee, *_callees(callee))))


def _signature(setter: Typesetter) -> str:
    """linear(X, W, b)"""
    names = [setter.style.name(s.name) for s in (*setter.layer.arguments, *setter.layer.options)]
    return f"${plain(setter.style.call(setter.layer.name, names))}$"


def _referred(gradients: Gradients) -> list[Layer]:
    """The sublayers whose gradients are called by a name and not written out, each once."""
    named = {part.name for parts in contributions(gradients).values() for part, _, _ in parts}
    named |= {d.symbol.name for d in gradients.derivations.values() if d.refers}
    calls = [c for b, c in gradients.forward_calls.items() if not named.isdisjoint(s.name for s in b.outputs)]
    return list(dict.fromkeys(c.layer for c in calls))


def _gradient_parts(setter: Typesetter, gradients: Gradients, matrices: bool) -> list[Part]:
    """Every gradient, and those of the sublayers whose derivations these refer to."""
    from derive.calculus.derivation import gradients as gradients_of

    parts = [Part("", chunks(setter.gradients(gradients, matrices, named=True), PAGE))]
    pending = _referred(gradients)
    for callee in pending:
        theirs = gradients_of(callee)
        inner = Typesetter.of(theirs, LatexStyle)
        given = ", ".join(
            rf"${inner.style.name(c.name)} = \partial L / \partial {inner.style.name(o.name)}$"
            for c, o in cotangents(theirs)
        )
        prose = f"The gradients of {_signature(inner)}" + (f", given {given}:" if given else ":")
        parts.append(Part(prose, chunks(inner.gradients(theirs, matrices, named=True), PAGE)))
        pending.extend(more for more in _referred(theirs) if more not in pending)
    return parts


def _conventions(setter: Typesetter, gradients: Gradients) -> Section:
    style = setter.style
    loss = next((style.name(d.loss) for d in gradients.derivations.values()), "L")
    sentences = [
        rf"{LAYOUT} $\mathrm{{d}}X$ is short for $\partial {loss} / \partial X$, which has the axes of $X$ "
        "in their order."
    ]
    for cotangent, output in cotangents(gradients):
        name = style.name(cotangent.name)
        sentences.append(
            rf"${name} = \partial {loss} / \partial {style.name(output.name)}$ is given; ${loss}$ is any scalar that "
            rf"depends on ${style.name(output.name)}$."
        )
    sentences += setter.contributions(gradients)
    if gradients.layer.has_leading:
        sentences.append(r"$\ell$ stands for all leading axes at once, and $|\ell|$ for the number of their entries.")
    sentences += ranges(setter, shown(gradients)) + readings(gradients.layer)
    if any(isinstance(a, (Bracket, Test)) for e in _expressions(gradients) for a in atoms(e)):
        sentences.append(r"$\left[\,\cdot\,\right]$ is 1 where the condition holds; elsewhere its whole term is 0.")
    if setter.matrices:
        sentences.append(
            r"In matrix notation, a tensor with one axis is a column, $\odot$ multiplies entry by entry, powers "
            r"$X^{\odot n}$ and functions apply to each entry, $\mathbf{1}$ is a column of ones, and a number in a sum "
            r"stands for a matrix filled with it."
        )
    return Section("Conventions", [Part(" ".join(sentences))])


def _expressions(gradients: Gradients) -> list[Expr]:
    return [value for _, value in shown(gradients)]


def _derivations(setter: Typesetter, gradients: Gradients, matrices: bool) -> Section:
    parts = []
    for symbol, value, derivation in summary(gradients):
        if derivation is None:
            lines = [setter.index_line(symbol, value), setter.matrix_line(symbol, value) if matrices else None]
            prose = f"The name ${setter.style.name(symbol.name)}$ stands for"
            parts.append(Part(prose, chunks([line for line in lines if line is not None], PAGE)))
            continue
        prose = f"The gradient with respect to ${setter.style.name(derivation.wrt.name)}$:"
        parts.append(Part(prose, chunks(setter.steps(derivation, matrices), PAGE)))
    return Section("Derivations", parts)


def _operators(setter: Typesetter) -> Section:
    parts = [Part("The entries of the operators above, in general:", chunks(setter.definitions(), PAGE))]
    for operator in setter.used:
        sizes = example_sizes(operator, setter.names)
        shown = ", ".join(f"${setter.style.name(n)} = {v}$" for n, v in sizes.items())
        matrix = toeplitz_matrix_latex(operator, sizes, setter.names, setter.layer.spellings)
        left = setter.style.operator(operator.letter, operator.of)
        parts.append(Part(f"For example, with {shown}:", [[f"{left} &= {matrix}"]]))
    return Section("Toeplitz operators", parts)
