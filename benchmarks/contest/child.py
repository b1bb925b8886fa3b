"""The process that measures the memory of one contestant: what to do comes in on stdin, and goes out on stdout."""

from __future__ import annotations

import json
import sys

from .threads import limit_threads


def main() -> None:
    threads, dtype, name, wanted = json.load(sys.stdin)
    limit_threads(threads)
    # From here on NumPy may be imported.
    from .memory import answer

    print(json.dumps(answer(dtype, name, wanted)))
