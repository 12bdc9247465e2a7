"""What the path tests share: a TLS server in a namespace, and one look from the client."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator

import trio
import trustme

from netprobe.path import run
from netprobe.path.model import DestinationPath, PathReport
from netprobe.path.rate_limits import SendingLimits
from tests.support.netns import Namespace, Topology

V4 = "198.19.0.9"
V6 = "2001:db8:ffff::9"
NAME = "ecs.us-east-2.amazonaws.com"
BLOCKED = "ssm.us-east-2.amazonaws.com"
LIMITS = SendingLimits(answer_timeout=0.4, packets_per_second=500, flows=2)


@contextlib.contextmanager
def tls_server(node: Namespace, *addresses: str, port: int = 443) -> Iterator[None]:
    """Serve TLS for any name on ``addresses`` until the context ends."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(NAME, BLOCKED, "example.com").configure_cert(context)
    for one in addresses:  # an address of its own, so that ICMPv6 errors carry it too
        node.ip("addr", "replace", f"{one}/{128 if ':' in one else 32}", "dev", "lo")
    with node.entered():
        listeners = [
            socket.create_server((one, port), family=socket.AF_INET6 if ":" in one else socket.AF_INET, backlog=128)
            for one in addresses
        ]
    threads = [threading.Thread(target=_serve, args=(one, context), daemon=True) for one in listeners]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for listener in listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for thread in threads:
            thread.join(timeout=10)


def _serve(listener: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return  # the listener was closed: the test is over
        threading.Thread(target=_handshake, args=(connection, context), daemon=True).start()


def _handshake(connection: socket.socket, context: ssl.SSLContext) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_side=True)
    connection.settimeout(5)
    with contextlib.suppress(OSError), connection:
        while data := connection.recv(16384):
            incoming.write(data)
            with contextlib.suppress(ssl.SSLWantReadError):
                session.do_handshake()
            connection.sendall(outgoing.read())


def look(net: Topology, *targets: run.Destination, limits: SendingLimits = LIMITS, use_raw: bool = True) -> PathReport:
    """Look from the client."""

    async def from_client() -> PathReport:
        with net.client.entered():
            return await run.look(targets, limits, deadline=60, use_raw=use_raw)

    return trio.run(from_client)


def target(address: str = V4, port: int = 443, *, server_name: str = "", resolver: bool = False) -> run.Destination:
    """One target by address."""
    return run.Destination(host=address, address=address, port=port, server_name=server_name, resolver=resolver)


def look_once(net: Topology, one: run.Destination, *, use_raw: bool = True) -> DestinationPath:
    """Look at one TCP target."""
    return next(found for found in look(net, one, use_raw=use_raw).targets if found.protocol == "tcp")
