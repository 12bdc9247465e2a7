"""The lab's DNS server: UDP and TCP, answers from a table, faults by declaration.

Shape of dnspython's nanonameserver: a query becomes a response in a pure function, and two small loops carry it. It
knows the names of its zone and nothing else; it never asks another server, so nothing leaves the lab.
"""

from __future__ import annotations

import functools
import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import trio

from netprobe.lab.behaviour import DnsMode, Edns, ResolverBehaviour

TTL_SECONDS = 60
MOST_WAITING = 4096
"""Datagrams of one socket that are held back at once; every region's questions in one burst are fewer."""
_MOST_REMEMBERED = 65536
_LARGEST_DATAGRAM = 4096
_IDLE_SECONDS = 10.0
_RCODES = {
    DnsMode.NXDOMAIN: dns.rcode.NXDOMAIN,
    DnsMode.SERVFAIL: dns.rcode.SERVFAIL,
    DnsMode.REFUSED: dns.rcode.REFUSED,
}
_SINKHOLE = {dns.rdatatype.A: ("0.0.0.0",), dns.rdatatype.AAAA: ("::",)}  # noqa: S104 - an answer, nothing binds to it


@dataclass(frozen=True, slots=True, kw_only=True)
class NameRecord:
    """What is known of one name.

    Attributes:
        ids: the endpoints that the name serves (a fault selects by them).
        v4: addresses for A.
        v6: addresses for AAAA.
        cname: the canonical name that stands between, or nothing.
    """

    ids: frozenset[str] = frozenset()
    v4: tuple[str, ...] = ()
    v6: tuple[str, ...] = ()
    cname: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """Every name that exists.

    Attributes:
        records: by lower-case name without trailing dot.
        search_page: the address that a wildcard resolver gives for names that do not exist.
    """

    records: Mapping[str, NameRecord] = field(default_factory=dict)
    search_page: str = ""

    def has_below(self, name: str) -> bool:
        """Whether a longer name exists: then ``name`` is an empty non-terminal, not a missing name (RFC 8020)."""
        return name in _above(tuple(self.records))


@functools.lru_cache(maxsize=8)
def _above(names: tuple[str, ...]) -> frozenset[str]:
    """Every name that some name of a zone lies below."""
    labels = (name.split(".") for name in names)
    return frozenset(".".join(some[start:]) for some in labels for start in range(1, len(some)))


@functools.cache
def _soa() -> dns.rdata.Rdata:
    text = f"ns.lab. hostmaster.lab. 1 7200 900 1209600 {TTL_SECONDS}"
    return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.SOA, text)


def _add(
    response: dns.message.Message, name: dns.name.Name, rrtype: dns.rdatatype.RdataType, values: tuple[str, ...]
) -> None:
    if values:
        response.answer.append(dns.rrset.from_text_list(name, TTL_SECONDS, dns.rdataclass.IN, rrtype, values))


def _add_authority(response: dns.message.Message, name: dns.name.Name) -> None:
    """Negative answers carry the zone's SOA (RFC 2308 section 3)."""
    zone = name.parent() if len(name) > 2 else name
    response.authority.append(dns.rrset.from_rdata(zone, TTL_SECONDS, _soa()))


def respond(
    query: dns.message.Message, zone: Zone, behaviour: ResolverBehaviour, *, over_tcp: bool
) -> dns.message.Message | None:
    """Answer one query.

    Args:
        query: a message with one question.
        zone: the names that exist.
        behaviour: what is wrong with the resolver, if anything.
        over_tcp: whether the query came over TCP (a truncated answer is complete there).

    Returns:
        The response, or None where the resolver says nothing.
    """
    response = dns.message.make_response(query, recursion_available=True)
    if len(query.question) != 1:
        response.set_rcode(dns.rcode.FORMERR)
        return response
    if query.edns >= 0 and behaviour.edns is not Edns.ANSWER:
        return _to_edns(query, behaviour.edns)
    question = query.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    record = zone.records.get(name)
    selected = not behaviour.only or (record is not None and not record.ids.isdisjoint(behaviour.only))
    mode = behaviour.mode if selected else DnsMode.ANSWER
    if behaviour.captures and name.endswith("." + behaviour.captures):
        if question.rdtype == dns.rdatatype.A:
            _add(response, question.name, question.rdtype, (zone.search_page,))
        return response
    if mode is DnsMode.SILENCE:
        return None
    if mode in _RCODES:
        response.set_rcode(_RCODES[mode])
        if mode is DnsMode.NXDOMAIN:
            _add_authority(response, question.name)
        return response
    if mode is DnsMode.TRUNCATE and not over_tcp:
        response.flags |= dns.flags.TC
        return response
    if mode is DnsMode.ELSEWHERE and record is not None:
        record = _another(zone, record)
    if mode is DnsMode.SINKHOLE and record is not None:
        _add(response, question.name, question.rdtype, _SINKHOLE.get(question.rdtype, ()))
    elif mode is not DnsMode.NODATA:
        _fill(response, question.rdtype, question.name, record, zone, wildcard=behaviour.wildcard)
    if not response.answer:
        _add_authority(response, question.name)
    return response


def _another(zone: Zone, record: NameRecord) -> NameRecord:
    """The record of a name that serves something else; its own where there is none."""
    others = (other for other in zone.records.values() if other.ids.isdisjoint(record.ids) and other.v4)
    return next(others, record)


