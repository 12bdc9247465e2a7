"""TCP_INFO: real structures of real sockets, and those of kernels and machines that are not here."""

from __future__ import annotations

import ctypes
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.observations import DnsDetail, Failure, Observation, Step, TcpDetail
from netprobe.probes import bursts, tcp, tcpinfo
from tests.support import need

TYPES: dict[str, Any] = {"u8": ctypes.c_uint8, "u32": ctypes.c_uint32, "u64": ctypes.c_uint64}
TEXT = """
u8 state ca_state retransmits probes backoff options wscales limited
u32 rto ato snd_mss rcv_mss unacked sacked lost retrans fackets
u32 last_data_sent last_ack_sent last_data_recv last_ack_recv
u32 pmtu rcv_ssthresh rtt rttvar snd_ssthresh snd_cwnd advmss reordering rcv_rtt rcv_space total_retrans
u64 pacing_rate max_pacing_rate bytes_acked bytes_received
u32 segs_out segs_in notsent_bytes min_rtt data_segs_in data_segs_out
u64 delivery_rate busy_time rwnd_limited sndbuf_limited
u32 delivered delivered_ce
u64 bytes_sent bytes_retrans
u32 dsack_dups reord_seen rcv_ooopack snd_wnd
"""
"""``struct tcp_info`` of include/uapi/linux/tcp.h, Linux 6.1, field for field (read 2026-11-28)."""
LAYOUT = tuple((name, TYPES[line.split()[0]]) for line in TEXT.strip().splitlines() for name in line.split()[1:])


class Natural(ctypes.Structure):
    """As x86-64, ARM, MIPS, POWER and s390x lay it out."""

    _fields_ = list(LAYOUT)


class AlignedToFour(ctypes.Structure):
    """As i386 and m68k lay it out, where 64-bit numbers need no more than four."""

    _layout_ = "ms"
    _pack_ = 4
    _fields_ = list(LAYOUT)


@pytest.mark.parametrize("layout", [Natural, AlignedToFour])
def test_the_offsets_are_those_of_the_header_on_every_machine(layout: type[ctypes.Structure]) -> None:
    offsets = {name: getattr(layout, name).offset for name, _ in LAYOUT}
    read = (tcpinfo.RTT_OFFSET, tcpinfo.TOTAL_RETRANS_OFFSET, tcpinfo.DSACK_DUPS_OFFSET)
    assert read == (offsets["rtt"], offsets["total_retrans"], offsets["dsack_dups"])
    assert ctypes.sizeof(layout) == 232


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.binary(max_size=40))
def test_what_is_written_is_read(rtt: int, again: int, nothing: int, newer: bytes) -> None:
    info = bytes(Natural(rtt=rtt, total_retrans=again, dsack_dups=nothing)) + newer
    read = tcpinfo.parse(info)
    assert (read.rtt_seconds, read.sent_again, read.sent_for_nothing) == (rtt / 1e6, again, nothing)
    assert read.lost == max(0, again - nothing)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, (0.0, 0, 0)),
        (71, (0.0, 0, 0)),
        (72, (0.02, 0, 0)),
        (104, (0.02, 3, 0)),  # Linux 2.6 to 3.14
        (192, (0.02, 3, 0)),  # Linux 4.17
        (219, (0.02, 3, 0)),
        (220, (0.02, 3, 1)),
        (232, (0.02, 3, 1)),
    ],
)
def test_the_shorter_structure_of_an_old_kernel_has_less_to_say(size: int, expected: tuple[float, int, int]) -> None:
    read = tcpinfo.parse(bytes(Natural(rtt=20_000, total_retrans=3, dsack_dups=1))[:size])
    assert (read.rtt_seconds, read.sent_again, read.sent_for_nothing) == expected


@given(st.binary(max_size=300))
def test_no_bytes_at_all_break_the_reader(info: bytes) -> None:
    assert tcpinfo.parse(info).lost >= 0


def _connected() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    return client, server


def test_a_real_connection_of_this_machine_is_read() -> None:
    client, server = _connected()
    with client, server:
        raw = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 512)
        mss = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
        read = tcpinfo.read(client)
    known = Natural.from_buffer_copy(raw.ljust(ctypes.sizeof(Natural), b"\0"))
    assert known.state == 1  # TCP_ESTABLISHED: it is this structure
    assert known.snd_mss == mss
    assert len(raw) >= 104
    assert 0 < read.rtt_seconds < 1
    assert read.rtt_seconds == known.rtt / 1e6
    assert (read.sent_again, read.lost) == (0, 0)


def test_a_socket_that_is_closed_tells_nothing() -> None:
    client, server = _connected()
    client.close()
    server.close()
    assert tcpinfo.read(client) == tcpinfo.TcpInfo()
    assert tcp.round_trip(client) is None
    assert tcp.retransmitted(client) == 0


