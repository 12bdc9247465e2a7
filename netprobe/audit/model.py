"""What evidence says of the requirements. Types only; they are serialised (``netprobe audit --format json``)."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import msgspec

from netprobe.naming import HostIdentity
from netprobe.observations import CatalogVersion

SCHEMA_VERSION = "1.1"


class Decision(StrEnum):
    """What one line of evidence says happened."""

    ALLOWED = "allowed"
    DENIED = "denied"
    FAILED_UPSTREAM = "failed_upstream"
    """The rules admitted it, and what lies behind did not answer, refused or could not be found."""
    CREDENTIALS_ASKED = "credentials_asked"
    """A proxy wanted a name and a password (407): no allowlist changes that."""
    NAME_MISMATCH = "name_mismatch"
    """A proxy and its client resolve the name to different addresses (Squid's 409)."""
    UNKNOWN = "unknown"
    """The line tells of traffic, not of a decision."""


class Event(NamedTuple):
    """One line of evidence.

    ``host`` is what the line names, not yet validated; ``answer`` an address that a DNS log gives for it; ``times``
    how many connections the event stands for; ``layer`` is ``dns`` where a DNS server speaks, whose answers say
    nothing of a firewall's.
    """

    verdict: Decision
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
    NAME_MISMATCH = "name_mismatch"
    CREDENTIALS_ASKED = "credentials_asked"
    """Credentials were asked for, and nothing was ever allowed."""
    FAILED_UPSTREAM = "failed_upstream"
    """Everything that was admitted failed behind the device."""
    ALLOWED_SINCE = "allowed_since"
    """Denied once, and allowed after that."""
    ALLOWED = "allowed"
    SEEN = "seen"
    """Only lines without a verdict."""
    NEVER_SEEN = "never_seen"


STOPPED = (Status.DENIED, Status.NAME_MISMATCH, Status.CREDENTIALS_ASKED, Status.FAILED_UPSTREAM)
"""What stands between a host and an endpoint that it needs: the exit code is 1."""


class Denial(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which one host was stopped.

    Attributes:
        host: the name (or address) that was denied.
        rule: the rule or word of the log, cut at 200 characters.
        count: how often.
        last_seconds: when last, in seconds since 1970; None where the log has no time.
        clients: who was denied, at most eight.
        verdict: how: denied by a rule, or failed in another way.
    """

    host: str
    rule: str
    count: int
    last_seconds: float | None
    clients: tuple[str, ...]
    verdict: Decision = Decision.DENIED


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


class OtherPort(msgspec.Struct, frozen=True, kw_only=True):
    """A needed name that was asked for on a port which the catalog does not list.

    Attributes:
        host: the name.
        port: the port.
        endpoints: whose name it is, ``REGION/ID``.
        allowed: how often it went through.
        stopped: how often it did not.
        rules: by what, at most eight.
        matters: whether something that is needed waits for it: S3 over plain http (see ``netprobe.audit.judge``).
    """

    host: str
    port: int
    endpoints: tuple[str, ...]
    allowed: int
    stopped: int
    rules: tuple[str, ...]
    matters: bool


class EvidenceFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file.

    Attributes:
        path: as it was named.
        format: how it was read.
        lines: lines (packets, for a capture).
        events: how many of them say something of traffic.
        malformed: what could not be read → how often.
        complete: whether it was read to its end.
        other_formats: lines of other programs in the same file: how they were read → how many.
    """

    path: str
    format: str
    lines: int
    events: int
    malformed: dict[str, int]
    complete: bool = True
    other_formats: dict[str, int] = {}


class Audited(msgspec.Struct, frozen=True, kw_only=True):
    """One run of ``netprobe audit``.

    Attributes:
        endpoints: every endpoint that was asked about.
        unneeded: admitted traffic that nothing requires, the most frequent first.
        denied_elsewhere: denied traffic that nothing requires.
        other_ports: needed names on ports that the catalog does not list.
        dropped: what a bounded table had to leave out → how often.
        reader: the host on which netprobe read the files. Whose traffic they show stands in them, if anywhere.
        started_at: when netprobe began, RFC 3339.
        catalog: the facts that say what is needed.
    """

    schema_version: str
    netprobe_version: str
    regions: tuple[str, ...]
    sources: tuple[EvidenceFile, ...]
    endpoints: tuple[EndpointEvidence, ...]
    unneeded: tuple[Other, ...]
    denied_elsewhere: tuple[Other, ...]
    dropped: dict[str, int]
    other_ports: tuple[OtherPort, ...] = ()
    reader: HostIdentity = HostIdentity()
    started_at: str = ""
    catalog: CatalogVersion | None = None

    def stopped(self) -> bool:
        """Whether something that must work was stopped."""
        return any(one.status in STOPPED for one in self.required()) or any(
            one.matters and one.stopped and not one.allowed for one in self.other_ports
        )

    def required(self) -> tuple[EndpointEvidence, ...]:
        """The endpoints that must work, as far as the evidence tells which names the hosts were given."""
        seen = {(one.region, one.id) for one in self.endpoints if one.status is not Status.NEVER_SEEN}
        return tuple(
            one
            for one in self.endpoints
            if one.required and (one.stands_in_for is None or (one.region, one.stands_in_for) not in seen)
        )
