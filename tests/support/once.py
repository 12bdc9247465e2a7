"""What takes long to make is made once a run, by whichever of pytest's workers asks first; the others wait for it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


def made(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the first worker makes and all of them read.

    Args:
        factory: pytest's own; the folder lies beside those of the workers.
        name: of the folder.
        make: makes the folder, where nothing is; if it fails, what it left goes, and the next worker tries again.

    Returns:
        The folder.
    """
    base = factory.getbasetemp()
    beside = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    place, done = beside / name, beside / f"{name}.made"
    with (beside / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(place, ignore_errors=True)
            make(place)
            done.touch()
    return place


def environment(factory: pytest.TempPathFactory, name: str, *wanted: str) -> Path:
    """The folder of programs of a Python environment of its own, for what is too large or too strict for ours.

    Bytecode is left to whoever imports a module: most of what is installed is never imported.

    Args:
        factory: pytest's own.
        name: of the environment.
        wanted: requirements, or options of ``pip install``.
    """

    def make(place: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True, timeout=120)
        pip = (sys.executable, "-m", "pip", "--python", str(place / "bin" / "python"), "--disable-pip-version-check")
        subprocess.run([*pip, "install", "--quiet", "--no-compile", *wanted], check=True, timeout=900)

    return made(factory, name, make) / "bin"
