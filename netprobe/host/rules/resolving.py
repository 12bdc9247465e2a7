"""Name resolution: a resolver that answers, no search list that multiplies questions, no forgotten hosts entries."""

from __future__ import annotations

import posixpath
import re

from netprobe import addresses
from netprobe.errors import printable
from netprobe.findings import Place, Severity
from netprobe.host.machine import Machine
from netprobe.host.readers import hosts, resolvconf
from netprobe.host.readers.resolvconf import FILE
from netprobe.host.readers.settings import MAX_FILE
from netprobe.host.rules.define import rule
from netprobe.host.rules.sources import READ_AGAIN
from netprobe.rules import Judgement, Rule, failed, not_run, passed, warned

_MANUAL = "https://man7.org/linux/man-pages/man5/resolv.conf.5.html"
_HOSTS_MANUAL = "https://man7.org/linux/man-pages/man5/hosts.5.html"
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
_WRITERS = {
    "/run/systemd/resolve/": "systemd-resolved",
    "/run/NetworkManager/": "NetworkManager",
    "/run/resolvconf/": "resolvconf",
    "/run/connman/": "connman",
}
"""Who writes the file that a link leads to: resolved.conf(5), NetworkManager.conf(5), resolvconf(8), connman(8)."""
_PROGRAMS = {"resolvconf": ("/sbin/resolvconf", "/usr/sbin/resolvconf")}
"""What others call to have it written."""
_AWS = re.compile(
    r"(?:.+\.)?(?:amazonaws\.com|amazonaws\.com\.cn|api\.aws|on\.aws|amazonaws\.eu|public\.ecr\.aws|c2s\.ic\.gov|sc2s\.sgov\.gov)"
)


def _read(machine: Machine) -> resolvconf.ResolvConfFile:
    return resolvconf.parse(machine.root.lines(FILE, MAX_FILE))


def resolver_missing(machine: Machine) -> Judgement:
    """A host without a resolver; an image often gets its own at boot, so there it is only looked at if it is set."""
    servers = _read(machine).servers
    if not servers:
        if not machine.running:
            return not_run("the image leaves the resolver to the first boot")
        remedy = f"name a resolver in {FILE}, or enable systemd-resolved"
        return failed("no resolver is configured", remedy, (Place(file=FILE),))
    places = [_place(server) for server in servers]
    bad = [_place(server) for server in servers if not addresses.is_address(server.value)]
    if bad:
        return failed("a nameserver is not an address", f"write an IP address in {FILE}", bad)
    if len(servers) > 3:
        title = f"{len(servers)} resolvers are named, and the C library reads three"
        return warned(title, "keep the three that matter", places[3:])
    return passed(f"{len(servers)} resolver(s) configured", *places)


def _place(server: resolvconf.ResolvValue) -> Place:
    return Place(file=FILE, line=server.line, text=f"nameserver {server.value}"[:200])


def resolver_dead_stub(machine: Machine) -> Judgement:
    """resolv.conf points to a stub on this machine that nothing will start."""
    link = machine.root.lentry(FILE)
    resolved = machine.unit_exists("systemd-resolved.service")
    starts = machine.unit_enabled("systemd-resolved.service") is not None
    remedy = "install and enable systemd-resolved, or name the resolver itself in /etc/resolv.conf"
    if link is not None and link.target and (judged := _dead_link(machine, link.target)) is not None:
        return judged
    for entry in _read(machine).servers:
        server = entry.value
        if not server.startswith("127.") and server != "::1":
            continue
        if server in _RESOLVED and not (resolved and starts):
            title = f"{server} is systemd-resolved's stub, which is not installed or not enabled"
            return failed(title, remedy, (_place(entry),))
        if server not in _RESOLVED and not _has_local_server(machine):
            title = f"the resolver is {server}, and no DNS server that netprobe knows is installed"
            return failed(title, "install the server, or name another resolver", (_place(entry),))
    return passed("no resolver is a stub that nothing starts")


def _dead_link(machine: Machine, target: str) -> Judgement | None:
    """A link into the folder of a service that does not run, or to a file that nobody makes; None where all is well."""
    place = Place(file=FILE, text=f"-> {target}"[:200])
    leads_to = posixpath.normpath(posixpath.join(posixpath.dirname(FILE), target))
    leads_to = leads_to.removeprefix("/var") if leads_to.startswith("/var/run/") else leads_to
    writer = next((name for folder, name in _WRITERS.items() if leads_to.startswith(folder)), None)
    if writer is None and (machine.root.exists(FILE) or leads_to.startswith("/run/")):
        return None
    if writer is None:
        title = f"{FILE} is a link to {printable(leads_to, 200)}, and there is no such file"
        remedy = f"make sure that something writes it, or name a resolver in {FILE}"
        return (failed if machine.running else warned)(title, remedy, (place,))
    unit = f"{writer}.service"
    if machine.unit_enabled(unit) is not None or machine.root.first(*_PROGRAMS.get(writer, ())) is not None:
        return None
    why = "not started at boot" if machine.unit_exists(unit) else "not installed"
    remedy = f"install and enable {writer}, or name the resolver itself in {FILE}"
    return failed(f"{FILE} is a link into {writer}, which is {why}", remedy, (place,))


