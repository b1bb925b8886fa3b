"""Prose for LaTeX: what people wrote in docstrings and names, made harmless and legible."""

from __future__ import annotations

import re

from derive.printers.spelling import LETTERS

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "§": r"\S{}",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
    "\n": "\n",
}
MATH = {
    "ᵀ": r"^{\top}",
    "√": r"\surd ",
    "Σ": r"\sum ",
    "∂": r"\partial ",
    "·": r"\cdot ",
    "×": r"\times ",
    "⊙": r"\odot ",
    "‖": r"\Vert ",
    "∈": r"\in ",
    "≤": r"\leq ",
    "≥": r"\geq ",
    "≠": r"\neq ",
    "→": r"\to ",
    "−": "-",
    "±": r"\pm ",
    "∞": r"\infty ",
    "ℓ": r"\ell ",
    "²": "^{2}",
    "³": "^{3}",
    "½": r"\tfrac{1}{2}",
    "∑": r"\sum ",
    "∇": r"\nabla ",
    "⊤": r"^{\top}",
} | {sign: f"\\{name} " for name, sign in LETTERS.items() if name not in ("Sigma", "omicron")}


def escape(prose: str) -> str:
    """Prose as LaTeX text; a sign that LaTeX cannot set becomes a question mark."""
    return "".join(_character(c) for c in prose)


def _character(character: str) -> str:
    if character in SPECIAL:
        return SPECIAL[character]
    if character in MATH:
        return f"${MATH[character].strip()}$"
    if character.isascii():
        return character if character.isprintable() else " "
    return character if character.isalpha() and ord(character) < 0x180 else "?"


def comment(prose: str) -> str:
    """Prose for a LaTeX comment: one line of ASCII."""
    return re.sub(r"\s+", " ", prose).encode("ascii", "replace").decode("ascii")
