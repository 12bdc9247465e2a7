"""The ClientHello path: which hop answers to a *name*.

A connection is opened at full TTL; then the TTL is lowered and a real ClientHello (OpenSSL's own) is sent, once with
the endpoint's name and once with a control name. The lowest TTL at which the endpoint's name meets a reset, a close or
silence while the control name expires or is answered is where the filter stands (the method of OONI's tlsmiddlebox
experiment, spec ts-037). It needs no right, because the kernel carries the connection.

The kernel tells an established socket that a packet expired (``EHOSTUNREACH``), but not where; the hop's address
comes from the TCP path.
"""

from __future__ import annotations

import errno
import socket
import ssl

import trio

from netprobe.path import errqueue
from netprobe.path.model import End, HelloAttempt, Reply
from netprobe.path.rate_limits import SendingPace

CONTROL_NAME = "example.com"
"""IANA's name for examples (RFC 2606): in no blocklist. Sent as bytes to the address; nothing resolves it."""
_ATTEMPTS = 2


def client_hello(name: str) -> bytes:
    """The bytes of a ClientHello for ``name``, as this host's OpenSSL writes them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # nothing is verified: the handshake ends here
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        session.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise AssertionError("a handshake cannot end without a peer")


async def send_hello(address: str, port: int, hello: bytes, ttl: int | None, pace: SendingPace) -> Reply:
    """Open a connection at full TTL, send ``hello`` with ``ttl``, and say what it met.

    Args:
        address: where to.
        port: the real port.
        hello: the ClientHello.
        ttl: how far it may go; None for all the way.
        pace: turns to send.
    """
    await pace.turn()
    sock = errqueue.open_socket(address, socket.SOCK_STREAM)
    shown = ttl or 0
    try:
        code = sock.connect_ex((address, port))
        if code == errno.EINPROGRESS:
            with trio.move_on_after(3 * pace.limits.answer_timeout) as limit:
                await trio.lowlevel.wait_writable(sock)
            code = errno.ETIMEDOUT if limit.cancelled_caught else sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            return Reply(ttl=shown, end=End.UNREACHABLE)
        if ttl is not None:
            errqueue.set_ttl(sock, ttl)
        started = trio.current_time()
        end = await _send_and_wait(sock, hello, pace.limits.answer_timeout)
        rtt = None if end is End.SILENT else trio.current_time() - started
        return Reply(ttl=shown, end=end, rtt_seconds=rtt)
    finally:
        errqueue.abort(sock)


async def _send_and_wait(sock: socket.socket, hello: bytes, timeout: float) -> End:
    """Send, then wait for the first thing that comes back."""
    try:
        sock.send(hello)
        with trio.move_on_after(timeout) as limit:
            await trio.lowlevel.wait_readable(sock)
        if limit.cancelled_caught:
            return End.SILENT
        return End.ANSWERED if sock.recv(1) else End.CLOSED
    except (ConnectionResetError, BrokenPipeError):
        return End.RESET
    except OSError as error:
        # the kernel reports ICMP errors on an established connection by errno alone
        if error.errno == errno.EHOSTUNREACH:
            return End.EXPIRED
        if error.errno in errqueue.ICMP_ERRNOS:
            return End.UNREACHABLE
        raise


async def path(
    address: str, port: int, name: str, pace: SendingPace, *, control: str = CONTROL_NAME
) -> tuple[HelloAttempt, ...]:
    """Look where a ClientHello for ``name`` ends; nothing is swept where it is answered at full TTL."""
    outcomes = {}
    for server_name in (name, control):
        async with pace.slots:
            outcomes[server_name] = await send_hello(address, port, client_hello(server_name), None, pace)
    sweep = outcomes[name].end is not End.ANSWERED and outcomes[name].end is not End.UNREACHABLE
    return tuple(
        [
            HelloAttempt(
                name=server_name,
                control=server_name == control,
                end=outcome.end,
                answers=await _sweep(address, port, client_hello(server_name), pace) if sweep else (),
            )
            for server_name, outcome in outcomes.items()
        ]
    )


async def _sweep(address: str, port: int, hello: bytes, pace: SendingPace) -> tuple[Reply, ...]:
    """Raise the TTL of the ClientHello until its end, or silence for too long."""
    answers: list[Reply] = []
    silent = 0
    for ttl in range(1, pace.limits.max_ttl + 1):
        answer = Reply(ttl=ttl, end=End.SILENT)
        for _ in range(_ATTEMPTS):
            async with pace.slots:
                answer = await send_hello(address, port, hello, ttl, pace)
            if answer.end is not End.SILENT:
                break
        answers.append(answer)
        silent = silent + 1 if answer.end is End.SILENT else 0
        if answer.end not in (End.SILENT, End.EXPIRED) or silent >= pace.limits.gap:
            break
    return tuple(answers)
