"""What evidence says of the requirements. Types only; they are serialised (``netprobe audit --format json``)."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import msgspec

SCHEMA_VERSION = "1.0"


class Verdict(StrEnum):
    """What one line of evidence says happened."""

    ALLOWED = "allowed"
    DENIED = "denied"
    UNKNOWN = "unknown"
    """The line tells of traffic, not of a decision."""


class Event(NamedTuple):
    """One line of evidence.

    ``host`` is what the line names, not yet validated; ``answer`` an address that a DNS log gives for it; ``times``
    how many connections the event stands for; ``layer`` is ``dns`` where a DNS server speaks, whose answers say
    nothing of a firewall's.
    """

    verdict: Verdict
    host: str = ""
    address: str = ""
    port: int | None = None
    rule: str = ""
    client: str = ""
    time: float | None = None
    answer: str = ""
    times: int = 1
    layer: str = "traffic"


class Status(StrEnum):
    """What became of one endpoint, as far as the evidence goes."""

    DENIED = "denied"
    ALLOWED_SINCE = "allowed_since"
    """Denied once, and allowed after that."""
    ALLOWED = "allowed"
    SEEN = "seen"
    """Only lines without a verdict."""
    NEVER_SEEN = "never_seen"


class Denial(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that denied one host.

    Attributes:
        host: the name (or address) that was denied.
        rule: the rule or word of the log, cut at 200 characters.
        count: how often.
        last_seconds: when last, in seconds since 1970; None where the log has no time.
        clients: who was denied, at most eight.
    """

    host: str
    rule: str
    count: int
    last_seconds: float | None
    clients: tuple[str, ...]


class EndpointEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint and what the evidence says of it.

    ``stands_in_for`` names the numbered endpoint in whose place it stands: where a number of that one was seen, this
    one is not required (see :meth:`Audited.required`).
    """

    id: str
    region: str
    group: str
    pattern: str
    port: int
    required: bool
    status: Status
    allowed: int
    denials: tuple[Denial, ...]
    stands_in_for: str | None = None


class Other(msgspec.Struct, frozen=True, kw_only=True):
    """Traffic that no endpoint requires."""

    host: str
    port: int | None
    count: int
    last_seconds: float | None


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One file.

    Attributes:
        path: as it was named.
        format: how it was read.
        lines: lines (packets, for a capture).
        events: how many of them say something of traffic.
        malformed: what could not be read → how often.
        complete: whether it was read to its end.
    """

    path: str
    format: str
    lines: int
    events: int
    malformed: dict[str, int]
    complete: bool = True


class Audited(msgspec.Struct, frozen=True, kw_only=True):
    """One run of ``netprobe audit``.

    Attributes:
        endpoints: every endpoint that was asked about.
        unneeded: admitted traffic that nothing requires, the most frequent first.
        denied_elsewhere: denied traffic that nothing requires.
        dropped: what a bounded table had to leave out → how often.
    """

    schema_version: str
    netprobe_version: str
    regions: tuple[str, ...]
    sources: tuple[Source, ...]
    endpoints: tuple[EndpointEvidence, ...]
    unneeded: tuple[Other, ...]
    denied_elsewhere: tuple[Other, ...]
    dropped: dict[str, int]

    def required(self) -> tuple[EndpointEvidence, ...]:
        """The endpoints that must work, as far as the evidence tells which names the hosts were given."""
        seen = {(one.region, one.id) for one in self.endpoints if one.status is not Status.NEVER_SEEN}
        return tuple(
            one
            for one in self.endpoints
            if one.required and (one.stands_in_for is None or (one.region, one.stands_in_for) not in seen)
        )
