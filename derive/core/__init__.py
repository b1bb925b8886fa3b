"""The values: indices, terms in normal form, the table of primitives, and layers made of equations."""
