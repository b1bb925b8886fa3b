"""NumPy source of a layer and its gradient, and the same as functions that can be called."""

from __future__ import annotations

import linecache
from collections.abc import Iterable
from types import ModuleType
from typing import TYPE_CHECKING

from derive.calculus.derivation import gradients as derive_gradients
from derive.core.layer import Layer

if TYPE_CHECKING:
    from derive.calculus.blockwise import Blockwise
    from derive.calculus.forward import Tangents
    from derive.calculus.jacobian import Jacobian
    from derive.calculus.steps import Gradients


def numpy_source(
    layer: Layer | Jacobian | Tangents | Blockwise, wrt: Iterable[str] | None = None, gradients: Gradients | None = None
) -> str:
    """The NumPy module of a layer: L(…), L_fwd(…) -> (output, residuals), L_bwd(residuals, cotangent) -> gradients.

    Of a Hessian L_hvp and L_hessian, of a Jacobian L_jacobian, of what `jvp` gives L_jvp; of what `blockwise` gives the
    three functions with the keyword `block`, the number of rows and columns of a block. `wrt` names the
    arguments whose gradients are wanted, all if it is None; `gradients` are those already derived.
    Raises UsageError for a name that is no tensor of the layer, LoweringError for what has no array form.

    >>> from derive.layers.linear_maps.affine import affine
    >>> print(numpy_source(affine).splitlines()[0])
    \"\"\"Affine map y = W x + b of one vector (Goodfellow, Bengio and Courville, Deep Learning, 2016, §6.1).
    """
    from derive.calculus.blockwise import Blockwise
    from derive.calculus.forward import Tangents
    from derive.calculus.jacobian import Jacobian
    from derive.lowering.blockwise import lower_blockwise
    from derive.lowering.lower import lower
    from derive.lowering.second import program_of
    from derive.printers.numpy_module import module_text
    from derive.templating import environment

    if isinstance(layer, Blockwise):
        program = lower_blockwise(layer)
    elif isinstance(layer, (Jacobian, Tangents)):
        program = program_of(layer)
    else:
        program = lower(gradients or derive_gradients(layer, wrt))
    return environment().get_template("numpy.py.j2").render(module=module_text(program))


def compiled(layer: Layer | Jacobian | Tangents | Blockwise, wrt: Iterable[str] | None = None) -> ModuleType:
    """The generated module of a layer, or of what is derived of one, loaded: its functions are attributes, its text
    is in `__source__`.

    >>> import numpy as np
    >>> from derive.layers.linear_maps.affine import affine
    >>> y, residuals = compiled(affine).affine_fwd(np.ones(3), np.ones((2, 3)), np.zeros(2))
    >>> y
    array([3., 3.])
    """
    source = numpy_source(layer, wrt)
    return loaded(layer.name if isinstance(layer, Layer) else layer.layer.name, source)


def numpy_second_source(layer: Layer, wrt: Iterable[str] | None = None) -> str:
    """The NumPy module of a layer's second derivatives: L_hvp(arguments…, directions…) and L_hessian(arguments…).

    `wrt` names the variables, all that have a second derivative if it is None; where there are several, L_hvp takes a
    direction in each, and the Hessian by X is L_hessian_X. Cotangents of outputs stand behind the arguments.
    """
    from derive.calculus.jacobian import Jacobian, hessians
    from derive.calculus.second import second_order
    from derive.lowering.second import lower_second
    from derive.printers.numpy_module import module_text
    from derive.templating import environment

    found = [h for h in hessians(layer, wrt) if isinstance(h, Jacobian)]
    wanted = together(layer, [h.wrt.name for h in found])
    program = lower_second(second_order(layer, wanted), found)
    return environment().get_template("numpy.py.j2").render(module=module_text(program))


def numpy_jacobian_source(layer: Layer, wrt: Iterable[str] | None = None) -> str:
    """The NumPy module of a layer's Jacobians, by the variables `wrt`, or all: L_jacobian, or L_jacobian_X for each."""
    from derive.calculus.jacobian import jacobians
    from derive.lowering.second import lower_jacobians
    from derive.printers.numpy_module import module_text
    from derive.templating import environment

    program = lower_jacobians(layer, jacobians(layer, wrt))
    return environment().get_template("numpy.py.j2").render(module=module_text(program))


def together(layer: Layer, wanted: list[str]) -> list[str]:
    """The variables by which the gradients by all of them can be differentiated: those whose facts none rests on."""
    from derive.calculus.second import second_order
    from derive.errors import DifferentiationError

    for count in range(len(wanted)):
        kept = wanted[: len(wanted) - count]
        try:
            second_order(layer, kept)
        except DifferentiationError:
            continue
        return kept
    raise DifferentiationError(f"{layer.name}: it has no second derivative by any of its variables.")


def compiled_second(layer: Layer, wrt: Iterable[str] | None = None) -> ModuleType:
    """The generated module of a layer's second derivatives, loaded."""
    return loaded(f"{layer.name}_second", numpy_second_source(layer, wrt))


def loaded(name: str, source: str) -> ModuleType:
    """Source text as a module."""
    module = ModuleType(name)
    filename = f"<generated {name}>"
    # Tracebacks show the generated lines.
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    exec(compile(source, filename, "exec"), module.__dict__)
    module.__dict__["__source__"] = source
    return module
