"""DNS: what does *this* resolver answer for this name, one question at a time?

Each question goes to one server on a socket of its own, so that what a server did is never mixed up with what another
one did: over UDP, sent again as a stub resolver would, and over TCP where the answer came truncated (RFC 1035
section 4.2, RFC 7766). EDNS is offered as Go's resolver does (the agents are Go programs): 1232 bytes, and where a
server answers it with FORMERR or SERVFAIL that is the answer, since Go asks nobody again without it (``checkHeader`` in
``net/dnsclient_unix.go``, read 2026-11-28). A datagram from
anyone else, or with another id or question, is not an answer and is ignored (RFC 5452 section 9.1).

All questions over one TCP connection (RFC 7766 section 6.2.1.1) would spare sockets, and is no gain: dnsmasq, which
many routers and hosts run, forwards what comes over a connection one after the other and closes it behind a hundred.
Where its upstream took 40 ms, 100 questions took 4.0 s and then the connection was gone; 128 over UDP took 0.16 s
(2.90, tried 2026-11-29; Unbound 1.17 took 0.13 s over TCP).

This module asks; which of several resolvers a host believes is :mod:`netprobe.probes.resolve`.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence

import msgspec
import trio

from netprobe.errors import printable
from netprobe.observations import DnsDetail, Failure, Observation, Step
from netprobe.probes import classify, dnswire, sockets, tcp
from netprobe.probes.dnswire import DnsAnswer, Malformed, Question
from netprobe.probes.early import Sent
from netprobe.probes.limits import Limits
from netprobe.probes.scene import Scene
from netprobe.probes.streams import TcpStream
from netprobe.vantage import Resolver

RESEND_AFTER = (1.0, 2.0, 4.0, 8.0)
"""Seconds between one datagram and the next."""
LARGE_ANSWER = 4096
"""Bytes from which answers are parsed one a turn of the event loop. Parsing 16 KiB takes 70 ms, and what arrived for
128 questions in the same turn would outlast any deadline by seconds."""
_large = trio.Lock()


class _Trail(msgspec.Struct):
    """What happened to one question on its way, also when a limit ends it."""

    question: Question
    transport: str = "udp"
    truncated: bool = False
    attempts: int = 0
    error: str = ""
    answered: float | None = None


async def ask(
    scene: Scene,
    resolver: Resolver,
    family: int,
    limits: Limits,
    *,
    name: str | None = None,
    over_tcp: bool = False,
    edns: bool = True,
    at_most: float | None = None,
    sent: Sent | None = None,
) -> tuple[Observation, tuple[str, ...]]:
    """Ask one resolver one question.

    Args:
        scene: what is probed.
        resolver: the server.
        family: 4 for A, 6 for AAAA.
        limits: the run's time limits.
        name: another name than the scene's host.
        over_tcp: ask over TCP from the start (``options use-vc``, and the experiment ``dns_over_tcp``).
        edns: offer EDNS, as Go's resolver always does (the experiment ``without_edns`` does not).
        at_most: a shorter limit than the usual one.
        sent: the same question, where it is under way already (:mod:`netprobe.probes.early`).

    Returns:
        The observation, and the addresses, sorted, at most :data:`MAX_ADDRESSES`.
    """
    started = trio.current_time() if sent is None else _on_our_clock(sent.moment)
    question = dnswire.question(name or scene.host, family, edns=edns) if sent is None else sent.question
    trail = _Trail(question, transport="tcp" if over_tcp or resolver.tcp else "udp")
    answer: DnsAnswer | None = None
    failure: Failure | None = Failure.TIMEOUT
    limited: trio.CancelScope | None = None
    try:
        with limits.within(Step.DNS, at_most, started) as limited:
            answer = await _exchange(resolver, trail, sent)
            limits.learn(Step.DNS, (trail.answered or trio.current_time()) - started)
    except OSError as error:
        failure, trail.error = classify.of_os_error(error), classify.errno_name(error)
    except EOFError:
        failure = Failure.EOF
    except Malformed as error:
        failure, trail.error = Failure.DNS_MALFORMED, printable(str(error))
    if answer is None and trail.truncated:
        trail.error = trail.error or f"{failure} over TCP"
        failure = Failure.DNS_TCP_BLOCKED
    if answer is not None:
        failure = _judge(answer)
    detail = DnsDetail(
        resolver=str(resolver),
        rrtype=dnswire.RRTYPE[family],
        transport=trail.transport,
        asked=name if name is not None and name != scene.host else "",
        rcode=dnswire.rcode_text(answer.rcode) if answer is not None else None,
        answers=answer.addresses if answer is not None else (),
        cname=answer.cname if answer is not None else (),
        ttl_seconds=answer.ttl if answer is not None else None,
        truncated=trail.truncated,
        attempts=max(trail.attempts, 1),
        error=(answer.error if answer is not None else "") or trail.error,
        left_out=answer.left_out if answer is not None else 0,
    )
    observation = scene.observe(Step.DNS, started, failure, detail, limited=limited, ended=trail.answered)
    return observation, detail.answers


def _on_our_clock(moment: float) -> float:
    """A moment of ``time.perf_counter`` on trio's clock."""
    return trio.current_time() - (time.perf_counter() - moment)


