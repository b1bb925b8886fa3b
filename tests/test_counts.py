"""What must not happen in generated code, counted while it runs: for every layer, and caught where it is planted."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType

import numpy as np
import pytest
from counted import Watched, arrays_made, lines_run, observe

from derive.core.axes import LEADING_SIZE
from derive.core.layer import Layer
from derive.loading import all_layers
from derive.lowering.render import loaded, numpy_source
from derive.witnesses.evidence import tupled, typed
from derive.witnesses.sampling import DATA, Case, axis_lengths, choose_sizes, filled_case, free_sizes, option_settings

LAYERS = all_layers()
SOURCES = cache(lambda name: numpy_source(LAYERS[name]))
GROUP = (2,)
# Kernels keep their size however large the data are; channels are few.
TAPS = 3
CHANNELS = ("c_in", "c_out", "n_g")
KERNELS = tuple(
    n for n, of in LAYERS.items() if any(s.startswith("K") for s in free_sizes(of)) and "convol" in of.module
)


def sizes_of(layer: Layer, scale: int) -> dict[str, int]:
    """Sizes of about `scale`, all different; of a layer with a kernel those of its positions alone."""
    names = free_sizes(layer)
    kernel = any(n.startswith("K") for n in names)
    sizes = {n: scale + 2 * place for place, n in enumerate(names)}
    sizes |= {n: 2 for n in names if kernel and n in CHANNELS}
    return sizes | {n: TAPS for n in names if n.startswith("K")}


def case_of(layer: Layer, scale: int) -> Case:
    """Data for a layer at these sizes, or at others that fit it, where these do not."""
    options = next(option_settings(layer))
    group = (GROUP if free_sizes(layer) else (scale, 3)) if layer.has_leading else ()
    sizes = sizes_of(layer, scale)
    if axis_lengths(layer, {**options, **sizes, LEADING_SIZE.name: 1}) is None:
        sizes = choose_sizes(layer, options, group, np.random.default_rng(1)) or {}
    # Positive data suit all layers.
    return filled_case(layer, {**sizes, LEADING_SIZE.name: 1}, group, options, DATA[1], np.random.default_rng(0))


def closed(value) -> None:
    """Close arrays for writing, in tuples of tuples too."""
    for part in value if isinstance(value, (tuple, list)) else (value,):
        if isinstance(part, (tuple, list)):
            closed(part)
        elif isinstance(part, np.ndarray):
            part.flags.writeable = False


def work_of(
    module: ModuleType, name: str, case: Case, dtype: str = "float32", of: type[np.ndarray] = np.ndarray
) -> Callable[[], tuple]:
    """The forward and the backward function on arrays that may not be written to."""
    arguments, cotangents = ([a.view(of) for a in typed(s, dtype)] for s in (case.arguments.values(), case.cotangents))
    closed([*arguments, *cotangents])

    def work() -> tuple:
        outputs, residuals = getattr(module, f"{name}_fwd")(*arguments)
        closed([outputs, residuals])
        return tupled(getattr(module, f"{name}_bwd")(residuals, *cotangents))

    return work


def observed(source: str, name: str, case: Case) -> Callable[[], tuple]:
    """The same in a module that tells of its arrays."""
    module = loaded(name, source)
    observe(module)
    return work_of(module, name, case, of=Watched)


# what is counted


def wide_einsums(source: str) -> Iterator[str]:
    """The calls of einsum with more than two operands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "einsum":
            if len(node.args) > 3 or any(isinstance(a, ast.Starred) for a in node.args):
                yield ast.unparse(node)


def double_arrays(source: str, name: str, case: Case) -> list[tuple[np.dtype, int]]:
    """The arrays of double precision that are made of those of single precision."""
    made = arrays_made(observed(source, name, case))
    assert made
    return [array for array in made if array[0].kind in "fc" and array[0].itemsize > 4]


def largest_array(source: str, name: str, case: Case) -> int:
    return max(size for _, size in arrays_made(observed(source, name, case)))


def loops(source: str, name: str, small: Case, large: Case) -> list[tuple[str, int]]:
    """The lines that run more often where axes are longer."""
    module = loaded(name, source)
    few, many = (lines_run(work_of(module, name, case), [f"<generated {name}>"]) for case in (small, large))
    assert few
    return [line for line, count in many.items() if count > few[line]]


def toeplitz_size(case: Case) -> int:
    """The entries of a Toeplitz matrix from the positions of the data to those of the output, for one channel."""
    kernel = [s for s in case.layer.arguments if any(str(i.size).startswith("K") for i in s.axes)]
    rank = max(sum(str(i.size).startswith("K") for i in s.axes) for s in kernel)
    data = next(s for s in case.layer.arguments if s not in kernel)
    return int(np.prod(case.arguments[data.name].shape[-rank:]) * np.prod(case.cotangents[0].shape[-rank:]))


