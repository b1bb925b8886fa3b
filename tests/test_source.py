"""The text of the modules: the core knows no layer, a layer knows no gradient, and no text becomes code."""

from __future__ import annotations

import ast
import builtins
import re

import pytest
from source import CORE, DERIVE, LAYERS, identifiers, strings, tree

from derive.core.primitives import PRIMITIVES

# Words of the mathematics that are layers' names too: affine indices, Toeplitz matrices. In names and sentences they
# are allowed; as whole strings, by which code could tell such a layer from others, they are not.
MATHEMATICS = {"affine", "elementwise", "toeplitz"}


def layer_names() -> set[str]:
    """The catalogue as its files show it: their names, and the functions that they decorate with @layer."""
    functions = [n for p in LAYERS.values() for n in ast.walk(tree(p)) if isinstance(n, ast.FunctionDef)]
    decorated = {f.name for f in functions if "layer" in map(ast.unparse, f.decorator_list)}
    return decorated | {name.rpartition(".")[2] for name in LAYERS if name.count(".") == 3}


def words(text: str) -> str:
    """`match_affine`, `matchAffine` → " match affine "."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text.replace("_", " ")).lower()
    return f" {' '.join(re.findall('[a-z0-9]+', spaced))} "


def said(text: str, names: set[str]) -> set[str]:
    """The layers that an identifier or a text names, alone or among other words: `softmax_bwd` names softmax."""
    return {name for name in names if words(name) in words(text)}


def is_example(text: str) -> bool:
    """A command in the help, as `derive show linear`."""
    return text.startswith("derive ")


# A layer that is a scalar function bears the name of its row in the table of primitives.
NAMES = layer_names() - set(PRIMITIVES)


def test_the_catalogue_is_found():
    wanted = "affine linear relu tanh sigmoid softmax toeplitz conv1d attention least_squares mse mlp"
    assert layer_names() >= set(wanted.split())


# A rewrite of the equations by which these modules know a softmax bears its name in the literature: the online softmax.
ONLINE_SOFTMAX = {
    *("derive.calculus.blockwise", "derive.calculus.families", "derive.calculus.online_softmax"),
    *("derive.lowering.blocks", "derive.lowering.blockwise", "derive.lowering.ranges", "derive.lowering.tiles"),
    *("derive.cli", "derive.documents.plain_text", "derive.witnesses.evidence"),
}


@pytest.mark.parametrize("name", CORE)
def test_the_core_knows_no_layer_by_name(name):
    module, names = tree(CORE[name]), NAMES - {"softmax"} if name in ONLINE_SOFTMAX else NAMES
    texts = [s for s in strings(module) if not is_example(s)]
    assert [text for text in {*identifiers(module), *texts} if said(text, names - MATHEMATICS)] == []
    assert [text for text in texts if text in names] == []


@pytest.mark.parametrize("text", ["softmax", "softmax_rule", "d_softmax", "SoftmaxRule", "P = softmax(S)"])
def test_the_search_for_names_finds_them(text):
    assert said(text, {"softmax", "least_squares"}) == {"softmax"}
    assert said(text.replace("softmax", "least_squares").replace("Softmax", "LeastSquares"), {"least_squares"})


def test_the_search_for_names_finds_nothing_else():
    assert said("softmaximum least of all squares", {"softmax", "least_squares"}) == set()


GRADIENT = re.compile(r"grad|backward|backprop|[vj][vj]p|cotangent|adjoint|jacobian|derivative|_bwd|∂|∇", re.IGNORECASE)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_says_nothing_of_gradients(name):
    assert GRADIENT.findall(LAYERS[name].read_text(encoding="utf-8")) == []


TEXT_TO_CODE = {"sympify", "parse_expr", "lambdify", "eval", "exec", "compile", "__import__"}
# The generated module is run, to be used and to be checked: our own text, of names that passed the whitelist.
RUNS_GENERATED_CODE = {("derive.lowering.render", "exec"), ("derive.lowering.render", "compile")}


def turned_to_code(module: ast.Module) -> set[str]:
    """The functions that make code of text and that the module imports, calls or passes on.

    A method may be called eval or compile: of these names only the builtin counts.
    """
    nodes = list(ast.walk(module))
    loaded = {n.id for n in nodes if isinstance(n, ast.Name)}
    imported = {a.name for n in nodes if isinstance(n, ast.Import | ast.ImportFrom) for a in n.names}
    attributes = {n.attr for n in nodes if isinstance(n, ast.Attribute) and not hasattr(builtins, n.attr)}
    return TEXT_TO_CODE & (loaded | imported | attributes)


@pytest.mark.parametrize("name", DERIVE)
def test_no_text_becomes_code(name):
    assert {(name, function) for function in turned_to_code(tree(DERIVE[name]))} <= RUNS_GENERATED_CODE


@pytest.mark.parametrize(
    "code", ["eval('1')", "sympy.sympify(x)", "from sympy import sympify as s", "map(eval, x)", "lambdify((x,), y)"]
)
def test_the_search_for_text_that_becomes_code_finds_it(code):
    assert turned_to_code(ast.parse(code))


def test_methods_of_these_names_are_no_concern():
    assert turned_to_code(ast.parse("re.compile('a'); f.eval(x)")) == set()
