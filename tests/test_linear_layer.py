"""The tutorial's linear layer: handwritten and generated code agree on it."""

import numpy as np

from derive import compiled, load
from numeric import LinearLayer


def test_a_linear_layer_runs_as_in_a_tutorial_and_the_generated_code_agrees():
    rng = np.random.default_rng(0)
    layer = LinearLayer(3, 2)
    x, grad_output = rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    output = layer.forward(x)
    grad_input, grad_weights, grad_bias = layer.backward(grad_output, x)
    assert (output.shape, grad_input.shape) == ((4, 2), (4, 3))
    assert (grad_weights.shape, grad_bias.shape) == (layer.weights.shape, layer.bias.shape) == ((3, 2), (2,))

    generated = compiled(load("linear"))
    again, residuals = generated.linear_fwd(x, layer.weights, layer.bias)
    np.testing.assert_allclose(again, output, rtol=1e-14)
    for mine, theirs in zip(
        generated.linear_bwd(residuals, grad_output), (grad_input, grad_weights, grad_bias), strict=True
    ):
        np.testing.assert_allclose(mine, theirs, rtol=1e-14)
