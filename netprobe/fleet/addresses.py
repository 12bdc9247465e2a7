"""Whether the names of an endpoint lead somewhere else than they did.

AWS changes the public addresses of its services all the time, so another public address is nothing to tell. Two things
are: that names lead to private addresses where they led to public ones, or the other way round (a VPC endpoint that
came or went, a resolver that lost its forwarding rule); and that private addresses are others, for those of a VPC
endpoint stay for as long as it lives.
"""

from __future__ import annotations

import functools
import ipaddress
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TypeAlias

import msgspec

from netprobe import natural
from netprobe.errors import printable

PUBLIC = "public addresses"
_MOST_OBSERVATIONS = 500_000
_MOST_ADDRESSES = 64
_SHOWN = 4
Addresses: TypeAlias = Mapping[str, frozenset[str]]
"""``REGION/ID`` of an endpoint → the private addresses of its names, and :data:`PUBLIC` where there are others."""


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint whose names lead somewhere else.

    Attributes:
        endpoint: ``REGION/ID``.
        before: where they led.
        now: where they lead.
    """

    endpoint: str
    before: str
    now: str


class _Detail(msgspec.Struct, frozen=True):
    answers: tuple[str, ...] = ()


class _Observation(msgspec.Struct, frozen=True):
    region: str
    endpoint: str
    step: str
    failure: str | None = None
    experiment: str | None = None
    detail: _Detail | None = None


class _Report(msgspec.Struct, frozen=True):
    observations: tuple[_Observation, ...] = ()


_DECODER = msgspec.json.Decoder(_Report)


def take(data: bytes) -> Addresses:
    """Where the names of each endpoint led; nothing where the observations cannot be read.

    Args:
        data: the JSON text of a report that was read already.
    """
    try:
        observations = _DECODER.decode(data).observations[:_MOST_OBSERVATIONS]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    found: dict[str, set[str]] = defaultdict(set)
    for one in observations:
        if one.step == "dns" and one.failure is None and one.experiment is None and one.detail is not None:
            kept = found[printable(f"{one.region}/{one.endpoint}", 130)]
            kept.update(kind for answer in one.detail.answers[:_MOST_ADDRESSES] if (kind := _kind(answer)))
    return {endpoint: frozenset(kinds) for endpoint, kinds in found.items() if kinds}


@functools.lru_cache(maxsize=4096)
def _kind(answer: str) -> str:
    """The address itself where it is private, what stands for all others, or nothing where it is no address."""
    try:
        parsed = ipaddress.ip_address(answer)
    except ValueError:
        return ""
    return str(parsed) if parsed.is_private else PUBLIC


def moves(before: Addresses, now: Addresses) -> Iterator[Move]:
    """What leads somewhere else, of endpoints that both runs resolved."""
    for endpoint in sorted(before.keys() & now.keys()):
        if before[endpoint] != now[endpoint]:
            yield Move(endpoint=endpoint, before=_told(before[endpoint]), now=_told(now[endpoint]))


def _told(kinds: frozenset[str]) -> str:
    private = natural.ordered(kinds - {PUBLIC})
    more = f" and {len(private) - _SHOWN} more" if len(private) > _SHOWN else ""
    told = [f"{', '.join(private[:_SHOWN])}{more}"] if private else []
    return " and ".join([*told, *([PUBLIC] if PUBLIC in kinds else [])])