# every layer


@pytest.mark.parametrize("name", LAYERS)
def test_a_sum_of_products_has_two_operands(name):
    assert list(wide_einsums(SOURCES(name))) == []


@pytest.mark.parametrize("name", LAYERS)
def test_no_array_of_double_precision_is_made_of_single_precision(name):
    assert double_arrays(SOURCES(name), name, case_of(LAYERS[name], 6)) == []


@pytest.mark.parametrize("name", LAYERS)
def test_neither_arguments_nor_residuals_nor_cotangents_are_written_to(name):
    work_of(loaded(name, SOURCES(name)), name, case_of(LAYERS[name], 5), "float64")()


@pytest.mark.parametrize("name", LAYERS)
def test_no_loop_is_as_long_as_an_axis(name):
    layer = LAYERS[name]
    # What is made a megabyte at a time is made in one piece here: the pieces are no more than there are megabytes.
    source = SOURCES(name).replace("total // 2**20", "total // 2**40").replace("2**16", "2**40")
    assert loops(source, name, case_of(layer, 6), case_of(layer, 14)) == []


@pytest.mark.parametrize("name", KERNELS)
def test_no_matrix_of_a_convolution_is_made(name):
    case = case_of(LAYERS[name], 200 if name.endswith("1d") or name == "toeplitz" else 14)
    assert largest_array(SOURCES(name), name, case) < toeplitz_size(case)


# planted

PLANTED = """
import numpy as np


def toeplitz(x, w):
    return toeplitz_fwd(x, w)[0]


def toeplitz_fwd(x, w):
    {forward}
    return y, (x, w)


def toeplitz_bwd(residuals, dy):
    x, w = residuals
    n, k = x.shape[0], w.shape[0]
    dx, dw = np.zeros(n, dy.dtype), np.zeros(k, dy.dtype)
    {backward}
    return dx, dw
"""
FORWARD = "y = np.lib.stride_tricks.sliding_window_view(x, w.shape[0]) @ w"
BACKWARD = "\n    ".join(
    ("for j in range(k):", "    dx[j : n - k + 1 + j] += w[j] * dy", "    dw[j] = x[j : n - k + 1 + j] @ dy")
)
MATRIX = "T = sum(np.eye(n - k + 1, n, j, dy.dtype) * w[j] for j in range(k))\n    dx = T.T @ dy"
LOOP = "for i in range(n - k + 1):\n        dx[i : i + k] += dy[i] * w"


def planted(forward: str = FORWARD, backward: str = BACKWARD) -> str:
    return PLANTED.format(forward=forward, backward=backward)


def offences(source: str) -> set[str]:
    """What the checks find in the code of a Toeplitz operator."""
    layer, found = LAYERS["toeplitz"], set()
    large = case_of(layer, 200)
    if list(wide_einsums(source)):
        found.add("einsum")
    if double_arrays(source, "toeplitz", case_of(layer, 6)):
        found.add("double")
    if largest_array(source, "toeplitz", large) >= toeplitz_size(large):
        found.add("matrix")
    if loops(source, "toeplitz", case_of(layer, 6), case_of(layer, 14)):
        found.add("loop")
    return found


@pytest.mark.parametrize(
    "source, expected",
    [
        (planted(), set()),
        (planted(backward=MATRIX), {"matrix"}),
        (planted(backward=LOOP), {"loop"}),
        (planted(backward="dx += np.array([float(v) for v in x], dy.dtype)"), {"loop"}),
        (planted(FORWARD + " * np.float64(2)"), {"double"}),
        (planted(FORWARD + " + np.zeros(1)"), {"double"}),
        (planted(backward="dw += np.ones(k) * 2"), {"double"}),
        (planted("y = np.einsum('nk,k,k->n', np.lib.stride_tricks.sliding_window_view(x, len(w)), w, w)"), {"einsum"}),
    ],
    ids=["none", "matrix", "loop", "comprehension", "scalar", "zeros", "ones", "einsum"],
)
def test_a_planted_offence_is_found(source, expected):
    assert offences(source) == expected


@pytest.mark.parametrize("line", ["x += 0", "np.exp(x, out=x)", "dy *= 2", "w[0] = 1"])
def test_a_planted_write_is_found(line):
    source = planted(FORWARD if "dy" in line else f"{line}; {FORWARD}", line if "dy" in line else BACKWARD)
    with pytest.raises(ValueError, match="read-only"):
        work_of(loaded("toeplitz", source), "toeplitz", case_of(LAYERS["toeplitz"], 5), "float64")()
