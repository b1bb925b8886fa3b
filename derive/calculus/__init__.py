"""From a layer to its derivations: differentiation and simplification by named rules, in reverse order."""
