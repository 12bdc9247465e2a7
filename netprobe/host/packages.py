"""Which packages are installed: dpkg's status file, rpm's databases, snaps. Read, never executed.

Formats: deb-status in dpkg(1) and deb-version(7); those of rpm in :mod:`netprobe.host.rpmdb`. A database that is there
and cannot be read leaves versions unknown, and a rule that needs one is not run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from netprobe.host.filesystem import FileSystem

Version = tuple[int, ...]
DOCKER = ("docker-ce", "docker.io", "moby-engine", "docker-engine", "docker")
"""The packages that bring dockerd."""
ECS_AGENT = ("amazon-ecs-init", "ecs-init")
"""The packages that bring ecs-init, and with it the ECS agent."""
RPM_DATABASES = tuple(
    f"{folder}/{name}"
    for name in ("rpmdb.sqlite", "Packages.db", "Packages")
    for folder in ("/usr/lib/sysimage/rpm", "/var/lib/rpm", "/usr/share/rpm")
)
"""The newest format first: an upgraded system may have its old database left beside the one in use."""
RPM_LIMIT = 96 * 1024 * 1024
"""A package takes about 70 KiB of it; a server with a desktop has a thousand packages and more."""
_DPKG_LIMIT = 16 * 1024 * 1024


class Packages(msgspec.Struct, frozen=True, kw_only=True):
    """What is installed.

    Attributes:
        versions: package name → version as the package manager writes it.
        snaps: names of installed snaps.
        file: the database.
        unknown: why versions are not known, or nothing.
    """

    versions: Mapping[str, str] = msgspec.field(default_factory=dict)
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
        data = root.read(path, RPM_LIMIT)
        if data is not None:
            from netprobe.host import rpmdb  # late: it brings sqlite3

            versions = rpmdb.packages(data)
            unknown = "" if versions else f"{path} is no rpm database that can be read"
            return Packages(versions=versions, snaps=snaps, file=path, unknown=unknown)
    return Packages(snaps=snaps, unknown="there is no package database")


def version(text: str) -> Version:
    """The upstream version as numbers: ``5:24.0.7-1~debian.12`` is (24, 0, 7); rpm and deb alike."""
    upstream = text[:200].rpartition(":")[2].split("-")[0].split("+")[0].split("~")[0]
    return tuple(int(number[:9]) for number in re.findall(r"\d+", upstream)[:6])


def _dpkg(text: str) -> Iterator[tuple[str, str]]:
    for stanza in text.split("\n\n"):
        name = _field(stanza, "Package")
        if name and _field(stanza, "Status").endswith(" installed"):
            yield name, _field(stanza, "Version")


def _field(stanza: str, name: str) -> str:
    """One of twenty fields that a package has, or nothing. Found by its name: a server has a thousand packages."""
    head = f"{name}: "
    if stanza.startswith(head):
        start = len(head)
    else:
        found = stanza.find("\n" + head)
        if found < 0:
            return ""
        start = found + 1 + len(head)
    end = stanza.find("\n", start)
    return (stanza[start:] if end < 0 else stanza[start:end]).strip()
