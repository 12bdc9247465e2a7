"""Ask a proxy that reads the TLS server name: send it a real ClientHello and see whether it arrives at the other side.

The other side stands for the Internet: a DNS server that gives every name one documentation address, and listeners at
that address that answer a fixed word to whatever comes. All of it lives in the test's own network namespace, where the
address is one of loopback's. A connection that is closed without the word was refused; silence is an error.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset

from tests.support.render_engine import Namespace

ORIGIN = "192.0.2.99"
_WORD = b"netprobe was here\n"


def client_hello(name: str | None) -> bytes:
    """The ClientHello of OpenSSL for a server name, as it goes over the wire."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    out = ssl.MemoryBIO()
    session = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        session.do_handshake()
    return out.read()


def passes(first: bytes, port: int, address: str, *, in_pieces: bool = False, source: str = "") -> bool:
    """Whether what a client says first reaches the other side through the proxy at an address.

    A ClientHello with a post-quantum key share comes in two packets, which ``in_pieces`` makes happen.
    """
    mine = (source, 0) if source else None
    with socket.create_connection((address, port), timeout=10, source_address=mine) as sock:
        sock.settimeout(15)
        received = b""
        try:
            if in_pieces:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.sendall(first[:60])
                time.sleep(0.1)
                first = first[60:]
            sock.sendall(first)
            while _WORD not in received:
                more = sock.recv(4096)
                if not more:
                    return False
                received += more
        except (ConnectionResetError, BrokenPipeError):
            return False
        return True


def decide(questions: Iterable[tuple[str, int]], address: str) -> dict[tuple[str, int], bool]:
    """The proxy's decision for each server name and port."""
    return {(name, port): passes(client_hello(name), port, address) for name, port in questions}


@dataclass
class Heard:
    """What the other side was asked: the names that were resolved, and how many connections came."""

    names: list[str] = field(default_factory=list)
    connections: int = 0


@contextlib.contextmanager
def internet(space: Namespace, ports: Sequence[int], heard: Heard | None = None) -> Iterator[None]:
    """The other side: DNS on 127.0.0.1, and listeners at the address that it gives for every name."""
    heard = heard or Heard()
    space.run("ip", "address", "add", f"{ORIGIN}/32", "dev", "lo")
    stopping = threading.Event()

    def bind_all() -> list[socket.socket]:
        names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        names.bind(("127.0.0.1", 53))
        return [names, *(socket.create_server((ORIGIN, port), backlog=1024) for port in ports)]

    names, *listeners = bound = space.call(bind_all)
    with ThreadPoolExecutor(max_workers=len(bound)) as pool:
        pool.submit(_serve_names, names, stopping, heard)
        for listener in listeners:
            pool.submit(_serve_word, listener, stopping, heard)
        try:
            yield
        finally:
            stopping.set()
    for sock in bound:
        sock.close()


def _serve_names(sock: socket.socket, stopping: threading.Event, heard: Heard) -> None:
    sock.settimeout(0.1)
    while not stopping.is_set():
        with contextlib.suppress(TimeoutError):
            wire, client = sock.recvfrom(4096)
            query = dns.message.from_wire(wire)
            heard.names.append(query.question[0].name.to_text(omit_final_dot=True))
            sock.sendto(_answer(query), client)


def _answer(query: dns.message.Message) -> bytes:
    answer = dns.message.make_response(query)
    answer.flags |= dns.flags.RA
    question = query.question[0]
    if question.rdtype == dns.rdatatype.A:
        answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", ORIGIN))
    return answer.to_wire()


def _serve_word(listener: socket.socket, stopping: threading.Event, heard: Heard) -> None:
    listener.settimeout(0.1)
    while not stopping.is_set():
        with contextlib.suppress(TimeoutError, ConnectionError):
            connection, _ = listener.accept()
            heard.connections += 1
            with connection:
                connection.settimeout(5)
                if connection.recv(4096):
                    connection.sendall(_WORD)
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(4096)


@contextlib.contextmanager
def echo(space: Namespace) -> Iterator[None]:
    """Whatever is sent to the other side comes back, for as long as a connection is open."""
    listener = space.call(lambda: socket.create_server((ORIGIN, 443)))
    listener.settimeout(0.1)
    stopping = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(4096):
                connection.sendall(data)

    def accept() -> None:
        while not stopping.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = listener.accept()
                connection.settimeout(30)
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
        listener.close()


def says(sock: socket.socket, words: bytes) -> None:
    """Say something over an open connection, and hear it come back."""
    sock.sendall(words)
    heard = b""
    while len(heard) < len(words):
        more = sock.recv(4096)
        assert more, "the session was cut"
        heard += more
    assert heard == words
