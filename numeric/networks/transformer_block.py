"""Pre-norm transformer block (Xiong et al., 2020).

    R = X + attention(norm(X))        Y = R + W2 gelu(W1 norm(R))

Composed of its layers; the backward is theirs in reverse, and what is added goes both ways.
"""

from __future__ import annotations

from ..activations.elementwise import gelu_bwd, gelu_fwd
from ..attentions.multi_head_attention import multi_head_attention_bwd, multi_head_attention_fwd
from ..linear_maps.linear import linear_bwd, linear_fwd
from ..normalizations.layer_norm import layer_norm_bwd, layer_norm_fwd
from ..shapes import Array, Residuals, admit, cotangent

ARGUMENTS = (
    "X[...,t,c] gamma1[c] beta1[c] W_Q[c,h,d] W_K[c,h,d] W_V[c,h,e] W_O[h,e,c] "
    "gamma2[c] beta2[c] W1[c,f] b1[f] W2[f,c] b2[c]"
)


def transformer_block(
    X: Array,
    gamma1: Array,
    beta1: Array,
    W_Q: Array,
    W_K: Array,
    W_V: Array,
    W_O: Array,
    gamma2: Array,
    beta2: Array,
    W1: Array,
    b1: Array,
    W2: Array,
    b2: Array,
) -> Array:
    """X[..., t, c] and the parameters of the layers -> Y[..., t, c]"""
    return transformer_block_fwd(X, gamma1, beta1, W_Q, W_K, W_V, W_O, gamma2, beta2, W1, b1, W2, b2)[0]


def transformer_block_fwd(
    X: Array,
    gamma1: Array,
    beta1: Array,
    W_Q: Array,
    W_K: Array,
    W_V: Array,
    W_O: Array,
    gamma2: Array,
    beta2: Array,
    W1: Array,
    b1: Array,
    W2: Array,
    b2: Array,
) -> tuple[Array, Residuals]:
    """The output, and what the backward needs."""
    arguments = (X, gamma1, beta1, W_Q, W_K, W_V, W_O, gamma2, beta2, W1, b1, W2, b2)
    X, gamma1, beta1, W_Q, W_K, W_V, W_O, gamma2, beta2, W1, b1, W2, b2 = admit(
        "transformer_block", ARGUMENTS, *arguments
    )
    N1, first_norm = layer_norm_fwd(X, gamma1, beta1)
    A, heads = multi_head_attention_fwd(N1, W_Q, W_K, W_V, W_O)
    R = X + A
    N2, second_norm = layer_norm_fwd(R, gamma2, beta2)
    H, wide = linear_fwd(N2, W1, b1)
    G, activation = gelu_fwd(H)
    F, narrow = linear_fwd(G, W2, b2)
    F += R
    return F, (first_norm, heads, second_norm, wide, activation, narrow)


def transformer_block_bwd(residuals: Residuals, dY: Array) -> tuple[Array, ...]:
    """dY[..., t, c] -> dX[..., t, c] and the gradients of the parameters, in their order"""
    first_norm, heads, second_norm, wide, activation, narrow = residuals
    G, W2 = narrow
    dY = cotangent("transformer_block_bwd", "dY[...,c]", dY, (*G.shape[:-1], W2.shape[1]), W2.dtype)
    dG, dW2, db2 = linear_bwd(narrow, dY)
    dN2, dW1, db1 = linear_bwd(wide, gelu_bwd(activation, dG))
    dR, dgamma2, dbeta2 = layer_norm_bwd(second_norm, dN2)
    dR += dY
    dN1, dW_Q, dW_K, dW_V, dW_O = multi_head_attention_bwd(heads, dR)
    dX, dgamma1, dbeta1 = layer_norm_bwd(first_norm, dN1)
    dX += dR
    return dX, dgamma1, dbeta1, dW_Q, dW_K, dW_V, dW_O, dgamma2, dbeta2, dW1, db1, dW2, db2
