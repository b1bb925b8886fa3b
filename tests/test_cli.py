"""The command line: what it prints, its exit codes, and what it leaves behind."""

import ast
import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from derive import terminal
from derive.cli import main
from derive.loading import all_layers
from derive.terminal import Progress, to_ascii

COMMANDS = ["list", "show", "latex", "numpy", "check"]
OWN = """
from sympy import Sum
from derive.language.definition import Parameter, Tensor, axes, define, layer

i, o = axes("i=n o=m")

@layer
def gated(x: Tensor[i], A: Parameter[i, o], B: Parameter[i, o]):
    \"\"\"y = (A^T x)(B^T x)\"\"\"
    u = define("u", (o,), Sum(x[i] * A[i, o], i))
    v = define("v", (o,), Sum(x[i] * B[i, o], i))
    return define("y", (o,), u[o] * v[o])
"""


@pytest.fixture
def run(capsys):
    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            code = main(arguments)
        except SystemExit as exit_:
            code = exit_.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def own(tmp_path) -> Path:
    path = tmp_path / "my_layers.py"
    path.write_text(OWN, encoding="utf-8")
    return path


def process(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "derive", *arguments],
        capture_output=True,
        env={**os.environ, **environment},
        timeout=120,
    )


# help


def test_help_has_examples_of_every_command(run):
    code, out, _ = run("--help")
    assert code == 0
    assert all(f"\n  derive {command}" in out for command in COMMANDS)
    assert "exit codes: 0 fine, 1 a check failed, 2 wrong use" in out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    assert f"examples:\n  derive {command}" in out


