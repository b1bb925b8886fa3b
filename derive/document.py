"""Documents: the gradients of a layer as LaTeX, as a fragment or a whole file, and as text for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from derive.axes import LEADING, LEADING_SIZE
from derive.errors import UsageError
from derive.layer import Call, Layer, Role, Symbol
from derive.printers.escape import comment, escape
from derive.printers.latex import LatexStyle
from derive.printers.lines import broken, continued, plain, width
from derive.printers.text import AsciiStyle, TextStyle
from derive.steps import Derivation, Gradients
from derive.terms import Bracket, Expr, Read, Test, atoms
from derive.terminal import to_ascii
from derive.typeset import Line, Typesetter, cotangents, summary

# Widths of a text block, in points: that of an article as it comes, and that of our own page.
ARTICLE, PAGE = 338.0, 450.0
# How high a display may get before it is set as two, so that a page can break between them.
TALLEST = 250.0
WIDEST_RULE = 125.0
NOTATIONS = ("matrix", "index")

LAYOUT = "Each gradient is laid out in the shape of its variable."
CORRELATION = (
    "Convolution here is cross-correlation: the kernel is not flipped. A read outside a tensor is 0 (zero padding)."
)


# latex


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
    """One derivation as an aligned block, without the layer's own spellings and operators."""
    setter = Typesetter(Layer("", (), (), (), ()), derivation.names, LatexStyle)
    return aligned(setter.steps(derivation, matrices), room)


def _fragment(gradients: Gradients, matrices: bool, steps: bool) -> str:
    from derive.templates_loader import latex_environment

    setter = Typesetter.of(gradients, LatexStyle)
    blocks = _gradient_blocks(setter, gradients, matrices, steps, ARTICLE)
    definitions = setter.definitions()
    if definitions:
        blocks.append(rows(definitions, ARTICLE))
    remarks = [f"The gradients of {comment(gradients.layer.name)}. Needs \\usepackage{{amsmath}}."]
    remarks += [comment(plain(r)) for r in _remarks(setter, gradients)]
    template = latex_environment().get_template("latex_fragment.tex.j2")
    return template.render(remarks=remarks, blocks=blocks)


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


def aligned(lines: Sequence[Line], room: float) -> str:
    """Lines as one aligned environment."""
    return "\n".join([r"\begin{aligned}", *rows(lines, room), r"\end{aligned}"])


def chunks(lines: Sequence[Line], room: float) -> list[list[str]]:
    """Lines as blocks of rows, none too high for a page; each block starts with its left-hand side."""
    blocks: list[list[Line]] = [[]]
    height = 0.0
    left = ""
    fitted = _room(lines, room)
    for line in lines:
        more = sum(27.0 if r"\frac" in part or r"\sum" in part else 16.0 for part in broken(line.right, fitted))
        left = line.left or left
        if blocks[-1] and height + more > TALLEST:
            blocks.append([])
            height, line = 0.0, Line(left, line.right, line.remark)
        blocks[-1].append(line)
        height += more
    return [rows(b, room) for b in blocks if b]


def _room(lines: Sequence[Line], room: float) -> float:
    """What is left for right-hand sides beside left-hand sides and remarks that stand at the right."""
    left = max(width(line.left) for line in lines)
    return room - left - 13.0 - (_remark_width(lines, room) or 0.0)


def _remark_width(lines: Sequence[Line], room: float) -> float | None:
    """How wide the column of remarks is; None where remarks must stand on rows of their own."""
    left = max(width(line.left) for line in lines)
    remark = max(width(line.remark) for line in lines)
    if not remark:
        return 0.0
    beside = remark + 24.0
    return beside if remark <= WIDEST_RULE and room - left - beside > room / 3 else None


def rows(lines: Sequence[Line], room: float) -> list[str]:
    """Rows of an aligned environment: left &= right && remark, broken where they would leave the page."""
    beside = _remark_width(lines, room) is not None
    fitted = _room(lines, room)
    result: list[str] = []
    for line in lines:
        first, *others = broken(line.right, fitted)
        remark = f" && {line.remark}" if line.remark and beside else ""
        result.append(f"{line.left} &= {first}{remark}".strip())
        result.extend(rf"&\quad {continued(other)}" for other in others)
        if line.remark and not beside:
            result.append(rf"&\qquad {line.remark}")
    return [row + r" \\" for row in result[:-1]] + result[-1:]


# what to say beside the equations


def _remarks(setter: Typesetter, gradients: Gradients) -> list[str]:
    """Conventions that a reader needs, as far as they are used; names are spelled by the style."""
    style = setter.style
    remarks = [LAYOUT]
    loss = next((d.loss for d in gradients.derivations.values()), "L")
    for cotangent, output in cotangents(gradients):
        partial = f"d{style.name(loss)}/d{style.name(output.name)}"
        remarks.append(f"{style.name(cotangent.name)} = {partial} is given, {style.name(loss)} any scalar.")
    if gradients.layer.has_leading:
        remarks.append(f"{style.index(LEADING.name)} stands for all leading axes.")
    if reads_affine(gradients.layer):
        remarks.append(CORRELATION)
    return remarks


