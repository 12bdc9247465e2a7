"""From what a user names, or what a report shows as failed, to the addresses that are looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from netprobe import addresses
from netprobe.catalog.overlay import refuse_china
from netprobe.errors import UsageError, printable
from netprobe.hostnames import Hostname
from netprobe.observations import DnsDetail, Failure, Observation, ProxyDetail, Step, VantageRecord
from netprobe.path.model import NotRun
from netprobe.path.run import Destination
from netprobe.vantage import Resolver

_MAX_TARGETS = 64
_REMEDY = "give a name, an address, NAME:PORT, ADDRESS:PORT or [IPV6]:PORT"
_RESOLVER_SILENT = frozenset({Failure.TIMEOUT, Failure.ADMIN_PROHIBITED})
_UNSEEN = "packets of this host end at the proxy"
_ON_THE_PROXY = "'netprobe path' on the proxy itself"
_AFTER_HELLO = frozenset({Failure.CONNECTION_RESET, Failure.EOF, Failure.TIMEOUT})


def parse(text: str) -> tuple[str, int]:
    """Take ``HOST[:PORT]`` apart; the port is 443 unless it is given.

    Raises:
        UsageError: it is neither a host name nor an address, or the port is none.
        RefusedRegionError: it is a name of the China regions.
    """
    place = addresses.take_apart(text)
    host, port = place.host, 443 if place.port is None else addresses.port_number(place.port)
    if not place.is_whole:
        raise UsageError(text, "something other than a port follows the bracket", _REMEDY)
    if port is None:
        raise UsageError(text, "the port is not a number from 1 to 65535", _REMEDY)
    address = addresses.read(host)
    if address is None:
        name = Hostname.parse(host).name
        refuse_china(name, text)
        return name, port
    if not is_one_host(host):
        raise UsageError(text, "no single host has this address", _REMEDY)
    return str(address), port


def is_one_host(text: str) -> bool:
    """Whether a text is the literal address of one host: a saved report may have anything in its place, a name too."""
    address = addresses.read(text)
    return address is not None and not (address.is_multicast or address.is_unspecified)


async def resolve(
    host: str, port: int, *, resolvers: Sequence[Resolver], families: Sequence[int], timeout: float
) -> tuple[tuple[Destination, ...], str]:
    """Find the addresses of one host.

    Args:
        host: a name or an address.
        port: the port.
        resolvers: asked in this order, until one answers; none means the host's own (``/etc/resolv.conf``).
        families: 4, 6.
        timeout: seconds for each question.

    Returns:
        The destinations, and a note for people where there are none.
    """
    if addresses.is_address(host):
        return (Destination(host=host, address=host, port=port, resolver=port == 53),), ""
    import dns.asyncresolver
    import dns.exception
    import dns.resolver

    resolver = dns.asyncresolver.Resolver(configure=not resolvers)
    found: list[str] = []
    trouble = ""
    for family in families:
        for server in resolvers or (None,):
            if server is not None:
                resolver.nameservers, resolver.port = [server.address], server.port
            try:
                answer = await resolver.resolve(
                    host + ".", "AAAA" if family == 6 else "A", lifetime=timeout, raise_on_no_answer=False
                )
            except dns.exception.DNSException as error:
                trouble = f"{host}: {type(error).__name__}"
                continue
            found += [str(record) for record in answer] if answer.rrset is not None else []
            break
    name = "" if port == 53 else host
    reached = tuple(
        Destination(host=host, address=address, port=port, server_name=name, resolver=port == 53)
        for address in dict.fromkeys(found)
    )
    return reached, "" if reached else trouble or f"{host} has no address"


def of_observations(
    observations: Iterable[Observation], vantages: Iterable[VantageRecord] = ()
) -> tuple[Destination, ...]:
    """The addresses at which something failed that a look at the path can explain.

    Args:
        observations: what was seen.
        vantages: as whom it was seen; needed to know who was asked for the name of a proxy.
    """
    resolvers = {one.name: one.resolvers for one in vantages}
    found: dict[tuple[str, int], Destination] = {}
    for one in _failed(observations):
        for destination in _destinations(one, resolvers.get(one.vantage, ())):
            key = (destination.address, destination.port)
            if key not in found or (destination.server_name and not found[key].server_name):
                found[key] = destination
    return tuple(found.values())[:_MAX_TARGETS]


def out_of_sight(observations: Iterable[Observation]) -> tuple[NotRun, ...]:
    """What failed through a proxy, and where no look from here can say why; each once."""
    found: dict[str, NotRun] = {}
    for one in _failed(observations):
        if not isinstance(one.detail, ProxyDetail):
            if one.step in (Step.TLS, Step.HTTP) and one.address is None:
                found.setdefault("", NotRun(part="the way behind the proxy", reason=_UNSEEN, needs=_ON_THE_PROXY))
            continue
        proxy = printable(one.detail.proxy)
        if one.detail.phase == "connect":
            found.setdefault(proxy, NotRun(part=f"the way behind {proxy}", reason=_UNSEEN, needs=_ON_THE_PROXY))
        elif one.detail.phase == "dns" and one.failure not in _RESOLVER_SILENT:
            found.setdefault(
                proxy,
                NotRun(part=proxy, reason="the name of the proxy has no address", needs="a proxy name that resolves"),
            )
        elif one.detail.phase in ("tcp", "tls") and not _proxy_addresses(one.detail):
            reason = "the report does not hold the address that the proxy's name had"
            found.setdefault(
                proxy, NotRun(part=proxy, reason=reason, needs="'netprobe path' with the proxy's HOST:PORT")
            )
    return tuple(found.values())


def _failed(observations: Iterable[Observation]) -> Iterator[Observation]:
    return (one for one in observations if one.failure is not None and one.experiment is None)


def _destinations(one: Observation, resolvers: Sequence[str]) -> Iterator[Destination]:
    """The destinations of one failed observation."""
    if one.step is Step.TCP and one.address:
        yield Destination(host=one.host, address=one.address, port=one.port)
    elif one.step is Step.TLS and one.address and one.failure in _AFTER_HELLO:
        yield Destination(host=one.host, address=one.address, port=one.port, server_name=one.host)
    elif isinstance(one.detail, DnsDetail) and one.failure in _RESOLVER_SILENT:
        yield from _resolver(one.detail.resolver, one.host)
    elif isinstance(one.detail, ProxyDetail):
        yield from _proxy(one, one.detail, resolvers)


def _proxy(one: Observation, detail: ProxyDetail, resolvers: Sequence[str]) -> Iterator[Destination]:
    """The proxy itself, or who was asked for its name and said nothing."""
    host, port = _taken_apart(detail.proxy)
    if detail.phase == "dns" and one.failure in _RESOLVER_SILENT:
        for text in resolvers:
            yield from _resolver(text, host)
    elif port and (detail.phase == "tcp" or (detail.phase == "tls" and one.failure in _AFTER_HELLO)):
        name = host if detail.phase == "tls" and not addresses.is_address(host) else ""
        for address in _proxy_addresses(detail):
            yield Destination(host=detail.proxy, address=address, port=port, server_name=name)


def _proxy_addresses(detail: ProxyDetail) -> tuple[str, ...]:
    """The addresses that were tried; a report of before these were kept has them only where the setting is one."""
    host, _ = _taken_apart(detail.proxy)
    return tuple(one for one in detail.addresses or (host,) if addresses.is_address(one))


def _taken_apart(proxy: str) -> tuple[str, int]:
    """Host and port of ``scheme://host:port``; port 0 where there is none."""
    place = addresses.take_apart(proxy.rpartition("://")[2])
    return place.host, addresses.port_number(place.port) or 0


def _resolver(text: str, question: str) -> Iterator[Destination]:
    """The resolver of a question, unless it was a line of the hosts file."""
    host, port = _taken_apart(text)
    if addresses.is_address(host) and port:
        yield Destination(host=f"resolver {host}", address=host, port=port, resolver=True, question=question)
