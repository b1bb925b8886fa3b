"""A multilayer perceptron of four layers, composed as the catalogue's is."""

from derive.language import Parameter, Tensor, axes, layer
from derive.layers.activations.elementwise import relu
from derive.layers.linear_maps.linear import linear

i, h, k, m, o = axes("i=d_in h=d_1 k=d_2 m=d_3 o=d_out")


@layer
def mlp4(
    X: Tensor[..., i],
    W1: Parameter[i, h],
    b1: Parameter[h],
    W2: Parameter[h, k],
    b2: Parameter[k],
    W3: Parameter[k, m],
    b3: Parameter[m],
    W4: Parameter[m, o],
    b4: Parameter[o],
):
    """Four linear layers with rectifiers between them."""
    A1 = relu(linear(X, W1, b1, name="H1"), name="A1")
    A2 = relu(linear(A1, W2, b2, name="H2"), name="A2")
    A3 = relu(linear(A2, W3, b3, name="H3"), name="A3")
    return linear(A3, W4, b4, name="Y")
