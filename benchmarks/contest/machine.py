"""What the figures were taken on."""

from __future__ import annotations

import platform
from pathlib import Path

from .contestants import installed

PACKAGES = ("numpy", "torch", "jax", "autograd")


def processor() -> str:
    """The processor's name, where the system says it."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    return platform.processor() or platform.machine()


def description(threads: int, cores: int) -> str:
    """In one line: processor, cores, threads, versions."""
    versions = [f"{package} {found}" for package in PACKAGES if (found := installed(package))]
    parts = [processor(), f"{cores} cores", f"{threads} threads each", f"Python {platform.python_version()}", *versions]
    return ", ".join(parts)
