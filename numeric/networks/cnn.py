"""A small convolutional network: convolution, rectifier, pooling, twice, then a linear layer (LeCun et al., 1998).

Composed of its layers; the backward is theirs in reverse.
"""

from __future__ import annotations

from ..activations.elementwise import relu_bwd, relu_fwd
from ..convolutions.conv2d import conv2d_bwd, conv2d_fwd
from ..linear_maps.linear import linear_bwd, linear_fwd
from ..pooling.max_pool import max_pool2d_bwd, max_pool2d_fwd
from ..shapes import Array, Residuals, admit, cotangent

ARGUMENTS = "X[n,c,h,w] W1[o,c,u,v] b1[o] W2[q,o,r,s] b2[q] W3[q,y,x,k] b3[k]"
Gradients = tuple[Array, Array, Array, Array, Array, Array, Array]


def cnn(X: Array, W1: Array, b1: Array, W2: Array, b2: Array, W3: Array, b3: Array) -> Array:
    """X[n, c, h, w], W1[o, c, u, v], b1[o], W2[q, o, r, s], b2[q], W3[q, y, x, k], b3[k] -> Z[n, k]"""
    return cnn_fwd(X, W1, b1, W2, b2, W3, b3)[0]


def cnn_fwd(X: Array, W1: Array, b1: Array, W2: Array, b2: Array, W3: Array, b3: Array) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    X, W1, b1, W2, b2, W3, b3 = admit("cnn", ARGUMENTS, X, W1, b1, W2, b2, W3, b3)
    H1, first = conv2d_fwd(X, W1, b1)
    A1, first_activation = relu_fwd(H1)
    P1, first_pool = max_pool2d_fwd(A1)
    H2, second = conv2d_fwd(P1, W2, b2)
    A2, second_activation = relu_fwd(H2)
    P2, second_pool = max_pool2d_fwd(A2)
    if P2.shape[1:] != W3.shape[:-1]:
        raise ValueError(f"cnn: W3: expected axes {P2.shape[1:]} for what is left of X, given {W3.shape[:-1]}.")
    Z, last = linear_fwd(P2.reshape(len(P2), -1), W3.reshape(-1, W3.shape[-1]), b3)
    return Z, (P2.shape, W3.shape, first, first_activation, first_pool, second, second_activation, second_pool, last)


def cnn_bwd(residuals: Residuals, dZ: Array) -> Gradients:
    """dZ[n, k] -> dX[n, c, h, w], dW1[o, c, u, v], db1[o], dW2[q, o, r, s], db2[q], dW3[q, y, x, k], db3[k]"""
    pooled, weights, first, first_activation, first_pool, second, second_activation, second_pool, last = residuals
    dZ = cotangent("cnn_bwd", "dZ[n,k]", dZ, (pooled[0], weights[-1]), last[0].dtype)
    dP2, dW3, db3 = linear_bwd(last, dZ)
    dA2 = max_pool2d_bwd(second_pool, dP2.reshape(pooled))
    dP1, dW2, db2 = conv2d_bwd(second, relu_bwd(second_activation, dA2))
    dA1 = max_pool2d_bwd(first_pool, dP1)
    dX, dW1, db1 = conv2d_bwd(first, relu_bwd(first_activation, dA1))
    return dX, dW1, db1, dW2, db2, dW3.reshape(weights), db3
