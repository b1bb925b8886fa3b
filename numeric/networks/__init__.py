"""Networks, composed of other layers."""

from .classifier import classifier, classifier_bwd, classifier_fwd
from .cnn import cnn, cnn_bwd, cnn_fwd
from .mlp import mlp, mlp_bwd, mlp_fwd
from .transformer_block import transformer_block, transformer_block_bwd, transformer_block_fwd

__all__ = [
    "classifier",
    "classifier_bwd",
    "classifier_fwd",
    "cnn",
    "cnn_bwd",
    "cnn_fwd",
    "mlp",
    "mlp_bwd",
    "mlp_fwd",
    "transformer_block",
    "transformer_block_bwd",
    "transformer_block_fwd",
]
