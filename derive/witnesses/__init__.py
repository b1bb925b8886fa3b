"""Independent ways to compute the same value, side by side."""
