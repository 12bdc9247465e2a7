"""Every filter that a packet meets: the files that something loads at boot, or of a running host the kernel's rules.

dockerd puts its own rules at the top of iptables' FORWARD when it starts: what comes in by docker0 and leaves elsewhere
is accepted, and answers are; only what stands in DOCKER-USER comes before them (docs.docker.com, "Packet filtering and
firewalls", read 2026-11-28). A base chain of another nftables table still drops what those rules accept. For an image,
whose Docker does not run, they are laid over the files' rules here, and :attr:`Passage.by_docker` says that they
decided.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from netprobe.findings import Place
from netprobe.host import packages
from netprobe.host.firewall import firewalld, iptables, nftables, ufw
from netprobe.host.firewall.model import (
    BRIDGE,
    WAY,
    Action,
    Chain,
    Fate,
    FilterRule,
    Hook,
    PacketVerdict,
    decide,
)
from netprobe.host.firewall.traffic import RequiredTraffic
from netprobe.host.machine import Machine
from netprobe.host.readers import daemonjson
from netprobe.rules import CannotJudgeError

_NFTABLES = (("/etc/nftables.conf", "nftables.service"), ("/etc/sysconfig/nftables.conf", "nftables.service"))
_IPTABLES = {
    4: (
        ("/etc/iptables/rules.v4", ("netfilter-persistent.service", "iptables.service")),
        ("/etc/sysconfig/iptables", ("iptables.service",)),
    ),
    6: (
        ("/etc/iptables/rules.v6", ("netfilter-persistent.service", "ip6tables.service")),
        ("/etc/sysconfig/ip6tables", ("ip6tables.service",)),
    ),
}
_LIMIT = 2 * 1024 * 1024
"""Bytes of a file with rules; each is gone through for every kind of packet."""
_TABLES = ("filter", *iptables.BEFORE)
_USERS_CHAIN = "DOCKER-USER"
_LISTINGS = {
    4: ("iptables-save", "iptables-legacy-save"),
    6: ("ip6tables-save", "ip6tables-legacy-save"),
}
_FAMILY = {4: "ip", 6: "ip6"}


@dataclass(frozen=True, slots=True)
class Passage:
    """What one filter does to one kind of packet.

    Attributes:
        need: what the packet is called.
        verdict: what becomes of it.
        by_docker: it passes only by rules that Docker will make.
    """

    need: str
    verdict: PacketVerdict
    by_docker: bool = False


def passages(machine: Machine, needs: tuple[RequiredTraffic, ...]) -> tuple[Passage, ...] | None:
    """What every filter of the machine does to each kind of packet; None where a running host's cannot be listed.

    Args:
        machine: the host or image.
        needs: the packets, all of one family.

    Raises:
        UnreadableError: a file with rules is there and cannot be read.
    """
    docker = _Docker.of(machine)
    if not machine.running:
        return tuple(_files(machine, needs, docker))
    return _kernel(machine, needs, docker)


@dataclass(frozen=True, slots=True)
class _Docker:
    """What dockerd will do with the filter.

    Attributes:
        writes: whether it writes rules at all.
        through_iptables: whether it writes them with iptables.
        is_new: whether it puts docker0 into a zone of its own under firewalld.
        runs: whether its rules are there already.
    """

    writes: bool
    through_iptables: bool
    is_new: bool
    runs: bool

    @classmethod
    def of(cls, machine: Machine) -> _Docker:
        settings = daemonjson.read(machine.root).settings
        writes = settings.get("iptables") is not False
        version = machine.version_of(*packages.DOCKER)
        return cls(
            writes=writes,
            through_iptables=writes and settings.get("firewall-backend") != "nftables",
            is_new=version is None or version >= (20, 10),
            runs=machine.running and machine.root.exists(f"/sys/class/net/{BRIDGE}"),
        )

    def decide(self, chains: dict[str, Chain], start: str, need: RequiredTraffic) -> Passage:
        """Send a packet through iptables' chains, with the rules at the top that Docker makes."""
        alone = decide(chains, start)
        comes = need.packet.hook is Hook.FORWARD and self.through_iptables and not self.runs
        if not comes:
            return Passage(need.name, alone)
        place = Place(file="dockerd", text="rules that Docker makes when it starts")
        first = FilterRule(matches=True, target=Action.JUMP, chain=_USERS_CHAIN, place=place)
        then = FilterRule(matches=True, target=Action.ACCEPT, place=place)
        with_docker = decide({**chains, start: Chain(rules=(first, then))}, start)
        passes = with_docker.fate is Fate.ACCEPTED
        return Passage(need.name, with_docker, by_docker=passes and alone.fate is not Fate.ACCEPTED)


