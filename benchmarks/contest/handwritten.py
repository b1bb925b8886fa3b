"""The handwritten functions by name: those of `numeric`, and one that the benchmark composes of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import numeric
from numeric.activations.elementwise import relu_bwd
from numeric.linear_maps.linear import linear_bwd, linear_fwd
from numeric.shapes import admit, cotangent

Array = np.ndarray
Triple = tuple[Callable, Callable, Callable]

MLP4 = "X[...,i] W1[i,h] b1[h] W2[h,k] b2[k] W3[k,m] b3[m] W4[m,o] b4[o]"


def mlp4(*arguments: Array) -> Array:
    """X[..., i] and the parameters -> Y[..., o]"""
    return mlp4_fwd(*arguments)[0]


def mlp4_fwd(*arguments: Array) -> tuple[Array, tuple]:
    """The output, and what the backward needs."""
    Y, *parameters = admit("mlp4", MLP4, *arguments)
    residuals: list[tuple] = []
    for W, b in zip(parameters[::2], parameters[1::2], strict=True):
        if residuals:
            # H is read by nobody else: its rectified form takes its place.
            np.maximum(Y, 0, out=Y)
            residuals.append((Y,))
        Y, kept = linear_fwd(Y, W, b)
        residuals.append(kept)
    return Y, tuple(residuals)


def mlp4_bwd(residuals: tuple, dY: Array) -> tuple[Array, ...]:
    """dY[..., o] -> dX[..., i] and the gradients of the parameters, in their order"""
    H, W = residuals[-1]
    dX = cotangent("mlp4_bwd", "dY[...,o]", dY, (*H.shape[:-1], W.shape[1]), H.dtype)
    gradients: list[Array] = []
    for n in reversed(range(0, len(residuals), 2)):
        dX, dW, db = linear_bwd(residuals[n], dX)
        gradients = [dW, db, *gradients]
        if n:
            dX = relu_bwd(residuals[n - 1], dX)
    return dX, *gradients


OWN = {"mlp4": (mlp4, mlp4_fwd, mlp4_bwd)}
# The dense form's name -> that of the blockwise one.
BLOCKWISE = {"attention": "blockwise_attention", "causal_attention": "blockwise_causal_attention"}


def functions_named(name: str) -> Triple:
    """The layer, its forward with residuals, and its backward."""
    if name in OWN:
        return OWN[name]
    return getattr(numeric, name), getattr(numeric, f"{name}_fwd"), getattr(numeric, f"{name}_bwd")
