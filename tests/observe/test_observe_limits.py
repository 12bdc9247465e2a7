"""What a hostile capture may cost: time in proportion to its bytes, and memory over all its conversations together."""

from __future__ import annotations

import itertools
import json
import os
import random
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netprobe.observe import learn
from netprobe.observe.capture import Packet
from netprobe.observe.learn import Observer
from netprobe.observe.matching import Matcher
from netprobe.path.hello import client_hello
from tests.support import rfc9001
from tests.support.cli import ROOT

MEGABYTE = 1 << 20
RECORD = 16
"""Bytes that a capture file spends on each packet beside its content."""
_RAW = 101


def _ip(protocol: int, content: bytes, source: int = 1, destination: int = 0xC6336407) -> bytes:
    head = struct.pack(
        "!BBHHHBBHII", 0x45, 0, 20 + len(content), 0, 0, 64, protocol, 0, 0x0A000000 + source, destination
    )
    return head + content


def _tcp(
    sequence: int, flags: int, payload: bytes = b"", *, port: int = 443, sport: int = 1000, source: int = 1
) -> bytes:
    return _ip(6, struct.pack("!HHIIBBHHH", sport, port, sequence, 0, 0x50, flags, 0, 0, 0) + payload, source)


def _udp(payload: bytes, *, sport: int = 1000, port: int = 53, source: int = 1) -> bytes:
    return _ip(17, struct.pack("!HHHH", sport, port, 8 + len(payload), 0) + payload, source)


def _one_byte_segments() -> Iterator[bytes]:
    """A ClientHello (and requests) that come byte by byte, begun again when they are over."""
    hello = b"\x16\x03\x01\x3f\xff\x01\x00\x3f\xfb" + bytes(16_000)
    request = b"GET /" + b"a" * 9000
    for number in itertools.count():
        data = request if number % 2 else hello
        yield _tcp(0, 2, sport=number)
        for place in range(len(data)):
            yield _tcp(1 + place, 0x10, data[place : place + 1], sport=number)


def _one_byte_records() -> Iterator[bytes]:
    """A ClientHello in records of one byte, each in a segment of its own."""
    message = b"\x01\x00\x3f\xfb" + bytes(16_000)
    for number in itertools.count():
        yield _tcp(0, 2, sport=number)
        for place in range(2700):
            record = b"\x16\x03\x01\x00\x01" + message[place : place + 1]
            yield _tcp(1 + 6 * place, 0x10, record, sport=number)


def _segments_backwards() -> Iterator[bytes]:
    for number in itertools.count():
        yield _tcp(0, 2, sport=number)
        for place in range(2000, 0, -1):
            yield _tcp(1 + place, 0x10, b"x", sport=number)


def _names_pointed_at() -> Iterator[bytes]:
    """One name of 127 labels, and 64 records that point to it, each through a pointer of its own."""
    name = b"\x01a" * 126 + b"\x00"
    records = b"".join(struct.pack("!HHHIH", 0xC00C, 1, 1, 1, 0) for _ in range(64))
    message = struct.pack("!HHHHHH", 1, 0x8000, 1, 64, 0, 0) + name + struct.pack("!HH", 1, 1) + records
    reply = struct.pack("!HHHH", 53, 1000, 8 + len(message), 0) + message
    while True:
        yield _ip(17, reply)


def _labels_before_a_pointer() -> Iterator[bytes]:
    """Every record's owner is a pointer to 120 labels that end in a pointer."""
    tail = b"\x00"
    chain = b"\x01a" * 120 + struct.pack("!H", 0xC00C)
    at = 12 + 1 + 4
    records = chain + struct.pack("!HHIH", 1, 1, 1, 0)
    records += b"".join(struct.pack("!HHHIH", 0xC000 | at, 1, 1, 1, 0) for _ in range(63))
    message = struct.pack("!HHHHHH", 1, 0x8000, 1, 64, 0, 0) + tail + struct.pack("!HH", 1, 1) + records
    reply = struct.pack("!HHHH", 53, 1000, 8 + len(message), 0) + message
    while True:
        yield _ip(17, reply)


def _initials_of_strangers() -> Iterator[bytes]:
    """QUIC Initials, each with a connection of its own, several in a datagram, none with the right key."""
    order = random.Random(7)
    while True:
        one = b"\xc0\x00\x00\x00\x01\x08" + order.randbytes(8) + b"\x00\x00\x40\x40" + order.randbytes(64)
        yield _udp((one * 20)[:1300], sport=order.randrange(65536), port=443)


def _empty_blocks() -> Iterator[bytes]:
    while True:
        yield b"\x45"


