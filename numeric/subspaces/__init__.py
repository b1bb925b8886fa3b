"""Subspaces of largest variance."""

__all__: list[str] = []