def _has_local_server(machine: Machine) -> bool:
    return any(machine.unit_exists(f"{name}.service") for name in (*_LOCAL_SERVERS, "systemd-resolved"))


def resolver_search_multiplies(machine: Machine) -> Judgement:
    """A high ndots turns one question into one for each search domain, and gives each domain a chance to answer."""
    found = _read(machine)
    ndots, domains = int(found.ndots.value), len(found.search)
    places = [Place(file=FILE, line=found.ndots.line, text=f"ndots:{ndots}")]
    if found.search:
        suffixes = " ".join(entry.value for entry in found.search)
        places.append(Place(file=FILE, line=found.search[0].line, text=f"search {suffixes}"[:200]))
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
    for entry in hosts.parse(machine.root.lines(hosts.FILE, hosts.MAX_FILE)):
        names = [name for name in entry.names if _AWS.fullmatch(name)]
        if names:
            text = " ".join((entry.address, *names))[:200]
            places.append(Place(file=hosts.FILE, line=entry.line, text=text))
    if not places:
        return passed("/etc/hosts overrides no AWS name")
    return warned(
        "/etc/hosts pins AWS names to addresses, which AWS changes without notice",
        "remove the lines; for private addresses use DNS (PrivateLink, a private zone)",
        places,
    )


_OTHERS = re.compile(
    r"(?:.+\.)?(?:docker\.io|docker\.com|production\.cloudflare\.docker\.com|ghcr\.io|quay\.io|mcr\.microsoft\.com|gcr\.io"
    r"|registry\.k8s\.io|pkg\.dev)|(?:raw\.|objects\.)?githubusercontent\.com|(?:api\.|codeload\.)?github\.com"
)


def registry_names_in_hosts_file(machine: Machine) -> Judgement:
    """Registries and GitHub, from which images and the installer's keys come, move their addresses too."""
    places = []
    for entry in hosts.parse(machine.root.lines(hosts.FILE, hosts.MAX_FILE)):
        names = [name for name in entry.names if _OTHERS.fullmatch(name)]
        if names:
            places.append(Place(file=hosts.FILE, line=entry.line, text=" ".join((entry.address, *names))[:200]))
    if not places:
        return passed("/etc/hosts overrides no registry that netprobe knows, and not GitHub")
    return warned(
        "/etc/hosts pins registries or GitHub to addresses, which change without notice",
        "remove the lines; for a mirror of your own use its own name, or DNS",
        places,
    )


def dns_not_asked(machine: Machine) -> Judgement:
    """The line ``hosts`` of nsswitch.conf says who is asked for names; the C library and Go programs both follow it.

    Of several lines the last counts, and an empty one asks nobody (asked of glibc 2.36, 2026-11-29).
    """
    last: tuple[str, Place] | None = None
    for number, line in machine.root.lines(_SWITCH, MAX_FILE):
        database, colon, services = line.strip().partition(":")
        if colon and database.strip() == "hosts":
            last = services, Place(file=_SWITCH, line=number, text=printable(line.strip(), 200))
    if last is None:
        return passed("names are looked up in the usual order")
    services, place = last
    reached = _FINAL.split(services)[0]
    if _DNS & set(_ACTION.sub(" ", reached).split()):
        return passed("DNS is asked for names", place)
    return failed(
        f"{_SWITCH} leaves DNS out, so no program of this host ever asks a resolver",
        f"write 'hosts: files dns' in {_SWITCH}",
        (place,),
    )


_SWITCH = "/etc/nsswitch.conf"
_SWITCH_MANUAL = "https://man7.org/linux/man-pages/man5/nsswitch.conf.5.html"
_ACTION = re.compile(r"\[[^\]]*\]")
_FINAL = re.compile(r"(?<=files)\s*\[[^\]]*(?:NOTFOUND|!(?!NOTFOUND)\w+)\s*=\s*return", re.IGNORECASE)
"""An action behind ``files`` that ends the search for what does not stand in /etc/hosts."""
_DNS = frozenset({"dns", "resolve"})

RULES: tuple[Rule[Machine], ...] = (
    rule(resolver_missing, "No usable resolver is configured", _MANUAL),
    rule(resolver_dead_stub, "The configured resolver is a local stub that nothing starts", _MANUAL),
    rule(dns_not_asked, "nsswitch.conf leaves DNS out", _SWITCH_MANUAL, checked=READ_AGAIN),
    rule(resolver_search_multiplies, "The search list multiplies DNS queries", _MANUAL, severity=Severity.WARNING),
    rule(
        aws_names_in_hosts_file,
        "/etc/hosts overrides AWS names",
        _HOSTS_MANUAL,
        severity=Severity.WARNING,
    ),
    rule(
        registry_names_in_hosts_file,
        "/etc/hosts overrides registries or GitHub",
        _HOSTS_MANUAL,
        severity=Severity.WARNING,
        checked=READ_AGAIN,
    ),
)
