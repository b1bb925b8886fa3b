"""The edge to the terminal and the disk: text in the encoding at hand, files written whole or not at all, progress."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import unicodedata
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from derive.errors import UsageError

# How mathematics is written where only ASCII can be shown; what is not here loses its accents or becomes "?".
ASCII = {
    "Σ": "sum", "∂": "d", "√": "sqrt", "⊙": "*", "·": "*", "×": "x", "ᵀ": "^T", "′": "'", "‖": "||",
    "−": "-", "–": "-", "—": "-", "→": "->", "≤": "<=", "≥": ">=", "≠": "!=", "∈": "in", "∞": "oo",
    "ℓ": "l", "⟨": "<", "⟩": ">", "…": "...", "“": '"', "”": '"', "’": "'", "⌊": "floor(", "⌋": ")", "✓": "ok",
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
    "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau",
    "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega", "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda",
    "Π": "Pi", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
}  # fmt: skip


def shows_unicode(stream: TextIO) -> bool:
    """Can the stream show the mathematics?"""
    with suppress(UnicodeEncodeError, LookupError):
        "Σ⊙ᵀ√∂δ".encode(stream.encoding or "ascii")
        return True
    return False


def to_ascii(text: str) -> str:
    """`text` in ASCII, spelled out where a sign has a name.

    >>> to_ascii("dW = Xᵀ G")
    'dW = X^T G'
    """
    text = re.sub(r"√(\w+)", r"sqrt(\1)", text)
    spelled = "".join(ASCII.get(character, character) for character in text)
    plain = unicodedata.normalize("NFKD", spelled)
    return "".join(c for c in plain if not unicodedata.combining(c)).encode("ascii", "replace").decode("ascii")


def say(text: str, stream: TextIO | None = None) -> None:
    """Print `text`, in ASCII where the stream cannot show it."""
    stream = stream or sys.stdout
    print(text if shows_unicode(stream) else to_ascii(text), file=stream)


def put(text: str, path: str | None) -> None:
    """Write an artefact to a file, or to standard output."""
    if path is None:
        say(text.removesuffix("\n"))
    else:
        write_whole(Path(path), text)


def write_whole(path: Path, text: str) -> None:
    """Write a file under another name and then rename it, so that nothing half-written is ever seen.

    Raises UsageError where it cannot be written.
    """
    try:
        path = path.resolve() if path.is_symlink() else path
        if path.exists() and not path.is_file():
            # A device or a pipe is written to, not replaced; a folder is an error.
            path.write_text(text, encoding="utf-8")
            return
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError(13, "Permission denied")
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            os.chmod(temporary, path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"{path} cannot be written: {reason}. Give another path with -o.") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


class Progress:
    """One line on a terminal that says what is being done; nothing where nobody watches."""

    def __init__(self, stream: TextIO | None = None):
        self.stream = stream or sys.stderr
        self.shown = bool(getattr(self.stream, "isatty", lambda: False)())

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.say("")

    def say(self, text: str) -> None:
        if self.shown:
            text = text if shows_unicode(self.stream) else to_ascii(text)
            self.stream.write(f"\r\x1b[K{text}")
            self.stream.flush()
