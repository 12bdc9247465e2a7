"""Does a ClientHello that is longer than one packet get through?

Go 1.24 and newer offer the post-quantum key share X25519MLKEM768, which makes a ClientHello of about 1.7 KB (Go's
release notes for 1.24, ``crypto/tls``), and the ECS agent is built with it; OpenSSL 3.0, which netprobe may run on,
sends 517 bytes or fewer. Some devices hold a hello that comes in two packets for ever: then the agent fails where
netprobe passes. So a hello with padding (RFC 7685) is sent to the first two hosts of each way out that shook hands and
decide the verdict, beside what follows there; to others only where no such host shook hands. Where it gets no answer,
small hellos and patient large ones follow in turns, and one in smaller packets: a path that loses large packets is no
device that reads hellos.
"""

from __future__ import annotations

import ssl
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial

import trio

from netprobe import addresses
from netprobe.observations import Experiment, Failure, Observation, Step, TlsDetail
from netprobe.probes import classify, connections
from netprobe.probes.attempt import Attempt
from netprobe.probes.bugs import contained
from netprobe.probes.limits import Limits
from netprobe.probes.plan import Probe
from netprobe.probes.session import Session, unheard
from netprobe.probes.streams import CHUNK
from netprobe.ranges import is_private

LARGE, SMALL = Experiment.LARGE_HELLO, Experiment.SMALL_HELLO
SIZE = 1700
"""Bytes of the record: what Go 1.24 sends for a name of usual length."""
PATIENCE = 10.0
HOSTS_OF_A_WAY = 2
ROUNDS = 6
"""How many large hellos must get lost while every small one in between is answered: a way that loses or cuts half of
all connections, whatever their size, shows that at one of two hosts in a thousand runs."""
MSS = 536
LATE_SECONDS, LATE_TIMES = 0.5, 4
"""When a hello is late whose answer the end of the run cuts short: so many times what its host's handshake took."""
_HTTPS = 443
_PADDING = 21
_OPENSSL_PADS = 0x10
"""``SSL_OP_TLSEXT_PADDING``, which Python has no name for: hellos of 256 to 511 bytes become 512 bytes long."""
_HANDSHAKE_HEAD = 5 + 4  # the record's head and the handshake message's
_BEFORE_SESSION_ID = _HANDSHAKE_HEAD + 2 + 32


@asynccontextmanager
async def beside(session: Session) -> AsyncIterator[None]:
    """Ask a few hosts of each way out while the block lasts, as soon as they have shaken hands; it ends behind them."""
    async with trio.open_nursery() as nursery:
        hellos = LargeHellos(session, nursery)
        session.shaken = hellos.shaken
        try:
            yield
        finally:
            session.shaken = unheard
        hellos.ask_others()


