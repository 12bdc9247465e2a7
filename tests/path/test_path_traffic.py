"""What leaves: only towards the addresses that are diagnosed, no faster than asked, one five-tuple a flow."""

from __future__ import annotations

import dataclasses
import signal
from pathlib import Path

import msgspec
import pytest
import trio
import trio.testing

from netprobe.findings import Certainty, Finding, Owner, Severity, Verdict
from netprobe.observations import CatalogVersion, Failure, Observation, Step, TcpDetail
from netprobe.observe import frames
from netprobe.observe.capture import Tally, read
from netprobe.path import locate
from netprobe.path.rate_limits import SendingLimits, SendingPace
from netprobe.report.model import SCHEMA_VERSION, Report
from tests.support import need
from tests.support.netns import Topology
from tests.support.path_lab import LIMITS, NAME, V4, look, target, tls_server


@pytest.mark.root
def test_packets_go_nowhere_else_and_keep_to_the_rate(tmp_path: Path) -> None:
    need.root()
    need.engine("tcpdump")
    path = tmp_path / "sent.pcap"
    limits = dataclasses.replace(LIMITS, packets_per_second=50.0)
    with Topology(routers=2, v6=False) as net, tls_server(net.server, V4):
        net.routers[1].nft("table inet t { chain f { type filter hook forward priority 0;\ntcp dport 444 drop\n}\n}")
        dump = net.client.start(
            "tcpdump", "-i", "eth0", "-U", "-w", str(path), "--immediate-mode", "-Z", "root", "ip",
            ready=lambda: path.exists() and path.stat().st_size >= 24,
        )  # fmt: skip
        report = look(net, target(server_name=NAME), target(port=444), limits=limits)
        dump.send_signal(signal.SIGINT)
        dump.wait(timeout=10)
    tally = Tally()
    seen = [
        (packet.time, found)
        for packet in read(path, tally)
        if (found := frames.segment(packet.link, packet.data, tally.malformed)) is not None
    ]
    sent = [(time, found) for time, found in seen if frames.text(found.source) == "198.18.0.1"]
    assert {frames.text(found.destination) for _, found in sent} == {V4}
    begun = [time for time, found in sent if not found.tcp or found.flags & 0x12 == 0x02]
    for start in begun:
        assert len([one for one in begun if start <= one < start + 1]) <= 50 + 10  # and the kernel's own repetitions
    ports = {found.source_port for _, found in sent}
    flows = [flow for one in report.targets for flow in one.flows]
    assert len({(flow.source_port, flow.port) for flow in flows}) == len(flows)
    assert {flow.source_port for flow in flows} <= ports


async def test_the_pace_is_kept(autojump_clock: trio.testing.MockClock) -> None:
    pace = SendingPace(SendingLimits(packets_per_second=10))
    async with trio.open_nursery() as nursery:
        for _ in range(31):
            nursery.start_soon(pace.turn)
    assert trio.current_time() == pytest.approx(3.0)


def _report(address: str) -> Report:
    seen = Observation(
        id="o1", vantage="host", region="us-east-2", endpoint="ecs", host=NAME, port=443, address=address,
        step=Step.TCP, started_seconds=0.0, duration_seconds=1.0, failure=Failure.TIMEOUT, detail=TcpDetail(port=443),
    )  # fmt: skip
    finding = Finding(
        id="tcp_dropped", severity=Severity.ERROR, certainty=Certainty.PROVEN, region="us-east-2", hosts=(NAME,),
        title="t", evidence=("o1",), remedy="r", owner=Owner.NETWORK, docs="d",
    )  # fmt: skip
    return Report(
        schema_version=SCHEMA_VERSION, netprobe_version="0", catalog=CatalogVersion(version="1", digest="0"),
        started_at="2026-11-23T00:00:00Z", duration_seconds=1.0, regions=("us-east-2",), verdict=Verdict.NOT_READY,
        capabilities=(), endpoints=(),
        findings=(finding, msgspec.structs.replace(finding, id="clock_skew", evidence=())),
        observations=(seen,),
    )  # fmt: skip


@pytest.mark.root
def test_a_report_gets_its_locations() -> None:
    need.root()
    with Topology(routers=2, v6=False) as net, tls_server(net.server, V4):
        net.routers[1].nft("table inet t { chain f { type filter hook forward priority 0;\ntcp dport 443 drop\n}\n}")

        async def from_client() -> Report:
            with net.client.entered():
                return await locate.apply(_report(V4), deadline=30, limits=LIMITS)

        located = trio.run(from_client)
    first, second = located.findings
    assert first.location is not None
    assert (first.location.hop, first.location.address) == (2, "198.18.1.2")
    assert second.location is None


def test_a_report_without_failures_sends_nothing() -> None:
    report = msgspec.structs.replace(_report(V4), observations=())
    assert trio.run(lambda: locate.apply(report, deadline=1)) is report
