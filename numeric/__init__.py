"""Handwritten NumPy reference: every layer's forward and backward, and checks of gradients.

Each layer NAME is three functions, in JAX's convention:

    NAME(inputs…, *, options) -> output
    NAME_fwd(inputs…, *, options) -> (output, residuals)
    NAME_bwd(residuals, cotangent) -> one gradient per input, shaped like it (bare if there is one)

Arrays are never written to. float32 gives float32, float64 gives float64; mixed inputs take their
common dtype. Residuals share memory with arguments and outputs: write to neither before the
backward. A convolution here is a cross-correlation.

>>> import numpy as np
>>> X, W, b = np.ones((4, 3)), np.ones((3, 2)), np.zeros(2)
>>> Y, residuals = linear_fwd(X, W, b)
>>> dX, dW, db = linear_bwd(residuals, np.ones_like(Y))
>>> expected = complex_step(linear, (X, W, b), 1, np.ones_like(Y))
>>> print(compare(dW, expected, tolerance=1e-12, name="dW"))
dW: ok, error 0 <= 1e-12, 6 checked
"""

from .activations import (
    relu,
    relu_bwd,
    relu_fwd,
    sigmoid,
    sigmoid_bwd,
    sigmoid_fwd,
    tanh,
    tanh_bwd,
    tanh_fwd,
)
from .affine import affine, affine_bwd, affine_fwd
from .attention import attention, attention_bwd, attention_fwd
from .comparison import Comparison, compare
from .conv1d import conv1d, conv1d_bwd, conv1d_fwd
from .gradcheck import (
    central_difference,
    central_difference_jvp,
    complex_step,
    complex_step_jvp,
    inner_product_test,
)
from .least_squares import least_squares, least_squares_bwd, least_squares_fwd
from .linear import LinearLayer, linear, linear_bwd, linear_fwd
from .mlp import mlp, mlp_bwd, mlp_fwd
from .mse import mse, mse_bwd, mse_fwd
from .softmax import softmax, softmax_bwd, softmax_fwd
from .toeplitz import toeplitz, toeplitz_bwd, toeplitz_fwd, toeplitz_matrix

__all__ = [
    "Comparison",
    "LinearLayer",
    "affine",
    "affine_bwd",
    "affine_fwd",
    "attention",
    "attention_bwd",
    "attention_fwd",
    "central_difference",
    "central_difference_jvp",
    "compare",
    "complex_step",
    "complex_step_jvp",
    "conv1d",
    "conv1d_bwd",
    "conv1d_fwd",
    "inner_product_test",
    "least_squares",
    "least_squares_bwd",
    "least_squares_fwd",
    "linear",
    "linear_bwd",
    "linear_fwd",
    "mlp",
    "mlp_bwd",
    "mlp_fwd",
    "mse",
    "mse_bwd",
    "mse_fwd",
    "relu",
    "relu_bwd",
    "relu_fwd",
    "sigmoid",
    "sigmoid_bwd",
    "sigmoid_fwd",
    "softmax",
    "softmax_bwd",
    "softmax_fwd",
    "tanh",
    "tanh_bwd",
    "tanh_fwd",
    "toeplitz",
    "toeplitz_bwd",
    "toeplitz_fwd",
    "toeplitz_matrix",
]
