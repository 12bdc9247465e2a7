"""Real servers on loopback for probe tests: a thread runs *your* handler once for every connection.

Blocking sockets in a thread on purpose: the standard library's ssl sends alerts and resets exactly when it is told to,
which a trio server does not (an SSLStream server that rejects a name closes before its alert is flushed).
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import dns.message
import dns.rcode
import dns.rrset
import trio
import trustme

from netprobe.observations import VantageRecord
from netprobe.probes.limits import Limits
from netprobe.probes.scene import RunClock, Scene
from netprobe.vantage import Resolver, TrustStore, Vantage

Handler = Callable[[socket.socket], None]


@contextmanager
def serve(handler: Handler, *, address: str = "127.0.0.1") -> Iterator[int]:
    """Listen on a free port; every connection gets a thread that runs ``handler`` and closes."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, 0), family=family, backlog=64)
    stop = threading.Event()
    open_sockets: list[socket.socket] = []

    def one(sock: socket.socket) -> None:
        with suppress(OSError), sock:  # the client under test may hang up at any point
            handler(sock)

    def accept() -> None:
        while not stop.is_set():
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.settimeout(10)
            open_sockets.append(sock)
            threading.Thread(target=one, args=(sock,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stop.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for sock in open_sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        thread.join(5)


def reset(sock: socket.socket) -> None:
    """Close with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def read_hello(sock: socket.socket) -> bytes:
    """Read the client's first flight, so that closing sends FIN and not RST."""
    return sock.recv(65536)


def stay_silent(sock: socket.socket) -> None:
    """Read and never answer."""
    while sock.recv(65536):
        continue


def tls_handler(context: ssl.SSLContext, then: Handler | None = None) -> Handler:
    """Make a TLS handshake, then run ``then`` on the encrypted socket."""

    def handle(sock: socket.socket) -> None:
        # A client that refuses our certificate says so with an alert, which wrap_socket raises here.
        with suppress(ssl.SSLError), context.wrap_socket(sock, server_side=True) as encrypted:
            if then is not None:
                then(encrypted)
            else:
                encrypted.recv(1)

    return handle


def read_request(sock: socket.socket) -> bytes:
    """Read one HTTP request's head."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = sock.recv(65536)
        if not part:
            return data
        data += part
    return data


def http_handler(answer: bytes | Callable[[bytes], bytes]) -> Handler:
    """Answer every request on a connection with raw bytes."""

    def handle(sock: socket.socket) -> None:
        while request := read_request(sock):
            sock.sendall(answer(request) if callable(answer) else answer)

    return handle


def server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """A server's context."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def pem(ca: trustme.CA, path: Path) -> Path:
    """Write a CA's certificate."""
    ca.cert_pem.write_to_path(str(path))
    return path


def scene(host: str = "ecs.us-east-2.amazonaws.com", port: int = 443) -> Scene:
    """A scene that began just now."""
    return Scene(
        clock=RunClock(trio.current_time()), vantage="host", region="us-east-2", endpoint="ecs", host=host, port=port
    )


def vantage(
    *,
    resolvers: tuple[Resolver, ...] = (),
    ca: Path | None = None,
    ports: Mapping[int, int] | None = None,
    hosts_file: Path | None = None,
    families: tuple[int, ...] = (4,),
) -> Vantage:
    """A vantage that reads nothing of this machine."""
    return Vantage(
        name="host",
        resolvers=resolvers,
        hosts_file=hosts_file,
        store=TrustStore(ca_file=ca),
        origin_ca=ca,
        families=families,
        ports=ports or {},
        record=VantageRecord(name="host", resolvers=tuple(str(r) for r in resolvers), families=families),
    )


def limits(seconds: float = 5.0) -> Limits:
    """Fixed limits."""
    return Limits(seconds)


Zone = Callable[[dns.message.QueryMessage, bool], list[bytes]]
"""Answers one question (the flag says whether it came over TCP) with datagrams; none for silence."""


def zone(records: Mapping[str, Mapping[str, list[str]]], *, missing: dns.rcode.Rcode = dns.rcode.NXDOMAIN) -> Zone:
    """A zone that answers from ``name → type → texts``."""

    def answer(query: dns.message.QueryMessage, _over_tcp: bool) -> list[bytes]:
        response = dns.message.make_response(query)
        question = query.question[0]
        name = str(question.name).removesuffix(".").lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        if name not in records:
            response.set_rcode(missing)
        elif texts := records[name].get(kind):
            response.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", kind, texts))
        return [response.to_wire(max_size=65535)]

    return answer


class DnsServer:
    """A DNS server on one loopback address, UDP and TCP on the same port, that counts its questions."""

    def __init__(self, answer: Zone) -> None:
        self._answer = answer
        self.udp_questions = 0
        self.tcp_questions = 0
        self.udp = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp = trio.socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    async def start(self, nursery: trio.Nursery, *, tcp: bool = True) -> Resolver:
        """Bind a port that is free for both, and answer in ``nursery``."""
        port = await self._bind()
        nursery.start_soon(self._serve_udp)
        if tcp:
            self.tcp.listen(32)
            nursery.start_soon(trio.serve_listeners, self._serve_tcp, [trio.SocketListener(self.tcp)])
        return Resolver(address="127.0.0.1", port=port)

    async def _bind(self) -> int:
        """Bind both sockets to one port; a port that is free for one may be taken for the other."""
        for _ in range(50):
            await self.udp.bind(("127.0.0.1", 0))
            port: int = self.udp.getsockname()[1]
            try:
                await self.tcp.bind(("127.0.0.1", port))
            except OSError:
                self.udp.close()
                self.udp = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                continue
            return port
        raise AssertionError("no port is free for UDP and TCP")

    async def _serve_udp(self) -> None:
        with self.udp, self.tcp:
            while True:
                data, client = await self.udp.recvfrom(4096)
                self.udp_questions += 1
                query = dns.message.from_wire(data)
                assert isinstance(query, dns.message.QueryMessage)
                for wire in self._answer(query, False):
                    await self.udp.sendto(wire, client)

    async def _serve_tcp(self, stream: trio.SocketStream) -> None:
        head = await stream.receive_some(2)
        if len(head) < 2:
            return
        self.tcp_questions += 1
        query = dns.message.from_wire(bytes(await stream.receive_some(int.from_bytes(head, "big"))))
        assert isinstance(query, dns.message.QueryMessage)
        for wire in self._answer(query, True):
            await stream.send_all(len(wire).to_bytes(2, "big") + wire)
        await stream.aclose()