def _through_nftables(
    text: str, file: str, needs: tuple[RequiredTraffic, ...], docker: _Docker, *, skip_iptables: bool = False
) -> Iterator[Passage]:
    for need in needs:
        for base in nftables.parse(text, file, need.packet):
            # iptables-nft writes into these very chains.
            of_iptables = (
                base.family == _FAMILY[need.packet.family] and base.table in _TABLES and base.name in list(Hook)
            )
            if of_iptables and skip_iptables:
                continue
            if of_iptables and base.table == "filter":
                yield docker.decide(base.chains, base.name, need)
            else:
                yield Passage(need.name, decide(base.chains, base.name))


def _through_iptables(text: str, file: str, needs: tuple[RequiredTraffic, ...], docker: _Docker) -> Iterator[Passage]:
    lines = list(enumerate(text.split("\n"), start=1))
    tables = [table for table in iptables.BEFORE if f"*{table}" in text]
    for need in needs:
        for table in tables:
            for hook in WAY[need.packet.hook]:
                chains = iptables.parse(lines, file, need.packet.at(hook), table)
                yield Passage(need.name, decide(chains, hook.value))
        chains = iptables.parse(lines, file, need.packet)
        yield docker.decide(chains, need.packet.hook.value, need)


def _files(machine: Machine, needs: tuple[RequiredTraffic, ...], docker: _Docker) -> Iterator[Passage]:
    root = machine.root
    for path, unit in _NFTABLES:
        text = root.text(path, _LIMIT)
        if text is not None and machine.unit_enabled(unit) is not None:
            yield from _through_nftables(_with_includes(machine, text), path, needs, docker)
    family = needs[0].packet.family
    for path, units in _IPTABLES[family]:
        text = root.text(path, _LIMIT)
        if text is not None and any(machine.unit_enabled(unit) is not None for unit in units):
            yield from _through_iptables(text, path, needs, docker)
    if ufw.is_enabled(root):
        for need in needs:
            yield docker.decide(ufw.chains(root, need.packet), need.packet.hook.value, need)
    if machine.unit_enabled(firewalld.UNIT) is not None:
        yield from _through_firewalld(machine, needs, docker)


def _through_firewalld(machine: Machine, needs: tuple[RequiredTraffic, ...], docker: _Docker) -> Iterator[Passage]:
    """With iptables below it Docker's rules stand before firewalld's; with nftables a packet must pass both."""
    around = firewalld.Surroundings(
        docker_joins=docker.is_new and docker.writes,
        version=machine.version_of("firewalld"),
        binds_interfaces=machine.unit_enabled("NetworkManager.service") is not None,
    )
    for need in needs:
        hook = need.packet.hook.value
        chains = firewalld.chains(machine.root, need.packet, around)
        if firewalld.uses_iptables(machine.root):
            yield docker.decide(chains, hook, need)
        else:
            yield docker.decide(firewalld.direct(machine.root, need.packet), hook, need)
            yield Passage(need.name, decide(chains, hook))


def _with_includes(machine: Machine, text: str) -> str:
    """Put the files of ``include`` statements in their place, one level deep, line numbers of the first file kept.

    Raises:
        CannotJudgeError: all of it together is larger than one file may be.
    """
    lines = text.split("\n")
    left = _LIMIT - len(text)
    for index, line in enumerate(lines):
        match = re.fullmatch(r'\s*include\s+"(/[^"*?]+|/[^"]+/\*(?:\.\w+)?)"\s*;?\s*', line)
        if match is None:
            continue
        folder, _, name = match[1].rpartition("/")
        paths = machine.root.glob(folder, name[1:]) if name.startswith("*") else (match[1],)
        included = []
        for path in paths:
            content = machine.root.text(path, _LIMIT) or ""
            left -= len(content) + 1
            if left < 0:
                raise CannotJudgeError(f"the rules and the files that they include are larger than {_LIMIT >> 20} MiB")
            # A semicolon for each line end: these rules are judged, and told at the line that includes them.
            included.append(content.replace("\n", " ; "))
        lines[index] = " ".join(included)
    return "\n".join(lines)


def _kernel(machine: Machine, needs: tuple[RequiredTraffic, ...], docker: _Docker) -> tuple[Passage, ...] | None:
    assert machine.live is not None
    found: list[Passage] = []
    names = _LISTINGS[needs[0].packet.family]
    listings = {name: machine.live.firewall(name) for name in names}
    native = machine.live.firewall("nft")
    if native is None and not any(listing is not None for listing in listings.values()):
        return None
    for name, listing in listings.items():
        if listing is not None:
            found += _through_iptables(listing, name, needs, docker)
    if native is not None:
        # nft 1.0.6 prints rules of iptables-nft wrongly ("! --ctstate" loses its "!"): iptables' own listing counts.
        told_already = "nf_tables" in (listings[names[0]] or "")
        found += _through_nftables(native, "nft", needs, docker, skip_iptables=told_already)
    return tuple(found)
