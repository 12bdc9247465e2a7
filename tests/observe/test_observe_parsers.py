"""The narrow parsers, held against other people's: dnspython, OpenSSL, scapy, RFC 9001; and against nonsense."""

from __future__ import annotations

import functools
import gzip
import io
import itertools
import random
import struct
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import dns.message
import dns.rrset
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe.errors import UnreadableFileError
from netprobe.observe import dns as narrow
from netprobe.observe import frames, http, quic, tls, tunnels
from netprobe.observe.capture import Packet, Tally, packets, read
from netprobe.observe.learn import Observer
from netprobe.observe.matching import Matcher
from netprobe.observe.streams import Assembler, BoundedTable, relative
from netprobe.path.hello import client_hello
from tests.support import rfc9001

NAME = "ecs.us-east-2.amazonaws.com"
_HELLO = client_hello(NAME)
LABEL = st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
HOST = st.lists(LABEL, min_size=1, max_size=5).map(lambda labels: ".".join([*labels, "example"]))


@given(HOST, st.lists(st.ip_addresses(v=4).map(str), max_size=5), st.booleans())
def test_dns_answers_agree_with_dnspython(host: str, addresses: list[str], alias: bool) -> None:
    query = dns.message.make_query(host, "A")
    answer = dns.message.make_response(query)
    owner = host
    if alias:
        owner = "alias.example."
        answer.answer.append(dns.rrset.from_text(host + ".", 60, "IN", "CNAME", owner))
    if addresses:
        answer.answer.append(dns.rrset.from_text(owner + "." * (not alias), 60, "IN", "A", *addresses))
    asked, told = narrow.parse(query.to_wire()), narrow.parse(answer.to_wire())
    assert asked is not None
    assert (asked.response, asked.name) == (False, host)
    assert told is not None
    assert (told.response, told.rcode, told.name) == (True, "NOERROR", host)
    assert {frames.text(a) for a in told.addresses} == set(addresses)


@given(st.binary(max_size=600))
def test_dns_takes_any_bytes(data: bytes) -> None:
    narrow.parse(data)


def test_a_dns_name_that_points_at_itself_ends() -> None:
    assert narrow.parse(struct.pack("!HHHHHH", 1, 0, 1, 0, 0, 0) + b"\xc0\x0c\x00\x01\x00\x01") is None


