"""What takes bytes from outside: each surface by name, what it may answer them with, and bytes to begin with."""

from __future__ import annotations

import contextlib
import gzip
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.name
import dns.rrset

from netprobe import shellwords
from netprobe.audit.formats import FORMATS
from netprobe.errors import NetprobeError
from netprobe.host import rpmdb
from netprobe.host.archive import read_archive
from netprobe.host.firewall import iptables, nftables
from netprobe.host.firewall.model import AskedPacket, Hook
from netprobe.host.readers import systemd
from netprobe.host.rules.trust import fingerprints
from netprobe.observe import capture
from netprobe.observe import dns as observed_dns
from netprobe.observe import http as observed_http
from netprobe.observe import tls as observed_tls
from netprobe.probes import certificates, dnswire, frames, hostsfile, system, tcpinfo, trust
from netprobe.render import readers
from netprobe.report.stored import decode
from netprobe.workload import document, forms
from tests.fuzz import peers

HOSTILE = Path(__file__).parents[1] / "cases" / "hostile"
_PACKET = AskedPacket(protocol="tcp", hook=Hook.OUTPUT, destination_port=443, family=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """One surface.

    Attributes:
        read: takes the bytes; only the errors of ``may`` are an answer.
        seeds: what the mutations begin with.
        may: errors that tell a user's mistake.
        words: what belongs to its language, which mutations put in.
    """

    read: Callable[[bytes, Path], object]
    seeds: tuple[bytes, ...]
    may: tuple[type[Exception], ...] = ()
    words: tuple[bytes, ...] = ()


def _certificate(data: bytes, _: Path) -> None:
    certificates.describe((data,))
    certificates.ends_in_origin((data, data), trust.Anchors((data,), frozenset()))
    certificates.strict_error((data, data), "a.example.com", None)


def _archive(data: bytes, folder: Path) -> None:
    path = folder / "image.tar"
    path.write_bytes(data)
    read_archive(path)


def _bundle(data: bytes, folder: Path) -> None:
    path = folder / "bundle.pem"
    path.write_bytes(data)
    trust.anchors(trust.validate(path))


def _text(read: Callable[[str], object]) -> Callable[[bytes, Path], object]:
    return lambda data, _: read(data.decode("utf-8", "replace"))


_ASKED = dnswire.Question(
    name=b"\1a\7example\3com\0",
    family=4,
    wire=dns.message.make_query("a.example.com", "A", id=7).to_wire(),
    edns=False,
)


def _answer() -> bytes:
    response = dns.message.make_response(dns.message.from_wire(_ASKED.wire), recursion_available=True)
    response.answer.append(dns.rrset.from_text("a.example.com.", 60, "IN", "CNAME", "b.example.com."))
    response.answer.append(dns.rrset.from_text("b.example.com.", 60, "IN", "A", "192.0.2.1", "192.0.2.2"))
    return response.to_wire()


def _dns_answer(data: bytes, _: Path) -> None:
    dnswire.read(_ASKED.wire[:2] + data[2:], _ASKED)


def _capture(data: bytes, folder: Path) -> None:
    path = folder / "capture.pcap"
    path.write_bytes(data)
    for _packet in capture.read(path, capture.Tally()):
        pass


def _workload(text: str) -> None:
    forms.parse(document.parse(text, "f"), "f")


def _log_line(line: str) -> None:
    """Each format is given it, as a log of many lines gives any line to the format of its first."""
    for one in FORMATS.values():
        one.matches(line)
        with contextlib.suppress(ValueError):  # counted as malformed
            one.parse(line)


_LINES = (
    b"1700000000.123 5 192.0.2.1 TCP_TUNNEL/200 39 CONNECT a.example.com:443 - HIER_DIRECT/192.0.2.9 -",
    b"Nov 28 10:00:00 r kernel: DROP IN=eth0 OUT=eth1 SRC=192.0.2.1 DST=198.51.100.1 PROTO=TCP SPT=1 DPT=443 SYN",
    b"Nov 28 10:00:00 d dnsmasq[1]: query[A] a.example.com from 192.0.2.1",
    b'{"timestamp": "2026-11-28T10:00:00Z", "event_type": "tls", "dest_port": 443, "tls": {"sni": "a.example.com"}}',
    b'date=2026-11-28 time=10:00:00 type="traffic" srcip=192.0.2.1 dstip=198.51.100.1 dstport=443 action="deny"',
    b"2 123456789012 eni-1 192.0.2.1 198.51.100.1 1 443 6 1 40 1700000000 1700000060 REJECT OK",
)


def _client_hello() -> bytes:
    """A small one, the same each time (RFC 8446 section 4.1.2, RFC 6066 section 3)."""
    name = b"a.example.com"
    server_name = struct.pack("!HHHBH", 0, len(name) + 5, len(name) + 3, 0, len(name)) + name
    body = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00"
    body += struct.pack("!H", len(server_name)) + server_name
    return struct.pack("!BHHB", 22, 0x0301, len(body) + 4, 1) + len(body).to_bytes(3, "big") + body


_REQUEST = b"CONNECT a.example.com:443 HTTP/1.1\r\nHost: a.example.com:443\r\nProxy-Connection: keep-alive\r\n\r\n"
_TASK = (
    b'{"family": "f", "containerDefinitions": [{"name": "c", "image": "i", "cpu": 1, "memory": 128,'
    b' "portMappings": [{"containerPort": 80}], "logConfiguration": {"logDriver": "awslogs", "options": {}}}]}'
)
_COMPOSE = b"services:\n  web:\n    image: nginx\n    ports: ['80:80']\n  b: {logging: {driver: awslogs}}\n"

_DER = tuple(
    der
    for path in sorted(HOSTILE.glob("*.pem"))
    if "ca-file" not in path.name
    for der in trust.anchors(path).certificates
)
_TARS = tuple(gzip.decompress(path.read_bytes())[: 1 << 16] for path in sorted(HOSTILE.glob("*.tar.gz")))
_NFT = (
    b"table inet f { chain o { type filter hook output priority 0; policy drop;\n"
    b"ct state new tcp dport { 443 } accept\n} }\n"
)
_SAVE = (
    b"*filter\n:OUTPUT DROP [0:0]\n"
    b"-A OUTPUT -p tcp -m multiport --dports 443,80:90 -d 192.0.2.0/24 -j ACCEPT\nadd a 10.0.0.0/8\n"
)

SURFACES: dict[str, Surface] = {
    "certificate": Surface(read=_certificate, seeds=_DER),
    "bundle": Surface(
        read=_bundle, seeds=tuple(p.read_bytes() for p in sorted(HOSTILE.glob("*.pem"))), may=(NetprobeError,)
    ),
    "archive": Surface(read=_archive, seeds=_TARS, may=(NetprobeError,)),
    "package database": Surface(
        read=lambda data, _: rpmdb.packages(data), seeds=(b"SQLite format 3\x00" + bytes(600), b"RpmP" + bytes(64))
    ),
    "nftables of a host": Surface(read=_text(lambda text: nftables.parse(text, "f", _PACKET)), seeds=(_NFT,)),
    "iptables of a host": Surface(
        read=_text(lambda text: iptables.parse(list(enumerate(text.split("\n"))), "f", _PACKET)), seeds=(_SAVE,)
    ),
    "certificates of a host": Surface(
        read=_text(lambda text: list(fingerprints(text))), seeds=((HOSTILE / "version6.pem").read_bytes(),)
    ),
    "words of a unit": Surface(
        read=_text(lambda text: list(systemd.words(text))), seeds=(b"\"A=b c\" 'D=e' \\x41 f\\s",)
    ),
    "words of a shell": Surface(read=_text(shellwords.split), seeds=(b'a \'b c\' "d\\" e" f\\ g',), may=(ValueError,)),
    "DNS answer": Surface(read=_dns_answer, seeds=(_answer(),), may=(dnswire.Malformed,)),
    "DNS message of a capture": Surface(read=lambda data, _: observed_dns.parse(data), seeds=(_answer(), _ASKED.wire)),
    "HTTP of a capture": Surface(read=lambda data, _: observed_http.parse(data), seeds=(_REQUEST,)),
    "TLS of a capture": Surface(read=lambda data, _: observed_tls.Reader().read(data), seeds=(_client_hello(),)),
    "capture": Surface(
        read=_capture,
        seeds=((HOSTILE.parent / "hostile" / "observe-json-control.pcap").read_bytes(),),
        may=(NetprobeError,),
    ),
    "workload": Surface(read=_text(_workload), seeds=(_TASK, _COMPOSE), may=(NetprobeError,)),
    "hosts file": Surface(read=_text(hostsfile.parse), seeds=(b"127.0.0.1 localhost\n::1 a.example b.example # c\n",)),
    "resolv.conf": Surface(
        read=_text(system.parse_resolv_conf),
        seeds=(b"search a.example b\noptions ndots:5 timeout:1\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\n",),
        may=(NetprobeError,),
    ),
    "kernel's TCP figures": Surface(read=lambda data, _: tcpinfo.parse(data), seeds=(bytes(range(232)),)),
    "line of a log": Surface(read=_text(_log_line), seeds=_LINES),
    "WebSocket frames": Surface(
        read=lambda data, _: frames.Frames().feed(data), seeds=(b"\x81\x05hello\x88\x02\x03\xe8", b"\x82\x7e\x01\x00")
    ),
    "HTTP answer": Surface(read=peers.http_answer, seeds=peers.HTTP_SEEDS, words=peers.HTTP_WORDS),
    "answer to an upgrade": Surface(read=peers.upgrade_answer, seeds=peers.UPGRADE_SEEDS, words=peers.HTTP_WORDS),
    "CONNECT answer": Surface(read=peers.connect_answer, seeds=peers.CONNECT_SEEDS, words=peers.HTTP_WORDS),
    "CONNECT answer to credentials": Surface(
        read=peers.connect_answer_with_credentials, seeds=peers.CONNECT_SEEDS, words=peers.HTTP_WORDS
    ),
    "SOCKS answer": Surface(read=peers.socks_answer, seeds=peers.SOCKS_SEEDS, words=peers.SOCKS_WORDS),
    "SOCKS answer to credentials": Surface(
        read=peers.socks_answer_with_credentials, seeds=peers.SOCKS_SEEDS, words=peers.SOCKS_WORDS
    ),
    "TLS records": Surface(read=peers.tls_records, seeds=peers.TLS_SEEDS, words=peers.TLS_WORDS),
    "flights of a TLS server": Surface(read=peers.tls_server, seeds=(b"1", b"23", b"456")),
    "saved report": Surface(
        read=lambda data, _: decode(data, "f"),
        seeds=((HOSTILE / "china-report.json").read_bytes(),),
        may=(NetprobeError,),
    ),
    **{
        f"{target} to compare": Surface(
            read=_text(reader), seeds=(_NFT, _SAVE, b"a.example.com\n10.0.0.0/8\n"), may=(NetprobeError,)
        )
        for target, reader in readers.READERS.items()
    },
}

_WORDS = (
    b"{",
    b"}",
    b"'",
    b'"',
    b"\\",
    b"\n",
    b"\x00",
    b"0",
    b"9" * 30,
    b"-1",
    b"=",
    b",",
    b"set a {",
    b"elements = {",
    b"-A",
    b"!",
)


def mutated(seed: bytes, chance: random.Random, words: tuple[bytes, ...] = ()) -> bytes:
    """A seed with some bytes turned, taken out, doubled or put in, words of its language among them."""
    data = bytearray(seed)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(5):
            case 0 if at < len(data):
                data[at] = chance.randrange(256)
            case 1:
                del data[at : at + chance.randint(1, 32)]
            case 2:
                data[at:at] = data[at : at + chance.randint(1, 64)] * chance.choice((1, 2, 50))
            case 3:
                data[at:at] = chance.choice((*_WORDS, *words))
            case _:
                data[at : at + 4] = chance.randbytes(4)
    return bytes(data)


def attempt(surface: Surface, data: bytes, folder: Path) -> None:
    """Give a surface some bytes; whatever it may not raise comes through."""
    try:
        surface.read(data, folder)
    except surface.may:
        return
