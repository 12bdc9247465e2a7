"""The network interfaces that files configure, with their MTU, and of a running host the one its default route takes.

Files: netplan, ifupdown (interfaces(5)), NetworkManager's keyfiles (nm-settings-keyfile(5)) and ifcfg files,
systemd.network(5) and systemd.netdev(5), wg-quick(8). Read 2026-11-28. Only what tells MTU and default route is taken;
a file that cannot be understood tells nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from netprobe.findings import Place
from netprobe.host.filesystem import FileSystem
from netprobe.host.readers.settings import MAX_FILE

WIREGUARD_MTU = 1420
"""What wg-quick chooses over an uplink of 1500 bytes (wg-quick(8): the route's MTU less 80)."""
_EVERYWHERE = frozenset({"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "default", "::/0"})
_KINDS = frozenset({"ethernets", "wifis", "bonds", "bridges", "vlans", "tunnels", "modems", "dummy-devices"})
_YES = frozenset({"yes", "true", "on", "1", "ipv4", "both"})
MAX_LINKS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplink:
    """One interface.

    Attributes:
        name: as the system calls it, or the file's name where it does not say.
        mtu: its MTU in bytes where it is set, else None.
        default: whether a default route goes through it, or its address comes by DHCP, which brings one.
        place: where the MTU is set, else where the interface is.
    """

    name: str
    mtu: int | None
    default: bool
    place: Place


@dataclass(slots=True)
class _Draft:
    name: str
    file: str
    line: int
    mtu: int | None = None
    mtu_line: int = 0
    default: bool = False
    default_mtu: int | None = None

    def set_mtu(self, text: str, line: int) -> None:
        digits = text.strip("\"' ")
        if digits.isascii() and digits.isdigit() and 0 < len(digits) <= 6 and int(digits) > 0:
            self.mtu, self.mtu_line = int(digits), line

    def made(self) -> Uplink:
        shown = f"{self.name} mtu {self.mtu}" if self.mtu is not None else self.name
        place = Place(file=self.file, line=self.mtu_line or self.line or None, text=shown[:200])
        return Uplink(name=self.name, mtu=self.mtu or self.default_mtu, default=self.default, place=place)


def configured(root: FileSystem) -> tuple[Uplink, ...]:
    """Every interface that the files of an image configure."""
    found: list[Uplink] = []
    for reader in (_netplan, _ifupdown, _keyfiles, _ifcfg, _networkd, _wireguard):
        for draft in reader(root):
            if len(found) < MAX_LINKS and draft.name != "lo":
                found.append(draft.made())
    return tuple(found)


def running(root: FileSystem) -> Uplink | None:
    """The interface of the IPv4 default route of a running host, by ``/proc/net/route`` and ``/sys/class/net``."""
    for _, line in root.lines("/proc/net/route", MAX_FILE):
        words = line.split()
        if len(words) < 8 or words[1] != "00000000" or words[7] != "00000000":
            continue
        path = f"/sys/class/net/{words[0]}/mtu"
        text = (root.text(path, 64) or "").strip()
        if "/" in words[0] or not text.isdigit():
            return None
        return Uplink(name=words[0], mtu=int(text), default=True, place=Place(file=path, line=1, text=text))
    return None


def _pairs(root: FileSystem, path: str) -> Iterator[tuple[int, str, str, str]]:
    """(line, section, key, value) of a file in sections."""
    section = ""
    for number, raw in root.lines(path, MAX_FILE):
        line = raw.strip()
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1].strip().lower()
        elif line and line[0] not in "#;" and "=" in line:
            key, _, value = line.partition("=")
            yield number, section, key.strip().lower(), value.strip()


def _wireguard(root: FileSystem) -> Iterator[_Draft]:
    for path in root.glob("/etc/wireguard", ".conf"):
        draft = _Draft(name=path.rpartition("/")[2].removesuffix(".conf"), file=path, line=1, default_mtu=WIREGUARD_MTU)
        for number, section, key, value in _pairs(root, path):
            if (section, key) == ("interface", "mtu"):
                draft.set_mtu(value, number)
            elif (section, key) == ("peer", "allowedips"):
                draft.default = draft.default or bool(_EVERYWHERE & set(re.split(r"[,\s]+", value)))
        yield draft


def _keyfiles(root: FileSystem) -> Iterator[_Draft]:
    for path in root.glob("/etc/NetworkManager/system-connections", ".nmconnection"):
        draft = _Draft(name=path.rpartition("/")[2].removesuffix(".nmconnection"), file=path, line=1, default=True)
        for number, section, key, value in _pairs(root, path):
            if (section, key) == ("connection", "interface-name"):
                draft.name, draft.line = value, number
            elif key == "mtu":
                draft.set_mtu(value, number)
            elif ((section, key) == ("ipv4", "never-default") and value.lower() in _YES) or (
                (section, key) == ("ipv4", "method") and value.lower() in ("disabled", "link-local", "shared")
            ):
                draft.default = False
        yield draft


def _ifcfg(root: FileSystem) -> Iterator[_Draft]:
    folder = "/etc/sysconfig/network-scripts"
    for path in root.glob(folder, ""):
        name = path.rpartition("/")[2]
        if not name.startswith("ifcfg-") or name.endswith((".bak", ".rpmsave", ".orig", "~")):
            continue
        draft = _Draft(name=name.removeprefix("ifcfg-"), file=path, line=1)
        for number, _, key, value in _pairs(root, path):
            text = value.strip("\"'").lower()
            if key == "mtu":
                draft.set_mtu(value, number)
            elif key == "device":
                draft.name = value.strip("\"'")
            elif key.startswith("gateway") or (key == "bootproto" and text == "dhcp"):
                draft.default = True
            elif key == "defroute" and text == "no":
                draft.default = False
        yield draft


def _networkd(root: FileSystem) -> Iterator[_Draft]:
    for path in (*root.glob("/etc/systemd/network", ".network"), *root.glob("/run/systemd/network", ".network")):
        draft = _Draft(name=path.rpartition("/")[2].removesuffix(".network"), file=path, line=1)
        for number, section, key, value in _pairs(root, path):
            if (section, key) == ("match", "name"):
                draft.name, draft.line = value, number
            elif (section, key) == ("link", "mtubytes"):
                draft.set_mtu(value.removesuffix("B"), number)
            elif (section, key) == ("network", "dhcp"):
                draft.default = draft.default or value.lower() in _YES
            elif key == "gateway" or (section == "route" and key == "destination" and value in _EVERYWHERE):
                draft.default = True
        yield draft
    for path in root.glob("/etc/systemd/network", ".netdev"):
        draft = _Draft(name=path.rpartition("/")[2].removesuffix(".netdev"), file=path, line=1)
        for number, section, key, value in _pairs(root, path):
            if (section, key) == ("netdev", "name"):
                draft.name, draft.line = value, number
            elif (section, key) == ("netdev", "mtubytes"):
                draft.set_mtu(value.removesuffix("B"), number)
            elif (section, key) == ("netdev", "kind") and value.lower() == "wireguard":
                draft.default_mtu = WIREGUARD_MTU
            elif (section, key) == ("wireguardpeer", "allowedips"):
                draft.default = draft.default or bool(_EVERYWHERE & set(re.split(r"[,\s]+", value)))
        yield draft


def _ifupdown(root: FileSystem) -> Iterator[_Draft]:
    for path in ("/etc/network/interfaces", *root.glob("/etc/network/interfaces.d", "")):
        draft: _Draft | None = None
        for number, raw in root.lines(path, MAX_FILE):
            words = raw.split()
            if not words or words[0].startswith("#"):
                continue
            if words[0] == "iface" and len(words) >= 4:
                if draft is not None:
                    yield draft
                draft = _Draft(name=words[1], file=path, line=number, default=words[3] == "dhcp")
            elif draft is not None and words[0] == "mtu" and len(words) > 1:
                draft.set_mtu(words[1], number)
            elif draft is not None and words[0] == "gateway":
                draft.default = True
        if draft is not None:
            yield draft


def _netplan(root: FileSystem) -> Iterator[_Draft]:
    """Netplan's YAML by its indentation: kind of device, its name, and the few keys below it."""
    for folder in ("/etc/netplan", "/run/netplan", "/lib/netplan"):
        for path in root.glob(folder, ".yaml"):
            yield from _netplan_file(root.lines(path, MAX_FILE), path)


def _netplan_file(lines: Iterable[tuple[int, str]], path: str) -> Iterator[_Draft]:
    kind_at = name_at = -1
    draft: _Draft | None = None
    for number, raw in lines:
        text = raw.partition(" #")[0].rstrip()
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        indent = len(text) - len(text.lstrip())
        key, _, value = text.strip().removeprefix("- ").partition(":")
        key, value = key.strip("\"' "), value.strip()
        if key in _KINDS:
            kind_at, name_at = indent, -1
        elif kind_at >= 0 and indent <= kind_at:
            kind_at = -1
        elif kind_at >= 0 and (name_at < 0 or indent == name_at):
            if draft is not None:
                yield draft
            draft, name_at = _Draft(name=key, file=path, line=number), indent
        elif draft is not None and key == "mtu":
            draft.set_mtu(value, number)
        elif draft is not None:
            routed = key == "to" and value.strip("\"'") in _EVERYWHERE
            leased = key in ("dhcp4", "dhcp6") and value.lower() in _YES
            draft.default = draft.default or routed or leased or key in ("gateway4", "gateway6")
    if draft is not None:
        yield draft
