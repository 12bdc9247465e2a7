"""One look at the path to each destination: which traces are made, in which order, within which deadline."""

from __future__ import annotations

import datetime
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import trio

import netprobe
from netprobe import addresses
from netprobe.errors import printable
from netprobe.naming import HostIdentity
from netprobe.path import errqueue, hello, judge, mtu, raw, trace
from netprobe.path.model import SCHEMA_VERSION, DestinationPath, End, Flow, NotRun, PathMtu, PathReport, Reply
from netprobe.path.rate_limits import SendingLimits, SendingPace

_MAY_SEND = "sudo, or the container capability NET_RAW"
_INSTALL = "install netprobe's wheel with pip: it brings scapy (GPL-2.0-only)"
_CONTROL_PORT = 33434
"""Traceroute's first port: nobody listens there, so the address itself answers "port unreachable"."""
_CONTROL_PAYLOAD = b"netprobe path control"
_UDP_HEADERS = {4: 28, 6: 48}


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One address to look at.

    Attributes:
        host: the name it was found by, or the address.
        address: the address.
        port: the port.
        server_name: the name for the ClientHello path; empty to leave that out.
        resolver: a DNS server: looked at over UDP, with a question, and TCP.
        question: for a resolver, the name to ask for.
    """

    host: str
    address: str
    port: int
    server_name: str = ""
    resolver: bool = False
    question: str = "."


@dataclass(slots=True)
class _Look:
    """What is known of a destination so far; a deadline keeps it."""

    destination: Destination
    protocol: str
    result: DestinationPath | None = None
    done: bool = False


async def look(
    destinations: Sequence[Destination],
    limits: SendingLimits,
    *,
    deadline: float,
    use_raw: bool = True,
    progress: Callable[[str], None] | None = None,
) -> PathReport:
    """Look at the path to every destination.

    Args:
        destinations: the addresses; nothing is sent to any other.
        limits: bounds of rate, depth and waiting.
        deadline: seconds for everything; what is not finished by then is told in ``not_run``.
        use_raw: also send raw packets, where this process may.
        progress: told the name of each destination that is done.
    """
    started_at = datetime.datetime.now(datetime.UTC)
    started = trio.current_time()
    pace = SendingPace(limits)
    raw_reason = raw.unavailable() if use_raw else "not asked for"
    looks = [_Look(destination, protocol) for destination in destinations for protocol in _protocols(destination)]
    with trio.move_on_after(deadline):
        async with trio.open_nursery() as nursery:
            for address in dict.fromkeys(one.destination.address for one in looks):
                mine = [one for one in looks if one.destination.address == address]
                nursery.start_soon(_address, mine, pace, raw_reason is None, progress)
    not_run = [
        NotRun(
            part=f"{one.destination.host} {one.destination.address}:{one.destination.port}/{one.protocol}",
            reason=f"the deadline of {deadline:g} s passed first",
            needs="a longer --deadline, or fewer addresses",
        )
        for one in looks
        if not one.done
    ]
    if raw_reason is not None and destinations:
        not_run.append(
            NotRun(
                part="raw SYN path (TTL left in resets)",
                reason=raw_reason,
                needs=_INSTALL if raw_reason == raw.NO_SCAPY else _MAY_SEND,
            )
        )
    return PathReport(
        schema_version=SCHEMA_VERSION,
        netprobe_version=netprobe.__version__,
        started_at=started_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        duration_seconds=round(trio.current_time() - started, 6),
        targets=tuple(one.result for one in looks if one.result is not None),
        not_run=tuple(not_run),
        inconclusive=any(not one.done for one in looks),
    )


def with_missing(report: PathReport, missing: Sequence[tuple[str, str]]) -> PathReport:
    """Add the hosts that could not be looked at, since no address was found for them."""
    parts = tuple(
        NotRun(part=host, reason=printable(trouble), needs="a resolver that answers (--resolver), or an address")
        for host, trouble in missing
    )
    inconclusive = report.inconclusive or bool(parts)
    return msgspec.structs.replace(report, not_run=(*parts, *report.not_run), inconclusive=inconclusive)


def with_host(report: PathReport, host: HostIdentity, *, anonymous: bool) -> PathReport:
    """Say from which host it was looked.

    Args:
        report: what was found.
        host: that host.
        anonymous: whether this host's own addresses are left out.
    """
    used = sorted({one.source for one in report.targets if one.source})
    if not anonymous:
        named = msgspec.structs.replace(host, addresses=tuple(used)) if used else host
        return msgspec.structs.replace(report, host=named)
    destinations = tuple(_without_source(one) for one in report.targets)
    return msgspec.structs.replace(report, host=host, targets=destinations)


def _without_source(one: DestinationPath) -> DestinationPath:
    """A destination without this host's address, wherever it stands: its own firewall's answers bear it, too."""
    if not one.source:
        return one
    own = re.compile(rf"(?<![0-9A-Fa-f:.]){re.escape(one.source)}(?![0-9A-Fa-f:]|\.[0-9])")
    return msgspec.convert(_without(own, msgspec.to_builtins(one)), DestinationPath)


def _without(own: re.Pattern[str], value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without(own, inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without(own, inner) for inner in value]
    if isinstance(value, str):
        return "" if own.fullmatch(value) else own.sub("this host", value)
    return value


def _protocols(destination: Destination) -> tuple[str, ...]:
    return ("udp", "tcp") if destination.resolver else ("tcp",)


async def _address(
    looks: list[_Look], pace: SendingPace, use_raw: bool, progress: Callable[[str], None] | None
) -> None:
    """Everything about one address: one control trace, then port after port, since routers limit their ICMP errors."""
    control = await trace.udp_flow(looks[0].destination.address, _CONTROL_PORT, _CONTROL_PAYLOAD, pace)
    for one in looks:
        await _one(one, control, pace, use_raw)
        if progress is not None:
            progress(f"{one.destination.host} {one.destination.address}")


async def _one(one: _Look, control: Flow, pace: SendingPace, use_raw: bool) -> None:
    """Everything about one destination; ``one.result`` grows, so that a deadline loses only what is missing."""
    destination = one.destination
    answer = await _full(destination, one.protocol, pace)
    one.result = _judged(
        DestinationPath(
            host=destination.host,
            address=destination.address,
            port=destination.port,
            protocol=one.protocol,
            end=answer.end,
            icmp=answer.icmp if answer.end in (End.PROHIBITED, End.UNREACHABLE) else None,
            source=_source(destination),
            control=control,
        )
    )
    flows: list[Flow] = []
    async with trio.open_nursery() as nursery:
        for _ in range(pace.limits.flows):
            nursery.start_soon(_flow, destination, one.protocol, pace, answer.end, flows)
        if use_raw and one.protocol == "tcp" and one.result.source:
            nursery.start_soon(_raw_flow, destination, pace, flows)
    flows.sort(key=lambda flow: (flow.method, flow.source_port))
    one.result = _judged(msgspec.structs.replace(one.result, flows=tuple(flows)))
    if one.protocol == "tcp" and answer.end is End.ANSWERED and destination.server_name:
        attempts = await hello.path(destination.address, destination.port, destination.server_name, pace)
        one.result = _judged(msgspec.structs.replace(one.result, hello=attempts))
        size = await _size(destination, pace)
        one.result = _judged(msgspec.structs.replace(one.result, mtu=size))
    one.done = True


def _judged(result: DestinationPath) -> DestinationPath:
    location, summary = judge.locate(result)
    return msgspec.structs.replace(result, location=location, summary=summary)


async def _full(destination: Destination, protocol: str, pace: SendingPace) -> Reply:
    """One packet all the way; a SYN gets three times the time, so that the kernel repeats a lost one."""
    patient = SendingPace(replace(pace.limits, answer_timeout=3 * pace.limits.answer_timeout))
    async with pace.slots:
        await pace.turn()
        if protocol == "udp":
            answer = await trace.send_datagram(
                destination.address, destination.port, trace.FULL_TTL, _question(destination), patient
            )
        else:
            answer = await trace.send_syn(destination.address, destination.port, trace.FULL_TTL, patient)
    return answer


async def _flow(destination: Destination, protocol: str, pace: SendingPace, end: End, flows: list[Flow]) -> None:
    if protocol == "udp":
        flows.append(await trace.udp_flow(destination.address, destination.port, _question(destination), pace, end=end))
    else:
        flows.append(await trace.tcp_flow(destination.address, destination.port, pace, end=end))


async def _raw_flow(destination: Destination, pace: SendingPace, flows: list[Flow]) -> None:
    async with pace.slots:
        flows.append(await raw.syn_flow(destination.address, destination.port, pace))


async def _size(destination: Destination, pace: SendingPace) -> PathMtu | None:
    """The path MTU; where large packets vanish without a word, also a trace of large packets."""
    found = await mtu.measure(destination.address, destination.port, destination.server_name, pace)
    if found is None or found.announced or not found.advice:
        return found
    lost = min((probe.size for probe in found.probes if not probe.passed), default=found.interface_mtu)
    payload = bytes(max(lost, found.interface_mtu) - _UDP_HEADERS[addresses.version_of(destination.address)])
    large = await trace.udp_flow(destination.address, _CONTROL_PORT, payload, pace)
    return msgspec.structs.replace(found, large=large)


def _question(destination: Destination) -> bytes:
    import dns.message

    return dns.message.make_query(destination.question, "A").to_wire()


def _source(destination: Destination) -> str:
    """This host's address towards the destination: a route lookup, no packet."""
    with errqueue.open_socket(destination.address, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect((destination.address, destination.port))
        except OSError:
            return ""
        return str(sock.getsockname()[0])
