"""The wheel holds what it must, and runs in an environment of its own, away from the checkout."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def run(*command: str | Path, cwd: Path) -> str:
    """What a command prints; it must succeed."""
    done = subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder, cwd=ROOT)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def files(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


@dataclass(frozen=True)
class Installed:
    """The wheel in a virtual environment, and an empty folder to work in."""

    environment: Path
    folder: Path

    def python(self, *arguments: str) -> str:
        return run(self.environment / "bin" / "python", *arguments, cwd=self.folder)

    def derive(self, *arguments: str) -> str:
        return run(self.environment / "bin" / "derive", *arguments, cwd=self.folder)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    environment, folder = tmp_path_factory.mktemp("environment"), tmp_path_factory.mktemp("folder")
    venv.create(environment, with_pip=True, symlinks=True)
    python = environment / "bin" / "python"
    # NumPy, SymPy and Jinja2 are lent by this environment, so that the test needs no network. A path file is not read
    # from a folder that is lent: the checkout, if it is installed there, stays out of sight.
    site = Path(sysconfig.get_path("purelib", vars={"base": str(environment), "platbase": str(environment)}))
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--force-reinstall", wheel, cwd=folder)
    return Installed(environment, folder)


def below(folder: str, pattern: str = "*") -> set[str]:
    """The files of the checkout below a folder, by the names that they have there."""
    found = (p for p in (ROOT / folder).rglob(pattern) if p.is_file() and "__pycache__" not in p.parts)
    return {p.relative_to(ROOT).as_posix() for p in found}


def test_the_wheel_holds_both_packages(files):
    assert below("derive", "*.py") | below("numeric", "*.py") <= files
    assert {f for f in files if f.startswith("derive/layers/")} == below("derive/layers")


def test_the_templates_lie_beside_the_modules_that_fill_them(files):
    templates = below("templates")
    assert templates
    assert {f for f in files if f.startswith("derive/templates/")} == {f"derive/{name}" for name in templates}


def test_the_wheel_holds_nothing_else(files):
    assert {f.partition("/")[0] for f in files} == {"derive", "derive_toolkit-0.1.0.dist-info", "numeric"}


def test_what_the_wheel_needs(metadata):
    assert (metadata["Name"], metadata["Requires-Python"]) == ("derive-toolkit", ">=3.11")
    needs = [need for need in metadata.get_all("Requires-Dist", []) if "extra ==" not in need]
    assert {re.match(r"[\w-]+", need).group().lower() for need in needs} == {"jinja2", "numpy", "sympy"}


def test_the_changelog_has_an_entry_for_this_version(metadata):
    assert f"\n## {metadata['Version']}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_what_runs_is_what_was_installed(installed, metadata):
    where = installed.python("-c", "import derive, numeric; print(derive.__file__, numeric.__file__, sep='\\n')")
    assert all(Path(line).is_relative_to(installed.environment) for line in where.splitlines())
    assert installed.derive("--version").strip() == f"derive {metadata['Version']}"
    assert installed.python("-c", "import derive; print(derive.__version__)").strip() == metadata["Version"]


def test_list(installed):
    listed = installed.derive("list")
    assert all(name in listed for name in ("attention", "conv1d", "linear", "toeplitz"))


@pytest.mark.parametrize(
    "command",
    [
        ("show", "attention"),
        ("latex", "linear"),
        ("latex", "attention", "--steps", "--document"),
        ("numpy", "conv1d"),
        ("numpy", "mlp"),
    ],
    ids=" ".join,
)
def test_it_prints_what_the_checkout_prints(installed, command):
    # The templates are found in both.
    printed = installed.derive(*command)
    assert printed.strip()
    assert printed == run(sys.executable, "-m", "derive", *command, cwd=ROOT)


def test_the_generated_module_needs_numpy_only(installed):
    installed.derive("numpy", "linear", "-o", "linear.py")
    code = "import sys, linear; print([m for m in ('derive', 'jinja2', 'sympy') if m in sys.modules])"
    assert installed.python("-c", code).strip() == "[]"


def test_check(installed):
    assert "linear" in installed.derive("check", "linear")


def test_it_is_a_module_too(installed):
    assert installed.python("-m", "derive", "list") == installed.derive("list")
