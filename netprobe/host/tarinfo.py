"""The headers of a tar archive that names and sizes hide in, read in time linear in their bytes.

``tarfile`` is right about the format and careless about cost: it searches extended headers with expressions that try
every digit again, keeps global headers for ever, follows the map of a sparse file to its end, and reads a long name of
gigabytes. So these four are read here, each within a bound. A sparse member keeps its name and size and has no
content: what rules read is never sparse. Sources: POSIX.1-2008 ``pax``, "Extended Header"; GNU tar's manual, "Basic
Tar Format" and "Sparse Formats" (read 2026-11-28).
"""

from __future__ import annotations

import tarfile
from typing import Any

from netprobe.host.streams import ArchiveError

MAX_HEADER = 1 << 20
"""Bytes of an extended header; extended attributes of a file are at most 64 KiB each."""
MAX_NAME = 64 << 10
"""Bytes of a GNU long name; Linux opens no path above 4 KiB."""
MAX_SPARSE_BLOCKS = 4096
_MAX_DIGITS = 20
_KEPT = frozenset({"path", "linkpath", "size", "GNU.sparse.name", "GNU.sparse.size", "GNU.sparse.realsize"})


class StrictInfo(tarfile.TarInfo):
    """A member's header; what is damaged in the middle of an archive is an error, and not its end."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> StrictInfo:
        """The next header.

        Raises:
            ArchiveError: it is damaged.
        """
        try:
            return super().fromtarfile(tarfile_)
        except (tarfile.TruncatedHeaderError, tarfile.InvalidHeaderError) as exc:  # type: ignore[attr-defined]
            raise ArchiveError(f"is no tar archive, or a damaged one ({exc})") from exc

    def _proc_pax(self, tarfile_: tarfile.TarFile) -> tarfile.TarInfo:
        """An extended header, of the next member or of all that follow (of which nothing is needed)."""
        if self.size > MAX_HEADER:
            raise ArchiveError("holds an extended header that is larger than any header is")
        records = pax_records(_read(self, tarfile_))
        following = self._following(tarfile_)
        if self.type == tarfile.XGLTYPE:
            return following
        if "size" in records:
            following.size = _number(records["size"])
            at = following.offset_data
            if following.isreg() or following.type not in tarfile.SUPPORTED_TYPES:
                at += _padded(following.size)
            tarfile_.offset = at
        name = records.get("GNU.sparse.name", records.get("path"))
        if name is not None:
            following.name = name.decode("utf-8", "surrogateescape").rstrip("/")
        if "linkpath" in records:
            following.linkname = records["linkpath"].decode("utf-8", "surrogateescape")
        if "GNU.sparse" in records:
            following.sparse = b""
            size = records.get("GNU.sparse.realsize", records.get("GNU.sparse.size"))
            following.size = following.size if size is None else _number(size)
        return following

    def _proc_sparse(self, tarfile_: tarfile.TarFile) -> tarfile.TarInfo:
        """A sparse member of the old GNU format: its map goes on in blocks of its own."""
        info: Any = self
        _, extended, size = info._sparse_structs
        del info._sparse_structs
        blocks = 0
        stream: Any = tarfile_.fileobj
        while extended:
            blocks += 1
            if blocks > MAX_SPARSE_BLOCKS:
                raise ArchiveError("holds a sparse member with a map that does not end")
            extended = bool(stream.read(tarfile.BLOCKSIZE)[504])
        info.sparse = b""
        info.offset_data = stream.tell()
        info.tarfile = tarfile_
        tarfile_.offset = info.offset_data + _padded(self.size)
        self.size = size
        return self

    def _proc_gnulong(self, tarfile_: tarfile.TarFile) -> tarfile.TarInfo:
        """A name that is too long for the member's own header."""
        if self.size > MAX_NAME:
            raise ArchiveError("holds a name that is longer than any name is")
        found: tarfile.TarInfo = super()._proc_gnulong(tarfile_)  # type: ignore[misc]
        return found

    def _following(self, tarfile_: tarfile.TarFile) -> tarfile.TarInfo:
        try:
            following = self.fromtarfile(tarfile_)
        except tarfile.HeaderError as exc:
            raise ArchiveError(f"is no tar archive, or a damaged one ({exc})") from exc
        following.offset = self.offset
        return following


def pax_records(data: bytes) -> dict[str, bytes]:
    """The records of an extended header that matter here: ``LENGTH KEY=VALUE`` and a line end each.

    Returns:
        What of :data:`_KEPT` stands there, and ``GNU.sparse`` where any record is about a sparse file.

    Raises:
        ArchiveError: a record is malformed.
    """
    found: dict[str, bytes] = {}
    at = 0
    while at < len(data) and data[at]:
        space = data.find(b" ", at, at + _MAX_DIGITS + 1)
        length = _number(data[at:space]) if space > at else 0
        end = at + length
        equals = data.find(b"=", space, end)
        if equals < 0 or end > len(data) or data[end - 1 : end] != b"\n":
            raise ArchiveError("holds a malformed extended header")
        key = data[space + 1 : equals]
        if key.startswith(b"GNU.sparse."):
            found["GNU.sparse"] = b""
        if (name := key.decode("latin-1")) in _KEPT:
            found[name] = data[equals + 1 : end - 1]
        at = end
    return found


def _read(info: tarfile.TarInfo, tarfile_: tarfile.TarFile) -> bytes:
    stream: Any = tarfile_.fileobj
    data: bytes = stream.read(_padded(info.size))
    return data[: info.size]


def _number(text: bytes) -> int:
    if not text.isdigit() or len(text) > _MAX_DIGITS:
        raise ArchiveError("holds a malformed extended header")
    return int(text)


def _padded(size: int) -> int:
    return -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
