"""One machine to judge: its root file system, and, where it runs, the few facts that no file tells.

Rules ask here for what several of them need (the system's name, packages, enabled units, settings with file and line),
so that each is read once. Nothing is executed from an image. On a running host :class:`Live` may run the programs
that list firewall rules, by fixed paths, with a time limit.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from netprobe.findings import Place
from netprobe.host import packages as installed
from netprobe.host.filesystem import FileSystem
from netprobe.host.readers import settings, systemd
from netprobe.host.readers.settings import Setting

ECS_CONFIGS = ("/var/lib/ecs/ecs.config", "/etc/ecs/ecs.config")
"""In the order in which the unit reads them (amazon-ecs-init ``ecs.service``): the last one wins."""


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """What only a running host can tell; every part can be replaced by a test.

    Attributes:
        environment: the variables of this process.
        free_bytes: free space below a path, or None where it cannot be told.
        clock_synchronised: what the kernel says of its clock, or None where it cannot be asked.
        firewall: what ``nft``, ``iptables-save``, ``iptables-legacy-save`` and the two for IPv6 print, by name; None
            where it cannot be had.
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
        return {} if path is None else {item.key: item.value for item in settings.shell(self.root, path)}

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
        return tuple(item for path in ECS_CONFIGS for item in settings.environment_file(self.root, path))

    def ecs_setting(self, key: str) -> Setting | None:
        """The value that the ECS agent gets: the last one."""
        return next((item for item in reversed(self.ecs_settings) if item.key == key), None)

    def unit_exists(self, unit: str) -> bool:
        """Whether systemd has a file for a unit; what masks one (a link to /dev/null) is none."""
        return systemd.unit_exists(self.root, unit)

    def unit_enabled(self, unit: str) -> Place | None:
        """The link that makes systemd start a unit at boot; None where there is none or it is masked."""
        return systemd.enabled(self.root, unit)

    def unit_environment(self, unit: str) -> tuple[Setting, ...]:
        """Every variable that systemd gives a unit, the last one of a key holding."""
        return systemd.environment(self.root, unit)
