"""Where output goes: the report to stdout or a file, everything else to stderr.

A file is written beside its place and renamed, so that a reader never sees half a report and a failed run never
destroys the last good one. Devices and pipes (``/dev/null``, a FIFO) are written to directly: renaming over them would
replace them. A reader that went away (``| head``) ends the output quietly and changes no exit code.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import TextIO

from netprobe.errors import UsageError, printable, redacted


def write_output(content: str | bytes, path: Path | None) -> None:
    """Write a whole output to ``path``, or to stdout where that is None or ``-``.

    Raises:
        UsageError: the file cannot be written; what was there before is untouched.
    """
    if path is None or str(path) == "-":
        _write_stdout(content)
        return
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        _write_file(data, Path(os.path.realpath(path)))
    except OSError as exc:
        raise UsageError(
            str(path), f"cannot be written ({_reason(exc)})", "name a file in a folder that you may write"
        ) from exc


def _reason(exc: OSError) -> str:
    return (exc.strerror or type(exc).__name__).lower()


def _write_file(data: bytes, path: Path) -> None:
    before = path.stat() if path.exists() else None
    if before is not None and not stat.S_ISREG(before.st_mode):
        # A device, a pipe or a folder: nothing to rename over (a folder fails here, as it should).
        with path.open("wb") as special:
            special.write(data)
        return
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            _take_over(stream.fileno(), before)
            os.fsync(stream.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _take_over(descriptor: int, before: os.stat_result | None) -> None:
    """Give the new file the mode and owner of the one that it replaces, or those of any new file."""
    if before is None:
        umask = os.umask(0)
        os.umask(umask)
        os.fchmod(descriptor, 0o666 & ~umask)
        return
    # Only root may give a file away; for anyone else the new file is theirs, as with any editor.
    with contextlib.suppress(PermissionError):
        os.fchown(descriptor, before.st_uid, before.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(before.st_mode))


def _write_stdout(content: str | bytes) -> None:
    stream = sys.stdout
    data = content if isinstance(content, bytes) else content.encode(stream.encoding or "utf-8", "backslashreplace")
    try:
        stream.flush()
        stream.buffer.write(data)
        stream.buffer.flush()
    except BrokenPipeError:
        discard(stream)
    except OSError as exc:
        discard(stream)
        raise UsageError("stdout", f"cannot be written ({_reason(exc)})", "make room, or name a file with -o") from exc


def discard(stream: TextIO) -> None:
    """Point a stream whose reader is gone at nothing, so that the interpreter's own flush at exit stays quiet."""
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, stream.fileno())
    finally:
        os.close(null)


def say(text: str) -> None:
    """Tell the person one thing on stderr, one line each, safe for a terminal, without secrets."""
    try:
        sys.stderr.write(printable(redacted(text), limit=4000) + "\n")
        sys.stderr.flush()
    except OSError as exc:
        if exc.errno not in {errno.EPIPE, errno.EBADF, errno.EIO, errno.ENOSPC}:
            raise
        discard(sys.stderr)


def coloured(stream: TextIO) -> bool:
    """Whether to colour what goes to a stream: NO_COLOR, then FORCE_COLOR, then whether it is a terminal.

    Both variables count when they are present and not empty (no-color.org, force-color.org, read 2026-11-23).
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def width() -> int:
    """The columns that text for people may use: the terminal's (or COLUMNS), 80 where there is none."""
    return max(shutil.get_terminal_size((80, 24)).columns, 20)