def test_a_kernel_that_has_no_such_option_tells_nothing() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        assert tcpinfo.read(sock) == tcpinfo.TcpInfo()


_LOSES_EACH_FIRST_SYN = """
table inet t {
  set seen { type inet_service; flags dynamic; size 1024; }
  chain c {
    type filter hook output priority 0;
    tcp dport 443 tcp flags syn / fin,syn,rst,ack tcp sport != @seen add @seen { tcp sport } drop
  }
}
"""
_IN_NAMESPACE = """
import socket, trio
from netprobe.probes import bursts, tcp, tcpinfo
from tests.support import probe_servers
async def main():
    for port in (443, 444):
        with socket.create_server(("192.0.2.1", port)):
            o, stream = await tcp.connect(probe_servers.scene(), "192.0.2.1", port, probe_servers.limits(8.0))
            o = tcp.with_retransmitted(o, stream.socket)
            print(port, o.failure, o.detail.retransmitted, o.duration_seconds >= 0.9, bursts.syn_again(o), flush=True)
            print(tcpinfo.read(stream.socket).rtt_seconds < 0.5, flush=True)
            stream.close()
trio.run(main)
"""


@pytest.mark.root
def test_a_syn_that_was_lost_is_counted_and_makes_the_path_no_slower(tmp_path: Path) -> None:
    """A packet filter drops the first SYN of each source port; RFC 6298 section 2 sends it again after a second."""
    need.root()
    need.engine("nft")
    need.engine("ip")
    rules, probe = tmp_path / "rules.nft", tmp_path / "probe.py"
    rules.write_text(_LOSES_EACH_FIRST_SYN)
    probe.write_text(_IN_NAMESPACE)
    done = subprocess.run(
        [
            "unshare",
            "--net",
            "sh",
            "-c",
            f"ip link set lo up && ip addr add 192.0.2.1/32 dev lo && nft -f {rules} && exec {sys.executable} {probe}",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )
    assert done.stdout.split("\n")[:4] == ["443 None 1 True True", "True", "444 None 0 False False", "True"], done


def _seen(step: Step, detail: TcpDetail | DnsDetail, seconds: float, failure: Failure | None = None) -> Observation:
    return Observation(
        id="1",
        vantage="host",
        endpoint="ssm",
        host="ssm.us-east-2.amazonaws.com",
        region="us-east-2",
        port=443,
        address="192.0.2.1",
        step=step,
        started_seconds=0.0,
        duration_seconds=seconds,
        failure=failure,
        detail=detail,
    )


@pytest.mark.parametrize(
    ("retransmitted", "seconds", "failure", "lost"),
    [
        (1, 1.02, None, True),
        (2, 3.05, None, True),
        (1, 0.9, None, True),
        (1, 0.3, None, False),  # sent again after the handshake: no SYN
        (0, 1.4, None, False),  # slow, and nothing was sent again
        (2, 3.2, Failure.TIMEOUT, False),
    ],
)
def test_a_lost_syn_is_a_second_and_a_segment(
    retransmitted: int, seconds: float, failure: Failure | None, lost: bool
) -> None:
    detail = TcpDetail(port=443, retransmitted=retransmitted)
    assert bursts.syn_again(_seen(Step.TCP, detail, seconds, failure)) is lost


def test_only_a_connection_has_a_syn() -> None:
    detail = DnsDetail(resolver="192.0.2.53:53", rrtype="A", transport="udp", attempts=2)
    assert bursts.syn_again(_seen(Step.DNS, detail, 1.2)) is False


def test_what_a_peer_took_is_acknowledged_though_it_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.connect(server.getsockname())
        client.sendall(b"hello")
        assert _settled(client) == 0


def test_what_a_peer_has_no_room_for_is_not_acknowledged() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.connect(server.getsockname())
        client.setblocking(False)
        sent = _send_until_full(client)
        assert 0 < (_settled(client) or 0) <= sent


def _send_until_full(sock: socket.socket) -> int:
    sent = 0
    while True:
        try:
            sent += sock.send(bytes(1 << 20))
        except BlockingIOError:
            return sent


def _settled(sock: socket.socket) -> int | None:
    """What is not acknowledged, once nothing more is: loopback needs a moment."""
    deadline, left = time.monotonic() + 5, tcpinfo.unacknowledged(sock)
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        before, left = left, tcpinfo.unacknowledged(sock)
        if left == before:
            break
    return left


def test_of_a_socket_that_is_closed_nothing_is_known() -> None:
    sock = socket.socket()
    sock.close()
    assert tcpinfo.unacknowledged(sock) is None
