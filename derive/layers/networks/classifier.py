"""A classifier with its loss."""

from derive.language import Parameter, Tensor, axes, layer
from derive.layers.losses.sparse_cross_entropy import sparse_cross_entropy
from derive.layers.networks.mlp import mlp

b, i, h, c = axes("b=B i=d_in h=d_hidden c=C")


@layer
def classifier(
    X: Tensor[b, i],
    label: Tensor[b].into(c),
    W1: Parameter[i, h],
    b1: Parameter[h],
    W2: Parameter[h, c],
    b2: Parameter[c],
):
    """Cross-entropy of a two-layer perceptron (Goodfellow, Bengio and Courville, Deep Learning, 2016, §6.2)."""
    Z = mlp(X, W1, b1, W2, b2, name="Z")
    return sparse_cross_entropy(Z, label, name="L")