@given(HOST, st.integers(1, 600))
def test_the_server_name_of_openssl(host: str, record: int) -> None:
    """Whole, and cut into records of any size; before the end nothing is claimed."""
    hello = client_hello(host)
    message = hello[5:]
    pieces = [message[i : i + record] for i in range(0, len(message), record)]
    split = b"".join(b"\x16\x03\x01" + len(p).to_bytes(2, "big") + p for p in pieces)
    assert tls.Reader().read(hello) == host
    assert tls.Reader().read(split) == host
    assert tls.Reader().read(split[: len(split) // 2]) is tls.More.NEEDED


@given(st.data())
def test_a_mangled_client_hello_never_raises(data: st.DataObject) -> None:
    hello = bytearray(_HELLO)
    for _ in range(data.draw(st.integers(1, 8))):
        hello[data.draw(st.integers(0, len(hello) - 1))] = data.draw(st.integers(0, 255))
    found = tls.Reader().read(bytes(hello[: data.draw(st.integers(0, len(hello)))]))
    assert isinstance(found, str | tls.More)


def test_the_initial_of_rfc_9001() -> None:
    (initial,) = quic.initials(rfc9001.PACKET)
    keys = quic.client_keys(initial.version, initial.connection_id)
    assert keys == (rfc9001.KEY, rfc9001.IV, rfc9001.HEADER_KEY)
    opened = quic.open_initial(initial, keys)
    assert opened is not None
    ((offset, data),) = quic.crypto(opened)
    assert offset == 0
    assert tls.from_message(data) == rfc9001.SERVER_NAME


def test_the_initial_of_rfc_9369() -> None:
    """Version 2: RFC 9369 appendix A protects the very frames of RFC 9001 with these keys, to a packet that so begins.

    The packet is protected here by cryptography; what it must be is known by its first 32 bytes and its last.
    """
    keys = quic.Keys(
        bytes.fromhex("8b1a0bc121284290a29e0971b5cd045d"),
        bytes.fromhex("91f73e2351d8fa91660e909f"),
        bytes.fromhex("45b95e15235d6f45a6b19cbcb0294ba9"),
    )
    (first,) = quic.initials(rfc9001.PACKET)
    frames = quic.open_initial(first, quic.client_keys(1, rfc9001.CONNECTION_ID))
    assert frames is not None
    header = bytes.fromhex("d36b3343cf088394c8f03e5157080000449e00000002")
    nonce = (int.from_bytes(keys.iv, "big") ^ 2).to_bytes(12, "big")
    sealed = AESGCM(keys.key).encrypt(nonce, frames, header)
    hidden = bytearray(header)
    for index, mask in zip((0, 18, 19, 20, 21), bytes.fromhex("94a0c95e80"), strict=True):
        hidden[index] ^= mask & 0x0F if index == 0 else mask
    packet = bytes(hidden) + sealed
    assert packet.startswith(bytes.fromhex("d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485"))
    assert packet.endswith(bytes.fromhex("a18b2faa745b6fe189cf772a9f84cbfc"))
    (initial,) = quic.initials(packet)
    assert quic.client_keys(initial.version, initial.connection_id) == keys
    assert quic.open_initial(initial, keys) == frames


@given(st.binary(max_size=200), st.integers(0, 1199), st.integers(0, 255))
def test_quic_takes_any_bytes(tail: bytes, place: int, value: int) -> None:
    mangled = bytearray(rfc9001.PACKET)
    mangled[place] = value
    for data in (bytes(mangled), rfc9001.PACKET[:place], rfc9001.PACKET[: 1 + place // 40] + tail):
        for initial in quic.initials(data):
            opened = quic.open_initial(initial, quic.client_keys(initial.version, initial.connection_id))
            list(quic.crypto(opened or tail))


@pytest.mark.parametrize(
    ("request_bytes", "expected"),
    [
        (b"CONNECT ecs.example.com:443 HTTP/1.1\r\nHost: other.example\r\n\r\n", ("connect", "ecs.example.com", 443)),
        (b"GET / HTTP/1.1\r\nhost:  Ecs.Example.com:8080\r\n\r\n", ("host", "ecs.example.com", None)),
        (b"GET / HTTP/1.1\r\nX: y\r\n\r\n", ("host", None, None)),
        (b"CONNECT 10.0.0.1:443 HTTP/1.1\r\n\r\n", ("connect", None, 443)),
        (b"CONNECT \x1b[31m.evil:443 HTTP/1.1\r\n\r\n", ("connect", None, 443)),
        (b"GET / HTTP/1.1\r\nHost: exam", None),
    ],
)
def test_requests(request_bytes: bytes, expected: tuple[str, str | None, int | None] | None) -> None:
    assert http.parse(request_bytes) == expected


@given(st.binary(min_size=1, max_size=400), st.randoms(use_true_random=False), st.integers(1, 60))
def test_pieces_in_any_order_and_overlapping_make_the_whole(data: bytes, order: random.Random, size: int) -> None:
    pieces = [(i, data[i : i + size + order.randint(0, 9)]) for i in range(0, len(data), size)]
    if len(pieces) > 30:
        pieces = pieces[:30]
    order.shuffle(pieces)
    assembler = Assembler(16_384)
    for offset, piece in pieces + pieces[:3]:
        assembler.add(offset, piece)
    whole = max(offset + len(piece) for offset, piece in pieces)
    assert bytes(assembler.prefix) == data[:whole]


def test_sequence_numbers_wrap() -> None:
    assert relative(5, 0xFFFFFFFB) == 10
    assert relative(0xFFFFFFFB, 5) == -10


def test_a_table_forgets_the_oldest_and_says_so() -> None:
    gone: list[tuple[int, str]] = []
    table: BoundedTable[int, str] = BoundedTable(2, lambda key, value: gone.append((key, value)))
    for number in range(3):
        table.put(number, str(number))
        table.get(0)
    assert gone == [(1, "1")]
    assert table.forgotten == 1


@functools.cache
def _frames() -> list[bytes]:
    """One conversation of each kind, made by scapy."""
    from scapy.layers.dns import DNS, DNSQR, DNSRR
    from scapy.layers.inet import IP, TCP, UDP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import Dot1Q, Ether

    hello = client_hello(NAME)
    there, back = IP(src="10.0.0.2", dst="198.51.100.7"), IP(src="198.51.100.7", dst="10.0.0.2")
    question = DNSQR(qname=NAME)
    answer = DNS(qr=1, qd=question, an=DNSRR(rrname=NAME, rdata="198.51.100.7"))
    layers = [
        there / UDP(sport=4000, dport=53) / DNS(qd=question),
        back / UDP(sport=53, dport=4000) / answer,
        there / TCP(sport=5000, dport=443, flags="S", seq=100),
        back / TCP(sport=443, dport=5000, flags="SA", seq=900, ack=101),
        there / TCP(sport=5000, dport=443, flags="A", seq=101 + 50) / hello[50:],
        there / TCP(sport=5000, dport=443, flags="A", seq=101) / hello[:60],
        back / TCP(sport=443, dport=5000, flags="R", seq=901),
        there / UDP(sport=6000, dport=443) / rfc9001.PACKET,
        there / TCP(sport=5001, dport=444, flags="S", seq=7),
    ]
    six = IPv6(src="2001:db8::1", dst="2001:db8::2") / TCP(sport=1, dport=80, flags="PA", seq=1)
    layers.append(six / b"GET / HTTP/1.1\r\nHost: six.example.com\r\n\r\n")
    # Without a destination, scapy asks the machine's own network for one when the frame is put together.
    ether = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    return [bytes(ether / Dot1Q(vlan=5) / layer) for layer in layers]


def _pcap(frames_: list[bytes], *, order: str = "<", nano: bool = False) -> bytes:
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    head = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, 1)
    unit = 500_000_000 if nano else 500_000
    return head + b"".join(
        struct.pack(order + "IIII", 1000 + n, unit, len(f), len(f)) + f for n, f in enumerate(frames_)
    )


def _pcapng(frames_: list[bytes], order: str = "<") -> bytes:
    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)

    out = block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    out += block(1, struct.pack(order + "HHI", 1, 0, 0) + struct.pack(order + "HHB3xHH", 9, 1, 6, 0, 0))
    out += block(5, b"statistics, skipped.")
    for number, frame in enumerate(frames_):
        time = (1000 + number) * 1_000_000 + 500_000
        out += block(6, struct.pack(order + "IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(frame), len(frame)) + frame)
    return out


def _learn(data: bytes) -> Observer:
    observer = Observer()
    for packet in packets(io.BytesIO(data), "test", observer.tally):
        observer.feed(packet)
    return observer


@pytest.mark.parametrize(
    "capture",
    [
        _pcap,
        functools.partial(_pcap, order=">"),
        functools.partial(_pcap, nano=True),
        _pcapng,
        functools.partial(_pcapng, order=">"),
    ],
    ids=["pcap", "pcap-big", "pcap-nano", "pcapng", "pcapng-big"],
)
def test_what_a_conversation_tells(capture: Callable[[list[bytes]], bytes]) -> None:
    observed = _learn(capture(_frames())).result("test", Matcher(()))
    uses = {(u.host, u.port, u.protocol): u for u in observed.unexplained}
    assert set(uses) == {
        (NAME, 443, "tcp"),
        (NAME, 444, "tcp"),
        ("example.com", 443, "udp"),
        ("six.example.com", 80, "tcp"),
    }
    split = uses[NAME, 443, "tcp"]
    assert (split.seen_by, split.resets, split.timeouts) == (("sni",), 1, 0)
    assert split.local_addresses == ("10.0.0.2",)
    assert (uses[NAME, 444, "tcp"].seen_by, uses[NAME, 444, "tcp"].timeouts) == (("dns",), 1)
    assert uses["example.com", 443, "udp"].seen_by == ("quic",)
    assert observed.malformed == {}
    assert observed.complete
    assert (observed.first_seconds, observed.last_seconds) == (1000.5, 1000.5 + len(_frames()) - 1)


def _wrapped() -> dict[str, Callable[[Any], Any]]:
    """Each way in which a mirror port or a trunk may wrap a packet: scapy's layers around it."""
    from scapy.contrib.geneve import GENEVE
    from scapy.contrib.mpls import MPLS
    from scapy.layers.inet import IP, UDP
    from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt
    from scapy.layers.l2 import GRE, LLC, SNAP, Dot1AD, Dot1Q, Dot3, Ether
    from scapy.layers.ppp import PPP, PPPoE
    from scapy.layers.vxlan import VXLAN
    from scapy.packet import Raw

    outer = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    ip = outer / IP(src="192.0.2.1", dst="192.0.2.2")
    six = outer / IPv6(src="2001:db8::a", dst="2001:db8::b")

    def whole(packet: Any) -> bytes:
        return bytes(outer / packet)

    return {
        "QinQ, four tags": lambda p: outer / Dot1AD(vlan=5) / Dot1AD(vlan=6) / Dot1Q(vlan=7) / Dot1Q(vlan=8) / p,
        "LLC/SNAP": lambda p: Dot3() / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=0x800) / p,
        "MPLS": lambda p: outer / MPLS(label=16, s=0) / MPLS(label=17, s=1) / p,
        "PPPoE": lambda p: outer / PPPoE(sessionid=1) / PPP(proto=0x21) / p,
        "GRE": lambda p: ip / GRE(proto=0x800, key_present=1, key=7, chksum_present=1) / p,
        "GRE over IPv6": lambda p: six / IPv6ExtHdrDestOpt() / GRE(proto=0x800) / p,
        "NVGRE": lambda p: ip / GRE(proto=0x6558, key_present=1) / Raw(whole(p)),
        "ERSPAN I": lambda p: ip / GRE(proto=0x88BE) / Raw(whole(p)),
        "ERSPAN II": lambda p: ip / GRE(proto=0x88BE, seqnum_present=1) / Raw(b"\x10\x01" + bytes(6) + whole(p)),
        "ERSPAN III": lambda p: ip / GRE(proto=0x22EB, seqnum_present=1) / Raw(b"\x20" + bytes(11) + whole(p)),
        "ERSPAN III, more": lambda p: (
            ip / GRE(proto=0x22EB, seqnum_present=1) / Raw(b"\x20" + bytes(10) + b"\x01" + bytes(8) + whole(p))
        ),
        "IP in IP": lambda p: ip / IP(proto=4, src="192.0.2.3", dst="192.0.2.4") / p,
        "VXLAN": lambda p: ip / UDP(sport=9, dport=4789) / VXLAN(flags=8, vni=7) / Raw(whole(p)),
        "VXLAN-GPE": lambda p: ip / UDP(sport=9, dport=4789) / VXLAN(flags=12, NextProtocol=1, vni=7) / p,
        "VXLAN of Linux": lambda p: ip / UDP(sport=9, dport=8472) / Raw(b"\x08" + bytes(7) + whole(p)),
        "GENEVE": lambda p: ip / UDP(sport=9, dport=6081) / GENEVE(proto=0x6558) / Raw(whole(p)),
    }


@pytest.mark.parametrize("how", _wrapped())
def test_what_stands_around_a_packet_is_taken_off(how: str) -> None:
    from scapy.layers.inet import IP, TCP

    packet = IP(src="10.0.0.2", dst="198.51.100.7", ttl=9) / TCP(sport=5, dport=443, flags="PA", seq=1, ack=7) / b"abc"
    told: Counter[str] = Counter()
    bare = frames.segment(101, bytes(packet), told)
    assert bare is not None
    assert (bare.payload, bare.hops, bare.acknowledged) == (b"abc", 9, 7)
    frame = bytes(_wrapped()[how](packet))
    assert frames.segment(1, frame, told) == bare
    assert not told
    for length in range(len(frame)):
        frames.segment(1, frame[:length], Counter())


def test_what_cannot_be_looked_into_is_told_and_what_is_nobodys_packet_is_not() -> None:
    from scapy.layers.inet import ICMP, IP
    from scapy.layers.l2 import ARP, GRE, LLC, STP, Dot3, Ether
    from scapy.packet import Raw

    ether, ip = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02"), IP(src="192.0.2.1", dst="192.0.2.2")
    told: Counter[str] = Counter()
    for packet in (ether / ARP(), ether / ip / ICMP(), Dot3() / LLC() / STP(), ether / ip / GRE(proto=0x2000)):
        assert frames.segment(1, bytes(packet), told) is None
    assert not told
    nested = ether
    for _ in range(6):
        nested = nested / IP(proto=4)
    for packet in (
        ether / IP(proto=50) / Raw(bytes(60)),
        ether / IP(proto=51) / Raw(bytes(60)),
        Ether(type=0x88E5) / Raw(bytes(60)),
        Ether(type=0x8847) / Raw(bytes([0, 0, 1, 9]) + bytes(60)),
        Ether(type=0x8847) / Raw(bytes(80)),
        nested / ip,
    ):
        assert frames.segment(1, bytes(packet), told) is None
    assert dict(told) == {
        "packet is encrypted (IPsec ESP)": 1,
        "packet in IPsec AH (not looked into)": 1,
        "frame is encrypted (MACsec)": 1,
        "frame in MPLS (not looked into)": 1,
        tunnels.TOO_MANY: 2,
    }


def _one_direction(*more: tuple[float, int]) -> Observer:
    """The client's packets alone, as ``tcpdump dst port 443`` keeps them; more: when, and what it acknowledges then."""
    from scapy.layers.inet import IP, TCP

    there, hello = IP(src="10.0.0.2", dst="198.51.100.7"), client_hello(NAME)
    after = 101 + len(hello)
    packets_ = [
        (0.0, there / TCP(sport=5, dport=443, flags="S", seq=100)),
        (0.1, there / TCP(sport=5, dport=443, flags="A", seq=101, ack=901)),
        (0.2, there / TCP(sport=5, dport=443, flags="PA", seq=101, ack=901) / hello),
        *((when, there / TCP(sport=5, dport=443, flags="A", seq=after, ack=acked)) for when, acked in more),
    ]
    observer = Observer()
    for when, packet in packets_:
        observer.feed(Packet(when, 101, bytes(packet)))
    return observer


@pytest.mark.parametrize(
    ("more", "silent"),
    [
        ([], 0),
        ([(0.3, 4901), (20.0, 4902)], 0),
        ([(0.3, 901), (20.0, 901)], 1),
        ([(20.0, 902)], 1),
    ],
    ids=["ended at once", "answered", "silent", "closed without a word"],
)
def test_one_direction_tells_by_what_the_client_acknowledges(more: list[tuple[float, int]], silent: int) -> None:
    [use] = _one_direction(*more).result("test", Matcher(())).unexplained
    assert (use.host, use.connections, use.timeouts, use.silent) == (NAME, 1, 0, silent)


def test_the_servers_direction_alone_is_told_and_makes_no_client_of_it() -> None:
    from scapy.layers.inet import IP, TCP

    back = IP(src="198.51.100.7", dst="10.0.0.2")
    server_hello = b"\x16\x03\x03\x00\x7a\x02" + bytes(121)
    observer = Observer()
    for number, packet in enumerate(
        (
            back / TCP(sport=443, dport=5, flags="SA", seq=900, ack=101),
            back / TCP(sport=443, dport=5, flags="PA", seq=901, ack=700) / server_hello,
        )
    ):
        observer.feed(Packet(float(number), 101, bytes(packet)))
    observed = observer.result("test", Matcher(()))
    assert (observed.unexplained, observed.bare_addresses) == ((), ())
    assert observed.malformed == {"answer to a SYN that is not in the capture": 1}


@pytest.mark.parametrize("made", [_pcap, _pcapng])
def test_a_snapshot_length_is_told(made: Callable[..., bytes]) -> None:
    whole = made([bytes(40)])
    captured = struct.pack("<II", 40, 40)
    assert whole.count(captured) == 1
    told = _learn(whole.replace(captured, struct.pack("<II", 40, 1500))).result("test", Matcher(())).malformed
    assert [what for what in told if "captured in part" in what]
    assert not [what for what in _learn(whole).result("test", Matcher(())).malformed if "captured in part" in what]


@settings(max_examples=150)
@given(st.data())
def test_a_mangled_capture_never_raises_and_is_counted(data: st.DataObject) -> None:
    capture = bytearray(_pcapng(_frames()) if data.draw(st.booleans()) else _pcap(_frames()))
    for _ in range(data.draw(st.integers(0, 20))):
        capture[data.draw(st.integers(24, len(capture) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(24, len(capture)))
    observer = _learn(bytes(capture[:cut]))
    observed = observer.result("test", Matcher(()))
    assert observed.complete or observed.malformed


@given(st.binary(max_size=120), st.sampled_from([0, 1, 12, 101, 108, 113, 276, 228, 229, 9999]))
def test_frames_take_any_bytes(data: bytes, link: int) -> None:
    frames.segment(link, data, Counter())


def test_gzip_whole_and_damaged(tmp_path: Path) -> None:
    packed = gzip.compress(_pcap(_frames() * 50))
    whole, damaged = tmp_path / "whole.pcap.gz", tmp_path / "damaged.pcap.gz"
    whole.write_bytes(packed)
    damaged.write_bytes(packed[: len(packed) // 2])
    tally = Tally()
    assert len(list(read(whole, tally))) == 50 * len(_frames())
    assert tally.complete
    tally = Tally()
    assert 0 < len(list(read(damaged, tally))) < 50 * len(_frames())
    assert tally.malformed["gzip stream is damaged"] == 1
    assert not tally.complete


@pytest.mark.parametrize("content", [b"", b"hello, world"])
def test_what_is_no_capture_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match="is not a capture"):
        list(read(path, Tally()))
    with pytest.raises(UnreadableFileError, match="cannot be read"):
        list(read(tmp_path / "missing", Tally()))


class _Endless:
    """A capture of any size that needs no disk."""

    def __init__(self, size: int) -> None:
        frame = bytes(60_000)
        self._record = struct.pack("<IIII", 1, 0, len(frame), len(frame)) + frame
        self._left = size
        self._buffer = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)

    def read(self, size: int = -1) -> bytes:
        if len(self._buffer) < size and self._left > 0:
            self._buffer += self._record
            self._left -= len(self._record)
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data


def test_a_gigabyte_takes_no_memory() -> None:
    tally = Tally()
    observer = Observer()
    tracemalloc.start()
    try:
        for packet in packets(cast(BinaryIO, _Endless(1 << 30)), "endless", tally):
            observer.feed(packet)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert observer.bytes > 1_000_000_000
    assert peak < 4 << 20


def test_a_flood_of_names_and_connections_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """More conversations than the tables hold: the oldest are counted and forgotten, and that is told."""
    monkeypatch.setattr("netprobe.observe.learn.MAX_FLOWS", 100)
    monkeypatch.setattr("netprobe.observe.learn.MAX_USES", 50)
    observer = Observer()
    for number in range(1000):
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, 6, 0, b"\x0a\0\0\x01", struct.pack("!I", number))
        tcp = struct.pack("!HHIIBBHHH", 1024 + number, 443, number, 0, 0x50, 2, 0, 0, 0)
        observer.feed(Packet(float(number), 101, ip + tcp))
    observed = observer.result("flood", Matcher(()))
    assert len(observed.bare_addresses) == 50
    assert observed.dropped == {"names and addresses in use": 950, "TCP conversations (counted early)": 900}
    assert sum(use.timeouts for use in observed.bare_addresses) == 50


def test_a_flood_of_addresses_is_summed_up_in_time() -> None:
    """One pass: held against each other, twenty thousand took five seconds."""
    observer = Observer()
    for number in range(20_000):
        ip = struct.pack("!BBHHHBBH4sI", 0x45, 0, 40, 0, 0, 64, 6, 0, b"\x0a\0\0\1", 0x0B000000 + number)
        observer.feed(Packet(0.0, 101, ip + struct.pack("!HHIIBBHHH", 1000, 443, 1, 0, 0x50, 2, 0, 0, 0)))
    began = time.process_time()
    assert len(observer.result("capture", Matcher(())).bare_addresses) == 20_000
    assert time.process_time() - began < 2


def test_records_that_lie_about_their_length_stop_the_reading() -> None:
    tally = Tally()
    capture = _pcap(_frames()) + struct.pack("<IIII", 1, 0, 0x7FFFFFFF, 1)

    def read_all() -> Iterator[Packet]:
        return packets(io.BytesIO(capture), "lies", tally)

    assert len(list(read_all())) == len(_frames())
    assert tally.malformed == {"record length is impossible": 1}
    assert not tally.complete


LIES = {"IP header length": 18, "IP total length": 20, "protocol": 27, "TCP data offset": 50, "UDP length": 42}
"""Places in an Ethernet frame with one VLAN tag (18 bytes) and an IPv4 header without options (20)."""


@given(st.lists(st.tuples(st.sampled_from(list(LIES.values())), st.binary(min_size=1, max_size=2)), max_size=6))
def test_lies_in_length_fields_of_whole_packets(lies: list[tuple[int, bytes]]) -> None:
    """Every packet of a conversation tells the same lies; what is still made of them was in them."""
    mangled = []
    for frame in _frames():
        changed = bytearray(frame)
        for place, value in lies:
            changed[place : place + len(value)] = value
        mangled.append(bytes(changed[: len(frame)]))
    observer = _learn(_pcap(mangled))
    observed = observer.result("lies", Matcher(()))
    assert observed.packets == len(mangled)
    assert observed.complete
    hosts = {use.host for use in observed.unexplained} | {question.host for question in observed.questions}
    assert hosts <= {NAME, "example.com", "six.example.com"}


@given(st.data())
def test_segments_that_contradict_each_other_give_one_name_or_none(data: st.DataObject) -> None:
    """Overlapping segments with other content: never a name that nobody sent whole, never an exception."""
    from scapy.layers.inet import IP, TCP

    first, second = client_hello("one.example.com"), client_hello("two.example.com")
    pieces = []
    for hello in (first, second):
        cuts = sorted(data.draw(st.lists(st.integers(1, len(hello) - 1), max_size=4, unique=True)))
        bounds = [0, *cuts, len(hello)]
        pieces += [(start, hello[start:end]) for start, end in itertools.pairwise(bounds)]
    there = IP(src="10.0.0.2", dst="198.51.100.7")
    layers = [there / TCP(sport=5000, dport=443, flags="S", seq=100)]
    layers += [
        there / TCP(sport=5000, dport=443, flags="A", seq=101 + start) / content
        for start, content in data.draw(st.permutations(pieces))
    ]
    observer = Observer()
    for number, layer in enumerate(layers):
        observer.feed(Packet(float(number), 101, bytes(layer)))
    hosts = {use.host for use in observer.result("overlap", Matcher(())).unexplained}
    letters = set("one.example.com") | set("two.example.com")
    assert all(host.endswith(".example.com") and set(host) <= letters for host in hosts)


@given(st.lists(st.integers(1, 63), min_size=1, max_size=40), st.integers(0, 200))
def test_endless_names_are_no_names(lengths: list[int], jumps: int) -> None:
    """RFC 1035, section 2.3.4: 255 octets with the root; and no chain of pointers is followed for ever."""
    wire = b"".join(bytes([length]) + b"a" * length for length in lengths) + b"\0"
    body = wire + bytes(4)
    # The question's name, then a record whose owner is a chain of pointers that ends at it.
    at = 12
    for _ in range(jumps):
        body += struct.pack("!H", 0xC000 | at)
        at = 12 + len(body) - 2
        if at > 0x3FF0:
            return
    header = struct.pack("!HHHHHH", 1, 0x0100, 1, 0, 0, 0)
    message = narrow.parse(header + body)
    assert (message is not None) == (len(wire) <= 255)
    chained = header + struct.pack("!H", 0xC000 | (at + 6)) + bytes(4) + body  # everything moved by six octets
    found = narrow.parse(chained)
    assert found is None or len(found.name) <= 253


def test_a_gap_of_one_byte_is_a_gap() -> None:
    assembler = Assembler(100)
    assert not assembler.add(1, b"bc")
    assert assembler.prefix == b""
    assert assembler.add(0, b"a")
    assert assembler.prefix == b"abc"


@pytest.mark.parametrize(("rcode", "word"), [(2, "SERVFAIL"), (3, "NXDOMAIN"), (5, "REFUSED")])
def test_what_a_dns_server_would_not_say_is_counted_by_its_word(rcode: int, word: str) -> None:
    from scapy.layers.dns import DNS, DNSQR
    from scapy.layers.inet import IP, UDP

    question = DNSQR(qname=NAME)
    packets = [
        IP(src="10.0.0.2", dst="198.51.100.7") / UDP(sport=4000, dport=53) / DNS(qd=question),
        IP(src="198.51.100.7", dst="10.0.0.2") / UDP(sport=53, dport=4000) / DNS(qr=1, rcode=rcode, qd=question),
    ]
    observer = Observer()
    for number, packet in enumerate(packets):
        observer.feed(Packet(float(number), 101, bytes(packet)))
    (asked,) = observer.result("denied", Matcher(())).questions
    assert (asked.host, asked.asked, asked.answered, asked.failures) == (NAME, 1, 0, {word: 1})


@pytest.mark.parametrize(("answered", "reset", "foreign"), [(60, 60, 0), (60, 59, 0), (59, 60, 0), (60, 255, 1)])
def test_a_reset_from_another_distance_is_another_devices(answered: int, reset: int, foreign: int) -> None:
    """A router more or less is the same way, taken again."""
    from scapy.layers.inet import IP, TCP

    there, back = {"src": "10.0.0.2", "dst": "198.51.100.7"}, {"src": "198.51.100.7", "dst": "10.0.0.2"}
    packets = [
        IP(**there) / TCP(sport=5000, dport=443, flags="S", seq=100),
        IP(**back, ttl=answered) / TCP(sport=443, dport=5000, flags="SA", seq=900, ack=101),
        IP(**there) / TCP(sport=5000, dport=443, flags="A", seq=101, ack=901) / client_hello(NAME),
        IP(**back, ttl=reset) / TCP(sport=443, dport=5000, flags="R", seq=901),
    ]
    observer = Observer()
    for number, packet in enumerate(packets):
        observer.feed(Packet(float(number), 101, bytes(packet)))
    (use,) = observer.result("reset", Matcher(())).unexplained
    assert [(one.side, one.count, one.foreign) for one in use.resets_by] == [("remote", 1, foreign)]
