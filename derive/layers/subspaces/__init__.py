"""Subspaces of largest variance."""
