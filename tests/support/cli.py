"""Run the real command line in a process of its own: one that has imported it already, where the start is no matter."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support import ready

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ended:
    """How it ended, and what it said where."""

    code: int
    out: str
    err: str


def environment(**extra: str) -> dict[str, str]:
    """The cleaned environment of the test, with netprobe importable from anywhere."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **extra}


def netprobe(
    *arguments: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    python: Sequence[str] = (),
    timeout: float = 60,
    errors: str = "strict",
) -> Ended:
    """Run ``python -m netprobe`` with these arguments; with options of Python's own, from a start of its own."""
    if not python:
        became = ready.run(arguments, cwd=cwd or ROOT, env=environment(**(env or {})), timeout=timeout, errors=errors)
        if became is not None:
            return Ended(*became)
    done = subprocess.run(
        [sys.executable, *python, "-m", "netprobe", *arguments],
        cwd=cwd or ROOT,
        env=environment(**(env or {})),
        capture_output=True,
        text=True,
        errors=errors,
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return Ended(done.returncode, done.stdout, done.stderr)
