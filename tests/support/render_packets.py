"""What packet filters are asked, alike for nftables and iptables."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from netprobe.render import Addresses, Options, Rendered, render
from netprobe.render.model import Form
from tests.support.render_cases import ORIGIN, closed, ecs, endpoint
from tests.support.render_corpus import neighbours
from tests.support.render_engine import Namespace, connects

PORTS = (443, 80, 8443)
_HTTP = endpoint("packages.us-east-2.amazonaws.com", "packages", port=80)
ENDPOINTS = (*ecs("us-east-2"), _HTTP)
# Networks of odd sizes inside the documentation ranges, and single addresses.
REGION = ("192.0.2.16/28", "192.0.2.64/30", "198.51.100.7/32", "2001:db8:7::/48", "2001:db8:9::5/128")
_TESTABLE = [ipaddress.ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")]


def rendered(target: str, networks: tuple[str, ...] = REGION) -> Rendered:
    """A target with these networks for the region."""
    options = Options(allow_widening=True, addresses=Addresses(how="a test", by_region={"us-east-2": networks}))
    return render(target, ENDPOINTS, origin=ORIGIN, options=options, policy=closed(target))


def questions(networks: Iterable[str] = REGION) -> list[tuple[str, int]]:
    """Addresses around every network, on admitted and on other ports."""
    asked = [a for a in neighbours(networks) if any(_inside(a, n) for n in _TESTABLE)]
    return [(address, port) for address in asked for port in PORTS]


def _inside(address: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    parsed = ipaddress.ip_address(address)
    return parsed.version == network.version and parsed in network


def decide(space: Namespace, asked: list[tuple[str, int]]) -> dict[tuple[str, int], bool]:
    """Open a real connection to each."""
    return space.call(lambda: {(address, port): connects(address, port) for address, port in asked})


def claimed(made: Rendered, asked: list[tuple[str, int]]) -> dict[tuple[str, int], bool]:
    """What lowering says; ports that no endpoint has are not governed, so they stay open."""
    governed = {entry.port for entry in made.lowered.entries}
    assert all(entry.form is Form.ADDRESS for entry in made.lowered.entries)
    return {(a, p): p not in governed or made.lowered.admits(a, p) for a, p in asked}
