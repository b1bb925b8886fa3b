"""Least squares, twice: by descent on the derived gradient, and by the Cholesky factor of the normal equations.

    python examples/least_squares.py

The catalogue's `least_squares` is L = ‖X W - Y‖², with the derived gradient 2 Xᵀ (X W - Y); it is zero where the normal
equations Xᵀ X W = Xᵀ Y hold. The curvature of L is 2 Xᵀ X everywhere. With the step 1 / λ, where λ is its largest
eigenvalue, the error along each eigenvector shrinks by a constant factor, slowest along the smallest eigenvalue: the
ratio of the two says how many steps are needed. The data are the diabetes patients that scikit-learn ships.
"""

import numpy as np

from common.command import on_one_thread
from common.optimizers import gradient_descent
from common.progress import Progress
from common.stepping import Optimizer
from derive import compiled, load, show

DIGITS = 10


def patients() -> tuple[np.ndarray, np.ndarray]:
    """Ten measurements of each patient, and how far the disease came a year later, all about their means."""
    from sklearn.datasets import load_diabetes

    X, y = load_diabetes(return_X_y=True)
    return X, (y - y.mean())[:, None]


def cholesky(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """Xᵀ X = L Lᵀ, then two triangular systems."""
    L = np.linalg.cholesky(X.T @ X)
    return np.linalg.solve(L.T, np.linalg.solve(L, X.T @ Y))


def descended(X: np.ndarray, Y: np.ndarray, step: float, steps: int) -> np.ndarray:
    code, descent = compiled(load("least_squares"), wrt=["W"]), Optimizer(gradient_descent, rate=step)
    W = np.zeros((X.shape[1], Y.shape[1]))
    with Progress("descent", steps) as progress:
        for _ in range(steps):
            loss, residuals = code.least_squares_fwd(X, W, Y)
            W = descent.step(W, code.least_squares_bwd(residuals, 1))
            progress.advance(f"loss {loss:.6f}")
    return W


def main() -> None:
    print(show(load("least_squares")))
    X, Y = patients()
    curvature = np.linalg.eigvalsh(2 * X.T @ X)
    condition = curvature[-1] / curvature[0]
    steps = int(np.ceil(condition * np.log(10) * DIGITS))
    print(f"step 1/λ = {1 / curvature[-1]:.4f}, condition number {condition:.0f}: {steps} steps for {DIGITS} digits")
    A, B = descended(X, Y, 1 / curvature[-1], steps), cholesky(X, Y)
    difference = np.abs(A - B).max() / np.abs(B).max()
    print(f"largest difference to the Cholesky solution: {difference:.0e} of the largest weight")


if __name__ == "__main__":
    on_one_thread(main)
