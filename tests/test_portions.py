"""Loops over a few items of the leading axes: where there are any, what they compute, and how much memory they take."""

import ast
import math
import tracemalloc
from functools import cache

import numpy as np
import portion_layers as own
import pytest
from sympy import Symbol

from derive.core.axes import LEADING, Index
from derive.core.layer import Layer
from derive.loading import load, load_all
from derive.lowering.itemwise import Kind, kind_of
from derive.lowering.layout import FLAT_SIZE
from derive.lowering.program import Assign, CallLayer
from derive.lowering.render import compiled, loaded, numpy_source
from derive.lowering.values import (
    Contract,
    Expand,
    Extent,
    Fill,
    Inner,
    Map,
    Name,
    Number,
    Permute,
    Positions,
    Reduce,
    Reshape,
)
from derive.witnesses.check import check_layer
from derive.witnesses.evidence import Code, tupled

LAYERS = {layer.name: layer for layer in load_all(own.__file__)}
OVER_ITEMS = [name for name, layer in LAYERS.items() if layer is not own.alone]

# where the items lie

SHAPES = [(), (0,), (1,), (3,), (300,), (1, 1), (2, 3), (5, 0, 3), (2, 3, 70), (70, 3, 2), (1, 1, 400), (400, 1, 1)]
ENTRIES = [0, 1, 7, 2**10, 2**16 - 1, 2**16, 2**16 + 1, 2**20]


@pytest.fixture(scope="module")
def portions():
    return compiled(own.bump)._portions


@pytest.mark.parametrize("entries", ENTRIES)
@pytest.mark.parametrize("leading", SHAPES, ids=str)
def test_portions_are_all_items_once_and_in_order(portions, leading, entries):
    count = math.prod(leading)
    places = np.arange(count).reshape(leading)
    pieces = [places[at] for at in portions(leading, entries)]
    assert np.concatenate([np.ravel(piece) for piece in pieces]).tolist() == list(range(count))
    # There is always one, which sees to what is made being of the right shape and type.
    assert len(pieces) == 1 or all(piece.size for piece in pieces)


@pytest.mark.parametrize("entries", ENTRIES)
@pytest.mark.parametrize("leading", SHAPES, ids=str)
def test_a_portion_is_small_or_a_single_item(portions, leading, entries):
    for at in portions(leading, entries):
        piece = np.empty((*leading, 0))[at]
        *items, _ = piece.shape
        assert math.prod(items) * entries <= 2**16 or math.prod(items) == 1
        # The last of the axes is there, if there is any.
        assert len(items) >= min(1, len(leading))


@pytest.mark.parametrize(
    ("leading", "entries", "expected"),
    [
        ((), 9, [...]),
        ((4, 0), 9, [...]),
        ((4, 3), 9, [np.s_[0:2427]]),
        ((5,), 2**15, [np.s_[0:2], np.s_[2:4], np.s_[4:6]]),
        ((2, 3), 2**20, [(k, np.s_[n : n + 1]) for k in (0, 1) for n in range(3)]),
        ((2, 1, 3), 2**15, [(k, 0, np.s_[n : n + 2]) for k in (0, 1) for n in (0, 2)]),
        ((4, 2, 2), 2**14, [np.s_[0:1], np.s_[1:2], np.s_[2:3], np.s_[3:4]]),
    ],
)
def test_as_many_items_as_there_is_room_for(portions, leading, entries, expected):
    assert portions(leading, entries) == expected


# what goes item by item

n, m = (Symbol(name, integer=True, positive=True) for name in "nm")
i, j = Index("i", n), Index("j", m)
EACH, ROWS, PAIRS = (LEADING,), (LEADING, i), (LEADING, i, j)
X, Y, r = Name("X", axes=ROWS), Name("Y", axes=ROWS), Name("r", axes=EACH)
w, W = Name("w", axes=(i,)), Name("W", axes=(i, j))
FLAT = Index("rows", FLAT_SIZE)


def product(left, right, over=ROWS):
    return Map("mul", (left, right), axes=over)


def total(value, over, axes=(), op="sum", initial=None):
    return Reduce(op, value, over, initial, axes=axes)


