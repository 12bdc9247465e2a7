"""Kernel settings from sysctl files, as they stand after boot (sysctl.d(5), sysctl.conf(5), read 2026-11-28).

A file hides one of the same name in a folder that ranks lower; the rest are read in the order of their names, whatever
folder they lie in, and the last assignment holds. ``systemd-sysctl`` does not read ``/etc/sysctl.conf``, which Debian
and Ubuntu link to ``99-sysctl.conf``; ``sysctl --system`` reads it last.
"""

from __future__ import annotations

from netprobe.findings import Place
from netprobe.host.filesystem import FileSystem
from netprobe.host.readers.settings import MAX_FILE

_FOLDERS = ("/usr/lib/sysctl.d", "/lib/sysctl.d", "/usr/local/lib/sysctl.d", "/run/sysctl.d", "/etc/sysctl.d")
"""The folder that wins last."""
_MAIN = "/etc/sysctl.conf"


def files(root: FileSystem) -> tuple[str, ...]:
    """The files in the order in which they are read."""
    chosen: dict[str, str] = {}
    for folder in _FOLDERS:
        for name in root.names(folder):
            if name.endswith(".conf"):
                chosen[name] = f"{folder}/{name}"
    return (*(chosen[name] for name in sorted(chosen) if root.has_file(chosen[name])), _MAIN)


def value(root: FileSystem, *names: str) -> tuple[str, Place] | None:
    """The value that holds for a setting, and where it is assigned.

    Args:
        root: the host's or image's files.
        names: the setting, with dots, and others that mean the same.

    Raises:
        UnreadableError: a file is there and cannot be read.
    """
    found = None
    for path in files(root):
        for number, line in root.lines(path, MAX_FILE):
            key, equals, text = line.strip().partition("=")
            if key[:1] in ("#", ";") or not equals:
                continue
            if key.strip().lstrip("-").replace("/", ".") in names:
                found = text.strip(), Place(file=path, line=number, text=line.strip()[:200])
    return found
