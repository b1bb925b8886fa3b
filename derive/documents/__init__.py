"""What people read: derivations as LaTeX documents, as text in a terminal and in notebooks."""
