"""Layers by name and from files, and what is said about those that cannot be had."""

import sys
from pathlib import Path

import pytest

from derive.core.layer import Layer
from derive.errors import UsageError
from derive.loading import all_layers, families, load, load_all, load_function, stems

OWN = """
from sympy import Sum
from derive.language.definition import Parameter, Tensor, axes, define, layer
from derive.layers.linear_maps.linear import linear

i, j = axes("i=n j=m")

@layer
def bilinear(x: Tensor[i], A: Parameter[i, j], y: Tensor[j]):
    \"\"\"s = xᵀ A y\"\"\"
    return define("s", (), Sum(x[i] * A[i, j] * y[j], i, j))
"""
SECOND = """
@layer
def doubled(x: Tensor[i]):
    \"\"\"y = 2x\"\"\"
    return define("y", (i,), 2 * x[i])
"""


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = "mine.py") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def message(call, *arguments) -> str:
    with pytest.raises(UsageError) as caught:
        call(*arguments)
    return str(caught.value)


@pytest.mark.parametrize("name", all_layers())
def test_every_layer_loads_by_name(name):
    assert load(name).name == name
    assert load(name) is all_layers()[name]


def test_every_file_of_the_catalogue_holds_a_layer():
    for name in stems().values():
        module = sys.modules[f"derive.layers.{name}"]
        assert any(isinstance(value, Layer) for value in vars(module).values()), name


def test_every_layer_stands_in_one_family():
    listed = [name for layers in families().values() for name in layers]
    assert sorted(listed) == sorted(all_layers())
    assert "softmax" in families()["Activations, entry by entry or along a row"]


def test_an_unknown_layer_is_answered_with_the_nearest():
    assert message(load, "atention") == (
        "there is no layer 'atention'. Did you mean attention? For a layer of your own, give its file: my_layers.py."
    )


def test_a_name_like_no_other_is_answered_with_where_all_are():
    assert message(load, "zzzzzz") == (
        "there is no layer 'zzzzzz'. 'derive list' shows all. For a layer of your own, give its file: my_layers.py."
    )


def test_a_layer_from_a_file(write):
    path = write(OWN)
    assert load(str(path)).name == "bilinear"
    assert load(f"{path}:bilinear").name == "bilinear"


def test_what_a_file_imports_is_not_its_own(write):
    assert [layer.name for layer in load_all(str(write(OWN + SECOND)))] == ["bilinear", "doubled"]


def test_one_of_several_must_be_named(write):
    path = write(OWN + SECOND)
    assert message(load, str(path)) == f"{path} holds 2 layers: bilinear, doubled. Say which: {path}:bilinear."
    assert load(f"{path}:doubled").name == "doubled"


def test_files_beside_it_can_be_imported(write):
    write(OWN, "helper_of_mine.py")
    path = write("from helper_of_mine import *\n" + SECOND)
    assert "doubled" in [layer.name for layer in load_all(str(path))]
    assert str(path.parent) not in sys.path
    sys.modules.pop("helper_of_mine")


def test_nothing_compiled_stays_beside_it(write):
    path = write(OWN)
    load(str(path))
    assert [p.name for p in path.parent.iterdir()] == ["mine.py"]


BAD_FILES = {
    "no layer": ("x = 1\n", "{path} has no layer. Decorate a function of tensors with @layer"),
    "only imports": ("from derive.layers.linear_maps.linear import linear\n", "{path} has no layer."),
    "fails": ("x = 1\ny = x / 0\n", "{path}, line 2: it fails while loading with ZeroDivisionError: division by zero."),
    "syntax": ("def f(:\n", "{path}, line 1: it fails while loading with SyntaxError: invalid syntax."),
    "exits": ("raise SystemExit('enough')\n", "{path}, line 1: it fails while loading with SystemExit: enough."),
    "import": (
        "import not_there\n",
        "{path}, line 1: it fails while loading with ModuleNotFoundError: No module named",
    ),
    "bad layer": (
        OWN.replace("Sum(x[i] * A[i, j] * y[j], i, j)", "Sum(x[i] * A[i, j] * y[j], j)"),
        "{path}, line 11: bilinear: s: index i is free on the right but does not stand on the left.",
    ),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_files_that_cannot_be_used(write, kind):
    text, expected = BAD_FILES[kind]
    path = write(text)
    assert message(load, str(path)).startswith(expected.format(path=path))


def test_a_file_that_is_not_there():
    assert message(load, "nowhere.py") == "there is no file nowhere.py. Check the path."
    assert message(load, "nowhere.py:name") == "there is no file nowhere.py. Check the path."


def test_a_layer_that_is_not_in_the_file(write):
    path = write(OWN)
    assert message(load, f"{path}:bilinar") == f"{path} has no layer 'bilinar'. Did you mean bilinear?"


def test_a_function_from_a_file(write):
    path = write("import math\n\ndef backward(x):\n    return x\n\nlimit = 3\n")
    assert load_function(f"{path}:backward")(4) == 4
    assert message(load_function, f"{path}:backwards") == f"{path} has no function 'backwards'. Did you mean backward?"
    assert message(load_function, f"{path}:limit") == f"limit in {path} is not a function but int. Name a function."
    assert "Give a file and a function" in message(load_function, str(path))
