"""TLS against real servers, one fault each: what came back before it ended, and whose certificates."""

from __future__ import annotations

import datetime
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio
import trustme

from netprobe.observations import Failure, Observation, TlsDetail
from netprobe.probes import tcp, tls, trust
from netprobe.probes.limits import Limits
from netprobe.probes.streams import TcpStream
from tests.support import probe_servers
from tests.support.probe_servers import serve, server_context, tls_handler

HOST = "ecs.us-east-2.amazonaws.com"


async def _shake(
    port: int, ca: Path, *, limit: float = 5.0, lax: bool = False, sni: str | None = HOST, ciphers: str | None = None
) -> tuple[Observation, TlsDetail]:
    scene, limits = probe_servers.scene(HOST), Limits(limit)
    _, stream = await tcp.connect(scene, "127.0.0.1", port, limits)
    assert stream is not None
    vantage = probe_servers.vantage(ca=ca)
    policy = tls.lax(vantage, sni) if lax else tls.verified(vantage, sni or HOST)
    observation, encrypted = await tls.handshake(scene, stream, policy, limits, address="127.0.0.1")
    assert (encrypted is None) == (observation.failure is not None)
    if encrypted is not None:
        encrypted.close()
    assert stream.socket.fileno() == -1, "a failed handshake closes its connection"
    assert isinstance(observation.detail, TlsDetail)
    return observation, observation.detail


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(organization_name="The Origin", key_type=trustme.KeyType.ECDSA)


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> Path:
    return probe_servers.pem(authority, tmp_path / "ca.pem")


class _Counting(TcpStream):
    """Counts what is sent."""

    sent = 0

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += 1
        await super().send_all(data)


async def test_the_last_flight_goes_out_with_the_first_bytes(authority: trustme.CA, ca: Path) -> None:
    """One packet for both, over TLS 1.3; the server finishes its side all the same."""
    heard: list[bytes] = []
    with serve(
        tls_handler(server_context(authority.issue_cert(HOST)), lambda sock: heard.append(sock.recv(9)))
    ) as port:
        scene, limits = probe_servers.scene(HOST), probe_servers.limits()
        _, plain = await tcp.connect(scene, "127.0.0.1", port, limits)
        assert plain is not None
        stream = _Counting(plain.socket)
        observation, encrypted = await tls.handshake(
            scene, stream, tls.verified(probe_servers.vantage(ca=ca), HOST), limits
        )
        assert encrypted is not None
        assert stream.sent == 1
        await encrypted.send_all(b"something")
        assert stream.sent == 2
        assert await encrypted.receive_some() == b""
        encrypted.close()
    assert isinstance(observation.detail, TlsDetail)
    assert observation.detail.version == "TLSv1.3"
    assert heard == [b"something"]


@contextmanager
def _server(certificate: trustme.LeafCert) -> Iterator[int]:
    with serve(tls_handler(server_context(certificate))) as port:
        yield port


async def test_a_verified_handshake_keeps_the_chain(authority: trustme.CA, ca: Path) -> None:
    with _server(authority.issue_cert(HOST)) as port:
        observation, detail = await _shake(port, ca)
    assert observation.failure is None
    assert detail.version == "TLSv1.3"
    assert detail.cipher.startswith("TLS_")
    assert detail.origin is True
    assert detail.root_sha256
    assert detail.store == str(ca)
    assert detail.chain[0].names == (HOST,)
    assert detail.chain[0].key == "EC secp256r1"
    assert not detail.chain[0].self_signed
    assert detail.bytes_received > 500


async def test_an_interceptor_is_named_without_being_trusted(ca: Path) -> None:
    stranger = trustme.CA(organization_name="Corporate Inspection", key_type=trustme.KeyType.ECDSA)
    with _server(stranger.issue_cert(HOST)) as port:
        observation, detail = await _shake(port, ca)
        looked, seen = await _shake(port, ca, lax=True)
    assert observation.failure is Failure.SSL_UNKNOWN_AUTHORITY
    assert detail.verify_code in {19, 20, 21}
    assert detail.chain == ()
    assert looked.failure is None
    assert seen.verify == "none"
    assert seen.origin is False
    assert "Corporate Inspection" in seen.chain[0].issuer


