"""The last rung: addresses, for devices that know no names.

Pure: the addresses were resolved or read elsewhere (``render.sources``). Addresses go stale, and other names share
them, so everything here is a loss, and a name for which no address is known is refused.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable, Iterator

from netprobe.catalog.model import Endpoint
from netprobe.hostnames import HostPattern
from netprobe.render.model import Addresses, Admitted, Claim, Form, Loss, LossKind, Need, Options

AWS_SUFFIXES = ("amazonaws.com", "amazonaws.eu", "api.aws", "amazonaws.com.cn")
"""Domains whose regional names live in the networks that AWS publishes."""
_UNIT = "addresses"
_SHARED = "names of other AWS customers answer at them too, so data can leave through them"


def address_networks(endpoint: Endpoint, pattern: HostPattern, options: Options) -> tuple[tuple[str, ...], Loss]:
    """The networks of an endpoint that is said by addresses, and the one loss that tells it (or why there are none)."""
    addresses = options.addresses
    if addresses is None or options.exact:
        why = "addresses are never exact, and nothing else is permitted"
        return (), _refused(endpoint, pattern, why)
    if addresses.by_region is not None and not options.allow_widening:
        # A region's networks hold the machines of every customer: the widest rule of all, and it is asked for by name.
        why = f"the networks of {endpoint.region} ({addresses.how}) are not permitted: {_SHARED}"
        return (), _refused(endpoint, pattern, why, needs=(Need.WIDENING,))
    if addresses.by_region is not None:
        networks, refusal = _published(endpoint, pattern, addresses)
    else:
        networks, refusal = _resolved(pattern, addresses, options)
    if not networks:
        return (), _refused(endpoint, pattern, refusal)
    count = _size(networks)
    if addresses.by_region is not None:
        text = f"said by all {len(networks)} networks of {endpoint.region} ({addresses.how}): {_SHARED}"
    else:
        text = f"said by {count} addresses ({addresses.how}): they change without notice, and {_SHARED}"
    loss = Loss.of(
        endpoint,
        pattern,
        LossKind.ADDRESS,
        text,
        entry=f"{len(networks)} networks",
        count=count,
        unit=_UNIT,
        exfiltration=True,
    )
    return networks, loss


def _refused(endpoint: Endpoint, pattern: HostPattern, why: str, *, needs: tuple[Need, ...] = ()) -> Loss:
    return Loss.of(endpoint, pattern, LossKind.REFUSED, why, unit=_UNIT, needs=needs)


def address_entries(networks: Iterable[str], port: int, origins: Iterable[str]) -> Iterator[Admitted]:
    """An entry for each network, for all the endpoints that share it."""
    endpoints = tuple(origins)
    for network in networks:
        yield Admitted(claim=Claim(form=Form.ADDRESS, value=network), port=port, endpoints=endpoints)


@functools.lru_cache(maxsize=256)
def _size(networks: tuple[str, ...]) -> int:
    """How many addresses they hold; every endpoint of a region asks for the same."""
    return sum(ipaddress.ip_network(network).num_addresses for network in networks)


def collapse(networks: Iterable[str]) -> tuple[str, ...]:
    """Canonical, sorted, without overlaps; IPv4 first."""
    parsed = [ipaddress.ip_network(network) for network in networks]
    four = ipaddress.collapse_addresses(n for n in parsed if isinstance(n, ipaddress.IPv4Network))
    six = ipaddress.collapse_addresses(n for n in parsed if isinstance(n, ipaddress.IPv6Network))
    return tuple(map(str, (*four, *six)))


def _published(endpoint: Endpoint, pattern: HostPattern, addresses: Addresses) -> tuple[tuple[str, ...], str]:
    ours = pattern.pattern.endswith(tuple("." + suffix for suffix in AWS_SUFFIXES))
    if not ours or endpoint.region not in pattern.pattern:
        return (), (
            f"it is not a regional AWS name, so the published networks of {endpoint.region} do not hold it "
            "(resolving it would give its addresses)"
        )
    networks = (addresses.by_region or {}).get(endpoint.region, ())
    return networks, f"no networks are published for {endpoint.region} ({addresses.how})"


def _resolved(pattern: HostPattern, addresses: Addresses, options: Options) -> tuple[tuple[str, ...], str]:
    names = (pattern.pattern,) if pattern.is_exact else _names_of(pattern, options)
    found = [address for name in names for address in (addresses.by_host or {}).get(name, ())]
    return collapse(found), f"no address is known for it ({addresses.how})"


def _names_of(pattern: HostPattern, options: Options) -> tuple[str, ...]:
    seen = options.seen.get(pattern.pattern)
    return () if seen is None else seen.names
