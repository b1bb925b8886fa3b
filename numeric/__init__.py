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

from . import (
    activations,
    attentions,
    convolutions,
    linear_maps,
    losses,
    networks,
    normalizations,
    pooling,
    subspaces,
)
from .activations import *
from .attentions import *
from .comparison import Comparison, compare
from .convolutions import *
from .gradcheck import (
    central_difference,
    central_difference_jvp,
    complex_step,
    complex_step_jvp,
    inner_product_test,
)
from .linear_maps import *
from .losses import *
from .networks import *
from .normalizations import *
from .pooling import *
from .subspaces import *

__all__ = [
    "Comparison",
    "central_difference",
    "central_difference_jvp",
    "compare",
    "complex_step",
    "complex_step_jvp",
    "inner_product_test",
]
__all__ += activations.__all__
__all__ += attentions.__all__
__all__ += convolutions.__all__
__all__ += linear_maps.__all__
__all__ += losses.__all__
__all__ += networks.__all__
__all__ += normalizations.__all__
__all__ += pooling.__all__
__all__ += subspaces.__all__
