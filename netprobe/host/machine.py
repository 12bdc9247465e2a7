"""One machine to judge: its root file system, and, where it runs, the few facts that no file tells.

Rules ask here for what several of them need (the system's name, packages, enabled units, settings with file and line),
so that each is read once. Nothing is executed from an image. On a running host :class:`Live` may run the two programs
that list firewall rules, by fixed paths, with a time limit.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from netprobe import shellwords
from netprobe.findings import Place
from netprobe.host import packages as installed
from netprobe.host.filesystem import FileSystem, Kind, UnreadableError

UNIT_FOLDERS = ("/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
ECS_CONFIGS = ("/var/lib/ecs/ecs.config", "/etc/ecs/ecs.config")
"""In the order in which the unit reads them (amazon-ecs-init ``ecs.service``): the last one wins."""
MAX_SETTINGS = 10_000
MAX_SETTINGS_FILE = 256 * 1024
"""Bytes of a unit or environment file; a long one costs time at every program that reads it."""
_KEY = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One ``KEY=VALUE`` with its place; the value is kept out of ``repr`` because it may be a secret."""

    key: str
    value: str = field(repr=False)
    file: str
    line: int

    @property
    def place(self) -> Place:
        """Where it stands, by key alone."""
        return Place(file=self.file, line=self.line, text=self.key)

    @property
    def where(self) -> str:
        """``FILE:LINE``, or the file alone where no line holds it (an environment)."""
        return f"{self.file}:{self.line}" if self.line else self.file

    @property
    def shown(self) -> Place:
        """Where it stands, value included; only for values that are no secrets."""
        return Place(file=self.file, line=self.line, text=f"{self.key}={self.value}"[:200])


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What only a running host can tell; every part can be replaced by a test.

    Attributes:
        environment: the variables of this process.
        free_bytes: free space below a path, or None where it cannot be told.
        clock_synchronised: what the kernel says of its clock, or None where it cannot be asked.
        firewall: the output of ``iptables-save``, ``ip6tables-save`` or ``nft`` by name; None where it cannot be had.
    """

    environment: Mapping[str, str]
    free_bytes: Callable[[str], int | None]
    clock_synchronised: Callable[[], bool | None]
    firewall: Callable[[str], str | None]


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A host or an image.

    Attributes:
        root: its file system.
        subject: what to call it: ``host``, or the path of the image.
        live: None for an image.
    """

    root: FileSystem
    subject: str
    live: Live | None = None

    @property
    def running(self) -> bool:
        """Whether this is the running host and not an image."""
        return self.live is not None

    @functools.cached_property
    def os_release(self) -> Mapping[str, str]:
        """``/etc/os-release``, else ``/usr/lib/os-release`` (os-release(5))."""
        path = self.root.first("/etc/os-release", "/usr/lib/os-release")
        return {} if path is None else {item.key: item.value for item in settings(self.root, path)}

    @property
    def os_release_file(self) -> str:
        """Which of the two it was."""
        return self.root.first("/etc/os-release", "/usr/lib/os-release") or "/etc/os-release"

    @property
    def os_id(self) -> str:
        """``debian``, ``rhel`` … in lower case."""
        return self.os_release.get("ID", "").lower()

    @functools.cached_property
    def rpm_family(self) -> bool:
        """Whether packages are rpms: by the database, else by the system's name."""
        if self.root.exists("/var/lib/dpkg/status"):
            return False
        names = {self.os_id, *self.os_release.get("ID_LIKE", "").lower().split()}
        return bool(names & {"rhel", "fedora", "centos", "amzn", "sles", "suse", "opensuse", "opensuse-tumbleweed"})

    @functools.cached_property
    def packages(self) -> installed.Packages:
        """What is installed, as far as the package databases tell."""
        return installed.read(self.root)

    def version_of(self, *names: str) -> installed.Version | None:
        """The upstream version of the first installed package of these names."""
        for name in names:
            found = self.packages.versions.get(name)
            if found is not None:
                return installed.version(found)
        return None

    @functools.cached_property
    def ecs_settings(self) -> tuple[Setting, ...]:
        """Every setting of the ECS agent's two files, in the order in which they are read."""
        return tuple(item for path in ECS_CONFIGS for item in settings(self.root, path))

    def ecs_setting(self, key: str) -> Setting | None:
        """The value that the ECS agent gets: the last one."""
        return next((item for item in reversed(self.ecs_settings) if item.key == key), None)

    def unit_exists(self, unit: str) -> bool:
        """Whether systemd has a file for a unit; what masks one (a link to /dev/null) is none."""
        return any(self.root.is_file(f"{folder}/{unit}") for folder in UNIT_FOLDERS)

    def unit_masked(self, unit: str) -> bool:
        """Whether ``systemctl mask`` was used on it (a link to /dev/null)."""
        entry = self.root.lentry(f"/etc/systemd/system/{unit}")
        return entry is not None and entry.kind is Kind.LINK and entry.target == "/dev/null"

    def unit_enabled(self, unit: str) -> Place | None:
        """The link that makes systemd start a unit at boot; None where there is none or it is masked."""
        if self.unit_masked(unit):
            return None
        for folder in UNIT_FOLDERS:
            for name in self.root.names(folder):
                if not name.endswith((".wants", ".requires")):
                    continue
                if self.root.lentry(f"{folder}/{name}/{unit}") is not None:
                    return Place(file=f"{folder}/{name}/{unit}")
        return None

    def drop_ins(self, unit: str) -> tuple[str, ...]:
        """The unit file and the drop-ins of a unit."""
        found = [path for folder in UNIT_FOLDERS if self.root.is_file(path := f"{folder}/{unit}")][:1]
        for folder in UNIT_FOLDERS:
            found += self.root.glob(f"{folder}/{unit}.d", ".conf")
        return tuple(found)

    def unit_environment(self, unit: str) -> tuple[Setting, ...]:
        """The ``Environment=`` settings of a unit and its drop-ins (systemd.exec(5))."""
        return tuple(item for path in self.drop_ins(unit) for item in _unit_settings(self.root, path))


def settings(root: FileSystem, path: str) -> tuple[Setting, ...]:
    """The ``KEY=VALUE`` lines of a file as systemd's EnvironmentFile and os-release write them.

    Raises:
        UnreadableError: there are more than any program is given.
    """
    found: list[Setting] = []
    for number, line in root.lines(path, MAX_SETTINGS_FILE):
        match = _KEY.fullmatch(line.strip())
        if match is not None:
            found.append(Setting(key=match[1], value=_unquoted(match[2]), file=path, line=number))
            bounded(found, path)
    return tuple(found)


def bounded(found: Sequence[Setting], path: str) -> None:
    """Refuse a flood of settings: a file of 8 MiB can hold two million, and a unit can name it a thousand times.

    Raises:
        UnreadableError: there are more than any program is given.
    """
    if len(found) > MAX_SETTINGS:
        raise UnreadableError(path, f"sets more than {MAX_SETTINGS} variables")


def _unquoted(text: str) -> str:
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return text


def _unit_settings(root: FileSystem, path: str) -> list[Setting]:
    found: list[Setting] = []
    for number, line in root.lines(path, MAX_SETTINGS_FILE):
        key, _, value = line.strip().partition("=")
        if key.strip() != "Environment":
            continue
        try:
            words = shellwords.split(value)
        except ValueError:
            # An open quote: systemd ignores the line, and so do the programs.
            continue
        for word in words:
            name, equals, content = word.partition("=")
            if equals:
                found.append(Setting(key=name, value=content, file=path, line=number))
        bounded(found, path)
    return found
