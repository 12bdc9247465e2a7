"""Several files into one folder, whole or not at all.

Everything is written beside its place first; only then are the files renamed, and if that fails half-way, what was
there before is put back. A manifest (``.netprobe.json``) tells which files netprobe wrote, and what was in them: a file
that is not in it is somebody's, so it is neither replaced nor removed; one that was changed since is not removed. So it
may be a folder in use, such as ``/etc/squid``. A folder that has the name of a file ends the command.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from netprobe import natural
from netprobe.errors import UsageError

_REMEDY = "name a folder that you may write"
MANIFEST = ".netprobe.json"
"""Which files netprobe wrote into a folder, and the SHA-256 of each."""
MAX_BYTES = 1 << 20
_MARK = b"Made by netprobe "
"""What every file with comments says within its first lines; such a file was written before there were manifests."""


def write_folder(folder: Path, files: Mapping[str, str], *, owned: Iterable[str]) -> None:
    """Write every file under its own name.

    Args:
        folder: made if it is not there (its parent must be).
        files: text by file name.
        owned: every name that the target may write; those that are not in ``files`` are removed, if netprobe wrote
            them and nobody changed them since.

    Raises:
        UsageError: it cannot be written, or a file of that name is somebody's; what was there before is untouched.
    """
    known = _manifest(folder)
    gone = natural.ordered(
        name for name in set(owned) - set(files) if known.get(name) == _digest(folder / name) is not None
    )
    for name, text in files.items():
        place = folder / name
        theirs = name not in known and os.path.isfile(place) and _digest(place) != _digest_of(text)
        if theirs and not _is_ours(place):
            raise UsageError(str(place), "is there, and netprobe did not write it", "move it, or name another folder")
    for place in (folder / name for name in {**files, **dict.fromkeys(owned)}):
        if os.path.isdir(place) and not os.path.islink(place):
            raise UsageError(str(place), "is a folder, and a file of this name goes here", "move it, or name another")
    try:
        folder.mkdir(exist_ok=True)
        digests = {name: _digest_of(text) for name, text in files.items()}
        kept = {name: digest for name, digest in known.items() if name not in gone}
        told = json.dumps({"files": dict(sorted({**kept, **digests}.items()))}, indent=1) + "\n"
        _replace(folder, {**files, MANIFEST: told}, gone)
    except OSError as exc:
        raise UsageError(str(folder), f"cannot be written ({(exc.strerror or '').lower()})", _REMEDY) from exc


def _manifest(folder: Path) -> dict[str, str]:
    """The digests by file name; a manifest that is none counts as empty, so that nothing is deleted for it."""
    try:
        with (folder / MANIFEST).open("rb") as stream:
            told = json.loads(stream.read(MAX_BYTES))
        files = told["files"]
        return {str(name): str(digest) for name, digest in files.items()}
    except (OSError, ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return {}


def _digest(place: Path) -> str | None:
    """The digest of a file, or None where there is none."""
    try:
        return hashlib.sha256(place.read_bytes()).hexdigest()
    except OSError:
        return None


def _digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _is_ours(place: Path) -> bool:
    """Whether netprobe wrote a file; one that cannot be read counts as somebody's."""
    try:
        with place.open("rb") as stream:
            return _MARK in stream.read(2000)
    except OSError:
        return False


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
