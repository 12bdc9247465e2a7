"""What a look at the path found. Types only; they are serialised (``netprobe path --format json``)."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from netprobe.findings import Location
from netprobe.naming import HostIdentity

SCHEMA_VERSION = "1.1"


class End(StrEnum):
    """How a trace, or a single packet of it, ended."""

    ANSWERED = "answered"
    """The address itself answered: a connection, a DNS answer, a TLS record, a UDP port unreachable."""
    RESET = "reset"
    """A TCP reset that carries the address as its sender (whoever really sent it)."""
    CLOSED = "closed"
    """The connection was closed in order (FIN) where an answer was due."""
    PROHIBITED = "prohibited"
    """An ICMP error that names a policy: type 3 code 9, 10, 13; ICMPv6 type 1 code 1, 5, 6."""
    UNREACHABLE = "unreachable"
    """Any other ICMP destination unreachable, or no route on this host."""
    TOO_BIG = "too_big"
    """ICMP fragmentation needed, or ICMPv6 packet too big."""
    EXPIRED = "expired"
    """ICMP time exceeded: the packet came as far as its TTL allowed."""
    SILENT = "silent"
    """Nothing came back."""


class IcmpError(msgspec.Struct, frozen=True, kw_only=True):
    """One ICMP error: who sent it and what it says.

    Attributes:
        type: ICMP or ICMPv6 type.
        code: the code of that type.
        sender: the address of the device that sent it.
        meaning: in words.
        mtu: the next hop's MTU, where it is a too-big message.
    """

    type: int
    code: int
    sender: str
    meaning: str
    mtu: int | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came back for one packet.

    Attributes:
        ttl: the TTL it was sent with.
        end: what came back.
        rtt_seconds: after how long; None for silence.
        icmp: the ICMP error, if it was one.
        reply_ttl: the TTL left in the reply (raw packets only).
    """

    ttl: int
    end: End
    rtt_seconds: float | None = None
    icmp: IcmpError | None = None
    reply_ttl: int | None = None


class Hop(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One TTL of one flow.

    Attributes:
        ttl: how far.
        addresses: who said that the packet expired there (more than one: the routers share the load).
        sent: packets sent.
        lost: packets without any answer.
        rtt_seconds: the fastest answer.
        answers: everything that came back.
    """

    ttl: int
    addresses: tuple[str, ...]
    sent: int
    lost: int
    rtt_seconds: float | None
    answers: tuple[Reply, ...]


class Flow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One constant five-tuple, traced.

    Attributes:
        protocol: ``tcp`` or ``udp``.
        port: the destination port.
        source_port: the source port, the same for every packet of the flow.
        end: how the last hop ended.
        hops: in order of TTL.
        method: ``kernel`` (connecting sockets) or ``raw`` (packets made with scapy).
    """

    protocol: str
    port: int
    source_port: int
    end: End
    hops: tuple[Hop, ...]
    method: str = "kernel"


class HelloAttempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A ClientHello for one name, over connections that were opened at full TTL.

    Attributes:
        name: the server name it asked for.
        control: whether it is the control name, which nobody blocks.
        end: what the ClientHello met at full TTL.
        answers: what it met at each lower TTL.
    """

    name: str
    control: bool
    end: End
    answers: tuple[Reply, ...] = ()


class MtuProbe(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One packet size.

    Attributes:
        size: the size of the IP packet, in bytes.
        passed: whether it arrived (it was acknowledged).
        icmp: the too-big message, if one came.
    """

    size: int
    passed: bool
    icmp: IcmpError | None = None


class PathMtu(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How large a packet may be on the way to the address.

    Attributes:
        interface_mtu: of the interface that the route uses.
        path_mtu: the largest size that arrived; None where not even the smallest did.
        announced: whether a router said so (too big); False with a path MTU below the interface's is a black hole.
        probes: every size that was tried.
        senders: who sent too-big messages.
        advice: what to change, with numbers; empty where nothing is wrong.
        large: a trace of large UDP packets, made where they vanish without a message.
    """

    interface_mtu: int
    path_mtu: int | None
    announced: bool
    probes: tuple[MtuProbe, ...]
    senders: tuple[IcmpError, ...] = ()
    advice: str = ""
    large: Flow | None = None


class DestinationPath(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that was found on the way to one address and port.

    Attributes:
        host: the name, or the address itself.
        address: the address.
        port: the port.
        end: what a packet at full TTL met (``answered``: nothing blocks TCP, or the question over UDP).
        flows: the traces towards the port.
        control: a trace of UDP towards an unused port, which tells a filter on the port from a broken path.
        hello: the ClientHello path.
        mtu: the path MTU.
        location: where it breaks; None where nothing is broken, or nothing is known.
        summary: one sentence.
        icmp: the ICMP error at full TTL.
        protocol: ``tcp`` or ``udp`` (DNS).
        source: this host's address towards it.
    """

    host: str
    address: str
    port: int
    end: End
    flows: tuple[Flow, ...] = ()
    control: Flow | None = None
    hello: tuple[HelloAttempt, ...] = ()
    mtu: PathMtu | None = None
    location: Location | None = None
    summary: str = ""
    icmp: IcmpError | None = None
    protocol: str = "tcp"
    source: str = ""

    def passes(self) -> bool:
        """Whether nothing was found in the way: packets, the ClientHello for the name and large packets arrive."""
        hello = all(one.control or one.end is End.ANSWERED for one in self.hello)
        return self.end is End.ANSWERED and hello and (self.mtu is None or not self.mtu.advice)


class NotRun(msgspec.Struct, frozen=True, kw_only=True):
    """A part that was not run: never shown as a pass.

    Attributes:
        part: which.
        reason: why.
        needs: what it needs.
    """

    part: str
    reason: str
    needs: str


class PathReport(msgspec.Struct, frozen=True, kw_only=True):
    """One run of ``netprobe path``."""

    schema_version: str
    netprobe_version: str
    started_at: str
    duration_seconds: float
    targets: tuple[DestinationPath, ...]
    not_run: tuple[NotRun, ...]
    notes: tuple[str, ...] = ()
    host: HostIdentity = HostIdentity()
    """The host from which it was looked."""
    inconclusive: bool = False
    """Whether an address that was asked for could not be looked at to the end."""
