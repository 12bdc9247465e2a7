"""Packets in, names and uses out: joins DNS answers, ClientHellos and connections into what a host talks to."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

import netprobe
from netprobe import natural
from netprobe.observe import dns, frames, http, quic, tls
from netprobe.observe.capture import Packet, Tally
from netprobe.observe.frames import ACK, FIN, RST, SYN, Segment
from netprobe.observe.matching import Matcher
from netprobe.observe.model import SCHEMA_VERSION, AskedName, Observed, Reset, Use
from netprobe.observe.streams import Assembler, BoundedTable, relative

MAX_FLOWS = 6_000
MAX_NAMES = 8_000
MAX_USES = 20_000
MAX_QUESTIONS = 6_000
MAX_HELD = 8 << 20
"""Bytes of all conversations together whose beginning is still looked at."""
MAX_KNOWN_ADDRESSES = 40_000
"""Of all names together."""
_MAX_ADDRESSES = 16
_SAME_WAY = 1
"""Hop limits of packets that came from one host over ways of slightly different length."""
_PATIENCE_SECONDS = 5.0
"""So long after the client's first bytes a server that still works has answered."""
_Key = tuple[bytes, int, bytes, int]


@dataclass(slots=True)
class _Flow:
    """One TCP connection or QUIC conversation, from its client's side.

    Attributes:
        start: the sequence number of the client's first byte.
        time: of its first packet.
        spoke: when the client said its first bytes.
        heard: whether the server said anything.
        hops: the hop limit of the server's first packet.
        reset: which side reset it, if any.
        foreign: whether the reset's hop limit was another; None where there is none to compare.
        ended: whether it was closed in the capture.
        looking: whether the client's first bytes are still looked at for a name.
        looked_at: how many of them were searched for the end of a request.
        status: a proxy's answer to a CONNECT.
        acknowledged: the first number that the client acknowledged.
    """

    start: int | None
    time: float
    name: str = ""
    seen_by: str = ""
    port: int = 0
    answered: bool = False
    spoke: float | None = None
    heard: bool = False
    hops: int | None = None
    reset: str = ""
    foreign: bool | None = None
    ended: bool = False
    looking: bool = True
    looked_at: int = 0
    status: str = ""
    hello: tls.Reader | None = None
    assembler: Assembler | None = None
    keys: quic.Keys | None = None
    acknowledged: int | None = None


@dataclass(slots=True)
class _Use:
    """A :class:`Use` that still grows."""

    locals: dict[bytes, None] = field(default_factory=dict)
    remotes: dict[bytes, None] = field(default_factory=dict)
    seen_by: tuple[str, ...] = ()
    connections: int = 0
    timeouts: int = 0
    silent: int = 0
    first: float = 0.0
    last: float = 0.0
    resets: dict[tuple[str, str, bool | None], tuple[bytes, int]] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Question:
    """A :class:`Question` that still grows."""

    asked: int = 0
    answered: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    locals: dict[bytes, None] = field(default_factory=dict)