def expressions(gradients: Gradients) -> list[Expr]:
    return [e.expr for e in gradients.layer.equations] + [value for _, value, _ in summary(gradients)]


def reads_affine(layer: Layer) -> bool:
    """Is some tensor read at more than plain indices?"""
    equations = [e.expr for e in layer.equations]
    inner = [c.layer for c in layer.statements if isinstance(c, Call)]
    affine = any(isinstance(a, Read) and any(at.plain is None for at in a.at) for e in equations for a in atoms(e))
    return affine or any(map(reads_affine, inner))


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


@dataclass(frozen=True)
class SymbolRow:
    """A row of the table of symbols."""

    symbol: str
    code: str
    shape: str
    meaning: str


def _document(gradients: Gradients, matrices: bool, steps: bool) -> str:
    from derive.templates_loader import latex_environment

    layer = gradients.layer
    setter = Typesetter.of(gradients, LatexStyle)
    sections = [_forward(setter), _conventions(setter, gradients, matrices)]
    shown = chunks(setter.gradients(gradients, matrices, named=True), PAGE)
    sections.append(Section("Gradients", [Part("", shown)]))
    if steps:
        sections.append(_derivations(setter, gradients, matrices))
    if setter.used:
        sections.append(_operators(setter))
    return latex_environment().get_template("latex.tex.j2").render(
        title=rf"The gradients of \texttt{{{escape(layer.name)}}}",
        summary=escape(layer.doc.partition("\n\n")[0]),
        sections=sections,
        symbols=[_row(setter, gradients, s) for s in _listed(setter, gradients)],
    )


def _forward(setter: Typesetter) -> Section:
    parts = [Part("In index notation:", chunks(setter.forward(False), PAGE))]
    if any(not isinstance(s, Call) for s in setter.layer.statements):
        lines = [setter.statement(s, True) for s in setter.layer.statements]
        if any(line.right != other.right for line, other in zip(lines, setter.forward(False), strict=True)):
            parts.append(Part("In matrix notation:", chunks(lines, PAGE)))
    for callee in dict.fromkeys(s.layer for s in setter.layer.statements if isinstance(s, Call)):
        inner = Typesetter(callee, callee.symbols, LatexStyle)
        arguments = ", ".join(inner.style.name(s.name) for s in callee.arguments)
        prose = rf"The layer $\mathrm{{{escape(callee.name)}}}\left({arguments}\right)$ is"
        parts.append(Part(prose, chunks(inner.forward(False) + inner.forward(True), PAGE)))
    return Section("Forward equations", parts)


def _conventions(setter: Typesetter, gradients: Gradients, matrices: bool) -> Section:
    style = setter.style
    loss = next((style.name(d.loss) for d in gradients.derivations.values()), "L")
    sentences = [
        rf"{LAYOUT} $\mathrm{{d}}X$ is short for $\partial {loss} / \partial X$, which has the axes of $X$ in their order."
    ]
    for cotangent, output in cotangents(gradients):
        name = style.name(cotangent.name)
        sentences.append(
            rf"${name} = \partial {loss} / \partial {style.name(output.name)}$ is given; ${loss}$ is any scalar that "
            rf"depends on ${style.name(output.name)}$."
        )
    if gradients.layer.has_leading:
        sentences.append(rf"$\ell$ stands for all leading axes at once, and $|\ell|$ for the number of their entries.")
    if reads_affine(gradients.layer):
        sentences.append(CORRELATION)
    if any(isinstance(a, (Bracket, Test)) for e in expressions(gradients) for a in atoms(e)):
        sentences.append(r"$\left[\,\cdot\,\right]$ is 1 where the condition holds; elsewhere its whole term is 0.")
    if matrices:
        sentences.append(
            r"In matrix notation, a tensor with one axis is a column, $\odot$ multiplies entry by entry, powers "
            r"$X^{\odot n}$ and functions apply to each entry, $\mathbf{1}$ is a column of ones, and a number in a sum "
            r"stands for a matrix filled with it."
        )
    return Section("Conventions", [Part(" ".join(sentences))])


def _derivations(setter: Typesetter, gradients: Gradients, matrices: bool) -> Section:
    parts = []
    for symbol, value, derivation in summary(gradients):
        if derivation is None:
            parts.append(
                Part(
                    f"The name ${setter.style.name(symbol.name)}$ stands for",
                    chunks([setter.index_line(symbol, value)], PAGE),
                )
            )
            continue
        prose = f"The gradient with respect to ${setter.style.name(derivation.wrt.name)}$:"
        parts.append(Part(prose, chunks(setter.steps(derivation, matrices), PAGE)))
    return Section("Derivations", parts)


