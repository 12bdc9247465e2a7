"""On a machine without a free processor a healthy network is healthy, and a line that loses packets is told.

netprobe and the lab's servers share a processor with busy processes: answers come late, questions are sent again, and
nothing of it is the network's.
"""

from __future__ import annotations

import pytest

from netprobe.lab import SCENARIOS
from tests.lab.odd_cases import odd
from tests.support import need
from tests.support.lab_case import Case, Network, play_once
from tests.support.starved import starved

HEALTHY = (
    odd("five-routers", Network(routers=5)),
    odd("tunnel-of-1400", Network(routers=2, mtu={1: 1400})),
    odd("on-loopback", None),
)
LOSSY = Case(
    name="loss-of-20", scenario=SCENARIOS["healthy"], network=Network(forward=("numgen random mod 100 < 20 drop",))
)


@pytest.mark.root
@pytest.mark.parametrize("case", HEALTHY, ids=lambda case: case.name)
async def test_a_healthy_network_is_healthy(case: Case) -> None:
    need.root()
    with starved():
        result = await play_once(case)

    assert result.run.context.stalls, "the burners kept nobody waiting"
    assert result.findings == (), [f.title for f in result.diagnosis.findings]
    assert result.diagnosis.verdict is case.verdict


@pytest.mark.root
async def test_a_line_that_loses_packets_is_told() -> None:
    need.root()
    need.engine("nft")
    with starved():
        result = await play_once(LOSSY)

    assert "packet_loss" in result.findings, [f.title for f in result.diagnosis.findings]
