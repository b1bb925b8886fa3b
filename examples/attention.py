"""A small attention classifier on handwritten digits, composed of the catalogue's layers, by Adam.

    python examples/attention.py

It reads an image as a text of eight words: its rows. Each row becomes a vector that knows its place, attends to all
rows, and is normalized; a linear layer reads the scores from all of them.
"""

from sympy import Sum

from common.command import main
from common.model import Model, constant, weights
from common.optimizers import adam
from common.training import Experiment
from derive.language import Parameter, Tensor, axes, define, layer
from derive.layers.attentions.multi_head_attention import multi_head_attention
from derive.layers.normalizations.layer_norm import layer_norm

TRIED = {"width": (32, 48), "heads": (2, 4), "rate": (0.001, 0.003)}

b, t, p, c, h, d, e, k = axes("b=B t=n p=n_p c=d_model h=H d=d_k e=d_v k=classes")


@layer
def attention_classifier(
    X: Tensor[b, t, p],
    W_E: Parameter[p, c],
    T: Parameter[t, c],
    W_Q: Parameter[c, h, d],
    W_K: Parameter[c, h, d],
    W_V: Parameter[c, h, e],
    W_O: Parameter[h, e, c],
    gamma: Parameter[c],
    beta: Parameter[c],
    W: Parameter[t, c, k],
    b0: Parameter[k],
):
    """Scores of classes from self-attention over rows of pixels, T telling their places (Dosovitskiy et al., 2021)."""
    E = define("E", (b, t, c), Sum(X[b, t, p] * W_E[p, c], p) + T[t, c])
    A = multi_head_attention(E, W_Q, W_K, W_V, W_O, name="A")
    R = define("R", (b, t, c), E[b, t, c] + A[b, t, c])
    N = layer_norm(R, gamma, beta, name="N")
    return define("Z", (b, k), Sum(N[b, t, c] * W[t, c, k], t, c) + b0[k])


def experiment(width: int = 32, heads: int = 4, rate: float = 0.001, epochs: int = 30) -> Experiment:
    head = width // heads
    start = [
        *(weights(8, width), weights(8, width)),
        *(weights(width, heads, head), weights(width, heads, head), weights(width, heads, head)),
        weights(heads, head, width, reads=width),
        *(constant(1, width), constant(0, width)),
        *(weights(8, width, 10, reads=8 * width), constant(0, 10)),
    ]
    model = Model(attention_classifier, start, view=lambda images: images.reshape(-1, 8, 8))
    return Experiment("attention", model, adam, {"rate": rate}, epochs)


if __name__ == "__main__":
    main(experiment)
