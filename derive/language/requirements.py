"""What must hold of sizes and options: `given(padding < window)`. It is checked where the generated code is called."""

from __future__ import annotations

import sympy
from sympy.core.relational import Relational
from sympy.tensor.indexed import Idx

from derive.core.layer import Layer, Role
from derive.core.names import shortened
from derive.core.rebind import Rebinding
from derive.errors import DefinitionError
from derive.language.scope import Scope


def is_requirement(scope: Scope, relation: object) -> bool:
    """Does it compare nothing but sizes and integer options?"""
    if not isinstance(relation, Relational) or relation.atoms(sympy.Indexed, sympy.Sum, Idx):
        return False
    symbols = [scope.symbols.get(str(s)) for s in relation.free_symbols]
    return bool(symbols) and all(
        s is not None and (s.role is Role.SIZE or s.role is Role.OPTION and s.least is not None) for s in symbols
    )


def require(scope: Scope, relation: Relational) -> None:
    """Record what must hold of sizes and options."""
    if relation not in scope.requires:
        scope.requires.append(relation)


def inherit(scope: Scope, callee: Layer, rebinding: Rebinding) -> None:
    """What a callee requires is required here of the sizes and options that it is given."""
    for relation in callee.requires:
        here = rebinding.size(relation)
        if here == sympy.false:
            raise DefinitionError(
                f"{scope.name}: {callee.name} requires {relation}, which does not hold here. Give it other options."
            )
        if here != sympy.true:
            if not is_requirement(scope, here):
                raise DefinitionError(
                    f"{scope.name}: {callee.name} requires {relation}, which is {shortened(here)} here: it is not a "
                    "condition on sizes and integer options. Give it other options."
                )
            require(scope, here)
