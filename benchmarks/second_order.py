"""Hessians in closed form against automatic differentiation: generated code, torch.func.hessian, jax.hessian.

    OPENBLAS_NUM_THREADS=1 python benchmarks/second_order.py [--repeats 7] [--json FILE]

Contestants that are not installed are left out, and named. Times are medians, in float64 on the CPU; those of JAX are
with jax.jit, compilation aside. The Hessian of a matrix factorization is structured: the generated function gives its
small factor, 2 VᵀV, of which every entry of H is δ_ij times one; that of the others is dense, n·k by n·k.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from sympy import Sum, exp, log

from derive.core.layer import Layer
from derive.language import Parameter, Tensor, axes, define, layer, sigmoid, softplus
from derive.lowering.render import compiled_second

i, j, b, o, a = axes("i=n j=n b=m o=m a=k")
Array = np.ndarray


@layer
def factorization(R: Tensor[i, o], U: Parameter[i, a], V: Parameter[o, a]):
    """A matrix as the product of two small ones."""
    return define("L", (), Sum((R[i, o] - Sum(U[i, a] * V[o, a], a)) ** 2, i, o))


@layer
def logistic_regression(X: Tensor[b, i], y: Tensor[b], w: Parameter[i]):
    """Logistic regression with labels 0 and 1."""
    z = define("z", (b,), Sum(X[b, i] * w[i], i))
    define("s", (b,), sigmoid(z[b]))
    return define("L", (), Sum(softplus(z[b]) - y[b] * z[b], b))


@layer
def log_sum_exp(x: Tensor[i]):
    """The logarithm of a sum of exponentials."""
    define("p", (i,), exp(x[i]) / Sum(exp(x[j]), j))
    return define("L", (), log(Sum(exp(x[i]), i)))


@dataclass(frozen=True)
class Contest:
    """A layer, the variable, the arrays, the loss in another library, and the dense Hessian made of ours."""

    layer: Layer
    wrt: str
    arrays: tuple[Array, ...]
    # The loss as a function of a library's namespace and of the arrays.
    loss: Callable
    # How the dense Hessian is made of ours, where that is structured.
    dense: Callable[[Array], Array] | None

    @property
    def name(self) -> str:
        sizes = " x ".join(str(n) for n in self.arrays[self.place].shape)
        return f"{self.layer.name}, {self.wrt}: {sizes}"

    @property
    def place(self) -> int:
        return [s.name for s in self.layer.arguments].index(self.wrt)


def contests() -> list[Contest]:
    rng = np.random.default_rng(0)
    n, m, k = 200, 200, 5
    R, U, V = rng.normal(size=(n, m)), rng.normal(size=(n, k)), rng.normal(size=(m, k))
    X, w = rng.normal(size=(1000, 100)), rng.normal(size=100) / 10
    y = (rng.random(1000) < 0.5).astype(float)
    x = rng.normal(size=500)
    return [
        Contest(
            factorization,
            "U",
            (R, U, V),
            lambda xp, R, U, V: xp.sum((R - U @ V.T) ** 2),
            lambda H: np.einsum("ij,ab->iajb", np.eye(n), H),
        ),
        Contest(
            logistic_regression,
            "w",
            (X, y, w),
            lambda xp, X, y, w: xp.sum(xp.logaddexp(0 * y, X @ w) - y * (X @ w)),
            None,
        ),
        Contest(log_sum_exp, "x", (x,), lambda xp, x: xp.log(xp.sum(xp.exp(x))), None),
    ]


# contestants: each gives a function without arguments that computes the Hessian


def ours(contest: Contest) -> Callable[[], Array]:
    function = getattr(compiled_second(contest.layer, [contest.wrt]), f"{contest.layer.name}_hessian")
    return lambda: function(*contest.arrays)


def torch_hessian(contest: Contest) -> Callable[[], Array]:
    import torch

    arrays = [torch.from_numpy(array.copy()) for array in contest.arrays]
    function = torch.func.hessian(lambda *given: contest.loss(torch, *given), argnums=contest.place)
    return lambda: function(*arrays).numpy()


def jax_hessian(contest: Contest) -> Callable[[], Array]:
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    arrays = [jnp.asarray(array) for array in contest.arrays]
    function = jax.jit(jax.hessian(lambda *given: contest.loss(jnp, *given), argnums=contest.place))
    return lambda: np.asarray(function(*arrays).block_until_ready())


def made_dense(contest: Contest) -> Callable[[], Array]:
    """Ours, with every entry of H written out as the others do."""
    function = ours(contest)
    dense = contest.dense
    assert dense is not None
    return lambda: dense(function())


CONTESTANTS = {
    "derive": ("numpy", ours),
    "derive, made dense": ("numpy", made_dense),
    "torch.func.hessian": ("torch", torch_hessian),
    "jax.hessian": ("jax", jax_hessian),
}


def installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def timed(function: Callable[[], Array], repeats: int) -> float:
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def run(repeats: int) -> list[dict]:
    rows = []
    for contest in contests():
        reference = made_dense(contest)() if contest.dense else ours(contest)()
        own = 0.0
        for name, (package, make) in CONTESTANTS.items():
            if installed(package) is None or make is made_dense and contest.dense is None:
                continue
            function = make(contest)
            seconds = timed(function, repeats)
            own = own or seconds
            found = reference if make is ours else function()
            error = float(np.max(np.abs(found.reshape(reference.shape) - reference)))
            entries = function().size
            rows.append({"contest": contest.name, "contestant": name, "seconds": seconds, "times": seconds / own,
                         "entries": entries, "difference": error})  # fmt: skip
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    packages = {package: installed(package) for package, _ in CONTESTANTS.values()}
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, "
          + ", ".join(f"{p} {v}" for p, v in packages.items() if v))  # fmt: skip
    for package, found in packages.items():
        if found is None:
            print(f"left out, not installed: {package}")
    rows = run(options.repeats)
    print(f"{'contest':34} {'contestant':20} {'median':>12} {'ratio':>9} {'entries':>10} {'difference':>11}")
    for row in rows:
        print(f"{row['contest']:34} {row['contestant']:20} {row['seconds'] * 1e3:9.3f} ms {row['times']:9.1f} "
              f"{row['entries']:10d} {row['difference']:11.1e}")  # fmt: skip
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"python": sys.version, "packages": packages, "rows": rows}, file, indent=2)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
