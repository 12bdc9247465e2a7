"""TLS: does *this* peer complete a handshake for this name, and with which certificates?

The handshake is driven here, an ``ssl.SSLObject`` between two memory buffers, because what matters is what a
ready-made stream hides: how many bytes came back before it ended, the alert in the clear, whether the first bytes were
TLS at all (a plaintext error page on port 443), and the chain that the peer sent (RFC 8446 sections 4.4 and 6).

One handshake over one open connection. Looking at a chain that did not verify takes a second connection with
verification off, which the chain makes as the experiment ``lax_chain``; nothing secret is ever sent over one.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Sequence
from typing import Any

import msgspec
import trio

from netprobe.errors import printable
from netprobe.observations import Failure, Observation, Step, TlsDetail
from netprobe.probes import certificates, classify, memory, tcpinfo, trust
from netprobe.probes.limits import Limits
from netprobe.probes.scene import Scene
from netprobe.probes.streams import CHUNK, Stream, TlsStream, socket_below
from netprobe.vantage import Vantage

_ALERT = 21
_RECORD_TYPES = range(20, 25)
_ENCODING_DER = 2  # _ssl.ENCODING_DER
_MAX_KEPT = 4096


class TlsPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How one handshake is made.

    Attributes:
        context: the shared context.
        sni: the name that is sent and, where the context verifies, must match; None sends none.
        verify: ``store`` or ``none``.
        store: what a report says of the trust store.
        origin: the origin's roots.
        mss: the MSS of the connection below, where an experiment set one.
        keep_genuine: whether to describe a chain that verified to one of the origin's roots too.
    """

    context: ssl.SSLContext
    sni: str | None
    verify: str
    store: str
    origin: trust.Anchors
    mss: int | None = None
    keep_genuine: bool = True


def verified(vantage: Vantage, sni: str | None) -> TlsPolicy:
    """Verify with the vantage's own trust store."""
    return TlsPolicy(
        context=trust.verifying_context(trust.bundle_of(vantage.store), vantage.ciphers, vantage.store.more),
        sni=sni,
        verify="store",
        store=trust.describe(vantage.store),
        origin=trust.anchors(vantage.origin_ca),
    )


def lax(vantage: Vantage, sni: str | None, mss: int | None = None) -> TlsPolicy:
    """Only look (control probes)."""
    return TlsPolicy(
        context=trust.lax_context(vantage.ciphers),
        sni=sni,
        verify="none",
        store="",
        origin=trust.anchors(vantage.origin_ca),
        mss=mss,
    )


class _Received(msgspec.Struct):
    """What the peer sent during the handshake, as far as it is in the clear."""

    total: int = 0
    head: bytearray = msgspec.field(default_factory=bytearray)

    def add(self, data: bytes | bytearray) -> None:
        """Count ``data`` and keep the beginning."""
        self.total += len(data)
        self.head += data[: _MAX_KEPT - len(self.head)]

    @property
    def plaintext(self) -> bool | None:
        """Whether the first bytes are no TLS record; None where nothing came."""
        if not self.head:
            return None
        return self.head[0] not in _RECORD_TYPES or (len(self.head) > 1 and self.head[1] != 3)

    @property
    def alert(self) -> int | None:
        """The description byte of an alert record in the clear, if one is there."""
        position = 0
        while position + 5 <= len(self.head):
            kind, length = self.head[position], int.from_bytes(self.head[position + 3 : position + 5], "big")
            if kind == _ALERT and length == 2 and position + 7 <= len(self.head):
                return self.head[position + 6]
            position += 5 + length
        return None

    @property
    def first_line(self) -> str:
        """The beginning of a plaintext answer, safe to print."""
        return printable(bytes(self.head[:120]).split(b"\r\n")[0].decode("latin-1"), 100)


