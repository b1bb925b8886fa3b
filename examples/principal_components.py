"""The principal components of handwritten digits, twice: by eigendecomposition, and by descent on a derived gradient.

    python examples/principal_components.py

The catalogue's `pca` is the loss L = ‖X - X W Wᵀ‖² of giving each image by a few numbers. Descent on it needs no
eigenvector and no orthogonalization, and ends in the same subspace as the eigenvectors of the covariance: the angles
between the two are printed. Its W is another basis of that subspace, and orthonormal by itself.
"""

import numpy as np

from common.command import on_one_thread, parser
from common.data import centred
from common.optimizers import gradient_descent
from common.progress import Progress
from common.stepping import Optimizer
from derive import compiled, load


def eigenbasis(X: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The eigenvalues of the covariance, largest first, and the k leading eigenvectors as columns."""
    values, vectors = np.linalg.eigh(X.T @ X / len(X))
    return values[::-1], vectors[:, : -k - 1 : -1]


def descended(X: np.ndarray, k: int, curvature: float, steps: int, seed: int) -> tuple[np.ndarray, float]:
    """The basis at which gradient descent on the mean reconstruction loss arrives, and the loss there.

    At the minimum the loss curves most where W grows along the first component: 8 λ₁, the curvature that is given.
    """
    code, descent = compiled(load("pca"), wrt=["W"]), Optimizer(gradient_descent, rate=1 / (curvature * len(X)))
    W = np.random.default_rng(seed).standard_normal((X.shape[1], k)) / np.sqrt(X.shape[1])
    with Progress("descent", steps) as progress:
        for _ in range(steps):
            loss, residuals = code.pca_fwd(X, W)
            W = descent.step(W, code.pca_bwd(residuals, 1))
            progress.advance(f"mean loss {loss / len(X):.12f}")
    return W, float(code.pca(X, W)) / len(X)


def principal_angles(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """The angles between two subspaces, given by bases (Björck and Golub, 1973).

    From their sines: a cosine near 1 could not tell angles below 1e-8 from 0.
    """
    A, B = np.linalg.qr(A)[0], np.linalg.qr(B)[0]
    sines = np.linalg.svd(B - A @ (A.T @ B), compute_uv=False)
    return np.arcsin(np.minimum(sines, 1))


def main() -> None:
    commands = parser(__doc__)
    commands.add_argument("--components", type=int, default=10)
    commands.add_argument("--steps", type=int, default=2000)
    options = commands.parse_args()
    X, k = centred(), options.components
    values, V = eigenbasis(X, k)
    print(f"{k} of {len(values)} components keep {values[:k].sum() / values.sum():.1%} of the variance")
    W, loss = descended(X, k, 8 * values[0], options.steps, options.seed)
    print(f"mean loss              {loss:.12f}")
    print(f"left-out eigenvalues   {values[k:].sum():.12f} in sum")
    print(f"|Wᵀ W - 1|             {np.abs(W.T @ W - np.eye(k)).max():.0e}")
    angles = " ".join(f"{angle:.0e}" for angle in principal_angles(V, W))
    print(f"principal angles (rad) {angles}, seed {options.seed}")


if __name__ == "__main__":
    on_one_thread(main)
