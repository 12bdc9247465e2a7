"""The three databases of rpm, read from their bytes: SQLite, Berkeley DB's hash, and ndb. No rpm runs.

Which system keeps which: SQLite since rpm 4.16 (Fedora 33, RHEL 9, Amazon Linux 2023), Berkeley DB before it (RHEL 7
and 8, Amazon Linux 2), ndb on SUSE (SLES 15 SP3, Tumbleweed). Sources, read 2026-11-26: rpm's ``lib/backend/ndb/
rpmpkg.c`` (header, slots of 16 bytes, blobs in blocks of 16 bytes), Berkeley DB 5.3's ``dbinc/db_page.h`` (meta page,
hash page, overflow page), the rpm manual's "hregions" for the header that all three hold.

The bytes are hostile: every offset is held against the data, no overflow page is visited twice, and what is cut out
altogether is bounded by the size of the file.
"""

from __future__ import annotations

import re
import sqlite3
import struct
from collections.abc import Iterator

_NAME, _VERSION, _RELEASE = 1000, 1001, 1002
_STEPS = 2_000_000
"""SQLite virtual machine steps before a database that is not rpm's own work is given up."""
_PLAIN = re.compile(r"CREATE TABLE\s+['\"]?Packages['\"]?\s*\([\w\s,]{1,200}\)\s*\Z", re.IGNORECASE)
"""What rpm creates: ``CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)``."""
_LEAST_LENGTH = 64 << 10
_MOST = 20_000
"""Packages; a large server has two thousand."""

_HASH_MAGIC = 0x061561
_HASH_PAGES, _OVERFLOW_PAGE = (2, 13), 7
_KEYDATA, _OFFPAGE = 1, 3
_PAGE_HEADER = 26

_NDB_MAGIC, _NDB_SLOT, _NDB_BLOB = b"RpmP", b"Slot", b"BlbS"
_NDB_PAGE, _NDB_BLOCK = 4096, 16


def packages(data: bytes) -> dict[str, str]:
    """Name → ``VERSION-RELEASE`` of every package; empty where the bytes are no database of rpm's."""
    if data.startswith(b"SQLite format 3\x00"):
        blobs = _sqlite(data)
    elif data.startswith(_NDB_MAGIC):
        blobs = _ndb(data)
    else:
        blobs = _hash(data)
    return dict(found for blob in blobs if (found := _header(blob)) is not None)


def _header(blob: bytes) -> tuple[str, str] | None:
    """Name and version of one rpm header: two counts, then index entries of 16 bytes, then the data."""
    if len(blob) < 8:
        return None
    entries, size = struct.unpack_from(">II", blob)
    start = 8 + entries * 16
    if entries > 0xFFFF or start + size > len(blob):
        return None
    found: dict[int, str] = {}
    for number in range(entries):
        tag, _kind, offset, _count = struct.unpack_from(">IIII", blob, 8 + number * 16)
        if tag in (_NAME, _VERSION, _RELEASE) and offset < size:
            end = blob.find(b"\x00", start + offset, start + size)
            if end >= 0:
                found[tag] = blob[start + offset : end].decode("utf-8", "replace")
    if _NAME not in found or _VERSION not in found:
        return None
    return found[_NAME], f"{found[_VERSION]}-{found.get(_RELEASE, '')}".rstrip("-")


def _sqlite(data: bytes) -> Iterator[bytes]:
    """The rows of ``rpmdb.sqlite``."""
    if len(data) < 100:
        return
    connection = sqlite3.connect(":memory:")
    left = len(data)
    try:
        # rpm leaves its database in WAL mode; SQLite opens no such database from memory unless told that it is not.
        connection.deserialize(data[:18] + b"\x01\x01" + data[20:])
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.set_progress_handler(lambda: 1, _STEPS)
        # rpm keeps a plain table. A view, a virtual table or a generated column makes rows out of nothing.
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, max(len(data), _LEAST_LENGTH))
        (made,) = connection.execute(
            "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'Packages'"
        ).fetchone()
        if not _PLAIN.match(made):
            return
        for (blob,) in connection.execute("SELECT blob FROM Packages LIMIT ?", (_MOST,)):
            if isinstance(blob, bytes) and len(blob) <= left:
                left -= len(blob)
                yield blob
    except (sqlite3.Error, TypeError, ValueError):
        # TypeError: no such table. ValueError: SQLite's own message quotes bytes that are no UTF-8. Whatever SQLite
        # rejects holds nothing to read; that there are no packages is told by the caller.
        return
    finally:
        connection.close()


