"""The host's own packet filter and IPv6: does it let out what has no other way than IPv6?

AWS's ordinary names have IPv4 addresses alone, and Go's dialler goes on to IPv4 where IPv6 fails (RFC 6555; Go's
``net/dial.go``, read 2026-11-29). So a filter that drops IPv6 is no obstacle, unless the host has IPv6 alone, or a
resolver or proxy is given by an IPv6 address. Nothing leaves over IPv6 without neighbour discovery (RFC 4861), which is
ICMPv6 and not tracked: a filter that accepts port 443 and established connections alone stops IPv6 within seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address

from netprobe.errors import UsageError
from netprobe.findings import Place
from netprobe.host import routes
from netprobe.host.agents import programs
from netprobe.host.firewall import loaded, traffic
from netprobe.host.firewall.model import Fate
from netprobe.host.machine import Machine
from netprobe.host.readers import resolvconf
from netprobe.host.readers.settings import MAX_FILE
from netprobe.host.rules.define import rule
from netprobe.host.rules.localfirewall import RECKONED, UNLISTED, with_fate
from netprobe.proxyurl import parse
from netprobe.rules import Judgement, Rule, failed, not_applicable, not_run, passed, warned

_SOURCE = "https://www.rfc-editor.org/rfc/rfc4861"
_READ = "2026-11-29"
_REMEDY = (
    "accept ICMPv6 types 133 to 136 (neighbour discovery) both ways, tcp 443 and DNS out, and established connections "
    "back in, for IPv6 as for IPv4: ip6tables, nft's inet or ip6 tables, IPV6=yes in /etc/default/ufw"
)


@dataclass(frozen=True, slots=True)
class _Lean:
    """What of a machine has no other way than IPv6.

    Attributes:
        alone: why IPv6 is its only way, or nothing.
        proxies: proxies that are given by an IPv6 address, with their ports.
        resolvers: resolvers that are given by one.
        others: resolvers that are not.
        places: where that stands.
    """

    alone: str
    proxies: tuple[tuple[str, int], ...]
    resolvers: tuple[str, ...]
    others: int
    places: tuple[Place, ...]


def local_firewall_blocks_ipv6(machine: Machine) -> Judgement:
    """IPv6 alone, an IPv6 resolver or an IPv6 proxy need more than a filter that was written for IPv4."""
    table = [line for _, line in machine.root.lines(routes.IPV6_ROUTE)] if machine.running else []
    if machine.running and not routes.has_default(table, 6):
        return not_applicable("this host has no default route over IPv6")
    lean = _lean(machine)
    uplink = routes.interface(table, 6)
    ports = tuple(port for _, port in lean.proxies) or (443,)
    needs = (*traffic.of_host(ports, uplink=uplink, family=6), *traffic.of_neighbours(uplink))
    found = loaded.passages(machine, needs)
    if found is None:
        return not_run(UNLISTED)
    dropped, places = with_fate(found, Fate.DROPPED)
    if dropped:
        return _of_dropped(dropped, lean, (*places, *lean.places))
    limited, places = with_fate(found, Fate.LIMITED)
    if limited and lean.alone:
        return warned(f"the local firewall allows {limited} over IPv6 under conditions only", _REMEDY, places)
    return passed("the local firewall lets the agents out over IPv6" if found else "no local firewall is loaded")


def _of_dropped(dropped: str, lean: _Lean, places: tuple[Place, ...]) -> Judgement:
    if lean.alone:
        return failed(f"the local firewall drops {dropped} over IPv6, and {lean.alone}", _REMEDY, places)
    if lean.proxies:
        names = ", ".join(host for host, _ in lean.proxies)
        return failed(
            f"the local firewall drops {dropped} over IPv6, by which the proxy {names} is reached", _REMEDY, places
        )
    if lean.resolvers:
        names = ", ".join(lean.resolvers)
        title = f"the local firewall drops {dropped} over IPv6, by which the resolver {names} is asked"
        return warned(title, _REMEDY, places) if lean.others else failed(title, _REMEDY, places)
    return passed(f"the local firewall drops {dropped} over IPv6; the agents have IPv4 for AWS's names", *places)


def _lean(machine: Machine) -> _Lean:
    alone, places = _alone(machine)
    proxies: list[tuple[str, int]] = []
    for program in programs.read(machine):
        if program.installed and program.https is not None:
            try:
                proxy = parse(program.https.value)
            except UsageError:
                # Go connects directly with a proxy that it cannot parse.
                continue
            if _is_remote_ipv6(proxy.host):
                proxies.append((proxy.host, proxy.port))
                places.append(program.https.shown)
    config = resolvconf.parse(machine.root.lines(resolvconf.FILE, MAX_FILE))
    servers = [entry for entry in config.servers if entry.value in config.addresses]
    by_ipv6 = [entry for entry in servers if _is_remote_ipv6(entry.value)]
    places += [Place(file=resolvconf.FILE, line=entry.line, text=f"nameserver {entry.value}") for entry in by_ipv6]
    names = tuple(entry.value for entry in by_ipv6)
    return _Lean(alone, tuple(dict.fromkeys(proxies)), names, len(servers) - len(by_ipv6), tuple(places))


def _alone(machine: Machine) -> tuple[str, list[Place]]:
    setting = machine.ecs_setting("ECS_INSTANCE_IP_COMPATIBILITY")
    if setting is not None and setting.value.strip().lower() == "ipv6":
        return "ecs.config makes the agent use IPv6 alone", [setting.shown]
    if machine.running:
        four = [line for _, line in machine.root.lines(routes.ROUTE)]
        if four and not routes.has_default(four, 4):
            return "this host has no default route over IPv4", [Place(file=routes.ROUTE, text="no default route")]
    return "", []


def _is_remote_ipv6(text: str) -> bool:
    """Whether a text is an IPv6 address of another host; a zone may follow it."""
    try:
        return not IPv6Address(text.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return False


RULES: tuple[Rule[Machine], ...] = (
    rule(
        local_firewall_blocks_ipv6,
        "The local firewall blocks IPv6 that is needed",
        _SOURCE,
        checked=_READ,
        reckoned=RECKONED,
    ),
)
