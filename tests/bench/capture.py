"""How fast ``netprobe observe`` reads a capture, beside scapy's dissection of the same packets (not a test).

    python tests/bench/capture.py [PACKETS]

The capture is made in memory: DNS answers, ClientHellos and plain TCP segments in turn, Ethernet over IPv4. Both sides
read the same frames in this process; prints microseconds a packet and the ratio.
"""

from __future__ import annotations

import io
import struct
import sys
import time
from collections.abc import Callable

import dns.message
import dns.rrset
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether

from netprobe.observe.capture import packets
from netprobe.observe.learn import Observer

NAME = "ecs-a-1.us-east-2.amazonaws.com"


def frames() -> tuple[bytes, ...]:
    """One of each kind."""
    answer = dns.message.make_response(dns.message.make_query(NAME, "A"))
    answer.answer.append(dns.rrset.from_text(f"{NAME}.", 60, "IN", "A", "198.18.0.7"))
    name = NAME.encode()
    entry = struct.pack("!BH", 0, len(name)) + name
    sni = struct.pack("!HHH", 0, len(entry) + 2, len(entry)) + entry
    body = b"\x03\x03" + bytes(32) + b"\0" + b"\0\2\x13\x01" + b"\1\0" + struct.pack("!H", len(sni)) + sni
    hello = b"\1" + len(body).to_bytes(3, "big") + body
    record = b"\x16\x03\x01" + struct.pack("!H", len(hello)) + hello
    # With a destination of their own, or scapy asks the machine's network for one.
    ether = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    outer, back = ether / IP(src="198.18.0.1", dst="198.18.0.7"), ether / IP(src="198.18.0.53", dst="198.18.0.1")
    return (
        bytes(back / UDP(sport=53, dport=40000) / answer.to_wire()),
        bytes(outer / TCP(sport=40001, dport=443, flags="PA", seq=1) / record),
        bytes(outer / TCP(sport=40001, dport=443, flags="A", seq=1 + len(record)) / bytes(1200)),
    )


def timed(work: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 150_000
    kinds = frames()
    capture = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + b"".join(
        struct.pack("<IIII", number, 0, len(frame), len(frame)) + frame
        for number in range(count)
        for frame in (kinds[number % len(kinds)],)
    )
    observer = Observer()

    def ours() -> None:
        for packet in packets(io.BytesIO(capture), "bench", observer.tally):
            observer.feed(packet)

    sample = max(count // 20, 1)
    own = timed(ours) / count * 1e6
    scapy = timed(lambda: [Ether(kinds[number % len(kinds)]).summary() for number in range(sample)]) / sample * 1e6
    sys.stdout.write(f"netprobe {own:.1f} us a packet ({1e6 / own:,.0f} a second)\n")
    sys.stdout.write(f"scapy    {scapy:.1f} us a packet (dissection and summary, {sample} packets)\n")
    sys.stdout.write(f"ratio    {scapy / own:.1f}\n")


if __name__ == "__main__":
    main()