def _to_edns(query: dns.message.Message, edns: Edns) -> dns.message.Message | None:
    """What a server that cannot take EDNS says; it has no OPT record of its own to answer with."""
    if edns is Edns.DROP:
        return None
    response = dns.message.make_response(query)
    response.use_edns(False)
    response.set_rcode(dns.rcode.FORMERR if edns is Edns.FORMERR else dns.rcode.SERVFAIL)
    return response


def _fill(
    response: dns.message.Message,
    rrtype: dns.rdatatype.RdataType,
    name: dns.name.Name,
    record: NameRecord | None,
    zone: Zone,
    *,
    wildcard: bool,
) -> None:
    """Put what the zone knows into the response."""
    if record is None:
        if wildcard:
            if rrtype == dns.rdatatype.A:
                _add(response, name, rrtype, (zone.search_page,))
        elif not zone.has_below(name.to_text(omit_final_dot=True).lower()):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return
    values = {dns.rdatatype.A: record.v4, dns.rdatatype.AAAA: record.v6}.get(rrtype, ())
    if record.cname and values:
        _add(response, name, dns.rdatatype.CNAME, (record.cname + ".",))
        name = dns.name.from_text(record.cname)
    _add(response, name, rrtype, values)


class Memory:
    """What one resolver was asked before, on whichever transport: one that fails now and then counts."""

    def __init__(self) -> None:
        self._asked: Counter[tuple[str, str, int]] = Counter()

    def now(self, query: dns.message.Message, behaviour: ResolverBehaviour) -> ResolverBehaviour:
        """How the resolver behaves to this question, which is counted.

        Args:
            query: the question.
            behaviour: how it behaves to each :attr:`ResolverBehaviour.every` of them.
        """
        if behaviour.every == 1 or not query.question:
            return behaviour
        before = self._count("every", query)
        return behaviour if before % behaviour.every == 0 else replace(behaviour, mode=DnsMode.ANSWER)

    def keep_one(self, query: dns.message.Message, response: dns.message.Message) -> None:
        """Leave one address in a response, and another one in the next to the same question."""
        before = self._count("rotates", query)
        for number, records in enumerate(response.answer):
            kept = list(records)[-1 - before % len(records)]
            response.answer[number] = dns.rrset.from_rdata(records.name, records.ttl, kept)

    def _count(self, why: str, query: dns.message.Message) -> int:
        """How many questions like this one came before."""
        question = query.question[0]
        kind = (why, question.name.to_text().lower(), int(question.rdtype))
        if len(self._asked) >= _MOST_REMEMBERED:
            self._asked.clear()
        before = self._asked[kind]
        self._asked[kind] += 1
        return before


def answer_wire(
    wire: bytes, zone: Zone, behaviour: ResolverBehaviour, *, over_tcp: bool, memory: Memory
) -> bytes | None:
    """Answer one query in wire format; None where nothing is said (also to what is not a DNS query)."""
    try:
        query = dns.message.from_wire(wire)
        if query.flags & dns.flags.QR:
            return None  # answering answers would make a loop
        response = respond(query, zone, memory.now(query, behaviour), over_tcp=over_tcp)
        if behaviour.rotates and response is not None and response.answer:
            memory.keep_one(query, response)
        return None if response is None else response.to_wire()
    except dns.exception.DNSException:
        return None  # a stray datagram, or one whose answer has no room; real resolvers drop those too


async def serve_udp(socket: trio.socket.SocketType, zone: Zone, behaviour: ResolverBehaviour, memory: Memory) -> None:
    """Answer datagrams until cancelled; those that come while many wait for their answer are dropped."""
    waiting = 0

    async def reply(wire: bytes, sender: tuple[str, int]) -> None:
        nonlocal waiting
        waiting += 1
        try:
            await _reply(wire, sender)
        finally:
            waiting -= 1

    async def _reply(wire: bytes, sender: tuple[str, int]) -> None:
        response = answer_wire(wire, zone, behaviour, over_tcp=False, memory=memory)
        await trio.sleep(behaviour.delay_seconds)
        if response is not None:
            try:
                await socket.sendto(response, sender)
            except OSError:
                return  # the asker has gone (ICMP port unreachable); nothing is owed to it

    async with trio.open_nursery() as nursery:
        while True:
            try:
                wire, sender = await socket.recvfrom(_LARGEST_DATAGRAM)
            except ConnectionRefusedError:
                continue  # an earlier answer found nobody; UDP sockets report that here
            if waiting < MOST_WAITING:
                nursery.start_soon(reply, wire, sender)


async def serve_tcp(stream: trio.SocketStream, zone: Zone, behaviour: ResolverBehaviour, memory: Memory) -> None:
    """Answer the queries of one connection (RFC 7766: several may follow each other)."""
    try:
        with trio.move_on_after(_IDLE_SECONDS):
            while True:
                head = await _receive_exactly(stream, 2)
                wire = await _receive_exactly(stream, *struct.unpack("!H", head)) if head else None
                if wire is None:
                    return
                response = answer_wire(wire, zone, behaviour, over_tcp=True, memory=memory)
                await trio.sleep(behaviour.delay_seconds)
                if response is None:
                    await trio.sleep_forever()
                await stream.send_all(struct.pack("!H", len(response)) + response)
    except (OSError, trio.BrokenResourceError):
        return  # a client that resets must not end the lab
    finally:
        await trio.aclose_forcefully(stream)


async def _receive_exactly(stream: trio.SocketStream, size: int) -> bytes | None:
    """Receive ``size`` bytes, or None at the end of the stream."""
    received = b""
    while len(received) < size:
        chunk = await stream.receive_some(size - len(received))
        if not chunk:
            return None
        received += chunk
    return received
