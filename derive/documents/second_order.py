"""Documents of second derivatives: the Hessians of a layer as text, and as LaTeX, a fragment or a whole file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from derive.calculus.forward import Tangents
from derive.calculus.inline import inlined
from derive.calculus.jacobian import Jacobian, Refusal
from derive.core.layer import Layer
from derive.documents.aligned import ARTICLE, PAGE, aligned, chunks, rows
from derive.documents.plain_text import columns
from derive.documents.second_typeset import SecondTypesetter, kink_remark, second_remarks
from derive.documents.typeset import Line, Typesetter
from derive.printers.escape import comment, escape
from derive.printers.latex import LatexStyle
from derive.printers.lines import plain
from derive.printers.text import AsciiStyle, TextStyle
from derive.terminal import to_ascii

Found = Sequence[Jacobian | Refusal]

TOO_LONG = "its entries have no short closed form; the product with a direction has"


def second_text(layer: Layer, found: Found, ascii: bool = False) -> str:
    """The forward equations, the gradients, H u and H for each variable, in matrix notation where there is one."""
    style = AsciiStyle if ascii else TextStyle
    plain_layer = inlined(layer)
    alone = len(found) == 1
    setters = [SecondTypesetter(f, style, alone) for f in found if isinstance(f, Jacobian)]
    doc = layer.doc.partition("\n\n")[0].replace("\n", " ")
    blocks = [[f"{layer.name}: {doc}" if doc else layer.name]]
    blocks.append(columns(Typesetter(plain_layer, plain_layer.symbols, style).forward(True)))
    gradients = _first(setters)
    blocks.append(columns(gradients) if gradients else [])
    for setter in setters:
        blocks.append(columns(_lines(setter, False)))
    said: dict[str, None] = {}
    for setter in setters:
        said.update((r, None) for r in _remarks(setter, "d" if ascii else "∂"))
    blocks.append(list(said))
    blocks.append([f"No second derivative by {f.wrt}: {f.reason}" for f in found if isinstance(f, Refusal)])
    text = "\n\n".join("\n".join(b) for b in blocks if b) + "\n"
    return to_ascii(text) if ascii else text


def _first(setters: Sequence[SecondTypesetter]) -> list[Line]:
    """The gradients, each line once."""
    lines: dict[tuple[str, str], Line] = {}
    for setter in setters:
        if setter.of.second is not None:
            for line in setter.setter.gradients(setter.of.second.first, True, named=True):
                lines.setdefault((line.left, line.right), line)
    return list(lines.values())


def _lines(setter: SecondTypesetter, latex: bool, matrices: bool = True) -> list[Line]:
    """H u and H."""
    of = setter.of
    if of.is_zero:
        return [setter.line(latex)]
    lines = setter.products(latex, matrices)
    if of.closed:
        lines.append(setter.line(latex) if matrices else setter.index_line(latex))
    return lines


def _remarks(setter: SecondTypesetter, d: str) -> Iterator[str]:
    of, style = setter.of, setter.style
    wrt, letter = style.name(of.wrt.name), setter.letter
    quote = style.quote
    direction = style.name(of.direction.name)
    if of.second is not None and setter.is_latex:
        yield f"{quote(direction)} is any direction shaped like {quote(wrt)}."
    elif of.second is not None and setter.alone:
        yield f"{letter} = {style.second(setter.loss, wrt)}, and {direction} is any direction shaped like {wrt}."
    elif of.second is not None:
        yield f"{letter} = {style.second(setter.loss, wrt)}."
    if not of.closed:
        yield f"{quote(setter.left(True)) if setter.is_latex else letter}: {TOO_LONG}."
    if (kink := kink_remark(setter)) and of.second is not None:
        yield (f"By {quote(wrt)}: {kink[0].lower()}{kink[1:]}" if not setter.alone else kink)
    for line in [] if setter.is_latex else setter.setter.definitions():
        yield f"Where {line.left} = {plain(line.right)}."
    yield from second_remarks(setter, d)


# LaTeX


def second_latex(
    layer: Layer, found: Found, notation: str = "matrix", steps: bool = False, document: bool = False
) -> str:
    """Second derivatives in LaTeX: a fragment for amsmath, or a file that compiles as it is."""
    setters = [SecondTypesetter(f, LatexStyle, len(found) == 1) for f in found if isinstance(f, Jacobian)]
    refused = [f for f in found if isinstance(f, Refusal)]
    matrices = notation == "matrix"
    if document:
        return _file(layer, setters, refused, matrices, steps, title(found))
    blocks: list[list[str]] = []
    for setter in setters:
        if steps:
            blocks += [block for lines in setter.steps() for block in chunks(lines, ARTICLE)]
        else:
            blocks += chunks(_lines(setter, True, matrices), ARTICLE)
    definitions = _definitions(setters)
    if definitions:
        blocks.append(rows(definitions, ARTICLE))
    said = [f"{title(found)} of {comment(layer.name)}. Needs \\usepackage{{amsmath}}."]
    said += [comment(plain(r)) for r in _said(setters)]
    said += [comment(f"No second derivative by {f.wrt}: {f.reason}") for f in refused]
    from derive.templating import latex_environment

    return latex_environment().get_template("latex_fragment.tex.j2").render(remarks=said, blocks=blocks)


def title(found: Found) -> str:
    """The second derivatives, or the Jacobians."""
    second = all(isinstance(f, Refusal) or f.second is not None for f in found)
    return "The second derivatives" if second else "The Jacobians"


def _said(setters: Sequence[SecondTypesetter]) -> list[str]:
    return list(dict.fromkeys(plain(r) for s in setters for r in _remarks(s, r"\partial ")))


def _definitions(setters: Sequence[SecondTypesetter]) -> list[Line]:
    found: dict[str, Line] = {}
    for setter in setters:
        found.update((line.left, line) for line in setter.setter.definitions())
    return list(found.values())


def jacobian_latex(of: Jacobian, steps: bool = False, room: float = PAGE) -> str:
    """One matrix of derivatives as an aligned block."""
    setter = SecondTypesetter(of, LatexStyle)
    lines = [line for part in setter.steps() for line in part] if steps else _lines(setter, True)
    return aligned([*lines, *setter.setter.definitions()], room)


def notebook_jacobian(of: Jacobian) -> str:
    """What a notebook shows."""
    from derive.documents.notebook import displayed

    return displayed(jacobian_latex(of))


def tangent_lines(of: Tangents, style_of) -> list[Line]:
    """The tangents in the order in which they are computed."""
    setter = Typesetter(inlined(of.layer), of.names, style_of)
    lines = [setter.best_line(e.symbol, e.expr) for e in of.tangents]
    return [*lines, *setter.definitions()]


def tangents_text(of: Tangents, ascii: bool = False) -> str:
    """Forward equations and tangents as text."""
    style = AsciiStyle if ascii else TextStyle
    whole = inlined(of.layer)
    forward = Typesetter(whole, whole.symbols, style).forward(True)
    given = ", ".join(u.shown for u in of.directions.values())
    blocks = [[of.layer.name], columns(forward), columns(tangent_lines(of, style))]
    blocks.append([f"{given}: given tangents, each shaped like its variable."])
    text = "\n\n".join("\n".join(b) for b in blocks) + "\n"
    return to_ascii(text) if ascii else text


def tangents_latex(of: Tangents, room: float = PAGE) -> str:
    return aligned(tangent_lines(of, LatexStyle), room)


def notebook_tangents(of: Tangents) -> str:
    """What a notebook shows."""
    from derive.documents.notebook import displayed

    return displayed(tangents_latex(of))


def _file(
    layer: Layer,
    setters: Sequence[SecondTypesetter],
    refused: Sequence[Refusal],
    matrices: bool,
    steps: bool,
    heading: str,
) -> str:
    from derive.documents.document import Part, Section
    from derive.documents.second_symbols import second_symbols
    from derive.templating import latex_environment

    whole = inlined(layer)
    forward = Typesetter(whole, whole.symbols, LatexStyle)
    sections = [Section("Forward equations", [Part("In index notation:", chunks(forward.forward(False), PAGE))])]
    said = _said(setters)
    said += [escape(f"No second derivative by {f.wrt}: {f.reason}") for f in refused]
    sections.append(Section("Conventions", [Part(" ".join(said))]))
    if first := _first(setters):
        sections.append(Section("Gradients", [Part("", chunks(first, PAGE))]))
    parts = []
    for setter in setters:
        name = setter.style.name(setter.of.wrt.name)
        parts.append(Part(f"By ${name}$:", chunks(_lines(setter, True, matrices), PAGE)))
    sections.append(Section(heading.removeprefix("The ").capitalize(), parts))
    if steps:
        derived = []
        for setter in setters:
            name = setter.style.name(setter.of.wrt.name)
            kind = "Hessian" if setter.of.second is not None else "Jacobian"
            titles = (f"The product with a direction, by ${name}$:", f"The {kind} by ${name}$:")
            for title, lines in zip(titles, setter.steps(), strict=False):
                derived.append(Part(title, chunks(lines, PAGE)))
        sections.append(Section("Derivations", derived))
    if definitions := _definitions(setters):
        sections.append(Section("Toeplitz operators", [Part("", chunks(definitions, PAGE))]))
    return (
        latex_environment()
        .get_template("latex.tex.j2")
        .render(
            title=rf"{heading} of \texttt{{{escape(layer.name)}}}",
            summary=escape(layer.doc.partition("\n\n")[0]),
            sections=sections,
            symbols=second_symbols(setters),
        )
    )
