"""A small convolutional network on handwritten digits, composed of the catalogue's layers, by Adam.

    python examples/convolution.py

Two rounds of convolution, rectifier and pooling take 8 x 8 images to 4 x 4 and to 2 x 2, and a linear layer scores
what is left. The gradient goes through maxima, windows and paddings by the same rules as through everything else.
"""

from sympy import Sum

from common.command import main
from common.model import Model, constant, weights
from common.optimizers import adam
from common.training import Experiment
from derive.language import Axis, Parameter, Tensor, axes, define, layer
from derive.layers.activations.elementwise import relu
from derive.layers.convolutions.conv2d import conv2d
from derive.layers.pooling.max_pool import max_pool2d

TRIED = {"channels": (8, 16), "rate": (0.001, 0.003)}

n, c, h, w, o, q, k = axes("n=N c=C h=H w=W o=C_1 q=C_2 k=classes")
# Kernels of 3 x 3, which keep the size of an image where its border is padded by one.
u, v, r, s = axes("u=3 v=3 r=3 s=3")
y, x = Axis("y", h.size // 2 // 2), Axis("x", w.size // 2 // 2)


@layer
def convolution(
    X: Tensor[n, c, h, w],
    W1: Parameter[o, c, u, v],
    b1: Parameter[o],
    W2: Parameter[q, o, r, s],
    b2: Parameter[q],
    W3: Parameter[q, y, x, k],
    b3: Parameter[k],
):
    """Scores of classes: convolution, rectifier and pooling, twice, then a linear layer (LeCun et al., 1998)."""
    H1 = conv2d(X, W1, b1, padding=1, name="H1")
    P1 = max_pool2d(relu(H1, name="A1"), name="P1")
    H2 = conv2d(P1, W2, b2, padding=1, name="H2")
    P2 = max_pool2d(relu(H2, name="A2"), name="P2")
    return define("Z", (n, k), Sum(P2[n, q, y, x] * W3[q, y, x, k], q, y, x) + b3[k])


def experiment(channels: int = 16, rate: float = 0.003, epochs: int = 30) -> Experiment:
    a, b = channels, 2 * channels
    start = [
        *(weights(a, 1, 3, 3, reads=9), constant(0, a)),
        *(weights(b, a, 3, 3, reads=9 * a), constant(0, b)),
        *(weights(b, 2, 2, 10, reads=4 * b), constant(0, 10)),
    ]
    model = Model(convolution, start, view=lambda images: images.reshape(-1, 1, 8, 8))
    return Experiment("convolution", model, adam, {"rate": rate}, epochs)


if __name__ == "__main__":
    main(experiment)
