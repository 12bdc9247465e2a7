"""Peers that mean harm: whatever they send, a run ends in time, stays small, and its reports stay valid.

Each hostile server answers in the place of AWS, on loopback. Texts of a certificate or an answer reach people and
machines only escaped; nothing that a peer sends is kept beyond a bound.
"""

from __future__ import annotations

import datetime
import itertools
import json
import socket
import ssl
import time
import tracemalloc
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import msgspec
import pytest
import trio
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from netprobe.catalog.model import Request
from netprobe.diagnosis import diagnose
from netprobe.findings import Verdict
from netprobe.observations import Certificate, Failure, Run, Step, TlsDetail
from netprobe.probes import bugs
from netprobe.probes.run import check
from netprobe.probes.settings import Settings
from netprobe.report import FORMATS, render
from netprobe.report.model import Report
from tests.support.probe_network import AWS, ECS, SSM, Facts, endpoint
from tests.support.probe_servers import (
    DnsServer,
    Handler,
    http_handler,
    pem,
    read_hello,
    read_request,
    serve,
    server_context,
    tls_handler,
    vantage,
    zone,
)

LIMIT = 0.5
PATIENCE = 8.0
"""Seconds for a whole run: some steps and control probes, each of which may take the limit."""
LONGEST = 1.5
"""Seconds for one step: its limit, and some for a busy machine."""
MEMORY = 24 << 20
ESCAPES = "\x1b[31m\x1b]0;owned\x07\u202e\x9b"
DAY = datetime.timedelta(days=1)
NOW = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)


def _drip(parts: Iterable[bytes], pause: float = 0.0) -> Handler:
    """Send until the client has had enough."""

    def handle(sock: socket.socket) -> None:
        for part in parts:
            sock.sendall(part)
            time.sleep(pause)

    return handle


def _after_hello(then: Handler) -> Handler:
    def handle(sock: socket.socket) -> None:
        read_hello(sock)
        then(sock)

    return handle


def _record(kind: int, body: bytes) -> bytes:
    return bytes((kind, 3, 3)) + len(body).to_bytes(2, "big") + body


def _handshake_bytes() -> Iterator[bytes]:
    """A ServerHello that claims 16 MB, byte by byte."""
    yield bytes((22, 3, 3, 64, 0, 2, 255, 255, 255))
    yield from itertools.repeat(b"\0")


HELLOS: dict[str, Handler] = {
    "handshake dripped": _after_hello(lambda sock: _drip(_handshake_bytes(), 0.01)(sock)),
    "handshake flooded": _after_hello(lambda sock: _drip(itertools.repeat(_record(22, b"\0" * 16000)))(sock)),
    "record dripped": _after_hello(lambda sock: _drip([b"\x16\x03\x03\x40\x00", *[b"\x02"] * 9999], 0.01)(sock)),
    "warnings flooded": _after_hello(lambda sock: _drip(itertools.repeat(_record(21, b"\x01\x5a")))(sock)),
    "cipher changes flooded": _after_hello(lambda sock: _drip(itertools.repeat(_record(20, b"\x01")))(sock)),
    "text flooded": _after_hello(lambda sock: _drip(itertools.repeat(ESCAPES.encode() * 1000))(sock)),
}


def _endless(head: bytes, parts: Iterable[bytes], pause: float = 0.0) -> Handler:
    def handle(sock: socket.socket) -> None:
        sock.sendall(head)
        _drip(parts, pause)(sock)
        sock.recv(65536)

    return handle


def _after_request(hostile: Handler) -> Handler:
    def handle(sock: socket.socket) -> None:
        if read_request(sock):
            hostile(sock)

    return handle


def _on_upgrade(hostile: Handler) -> Handler:
    """Be AWS until a WebSocket is asked for."""

    def handle(sock: socket.socket) -> None:
        while request := read_request(sock):
            if b"websocket" in request.lower():
                hostile(sock)
                return
            sock.sendall(AWS)

    return handle


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
PAGE = (b"<title>" + ESCAPES.encode() + b"\xff\xfe\xc3\x28</title>]]>") * 3
RUDE_HEAD = (
    b"HTTP/1.1 403 \x1b[2J\xff\r\nServer: \x1b[31m\xff\xc3\x28]]>\r\nVia: 1.1 \xe2\x80\xae<b>\r\n"
    b"Location: https://portal.example/\x9b31m\"'\r\nContent-Type: text/html\r\nDate: \xff\xff\r\n"
    b"Content-Length: %d\r\n\r\n" % len(PAGE)
)