def _judge(answer: DnsAnswer) -> Failure | None:
    if answer.contradictory:
        return Failure.DNS_MALFORMED
    if answer.addresses:
        return None
    return classify.of_rcode(answer.rcode) or Failure.DNS_NO_ANSWER


async def _exchange(resolver: Resolver, trail: _Trail, sent: Sent | None) -> DnsAnswer:
    if trail.transport == "udp":
        answer = await (_over_udp(resolver, trail) if sent is None else _under_way(sent, trail))
        if not answer.truncated:
            return answer
        trail.truncated, trail.transport, trail.answered = True, "tcp", None
    return await _over_tcp(resolver, trail)


async def _over_udp(resolver: Resolver, trail: _Trail) -> DnsAnswer:
    with sockets.plain_socket(resolver.address, socket.SOCK_DGRAM) as sock:
        # Connected: the kernel drops what other senders send, and reports "port unreachable" as ECONNREFUSED.
        sock.connect(sockets.sockaddr(resolver.address, resolver.port))
        return await _patiently(sock, trail, RESEND_AFTER)


async def _under_way(sent: Sent, trail: _Trail) -> DnsAnswer:
    """The answer to a question that was sent before; it may have arrived."""
    with sent.sock as sock:
        trail.attempts += 1
        first, *others = RESEND_AFTER
        with trio.move_on_after(max(0.0, first - (time.perf_counter() - sent.moment))):
            return await _arrived(sent, trail)
        return await _patiently(sock, trail, others)


async def _patiently(sock: socket.socket, trail: _Trail, again_after: Sequence[float]) -> DnsAnswer:
    """Send a question, and again after each of these seconds, until it is answered."""
    for wait in (*again_after, float("inf")):
        trail.attempts += 1
        await _send(sock, trail.question.wire)
        with trio.move_on_after(wait):
            return await _datagram(sock, trail.question)
    raise AssertionError("the last wait has no end")


async def _send(sock: socket.socket, wire: bytes) -> None:
    while True:
        try:
            sock.send(wire)
        except BlockingIOError:
            await trio.lowlevel.wait_writable(sock)
        else:
            return


async def _arrived(sent: Sent, trail: _Trail) -> DnsAnswer:
    while True:
        try:
            data, ago = sent.receive(dnswire.MAX_ANSWER + 1)
        except BlockingIOError:
            await trio.lowlevel.wait_readable(sent.sock)
            continue
        answer = await _understood(data, sent.question)
        if answer is not None:
            trail.answered = trio.current_time() - ago
            return answer


async def _datagram(sock: socket.socket, question: Question) -> DnsAnswer:
    while True:
        await trio.lowlevel.wait_readable(sock)
        try:
            data = sock.recv(dnswire.MAX_ANSWER + 1)
        except BlockingIOError:  # a datagram with a wrong checksum wakes us, and is gone (select(2), BUGS)
            continue
        answer = await _understood(data, question)
        if answer is not None:
            return answer


async def _over_tcp(resolver: Resolver, trail: _Trail) -> DnsAnswer:
    question, wire = trail.question, trail.question.wire
    with sockets.plain_socket(resolver.address, socket.SOCK_STREAM) as sock:
        trail.attempts += 1
        stream = await tcp.establish(sock, resolver.address, resolver.port)
        try:
            await stream.send_all(len(wire).to_bytes(2, "big") + wire)
            length = int.from_bytes(await _exactly(stream, 2), "big")
            answer = await _understood(await _exactly(stream, length), question)
        except trio.BrokenResourceError as error:
            if isinstance(error.__cause__, OSError):
                raise error.__cause__ from None
            raise EOFError from error
    if answer is None:
        raise Malformed("an answer to another question")
    return answer


async def _exactly(stream: TcpStream, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = await stream.receive_some(size - len(data))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


async def _understood(wire: bytes, question: Question) -> DnsAnswer | None:
    if len(wire) <= LARGE_ANSWER:
        return dnswire.read(wire, question)
    async with _large:
        return dnswire.read(wire, question)
