"""Several files into one folder, whole or not at all.

Everything is written beside its place first; only then are the files renamed, and if that fails half-way, what was
there before is put back. Files in the folder that are not the target's are never touched, so it may be a folder in
use, such as ``/etc/squid/netprobe``; the target's own files that are no longer written are removed. A folder that has
the name of one of them is somebody's, whatever is in it, and ends the command.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from netprobe.errors import UsageError

_REMEDY = "name a folder that you may write"


def write_folder(folder: Path, files: Mapping[str, str], *, owned: Iterable[str]) -> None:
    """Write every file under its own name.

    Args:
        folder: made if it is not there (its parent must be).
        files: text by file name.
        owned: every name that the target may write; those that are not in ``files`` are removed.

    Raises:
        UsageError: it cannot be written; what was there before is untouched.
    """
    gone = sorted(set(owned) - set(files))
    for place in (folder / name for name in (*files, *gone)):
        if place.is_dir() and not place.is_symlink():
            raise UsageError(str(place), "is a folder, and a file of this name goes here", "move it, or name another")
    try:
        folder.mkdir(exist_ok=True)
        _replace(folder, files, gone)
    except OSError as exc:
        raise UsageError(str(folder), f"cannot be written ({(exc.strerror or '').lower()})", _REMEDY) from exc


def _replace(folder: Path, files: Mapping[str, str], gone: Iterable[str]) -> None:
    with tempfile.TemporaryDirectory(prefix=".netprobe-", dir=folder) as scratch:
        new, old = Path(scratch, "new"), Path(scratch, "old")
        new.mkdir()
        old.mkdir()
        for name, text in files.items():
            _write(new / name, text)
        moved: list[str] = []
        try:
            for name in (*files, *gone):
                if (folder / name).exists():
                    (folder / name).rename(old / name)
                moved.append(name)
                if name in files:
                    (new / name).rename(folder / name)
        except OSError:
            _put_back(folder, old, moved)
            raise


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def _put_back(folder: Path, old: Path, moved: Iterable[str]) -> None:
    for name in moved:
        with contextlib.suppress(FileNotFoundError):
            (folder / name).unlink()
        if (old / name).exists():
            (old / name).rename(folder / name)
