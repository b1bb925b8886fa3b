"""From index notation to matrix notation: X[b,i] W[i,o] summed over i is X W."""
