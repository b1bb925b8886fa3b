"""Networks, composed of other layers."""

from .mlp import mlp, mlp_bwd, mlp_fwd

__all__ = [
    "mlp",
    "mlp_bwd",
    "mlp_fwd",
]
