"""Normalizations."""

__all__: list[str] = []
