"""How names are shown: in LaTeX, in Unicode and in ASCII."""

from __future__ import annotations

import re

from derive.core.axes import LEADING
from derive.core.layer import Role
from derive.core.names import GREEK, latex_of
from derive.notation.ordering import Names

LETTERS = dict(
    zip(
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi "
        "omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega".split(),
        "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ",
        strict=True,
    )
)
assert set(LETTERS) == GREEK

ATOMIC = re.compile(r"(?:[A-Za-z]|\\[A-Za-z]+|\\[A-Za-z]+\{(?:[A-Za-z]+|\\[A-Za-z]+)\})\Z")
ACCENT = re.compile(r"\\(?:wide)?(?:hat|bar|tilde|vec|d?dot)\b")
COPY = re.compile(r"(.+?)(\d*)\Z")


def latex_name(name: str, names: Names) -> str:
    """The LaTeX of a tensor, a size or an option."""
    if name == LEADING.name:
        return r"|\ell|"
    symbol = names.get(name)
    if symbol is not None and symbol.latex:
        return symbol.latex
    if symbol is not None and symbol.role is Role.ADJOINT and name[:1] == "d" and name[1:] in names:
        return r"\mathrm{d}" + latex_name(name[1:], names)
    return latex_of(name)


def distinct(names: Names) -> dict[str, str]:
    """The LaTeX of every name; of two plain names that would look alike, as W1 and W_1 do, the second has a prime."""
    spelled: dict[str, str] = {}
    for name, symbol in names.items():
        latex = latex_name(name, names)
        while symbol.latex is None and latex in spelled.values():
            latex += "'"
        spelled[name] = latex
    return spelled


def latex_index(name: str, spellings) -> str:
    """The LaTeX of an index; a copy i1 of an index that its author spelled is the spelling with a subscript."""
    if name in spellings:
        return spellings[name]
    stem, number = COPY.match(name).groups()  # type: ignore[union-attr]
    if stem == LEADING.name:
        return r"\ell" + "'" * int(number or 0)
    spelled = spellings.get(stem)
    if spelled is None:
        return latex_of(name)
    if not number:
        return spelled
    return f"{spelled}_{{{number}}}" if ATOMIC.match(spelled) else f"{{{spelled}}}_{{{number}}}"


def text_name(name: str, names: Names, ascii: bool) -> str:
    """A tensor, a size or an option in plain text: γ, d_k, W1, and dY as it is displayed, G."""
    if name == LEADING.name:
        return "|...|" if ascii else "|ℓ|"
    symbol = names.get(name)
    shown = symbol.text if symbol is not None and symbol.text else name
    if ascii:
        return shown if shown.isascii() else name
    if symbol is not None and symbol.text in (None, name) and symbol.role is Role.ADJOINT and name[1:] in names:
        return "d" + text_name(name[1:], names, ascii) if name[0] == "d" else _greek(name)
    return _greek(shown)


def text_index(name: str, ascii: bool) -> str:
    if name.startswith(LEADING.name):
        return ("..." if ascii else "ℓ") + "'" * int(name[len(LEADING.name) :] or 0)
    return name if ascii else _greek(name)


def _greek(name: str) -> str:
    """gamma → γ, gamma_1 → γ_1, sigma2 → σ2"""
    head, mark, tail = name.partition("_")
    stem, number = COPY.match(head).groups() if head else ("", "")  # type: ignore[union-attr]
    return LETTERS.get(stem, stem) + number + mark + tail


def group(latex: str) -> str:
    r"""A name in braces. TeX takes braces off a lone accent, so spaces that cancel keep it company: {\hat{x}\!\,}."""
    return f"{{{latex}\\!\\,}}" if ACCENT.match(latex) else f"{{{latex}}}"


def composite(latex: str) -> bool:
    """Does a name need braces before it takes an index or a power?"""
    return not ATOMIC.match(latex)
