"""DNS: what does *this* resolver answer for this name, one question at a time?

Each question goes to one server on a socket of its own, so that what a server did is never mixed up with what another
one did: over UDP, sent again as a stub resolver would, and over TCP where the answer came truncated (RFC 1035
section 4.2, RFC 7766). EDNS is offered as Go's resolver does (the agents are Go programs): 1232 bytes. A datagram from
anyone else, or with another id or question, is not an answer and is ignored (RFC 5452 section 9.1).

This module asks; which of several resolvers a host believes is :mod:`netprobe.probes.resolve`.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import trio

from netprobe.errors import printable
from netprobe.observations import DnsDetail, Failure, Observation, Step
from netprobe.probes import classify, tcp
from netprobe.probes.limits import Limits
from netprobe.probes.scene import Scene
from netprobe.vantage import Resolver

EDNS_PAYLOAD = 1232
RESEND_AFTER = (1.0, 2.0, 4.0, 8.0)
"""Seconds between one datagram and the next."""
MAX_ADDRESSES = 16
"""More addresses than this of one name and family are counted, not probed."""
MAX_ANSWER = 20_480
"""Bytes of an answer that are read: more than a thousand addresses."""
LARGE_ANSWER = 4096
"""Bytes from which answers are parsed one a turn of the event loop. Parsing 16 KiB takes 70 ms, and what arrived for
128 questions in the same turn would outlast any deadline by seconds."""
_large = trio.Lock()
_RRTYPE = {4: "A", 6: "AAAA"}


class _Malformed(Exception):
    """An answer to our question that is no DNS message, or a far too long one."""


@dataclass(slots=True)
class _Trail:
    """What happened to one question on its way, also when a limit ends it."""

    transport: str = "udp"
    truncated: bool = False
    attempts: int = 0
    error: str = ""


async def ask(
    scene: Scene,
    resolver: Resolver,
    family: int,
    limits: Limits,
    *,
    name: str | None = None,
    over_tcp: bool = False,
    at_most: float | None = None,
) -> tuple[Observation, tuple[str, ...]]:
    """Ask one resolver one question.

    Args:
        scene: what is probed.
        resolver: the server.
        family: 4 for A, 6 for AAAA.
        limits: the run's time limits.
        name: another name than the scene's host.
        over_tcp: ask over TCP from the start (``options use-vc``, and the experiment ``dns_over_tcp``).
        at_most: a shorter limit than the usual one.

    Returns:
        The observation, and the addresses, sorted, at most :data:`MAX_ADDRESSES`.
    """
    started = trio.current_time()
    query = _question(name or scene.host, family)
    trail = _Trail(transport="tcp" if over_tcp or resolver.tcp else "udp")
    answer: dns.message.Message | None = None
    failure: Failure | None = Failure.TIMEOUT
    try:
        with limits.within(Step.DNS, at_most):
            answer = await _exchange(resolver, query, trail)
            limits.learn(Step.DNS, trio.current_time() - started)
    except OSError as error:
        failure, trail.error = classify.of_os_error(error), classify.errno_name(error)
    except EOFError:
        failure = Failure.EOF
    except _Malformed as error:
        failure, trail.error = Failure.DNS_MALFORMED, printable(str(error))
    if answer is None and trail.truncated:
        trail.error = trail.error or f"{failure} over TCP"
        failure = Failure.DNS_TCP_BLOCKED
    facts = _Facts()
    if answer is not None:
        failure, facts = _read(answer, query)
    detail = DnsDetail(
        resolver=str(resolver),
        rrtype=_RRTYPE[family],
        transport=trail.transport,
        rcode=dns.rcode.to_text(answer.rcode()) if answer is not None else None,
        answers=facts.addresses,
        cname=facts.cname,
        ttl_seconds=facts.ttl,
        truncated=trail.truncated,
        attempts=max(trail.attempts, 1),
        error=facts.error or trail.error,
    )
    return scene.observe(Step.DNS, started, failure, detail), facts.addresses


def _question(name: str, family: int) -> dns.message.QueryMessage:
    return dns.message.make_query(
        dns.name.from_text(name), _RRTYPE[family], use_edns=0, payload=EDNS_PAYLOAD, flags=dns.flags.RD
    )


async def _exchange(resolver: Resolver, query: dns.message.QueryMessage, trail: _Trail) -> dns.message.Message:
    if trail.transport == "udp":
        answer = await _over_udp(resolver, query, trail)
        if answer.rcode() == dns.rcode.FORMERR and query.edns >= 0:
            # RFC 6891 section 7: a server that knows no EDNS says FORMERR; stub resolvers ask again without it.
            query.use_edns(False)
            answer = await _over_udp(resolver, query, trail)
        if not answer.flags & dns.flags.TC:
            return answer
        trail.truncated, trail.transport = True, "tcp"
    return await _over_tcp(resolver, query, trail)


async def _over_udp(resolver: Resolver, query: dns.message.QueryMessage, trail: _Trail) -> dns.message.Message:
    wire = query.to_wire()
    with tcp.open_socket(resolver.address, socket.SOCK_DGRAM) as sock:
        # Connected: the kernel drops what other senders send, and reports "port unreachable" as ECONNREFUSED.
        await sock.connect(tcp.sockaddr(resolver.address, resolver.port))
        for wait in (*RESEND_AFTER, float("inf")):
            trail.attempts += 1
            await sock.send(wire)
            with trio.move_on_after(wait):
                return await _datagram(sock, query)
        raise AssertionError("the last wait has no end")


async def _datagram(sock: trio.socket.SocketType, query: dns.message.QueryMessage) -> dns.message.Message:
    while True:
        answer = await _understood(await sock.recv(65535), query)
        if answer is not None:
            return answer


async def _over_tcp(resolver: Resolver, query: dns.message.QueryMessage, trail: _Trail) -> dns.message.Message:
    wire = query.to_wire()
    with tcp.open_socket(resolver.address) as sock:
        trail.attempts += 1
        await sock.connect(tcp.sockaddr(resolver.address, resolver.port))
        stream = trio.SocketStream(sock)
        try:
            await stream.send_all(len(wire).to_bytes(2, "big") + wire)
            length = int.from_bytes(await _exactly(stream, 2), "big")
            answer = await _understood(await _exactly(stream, length), query)
        except trio.BrokenResourceError as error:
            if isinstance(error.__cause__, OSError):
                raise error.__cause__ from None
            raise EOFError from error
    if answer is None:
        raise _Malformed("an answer to another question")
    return answer


async def _exactly(stream: trio.SocketStream, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = await stream.receive_some(size - len(data))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


async def _understood(wire: bytes, query: dns.message.QueryMessage) -> dns.message.Message | None:
    if len(wire) <= LARGE_ANSWER:
        return _parse(wire, query)
    async with _large:
        return _parse(wire, query)


def _parse(wire: bytes, query: dns.message.QueryMessage) -> dns.message.Message | None:
    """Read a message; None where it answers another question than ours."""
    if wire[:2] != query.id.to_bytes(2, "big"):
        return None
    if len(wire) > MAX_ANSWER:
        raise _Malformed(f"an answer of {len(wire)} bytes, more than {MAX_ANSWER}")
    try:
        answer = dns.message.from_wire(wire, raise_on_truncation=False)
    except (dns.exception.DNSException, ValueError) as error:
        raise _Malformed(type(error).__name__) from error
    return answer if query.is_response(answer) else None


@dataclass(frozen=True, slots=True)
class _Facts:
    """What an answer says."""

    addresses: tuple[str, ...] = ()
    cname: tuple[str, ...] = ()
    ttl: int | None = None
    error: str = ""


def _read(answer: dns.message.Message, query: dns.message.QueryMessage) -> tuple[Failure | None, _Facts]:
    failure = classify.of_rcode(answer.rcode())
    if failure is not None and failure is not Failure.DNS_NXDOMAIN:
        return failure, _Facts()
    assert isinstance(answer, dns.message.QueryMessage)
    try:
        chain = answer.resolve_chaining()
    except dns.exception.DNSException as error:  # a CNAME loop, or an answer that contradicts its rcode
        return Failure.DNS_MALFORMED, _Facts(error=type(error).__name__)
    cname = tuple(printable(str(target.target).removesuffix(".")) for rrset in chain.cnames for target in rrset)
    if chain.answer is None:
        return failure or Failure.DNS_NO_ANSWER, _Facts(cname=cname)
    addresses = sorted(str(rdata.address) for rdata in chain.answer)
    extra = f"{len(addresses)} addresses, {MAX_ADDRESSES} of them are probed" if len(addresses) > MAX_ADDRESSES else ""
    return None, _Facts(tuple(addresses[:MAX_ADDRESSES]), cname, chain.minimum_ttl, extra)
