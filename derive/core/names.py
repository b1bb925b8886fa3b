"""Names at the door: what may be called what, so that no name can turn into code or break a document."""

from __future__ import annotations

import builtins
import keyword
import re

from derive.errors import DefinitionError

IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z", re.ASCII)
MAX_LENGTH = 64
# Names that the generated module uses for itself.
RESERVED = frozenset({"np", "math", "as_strided", "residuals", "ell"})

GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi "
    "omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega".split()
)
# The commands that a LaTeX spelling may use, by whether they take an argument: nothing that reads, writes or defines.
LETTERS = GREEK | frozenset(
    "varepsilon vartheta varphi varrho varsigma ell imath jmath hbar nabla partial prime star ast dagger top "
    "bot".split()
)
ACCENTS = frozenset(
    "hat widehat bar overline tilde widetilde dot ddot vec mathbf mathrm mathcal mathbb mathfrak mathsf mathit "
    "boldsymbol bm text textrm".split()
)
MAX_SPELLING = 80
TOKENS = re.compile(r"\\(?:[A-Za-z]+|.)|.", re.DOTALL)


def check_name(name: object, what: str) -> str:
    """Return `name` if it may name a tensor, an axis, a size or an option; else say why it may not."""
    if not isinstance(name, str) or not IDENTIFIER.match(name):
        raise DefinitionError(
            f"{what} {shortened(name)}: a name is ASCII letters, digits and underscores, and starts with a letter. "
            "Rename it, and give its spelling with latex=…."
        )
    if len(name) > MAX_LENGTH:
        raise DefinitionError(f"{what} {name[:20]!r}…: a name has at most {MAX_LENGTH} characters. Shorten it.")
    if keyword.iskeyword(name):
        raise DefinitionError(
            f"{what} {name!r} is a Python keyword and cannot stand in generated code. Rename it, for example {name}_1."
        )
    if name == "pi":
        raise DefinitionError(f"{what} 'pi' would hide the constant π. Rename it, for example pi_1.")
    if hasattr(builtins, name) or name in RESERVED:
        raise DefinitionError(
            f"{what} {name!r} would shadow a name that generated code uses. Rename it, for example {name}_1."
        )
    return name


def shortened(value: object) -> str:
    """repr of whatever a person gave, in one line of bounded length."""
    try:
        text = " ".join(repr(value).split())
    except Exception:
        text = f"<{type(value).__name__}>"
    return text if len(text) <= MAX_SPELLING else text[: MAX_SPELLING - 1] + "…"


# LaTeX spellings


def check_latex(latex: object, name: str) -> str | None:
    """Return the LaTeX spelling of `name` if it is one symbol's worth of harmless LaTeX."""
    if latex is None:
        return None
    if not isinstance(latex, str) or not latex.strip() or len(latex) > MAX_SPELLING:
        raise DefinitionError(
            f"{name}: the LaTeX spelling {shortened(latex)} is not a text of 1 to {MAX_SPELLING} characters. "
            "Correct it."
        )
    tokens = Spelling(name, latex)
    tokens.symbols()
    tokens.expect_end()
    return latex


class Spelling:
    """Reads a spelling: letters, Greek, accents and fonts, each with at most one subscript and one superscript."""

    def __init__(self, name: str, latex: str):
        self.name = name
        self.latex = latex
        self.tokens = TOKENS.findall(latex)

    def fail(self, what: str, remedy: str) -> DefinitionError:
        return DefinitionError(f"{self.name}: the LaTeX spelling {self.latex!r} {what}. {remedy}")

    def symbols(self) -> None:
        while self.tokens and self.tokens[0] != "}":
            self.symbol()

    def symbol(self) -> None:
        """A letter, or something in braces, with its scripts."""
        token = self.tokens.pop(0)
        if token == "{":
            self.group()
        elif token[0] == "\\":
            self.command(token[1:])
        elif token in "_^'":
            raise self.fail(f"has nothing before {token!r}", "Write a letter there.")
        elif not re.fullmatch(r"[A-Za-z0-9 ,*+-]", token):
            raise self.fail(f"uses {token!r}", "Use letters, digits, accents, Greek and fonts.")
        self.scripts()

    def scripts(self) -> None:
        seen = []
        while self.tokens and self.tokens[0] in ("_", "^", "'"):
            token = self.tokens.pop(0)
            script = "^" if token == "'" else token
            if script in seen:
                raise self.fail(f"has two scripts {script!r} on one symbol", "Put both into one pair of braces.")
            seen.append(script)
            if token != "'":
                self.argument(token)

    def command(self, name: str) -> None:
        if name in ACCENTS:
            self.argument("\\" + name)
        elif name not in LETTERS and name not in (",", " ", ";"):
            raise self.fail(f"uses '\\{name}'", "Use letters, digits, accents, Greek and fonts.")

    def argument(self, of: str) -> None:
        """What a script or an accent is put on: one letter, or something in braces."""
        while self.tokens and self.tokens[0] == " ":
            self.tokens.pop(0)
        if not self.tokens or self.tokens[0] in ("}", "_", "^"):
            raise self.fail(f"has nothing after {of!r}", "Put it in braces: {…}.")
        token = self.tokens.pop(0)
        if token == "{":
            self.group()
        elif token[0] == "\\":
            self.command(token[1:])
        elif not re.fullmatch(r"[A-Za-z0-9*+-]", token):
            raise self.fail(f"uses {token!r}", "Use letters, digits, accents, Greek and fonts.")

    def group(self) -> None:
        self.symbols()
        if not self.tokens:
            raise self.fail("has a brace that is never closed", "Balance the braces.")
        self.tokens.pop(0)

    def expect_end(self) -> None:
        if self.tokens:
            raise self.fail("closes a brace that was never opened", "Balance the braces.")


def latex_of(name: str) -> str:
    """The LaTeX spelling of a plain name: d_k → d_{k}, W1 → W_{1}, gamma → \\gamma, Yhat → \\hat{Y}, logP → \\log P."""
    head, _, tail = name.partition("_")
    stem = re.fullmatch(r"([A-Za-z]+?)(\d+)", head)
    subscripts = [tail.replace("_", ",")] if tail else []
    if stem:
        head = stem.group(1)
        subscripts.insert(0, stem.group(2))
    return _letters(head) + ("_{" + ",".join(_subscript(s) for s in subscripts) + "}" if subscripts else "")


def _subscript(text: str) -> str:
    return ",".join(_letters(part) if not part.isdigit() else part for part in text.split(",") if part)


def _letters(head: str) -> str:
    if head in GREEK:
        return "\\" + head
    if re.fullmatch("log[A-Z]", head):
        return rf"\log {head[3:]}"
    for accent in ("hat", "bar", "tilde"):
        stem = head.removesuffix(accent)
        if stem != head and (len(stem) == 1 or stem in GREEK):
            return f"\\{accent}{{{_letters(stem)}}}"
    return head if len(head) == 1 else f"\\mathit{{{head}}}"
