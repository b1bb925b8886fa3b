"""Print the Nth of the README's commands: those of its shell blocks that make an environment.

    python3 .ci/readme.py 2

The README is the only place where they stand, so that what is tested is what people copy.
"""

import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"
BLOCK = re.compile(r"^```(?:bash|sh|shell|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[str]:
    """The commands of the shell blocks that make an environment, each on one line."""
    blocks = "".join(BLOCK.findall(text)).replace("\\\n", " ")
    lines = (" ".join(line.split()).removeprefix("$ ") for line in blocks.splitlines())
    return [line for line in lines if "-m venv " in line]


def main(number: str) -> int:
    found = commands(README.read_text(encoding="utf-8"))
    if len(found) != 2:
        print(f"{README.name} has {len(found)} commands that make an environment, not 2.", file=sys.stderr)
        return 2
    print(found[int(number) - 1])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