ANSWERS: dict[str, Handler] = {  # to a request that has been read
    "headers endless": _endless(OK, itertools.repeat(b"X: " + b"a" * 200 + b"\r\n")),
    "one header endless": _endless(OK + b"X: ", itertools.repeat(b"a" * 4096)),
    "headers dripped": _endless(OK, itertools.repeat(b"X: y\r\n"), 0.02),
    "body dripped": _endless(OK + b"Content-Length: 1000000\r\n\r\n", itertools.repeat(b"a"), 0.02),
    "body endless": _endless(OK + b"\r\n", itertools.repeat(b"a" * 65536)),
    "chunks endless": _endless(CHUNKED, itertools.repeat(b"ffff\r\n" + b"a" * 0xFFFF + b"\r\n")),
    "chunks of one byte": _endless(CHUNKED, itertools.repeat(b"1\r\na\r\n" * 500)),
    "chunk of an impossible size": _endless(CHUNKED, [b"f" * 20 + b"\r\n", *[b"a" * 65536] * 100]),
    "trailers endless": _endless(CHUNKED + b"0\r\n", itertools.repeat(b"X: y\r\n" * 500)),
    "interim answers flooded": _endless(b"", itertools.repeat(b"HTTP/1.1 102 Processing\r\n\r\n" * 200)),
    "interim answers dripped": _endless(b"", itertools.repeat(b"HTTP/1.1 103 Hints\r\n\r\n"), 0.02),
    "texts rude": _endless(RUDE_HEAD, [PAGE]),
    "texts rude, well formed": _endless(RUDE_HEAD.replace(b"\x1b", b"").replace(b"\x9b", b""), [PAGE]),
    "deep json": _endless(OK + b"Content-Length: 60000\r\n\r\n" + b"[" * 60000, []),
    "switched unasked and flooded": _endless(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        itertools.repeat(b"\x82\x7f" + b"\xff" * 65536),
    ),
}


@cache
def _authority() -> trustme.CA:
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


def _context(tmp_path: Path, names: list[str], subject: str, *, links: int = 0) -> ssl.SSLContext:
    """A self-signed certificate with any texts, and as many more behind it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + 400 * DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = built.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path / "hostile.pem"
    file.write_bytes(secret + pem * (1 + links))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


CERTIFICATES: dict[str, Callable[[Path], ssl.SSLContext]] = {
    "escapes in the subject": lambda folder: _context(folder, [ECS], ESCAPES + "]]>"),
    "escapes in the names": lambda folder: _context(folder, ["\x1b[31m]]>.example"], "x"),
    "5,000 names": lambda folder: _context(folder, [ECS, *(f"n{n}.x" for n in range(5000))], "x"),
    "a chain of 100": lambda folder: _context(folder, [ECS], "x", links=100),
    "a chain of 1,000": lambda folder: _context(folder, [ECS], "x", links=1000),
}


ODD = Path(__file__).parents[1] / "cases" / "hostile"
"""Certificates with their keys that OpenSSL accepts and other readers do not: Latin-1, a version 6, a year 0."""


def _odd(name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ODD / f"{name}.pem")
    return context


async def _run(tmp_path: Path, handler: Handler, *, genuine: bool = True) -> tuple[Run, float, int]:
    """Look at one peer; without ``genuine`` its chain is trusted and not the origin's."""
    upgrading = msgspec.structs.replace(endpoint("ecs-a", ECS), request=Request(upgrade=True))
    ca = pem(_authority(), tmp_path / "ca.pem")
    origin = ca if genuine else pem(trustme.CA(key_type=trustme.KeyType.ECDSA), tmp_path / "origin.pem")
    async with trio.open_nursery() as nursery:
        resolver = await DnsServer(zone({ECS: {"A": ["127.0.0.1"]}})).start(nursery)
        with serve(handler) as port:
            seen_by = msgspec.structs.replace(
                vantage(resolvers=(resolver,), ca=ca, ports={443: port}), origin_ca=origin
            )
            tracemalloc.start()
            started = time.monotonic()
            try:
                run = await check(
                    [upgrading], [seen_by], Settings(timeout=LIMIT, idle=0.2, lab="hostile"), catalog=Facts()
                )
                took, peak = time.monotonic() - started, tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
        nursery.cancel_scope.cancel()
    return run, took, peak


