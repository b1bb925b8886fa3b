"""PyTorch on the CPU: eager, with the scores of attention written out, or with its fused attention."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from .cases import Case
from .contestants import Contestant, Task, Work

Tensor = Any

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))


def _linear(X: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return F.linear(X, W.mT, b)


def _mlp4(X: Tensor, *parameters: Tensor) -> Tensor:
    for n in range(0, len(parameters), 2):
        X = _linear(F.relu(X) if n else X, *parameters[n : n + 2])
    return X


def _attention(Q: Tensor, K: Tensor, V: Tensor) -> Tensor:
    return torch.softmax(Q @ K.mT / math.sqrt(Q.shape[-1]), dim=-1) @ V


def _causal_attention(Q: Tensor, K: Tensor, V: Tensor) -> Tensor:
    hidden = torch.ones(Q.shape[-2], K.shape[-2], dtype=torch.bool).triu(1)
    S = (Q @ K.mT / math.sqrt(Q.shape[-1])).masked_fill(hidden, -math.inf)
    return torch.softmax(S, dim=-1) @ V


def _fused_causal(Q: Tensor, K: Tensor, V: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(Q, K, V, is_causal=True)


def _grouped(X: Tensor, W: Tensor, b: Tensor, *, padding: int, stride: int) -> Tensor:
    n, groups, channels, *sides = X.shape
    joined = X.reshape(n, groups * channels, *sides)
    Y = F.conv2d(joined, W.flatten(0, 1), b.flatten(), padding=padding, stride=stride, groups=groups)
    return Y.unflatten(1, (groups, -1))


def _depthwise(X: Tensor, W: Tensor, b: Tensor, *, padding: int, stride: int) -> Tensor:
    return F.conv2d(X, W[:, None], b, padding=padding, stride=stride, groups=W.shape[0])


def _layer_norm(X: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    return F.layer_norm(X, gamma.shape, gamma, beta, eps=1e-5)


def _heads(X: Tensor, W: Tensor) -> Tensor:
    return (X @ W.flatten(1)).unflatten(-1, W.shape[1:]).transpose(-3, -2)


def _block(attend: Callable) -> Callable[..., Tensor]:
    def transformer_block(X, gamma1, beta1, W_Q, W_K, W_V, W_O, gamma2, beta2, W1, b1, W2, b2):
        N = _layer_norm(X, gamma1, beta1)
        O = attend(_heads(N, W_Q), _heads(N, W_K), _heads(N, W_V)).transpose(-3, -2)
        R = X + O.flatten(-2) @ W_O.flatten(0, 1)
        return R + _linear(F.gelu(_linear(_layer_norm(R, gamma2, beta2), W1, b1)), W2, b2)

    return transformer_block


FORMULAS: dict[str, Callable[..., Tensor]] = {
    "linear": _linear,
    "mlp4": _mlp4,
    "conv1d": F.conv1d,
    "conv2d": F.conv2d,
    "grouped_conv2d": _grouped,
    "depthwise_conv2d": _depthwise,
    "attention": _attention,
    "causal_attention": _causal_attention,
    "layer_norm": _layer_norm,
    "cross_entropy": F.cross_entropy,
    "sparse_cross_entropy": F.cross_entropy,
    "transformer_block": _block(_attention),
}
FUSED: dict[str, Callable[..., Tensor]] = {
    "attention": F.scaled_dot_product_attention,
    "causal_attention": _fused_causal,
    "transformer_block": _block(F.scaled_dot_product_attention),
}


class ByTorch(Contestant):
    name = "torch"
    package = "torch"
    threads_of = "torch"
    formulas = FORMULAS

    def can(self, case: Case) -> bool:
        return case.layer in self.formulas

    def prepare(self, task: Task) -> Work:
        formula, options, floating = self.formulas[task.case.layer], task.case.options, task.case.floating
        tensors = [torch.from_numpy(array.copy()) for array in task.arrays]
        if task.cotangent is None:

            def forward() -> tuple[Tensor]:
                with torch.no_grad():
                    return (formula(*tensors, **options),)

            return forward
        dY = torch.from_numpy(np.array(task.cotangent))
        wanted = [tensors[place].requires_grad_() for place in floating]

        def both() -> tuple[Tensor, ...]:
            Y = formula(*tensors, **options)
            return (Y, *torch.autograd.grad(Y, wanted, dY))

        return both

    def arrays(self, result: Any) -> list[np.ndarray]:
        return [tensor.detach().numpy() for tensor in result]


class ByTorchFused(ByTorch):
    name = "torch fused"
    formulas = FUSED
