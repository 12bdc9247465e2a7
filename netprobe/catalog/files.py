"""Data files take each other's place in one step: read whole before, and never half written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def replace(path: Path, data: bytes, check: Callable[[bytes], object]) -> None:
    """Put ``data`` in the place of ``path`` in one step, after ``check`` has read it.

    Args:
        path: the file to replace.
        data: its new bytes.
        check: the shipped reader; whatever it raises leaves the old file as it was.
    """
    check(data)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as beside:
        try:
            beside.write(data)
            beside.flush()
            os.fsync(beside.fileno())
            os.fchmod(beside.fileno(), 0o644)
            os.replace(beside.name, path)
        except BaseException:
            Path(beside.name).unlink(missing_ok=True)
            raise
