"""How long the symbolic side takes: deriving every layer, importing the package, and networks of growing depth.

    python benchmarks/derivation.py [--repeats 7] [--json FILE]

Times are medians. "Warm" is with every module imported but the caches of derive and of SymPy
emptied before each repeat.
"""

from __future__ import annotations

import argparse
import inspect
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from sympy.core.cache import clear_cache

from derive.calculus.derivation import forget, gradients
from derive.core.layer import Layer
from derive.documents.document import latex
from derive.language.definition import Axis, Parameter, Tensor, layer
from derive.layers.activations.elementwise import relu
from derive.layers.linear_maps.linear import linear
from derive.loading import all_layers
from derive.lowering.render import numpy_source

DEPTHS = (1, 2, 4, 8, 16, 32, 64)


def median_time(work: Callable[[], object], repeats: int, before: Callable[[], object] = lambda: None) -> float:
    times = []
    for _ in range(repeats):
        before()
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def empty_caches() -> None:
    forget()
    clear_cache()


def whole(of: Layer) -> int:
    """Everything there is to a layer: all gradients, the derivation in LaTeX, the NumPy module. Returns its length."""
    found = gradients(of)
    return len(latex(found, notation="matrix", steps=True, document=True)) + len(numpy_source(of))


def perceptron(depth: int) -> Layer:
    """A multilayer perceptron of `depth` linear layers, all of different sizes."""
    widths = [Axis(f"i{n}", f"d_{n}") for n in range(depth + 1)]

    def network(**tensors):
        value = tensors["X"]
        for n in range(depth):
            value = linear(value, tensors[f"W{n}"], tensors[f"b{n}"], name=f"Z{n}")
            if n < depth - 1:
                value = relu(value, name=f"A{n}")
        return value

    annotations = {"X": Tensor[..., widths[0]]}
    for n in range(depth):
        annotations |= {f"W{n}": Parameter[widths[n], widths[n + 1]], f"b{n}": Parameter[widths[n + 1]]}
    network.__name__ = f"mlp{depth}"
    network.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=a) for name, a in annotations.items()]
    )
    return layer(network)


def process_time(arguments: list[str], repeats: int) -> float:
    return median_time(lambda: subprocess.run([sys.executable, *arguments], check=True, capture_output=True), repeats)


def measure_layers(repeats: int) -> dict[str, float]:
    whole(linear)
    return {of.name: median_time(lambda of=of: whole(of), repeats, empty_caches) for of in all_layers().values()}


def measure_processes(repeats: int) -> dict[str, float]:
    return {
        "import sympy": process_time(["-c", "import sympy"], repeats),
        "import derive": process_time(["-c", "import derive"], repeats),
        "… and derive.define": process_time(["-c", "import derive; derive.define"], repeats),
        "derive latex attention": process_time(["-m", "derive", "latex", "attention"], repeats),
    }


def measure_depths(repeats: int) -> dict[int, dict[str, float]]:
    figures = {}
    for depth in DEPTHS:
        network = perceptron(depth)
        figures[depth] = {
            "derive": median_time(lambda network=network: gradients(network), repeats, empty_caches),
            "whole": median_time(lambda network=network: whole(network), repeats, empty_caches),
            "characters": whole(network),
        }
    return figures


def report(figures: dict) -> str:
    processes = figures["processes"]
    lines = [f"{'layer':28} whole, warm"]
    lines += [f"{name:28} {1000 * seconds:8.1f} ms" for name, seconds in figures["layers"].items()]
    lines += ["", "process                    time    against import sympy"]
    for name, seconds in processes.items():
        lines.append(f"{name:24} {seconds:6.2f} s  {seconds / processes['import sympy']:6.2f}")
    lines += ["", "depth   derive   growth      whole   growth   characters   growth"]
    before = None
    for depth, row in figures["depths"].items():
        growth = [f"{row[k] / before[k]:6.2f}" if before else "      " for k in ("derive", "whole", "characters")]
        lines.append(
            f"{depth:5} {1000 * row['derive']:6.1f} ms {growth[0]} {1000 * row['whole']:8.1f} ms {growth[1]} "
            f"{row['characters']:12} {growth[2]}"
        )
        before = row
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON too")
    options = parser.parse_args()
    figures = {
        "python": platform.python_version(),
        "layers": measure_layers(options.repeats),
        "processes": measure_processes(options.repeats),
        "depths": measure_depths(options.repeats),
    }
    print(report(figures))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=1)


if __name__ == "__main__":
    main()