def test_help_does_not_wait_for_sympy():
    code = "import sys; from derive.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    code += "print('loaded:', [m for m in ('sympy', 'numpy', 'jinja2') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert "loaded: []" in out


# what the commands print


def test_list_shows_every_layer_in_one_line(run):
    code, out, _ = run("list")
    assert code == 0
    assert sorted(line.split()[0] for line in out.splitlines() if line.startswith("  ")) == list(all_layers())
    assert all(len(line.split(maxsplit=1)) == 2 for line in out.splitlines() if line.startswith("  "))


def test_show(run):
    code, out, _ = run("show", "linear")
    assert code == 0
    assert "dW = Xᵀ G" in out


def test_latex(run):
    code, out, _ = run("latex", "linear", "--wrt", "W")
    assert code == 0
    assert r"X^{\top} G" in out
    code, out, _ = run("latex", "linear", "--notation", "index", "--steps")
    assert code == 0 and r"\begin{aligned}" in out
    code, out, _ = run("latex", "linear", "--document")
    assert code == 0 and r"\documentclass" in out


def test_numpy(run):
    code, out, _ = run("numpy", "linear")
    assert code == 0
    functions = [node.name for node in ast.parse(out).body if isinstance(node, ast.FunctionDef)]
    assert {"linear", "linear_fwd", "linear_bwd"} <= set(functions)


def test_check(run):
    code, out, err = run("check", "affine", "mse")
    assert (code, err) == (0, "")
    assert "affine  dW" in out and out.rstrip().endswith("checks passed, 2 layers")


def test_check_as_json(run):
    code, out, _ = run("check", "affine", "--json", "--seed", "3")
    report = json.loads(out)
    assert code == 0 and list(report) == ["ok", "layers"] and report["ok"] is True
    (layer,) = report["layers"]
    assert list(layer) == ["layer", "ok", "checks"] and layer["layer"] == "affine"
    for check in layer["checks"]:
        assert list(check) == ["witness", "value", "error", "tolerance", "ok"]
        assert isinstance(check["error"], float) and isinstance(check["tolerance"], float)


def test_a_file_of_ones_own_goes_everywhere(run, own):
    for command in (["show"], ["latex", "--steps"], ["numpy"], ["check"]):
        for name in (str(own), f"{own}:gated"):
            code, out, err = run(command[0], name, *command[1:])
            assert (code, err) == (0, ""), command
            assert out


# wrong use

WRONG = [
    (["show", "atention"], "there is no layer 'atention'. Did you mean attention?"),
    (["show", "nowhere.py"], "there is no file nowhere.py. Check the path."),
    (["check", "linear", "atention"], "Did you mean attention?"),
    (["latex", "linear", "--wrt", "V"], "linear has no tensor 'V' to differentiate by. There are: W, X, Y, b."),
    (["numpy", "linear", "--wrt", "V"], "linear has no tensor 'V'"),
    (["latex", "linear", "-o", "{tmp}"], "cannot be written"),
    (
        ["latex", "linear", "-o", "{tmp}/not/there.tex"],
        "{tmp}/not/there.tex cannot be written: No such file or directory.",
    ),
    (["check", "--seed", "-1"], "argument --seed: '-1' is not a seed; give an integer of at least 0"),
    (["check", "--seed", "x"], "argument --seed: 'x' is not a seed; give an integer of at least 0"),
    (["check", "linear", "--dtype", "float32"], "Give --against too."),
    (["check", "linear", "--against", "f.py"], "'f.py' does not name a function. Give a file and a function:"),
    (["check", "linear", "--against", "f.py:g"], "there is no file f.py"),
    (["frobnicate"], "invalid choice: 'frobnicate'"),
    (["show"], "the following arguments are required: LAYER"),
    ([], "the following arguments are required: COMMAND"),
    (["latex", "linear", "--notation", "tensor"], "invalid choice: 'tensor'"),
]


@pytest.mark.parametrize("arguments, message", WRONG, ids=[" ".join(row[0]) for row in WRONG])
def test_wrong_use_is_one_line_and_exit_2(run, tmp_path, arguments, message):
    code, out, err = run(*(a.format(tmp=tmp_path) for a in arguments))
    assert (code, out) == (2, "")
    assert message.format(tmp=tmp_path) in err
    assert err.startswith("derive") and err.count("\n") == 1 and "Traceback" not in err


def test_names_are_never_run(run, tmp_path):
    trace = tmp_path / "trace"
    code, _, err = run("show", f"__import__('os').system('touch {trace}')")
    assert code == 2 and not trace.exists()


# files


def test_output_goes_to_a_file_whole(run, tmp_path):
    path = tmp_path / "linear.py"
    code, out, err = run("numpy", "linear", "-o", str(path))
    assert (code, out, err) == (0, "", "")
    assert path.read_text(encoding="utf-8") == run("numpy", "linear")[1]
    assert [p.name for p in tmp_path.iterdir()] == ["linear.py"]


def test_what_was_there_stays_until_the_new_is_whole(run, tmp_path, monkeypatch):
    path = tmp_path / "linear.py"
    path.write_text("before")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(terminal.os, "replace", full)
    code, _, err = run("numpy", "linear", "-o", str(path))
    assert code == 2 and f"{path} cannot be written: No space left on device." in err
    assert path.read_text() == "before" and [p.name for p in tmp_path.iterdir()] == ["linear.py"]


def test_a_failure_writes_nothing(run, tmp_path):
    assert run("latex", "linear", "--wrt", "V", "-o", str(tmp_path / "x.tex"))[0] == 2
    assert list(tmp_path.iterdir()) == []


def test_a_device_is_written_to(run):
    assert run("numpy", "linear", "-o", os.devnull)[0] == 0
    assert Path(os.devnull).is_char_device()


def test_links_and_modes_are_kept(run, tmp_path):
    path, link = tmp_path / "real.py", tmp_path / "link.py"
    path.write_text("before")
    path.chmod(0o640)
    link.symlink_to(path)
    assert run("numpy", "linear", "-o", str(link))[0] == 0
    assert link.is_symlink() and "def linear" in path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o777 == 0o640


# terminals


@pytest.mark.parametrize("arguments", [["list"], ["show", "attention"], ["numpy", "softmax"], ["check", "softmax"]])
def test_ascii_where_unicode_cannot_be_shown(arguments):
    done = process(*arguments, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode("ascii")


def test_unicode_where_it_can():
    assert "ᵀ" in process("show", "linear", PYTHONIOENCODING="utf-8").stdout.decode("utf-8")


def test_to_ascii():
    assert to_ascii("dS = P ⊙ (G Vᵀ - δ 1ᵀ)/√d_k") == "dS = P * (G V^T - delta 1^T)/sqrt(d_k)"
    assert to_ascii("naïve 漢") == "naive ?"


def test_a_broken_pipe_is_quiet():
    command = f"{sys.executable} -m derive list | head -c 10"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60)
    assert len(done.stdout) == 10 and done.stderr == ""


def test_a_closed_output_is_quiet():
    command = f"{sys.executable} -m derive numpy attention | true"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_a_full_output_is_one_line():
    command = f"{sys.executable} -m derive numpy attention > /dev/full"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (2, "derive: the output cannot be written: No space left on device.\n")


def test_an_interrupt_is_quiet(run, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(import_module("derive.witnesses.check"), "check_layer", interrupted)
    assert run("check", "linear") == (130, "", "")


class Terminal:
    encoding = "utf-8"

    def __init__(self, watched: bool):
        self.watched, self.text = watched, ""

    def isatty(self) -> bool:
        return self.watched

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass


@pytest.mark.parametrize("watched", [True, False])
def test_progress_is_for_those_who_watch(watched):
    terminal = Terminal(watched)
    with Progress(terminal) as progress:
        progress.say("1/2 linear")
    assert terminal.text == ("\r\x1b[K1/2 linear\r\x1b[K" if watched else "")


def test_long_work_shows_progress(run, monkeypatch):
    terminal = Terminal(True)
    monkeypatch.setattr(sys, "stderr", terminal)
    run("check", "affine", "mse")
    assert "1/2 affine: steps" in terminal.text and "2/2 mse: generated code" in terminal.text
