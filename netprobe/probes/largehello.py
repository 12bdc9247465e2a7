"""Does a ClientHello that is longer than one packet get through?

Go 1.24 and newer offer the post-quantum key share X25519MLKEM768, which makes a ClientHello of about 1.7 KB (Go's
release notes for 1.24, ``crypto/tls``), and the ECS agent is built with it; OpenSSL 3.0, which netprobe may run on,
sends 517 bytes or fewer. Some devices hold a hello that comes in two packets for ever: then the agent fails where
netprobe passes. So a hello with padding (RFC 7685) is sent to one host or two of each way out, beside the first pass.
Where it gets no answer, small hellos and patient large ones follow in turns, and one in smaller packets: a path that
loses large packets is no device that reads hellos.
"""

from __future__ import annotations

import ssl
from contextlib import closing
from functools import partial

import trio

from netprobe.observations import Experiment, Failure, Observation, Step, TlsDetail
from netprobe.probes import classify, connections, sockets
from netprobe.probes.attempt import Attempt
from netprobe.probes.limits import Limits
from netprobe.probes.session import Session, Trace
from netprobe.probes.streams import CHUNK

LARGE, SMALL = Experiment.LARGE_HELLO, Experiment.SMALL_HELLO
SIZE = 1700
"""Bytes of the record: what Go 1.24 sends for a name of usual length."""
PATIENCE = 10.0
HOSTS_OF_A_WAY = 2
ROUNDS = 6
"""How many large hellos must get lost while every small one in between is answered: a way that loses or cuts half of
all connections, whatever their size, shows that at one of two hosts in a thousand runs."""
MSS = 536
_PADDING = 21
_OPENSSL_PADS = 0x10
"""``SSL_OP_TLSEXT_PADDING``, which Python has no name for: hellos of 256 to 511 bytes become 512 bytes long."""
_HANDSHAKE_HEAD = 5 + 4  # the record's head and the handshake message's
_BEFORE_SESSION_ID = _HANDSHAKE_HEAD + 2 + 32


class LargeHellos:
    """The hosts that were asked with a large hello, a few of each way out."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._asked: dict[tuple[object, ...], int] = {}

    async def look(self, trace: Trace) -> None:
        """Ask a host that passed, where its way out was not looked at yet."""
        address = next((a for a, steps in trace.steps.items() if steps and _passed(steps)), "")
        if address == "" or trace.probe.scene.port != 443:
            return
        way = _way(trace, address)
        if self._asked.get(way, 0) >= HOSTS_OF_A_WAY:
            return
        self._asked[way] = self._asked.get(way, 0) + 1
        limits = self._session.limits.for_controls()
        if await self._send(trace, address, LARGE, 1, limits):
            return
        if not await self._send(trace, address, SMALL, 1, limits):
            return  # the host itself has fallen silent: that says nothing of sizes
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._send, trace, address, LARGE, 2, Limits(PATIENCE))
            if address is not None:
                nursery.start_soon(partial(self._send, trace, address, LARGE, ROUNDS + 1, limits, mss=MSS))
            await self._take_turns(trace, address, limits)

    async def _take_turns(self, trace: Trace, address: str | None, limits: Limits) -> None:
        """Small and large ones until one of them ends otherwise; a patient large one waits beside them."""
        for attempt in range(2, ROUNDS):
            if not await self._send(trace, address, SMALL, attempt, limits):
                return
            if await self._send(trace, address, LARGE, attempt + 1, limits):
                return
        await self._send(trace, address, SMALL, ROUNDS, limits)

    async def _send(
        self,
        trace: Trace,
        address: str | None,
        experiment: Experiment,
        attempt: int,
        limits: Limits,
        *,
        mss: int | None = None,
    ) -> bool:
        """Send one hello, and say whether anything came back."""
        session, probe = self._session, trace.probe
        scene = probe.scene.control(experiment, attempt)
        hello = client_hello(scene.host, SIZE if experiment == LARGE else 0)
        async with session.slots:
            seen: list[Observation] = []
            connecting = Attempt.of(session, probe, scene, address, seen)
            stream = await connections.reach(connecting, keep_success=False, mss=mss)
            if stream is None:
                return False
            started, failure, received = trio.current_time(), Failure.TIMEOUT, 0
            with closing(stream), limits.within(Step.TLS) as limited:
                try:
                    await stream.send_all(hello)
                    received = len(await stream.receive_some(CHUNK))
                    failure = Failure.EOF
                except trio.BrokenResourceError as error:
                    failure = classify.of_stream_error(error)
            detail = TlsDetail(sni=scene.host, verify="none", bytes_received=received, mss=mss)
            passed = None if received else failure
            if passed is not None or attempt > 1 or experiment == SMALL:  # a large one that passes at once is no news
                observed = scene.observe(Step.TLS, started, passed, detail, address=address, limited=limited)
                session.controls.append(observed)
        return passed is None


def _passed(steps: list[Observation]) -> bool:
    return all(o.failure is None for o in steps if o.experiment is None) and any(o.step is Step.TLS for o in steps)


def _way(trace: Trace, address: str | None) -> tuple[object, ...]:
    """What makes two ways out the same: who looks, and through which proxy or over which family."""
    proxy = trace.probe.proxy
    family = sockets.family_of(address) if address is not None else 0
    return (trace.probe.vantage.name, family, proxy.safe if proxy is not None else "")


def client_hello(name: str, size: int = 0) -> bytes:
    """A ClientHello of this host's OpenSSL for ``name``, padded to ``size`` bytes where it is shorter.

    Args:
        name: the server name.
        size: the length of the whole record in bytes; 0 for no padding.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # nothing is verified: the handshake ends here
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if size:
        context.options &= ~_OPENSSL_PADS  # two padding extensions would be one too many (RFC 8446 section 4.2)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        session.do_handshake()
    except ssl.SSLWantReadError:
        return padded(outgoing.read(), size)
    raise AssertionError("a handshake cannot end without a peer")


def padded(record: bytes, size: int) -> bytes:
    """Put a padding extension behind the others of a ClientHello, so that its record has ``size`` bytes.

    Args:
        record: one TLS record that holds one ClientHello (RFC 8446 sections 4.1.2 and 5.1).
        size: the length wanted; a record that is already so long stays as it is.
    """
    missing = size - len(record) - 4
    if missing < 0:
        return record
    at = _extensions_at(record)
    extension = _PADDING.to_bytes(2, "big") + missing.to_bytes(2, "big") + bytes(missing)
    length = int.from_bytes(record[at : at + 2], "big") + len(extension)
    body = record[_HANDSHAKE_HEAD:at] + length.to_bytes(2, "big") + record[at + 2 :] + extension
    message = record[5:6] + len(body).to_bytes(3, "big") + body
    return record[:3] + len(message).to_bytes(2, "big") + message


def _extensions_at(record: bytes) -> int:
    """Where the length of the extensions stands."""
    at = _BEFORE_SESSION_ID
    at += 1 + record[at]
    at += 2 + int.from_bytes(record[at : at + 2], "big")
    return at + 1 + record[at]
