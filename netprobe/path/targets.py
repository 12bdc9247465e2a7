"""From what a user names, or what a report shows as failed, to the addresses that are looked at."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from netprobe.errors import UsageError
from netprobe.hostnames import Hostname
from netprobe.observations import DnsDetail, Failure, Observation, ProxyDetail, Step
from netprobe.path.run import Target
from netprobe.vantage import Resolver

_MAX_TARGETS = 64
_REMEDY = "give a name, an address, NAME:PORT, ADDRESS:PORT or [IPV6]:PORT"
_AFTER_HELLO = frozenset({Failure.CONNECTION_RESET, Failure.EOF, Failure.TIMEOUT})


def parse(text: str) -> tuple[str, int]:
    """Take ``HOST[:PORT]`` apart; the port is 443 unless it is given.

    Raises:
        UsageError: it is neither a host name nor an address, or the port is none.
    """
    host, port = text, "443"
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":") if rest else port
        if rest and not rest.startswith(":"):
            raise UsageError(text, "something other than a port follows the bracket", _REMEDY)
    elif text.count(":") == 1:
        host, port = text.split(":")
    if not (port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= 65535):
        raise UsageError(text, "the port is not a number from 1 to 65535", _REMEDY)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return Hostname.parse(host).name, int(port)
    if address.is_multicast or address.is_unspecified:
        raise UsageError(text, "no single host has this address", _REMEDY)
    return str(address), int(port)


def is_address(host: str) -> bool:
    """Whether ``host`` is an address literal."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def resolve(
    host: str, port: int, *, resolvers: Sequence[Resolver], families: Sequence[int], timeout: float
) -> tuple[tuple[Target, ...], str]:
    """Find the addresses of one host.

    Args:
        host: a name or an address.
        port: the port.
        resolvers: asked in this order, until one answers; none means the host's own (``/etc/resolv.conf``).
        families: 4, 6.
        timeout: seconds for each question.

    Returns:
        The targets, and a note for people where there are none.
    """
    if is_address(host):
        return (Target(host=host, address=host, port=port, resolver=port == 53),), ""
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
    targets = tuple(
        Target(host=host, address=address, port=port, server_name=name, resolver=port == 53)
        for address in dict.fromkeys(found)
    )
    return targets, "" if targets else trouble or f"{host} has no address"


def of_observations(observations: Iterable[Observation]) -> tuple[Target, ...]:
    """The addresses at which something failed that a look at the path can explain."""
    found: dict[tuple[str, int], Target] = {}
    for one in observations:
        target = None if one.failure is None or one.experiment is not None else _target(one)
        if target is None:
            continue
        key = (target.address, target.port)
        if key not in found or (target.server_name and not found[key].server_name):
            found[key] = target
    return tuple(found.values())[:_MAX_TARGETS]


def _target(one: Observation) -> Target | None:
    """The target of one failed observation, if there is one."""
    if one.step is Step.TCP and one.address:
        return Target(host=one.host, address=one.address, port=one.port)
    if one.step is Step.TLS and one.address and one.failure in _AFTER_HELLO:
        return Target(host=one.host, address=one.address, port=one.port, server_name=one.host)
    if isinstance(one.detail, DnsDetail) and one.failure in (Failure.TIMEOUT, Failure.ADMIN_PROHIBITED):
        return _resolver(one.detail.resolver, one.host)
    if isinstance(one.detail, ProxyDetail) and one.detail.phase == "tcp":
        host, _, port = one.detail.proxy.rpartition("://")[2].rpartition(":")
        host = host.strip("[]")
        if is_address(host) and port.isdigit():
            return Target(host=one.detail.proxy, address=host, port=int(port))
    return None


def _resolver(text: str, question: str) -> Target | None:
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    if not is_address(host) or not port.isdigit():
        return None  # a line of the hosts file
    return Target(host=f"resolver {host}", address=host, port=int(port), resolver=True, question=question)
