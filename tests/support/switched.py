"""A standing lab whose fault is switched on and off while others look at it through one and the same file."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.cli import environment


class SwitchedLab:
    """One lab at a time; ``lab.json`` always describes the one that is up.

    Args:
        folder: where ``lab.json`` is kept.
        arguments: further ones of ``netprobe lab run``.
    """

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.file = folder / "lab.json"
        self._arguments = arguments
        self._process: subprocess.Popen[str] | None = None

    def play(self, scenario: str) -> None:
        """Bring this scenario up, point the file at it, and end the one before."""
        process = subprocess.Popen(
            [sys.executable, "-m", "netprobe", "lab", "run", scenario, *self._arguments],
            env=environment(PYTHONUNBUFFERED="1"),
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout is not None
        for line in process.stdout:
            found = re.search(r"--lab (\S+/lab\.json)", line)
            if found:
                break
        else:
            raise AssertionError(f"the lab {scenario} did not come up")
        beside = self.file.with_suffix(".new")
        beside.write_bytes(Path(found[1]).read_bytes())
        os.replace(beside, self.file)
        before, self._process = self._process, process
        _end(before)

    def end(self) -> None:
        """End whatever is up."""
        _end(self._process)
        self._process = None


def _end(process: subprocess.Popen[str] | None) -> None:
    if process is None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
