"""Networks composed of layers: the chain through them, each derived once, shared weights, and what does not compose."""

import re

import numpy as np
import pytest
from sympy import Sum

import derive
from derive.calculus.derivation import gradients
from derive.core.layer import Call
from derive.errors import DefinitionError
from derive.language import Parameter, Tensor, axes, define, layer
from derive.layers.activations.elementwise import relu
from derive.layers.linear_maps.linear import linear
from derive.layers.networks.classifier import classifier
from derive.layers.networks.cnn import cnn
from derive.layers.networks.transformer_block import transformer_block
from derive.layers.pooling.max_pool import max_pool1d
from derive.lowering.render import compiled, numpy_source

b, i, j, h, o = axes("b=B i=n j=n h=m o=q")


def shown(of) -> dict[str, str]:
    """Each gradient by its name, as `derive show` prints it."""
    lines = (line.split("   (")[0].strip().partition(" = ") for line in derive.show(of).splitlines())
    return {left.strip(): right.strip() for left, _, right in lines if right and left.strip().startswith("d")}


def test_the_chain_of_a_convolutional_network():
    found = shown(cnn)
    assert found["dP2[n,q,y,x]"] == "Σ_k G[n,k] W3[q,y,x,k]"
    assert found["dH2"] == "dA2 ⊙ [H2 > 0]"
    assert found["dW2[q,o,r,s]"] == "Σ_{n,i1,j1} P1[n,o,i1 + r,j1 + s] dH2[n,q,i1,j1]"
    assert found["dP1[n,o,y1,x1]"] == "Σ_{q,r,s,i1,j1} W2[q,o,r,s] dH2[n,q,i1,j1] [y1 = i1 + r] [x1 = j1 + s]"
    assert found["dA1[n,o,i,j]"] == (
        "Σ_{y1,x1,u1,v1} dP1[n,o,y1,x1] [(u1,v1) = argmax_{u2,v2} (A1[n,o,2·y1 + u2,2·x1 + v2])] "
        "[i = 2·y1 + u1] [j = 2·x1 + v1]"
    )
    assert found["dH1"] == "dA1 ⊙ [H1 > 0]"
    assert found["db3"] == "Gᵀ 1"


def test_a_classifier_refers_to_the_derivation_of_its_network():
    text = derive.show(classifier)
    assert "dZ = (P - [c = label[b]])/B" in text
    assert "dW1[i,h] = Σ_{b,c} dZ[b,c] ∂Z[b,c]/∂W1[i,h]      (derivation of mlp)" in text


def test_what_a_residual_adds_goes_both_ways():
    found = shown(transformer_block)
    assert found["dR"] == "G_Y + dR_N2"
    assert found["dX"] == "dR + dX_N1"
    assert found["dA"] == "dR"
    assert found["dG"] == "dF W2ᵀ"
    assert found["dW2[f,o]"] == "Σ_{ℓ,t} G[ℓ,t,f] dF[ℓ,t,o]"
    said = derive.show(transformer_block)
    assert "(derivation of multi_head_attention)" in said
    assert "layer_norm, which gives N2, contributes dR_N2 to dR." in said


@pytest.mark.parametrize("of, twice", [(transformer_block, ("layer_norm", "linear")), (cnn, ("conv2d",))])
def test_a_layer_that_is_called_twice_is_generated_once(of, twice):
    source = numpy_source(of)
    for name in twice:
        assert len(re.findall(rf"^def {name}_bwd\(", source, re.MULTILINE)) == 1
        assert len(re.findall(rf" = {name}_bwd\(", source)) == 2


def deep(depth: int):
    """A perceptron of so many layers."""

    @layer
    def network(X: Tensor[b, i], W: Parameter[i, j], v: Parameter[j]):
        """One weight throughout."""
        H = X
        for number in range(depth):
            H = relu(linear(H, W, v, name=f"H{number + 1}"), name=f"A{number + 1}")
        return define("Y", (b, j), H[b, j])

    return network


def test_a_shared_weight_gets_the_sum_of_its_contributions():
    report = derive.check(deep(3))
    assert report.ok, str(report)
    calls = [s for s in gradients(deep(3)).backward.statements if isinstance(s, Call)]
    assert len(calls) == 3
    assert shown(deep(2))["dW"] == "Xᵀ dH1 + A1ᵀ dH2"


def test_text_and_code_grow_with_the_depth_and_no_faster():
    four, eight = deep(4), deep(8)
    for text in (numpy_source, derive.show):
        assert len(text(eight)) <= 2.1 * len(text(four))


def test_a_tensor_that_is_used_in_several_places():
    @layer
    def gate(X: Tensor[b, i], W: Parameter[i, j], v: Parameter[j]):
        """The same X through a layer and beside it."""
        H = linear(X, W, v, name="H")
        return define("Y", (b, j), X[b, j] * H[b, j])

    assert derive.check(gate).ok
    assert shown(gate)["dX"] == "G ⊙ H + dH Wᵀ"


# what does not compose


def refused(body) -> str:
    with pytest.raises(DefinitionError) as caught:
        layer(body)
    return str(caught.value)


def test_sizes_that_cannot_agree_name_the_layer_and_the_axes():
    def network(X: Tensor[b, i], W: Parameter[h, o], v: Parameter[o]):
        """The rows of W are not as many as the columns of X."""
        return linear(X, W, v, name="Y")

    assert refused(network) == (
        "network: in linear(X, W, v), axis i is i (size n) in X but h (size m) in W. They must have the same size."
    )


def test_a_name_that_is_used_twice_is_named():
    def network(X: Tensor[b, i], W: Parameter[i, j], v: Parameter[j]):
        """Two outputs of one name."""
        H = linear(X, W, v, name="H")
        return linear(H, W, v, name="H")

    assert refused(network) == (
        "network: the name H is used twice, for tensor H[b, j] and for tensor H[b, j1]. Rename one of them."
    )


def test_a_sublayer_lacks_an_axis():
    def network(x: Tensor[i], W: Parameter[i, o], v: Parameter[h]):
        """A bias for another output."""
        return linear(x, W, v, name="y")

    assert refused(network) == (
        "network: in linear(x, W, v), axis o is o (size q) in W but h (size m) in v. They must have the same size."
    )


def test_what_a_sublayer_requires_is_required_of_its_caller():
    def network(X: Tensor[b, i]):
        """More padding than there is window."""
        return max_pool1d(X, window=2, padding=2, name="Y")

    assert refused(network) == (
        "network: max_pool1d requires padding < window, which does not hold here. Give it other options."
    )


def test_a_network_that_pools_is_checked_at_its_own_door():
    @layer
    def pooled(X: Tensor[b, i], w: Parameter[i]):
        """A pool over products."""
        P = define("P", (b, i), X[b, i] * w[i])
        return max_pool1d(P, name="Y")

    with pytest.raises(ValueError, match=r"pooled: axis t of Y would have size 0, expected at least 1\."):
        compiled(pooled).pooled(np.ones((2, 1)), np.ones(1))


def test_a_loss_over_a_network_with_a_weight_of_its_own():
    @layer
    def regression(X: Tensor[b, i], W1: Parameter[i, h], v: Parameter[h], W2: Parameter[h, o], T: Tensor[b, o]):
        """Squares of what a network leaves."""
        A = relu(linear(X, W1, v, name="H"), name="A")
        return define("L", (), Sum((Sum(A[b, h] * W2[h, o], h) - T[b, o]) ** 2, b, o))

    assert derive.check(regression).ok
    assert shown(regression)["dW2"] == "2 Aᵀ (A W2 - T)"