class Observer:
    """Learns from one packet after the other; memory is bounded by the tables above, whatever comes."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._tcp: BoundedTable[_Key, _Flow] = BoundedTable(MAX_FLOWS, self._end_tcp)
        self._quic: BoundedTable[_Key, _Flow] = BoundedTable(MAX_FLOWS, self._end_quic)
        self._names: BoundedTable[bytes, str] = BoundedTable(MAX_NAMES)
        self._questions: dict[str, _Question] = {}
        self._uses: dict[tuple[str, int, str], _Use] = {}
        self._dropped: Counter[str] = Counter()
        self._undecided: OrderedDict[int, _Flow] = OrderedDict()
        self._held = 0
        self._addresses = 0
        self.packets = self.bytes = 0
        self.first: float | None = None
        self.last: float | None = None

    def feed(self, packet: Packet) -> None:
        """Learn from one packet."""
        self.packets += 1
        self.bytes += len(packet.data)
        self.first = packet.time if self.first is None else min(self.first, packet.time)
        self.last = packet.time if self.last is None else max(self.last, packet.time)
        found = frames.segment(packet.link, packet.data, self.tally.malformed)
        if found is None:
            return
        if found.tcp:
            self._feed_tcp(found, packet.time)
        elif found.source_port == 53 or found.destination_port == 53:
            self._feed_dns(found, found.payload)
        elif quic.looks_like(found.payload):
            self._feed_quic(found, packet.time)

    # DNS

    def _feed_dns(self, found: Segment, payload: bytes) -> None:
        message = dns.parse(payload)
        if message is None:
            self.tally.malformed["DNS message is malformed"] += 1
            return
        question = self._questions.get(message.name)
        if question is None:
            if len(self._questions) >= MAX_QUESTIONS:
                self._dropped["DNS names"] += 1
                return
            question = self._questions[message.name] = _Question()
        local = found.destination if message.response else found.source
        self._remember(question.locals, local)
        if not message.response:
            question.asked += 1
        elif message.rcode != "NOERROR":
            question.failures[message.rcode] += 1
        elif message.addresses:
            question.answered += 1
        for address in message.addresses:
            self._names.put(address, message.name)

    def _remember(self, known: dict[bytes, None], address: bytes) -> None:
        """Keep an address, as long as neither this name has too many nor all names together."""
        if address in known or len(known) >= _MAX_ADDRESSES or self._addresses >= MAX_KNOWN_ADDRESSES:
            return
        known[address] = None
        self._addresses += 1

    # TCP

    def _feed_tcp(self, found: Segment, time: float) -> None:
        key = (found.source, found.source_port, found.destination, found.destination_port)
        back = (found.destination, found.destination_port, found.source, found.source_port)
        flags = found.flags
        if flags & SYN and not flags & ACK:
            flow = self._tcp.get(key)
            start = (found.sequence + 1) & 0xFFFFFFFF
            if flow is None or flow.start != start:
                if flow is not None:
                    self._close(key, flow)
                self._tcp.put(key, _Flow(start, time))
            return
        flow = self._tcp.get(key)
        if flow is not None:
            self._from_client(found, key, flow, time)
            return
        flow = self._tcp.get(back)
        if flow is not None:
            self._from_server(found, back, flow)
        elif found.payload and _begins(found.payload) and found.source_port != 53:
            # the capture began after the connection: who speaks first like a client is the client
            flow = _Flow(found.sequence, time, answered=True)
            self._tcp.put(key, flow)
            self._from_client(found, key, flow, time)
        elif flags & SYN:
            self.tally.malformed["answer to a SYN that is not in the capture"] += 1

    def _from_client(self, found: Segment, key: _Key, flow: _Flow, time: float) -> None:
        if found.payload and flow.spoke is None:
            flow.spoke = time
        if found.flags & ACK and not found.flags & RST:
            self._acknowledge(flow, found.acknowledged)
        if found.payload and flow.looking and flow.start is not None:
            offset = relative(found.sequence, flow.start)
            payload = found.payload
            if offset < 0:
                payload, offset = payload[-offset:], 0
            assembler = self._assembler(flow)
            if self._add(flow, assembler, offset, payload):
                self._identify(found, flow, assembler)
        if found.flags & RST:
            flow.reset = "local"
            self._close(key, flow)

    def _acknowledge(self, flow: _Flow, acknowledged: int) -> None:
        """What the client acknowledges has reached it, also where only its direction was captured (RFC 9293, 3.5)."""
        flow.answered = True
        if flow.acknowledged is None:
            flow.acknowledged = acknowledged
        elif relative(acknowledged, flow.acknowledged) > 1:  # one alone may be the end of the connection
            flow.heard = True

    def _assembler(self, flow: _Flow) -> Assembler:
        if flow.assembler is None:
            flow.assembler = Assembler(tls.MAX_HELLO)
            self._held += flow.assembler.held
            self._undecided[id(flow)] = flow
        return flow.assembler

    def _add(self, flow: _Flow, assembler: Assembler, offset: int, payload: bytes) -> bool:
        """Give an assembler a piece, and keep what all of them hold within the limit."""
        before = assembler.held
        grew = assembler.add(offset, payload)
        self._held += assembler.held - before
        self._undecided.move_to_end(id(flow))
        while self._held > MAX_HELD and len(self._undecided) > 1:
            self._decided(next(iter(self._undecided.values())))
            self._dropped["beginnings of conversations"] += 1
        return grew

    def _decided(self, flow: _Flow) -> None:
        """Look no further for a name in what the client says."""
        flow.looking = False
        flow.hello = None
        if flow.assembler is not None:
            self._held -= flow.assembler.held
            del self._undecided[id(flow)]
            flow.assembler = None

    def _identify(self, found: Segment, flow: _Flow, assembler: Assembler) -> None:
        """Look for a name in what the client has said so far; stop looking once that is decided."""
        data = assembler.prefix
        if found.destination_port == 53:
            if len(data) >= 2 and len(data) >= 2 + int.from_bytes(data[:2], "big"):
                self._feed_dns(found, bytes(data[2 : 2 + int.from_bytes(data[:2], "big")]))
                self._decided(flow)
            return
        if flow.hello is None and http.may_be(data):
            self._identify_request(flow, data)
            return
        flow.hello = flow.hello or tls.Reader()
        name = flow.hello.read(data)
        if name is tls.More.NEEDED and not assembler.full:
            return
        if isinstance(name, str):
            flow.name, flow.seen_by = name, "sni"
        elif name in (tls.More.LIES, tls.More.NEEDED):
            self.tally.malformed["ClientHello is malformed"] += 1
        self._decided(flow)

    def _identify_request(self, flow: _Flow, data: bytearray) -> None:
        looked_at, flow.looked_at = flow.looked_at, len(data)
        if not http.is_whole(data, looked_at):
            return
        request = http.parse(bytes(data[: http.MAX_HEAD]))
        if request is not None:
            flow.name, flow.seen_by, flow.port = request.host or "", request.method, request.port or 0
            self._decided(flow)

    def _from_server(self, found: Segment, key: _Key, flow: _Flow) -> None:
        if found.flags & RST:
            flow.reset = "remote"
            flow.foreign = None if flow.hops is None else abs(found.hops - flow.hops) > _SAME_WAY
            self._close(key, flow)
            return
        flow.answered = True
        if flow.hops is None:
            flow.hops = found.hops
        if found.payload and not flow.heard:
            flow.heard = True
            if flow.seen_by == "connect":
                flow.status = http.status(found.payload)
        if found.source_port == 53 and len(found.payload) > 2:
            self._feed_dns(found, found.payload[2:])
        if found.flags & FIN and not flow.looking:
            self._close(key, flow)

    def _close(self, key: _Key, flow: _Flow) -> None:
        self._tcp.pop(key)
        flow.ended = True
        self._end_tcp(key, flow)

    def _end_tcp(self, key: _Key, flow: _Flow) -> None:
        self._decided(flow)
        self._finish(key, flow, "tcp")

    # QUIC

    def _feed_quic(self, found: Segment, time: float) -> None:
        key = (found.source, found.source_port, found.destination, found.destination_port)
        back = (found.destination, found.destination_port, found.source, found.source_port)
        answered = self._quic.get(back)
        if answered is not None:
            answered.answered = answered.heard = True
            return
        if len(found.payload) < quic.MIN_DATAGRAM:
            return
        flow = self._quic.get(key)
        if flow is None:
            flow = _Flow(None, time, spoke=time)
            self._quic.put(key, flow)
        if flow.looking:
            self._identify_quic(found, flow)

    def _identify_quic(self, found: Segment, flow: _Flow) -> None:
        assembler = self._assembler(flow)
        for initial in quic.initials(found.payload):
            keys = flow.keys or quic.client_keys(initial.version, initial.connection_id)
            opened = quic.open_initial(initial, keys)
            if opened is None:
                self.tally.malformed["QUIC Initial cannot be opened"] += 1
                continue
            flow.keys = keys
            for offset, data in quic.crypto(opened):
                self._add(flow, assembler, offset, data)
        name = tls.from_message(assembler.prefix)
        if isinstance(name, str):
            flow.name, flow.seen_by = name, "quic"
        if name is not tls.More.NEEDED or assembler.full:
            self._decided(flow)

    def _end_quic(self, key: _Key, flow: _Flow) -> None:
        self._decided(flow)
        if flow.keys is not None:
            self._finish(key, flow, "udp")

    # results

    def _finish(self, key: _Key, flow: _Flow, protocol: str) -> None:
        """A conversation is over, or forgotten: count it under its name, its address's name or its bare address."""
        local, _local_port, remote, port = key
        if port == 53:
            return
        name = flow.name
        if flow.seen_by == "connect":
            if name:
                self._count(local, remote, flow, (name, flow.port or 443, "tcp"))
            return
        if not name:
            joined = self._names.get(remote)
            name, flow.seen_by = (joined, "dns") if joined else (frames.text(remote), flow.seen_by or "address")
        self._count(local, remote, flow, (name, port, protocol))

    def _count(self, local: bytes, remote: bytes, flow: _Flow, key: tuple[str, int, str]) -> None:
        use = self._uses.get(key)
        if use is None:
            if len(self._uses) >= MAX_USES:
                self._dropped["names and addresses in use"] += 1
                return
            use = self._uses[key] = _Use(first=flow.time)
        use.connections += 1
        use.timeouts += not flow.answered and flow.reset != "remote"
        use.silent += self._is_silent(flow)
        if flow.reset:
            kind = (flow.reset, _after(flow), flow.foreign)
            by, times = use.resets.get(kind, (remote if flow.reset == "remote" else local, 0))
            use.resets[kind] = (by, times + 1)
        if flow.status:
            use.answers[flow.status] = use.answers.get(flow.status, 0) + 1
        use.first, use.last = min(use.first, flow.time), max(use.last, flow.time)
        if flow.seen_by not in use.seen_by:
            use.seen_by = (*use.seen_by, flow.seen_by)
        self._remember(use.locals, local)
        self._remember(use.remotes, remote)

    def _is_silent(self, flow: _Flow) -> bool:
        """Whether it opened and what the client then said stayed without an answer, not for want of time."""
        if flow.reset == "remote" or flow.heard or flow.spoke is None or not flow.answered:
            return False
        return flow.ended or (self.last is not None and self.last - flow.spoke >= _PATIENCE_SECONDS)

    def result(self, source: str, matcher: Matcher) -> Observed:
        """Close every open conversation and sum up.

        Args:
            source: the file or interface, for people.
            matcher: the catalog's entries.
        """
        for key, flow in self._tcp.drain():
            self._end_tcp(key, flow)
        for key, flow in self._quic.drain():
            self._end_quic(key, flow)
        uses = [_use(key, use, matcher) for key, use in sorted(self._uses.items(), key=_place)]
        bare: list[Use] = []
        named: list[Use] = []
        for use in uses:
            is_bare = set(use.seen_by) <= {"address", "host"} and use.host in use.remote_addresses
            (bare if is_bare else named).append(use)
        connected = {use.host for use in named}
        dropped = dict(self._dropped)
        for word, table in (("TCP conversations", self._tcp), ("QUIC conversations", self._quic)):
            if table.forgotten:
                dropped[f"{word} (counted early)"] = table.forgotten
        return Observed(
            schema_version=SCHEMA_VERSION,
            netprobe_version=netprobe.__version__,
            source=source,
            packets=self.packets,
            bytes=self.bytes,
            first_seconds=self.first,
            last_seconds=self.last,
            used=tuple(use for use in named if use.endpoints),
            unexplained=tuple(use for use in named if not use.endpoints),
            bare_addresses=tuple(bare),
            questions=tuple(
                AskedName(
                    host=name,
                    asked=question.asked,
                    answered=question.answered,
                    failures=dict(question.failures),
                    connected=name in connected,
                    local_addresses=_texts(question.locals),
                    endpoints=_ids(matcher, name),
                )
                for name, question in natural.items(self._questions)
            ),
            malformed=dict(sorted(self.tally.malformed.items())),
            dropped=dropped,
            complete=self.tally.complete,
        )


