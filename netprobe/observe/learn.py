"""Packets in, names and uses out: joins DNS answers, ClientHellos and connections into what a host talks to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import netprobe
from netprobe.observe import dns, frames, http, quic, tls
from netprobe.observe.capture import Packet, Tally
from netprobe.observe.frames import ACK, FIN, RST, SYN, Segment
from netprobe.observe.matching import Matcher
from netprobe.observe.model import SCHEMA_VERSION, Observed, Question, Use
from netprobe.observe.streams import Assembler, Table, relative

MAX_FLOWS = 65_536
MAX_NAMES = 100_000
MAX_USES = 20_000
_MAX_ADDRESSES = 16
_Key = tuple[bytes, int, bytes, int]


@dataclass(slots=True)
class _Flow:
    """One TCP connection or QUIC conversation, from its client's side."""

    start: int | None
    time: float
    name: str = ""
    seen_by: str = ""
    port: int = 0
    answered: bool = False
    reset: bool = False
    syn: bool = False
    assembler: Assembler | None = None
    keys: quic.Keys | None = None


@dataclass(slots=True)
class _Use:
    """A :class:`Use` that still grows."""

    locals: dict[bytes, None] = field(default_factory=dict)
    remotes: dict[bytes, None] = field(default_factory=dict)
    seen_by: set[str] = field(default_factory=set)
    connections: int = 0
    resets: int = 0
    timeouts: int = 0
    first: float = 0.0
    last: float = 0.0


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
        self._tcp: Table[_Key, _Flow] = Table(MAX_FLOWS, self._end_tcp)
        self._quic: Table[_Key, _Flow] = Table(MAX_FLOWS, self._end_quic)
        self._names: Table[bytes, str] = Table(MAX_NAMES)
        self._questions: dict[str, _Question] = {}
        self._uses: dict[tuple[str, int, str], _Use] = {}
        self._dropped: Counter[str] = Counter()
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
        elif found.payload and quic.looks_like(found.payload):
            self._feed_quic(found, packet.time)

    # DNS

    def _feed_dns(self, found: Segment, payload: bytes) -> None:
        message = dns.parse(payload)
        if message is None:
            self.tally.malformed["DNS message is malformed"] += 1
            return
        question = self._questions.get(message.name)
        if question is None:
            if len(self._questions) >= MAX_USES:
                self._dropped["DNS names"] += 1
                return
            question = self._questions[message.name] = _Question()
        local = found.destination if message.response else found.source
        if len(question.locals) < _MAX_ADDRESSES:
            question.locals[local] = None
        if not message.response:
            question.asked += 1
        elif message.rcode != "NOERROR":
            question.failures[message.rcode] += 1
        elif message.addresses:
            question.answered += 1
        for address in message.addresses:
            self._names.put(address, message.name)

    # TCP

    def _feed_tcp(self, found: Segment, time: float) -> None:
        key = (found.source, found.source_port, found.destination, found.destination_port)
        back = (found.destination, found.destination_port, found.source, found.source_port)
        flags = found.flags
        if flags & SYN and not flags & ACK:
            flow = self._tcp.get(key)
            if flow is None or flow.start != (found.sequence + 1) & 0xFFFFFFFF:
                if flow is not None:
                    self._finish(key, flow, "tcp")
                start = (found.sequence + 1) & 0xFFFFFFFF
                self._tcp.put(key, _Flow(start, time, syn=True, assembler=Assembler(tls.MAX_HELLO)))
            return
        flow = self._tcp.get(key)
        if flow is not None:
            self._from_client(found, key, flow)
            return
        flow = self._tcp.get(back)
        if flow is not None:
            self._from_server(found, back, flow)
        elif found.payload and _begins(found.payload) and found.source_port != 53:
            # the capture began after the connection: who speaks first like a client is the client
            flow = _Flow(found.sequence, time, answered=True, assembler=Assembler(tls.MAX_HELLO))
            self._tcp.put(key, flow)
            self._from_client(found, key, flow)

    def _from_client(self, found: Segment, key: _Key, flow: _Flow) -> None:
        if found.payload and flow.assembler is not None and flow.start is not None:
            offset = relative(found.sequence, flow.start)
            payload = found.payload
            if offset < 0:
                payload, offset = payload[-offset:], 0
            if flow.assembler.add(offset, payload):
                self._identify(found, flow)
        if found.flags & RST:
            self._close(key, flow)

    def _identify(self, found: Segment, flow: _Flow) -> None:
        """Look for a name in what the client has said so far; stop looking once that is decided."""
        assert flow.assembler is not None  # the caller has just added to it
        data = bytes(flow.assembler.prefix)
        if found.destination_port == 53:
            if len(data) >= 2 and len(data) >= 2 + int.from_bytes(data[:2], "big"):
                self._feed_dns(found, data[2 : 2 + int.from_bytes(data[:2], "big")])
                flow.assembler = None
            return
        if http.may_be(data):
            request = http.parse(data)
            if request is not None:
                flow.name, flow.seen_by, flow.port = request.host or "", request.method, request.port or 0
                flow.assembler = None
                if request.method == "connect" and request.host is not None:
                    self._count(found.source, found.destination, flow, (request.host, request.port or 443, "tcp"))
            return
        name = tls.from_stream(data)
        if name is tls.More.NEEDED and not flow.assembler.full:
            return
        if isinstance(name, str):
            flow.name, flow.seen_by = name, "sni"
        elif name in (tls.More.LIES, tls.More.NEEDED):
            self.tally.malformed["ClientHello is malformed"] += 1
        flow.assembler = None

    def _from_server(self, found: Segment, key: _Key, flow: _Flow) -> None:
        if found.flags & RST:
            flow.reset = flow.answered = True
            self._close(key, flow)
            return
        flow.answered = True
        if found.source_port == 53 and len(found.payload) > 2:
            self._feed_dns(found, found.payload[2:])
        if found.flags & FIN and flow.assembler is None:
            self._close(key, flow)

    def _close(self, key: _Key, flow: _Flow) -> None:
        self._tcp.pop(key)
        self._finish(key, flow, "tcp")

    def _end_tcp(self, key: _Key, flow: _Flow) -> None:
        self._finish(key, flow, "tcp")

    # QUIC

    def _feed_quic(self, found: Segment, time: float) -> None:
        key = (found.source, found.source_port, found.destination, found.destination_port)
        back = (found.destination, found.destination_port, found.source, found.source_port)
        answered = self._quic.get(back)
        if answered is not None:
            answered.answered = True
            return
        flow = self._quic.get(key)
        if flow is None:
            flow = _Flow(None, time, assembler=Assembler(tls.MAX_HELLO))
            self._quic.put(key, flow)
        if flow.assembler is None:
            return
        for initial in quic.initials(found.payload):
            keys = flow.keys or quic.client_keys(initial.version, initial.connection_id)
            opened = quic.open_initial(initial, keys)
            if opened is None:
                self.tally.malformed["QUIC Initial cannot be opened"] += 1
                continue
            flow.keys = keys
            for offset, data in quic.crypto(opened):
                flow.assembler.add(offset, data)
        name = tls.from_message(bytes(flow.assembler.prefix))
        if isinstance(name, str):
            flow.name, flow.seen_by, flow.assembler = name, "quic", None

    def _end_quic(self, key: _Key, flow: _Flow) -> None:
        if flow.keys is not None:
            self._finish(key, flow, "udp")

    # results

    def _finish(self, key: _Key, flow: _Flow, protocol: str) -> None:
        """A conversation is over, or forgotten: count it under its name, its address's name or its bare address."""
        local, _local_port, remote, port = key
        if port == 53 or flow.seen_by == "connect":
            return
        name = flow.name
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
        use.resets += flow.reset
        use.timeouts += not flow.answered
        use.first, use.last = min(use.first, flow.time), max(use.last, flow.time)
        use.seen_by.add(flow.seen_by)
        for known, address in ((use.locals, local), (use.remotes, remote)):
            if len(known) < _MAX_ADDRESSES:
                known[address] = None

    def result(self, source: str, matcher: Matcher) -> Observed:
        """Close every open conversation and sum up.

        Args:
            source: the file or interface, for people.
            matcher: the catalog's entries.
        """
        for key, flow in self._tcp.drain():
            self._finish(key, flow, "tcp")
        for key, flow in self._quic.drain():
            self._end_quic(key, flow)
        uses = [_use(key, use, matcher) for key, use in sorted(self._uses.items())]
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
                Question(
                    host=name,
                    asked=question.asked,
                    answered=question.answered,
                    failures=dict(question.failures),
                    connected=name in connected,
                    local_addresses=_texts(question.locals),
                    endpoints=_ids(matcher, name),
                )
                for name, question in sorted(self._questions.items())
            ),
            malformed=dict(sorted(self.tally.malformed.items())),
            dropped=dropped,
            complete=self.tally.complete,
        )


def _begins(payload: bytes) -> bool:
    """Whether a segment in the middle of nowhere begins a conversation that can be named."""
    return payload[:2] == b"\x16\x03" or (len(payload) >= 8 and http.may_be(payload))


def _texts(addresses: Iterable[bytes]) -> tuple[str, ...]:
    return tuple(sorted(frames.text(address) for address in addresses))


def _ids(matcher: Matcher, host: str) -> tuple[str, ...]:
    return tuple(f"{one.region}/{one.id}" for one in matcher.find(host))


def _use(key: tuple[str, int, str], use: _Use, matcher: Matcher) -> Use:
    host, port, protocol = key
    return Use(
        host=host,
        port=port,
        protocol=protocol,
        local_addresses=_texts(use.locals),
        remote_addresses=_texts(use.remotes),
        connections=use.connections,
        resets=use.resets,
        timeouts=use.timeouts,
        first_seconds=use.first,
        last_seconds=use.last,
        seen_by=tuple(sorted(use.seen_by)),
        endpoints=_ids(matcher, host),
    )
