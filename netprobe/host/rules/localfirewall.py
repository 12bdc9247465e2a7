"""The host's own packet filter: does it let the agents out, and the packets of tasks through?

Only a filter that something loads at boot counts: an ``/etc/nftables.conf`` whose unit is not enabled blocks nothing.
On a running host the rules in the kernel are judged instead of files. Sources: nft(8), iptables-save(8), ufw(8),
firewalld.direct(5), firewalld.policy(5), firewalld.zone(5).
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network

from netprobe.errors import UsageError
from netprobe.findings import Place
from netprobe.host.agents import programs
from netprobe.host.firewall import loaded, traffic
from netprobe.host.firewall.loaded import Passage
from netprobe.host.firewall.model import Fate
from netprobe.host.machine import Machine
from netprobe.host.readers import uplinks
from netprobe.host.rules.define import rule
from netprobe.host.rules.dockernetwork import bridge_network
from netprobe.host.rules.sources import AGENT, READ_AGAIN
from netprobe.proxyurl import parse
from netprobe.rules import Judgement, Rule, failed, not_run, passed, warned

_MANUAL = "https://manpages.debian.org/nftables"
_DOCKER_FILTER = "https://docs.docker.com/engine/network/packet-filtering-firewalls/"
UNLISTED = "the rules in the kernel can be listed by root only; run netprobe host as root"
RECKONED = "inferred from the rules; no packet was sent"
_HOST_REMEDY = (
    "allow tcp 443 and DNS out, and established connections back in; 'netprobe render nftables' writes the rules"
)
_TOWARDS_NAMES = (
    "compare the destinations with 'netprobe endpoints -r REGION'; AWS's addresses change, its names do not"
)


def with_fate(found: Iterable[Passage], fate: Fate) -> tuple[str, tuple[Place, ...]]:
    """What meets a fate, and the rules that decide it."""
    chosen = [one for one in found if one.verdict.fate is fate]
    needs = ", ".join(dict.fromkeys(one.need for one in chosen))
    return needs, tuple(dict.fromkeys(place for one in chosen for place in one.verdict.places))


def _uplink(machine: Machine) -> str:
    link = uplinks.running(machine.root) if machine.running else None
    return "" if link is None else link.name


def _proxy_ports(machine: Machine) -> tuple[int, ...] | None:
    """The ports of the proxies, where every agent that is installed has one; None where one connects directly."""
    found: list[int] = []
    for program in programs.read(machine):
        if not program.installed:
            continue
        try:
            proxy = None if program.https is None else parse(program.https.value)
        except UsageError:
            # Go connects directly with a proxy that it cannot parse.
            proxy = None
        if proxy is None:
            return None
        if proxy.host not in ("localhost", "::1") and not proxy.host.startswith("127."):
            found.append(proxy.port)
    return tuple(dict.fromkeys(found)) or None


def local_firewall_blocks(machine: Machine) -> Judgement:
    """Port 443 or the proxies out, DNS out, answers in."""
    needs = traffic.of_host(_proxy_ports(machine) or (443,), uplink=_uplink(machine))
    found = loaded.passages(machine, needs)
    if found is None:
        return not_run(UNLISTED)
    dropped, places = with_fate(found, Fate.DROPPED)
    if dropped:
        return failed(f"the local firewall drops {dropped}", _HOST_REMEDY, places)
    limited, places = with_fate(found, Fate.LIMITED)
    if limited:
        return warned(f"the local firewall allows {limited} to some destinations only", _TOWARDS_NAMES, places)
    return passed("the local firewall lets the agents out" if found else "no local firewall is loaded at boot")


def _bridge(machine: Machine) -> IPv4Network:
    return bridge_network(machine).network or IPv4Network("172.17.0.0/16")


def task_credentials_blocked(machine: Machine) -> Judgement:
    """The packets of tasks for 169.254.170.2 pass INPUT, in by docker0 and for 127.0.0.1:51679."""
    found = loaded.passages(machine, traffic.of_credentials(_bridge(machine)))
    if found is None:
        return not_run(UNLISTED)
    port = traffic.CREDENTIALS_PORT
    remedy = (
        f"accept tcp {port} that comes in by docker0: iptables -I INPUT -i docker0 -p tcp --dport {port} -j ACCEPT, "
        f"ufw allow in on docker0 to any port {port} proto tcp, or nft: iifname docker0 tcp dport {port} accept"
    )
    dropped, places = with_fate(found, Fate.DROPPED)
    if dropped:
        title = f"tasks cannot reach 169.254.170.2 for their credentials: the local firewall drops {dropped}"
        return failed(title, remedy, places)
    limited, places = with_fate(found, Fate.LIMITED)
    if limited:
        return warned(f"the local firewall lets {limited} through under conditions only", remedy, places)
    return passed("the local firewall lets tasks ask for their credentials" if found else "no local firewall is loaded")


def task_traffic_blocked(machine: Machine) -> Judgement:
    """Tasks in bridge mode leave through FORWARD; what Docker itself will put there no image can tell."""
    found = loaded.passages(machine, traffic.of_tasks(_bridge(machine), _uplink(machine)))
    if found is None:
        return not_run(UNLISTED)
    remedy = (
        "accept what comes in by docker0 and its answers: in nftables a rule in each forward chain, in iptables in "
        "DOCKER-USER, in ufw 'ufw route allow in on docker0', in firewalld by a zone for docker0 with the target ACCEPT"
    )
    dropped, places = with_fate(found, Fate.DROPPED)
    if dropped and _proxy_ports(machine) is not None:
        title = f"the local firewall drops {dropped}; tasks need the proxy, which their task definitions must name"
        return warned(title, remedy, places)
    if dropped:
        return failed(f"the local firewall drops {dropped}", remedy, places)
    limited, places = with_fate(found, Fate.LIMITED)
    if limited:
        return warned(f"the local firewall allows {limited} to some destinations only", remedy, places)
    if any(one.by_docker for one in found):
        return not_run(
            "the files let tasks out only by rules that Docker makes when it starts; run 'netprobe host' once it runs"
        )
    return passed("the local firewall lets tasks out" if found else "no local firewall is loaded")


RULES: tuple[Rule[Machine], ...] = (
    rule(local_firewall_blocks, "The local firewall blocks the agents", _MANUAL, reckoned=RECKONED),
    rule(
        task_credentials_blocked,
        "The local firewall keeps tasks from their credentials",
        f"{AGENT}/issues/2877",
        checked=READ_AGAIN,
        reckoned=RECKONED,
    ),
    rule(
        task_traffic_blocked,
        "The local firewall blocks the tasks' traffic",
        _DOCKER_FILTER,
        checked=READ_AGAIN,
        reckoned=RECKONED,
    ),
)
