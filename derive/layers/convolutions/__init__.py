"""Toeplitz operators and convolutions."""