def _operators(setter: Typesetter) -> Section:
    from derive.toeplitz_matrix import example_sizes, toeplitz_matrix_latex

    parts = [Part("The entries of the operators above, in general:", chunks(setter.definitions(), PAGE))]
    for operator in setter.used:
        sizes = example_sizes(operator, setter.names)
        shown = ", ".join(f"${setter.style.name(n)} = {v}$" for n, v in sizes.items())
        matrix = toeplitz_matrix_latex(operator, sizes, setter.names, setter.layer.spellings)
        left = setter.style.operator(operator.letter, operator.of)
        parts.append(Part(f"For example, with {shown}:", [[f"{left} &= {matrix}"]]))
    return Section("Toeplitz operators", parts)


def _listed(setter: Typesetter, gradients: Gradients) -> Iterable[Symbol]:
    """Every symbol of the document, in order of rank; sizes and options last."""
    used = {s.name for s, _, _ in summary(gradients)} | set(gradients.layer.symbols)
    used |= {c.name for c, _ in cotangents(gradients)}
    symbols = [s for s in setter.names.values() if s.name in used and s.name != LEADING.name]
    return sorted(symbols, key=lambda s: (TABLE_ORDER.index(s.role), list(setter.names).index(s.name)))


TABLE_ORDER = [Role.INPUT, Role.PARAMETER, Role.VALUE, Role.COTANGENT, Role.ADJOINT, Role.OPTION, Role.SIZE]
MEANINGS = {Role.INPUT: "input", Role.PARAMETER: "parameter", Role.SIZE: "size"}


def _row(setter: Typesetter, gradients: Gradients, symbol: Symbol) -> SymbolRow:
    style = setter.style
    sizes = [rf"|\ell|" if i.size == LEADING_SIZE else setter.index.size(i.size) for i in symbol.axes]
    axes = setter.index.scope(symbol.axes)
    at = ",".join(axes.shown[i] for i in symbol.axes)
    shape = "$" + r" \times ".join(plain(s) for s in sizes) + "$" if sizes else "number"
    shown = f"${plain(setter.index.entry(symbol.name, symbol.axes))}$" if at else f"${style.name(symbol.name)}$"
    return SymbolRow(shown, rf"\texttt{{{escape(symbol.name)}}}", shape, _meaning(setter, gradients, symbol))


def _meaning(setter: Typesetter, gradients: Gradients, symbol: Symbol) -> str:
    if symbol.name in gradients.layer.outputs:
        return "output"
    derivation = next((d for d in gradients.derivations.values() if d.symbol.name == symbol.name), None)
    if derivation is not None:
        return f"gradient by ${setter.style.name(derivation.wrt.name)}$"
    output = next((o for c, o in cotangents(gradients) if c.name == symbol.name), None)
    if output is not None:
        return f"gradient by ${setter.style.name(output.name)}$, given"
    if symbol.role is Role.OPTION:
        kind = "real number" if symbol.least is None else f"integer, at least {symbol.least}"
        return kind if symbol.default is None else f"{kind}; {symbol.default} if not given"
    return MEANINGS.get(symbol.role, "intermediate value")


# text for the terminal


def equation_line(layer: Layer, ascii: bool = False) -> str:
    """The forward equations in one line."""
    setter = Typesetter(layer, layer.symbols, AsciiStyle if ascii else TextStyle)
    return "; ".join(f"{line.left} = {plain(line.right)}" for line in setter.forward(True))


def show_text(gradients: Gradients, ascii: bool = False) -> str:
    """The forward equations and every gradient, in matrix notation where there is one."""
    setter = Typesetter.of(gradients, AsciiStyle if ascii else TextStyle)
    layer = gradients.layer
    forward = setter.forward(True)
    backward = setter.gradients(gradients, True, named=True)
    remarks = _remarks(setter, gradients)
    if not ascii:
        remarks = [r.replace("= dL/d", "= ∂L/∂") for r in remarks]
    where = [f"where {line.left} = {plain(line.right)}" for line in setter.definitions()]
    doc = layer.doc.partition("\n\n")[0].replace("\n", " ")
    blocks = [[f"{layer.name}: {doc}" if doc else layer.name], _columns(forward), _columns(backward), where, remarks]
    text = "\n\n".join("\n".join(b) for b in blocks if b) + "\n"
    return to_ascii(text) if ascii else text


def _columns(lines: Sequence[Line]) -> list[str]:
    """Equations with their equals signs below one another, and their remarks behind, or above where all have one."""
    common = lines[0].remark if lines else ""
    if common and all(line.remark == common for line in lines):
        return [f"  {common}:", *_columns([replace(line, remark="") for line in lines])]
    left = max(len(line.left) for line in lines)
    right = max((len(plain(line.right)) for line in lines if line.remark), default=0)
    shown = []
    for line in lines:
        text = f"    {line.left:>{left}} = {plain(line.right)}"
        shown.append(f"{text:<{left + right + 7}}   ({line.remark})" if line.remark else text)
    return shown