class LargeHellos:
    """The hosts that are asked with a large hello, a few of each way out.

    Args:
        session: the run.
        nursery: where they are asked.
    """

    def __init__(self, session: Session, nursery: trio.Nursery) -> None:
        self._session = session
        self._nursery = nursery
        self._asked: defaultdict[tuple[object, ...], set[str]] = defaultdict(set)
        self._others: list[tuple[Probe, str | None]] = []

    def shaken(self, probe: Probe, address: str | None) -> None:
        """A handshake of the first pass succeeded: ask that host, where its way out was not looked at yet.

        Args:
            probe: the host.
            address: where; None through its proxy.
        """
        if probe.scene.port != _HTTPS:
            return
        if probe.candidate and probe.proxy is not None:
            return  # a proxy that opens TLS shakes hands for names that do not exist, too
        if probe.decides:
            self._ask(probe, address)
        else:
            self._others.append((probe, address))

    def ask_others(self) -> None:
        """The first pass is over: ask hosts that decide nothing where their way out was looked at by no other."""
        seen = {way for way, asked in self._asked.items() if asked}
        for probe, address in self._others:
            if _way(probe, address) not in seen:
                self._ask(probe, address)

    def _ask(self, probe: Probe, address: str | None) -> None:
        asked, host = self._asked[_way(probe, address)], probe.scene.host
        if len(asked) < HOSTS_OF_A_WAY and host not in asked:
            asked.add(host)
            self._nursery.start_soon(self._look, probe, address)

    async def _look(self, probe: Probe, address: str | None) -> None:
        with contained(self._session.bugs, probe.scene.host):
            limits = self._session.limits.for_controls()
            if await self._send(probe, address, LARGE, 1, limits):
                return
            if not await self._send(probe, address, SMALL, 1, limits):
                return  # the host itself has fallen silent: that says nothing of sizes
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._send, probe, address, LARGE, 2, Limits(PATIENCE))
                if address is not None:
                    small_packets = partial(self._send, probe, address, LARGE, ROUNDS + 1, limits, mss=MSS)
                    nursery.start_soon(small_packets)
                await self._take_turns(probe, address, limits)

    async def _take_turns(self, probe: Probe, address: str | None, limits: Limits) -> None:
        """Small and large ones until one of them ends otherwise; a patient large one waits beside them."""
        for attempt in range(2, ROUNDS):
            if not await self._send(probe, address, SMALL, attempt, limits):
                return
            if await self._send(probe, address, LARGE, attempt + 1, limits):
                return
        await self._send(probe, address, SMALL, ROUNDS, limits)

    async def _send(
        self,
        probe: Probe,
        address: str | None,
        experiment: Experiment,
        attempt: int,
        limits: Limits,
        *,
        mss: int | None = None,
    ) -> bool:
        """Send one hello, and say whether anything came back."""
        session = self._session
        scene = probe.scene.control(experiment, attempt)
        hello = client_hello(scene.host, SIZE if experiment == LARGE else 0)
        async with session.slots:
            seen: list[Observation] = []
            connecting = Attempt.of(session, probe, scene, address, seen)
            stream = await connections.reach(connecting, keep_success=False, mss=mss)
            if stream is None:
                return False
            started, failure, received = trio.current_time(), Failure.TIMEOUT, 0
            try:
                with closing(stream), limits.within(Step.TLS) as limited:
                    try:
                        await stream.send_all(hello)
                        received = len(await stream.receive_some(CHUNK))
                        failure = Failure.EOF
                    except trio.BrokenResourceError as error:
                        failure = classify.of_stream_error(error)
            except trio.Cancelled:  # the deadline or the user ended the run
                if experiment == LARGE and trio.current_time() - started >= self._overdue(probe):
                    cut_off = TlsDetail(sni=scene.host, verify="none", mss=mss)
                    session.controls.append(scene.observe(Step.TLS, started, failure, cut_off, address=address))
                raise
            detail = TlsDetail(sni=scene.host, verify="none", bytes_received=received, mss=mss)
            passed = None if received else failure
            if passed is not None or attempt > 1 or experiment == SMALL:  # a large one that passes at once is no news
                observed = scene.observe(Step.TLS, started, passed, detail, address=address, limited=limited)
                session.controls.append(observed)
        return passed is None

    def _overdue(self, probe: Probe) -> float:
        """After how many seconds without an answer a hello is late, going by the handshakes of its host."""
        mine = [trace for trace in self._session.traces if trace.probe is probe]
        took = [o.duration_seconds for trace in mine for o in trace.observations() if o.step is Step.TLS]
        return max(LATE_SECONDS, LATE_TIMES * max(took, default=0.0))


def _way(probe: Probe, address: str | None) -> tuple[object, ...]:
    """What makes two ways out the same: who looks, through which proxy, or over which family to what kind of address.

    Interface endpoints are reached by a VPN or a private line, the other services by the firewall.
    """
    proxy = probe.proxy
    family = addresses.version_of(address) if address is not None else 0
    private = address is not None and is_private(address)
    return (probe.vantage.name, family, private, proxy.safe if proxy is not None else "")


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
