"""From a layer and its gradients to array statements, and to the module that holds them."""
