"""A block of a transformer, which normalizes before it attends."""

from derive.language import Axis, Parameter, Tensor, axes, define, layer
from derive.layers.activations.elementwise import gelu
from derive.layers.attentions.multi_head_attention import multi_head_attention
from derive.layers.linear_maps.linear import linear
from derive.layers.normalizations.layer_norm import layer_norm

t, c, h, d, e, f = axes("t=n c=d_model h=n_h d=d_k e=d_v f=d_ff")
o = Axis("o", c.size)


@layer
def transformer_block(
    X: Tensor[..., t, c],
    gamma1: Parameter[c],
    beta1: Parameter[c],
    W_Q: Parameter[c, h, d],
    W_K: Parameter[c, h, d],
    W_V: Parameter[c, h, e],
    W_O: Parameter[h, e, o],
    gamma2: Parameter[c],
    beta2: Parameter[c],
    W1: Parameter[c, f],
    b1: Parameter[f],
    W2: Parameter[f, o],
    b2: Parameter[o],
):
    """Pre-norm transformer block: attention and a perceptron, each added to what it read (Xiong et al., 2020)."""
    N1 = layer_norm(X, gamma1, beta1, name="N1")
    A = multi_head_attention(N1, W_Q, W_K, W_V, W_O, name="A")
    R = define("R", (..., t, c), X[..., t, c] + A[..., t, c])
    N2 = layer_norm(R, gamma2, beta2, name="N2")
    H = linear(N2, W1, b1, name="H")
    F = linear(gelu(H, name="G"), W2, b2, name="F")
    return define("Y", (..., t, c), R[..., t, c] + F[..., t, c])
