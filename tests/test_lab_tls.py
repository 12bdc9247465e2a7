"""The lab's own TLS session, where one task receives while another sends."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import trio

from netprobe.lab.behaviour import ShownChain
from netprobe.lab.certificates import Certificates
from netprobe.lab.tls import TlsServerSession

NAME = "host.example"
MUCH = bytes(range(256)) * 16384
"""More than the buffers between two sockets hold, so that sending has to wait for the other side."""
PATIENCE = 20.0


async def test_receiving_neither_disturbs_sending_nor_waits_for_it(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    near, far = (trio.SocketStream(trio.socket.from_stdlib_socket(end)) for end in socket.socketpair())
    session = TlsServerSession(far, certificates.context(NAME, ShownChain.GENUINE))
    trusting = ssl.create_default_context(cafile=str(certificates.origin_file))
    client = trio.SSLStream(near, trusting, server_hostname=NAME, https_compatible=True)
    heard, answered = bytearray(), bytearray()

    async def receive() -> None:
        while len(heard) < len(MUCH):
            heard.extend(await session.receive())

    async def send() -> None:
        for begin in range(0, len(MUCH), 65536):
            await session.send(MUCH[begin : begin + 65536])
        await session.finish()

    async def ask() -> None:
        await client.send_all(MUCH)  # nothing is read until all of it was taken
        while len(answered) < len(MUCH):
            answered.extend(await client.receive_some())

    with trio.fail_after(PATIENCE):
        async with near, far:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.do_handshake)
                assert await session.hear()
                assert await session.complete()
            async with trio.open_nursery() as nursery:
                for work in (receive, send, ask):
                    nursery.start_soon(work)
    assert heard == MUCH
    assert answered == MUCH
