"""A multilayer perceptron, composed of the layers it is made of."""

from derive.language import Parameter, Tensor, axes, layer
from derive.layers.activations.elementwise import relu
from derive.layers.linear_maps.linear import linear

i, h, o = axes("i=d_in h=d_hidden o=d_out")


@layer
def mlp(X: Tensor[..., i], W1: Parameter[i, h], b1: Parameter[h], W2: Parameter[h, o], b2: Parameter[o]):
    """Two linear layers with a rectifier between them (Goodfellow, Bengio and Courville, Deep Learning, 2016, §6.1)."""
    H = linear(X, W1, b1, name="H")
    A = relu(H, name="A")
    return linear(A, W2, b2, name="Y")
