"""The vantage ``host``: this machine's own resolvers, trust store and address families, and what the options changed.

``/etc/resolv.conf`` is read as glibc reads it (resolv.conf(5), read 2026-11-23): at most three servers, the local
host where none is named, options that do not concern us ignored. Nothing is sent to find anything out.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

import msgspec

from netprobe import addresses, proxyurl
from netprobe.errors import UnreadableFileError, UsageError
from netprobe.host import routes
from netprobe.host.readers import resolvconf
from netprobe.observations import VantageRecord
from netprobe.probes import trust
from netprobe.vantage import ProxyServer, Resolver, TrustStore, Vantage

RESOLV_CONF = Path("/etc/resolv.conf")
HOSTS = Path("/etc/hosts")
NET = Path("/proc/net")
MAX_RESOLV_CONF = 65536
_REMEDY = "write ADDRESS or ADDRESS:PORT, an IPv6 address in brackets when a port follows"


def parse_resolver(text: str) -> Resolver:
    """Read ``--resolver``: ``192.0.2.1``, ``192.0.2.1:5353``, ``2001:db8::1`` or ``[2001:db8::1]:5353``.

    Raises:
        UsageError: it is no address with an optional port.
    """
    place = addresses.take_apart(text.strip())
    if not place.is_whole:
        raise UsageError(text, "is not an address in brackets with a port", _REMEDY)
    if place.port == "":
        raise UsageError(text, "has an empty port", _REMEDY)
    port = 53 if place.port is None else addresses.port_number(place.port)
    if port is None:
        raise UsageError(text, "has a port that is no number from 1 to 65535", _REMEDY)
    parsed = addresses.read(place.host)
    if parsed is None:
        raise UsageError(text, "is not the address of a DNS server (a name would need one to be found)", _REMEDY)
    return Resolver(address=str(parsed), port=port)


def parse_proxy(text: str) -> ProxyServer:
    """Read ``--proxy``; see :mod:`netprobe.proxyurl`.

    Raises:
        UsageError: it names no proxy; the message holds no credentials.
    """
    return proxyurl.parse(text, source="--proxy")


class ResolvConf(msgspec.Struct, frozen=True, kw_only=True):
    """What a stub resolver takes from resolv.conf.

    Attributes:
        resolvers: the servers, in order.
        lines: the line of each of them; none where the file names no server.
        search: suffixes for names with fewer dots than ``ndots``.
        ndots: how many dots make a name that is asked as it is first.
    """

    resolvers: tuple[Resolver, ...]
    lines: tuple[int, ...] = ()
    search: tuple[str, ...] = ()
    ndots: int = 1


def parse_resolv_conf(text: str) -> ResolvConf:
    """Read the text of a resolv.conf; a line that glibc would not understand is skipped, as glibc does."""
    found = resolvconf.parse(enumerate(text.split("\n"), start=1))
    search = tuple(entry.value for entry in found.search)[: resolvconf.MAX_SEARCH]
    servers = [entry for entry in found.servers if addresses.is_address(entry.value)][: resolvconf.MAX_SERVERS]
    found_at = [_without_zone(entry.value) for entry in servers] or ["127.0.0.1"]
    resolvers = tuple(Resolver(address=address, tcp=found.over_tcp) for address in found_at)
    lines = tuple(entry.line for entry in servers)
    return ResolvConf(resolvers=resolvers, lines=lines, search=search, ndots=int(found.ndots.value))


def _without_zone(address: str) -> str:
    """The address in its canonical form; a zone stays, since a link-local server is reached by its interface alone."""
    return str(ipaddress.ip_address(address))


def read_resolv_conf(path: Path = RESOLV_CONF) -> ResolvConf:
    """Read a resolv.conf; a missing one means the local host, as for glibc.

    Raises:
        UnreadableFileError: it is there and cannot be read.
    """
    try:
        with path.open("rb") as file:
            return parse_resolv_conf(file.read(MAX_RESOLV_CONF).decode("utf-8", errors="replace"))
    except FileNotFoundError:
        return parse_resolv_conf("")
    except OSError as error:
        raise UnreadableFileError(
            str(path), f"it cannot be read ({error.strerror})", "name the DNS servers with --resolver"
        ) from error


def host_families(net: Path = NET) -> tuple[int, ...]:
    """The families that a program on this host uses.

    IPv6 only with an address beyond loopback and link-local: that is what ``AI_ADDRCONFIG`` and Go look at, and a host
    without IPv6 has no broken IPv6. No IPv4 where only IPv6 has a default route: that is what the ECS agent looks at.

    Args:
        net: the folder of the kernel's tables.
    """
    scopes = [words[3] for line in _table(net / "if_inet6") if len(words := line.split()) >= 6 and words[5] != "lo"]
    if "00" not in scopes:
        return (4,)
    alone = routes.has_default(_table(net / "ipv6_route"), 6) and not routes.has_default(_table(net / "route"), 4)
    return (6,) if alone else (4, 6)


def _table(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").splitlines()
    except OSError:  # a kernel without this family
        return []


def host_vantage(
    *,
    resolvers: Sequence[str] = (),
    proxy: str | None = None,
    no_proxy: bool = False,
    ca_file: Path | None = None,
    origin_ca: Path | None = None,
    families: tuple[int, ...] | None = None,
    environ: Mapping[str, str] | None = None,
    resolv_conf: Path = RESOLV_CONF,
) -> Vantage:
    """Build the vantage of a program without settings of its own.

    Args:
        resolvers: ``--resolver``; none for the host's own.
        proxy: ``--proxy``; None for what the environment says.
        no_proxy: ``--no-proxy``: connect directly whatever the environment says.
        ca_file: ``--ca-file``.
        origin_ca: ``--origin-ca``.
        families: the families asked for; where both are (or None), those that the host has.
        environ: the environment that names a proxy; None for this process's.
        resolv_conf: where the host's resolvers stand.

    Raises:
        UsageError: an option has no meaning.
        UnreadableFileError: a file cannot be read or holds no certificate.
    """
    sources: dict[str, str] = {}
    if resolvers:
        stub = ResolvConf(resolvers=tuple(parse_resolver(text) for text in resolvers))
        sources["resolvers"] = "--resolver"
    else:
        stub = read_resolv_conf(resolv_conf)
        sources["resolvers"] = str(resolv_conf)
        for resolver, line in zip_longest(stub.resolvers, stub.lines):
            sources.setdefault(f"resolver {resolver}", f"{resolv_conf}:{line}" if line else str(resolv_conf))
    store = TrustStore()
    if ca_file is not None:
        store = TrustStore(ca_file=trust.validate(ca_file), description=str(ca_file))
        sources["store"] = "--ca-file"
    if origin_ca is not None:
        trust.validate(origin_ca)
    wanted = families or (4, 6)
    if set(wanted) == {4, 6}:
        wanted = host_families()
    server, exempts, exempt = _way_out(proxy, no_proxy, os.environ if environ is None else environ)
    if server is not None:
        sources["proxy"] = server.source
    return Vantage(
        name="host",
        resolvers=stub.resolvers,
        search=stub.search,
        ndots=stub.ndots,
        hosts_file=HOSTS,
        proxy_for=lambda host, port: server if exempts(host, port) is None else None,
        exempts=exempts,
        proxy=server,
        store=store,
        origin_ca=origin_ca,
        families=wanted,
        record=VantageRecord(
            name="host",
            resolvers=tuple(str(resolver) for resolver in stub.resolvers),
            proxy=server.safe if server is not None else None,
            no_proxy=exempt,
            store=trust.describe(store),
            families=wanted,
            sources=sources,
        ),
    )


Exempts = Callable[[str, int], str | None]


def _way_out(
    proxy: str | None, no_proxy: bool, environ: Mapping[str, str]
) -> tuple[ProxyServer | None, Exempts, tuple[str, ...]]:
    """The proxy, which token keeps a host and port from it, and the tokens: the option's, else as curl reads them."""
    variable = next((name for name in ("https_proxy", "HTTPS_PROXY") if environ.get(name)), None)
    if proxy is not None or no_proxy or variable is None:
        return (None if proxy is None else parse_proxy(proxy)), (lambda _host, _port: None), ()
    from netprobe.host.agents import noproxy  # late: only where a proxy is set

    server = proxyurl.parse(environ[variable], source=f"environment {variable}")
    value = environ.get("no_proxy") or environ.get("NO_PROXY") or ""

    def exempts(host: str, port: int) -> str | None:
        return noproxy.bypass(noproxy.NoProxyDialect.CURL, value, host, port)

    return server, exempts, tuple(token.strip() for token in value.split(",") if token.strip())