def flat(value):
    return Reshape(value, ("rest", n), axes=(FLAT, i))


INNER = Inner(X, Y, ((0, 1), (0, 1), (0,)), axes=EACH)
BESIDE = Inner(flat(X), flat(Y), ((0, 1), (0, 1), (1,)), axes=(i,))
COLUMNS = total(flat(product(X, Y)), (0,), (i,))
MEAN = Map("div", (total(X, ()), Extent(n)), axes=())

KINDS = [
    # each entry of the leading axes from that entry of the operands
    ("a product", product(X, Y), Kind.ITEM),
    ("with what all items have in common", product(X, w), Kind.ITEM),
    ("with one number for each item", product(X, Expand(r, (False,), axes=EACH)), Kind.ITEM),
    ("the sum of a row", total(X, (-1,), EACH), Kind.ITEM),
    ("an inner product of rows", INNER, Kind.ITEM),
    ("a matrix for each item", Contract(Name("A", axes=PAIRS), Name("B", axes=PAIRS), axes=PAIRS), Kind.ITEM),
    ("the same, transposed", Permute(Name("A", axes=PAIRS), (-1, -2), axes=(LEADING, j, i)), Kind.ITEM),
    ("a product with one vector", Contract(X, w, axes=EACH), Kind.ITEM),
    # sums to which each item adds its part
    ("a sum over all entries", total(X, ()), Kind.SUM),
    ("its half", product(Number("0.5"), total(X, ()), ()), Kind.SUM),
    ("a mean", MEAN, Kind.SUM),
    ("minus a sum", Map("neg", (total(X, ()),), axes=()), Kind.SUM),
    ("a difference of sums", Map("sub", (total(X, ()), MEAN), axes=()), Kind.SUM),
    ("an inner product of all entries", Inner(X, Y, ((0, 1), (0, 1), ()), axes=()), Kind.SUM),
    ("a sum of columns", COLUMNS, Kind.SUM),
    ("inner products of columns", BESIDE, Kind.SUM),
    # nothing to do with the items
    ("of what all items have in common", product(w, w, (i,)), Kind.FREE),
    ("positions", Map(">=", (Positions(n), Number(3)), "mask", axes=(i,)), Kind.FREE),
    # all items at once
    ("a product with one matrix", Contract(X, W, axes=(LEADING, j)), Kind.WHOLE),
    ("with rows laid out as a matrix", Contract(flat(X), W, axes=(FLAT, j)), Kind.WHOLE),
    ("the largest of all entries", total(X, (), op="max"), Kind.WHOLE),
    ("a sum that starts with something", total(X, (), initial=Number(1)), Kind.WHOLE),
    ("a function of a sum", Map("exp", (total(X, ()),), axes=()), Kind.WHOLE),
    ("a product of sums", product(total(X, ()), total(Y, ()), ()), Kind.WHOLE),
    ("a number over a sum", Map("div", (Number(1), total(X, ())), axes=()), Kind.WHOLE),
    ("a sum and a number", Map("add", (total(X, ()), Number(1)), axes=()), Kind.WHOLE),
    ("each item less the mean of all", Map("sub", (X, MEAN), axes=ROWS), Kind.WHOLE),
    ("an array in the shape of the leading axes", Fill(Number(0), ("group", n), axes=ROWS), Kind.WHOLE),
    ("how many items there are", Map("div", (w, Extent(FLAT_SIZE)), axes=(i,)), Kind.WHOLE),
]


@pytest.mark.parametrize(("value", "kind"), [row[1:] for row in KINDS], ids=[row[0] for row in KINDS])
def test_how_a_value_goes_with_the_items(value, kind):
    assert kind_of(Assign("T", value)) is kind


def test_the_call_of_a_layer_is_of_all_items():
    assert kind_of(CallLayer("softmax", ("P",), ("S",), None, False, ())) is Kind.WHOLE


# where loops are


def loops(layer: Layer, way: str) -> list[tuple[str, list[str]]]:
    """What is gone through in each loop of a function, and the lines of the loop."""
    (node,) = [f for f in ast.parse(numpy_source(layer)).body if getattr(f, "name", "") == f"{layer.name}_{way}"]
    return [(ast.unparse(f.iter), [ast.unparse(s) for s in f.body]) for f in node.body if isinstance(f, ast.For)]


