"""Networks, composed of layers."""