async def handshake(
    scene: Scene, stream: Stream, policy: TlsPolicy, limits: Limits, *, address: str | None = None
) -> tuple[Observation, TlsStream | None]:
    """Make one handshake over an open stream; on failure the stream below is closed.

    Args:
        scene: what is probed.
        stream: an open connection or tunnel.
        policy: how the handshake is made.
        limits: the run's time limits.
        address: the peer's address, or None through a proxy.
    """
    started = trio.current_time()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = policy.context.wrap_bio(incoming, outgoing, server_hostname=policy.sni)
    received = _Received()
    failure: Failure | None = Failure.TIMEOUT
    evidence: dict[str, Any] = {}
    limited: trio.CancelScope | None = None
    left: int | None = None
    done = False
    try:
        with limits.within(Step.TLS) as limited:
            await _drive(tls, incoming, outgoing, stream, received)
            failure, done = None, True
    except ssl.SSLError as error:
        failure, evidence = _judge(error, received)
    except trio.BrokenResourceError as error:
        failure = classify.of_stream_error(error)
    finally:
        if not done:
            left = _unacknowledged(stream, address) if failure is Failure.TIMEOUT else None
            stream.close()
    chain: tuple[bytes, ...] = ()
    if done:
        limits.learn(Step.TLS, trio.current_time() - started)
        chain = peer_chain(tls)
        evidence = _peer(tls, chain, policy)
    detail = TlsDetail(
        sni=policy.sni,
        verify=policy.verify,
        store=policy.store,
        bytes_received=received.total,
        unacknowledged_bytes=left,
        mss=policy.mss,
        **evidence,
    )
    observation = scene.observe(Step.TLS, started, failure, detail, address=address, limited=limited)
    memory.took(received.total)
    return observation, TlsStream(stream, tls, incoming, outgoing, chain) if done else None


def _unacknowledged(stream: Stream, address: str | None) -> int | None:
    sock = socket_below(stream) if address is not None else None
    return tcpinfo.unacknowledged(sock) if sock is not None else None


async def _drive(
    tls: ssl.SSLObject, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, stream: Stream, received: _Received
) -> None:
    """Shake hands. Our last flight stays in ``outgoing``: it goes out with the first bytes that are written."""
    while True:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            await stream.send_all(outgoing.read())
        except ssl.SSLError:
            await _send_last_words(outgoing, stream)
            raise
        else:
            return
        data = await stream.receive_some(CHUNK)
        if data:
            received.add(data)
            incoming.write(data)
        else:
            incoming.write_eof()
        del data  # not to be held while the next part is waited for


async def _send_last_words(outgoing: ssl.MemoryBIO, stream: Stream) -> None:
    """Tell the peer why (its alert shows in its log), if it still listens; what failed is already known."""
    if outgoing.pending:
        try:
            await stream.send_all(outgoing.read())
        except trio.BrokenResourceError:
            return


def _judge(error: ssl.SSLError, received: _Received) -> tuple[Failure, dict[str, Any]]:
    alert = classify.alert_of(error, received.alert)
    failure = classify.of_ssl_error(error, alert=alert, plaintext=received.plaintext)
    evidence: dict[str, Any] = {"reason": error.reason or "", "alert": alert}
    if isinstance(error, ssl.SSLCertVerificationError):
        evidence["verify_code"] = error.verify_code
    if failure is Failure.SSL_NOT_TLS:
        evidence["error"] = received.first_line
    return failure, evidence


def _peer(tls: ssl.SSLObject, chain: tuple[bytes, ...], policy: TlsPolicy) -> dict[str, Any]:
    """What a finished handshake shows."""
    cipher = tls.cipher()
    evidence: dict[str, Any] = {"version": tls.version() or "", "cipher": cipher[0] if cipher else ""}
    genuine = False
    if policy.verify == "store":
        path = verified_chain(tls)
        evidence["root_sha256"] = root = hashlib.sha256(path[-1]).hexdigest() if path else ""
        genuine = root in policy.origin.fingerprints
    if chain:
        evidence["origin"] = origin = genuine or certificates.ends_in_origin(chain, policy.origin)
        if not origin:
            last = evidence.get("root_sha256") or hashlib.sha256(chain[-1]).hexdigest()
            evidence["former_root"] = trust.former_roots().get(last, "")
    if not genuine or policy.keep_genuine:
        evidence["chain"] = certificates.describe(chain)
    return evidence


def peer_chain(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """The DER certificates as the peer sent them, leaf first."""
    return _chain(tls, "get_unverified_chain")


def verified_chain(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """The DER certificates of the path that verified, leaf first, trust anchor last."""
    return _chain(tls, "get_verified_chain")


def _chain(tls: ssl.SSLObject, method: str) -> tuple[bytes, ...]:
    """Public since Python 3.13, where it gives DER; before that it is on the private object and gives wrappers."""
    if hasattr(tls, method):
        return tuple(getattr(tls, method)())
    wrappers: Sequence[Any] = getattr(tls._sslobj, method)() or ()  # type: ignore[attr-defined]
    return tuple(wrapper.public_bytes(_ENCODING_DER) for wrapper in wrappers)
