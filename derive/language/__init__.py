"""The words of a definition: what a person writes to say what a layer is."""

from derive.language.definition import (
    Axis,
    Integer,
    Max,
    Parameter,
    Real,
    Tensor,
    axes,
    define,
    iverson,
    layer,
    leading,
    sigmoid,
    softplus,
    tensor,
    where,
)

__all__ = [
    "Axis",
    "Integer",
    "Max",
    "Parameter",
    "Real",
    "Tensor",
    "axes",
    "define",
    "iverson",
    "layer",
    "leading",
    "sigmoid",
    "softplus",
    "tensor",
    "where",
]