def _begins(payload: bytes) -> bool:
    """Whether a segment in the middle of nowhere begins a conversation that can be named."""
    if payload[:2] == b"\x16\x03":
        return payload[5:6] in (b"\x01", b"")  # a ClientHello: a server's first record looks the same but for its type
    return len(payload) >= 8 and http.may_be(payload)


def _after(flow: _Flow) -> str:
    """How far a conversation had come when it was reset."""
    if flow.heard:
        return "answer"
    return "opening" if flow.spoke is None else "first_bytes"


def _place(item: tuple[tuple[str, int, str], _Use]) -> tuple[natural.Key, int, str]:
    """Where what was seen of a host stands among the others."""
    (host, port, protocol), _ = item
    return natural.key(host), port, protocol


def _texts(addresses: Iterable[bytes]) -> tuple[str, ...]:
    return tuple(natural.ordered(frames.text(address) for address in addresses))


def _ids(matcher: Matcher, host: str) -> tuple[str, ...]:
    return tuple(f"{one.region}/{one.id}" for one in matcher.find(host))


def _resets(use: _Use) -> tuple[Reset, ...]:
    """One entry for each side and moment; how many of its resets were foreign, where that can be said."""
    found: dict[tuple[str, str], Reset] = {}
    for (side, after, foreign), (by, times) in sorted(use.resets.items(), key=lambda item: item[0][:2]):
        so_far = found.get((side, after))
        known = None if so_far is None else so_far.foreign
        if foreign is not None:
            known = (known or 0) + (times if foreign else 0)
        count = times + (0 if so_far is None else so_far.count)
        found[side, after] = Reset(by=frames.text(by), side=side, after=after, count=count, foreign=known)
    return tuple(found.values())


def _use(key: tuple[str, int, str], use: _Use, matcher: Matcher) -> Use:
    host, port, protocol = key
    return Use(
        host=host,
        port=port,
        protocol=protocol,
        local_addresses=_texts(use.locals),
        remote_addresses=_texts(use.remotes),
        connections=use.connections,
        resets=sum(times for (side, _after, _foreign), (_by, times) in use.resets.items() if side == "remote"),
        timeouts=use.timeouts,
        silent=use.silent,
        resets_by=_resets(use),
        answers=dict(sorted(use.answers.items())),
        first_seconds=use.first,
        last_seconds=use.last,
        seen_by=tuple(sorted(use.seen_by)),
        endpoints=_ids(matcher, host),
    )
