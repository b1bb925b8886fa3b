"""Write a layer once, as mathematics; get its derivation, its NumPy code and the evidence that they agree.

    define ──► differentiate ──► simplify ──► lower ──► render
    layer      derivation        derivation   program   LaTeX · NumPy

A layer is a function of tensors, decorated; its equations are SymPy expressions:

>>> from sympy import Sum
>>> from derive import Parameter, Tensor, axes, define, gradients, layer, show
>>> i, o = axes("i=d_in o=d_out")
>>> @layer
... def linear(X: Tensor[..., i], W: Parameter[i, o]):
...     return define("Y", (..., o), Sum(X[..., i] * W[i, o], i))
>>> print(show(linear))  # doctest: +ELLIPSIS
linear
...
dX = G Wᵀ
dW = Xᵀ G
...
"""

from importlib import import_module

# What a definition is written in: tensors and axes, options, conditions, reductions.
_WORDS = (
    "Axis Integer Max Parameter Real Tensor axes define given iverson layer leading position sigmoid softplus tensor "
    "where"
)
_HOMES = {
    **dict.fromkeys(_WORDS.split(), "derive.language"),
    "load": "derive.loading",
    "gradients": "derive.calculus.derivation",
    "jvp": "derive.calculus.forward",
    "jacobian": "derive.calculus.jacobian",
    "hessian": "derive.calculus.jacobian",
    "blockwise": "derive.calculus.blockwise",
    "show": "derive.api",
    "latex": "derive.api",
    "numpy_source": "derive.lowering.render",
    "compiled": "derive.lowering.render",
    "check": "derive.api",
    "equal": "derive.calculus.equality",
    "to_sympy": "derive.language.sympy_form",
    "DeriveError": "derive.errors",
}

__all__ = sorted(_HOMES)
__version__ = "0.1.0"


def __getattr__(name: str):
    """Import a public name when it is first asked for: NumPy and Jinja2 only load with what needs them."""
    if name not in _HOMES:
        raise AttributeError(f"module 'derive' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