def heads(layer: Layer, way: str) -> list[str]:
    return [head for head, _ in loops(layer, way)]


@pytest.mark.parametrize("of", LAYERS.values(), ids=LAYERS)
def test_the_witnesses_agree(of):
    report = check_layer(of)
    assert report.ok, f"\n{report}"


@pytest.mark.parametrize(
    ("of", "forward", "backward"),
    [
        (own.bump, ["_portions(ell, 1)"], ["_portions(ell, 1)"]),
        (own.rows, [], ["_portions(ell, D)"]),
        (own.penalty, ["_portions(ell, D)"], ["_portions((*ell, D), 1)"]),
        # heads are gone through with the leading axes; and so is what no row needs as a whole
        (own.mixing, ["_portions((*ell, H), n * n)"], ["_portions((*ell, H), n * n)"]),
        (own.weighed, [], ["_portions((*ell, H, n), m)"]),
        # one before the product with one matrix, one behind
        (own.one_matrix, ["_portions((*ell, D), 1)", "_portions((*ell, O), 1)"], ["_portions(ell, O)"]),
        # to the sum over all items, and from there
        (own.whole, ["_portions(ell, D)", "_portions((*ell, D), 1)"], ["_portions(ell, D)", "_portions((*ell, D), 1)"]),
        # nothing is gained
        (own.cut, [], []),
        (own.shares, [], []),
        (load("relu"), [], []),
        (load("softmax"), [], []),
        (load("linear"), [], []),
        # the loop would have to keep a mask
        (own.halves, [], []),
    ],
    ids=lambda of: of.name if isinstance(of, Layer) else "",
)
def test_a_loop_is_where_much_is_made_and_dropped(of, forward, backward):
    assert (heads(of, "fwd"), heads(of, "bwd")) == (forward, backward)


def test_without_leading_axes_there_is_no_loop():
    assert "_portions" not in numpy_source(own.alone)


def test_what_is_the_same_for_all_items_is_computed_before_the_loop():
    (_, lines), *_ = loops(own.mixing, "fwd")
    assert "np.exp(np.where(mask, S, -np.inf), out=P[at])" in lines
    assert not any("arange" in line for line in lines)
    assert numpy_source(own.mixing).count("mask = np.arange(n)[:, None] >= np.arange(n)\n") == 1


def test_sums_over_the_items_are_added_up():
    ((_, lines),) = loops(own.rows, "bwd")
    assert [line[:6] for line in lines if " += " in line] == ["dg += ", "db += "]
    source = numpy_source(own.rows)
    assert "dg = np.zeros((D,), X.dtype)" in source and "db = np.zeros((D,), X.dtype)" in source
    ((_, lines),) = loops(own.penalty, "fwd")
    assert lines[-1].startswith("L += ")


def test_what_is_copied_is_copied_into_its_place():
    ((_, lines),) = loops(own.passed, "bwd")
    assert lines[0] == "dX[at] = dY[at]"


# what they compute

ROOM = (1, 2**3, 2**5, 2**7)
SIZES = {"D": 3, "H": 2, "n": 4, "m": 5, "O": 6}
FRONT = [(), (0,), (1,), (3,), (2, 3), (2, 0, 3), (2, 1, 2)]


def arrays(layer, leading, dtype):
    rng = np.random.default_rng(len(leading))
    shapes = [[SIZES[str(index.size)] for index in s.axes if not index.leading] for s in layer.arguments]
    grouped = [any(index.leading for index in s.axes) for s in layer.arguments]
    shapes = [(*leading, *shape) if group else tuple(shape) for shape, group in zip(shapes, grouped, strict=True)]
    found = [rng.normal(size=shape).astype(dtype) for shape in shapes]
    for array in found:
        array.flags.writeable = False
    return found


