"""What the examples share: the digits, the optimizers, the training loop, the pictures."""
