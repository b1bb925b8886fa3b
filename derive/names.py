"""Names at the door: what may be called what, so that no name can turn into code or break a document."""

import builtins
import keyword
import re

from derive.errors import DefinitionError

IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
MAX_LENGTH = 64
# Names that the generated module uses for itself.
RESERVED = frozenset({"np", "math", "residuals", "ell"})

GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi "
    "omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega".split()
)
# The commands a LaTeX spelling may use: letters, accents and fonts; nothing that reads, writes or defines.
SPELLING_COMMANDS = GREEK | frozenset(
    "varepsilon vartheta varphi varrho varsigma ell hat widehat bar overline tilde widetilde dot ddot vec mathbf "
    "mathrm mathcal mathbb mathfrak mathsf mathit boldsymbol bm prime star ast dagger top bot text textrm "
    "imath jmath hbar nabla partial".split()
)


def check_name(name: str, what: str) -> str:
    """Return `name` if it may name a tensor, an axis, a size or an option; else say why it may not."""
    if not isinstance(name, str) or not IDENTIFIER.match(name):
        raise DefinitionError(
            f"{what} {name!r}: a name is ASCII letters, digits and underscores, and starts with a letter. "
            "Rename it, and give its spelling with latex=…."
        )
    if len(name) > MAX_LENGTH:
        raise DefinitionError(f"{what} {name[:20]!r}…: a name has at most {MAX_LENGTH} characters. Shorten it.")
    if keyword.iskeyword(name):
        raise DefinitionError(f"{what} {name!r} is a Python keyword and cannot stand in generated code. Rename it.")
    if hasattr(builtins, name) or name in RESERVED:
        raise DefinitionError(
            f"{what} {name!r} would shadow a name that generated code uses. Rename it, for example {name}_1."
        )
    return name


def check_latex(latex: str | None, name: str) -> str | None:
    """Return the LaTeX spelling of `name` if it is one symbol's worth of harmless LaTeX."""
    if latex is None:
        return None
    commands = re.findall(r"\\([A-Za-z]+|.)", latex)
    strange = [c for c in commands if c not in SPELLING_COMMANDS]
    if strange or re.search(r"[^A-Za-z0-9_^{}\\ ',*+-]", latex) or len(latex) > 80:
        where = "\\" + strange[0] if strange else latex
        raise DefinitionError(
            f"{name}: the LaTeX spelling {latex!r} uses {where!r}. Use letters, digits, accents, Greek and fonts."
        )
    depth = 0
    for character in latex:
        depth += (character == "{") - (character == "}")
        if depth < 0:
            break
    if depth or not latex.strip():
        raise DefinitionError(f"{name}: the braces of the LaTeX spelling {latex!r} do not match. Balance them.")
    return latex


def latex_of(name: str) -> str:
    """The LaTeX spelling of a plain name: d_k → d_{k}, W1 → W_{1}, gamma → \\gamma, Yhat → \\hat{Y}."""
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
    for accent in ("hat", "bar", "tilde"):
        stem = head.removesuffix(accent)
        if stem != head and (len(stem) == 1 or stem in GREEK):
            return f"\\{accent}{{{_letters(stem)}}}"
    return head if len(head) == 1 else f"\\mathit{{{head}}}"
