"""Which host a report is about: its name, its system, the agents on it, and as whom netprobe ran.

Gathered after the last packet, since nothing here helps to find a fault. Nothing is executed, nothing is sent and no
name service is asked: files are read with the bounds of :mod:`netprobe.host.filesystem`, and what cannot be read stays
empty. A report may travel far, so the machine id is never told as it is. machine-id(5), read 2026-11-28, asks to hash
it with a key of the application; this is the same HMAC-SHA256 that ``sd_id128_get_machine_app_specific`` makes.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from netprobe import addresses, natural
from netprobe.errors import printable
from netprobe.host import packages, routes
from netprobe.host.filesystem import FileSystem, FolderRoot, UnreadableError
from netprobe.host.machine import Machine
from netprobe.naming import SITE, HostIdentity, Naming
from netprobe.observations import Observation, TcpDetail
from netprobe.report.model import Report

MACHINE_ID = "/etc/machine-id"
MOST_ADDRESSES = 16
_APPLICATION = b"netprobe: identity of a host"
_MACHINE_ID = re.compile(r"[0-9a-f]{32}")
_LONGEST = 200
_SMALL_FILE = 64 << 10
_SNAP = "/snap/amazon-ssm-agent/current/meta/snap.yaml"
_SNAP_VERSION = re.compile(r"^version:[ \t]*['\"]?([0-9][0-9A-Za-z.+~-]{0,60})", re.MULTILINE)
_AGENTS = {
    "ecs-agent": packages.ECS_AGENT,
    "ssm-agent": ("amazon-ssm-agent",),
    "cloudwatch-agent": ("amazon-cloudwatch-agent",),
}
_ELSEWHERE = (("192.0.2.1", socket.AF_INET), ("2001:db8::1", socket.AF_INET6))
"""Addresses of nobody (RFC 5737, RFC 3849): asked only which of ours the default route would use, never sent to."""


def with_host(report: Report, naming: Naming, root: Path | None = None, *, known: HostIdentity | None = None) -> Report:
    """Say in the report of a check which host it is about.

    Args:
        report: as it was concluded.
        naming: the user's labels, and whether the host is to be named.
        root: the root folder that the agents' settings were read from, if not this host's own.
        known: what :func:`of_files` gave, where it was asked before.
    """
    host = of_this_host(naming, root=root, observations=report.observations, known=known)
    if not naming.anonymous:
        return replace(report, host=host)
    return replace(report, host=host, observations=tuple(_without_address(one) for one in report.observations))


def of_files(naming: Naming, root: Path | None = None) -> HostIdentity:
    """What the files of a root folder tell of its host: the long part, since a package database is read.

    Args:
        naming: the user's labels.
        root: another root folder than this host's own.
    """
    found = labelled(naming)
    with suppress(OSError), FolderRoot(root or Path("/")) as opened:
        found = _with_files(found, Machine(root=opened, subject="host"))
    return found


def of_this_host(
    naming: Naming,
    *,
    root: Path | None = None,
    observations: Iterable[Observation] = (),
    known: HostIdentity | None = None,
) -> HostIdentity:
    """The host that netprobe runs on, or the one whose root folder it was given.

    Args:
        naming: the user's labels, and whether the host is to be named.
        root: another root folder (a container looks at its host).
        observations: what was seen, to tell which addresses were used.
        known: what :func:`of_files` gave, where it was asked before.
    """
    found = of_files(naming, root) if known is None else known
    found = replace(found, kernel=_told(os.uname().release), user=_user(naming))
    if naming.anonymous:
        return replace(found, name="", machine_id="")
    used = _used(observations)
    own_name = found.name if root is not None else ""
    return replace(
        found,
        name=own_name or _told(os.uname().nodename),
        addresses=used or tuple(_of_default_route()),
        gateways=_gateways(),
    )


def of_image(machine: Machine, naming: Naming) -> HostIdentity:
    """An image: its system and agents. It has no name, no addresses and no kernel before it runs."""
    return replace(_with_files(labelled(naming), machine), name="", machine_id="")


def labelled(naming: Naming) -> HostIdentity:
    """What the user says of a host, alone."""
    labels = dict(naming.labels)
    return HostIdentity(site=labels.pop(SITE, ""), labels=labels)


def _with_files(found: HostIdentity, machine: Machine) -> HostIdentity:
    """What the files of a root folder tell; what may not be read is left out."""
    with suppress(UnreadableError):
        found = replace(found, name=_first_line(machine.root, "/etc/hostname"))
    with suppress(UnreadableError):
        found = replace(found, machine_id=_machine_id(machine.root))
    with suppress(UnreadableError):
        release = machine.os_release
        found = replace(found, os=_told(release.get("PRETTY_NAME") or release.get("ID", "")))
    with suppress(UnreadableError):
        found = replace(found, agents=dict(_agents(machine)), docker=_version(machine, packages.DOCKER))
    return found


def _agents(machine: Machine) -> Iterator[tuple[str, str]]:
    for agent, names in _AGENTS.items():
        version = _version(machine, names)
        if not version and agent == "ssm-agent":
            snap = _SNAP_VERSION.search(machine.root.text(_SNAP, _SMALL_FILE) or "")
            version = snap[1] if snap else ""
        if version:
            yield agent, version


def _version(machine: Machine, names: tuple[str, ...]) -> str:
    """The upstream version of a package; nothing where it is not installed."""
    return ".".join(str(number) for number in machine.version_of(*names) or ())


def _first_line(root: FileSystem, path: str) -> str:
    lines = (root.text(path, _SMALL_FILE) or "").strip().splitlines()
    return _told(lines[0]) if lines else ""


def _machine_id(root: FileSystem) -> str:
    """The id, hashed for this application: 32 hexadecimal digits, or nothing where the machine has none."""
    own = _first_line(root, MACHINE_ID)
    if not _MACHINE_ID.fullmatch(own):
        return ""
    return hmac.new(bytes.fromhex(own), _APPLICATION, hashlib.sha256).hexdigest()[:32]


def _user(naming: Naming) -> str:
    """As whom netprobe runs, from /etc/passwd alone: a name service may be slow, and may ask the network."""
    uid = os.geteuid()
    if uid == 0:
        return "root"
    if naming.anonymous:
        return "not root"
    with suppress(OSError, UnreadableError), FolderRoot(Path("/")) as root:
        for _, line in root.lines("/etc/passwd"):
            fields = line.split(":")
            if fields[2:3] == [str(uid)]:
                return _told(fields[0])
    return f"uid {uid}"


def _used(observations: Iterable[Observation]) -> tuple[str, ...]:
    """The addresses that connections were made from; loopback says nothing of a host."""
    found = {one.detail.local_address for one in observations if isinstance(one.detail, TcpDetail)}
    outside = {address for address in found if _says_something(address)}
    return tuple(natural.ordered(outside))[:MOST_ADDRESSES]


def _gateways() -> tuple[str, ...]:
    """The next hops of this machine's default routes, each once."""
    found: dict[str, None] = {}
    with FolderRoot(Path("/")) as root:
        for path, family in ((routes.ROUTE, 4), (routes.IPV6_ROUTE, 6)):
            with suppress(OSError, UnreadableError, ValueError):
                found |= dict.fromkeys(routes.gateways([line for _, line in root.lines(path)], family))
    return tuple(found)[:MOST_ADDRESSES]


def _says_something(address: str) -> bool:
    """Whether an address tells this host from others; loopback does not, nor does what is none."""
    return addresses.is_address(address) and not addresses.is_loopback(address)


def _of_default_route() -> Iterator[str]:
    """The address that the kernel would take for what is far away: connect(2) on UDP chooses it and sends nothing."""
    for address, family in _ELSEWHERE:
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as chooser:
            chooser.connect((address, 9))
            chosen = str(chooser.getsockname()[0])
            if _says_something(chosen):
                yield chosen


def _without_address(observation: Observation) -> Observation:
    if not isinstance(observation.detail, TcpDetail) or not observation.detail.local_address:
        return observation
    return replace(observation, detail=replace(observation.detail, local_address=""))


def _told(text: str) -> str:
    return printable(text.strip(), _LONGEST)