def _prove(run: Run, took: float, peak: int, verdict: Verdict | None = Verdict.NOT_READY) -> None:
    assert took < PATIENCE
    assert max(o.duration_seconds for o in run.observations) < LONGEST, "the event loop was never held up"
    assert peak < MEMORY
    report = Report.of(run, diagnose(run))
    assert verdict is None or report.verdict is verdict
    for format in FORMATS:
        shown = render(report, format)
        text = shown if isinstance(shown, str) else shown.decode("utf-8")
        assert len(text) < 1 << 20, format
        bad = {c for c in text if (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160 or 0x202A <= ord(c) <= 0x202E}
        assert not bad, format
    ET.fromstring(_text(report, "junit"))
    for format in ("json", "sarif", "gitlab"):
        json.loads(_text(report, format))


def _text(report: Report, format: str) -> str:
    shown = render(report, format)
    return shown if isinstance(shown, str) else shown.decode("utf-8")


def _steps(run: Run) -> dict[Step, Failure | None]:
    return {o.step: o.failure for o in run.observations if o.experiment is None}


@pytest.mark.parametrize("peer", HELLOS)
async def test_a_handshake_that_means_harm(tmp_path: Path, peer: str) -> None:
    run, took, peak = await _run(tmp_path, HELLOS[peer])
    _prove(run, took, peak)
    assert _steps(run)[Step.TLS] is not None


@pytest.mark.parametrize("peer", CERTIFICATES)
async def test_a_certificate_that_means_harm(tmp_path: Path, peer: str) -> None:
    run, took, peak = await _run(tmp_path, tls_handler(CERTIFICATES[peer](tmp_path)))
    _prove(run, took, peak)
    assert _steps(run)[Step.TLS] is not None


@pytest.mark.parametrize("peer", ANSWERS)
@pytest.mark.parametrize("step", [Step.HTTP, Step.WEBSOCKET])
async def test_an_answer_that_means_harm(tmp_path: Path, step: Step, peer: str) -> None:
    context = server_context(_authority().issue_cert(ECS))
    handler = _after_request(ANSWERS[peer]) if step is Step.HTTP else _on_upgrade(ANSWERS[peer])
    run, took, peak = await _run(tmp_path, tls_handler(context, handler), genuine=False)
    _prove(run, took, peak)
    assert _steps(run)[step] is not None


@pytest.mark.parametrize(
    ("name", "issuer"),
    [
        ("teletex-latin1", "CN=Société"),
        ("ia5-8bit", "emailAddress=é@x"),
        ("version6", "CN=x"),
        ("year0", "CN=x"),
    ],
)
async def test_a_certificate_that_only_openssl_reads(tmp_path: Path, name: str, issuer: str) -> None:
    run, took, peak = await _run(tmp_path, tls_handler(_odd(name), http_handler(AWS)))
    _prove(run, took, peak)
    assert run.notes == ()
    assert _steps(run)[Step.TLS] is Failure.SSL_UNKNOWN_AUTHORITY
    (shown,) = {o.detail.chain[0] for o in run.observations if isinstance(o.detail, TlsDetail) and o.detail.chain}
    assert (shown.subject, shown.issuer) == (issuer, issuer)


async def test_a_bug_in_one_probe_leaves_every_other_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from netprobe.probes import certificates

    describe = certificates.describe

    def broken(chain: tuple[bytes, ...]) -> tuple[Certificate, ...]:
        found = describe(chain)
        if found[0].names == (SSM,):
            raise ZeroDivisionError("made for this test")
        return found

    monkeypatch.setattr(certificates, "describe", broken)
    authority = _authority()
    contexts = {name: server_context(authority.issue_cert(name)) for name in (ECS, SSM)}
    front = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("other.example").configure_cert(front)

    def choose(stream: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        stream.context = contexts[name or ECS]

    front.sni_callback = choose
    kept: list[str] = []

    def keep(text: str) -> str:
        kept.append(text)
        return "the traceback is in a file"

    async with trio.open_nursery() as nursery:
        resolver = await DnsServer(zone({name: {"A": ["127.0.0.1"]} for name in (ECS, SSM)})).start(nursery)
        with serve(tls_handler(front, http_handler(AWS))) as port:
            seen_by = vantage(resolvers=(resolver,), ca=pem(authority, tmp_path / "ca.pem"), ports={443: port})
            wanted = [endpoint("ecs", ECS), endpoint("ssm", SSM)]
            settings = Settings(timeout=5, lab="hostile")
            run = await check(wanted, [seen_by], settings, catalog=Facts(), keep_bugs=keep)
        nursery.cancel_scope.cancel()
    found = {(o.host, o.step): o.failure for o in run.observations if o.experiment is None and o.step is not Step.DNS}
    assert found[ECS, Step.HTTP] is None
    assert found[SSM, Step.TLS] is Failure.UNKNOWN
    (note,) = run.notes
    assert "ZeroDivisionError" in note
    assert SSM in note
    assert "the traceback is in a file" in note
    assert "test_hostile_peers" in kept[0]
    diagnosis = diagnose(run)
    assert [(f.id, f.hosts) for f in diagnosis.findings] == [("unexplained_failure", (SSM,))]


def test_a_bug_in_a_task_is_the_same_bug_as_outside_one() -> None:
    bug = ZeroDivisionError("made for this test")
    nested = ExceptionGroup("inner", [bug, KeyError("another")])
    met: list[bugs.Bug] = []
    for host, error in ((ECS, bug), (SSM, ExceptionGroup("outer", [nested, bug]))):
        with bugs.contained(met, host):
            raise error

    assert [one.host for one in met] == [ECS, SSM, SSM]
    first, second = bugs.notes(met, lambda _: "the traceback is in a file")
    assert f"ZeroDivisionError: made for this test), met with {ECS}, {SSM}" in first
    assert f"KeyError: 'another'), met with {SSM}" in second


@pytest.mark.parametrize("peer", ANSWERS)
async def test_an_answer_of_the_origin_that_does_harm(tmp_path: Path, peer: str) -> None:
    """TLS says that the origin wrote it, so nobody is blamed for its content; its size and time are bounded alike."""
    context = server_context(_authority().issue_cert(ECS))
    run, took, peak = await _run(tmp_path, tls_handler(context, _after_request(ANSWERS[peer])))
    _prove(run, took, peak, verdict=None)
