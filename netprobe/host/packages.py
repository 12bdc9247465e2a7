"""Which packages are installed: dpkg's status file, rpm's SQLite database, snaps. Read, never executed.

Formats: deb-status in dpkg(1) and deb-version(7); the rpm header (rpm.org manual, "hregions" and "format", read
2026-11-23) inside ``rpmdb.sqlite``, which rpm writes since 4.16 (Fedora 33, RHEL 9, Amazon Linux 2023). The Berkeley
and ndb databases of older systems (RHEL 7 and 8, Amazon Linux 2, SLES 15) are not read: versions are unknown there,
and a rule that needs one says so.
"""

from __future__ import annotations

import re
import sqlite3
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from netprobe.host.filesystem import FileSystem

Version = tuple[int, ...]
RPM_DATABASES = (
    "/usr/lib/sysimage/rpm/rpmdb.sqlite",
    "/var/lib/rpm/rpmdb.sqlite",
    "/usr/share/rpm/rpmdb.sqlite",
)
OLD_RPM_DATABASES = (
    "/var/lib/rpm/Packages",
    "/var/lib/rpm/Packages.db",
    "/usr/lib/sysimage/rpm/Packages",
    "/usr/lib/sysimage/rpm/Packages.db",
)
_RPM_LIMIT = 48 * 1024 * 1024
_DPKG_LIMIT = 16 * 1024 * 1024
_NAME, _VERSION, _RELEASE = 1000, 1001, 1002
_STEPS = 2_000_000
"""SQLite virtual machine steps before a database that is not rpm's own work is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """What is installed.

    Attributes:
        versions: package name → version as the package manager writes it.
        snaps: names of installed snaps.
        file: the database.
        unknown: why versions are not known, or nothing.
    """

    versions: Mapping[str, str] = field(default_factory=dict)
    snaps: frozenset[str] = frozenset()
    file: str = ""
    unknown: str = ""


def read(root: FileSystem) -> Packages:
    """Read whichever database is there.

    Raises:
        UnreadableError: it is there and may not be read, or is too large.
    """
    snaps = frozenset(name.split("_")[0] for name in root.names("/var/lib/snapd/snaps") if name.endswith(".snap"))
    status = root.text("/var/lib/dpkg/status", _DPKG_LIMIT)
    if status is not None:
        return Packages(versions=dict(_dpkg(status)), snaps=snaps, file="/var/lib/dpkg/status")
    for path in RPM_DATABASES:
        data = root.read(path, _RPM_LIMIT)
        if data is not None:
            versions = _rpm(data)
            unknown = "" if versions else f"{path} is no rpm database that can be read"
            return Packages(versions=versions, snaps=snaps, file=path, unknown=unknown)
    old = root.first(*OLD_RPM_DATABASES)
    unknown = f"{old} is in a format that netprobe does not read" if old else "there is no package database"
    return Packages(snaps=snaps, file=old or "", unknown=unknown)


def version(text: str) -> Version:
    """The upstream version as numbers: ``5:24.0.7-1~debian.12`` is (24, 0, 7); rpm and deb alike."""
    upstream = text.rpartition(":")[2].split("-")[0].split("+")[0].split("~")[0]
    return tuple(int(number[:9]) for number in re.findall(r"\d+", upstream)[:6])


def _dpkg(text: str) -> Iterator[tuple[str, str]]:
    for stanza in text.split("\n\n"):
        fields: dict[str, str] = {}
        for line in stanza.split("\n"):
            key, colon, value = line.partition(": ")
            if colon and key in ("Package", "Status", "Version"):
                fields[key] = value.strip()
        if fields.get("Status", "").endswith(" installed") and "Package" in fields:
            yield fields["Package"], fields.get("Version", "")


def _rpm(data: bytes) -> dict[str, str]:
    """The packages of an ``rpmdb.sqlite``; empty where it is none."""
    if len(data) < 100 or not data.startswith(b"SQLite format 3\x00"):
        return {}
    # rpm leaves its database in WAL mode; SQLite opens no such database from memory unless told that it is not.
    data = data[:18] + b"\x01\x01" + data[20:]
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(data)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.set_progress_handler(lambda: 1, _STEPS)
        rows = connection.execute("SELECT blob FROM Packages LIMIT 20000")
        return dict(found for (blob,) in rows if isinstance(blob, bytes) and (found := _header(blob)) is not None)
    except sqlite3.Error:
        # A database that SQLite rejects is told by ``unknown``; there is nothing else in it to read.
        return {}
    finally:
        connection.close()


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
