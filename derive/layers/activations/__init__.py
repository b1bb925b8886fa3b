"""Activations, entry by entry or along a row."""
