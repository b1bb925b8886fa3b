"""Pictures of training."""

from collections.abc import Sequence
from pathlib import Path

from common.training import Trained


def loss_chart(runs: Sequence[tuple[Trained, float]], path: Path) -> None:
    """The training loss of each run after each epoch, with its held-out accuracy in the legend."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for trained, accuracy in runs:
        epochs = range(1, len(trained.losses) + 1)
        axes.semilogy(epochs, trained.losses, label=f"{trained.experiment.name} ({accuracy:.3f})")
    axes.set(xlabel="epoch", ylabel="training loss", title="Handwritten digits, trained on generated gradients")
    axes.legend(title="held-out accuracy", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
