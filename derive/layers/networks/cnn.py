"""A small convolutional network for images."""

from sympy import Sum

from derive.language import Axis, Parameter, Tensor, axes, define, layer
from derive.layers.activations.elementwise import relu
from derive.layers.convolutions.conv2d import conv2d
from derive.layers.pooling.max_pool import max_pool2d

n, c, h, w = axes("n=N c=C h=H w=W")
o, u, v, q, r, s, k = axes("o=C_1 u=K_1 v=K_1 q=C_2 r=K_2 s=K_2 k=classes")


def pooled(size):
    """The length that is left of an axis after two rounds of convolution and pooling."""
    return ((size - u.size + 1) // 2 - r.size + 1) // 2


y, x = Axis("y", pooled(h.size)), Axis("x", pooled(w.size))


@layer
def cnn(
    X: Tensor[n, c, h, w],
    W1: Parameter[o, c, u, v],
    b1: Parameter[o],
    W2: Parameter[q, o, r, s],
    b2: Parameter[q],
    W3: Parameter[q, y, x, k],
    b3: Parameter[k],
):
    """Scores of classes: convolution, rectifier and pooling, twice, then a linear layer (LeCun et al., 1998)."""
    H1 = conv2d(X, W1, b1, name="H1")
    P1 = max_pool2d(relu(H1, name="A1"), name="P1")
    H2 = conv2d(P1, W2, b2, name="H2")
    P2 = max_pool2d(relu(H2, name="A2"), name="P2")
    return define("Z", (n, k), Sum(P2[n, q, y, x] * W3[q, y, x, k], q, y, x) + b3[k])
