"""An upstream DNS server and a client, for targets that decide which names resolve.

The server answers every name in the world with an address of its own (198.18.0.0/15, RFC 2544), so that an address
found in a set tells which name put it there. A name can be made an alias of one that no rule admits, which is how S3
and load balancers answer. Both ends use sockets of the namespace that the test gives; nothing leaves it.
"""

from __future__ import annotations

import contextlib
import ipaddress
import select
import socket
import struct
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import msgspec

from netprobe.render import Options, Rendered, render
from netprobe.render.model import Target
from tests.support.render_cases import CASES, ORIGIN, closed
from tests.support.render_corpus import corpus
from tests.support.render_engine import Namespace

UPSTREAM = 5300
ENDPOINTS = CASES["wide"].endpoints
"""Two regions, no account, a second port, endpoints outside AWS."""
VARIANTS: dict[str, Options] = {
    "as wide as it gets": Options(allow_widening=True),
    "names that were seen": CASES["strict"].options,
}
SUBTREES: dict[str, Options] = {
    "as wide as it gets": Options(allow_widening=True),
    "names that were seen": msgspec.structs.replace(CASES["strict"].options, allow_widening=True, enumerate=True),
}
"""For devices without an exact form: even a bucket's name has names beneath it that a customer can own."""
ALIAS_TARGET = "edge-7.elsewhere.test"


def rendered(target: str | Target, options: Options, *, strict: bool = False) -> Rendered:
    """A target for the wide endpoints, or for the strict ones."""
    endpoints = CASES["strict"].endpoints if strict else ENDPOINTS
    return render(target, endpoints, origin=ORIGIN, options=options, policy=closed(target))


def names() -> tuple[str, ...]:
    """What every DNS engine is asked."""
    return corpus(ENDPOINTS)


@dataclass
class Upstream:
    """What the server answers: an address for each name, in the order of the names; aliases lead elsewhere."""

    names: Iterable[str]
    aliases: Mapping[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        every = [*self.names, *self.aliases.values()]
        first = int(ipaddress.ip_address("198.18.0.10"))
        self.addresses = {name: str(ipaddress.ip_address(first + index)) for index, name in enumerate(every)}

    def name_of(self, address: str) -> str:
        """Whose address it is."""
        return next(name for name, own in self.addresses.items() if own == address)

    def answer(self, wire: bytes) -> bytes:
        """The response to one query."""
        query = dns.message.from_wire(wire)
        response = dns.message.make_response(query, recursion_available=True)
        response.flags |= dns.flags.AA
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        self.asked.append(name)
        if name in self.aliases and question.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA):
            response.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "CNAME", f"{self.aliases[name]}."))
            name = self.aliases[name]
        if name in self.addresses and question.rdtype == dns.rdatatype.A:
            response.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "A", self.addresses[name]))
        return response.to_wire()


@contextlib.contextmanager
def serving(space: Namespace, upstream: Upstream) -> Iterator[None]:
    """Answer on UDP and TCP port 5300 of the namespace's loopback until the block ends."""

    def bound() -> tuple[socket.socket, socket.socket]:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", UPSTREAM))
        return udp, socket.create_server(("127.0.0.1", UPSTREAM))

    udp, tcp = space.call(bound)
    stop, stopped = socket.socketpair()

    def loop() -> None:
        while True:
            ready, _, _ = select.select([udp, tcp, stopped], [], [])
            if stopped in ready:
                return
            if udp in ready:
                wire, peer = udp.recvfrom(4096)
                udp.sendto(upstream.answer(wire), peer)
            if tcp in ready:
                _one_by_tcp(tcp, upstream)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        stop.send(b"x")
        thread.join(10)
        for sock in (udp, tcp, stop, stopped):
            sock.close()


def _one_by_tcp(listener: socket.socket, upstream: Upstream) -> None:
    sock, _ = listener.accept()
    with sock, contextlib.suppress(TimeoutError, ConnectionError):
        sock.settimeout(2)
        head = sock.recv(2)
        if len(head) == 2:
            wire = upstream.answer(sock.recv(struct.unpack("!H", head)[0]))
            sock.sendall(struct.pack("!H", len(wire)) + wire)


@dataclass(frozen=True)
class Asker:
    """A client of the engine.

    Attributes:
        server: the engine's address.
        port: its port.
        tcp: whether to ask by TCP.
        dnssec: whether to ask for signatures (DO).
        recursion: whether to ask for recursion (RD).
        patience: seconds to wait for an answer.
    """

    server: str = "127.0.0.1"
    port: int = 53
    tcp: bool = False
    dnssec: bool = False
    recursion: bool = True
    patience: float = 5.0

    def response(self, name: str, kind: str = "A") -> dns.message.Message:
        """The whole answer."""
        query = dns.message.make_query(name, kind, want_dnssec=self.dnssec)
        if not self.recursion:
            query.flags &= ~dns.flags.RD
        ask = dns.query.tcp if self.tcp else dns.query.udp
        return ask(query, self.server, timeout=self.patience, port=self.port)

    def resolves(self, name: str) -> bool:
        """Whether the name has an address; a refusal of any kind, 0.0.0.0 too, is a no, silence is an error."""
        response = self.response(name)
        assert response.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.REFUSED), response
        answers = (rrset.to_text() for rrset in response.answer if rrset.rdtype == dns.rdatatype.A)
        return any(not text.endswith(" 0.0.0.0") for text in answers)

    def ready(self) -> bool:
        """Whether the engine answers at all."""
        try:
            dns.query.udp(dns.message.make_query("ready.example.", "A"), self.server, timeout=0.3, port=self.port)
        except (OSError, dns.exception.Timeout):
            return False
        return True


def decide(space: Namespace, asker: Asker, asked: Iterable[str]) -> dict[str, bool]:
    """Ask about every name from inside the namespace."""
    return space.call(lambda: {name: asker.resolves(name) for name in asked})


def claimed(made: Rendered, asked: Iterable[str]) -> dict[str, bool]:
    """What lowering says."""
    return {name: made.lowered.admits(name) for name in asked}