def run(code: Code, layer: Layer, leading, dtype):
    """Outputs, residuals, cotangents and gradients; all that a function is given is closed for writing."""
    arguments = arrays(layer, leading, dtype)
    outputs, residuals = code.forward(*arguments)
    outputs = [np.asarray(output) for output in tupled(outputs)]
    for array in (*outputs, *residuals):
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    rng = np.random.default_rng(1)
    cotangents = [np.asarray(rng.normal(size=output.shape), dtype) for output in outputs]
    for array in cotangents:
        array.flags.writeable = False
    return arguments, outputs, residuals, cotangents, tupled(code.backward(residuals, *cotangents))


@cache
def code_with(layer: Layer, room: int | None) -> Code:
    """The functions of a layer for which there is so much room, or in which a portion is all there is."""
    source = numpy_source(layer)
    module = loaded(layer.name, source.replace("2**16", str(room)))
    if room is None:
        module.__dict__["_portions"] = lambda leading, entries: [...]
    return Code.of(module, layer.name)


@pytest.mark.parametrize("leading", FRONT, ids=str)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 2e-5)])
@pytest.mark.parametrize("name", OVER_ITEMS)
def test_portions_come_to_the_same_as_the_whole(name, dtype, tolerance, leading):
    layer = LAYERS[name]
    _, expected_outputs, _, _, expected = run(code_with(layer, None), layer, leading, dtype)
    for room in ROOM:
        _, outputs, _, _, gradients = run(code_with(layer, room), layer, leading, dtype)
        for value, whole in zip((*outputs, *gradients), (*expected_outputs, *expected), strict=True):
            assert value.dtype == dtype and value.shape == whole.shape
            np.testing.assert_allclose(value, whole, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("leading", [(), (3,), (2, 3)], ids=str)
@pytest.mark.parametrize("name", OVER_ITEMS)
def test_what_is_handed_back_is_the_callers_own(name, leading):
    """No array that was given is written to, which raises here; no result shows the memory of one, nor of another."""
    layer = LAYERS[name]
    arguments, outputs, residuals, cotangents, gradients = run(code_with(layer, 2**3), layer, leading, "float64")
    assert not any(np.shares_memory(output, array) for output in outputs for array in arguments)
    for k, gradient in enumerate(gradients):
        others = (*arguments, *outputs, *residuals, *cotangents, *gradients[:k])
        assert not any(np.shares_memory(gradient, array) for array in others)


@pytest.mark.parametrize("name", ["bump", "rows", "penalty", "mixing"])
def test_a_gradient_is_the_same_a_second_time(name):
    layer = LAYERS[name]
    code = code_with(layer, 2**3)
    _, _, residuals, cotangents, gradients = run(code, layer, (2, 3), "float64")
    for first, second in zip(gradients, tupled(code.backward(residuals, *cotangents)), strict=True):
        np.testing.assert_array_equal(first, second)


# memory


def beyond_results(work) -> int:
    """How many bytes are in use at once, beside what is handed back."""
    tracemalloc.start()
    try:
        kept = work()
        now, peak = tracemalloc.get_traced_memory()
        del kept
        return peak - now
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("of", "shapes"),
    [
        (own.bump, [(2**20,)]),
        (own.penalty, [(2**14, 64), (2**14, 64)]),
        (own.rows, [(2**14, 64), (64,), (64,)]),
        (own.mixing, [(2**6, 4, 64, 16), (2**6, 4, 64, 16)]),
        (load("gelu"), [(2**20,)]),
        (load("layer_norm"), [(2**14, 64), (64,), (64,)]),
    ],
    ids=lambda of: of.name if isinstance(of, Layer) else "",
)
def test_what_is_made_on_the_way_is_of_a_portion(of, shapes):
    """A large array here has 2**20 entries, and no more is in use besides than a few times what a portion has."""
    code = Code.of(compiled(of), of.name)
    rng = np.random.default_rng(0)
    arguments = [rng.normal(size=shape) for shape in shapes]
    outputs, residuals = code.forward(*arguments)
    cotangents = [np.ones_like(output) for output in tupled(outputs)]
    portion = 8 * 2**16
    if loops(of, "fwd"):
        assert beyond_results(lambda: code.forward(*arguments)) < 6 * portion
    assert beyond_results(lambda: code.backward(residuals, *cotangents)) < 8 * portion
