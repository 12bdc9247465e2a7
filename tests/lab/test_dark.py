"""Where nothing answers: told and proven in time, within bounds, and not proven where there was no time for it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from netprobe.diagnosis import diagnose
from netprobe.findings import Certainty, Verdict
from netprobe.lab import Scenario
from netprobe.observations import Run
from tests.support import cli, need
from tests.support.lab_case import Case, Network, play
from tests.support.lab_endpoints import name_of

DARK = ("ssm", "ecs", "logs", "ecr-api", "ec2messages")
TOLD_WITHIN, PROVEN_WITHIN = 6.0, 20.0
"""Seconds on a machine that is busy with other tests; the bench measures the goals of 4 and 13 s on a quiet one."""
THIRTY = Scenario(name="thirty", summary=".", numbers=tuple(range(1, 11)))
DEADLINE = 10
LATE_BY, STARTED_AND_WRITTEN_IN = 2.0, 30.0
"""Seconds: the run's own end after its deadline, and all that is beside the run, on a machine that is busy."""
MOST_QUESTIONS = 10_000
"""Some 1,300 names and both families are 2,600 questions, each with three datagrams in ten seconds at most."""
MOST_OBSERVATIONS = 8_000
MOST_KIB = 400 * 1024
RESOLVER = "192.0.2.53"


@pytest.mark.root
async def test_five_dark_hosts_among_thirty_are_told_at_once_and_proven_soon() -> None:
    """Told from the first pass, as suspected; then a repeat waits for ten seconds, and its silence proves it."""
    need.root()
    need.engine("nft")
    rules = tuple(f"ip daddr {{{one.replace('-', '_')}}} tcp dport 443 drop" for one in DARK)
    told: list[Run] = []
    result = await play(Case(name="five-dark", scenario=THIRTY, network=Network(forward=rules)), told.append)
    run, first = result.run, told[-1]
    names = {name_of(one) for one in DARK}
    assert len({o.host for o in run.observations if o.experiment is None}) >= 30
    assert first.duration_seconds <= TOLD_WITHIN
    assert run.duration_seconds <= PROVEN_WITHIN
    assert _certain(first, Certainty.SUSPECTED) == {("tcp_dropped", host) for host in names}
    assert _certain(first, Certainty.PROVEN) == set()
    assert _certain(run, Certainty.PROVEN) == {("tcp_dropped", host) for host in names}
    assert result.diagnosis.verdict is Verdict.NOT_READY


def _certain(run: Run, certainty: Certainty) -> set[tuple[str, str]]:
    return {(f.id, host) for f in diagnose(run).findings if f.certainty is certainty for host in f.hosts}


_MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print("exit", code, "with", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, "KiB", flush=True)
"""
_DROPS_ALL = """
table inet t {
  chain c {
    type filter hook input priority 0;
    meta l4proto { tcp, udp } counter drop
  }
}
"""


@pytest.mark.root
def test_every_region_without_dns_ends_in_time_and_within_bounds(tmp_path: Path) -> None:
    """No DNS server answers: nothing could be looked at, and the deadline leaves no time to prove it."""
    need.root()
    need.engine("nft")
    need.engine("ip")
    rules = tmp_path / "rules.nft"
    rules.write_text(_DROPS_ALL)
    before = f"ip link set lo up && ip addr add {RESOLVER}/32 dev lo && nft -f {rules}"
    output = _in_the_dark(tmp_path, f"--resolver {RESOLVER} --no-proxy", before, "nft list table inet t")
    packets = re.search(r"counter packets (\d+)", output)
    assert packets is not None, output
    assert 0 < int(packets[1]) <= MOST_QUESTIONS


def test_every_region_behind_a_firewall_that_drops_ends_in_time_and_within_bounds(tmp_path: Path) -> None:
    """Names resolve and nothing connects: hundreds of black holes, all of them suspected when the deadline ends it."""
    _in_the_dark(tmp_path, "--lab blackhole-all", "true", "true")


def _in_the_dark(folder: Path, options: str, before: str, after: str) -> str:
    """Check every region, hold what it cost and what it says against the bounds, and return what was printed."""
    report, command = folder / "report.json", [sys.executable, "-c", _MEASURED, sys.executable, "-m", "netprobe"]
    asked = f"check -r all {options} --deadline {DEADLINE} -q --format json -o {report}"
    script = f"{before} && {shlex.join(command)} {asked}; {after}"
    shell = ["sh", "-c", script] if before == "true" else ["unshare", "--net", "sh", "-c", script]
    began = time.monotonic()
    done = subprocess.run(
        shell, capture_output=True, text=True, timeout=120, env=cli.environment(), cwd=cli.ROOT, check=False
    )
    took = time.monotonic() - began
    ended = re.search(r"exit (\d+) with (\d+) KiB", done.stdout)
    assert ended is not None, done
    told = json.loads(report.read_bytes())
    assert told["duration_seconds"] <= DEADLINE + LATE_BY
    assert took <= DEADLINE + STARTED_AND_WRITTEN_IN
    assert int(ended[2]) <= MOST_KIB
    assert 0 < len(told["observations"]) <= MOST_OBSERVATIONS
    assert (told["verdict"], ended[1]) in {("not_ready", "1"), ("inconclusive", "4")}
    bad = [f for f in told["findings"] if f["severity"] != "info"]
    assert bad, "silence is told"
    assert {f["certainty"] for f in bad} == {"suspected"}
    assert all("Suspected:" in f["title"] for f in bad)
    return done.stdout
