"""JAX on the CPU: jax.jit of the layer, and of its output together with its vector-Jacobian product."""

from __future__ import annotations

from typing import Any

import jax

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp  # noqa: E402

from .cases import Case  # noqa: E402
from .contestants import Contestant, Task, Work  # noqa: E402
from .formulas import Spelling, formulas  # noqa: E402

Tensor = Any


def _conv(X: Tensor, W: Tensor, b: Tensor, *, padding: int, stride: int = 1, groups: int = 1) -> Tensor:
    rank = X.ndim - 2
    Y = jax.lax.conv_general_dilated(
        X, W, (stride,) * rank, [(padding, padding)] * rank, feature_group_count=groups, precision="highest"
    )
    return Y + b.reshape(-1, *[1] * rank)


def _grouped(X: Tensor, W: Tensor, b: Tensor, *, padding: int, stride: int) -> Tensor:
    n, groups, channels, *sides = X.shape
    joined = X.reshape(n, groups * channels, *sides)
    Y = _conv(joined, W.reshape(-1, *W.shape[2:]), b.reshape(-1), padding=padding, stride=stride, groups=groups)
    return Y.reshape(n, groups, -1, *Y.shape[2:])


def _depthwise(X: Tensor, W: Tensor, b: Tensor, *, padding: int, stride: int) -> Tensor:
    return _conv(X, W[:, None], b, padding=padding, stride=stride, groups=W.shape[0])


FORMULAS = formulas(Spelling(jnp, jax.scipy.special.erf, jax.nn.softmax, jax.nn.log_softmax)) | {
    "conv1d": _conv,
    "conv2d": _conv,
    "grouped_conv2d": _grouped,
    "depthwise_conv2d": _depthwise,
}


class ByJax(Contestant):
    name = "jax"
    package = "jax"
    threads_of = "jax"

    def can(self, case: Case) -> bool:
        return case.layer in FORMULAS

    def prepare(self, task: Task) -> Work:
        formula, options, floating = FORMULAS[task.case.layer], task.case.options, task.case.floating
        arrays = [jnp.asarray(array) for array in task.arrays]

        def forward(*given: Tensor) -> tuple:
            return (formula(*given, **options),)

        def both(dY: Tensor, *given: Tensor) -> tuple:
            def of_floating(*values: Tensor) -> Tensor:
                whole = list(given)
                for place, value in zip(floating, values, strict=True):
                    whole[place] = value
                return formula(*whole, **options)

            Y, vjp = jax.vjp(of_floating, *(given[place] for place in floating))
            return (Y, *vjp(dY))

        if task.cotangent is None:
            function = jax.jit(forward)
        else:
            function, arrays = jax.jit(both), [jnp.asarray(task.cotangent), *arrays]
        # Compiled here.
        jax.block_until_ready(function(*arrays))
        return lambda: jax.block_until_ready(function(*arrays))
