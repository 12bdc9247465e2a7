"""Names that are one edit away, on every side, from what was asked for.

Made from the patterns, never a fixed list: for each pattern some names that it stands for, and every mistake that an
allowlist is known to make with it. A real engine is asked about all of them, and must decide as lowering claims.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

from netprobe.catalog.model import Endpoint
from netprobe.render.lowering import asked_for

_STARS = ("1", "22", "x", "1-2", "999999999999")
_OTHER_REGION = "ap-south-1"


def corpus(endpoints: Iterable[Endpoint]) -> tuple[str, ...]:
    """Every name to ask about: lower case, without trailing dot, of legal length, no label empty, each once."""
    names: dict[str, None] = {}
    for endpoint in endpoints:
        pattern = asked_for(endpoint).pattern
        for name in (*_meant(pattern), *_near(pattern, endpoint.region)):
            if len(name) <= 253 and all(1 <= len(label) <= 63 for label in name.split(".")):
                names[name] = None
    return tuple(names)


def spellings(name: str) -> tuple[str, ...]:
    """The same name in upper case and with mixed case, which DNS does not tell apart (RFC 4343)."""
    mixed = "".join(c.upper() if i % 2 else c for i, c in enumerate(name))
    return (name.upper(), mixed)


def _meant(pattern: str) -> Iterator[str]:
    if "*" not in pattern:
        yield pattern
        return
    for star in _STARS:
        yield pattern.replace("*", star)


def _near(pattern: str, region: str) -> Iterator[str]:
    base = pattern.replace("*", "7")
    labels = base.split(".")
    yield f"x.{base}"  # an extra label on the left
    yield f"x.y.{base}"
    yield f"evil{base}"  # no anchor on the left
    yield f"x-{base}"
    yield f"{base}.evil.test"  # no anchor on the right
    yield f"{base}.{labels[-1]}"
    yield f"{base}x"
    yield base.removesuffix("m") + "n"  # a letter swapped at the end
    yield ".".join(labels[1:])  # the parent itself (the apex)
    yield ".".join(["other", *labels[1:]])  # a sibling
    yield ".".join(["a", "b", *labels[1:]])  # two labels in front of the parent
    for index in range(1, len(labels)):
        yield ".".join(labels[:index]) + "x" + ".".join(labels[index:])  # a dot that any character matches
        yield ".".join(labels[:index]) + ".extra." + ".".join(labels[index:])
    if region in base:
        yield base.replace(region, _OTHER_REGION)
        yield base.replace(region, f"{region}x")
        yield f"bucket.s3.{region}.{base.partition(f'.{region}.')[2] or 'amazonaws.com'}"
    if "*" in pattern:
        before, _, after = pattern.partition("*")
        yield before + after  # the star stands for nothing
        yield f"{before}x.y{after}"  # the star crosses a dot
        yield f"{before}x.s3{after}"
        yield f"{before[:-1]}{after}" if before else f"x{after.removeprefix('.')}"
        yield f"{before.removesuffix('-')}7{after}" if before.endswith("-") else f"q{after}.x.test"


def neighbours(networks: Iterable[str]) -> tuple[str, ...]:
    """Addresses at both edges of every network, inside and outside, that no host part makes special."""
    found: dict[str, None] = {}
    for network in map(ipaddress.ip_network, networks):
        edges = (int(network.network_address), int(network.broadcast_address))
        for number in (edges[0] - 1, edges[0], edges[0] + 1, edges[1] - 1, edges[1], edges[1] + 1):
            maker = ipaddress.IPv4Address if network.version == 4 else ipaddress.IPv6Address
            found[str(maker(number))] = None
    return tuple(found)
