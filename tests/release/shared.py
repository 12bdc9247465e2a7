"""What is costly to make and the same for every test: made once, for all of pytest's workers."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the first worker makes and all of them read.

    Args:
        factory: pytest's own; the folder lies beside those of the workers.
        name: of the folder.
        make: fills a folder that is not there yet; if it fails, the next worker tries again.

    Returns:
        The folder.
    """
    base = factory.getbasetemp()
    place = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (place / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = place / f"{name}.made"
        if not made.exists():
            make(place / name)
            made.touch()
    return place / name


def environment(factory: pytest.TempPathFactory, name: str, requirements: Path) -> Path:
    """The folder of programs of a Python environment of its own, for what is too large or too strict for ours."""

    def make(place: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True, timeout=120)
        pip = [str(place / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", str(requirements)], check=True, timeout=900)

    return once(factory, name, make) / "bin"
