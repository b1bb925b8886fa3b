"""The examples in docstrings and in the README run, and print what stands there."""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import shlex
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest
from source import ALL, ROOT

from derive.cli import main

README = ROOT / "README.md"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)

WITH_EXAMPLES = [name for name, path in ALL.items() if ">>>" in path.read_text(encoding="utf-8")]


def run(test: doctest.DocTest) -> int:
    """Run the examples of a docstring or a text; how many there were."""
    said = io.StringIO()
    result = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=said.write)
    assert result.failed == 0, said.getvalue()
    return result.attempted


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_docstrings(name):
    assert sum(run(test) for test in doctest.DocTestFinder().find(import_module(name))) > 0


@dataclass(frozen=True)
class Block:
    """A code block of the README; `file` is the name that the paragraph before it gives it, if it does."""

    language: str
    text: str
    file: str | None


def blocks() -> list[Block]:
    text = README.read_text(encoding="utf-8")
    found = []
    for match in BLOCK.finditer(text):
        before = text[: match.start()].rstrip().rpartition("\n\n")[2]
        name = re.search(r"`(\w+\.py)`:$", before)
        found.append(Block(match[1], match[2], name and name[1]))
    return found


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A working folder with the files that the README says to make."""
    for block in blocks():
        if block.file:
            (tmp_path / block.file).write_text(block.text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_python_in_the_readme():
    names: dict = {"__name__": "readme"}
    programs = [b.text for b in blocks() if b.language == "python" and not b.file]
    sessions = [b.text for b in blocks() if b.language == "pycon"]
    assert programs or sessions
    for program in programs:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(program, README.name, "exec"), names)
    for session in sessions:
        run(doctest.DocTestParser().get_doctest(session, names, README.name, str(README), 0))


def commands() -> list[tuple[str, str]]:
    """The README's commands of `derive`, with what it says that they print."""
    text = "".join(b.text for b in blocks() if b.language == "console")
    found = re.findall(r"^\$ (derive .*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)
    return [(command, printed) for command, printed in found if printed.strip() or names_what_exists(command)]


def names_what_exists(command: str) -> bool:
    """Are the files that a command reads among those that the README says to make?"""
    made = {b.file for b in blocks()}
    return all(name in made for name in re.findall(r"(?<!-o )\b\w+\.py\b", command))


def test_commands_in_the_readme(folder):
    assert any(expected.strip() for _, expected in commands()), "the README shows no command with what it prints"
    for command, expected in commands():
        terminal = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        with contextlib.redirect_stdout(terminal):
            code = main(shlex.split(command)[1:])
        printed = terminal.buffer.getvalue().decode("utf-8")
        if expected.strip():
            same = doctest.OutputChecker().check_output(expected, printed, FLAGS)
            assert same, f"$ {command}\n{printed}"
        else:
            assert code == 0, command