def _ndb(data: bytes) -> Iterator[bytes]:
    """The blobs that the slots of ``Packages.db`` lead to."""
    if len(data) < 2 * _NDB_BLOCK:
        return
    (pages,) = struct.unpack_from("<I", data, 12)
    end = min(pages * _NDB_PAGE, len(data) - _NDB_BLOCK + 1, (_MOST + 2) * _NDB_BLOCK)
    left = len(data)
    for offset in range(2 * _NDB_BLOCK, end, _NDB_BLOCK):
        if data[offset : offset + 4] != _NDB_SLOT:
            return
        index, block, _count = struct.unpack_from("<III", data, offset + 4)
        start = block * _NDB_BLOCK
        if index == 0 or start + 16 > len(data) or data[start : start + 4] != _NDB_BLOB:
            continue
        owner, _generation, length = struct.unpack_from("<III", data, start + 4)
        if owner == index and length <= left:
            left -= length
            yield data[start + 16 : start + 16 + length]


def _hash(data: bytes) -> Iterator[bytes]:
    """The values of a Berkeley DB hash; a header is longer than a page as a rule and lies on a chain of its own."""
    if len(data) < 512:
        return
    order = next((mark for mark in "<>" if struct.unpack_from(f"{mark}I", data, 12)[0] == _HASH_MAGIC), None)
    if order is None:
        return
    (size,) = struct.unpack_from(f"{order}I", data, 20)
    if not 512 <= size <= 65536 or size & (size - 1):
        return
    found, seen = 0, set[int]()
    for page in range(size, len(data) - size + 1, size):
        if data[page + 25] not in _HASH_PAGES:
            continue
        (entries,) = struct.unpack_from(f"{order}H", data, page + 20)
        if _PAGE_HEADER + entries * 2 > size:
            continue
        offsets = struct.unpack_from(f"{order}{entries}H", data, page + _PAGE_HEADER)
        # Key and value by turns, filled from the end of the page: an item ends where the one before it begins.
        for number in range(1, entries, 2):
            found += 1
            if found > _MOST:
                return
            yield _value(data, order, size, (page + offsets[number], page + offsets[number - 1]), seen)


def _value(data: bytes, order: str, size: int, item: tuple[int, int], seen: set[int]) -> bytes:
    """One value, from its page or from the chain of pages that it names.

    Args:
        data: the database.
        order: its byte order, as ``struct`` writes it.
        size: bytes of a page.
        item: where the item begins and ends.
        seen: the overflow pages of the values before; each page belongs to one value, and a second visit is a lie.
    """
    start, end = item
    if not start < end or start % size < _PAGE_HEADER or end > len(data):
        return b""
    if data[start] == _KEYDATA:
        return data[start + 1 : min(end, start + size)]
    if data[start] != _OFFPAGE or end - start < 12:
        return b""
    number, length = struct.unpack_from(f"{order}II", data, start + 4)
    pieces: list[bytes] = []
    while number and length > 0:
        at = number * size
        if number in seen or at + size > len(data) or data[at + 25] != _OVERFLOW_PAGE:
            return b""
        seen.add(number)
        number, used = struct.unpack_from(f"{order}I2xH", data, at + 16)
        pieces.append(data[at + _PAGE_HEADER : at + min(_PAGE_HEADER + min(used, length), size)])
        length -= used
    return b"".join(pieces)