KINDS: dict[str, Callable[[], Iterator[bytes]]] = {
    "one-byte segments": _one_byte_segments,
    "one-byte records": _one_byte_records,
    "segments backwards": _segments_backwards,
    "names pointed at": _names_pointed_at,
    "labels before a pointer": _labels_before_a_pointer,
    "initials of strangers": _initials_of_strangers,
    "cut short": _empty_blocks,
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_megabyte_takes_less_than_a_second(kind: str) -> None:
    """Of this process's own time, the better of two runs."""
    frames = []
    size = 0
    for frame in KINDS[kind]():
        frames.append(frame)
        size += RECORD + len(frame)
        if size >= MEGABYTE:
            break
    assert min(_seconds(frames), _seconds(frames)) < 1


def _seconds(frames: list[bytes]) -> float:
    observer = Observer()
    began = time.process_time()
    for number, frame in enumerate(frames):
        observer.feed(Packet(float(number), _RAW, frame))
    observer.result("hostile", Matcher(()))
    return time.process_time() - began


def _flood(number: int) -> Iterator[bytes]:
    """Everything that a table keeps, at its largest, each time from another client."""
    source = number + 1
    label = b"\x3f" + b"n" * 55 + b"%08d" % number
    name = label * 3 + b"\x3d" + b"m" * 61 + b"\x00"
    yield _tcp(0, 2, source=source)
    yield _tcp(5000, 0x10, b"p" * 1400, source=source)
    yield _tcp(9000, 0x10, b"q" * 1400, source=source)
    yield _tcp(1, 0x10, b"\x16\x03\x01\x3f\xff\x01\x00\x3f\xfb" + bytes(1300), source=source)
    if number < 17_000:  # opening it takes longer than all the rest
        yield _udp(rfc9001.PACKET, source=source, port=443)
    question = struct.pack("!HHHHHH", 1, 0x8003, 1, 0, 0, 0) + name + struct.pack("!HH", 1, 1)
    answer = struct.pack("!HHHHHH", 1, 0x8000, 1, 1, 0, 0) + name + struct.pack("!HH", 1, 1)
    answer += struct.pack("!HHHIH4s", 0xC00C, 1, 1, 1, 4, struct.pack("!I", 0x0B000000 + number))
    for message in (question, answer):
        yield _ip(17, struct.pack("!HHHH", 53, 1000, 8 + len(message), 0) + message, source)
    host = b"h%d.example" % number
    yield _tcp(1, 0x18, b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n", port=80, source=source)
    yield _tcp(200, 4, port=80, source=source)


def test_all_tables_full_take_less_than_64_megabytes() -> None:
    """In a process of its own, by what the system says that it took."""
    code = "from tests.observe.test_observe_limits import take_a_flood; take_a_flood()"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True, timeout=170
    )
    found = json.loads(ended.stdout)
    assert found["kilobytes"] < 64 << 10
    assert found["dropped"]["beginnings of conversations"] > 5000
    assert found["dropped"]["TCP conversations (counted early)"] > 5000
    assert found["dropped"]["DNS names"] > 5000


def _resident() -> int:
    """Kilobytes in memory now; the largest ever (ru_maxrss) a child inherits from who started it."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def take_a_flood() -> None:
    """Fill every table, and print by how much the process grew."""
    observer = Observer()
    for frame in _flood(0):
        observer.feed(Packet(0.0, _RAW, frame))
    before = _resident()
    for number in range(1, 31_000):
        for frame in _flood(number):
            observer.feed(Packet(float(number), _RAW, frame))
    grown = _resident() - before
    observed = observer.result("flood", Matcher(()))
    print(json.dumps({"kilobytes": grown, "dropped": observed.dropped}))


def test_a_name_is_found_although_others_hold_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is dropped is the oldest beginning, never the one that is just being told."""
    monkeypatch.setattr(learn, "MAX_HELD", 20_000)
    observer = Observer()
    hello = client_hello("ecs.us-east-2.amazonaws.com")
    for number in range(100):
        observer.feed(Packet(0.0, _RAW, _tcp(0, 2, source=number + 2)))
        observer.feed(
            Packet(0.0, _RAW, _tcp(1, 16, b"\x16\x03\x01\x3f\xff\x01\x00\x3f\xfb" + os.urandom(900), source=number + 2))
        )
    observer.feed(Packet(0.0, _RAW, _tcp(0, 2)))
    for place in range(0, len(hello), 100):
        observer.feed(Packet(0.0, _RAW, _tcp(1 + place, 16, hello[place : place + 100])))
    observed = observer.result("crowd", Matcher(()))
    assert [use.host for use in observed.unexplained] == ["ecs.us-east-2.amazonaws.com"]
    assert observed.dropped["beginnings of conversations"] > 50
