"""Name resolution: a resolver that answers, no search list that multiplies questions, no forgotten hosts entries."""

from __future__ import annotations

import ipaddress
import re

from netprobe.findings import Place, Severity
from netprobe.host.machine import MAX_SETTINGS_FILE, Machine
from netprobe.host.rules.define import rule
from netprobe.rules import Judgement, Rule, failed, not_run, passed, warned

FILE = "/etc/resolv.conf"
_MANUAL = "https://man7.org/linux/man-pages/man5/resolv.conf.5.html"
_RESOLVED = ("127.0.0.53", "127.0.0.54")
_LOCAL_SERVERS = (
    "dnsmasq",
    "unbound",
    "named",
    "bind9",
    "pdns-recursor",
    "nscd",
    "NetworkManager",
    "dnsdist",
    "knot-resolver",
)
_AWS = re.compile(
    r"(?:.+\.)?(?:amazonaws\.com|amazonaws\.com\.cn|api\.aws|on\.aws|amazonaws\.eu|public\.ecr\.aws|c2s\.ic\.gov|sc2s\.sgov\.gov)"
)


def _lines(machine: Machine) -> list[tuple[int, list[str]]]:
    found = []
    for number, line in machine.root.lines(FILE, MAX_SETTINGS_FILE):
        words = re.split(r"[#;]", line, maxsplit=1)[0].split()
        if words:
            found.append((number, words))
    return found


def _servers(machine: Machine) -> list[tuple[int, str]]:
    return [(number, words[1]) for number, words in _lines(machine) if words[0] == "nameserver" and len(words) > 1]


def resolver_missing(machine: Machine) -> Judgement:
    """A host without a resolver; an image often gets its own at boot, so there it is only looked at if it is set."""
    servers = _servers(machine)
    if not servers:
        if not machine.running:
            return not_run("the image leaves the resolver to the first boot")
        remedy = f"name a resolver in {FILE}, or enable systemd-resolved"
        return failed("no resolver is configured", remedy, (Place(file=FILE),))
    places = [Place(file=FILE, line=number, text=f"nameserver {server}"[:200]) for number, server in servers]
    bad = [place for place, (_, server) in zip(places, servers, strict=True) if not _is_address(server)]
    if bad:
        return failed("a nameserver is not an address", f"write an IP address in {FILE}", bad)
    if len(servers) > 3:
        title = f"{len(servers)} resolvers are named, and the C library reads three"
        return warned(title, "keep the three that matter", places[3:])
    return passed(f"{len(servers)} resolver(s) configured", *places)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def resolver_dead_stub(machine: Machine) -> Judgement:
    """resolv.conf points to a stub on this machine that nothing will start."""
    link = machine.root.lentry(FILE)
    resolved = machine.unit_exists("systemd-resolved.service")
    starts = machine.unit_enabled("systemd-resolved.service") is not None
    remedy = "install and enable systemd-resolved, or name the resolver itself in /etc/resolv.conf"
    if link is not None and "systemd/resolve" in link.target and not (resolved and starts):
        why = "not installed" if not resolved else "not started at boot"
        place = Place(file=FILE, text=f"-> {link.target}"[:200])
        return failed(f"{FILE} is a link into systemd-resolved, which is {why}", remedy, (place,))
    loopback = [
        (number, server) for number, server in _servers(machine) if server.startswith("127.") or server == "::1"
    ]
    for number, server in loopback:
        place = Place(file=FILE, line=number, text=f"nameserver {server}")
        if server in _RESOLVED and not (resolved and starts):
            return failed(
                f"{server} is systemd-resolved's stub, which is not installed or not enabled", remedy, (place,)
            )
        if server not in _RESOLVED and not _has_local_server(machine):
            title = f"the resolver is {server}, and no DNS server that netprobe knows is installed"
            return failed(title, "install the server, or name another resolver", (place,))
    return passed("no resolver is a stub that nothing starts")


def _has_local_server(machine: Machine) -> bool:
    return any(machine.unit_exists(f"{name}.service") for name in (*_LOCAL_SERVERS, "systemd-resolved"))


def resolver_search_multiplies(machine: Machine) -> Judgement:
    """A high ndots turns one question into one for each search domain, and gives each domain a chance to answer."""
    places, domains, ndots = [], 0, 1
    for number, words in _lines(machine):
        if words[0] == "search":
            domains = len(words) - 1
            places.append(Place(file=FILE, line=number, text=" ".join(words)[:200]))
        if words[0] == "options":
            for option in words[1:]:
                name, _, value = option.partition(":")
                if name == "ndots" and value.isascii() and value.isdigit():
                    ndots = min(int(value[:4]), 15)
                    places.append(Place(file=FILE, line=number, text=option[:200]))
    # ecs-a-1.us-east-2.amazonaws.com has three dots: above that, every AWS name is tried in the search domains first.
    if ndots > 3 and domains:
        return warned(
            f"ndots:{ndots} sends every AWS name through {domains} search domain(s) first",
            "remove the ndots option (the default is 1)",
            places,
        )
    return passed("AWS names are asked for as they are")


def aws_names_in_hosts_file(machine: Machine) -> Judgement:
    """/etc/hosts beats DNS, and AWS moves its addresses."""
    places = []
    for number, line in machine.root.lines("/etc/hosts"):
        words = line.partition("#")[0].split()
        names = [word for word in words[1:] if _AWS.fullmatch(word.lower().rstrip("."))]
        if names:
            places.append(Place(file="/etc/hosts", line=number, text=" ".join((words[0], *names))[:200]))
    if not places:
        return passed("/etc/hosts overrides no AWS name")
    return warned(
        "/etc/hosts pins AWS names to addresses, which AWS changes without notice",
        "remove the lines; for private addresses use DNS (PrivateLink, a private zone)",
        places,
    )


RULES: tuple[Rule[Machine], ...] = (
    rule(resolver_missing, "No usable resolver is configured", _MANUAL),
    rule(resolver_dead_stub, "The resolver is a stub that nothing starts", _MANUAL),
    rule(resolver_search_multiplies, "The search list multiplies questions", _MANUAL, severity=Severity.WARNING),
    rule(
        aws_names_in_hosts_file,
        "/etc/hosts overrides AWS names",
        "https://man7.org/linux/man-pages/man5/hosts.5.html",
        severity=Severity.WARNING,
    ),
)
