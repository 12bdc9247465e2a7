"""A plain client, made of the standard library, dnspython and trio, that says in one word how a host behaves.

The lab is tested with this and not with netprobe: a lab that is wrong in the same way as the prober proves nothing.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path

import dns.asyncquery
import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype
import trio

from tests.support.steady import Pulse, pulse, steadily

PATIENCE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """What a client met.

    Attributes:
        word: how it ended: ``answer``, ``refused``, ``silence``, ``reset``, ``closed`` …, with the step in front.
        status: of an HTTP answer.
        headers: of it, names in lower case.
        body: of it.
        version: of TLS.
    """

    word: str
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    version: str = ""


async def ask(name: str, rrtype: str, address: str, port: int, *, tcp: bool = False) -> str:
    """Ask one DNS question; the answer's values, an rcode, ``truncated``, ``nodata``, ``silence`` or ``refused``."""
    query = dns.message.make_query(name, rrtype)
    try:
        if tcp:
            response = await dns.asyncquery.tcp(query, address, port=port, timeout=PATIENCE)
        else:
            response = dns.message.from_wire(await _exchange(query.to_wire(), address, port))
    except (dns.exception.Timeout, trio.TooSlowError):
        return "silence"
    except ConnectionRefusedError:
        return "refused"
    if response.rcode() != dns.rcode.NOERROR:
        return dns.rcode.to_text(response.rcode())
    if response.flags & dns.flags.TC:
        return "truncated"
    values = [item.to_text() for rrset in response.answer if rrset.rdtype.name == rrtype for item in rrset]
    return " ".join(values) or "nodata"


async def _exchange(wire: bytes, address: str, port: int) -> bytes:
    """One datagram each way, over a connected socket: only such a one hears that nobody listens."""
    with trio.fail_after(PATIENCE), trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM) as sock:
        await sock.connect((address, port))
        await sock.send(wire)
        return await sock.recv(4096)


async def visit(
    address: str,
    port: int,
    name: str | None,
    roots: Path,
    *,
    request: bytes = b"GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n",
    mss: int | None = None,
    verify: bool = True,
) -> Met:
    """Connect, shake hands and make one request; again where the loop, which serves as well, stood still meanwhile."""

    async def once() -> tuple[Met, Pulse]:
        async with pulse() as seen:
            met = await _visit(address, port, name, roots, request=request, mss=mss, verify=verify)
        return met, seen

    return await steadily(f"{name} at {address}", once)


async def _visit(
    address: str, port: int, name: str | None, roots: Path, *, request: bytes, mss: int | None, verify: bool
) -> Met:
    sock = trio.socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    with sock:
        if mss is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
        with trio.move_on_after(PATIENCE) as patience:
            try:
                await sock.connect((address, port))
            except ConnectionRefusedError:
                return Met(word="tcp refused")
        if patience.cancelled_caught:
            return Met(word="tcp silence")
        with trio.move_on_after(2 * PATIENCE):
            return await _talk(trio.SocketStream(sock), name, roots, request, verify)
        return Met(word="tls silence")


async def _talk(stream: trio.SocketStream, name: str | None, roots: Path, request: bytes, verify: bool) -> Met:
    context = ssl.create_default_context(cafile=str(roots))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not verify or name is None:
        context.check_hostname = False
    if not verify:
        context.verify_mode = ssl.CERT_NONE
    secure = trio.SSLStream(stream, context, server_hostname=name, https_compatible=True)
    try:
        await secure.do_handshake()
    except trio.BrokenResourceError as error:
        return Met(word=f"tls {_cause(error.__cause__)}")
    received = b""
    with trio.move_on_after(PATIENCE / 2 if b"Upgrade" in request else PATIENCE) as patience:
        await secure.send_all(request)
        try:
            while chunk := await secure.receive_some():
                received += chunk
        except trio.BrokenResourceError as error:
            return Met(word=f"http {_cause(error.__cause__)}")
    if not received:
        return Met(word="http silence" if patience.cancelled_caught else "http closed", version=str(secure.version()))
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    return Met(word="answer", status=int(first.split()[1]), headers=headers, body=body, version=str(secure.version()))


def _cause(error: BaseException | None) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"verify {error.verify_code}"
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return "closed"
    if isinstance(error, ssl.SSLError):
        # Python has no word for a reason that its own build did not know; OpenSSL's sentence stands in for it.
        return str(error.reason or error.args[1])
    return "reset" if isinstance(error, ConnectionResetError) else repr(error)
