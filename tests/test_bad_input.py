"""Each mistake is answered with what is wrong, where in index notation, and what to do, word for word."""

from __future__ import annotations

import ast
import linecache
import os
import textwrap
from pathlib import Path

import pytest

from derive.core.names import IDENTIFIER, RESERVED
from derive.errors import DeriveError
from derive.printers import numpy_helpers

TABLE = Path(__file__).with_name("bad_input.txt")
HEAD = """\
import sympy
from sympy import *
from derive.language import *
from derive.layers.convolutions.conv1d import conv1d
from derive.layers.linear_maps.linear import linear
from derive.layers.activations.softmax import softmax

b, i, j, k, o, t = axes("b=B i=n j=n k=m o=d_out t=T")
"""
BODY = """\
@layer
def bad(X: Tensor[i, k], W: Parameter[k, o], v: Tensor[i], c: Tensor[()]):
"""


def blocks(text: str) -> list[tuple[str, str]]:
    """(code, message) for each block of the table."""
    found = []
    for block in text.split("\n\n"):
        lines = [line for line in block.strip().splitlines() if not line.startswith("#")]
        code = [line for line in lines if not line.startswith("! ")]
        if code:
            found.append(("\n".join(code), " ".join(line[2:] for line in lines if line.startswith("! "))))
    return found


def run(code: str) -> None:
    """Run a block as the table says."""
    if "@layer" not in code and not code.startswith(("axes", "Axis", "layer", "Integer")):
        lines = code.splitlines()
        if not any(line.startswith(("return", "for row")) for line in lines):
            lines[-1] = f"return {lines[-1]}"
        code = BODY + textwrap.indent("\n".join(lines), "    ")
    namespace: dict = {}
    exec(compile(HEAD, "<head>", "exec", dont_inherit=True), namespace)
    # Messages quote the line of the definition.
    name = f"<bad input {abs(hash(code))}>"
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    exec(compile(code, name, "exec", dont_inherit=True), namespace)


CASES = blocks(TABLE.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("code", "message"), CASES, ids=[code.splitlines()[-1].strip()[:60] for code, _ in CASES])
def test_what_is_said(code, message):
    with pytest.raises(DeriveError) as caught:
        run(code)
    assert str(caught.value) == message


def test_every_message_says_what_to_do():
    """A sentence that starts with a verb stands at the end of each, and none shows an object's address or a class."""
    for code, message in CASES:
        assert message.endswith((".", "…")), code
        assert message.count(". ") >= 1 or ": " in message, code
        for word in ("object at 0x", "DeriveError", "Traceback", "NoneType", "sympy."):
            assert word not in message, code


def test_no_name_can_hide_one_of_the_generated_modules_own():
    """What a generated module imports is reserved; its helpers start as no name of a person's can."""
    tree = ast.parse(Path(numpy_helpers.__file__).read_text(encoding="utf-8"))
    imported = {
        a.asname or a.name for n in ast.walk(tree) if isinstance(n, (ast.Import, ast.ImportFrom)) for a in n.names
    }
    helpers = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert imported and imported <= RESERVED
    assert helpers and all(name.startswith("_") and not IDENTIFIER.match(name) for name in helpers)


def update() -> None:
    """Write the messages as they are now into the table; the changes are then read as a person would read them."""
    result = []
    for block in TABLE.read_text(encoding="utf-8").split("\n\n"):
        lines = [line for line in block.rstrip().splitlines() if not line.startswith("! ")]
        code = "\n".join(line for line in lines if not line.startswith("#"))
        if code.strip():
            try:
                run(code)
                message = "NO ERROR"
            except DeriveError as error:
                message = str(error)
            lines += [f"! {line}" for line in textwrap.wrap(message, 116, break_on_hyphens=False)]
        result.append("\n".join(lines))
    TABLE.write_text("\n\n".join(result).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__" and os.environ.get("UPDATE_BAD_INPUT"):
    update()
