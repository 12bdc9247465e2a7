"""The host's own packet filter: would it let the agents out to port 443 and DNS, and the answers in?

Only a filter that something loads at boot counts: an ``/etc/nftables.conf`` whose unit is not enabled blocks nothing.
On a running host the rules in the kernel are judged instead of files. Sources: nft(8), iptables-save(8), ufw(8),
firewalld.direct(5), firewalld.policy(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from netprobe.findings import Place
from netprobe.host.firewall import iptables, nftables
from netprobe.host.firewall.model import Chain, Fate, FilterRule, Packet, Target, Verdict, decide
from netprobe.host.machine import Machine
from netprobe.host.readers import settings
from netprobe.host.rules.define import rule
from netprobe.rules import CannotJudgeError, Judgement, Rule, failed, not_run, passed, warned

_NEEDS = (
    (Packet(protocol="tcp", remote_port=443, outgoing=True, family=4), "connections to port 443"),
    (Packet(protocol="udp", remote_port=53, outgoing=True, family=4), "DNS questions"),
    (Packet(protocol="tcp", remote_port=443, outgoing=False, family=4), "answers from port 443"),
)
_NFTABLES = (("/etc/nftables.conf", "nftables.service"), ("/etc/sysconfig/nftables.conf", "nftables.service"))
_IPTABLES = (
    ("/etc/iptables/rules.v4", ("netfilter-persistent.service", "iptables.service")),
    ("/etc/sysconfig/iptables", ("iptables.service",)),
)
_LIMIT = 2 * 1024 * 1024
"""Bytes of a file with rules; each is gone through for every kind of packet."""
_REMEDY = "allow tcp 443 and DNS out, and established connections back in; 'netprobe render nftables' writes the rules"


@dataclass(frozen=True, slots=True)
class _Found:
    """What one filter does to one kind of traffic."""

    need: str
    verdict: Verdict


def _hook(packet: Packet) -> str:
    return "OUTPUT" if packet.outgoing else "INPUT"


def _through_nftables(text: str, file: str) -> Iterator[_Found]:
    for packet, need in _NEEDS:
        for base in nftables.parse(text, file, packet):
            yield _Found(need, decide(base.chains, base.name))


def _through_iptables(text: str, file: str) -> Iterator[_Found]:
    lines = list(enumerate(text.split("\n"), start=1))
    for packet, need in _NEEDS:
        yield _Found(need, decide(iptables.parse(lines, file, packet), _hook(packet)))


def _files(machine: Machine) -> Iterator[_Found]:
    for path, unit in _NFTABLES:
        text = machine.root.text(path, _LIMIT)
        if text is not None and machine.unit_enabled(unit) is not None:
            yield from _through_nftables(_with_includes(machine, text), path)
    for path, units in _IPTABLES:
        text = machine.root.text(path, _LIMIT)
        if text is not None and any(machine.unit_enabled(unit) is not None for unit in units):
            yield from _through_iptables(text, path)
    yield from _ufw(machine)
    yield from _firewalld(machine)


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


def _ufw(machine: Machine) -> Iterator[_Found]:
    """Ufw asks its before-rules, the user's, and then the default policy of the direction."""
    enabled = any(
        item.key == "ENABLED" and item.value.lower() == "yes"
        for item in settings.shell(machine.root, "/etc/ufw/ufw.conf")
    )
    if not enabled:
        return
    defaults = {item.key: item for item in settings.shell(machine.root, "/etc/default/ufw")}
    policy = defaults.get("DEFAULT_OUTPUT_POLICY")
    if policy is None or policy.value.upper() == "ACCEPT":
        return
    lines = list(machine.root.lines("/etc/ufw/user.rules", _LIMIT))
    for packet, need in _NEEDS:
        if packet.outgoing:
            chains = iptables.parse(lines, "/etc/ufw/user.rules", packet)
            own = chains.get("ufw-user-output", Chain(rules=()))
            end = FilterRule(matches=True, target=Target.DROP, place=policy.shown)
            yield _Found(need, decide({**chains, "OUTPUT": Chain(rules=(*own.rules, end))}, "OUTPUT"))


