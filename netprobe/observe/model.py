"""What was learned from a capture. Types only; they are serialised (``netprobe observe --format json``)."""

from __future__ import annotations

import msgspec

from netprobe.naming import HostIdentity
from netprobe.observations import CatalogVersion

SCHEMA_VERSION = "1.1"


class Reset(msgspec.Struct, frozen=True, kw_only=True):
    """The resets of one kind.

    Attributes:
        by: the address in whose name they came.
        side: ``remote``, or ``local`` where the client itself gave up.
        after: ``opening`` (it answered the SYN), ``first_bytes`` (the client had spoken, nothing had come back) or
            ``answer`` (the other side had answered before).
        count: how many.
        foreign: how many of them came with another hop limit (TTL) than the packets before from the same address: a
            device on the way sent them in its name. None where nothing came before that could be compared.
    """

    by: str
    side: str
    after: str
    count: int
    foreign: int | None = None


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """One name (or bare address) and port, as it was used.

    Attributes:
        host: the name; the address where no name was seen.
        port: the destination port.
        protocol: ``tcp`` or ``udp`` (QUIC).
        local_addresses: who talked to it.
        remote_addresses: the addresses it had, at most 16.
        connections: how many were begun.
        resets: how many the other side reset.
        timeouts: how many were never answered.
        silent: how many opened, and then nothing came back to what the client said.
        resets_by: who reset what, and when.
        answers: what an HTTP proxy answered to a CONNECT for this name: status → how often.
        first_seconds: when first, in seconds since 1970.
        last_seconds: when last.
        seen_by: how the name is known: ``sni``, ``quic``, ``connect``, ``host``, ``dns``.
        endpoints: ids of the catalog's entries that explain it, ``REGION/ID``.
    """

    host: str
    port: int
    protocol: str
    local_addresses: tuple[str, ...]
    remote_addresses: tuple[str, ...]
    connections: int
    resets: int
    timeouts: int
    first_seconds: float
    last_seconds: float
    seen_by: tuple[str, ...]
    endpoints: tuple[str, ...] = ()
    silent: int = 0
    resets_by: tuple[Reset, ...] = ()
    answers: dict[str, int] = msgspec.field(default_factory=dict)


class AskedName(msgspec.Struct, frozen=True, kw_only=True):
    """One name that was asked for in the DNS.

    Attributes:
        host: the name.
        asked: how often.
        answered: how often an address came back.
        failures: rcode word → how often.
        connected: whether a connection to it was seen too.
        local_addresses: who asked.
        endpoints: ids of the catalog's entries that explain it, ``REGION/ID``.
    """

    host: str
    asked: int
    answered: int
    failures: dict[str, int]
    connected: bool
    local_addresses: tuple[str, ...]
    endpoints: tuple[str, ...] = ()


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one capture shows.

    Attributes:
        source: the file or interface.
        packets: read.
        bytes: of packets, as captured.
        first_seconds: time of the first packet; None where there was none.
        last_seconds: time of the last packet.
        used: names that the catalog explains.
        unexplained: names that it does not: candidates for an ``[[endpoint]]``.
        bare_addresses: connections for which no name was seen.
        questions: DNS names without any connection seen.
        malformed: what could not be read → how often.
        dropped: what a bounded table had to forget → how often.
        complete: whether the capture was read to its end.
        host: the host whose traffic it is, where netprobe listened there; nothing for a file, which does not say.
        reader: the host on which netprobe read a file. It may be another one than any that the file shows.
        started_at: when netprobe began, RFC 3339.
        catalog: the facts by which names were explained.
    """

    schema_version: str
    netprobe_version: str
    source: str
    packets: int
    bytes: int
    first_seconds: float | None
    last_seconds: float | None
    used: tuple[Use, ...]
    unexplained: tuple[Use, ...]
    bare_addresses: tuple[Use, ...]
    questions: tuple[AskedName, ...]
    malformed: dict[str, int]
    dropped: dict[str, int]
    complete: bool
    host: HostIdentity = HostIdentity()
    reader: HostIdentity = HostIdentity()
    started_at: str = ""
    catalog: CatalogVersion | None = None


def without_addresses(observed: Observed) -> Observed:
    """The same without the addresses of the host that was listened on."""
    return msgspec.structs.replace(
        observed,
        used=tuple(map(_nameless, observed.used)),
        unexplained=tuple(map(_nameless, observed.unexplained)),
        bare_addresses=tuple(map(_nameless, observed.bare_addresses)),
        questions=tuple(msgspec.structs.replace(one, local_addresses=()) for one in observed.questions),
    )


def _nameless(use: Use) -> Use:
    resets = tuple(msgspec.structs.replace(one, by="") if one.side == "local" else one for one in use.resets_by)
    return msgspec.structs.replace(use, local_addresses=(), resets_by=resets)
