"""Files that are read without being named: ``./netprobe.toml``, ``./netprobe.lock``, an imported catalog.

Whoever runs netprobe in a shared folder, as root above all, must not take orders from another user there. Such a file
is opened once, without following a link and without waiting for a FIFO's writer, and what was opened is looked at.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from netprobe.errors import UnreadableFileError


def read(path: Path, limit: int, *, option: str = "", remedy: str = "") -> bytes | None:
    """Read a file that nobody named.

    Args:
        path: where it is by custom.
        limit: the most bytes.
        option: the option that names it.
        remedy: what to do where it is not read, if no option names it.

    Returns:
        Its bytes, one more than ``limit`` where it is larger; None where there is none, or where it would lie in a
        folder that this user may not enter: another user's, as HOME often is in a container.

    Raises:
        UnreadableFileError: another user may have written it, or it is no file.
    """
    remedy = remedy or f"name it with {option} {path}, or leave this folder"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as exc:
        if exc.errno == errno.ELOOP:
            raise UnreadableFileError(str(path), "is a link, so it is not read unasked", remedy) from exc
        if exc.errno == errno.EACCES and not os.path.lexists(path):
            return None
        raise UnreadableFileError(str(path), f"cannot be read ({(exc.strerror or '').lower()})", "mend it") from exc
    with open(descriptor, "rb") as stream:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise UnreadableFileError(str(path), "is no file, so it is not read unasked", remedy)
        if found.st_uid not in {os.geteuid(), 0} or stat.S_IMODE(found.st_mode) & stat.S_IWOTH:
            raise UnreadableFileError(str(path), "another user may have written it, so it is not read unasked", remedy)
        return stream.read(limit + 1)