async def test_a_self_signed_leaf(ca: Path, tmp_path: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "evil\x1b[31m\u202e")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    both = tmp_path / "self.pem"
    both.write_bytes(
        built.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    with serve(tls_handler(context)) as port:
        observation, detail = await _shake(port, ca)
        _, seen = await _shake(port, ca, lax=True)
    assert observation.failure is Failure.SSL_UNKNOWN_AUTHORITY
    assert detail.verify_code == 18
    assert seen.chain[0].self_signed
    assert seen.origin is False
    assert "\x1b" not in seen.chain[0].subject
    assert "\u202e" not in seen.chain[0].subject


@pytest.mark.parametrize(
    ("names", "first", "last", "failure", "code"),
    [
        (["other.example.com"], -1, 1, Failure.SSL_INVALID_HOSTNAME, 62),
        ([HOST], -2, -1, Failure.SSL_EXPIRED, 10),
        ([HOST], 1, 2, Failure.SSL_NOT_YET_VALID, 9),
    ],
)
async def test_certificates_that_do_not_verify(
    authority: trustme.CA, ca: Path, names: list[str], first: int, last: int, failure: Failure, code: int
) -> None:
    now = datetime.datetime.now(datetime.UTC)
    certificate = authority.issue_cert(
        *names,
        not_before=now + datetime.timedelta(days=first),
        not_after=now + datetime.timedelta(days=last),
    )
    with _server(certificate) as port:
        observation, detail = await _shake(port, ca)
        _, seen = await _shake(port, ca, lax=True)
    assert observation.failure is failure
    assert detail.verify_code == code
    assert seen.origin is True, "dates and names do not change whose chain it is"


async def test_the_agents_rsa_ciphers_refuse_an_ecdsa_leaf_over_tls_1_2(authority: trustme.CA, tmp_path: Path) -> None:
    ca = probe_servers.pem(authority, tmp_path / "ca.pem")
    context = server_context(authority.issue_cert(HOST, key_type=trustme.KeyType.ECDSA))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with serve(tls_handler(context)) as port:
        scene, limits = probe_servers.scene(HOST), probe_servers.limits()
        _, stream = await tcp.connect(scene, "127.0.0.1", port, limits)
        assert stream is not None
        agent = probe_servers.vantage(ca=ca)
        policy = tls.TlsPolicy(
            context=trust.verifying_context(ca, "ECDHE-RSA-AES128-GCM-SHA256"),
            sni=HOST,
            verify="store",
            store="",
            origin=trust.anchors(agent.origin_ca),
        )
        observation, encrypted = await tls.handshake(scene, stream, policy, limits)
    assert encrypted is None
    assert observation.failure is Failure.SSL_ALERT
    assert isinstance(observation.detail, TlsDetail)
    assert observation.detail.alert == 40


def _alert(description: int) -> probe_servers.Handler:
    def handle(sock: socket.socket) -> None:
        probe_servers.read_hello(sock)
        sock.sendall(bytes([21, 3, 3, 0, 2, 2, description]))

    return handle


@pytest.mark.parametrize(
    ("description", "failure"),
    [(40, Failure.SSL_ALERT), (112, Failure.SSL_ALERT), (49, Failure.SSL_ALERT), (70, Failure.SSL_VERSION_REFUSED)],
)
async def test_an_alert_keeps_its_byte(ca: Path, description: int, failure: Failure) -> None:
    with serve(_alert(description)) as port:
        observation, detail = await _shake(port, ca)
    assert observation.failure is failure
    assert detail.alert == description
    assert detail.bytes_received == 7


async def test_an_alert_of_the_standard_library(authority: trustme.CA, ca: Path) -> None:
    context = server_context(authority.issue_cert(HOST))
    context.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    with serve(tls_handler(context)) as port:
        observation, detail = await _shake(port, ca)
    assert (observation.failure, detail.alert) == (Failure.SSL_ALERT, 112)


async def test_no_name_is_sent_where_none_is_wanted(authority: trustme.CA, ca: Path) -> None:
    names: list[str | None] = []
    context = server_context(authority.issue_cert(HOST))
    context.sni_callback = lambda _sock, name, _context: names.append(name)
    with serve(tls_handler(context)) as port:
        observation, _ = await _shake(port, ca, lax=True, sni=None)
    assert observation.failure is None
    assert names == [None]


async def test_reset_after_the_hello(ca: Path) -> None:
    def handle(sock: socket.socket) -> None:
        probe_servers.read_hello(sock)
        probe_servers.reset(sock)

    with serve(handle) as port:
        observation, detail = await _shake(port, ca)
    assert observation.failure is Failure.CONNECTION_RESET
    assert detail.bytes_received == 0


async def test_close_after_the_hello(ca: Path) -> None:
    with serve(lambda sock: (probe_servers.read_hello(sock), None)[1]) as port:
        observation, detail = await _shake(port, ca)
    assert observation.failure is Failure.EOF
    assert detail.bytes_received == 0


async def test_silence_after_the_hello(ca: Path) -> None:
    with serve(probe_servers.stay_silent) as port:
        observation, detail = await _shake(port, ca, limit=0.3)
    assert observation.failure is Failure.TIMEOUT
    assert detail.bytes_received == 0


async def test_silence_in_the_middle_of_the_flight_counts_what_came(ca: Path) -> None:
    def handle(sock: socket.socket) -> None:
        probe_servers.read_hello(sock)
        sock.sendall(bytes([22, 3, 3, 0x10, 0]) + bytes(95))
        probe_servers.stay_silent(sock)

    with serve(handle) as port:
        observation, detail = await _shake(port, ca, limit=0.3)
    assert observation.failure is Failure.TIMEOUT
    assert detail.bytes_received == 100


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        (b"SSH-2.0-OpenSSH_9\r\n", "SSH-2.0-OpenSSH_9"),
        (b"\x1b[2J<html>", "\\x1b[2J<html>"),
    ],
)
async def test_plain_text_on_the_tls_port(ca: Path, answer: bytes, line: str) -> None:
    def handle(sock: socket.socket) -> None:
        probe_servers.read_hello(sock)
        sock.sendall(answer)

    with serve(handle) as port:
        observation, detail = await _shake(port, ca)
    assert observation.failure is Failure.SSL_NOT_TLS
    assert detail.error == line


async def test_cancelling_a_handshake_closes_the_connection(ca: Path) -> None:
    with serve(probe_servers.stay_silent) as port:
        scene, limits = probe_servers.scene(HOST), Limits(30)
        _, stream = await tcp.connect(scene, "127.0.0.1", port, limits)
        assert stream is not None
        with trio.move_on_after(0.1) as scope:
            await tls.handshake(scene, stream, tls.lax(probe_servers.vantage(ca=ca), HOST), limits)
    assert scope.cancelled_caught
    assert stream.socket.fileno() == -1
