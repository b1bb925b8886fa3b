"""Four models on handwritten digits, trained one after another, and their loss curves as a picture.

    python examples/digits.py

What training computes is NumPy code that derive generated: the scores, the loss, the gradients and the optimizers.
"""

from pathlib import Path

import attention
import convolution
import logistic_regression
import perceptron
from common.charts import loss_chart
from common.command import on_one_thread, parser, run

EXAMPLES = (logistic_regression, perceptron, convolution, attention)
PICTURE = Path(__file__).with_name("digits.png")


def main() -> None:
    commands = parser(__doc__)
    commands.add_argument("--picture", type=Path, default=PICTURE, help="where the loss curves go")
    options = commands.parse_args()
    runs = [run(example.experiment(), options.seed) for example in EXAMPLES]
    loss_chart(runs, options.picture)
    print(f"The loss curves are in {options.picture}.")


if __name__ == "__main__":
    on_one_thread(main)
