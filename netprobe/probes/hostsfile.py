"""The hosts file: what a stub resolver answers before it asks any server (hosts(5), nsswitch ``files dns``).

A name that stands there is never asked of DNS, for neither family: glibc and Go both take the file's answer as the
whole answer. The file is bounded, and a line that is no address with names is skipped, as the C library does.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import msgspec

from netprobe.errors import UnreadableFileError
from netprobe.host.readers import hosts


class PinnedAddress(msgspec.Struct, frozen=True):
    """One address of one name, and the line where it stands."""

    address: str
    line: int


def parse(text: str) -> dict[str, tuple[PinnedAddress, ...]]:
    """Read a hosts file's text into name → entries, in the order of the file."""
    names: dict[str, list[PinnedAddress]] = {}
    for one in hosts.parse(enumerate(text.splitlines(), start=1)):
        for name in one.names:
            names.setdefault(name, []).append(PinnedAddress(one.address, one.line))
    return {name: tuple(entries) for name, entries in names.items()}


@functools.lru_cache(maxsize=16)
def _read(path: Path, _modified_ns: int, _size: int) -> Mapping[str, tuple[PinnedAddress, ...]]:
    with path.open("rb") as file:
        return parse(file.read(hosts.MAX_FILE).decode("utf-8", errors="replace"))


def lookup(path: Path | None, name: str) -> tuple[PinnedAddress, ...]:
    """The entries of ``name``; none where there is no file.

    Raises:
        UnreadableFileError: the file is there and cannot be read.
    """
    if path is None:
        return ()
    try:
        status = path.stat()
        return _read(path, status.st_mtime_ns, status.st_size).get(name, ())
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise UnreadableFileError(
            str(path), f"the hosts file cannot be read ({error.strerror})", "make it readable, or run as a user who may"
        ) from error