def _firewalld(machine: Machine) -> Iterator[_Found]:
    """Firewalld lets everything out unless a direct rule or a policy from HOST says otherwise."""
    if machine.unit_enabled("firewalld.service") is None:
        return
    direct = "/etc/firewalld/direct.xml"
    lines = [
        (0, f"-A {element.get('chain')} {element.text or ''}")
        for element in _xml(machine, direct).iter("rule")
        if element.get("ipv") == "ipv4" and element.get("table") == "filter"
    ]
    for packet, need in _NEEDS:
        chains = iptables.parse(lines, direct, packet)
        verdict = decide(chains, _hook(packet))
        places = tuple(Place(file=direct, text=place.text) for place in verdict.places)
        yield _Found(need, Verdict(fate=verdict.fate, places=places))
    for path in machine.root.glob("/etc/firewalld/policies", ".xml"):
        policy = _xml(machine, path)
        inside = {element.get("name") for element in policy.iter("ingress-zone")}
        if "HOST" not in inside or policy.get("target", "CONTINUE") not in ("DROP", "REJECT"):
            continue
        place = Place(file=path, text=f'target="{policy.get("target")}"')
        yield from (_Found(need, _policy(policy, packet, place)) for packet, need in _NEEDS if packet.outgoing)


def _policy(policy: ElementTree.Element, packet: Packet, place: Place) -> Verdict:
    ports = {(element.get("port"), element.get("protocol")) for element in policy.findall("port")}
    services = {element.get("name") for element in policy.findall("service")}
    named = "https" if packet.remote_port == 443 else "dns"
    if (str(packet.remote_port), packet.protocol) in ports or named in services:
        return Verdict(fate=Fate.ACCEPTED)
    if policy.find("rule") is not None:
        return Verdict(fate=Fate.LIMITED, places=(place,))
    return Verdict(fate=Fate.DROPPED, places=(place,))


def _xml(machine: Machine, path: str) -> ElementTree.Element:
    """A firewalld file; one with a document type is none of firewalld's, and could hold entity bombs."""
    text = machine.root.text(path, _LIMIT)
    empty = ElementTree.Element("none")
    if text is None or "<!DOCTYPE" in text or "<!ENTITY" in text:
        return empty
    try:
        return ElementTree.fromstring(text)  # noqa: S314 - bounded in size, and without a document type no entities
    except ElementTree.ParseError:
        # firewalld itself refuses such a file and starts without it.
        return empty


def _kernel(machine: Machine) -> tuple[_Found, ...] | None:
    assert machine.live is not None
    found: list[_Found] = []
    seen = False
    for program, through in (("nft", _through_nftables), ("iptables-save", _through_iptables)):
        text = machine.live.firewall(program)
        if text is not None:
            seen = True
            found += through(text, program)
    return tuple(found) if seen else None


def local_firewall_blocks(machine: Machine) -> Judgement:
    """Port 443 out, DNS out, answers in."""
    found = _kernel(machine) if machine.running else tuple(_files(machine))
    if found is None:
        return not_run("the rules in the kernel can be listed by root only; run netprobe host as root")
    dropped = [item for item in found if item.verdict.fate is Fate.DROPPED]
    limited = [item for item in found if item.verdict.fate is Fate.LIMITED]
    if dropped:
        needs = ", ".join(dict.fromkeys(item.need for item in dropped))
        places = dict.fromkeys(place for item in dropped for place in item.verdict.places)
        return failed(f"the local firewall drops {needs}", _REMEDY, places)
    if limited:
        needs = ", ".join(dict.fromkeys(item.need for item in limited))
        places = dict.fromkeys(place for item in limited for place in item.verdict.places)
        remedy = (
            "hold the destinations against 'netprobe endpoints -r REGION'; AWS's addresses change, its names do not"
        )
        return warned(f"the local firewall allows {needs} to some destinations only", remedy, places)
    return passed("the local firewall lets the agents out" if found else "no local firewall is loaded at boot")


RULES: tuple[Rule[Machine], ...] = (
    rule(local_firewall_blocks, "The local firewall blocks the agents", "https://manpages.debian.org/nftables"),
)
