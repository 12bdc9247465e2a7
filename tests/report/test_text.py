from __future__ import annotations

import re
import unicodedata

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe.findings import Outcome, Verdict
from netprobe.observations import Context
from netprobe.report import render
from tests.support import reports
from tests.support.some import some

HEAD = """\
NOT READY: us-east-2
5 endpoints and 4 rules: 2 pass, 1 with a warning, 2 fail, 3 could not be run, 1
  not applicable; 2 errors, 2 warnings (1.8 s)
  host        edge-fra-07, site fra, rack=7
  addresses   192.0.2.9
  system      Debian GNU/Linux 12 (bookworm), kernel 6.1.0
  agents      ecs-agent 1.86.0, docker 24.0.7
  looked      as netprobe
  when        2026-11-23T10:00:00.000Z
  netprobe    0.1.0, catalog 2026.11.23, 5 days old
  times       p50 of TCP 0.5 s; slowest: tcp ecs.us-east-2.amazonaws.com 0.5 s
"""
FOLDED = """
WHAT THE HOST CAN DO

  FAIL    register: blocked by tls_intercepted
  pass    pull-images

ENDPOINTS IN US-EAST-2

  FAIL    control 1 of 5, 1 with a warning: ecs: tls_intercepted; logs:
            stale_ip_allowlist; ecr-registry: not run (needs --account);
            monitoring: not run (deadline)

RULES

  FAIL    docker_missing: Docker is not installed.
  not run selinux_enforcing: /etc/selinux/config cannot be read
  pass    1 of 4
  n/a     1 of 4
"""
FULL = """
WHAT THE HOST CAN DO

  FAIL    register: blocked by tls_intercepted
  pass    pull-images

ENDPOINTS IN US-EAST-2

  FAIL    ecs          ecs.us-east-2.amazonaws.com:443
            tls ssl_unknown_authority
  not run ecr-registry ecr-registry.us-east-2.amazonaws.com:443: needs --account
  not run monitoring   monitoring.us-east-2.amazonaws.com:443 (optional):
            deadline
  warn    logs         logs.us-east-2.amazonaws.com:443
            tcp generic_timeout_error
  pass    ssm          ssm.us-east-2.amazonaws.com

RULES

  FAIL    docker_missing: Docker is not installed.
  not run selinux_enforcing: /etc/selinux/config cannot be read
  pass    os_unsupported: Debian 12 is supported.
  n/a     imds_reachable: Not on an image.
"""
REST = """
NOTES

  - us-gov-west-1: no AWS page confirms that ECS Anywhere is offered there

FINDINGS

ERROR: tls_intercepted in us-east-2 (proven)
  TLS to ecs is intercepted by Example CA.
  hosts   ecs.us-east-2.amazonaws.com
  where   hop 2 10.1.0.9 firewall (suspected)
  fix     Allow TCP 443.
  who     the network team
  more    netprobe explain tls_intercepted

ERROR: docker_missing (proven)
  Docker is not installed.
  at      /etc/os-release:3  ID=rhel
  fix     Allow TCP 443.
  who     whoever runs this host
  more    netprobe explain docker_missing

WARNING: stale_ip_allowlist in us-east-2 (suspected)
  One of two addresses of logs does not answer.
  hosts   logs.us-east-2.amazonaws.com
  fix     Allow TCP 443.
  who     the network team
  more    netprobe explain stale_ip_allowlist

WARNING: clock_skew (proven)
  The clock is 90 s behind.
  fix     Allow TCP 443.
  who     whoever runs this host
  more    netprobe explain clock_skew

NOT READY: tls_intercepted at firewall for ecs → network team;
  netprobe explain tls_intercepted
NOT READY: docker_missing → whoever runs this host;
  netprobe explain docker_missing
warning: stale_ip_allowlist for logs (suspected) → network team;
  netprobe explain stale_ip_allowlist
warning: clock_skew → whoever runs this host; netprobe explain clock_skew
"""


def text(report: object, **how: object) -> str:
    shown = render(report, "text", **how)  # type: ignore[arg-type]
    assert isinstance(shown, str)
    return shown


def test_the_whole_screen() -> None:
    assert text(reports.report(), width=80) == HEAD + FOLDED + REST


def test_both_hops_are_told_where_somebody_looked() -> None:
    told = " ".join(text(reports.located("tcp_dropped"), width=80).split())
    assert "where hop 2 198.18.1.2 firewall (suspected); last to answer: hop 2 (198.18.1.2);" in told
    assert "suspects: hop 2, or before hop 3 (198.18.2.2)" in told


def test_in_full_each_thing_that_passes_has_a_line() -> None:
    with_id = HEAD.replace("  system ", f"  machine id  {'a' * 32}\n  system ")
    assert text(reports.report(), width=80, full=True) == with_id + FULL + REST


def test_a_ready_host_is_told_in_a_few_lines() -> None:
    assert text(reports.ready()) == (
        "READY: us-east-2\n"
        "1 endpoint: 1 pass (1.8 s)\n"
        "  host        edge-fra-07, site fra, rack=7\n"
        "  addresses   192.0.2.9\n"
        "  system      Debian GNU/Linux 12 (bookworm), kernel 6.1.0\n"
        "  agents      ecs-agent 1.86.0, docker 24.0.7\n"
        "  looked      as netprobe\n"
        "  when        2026-11-23T10:00:00.000Z\n"
        "  netprobe    0.1.0, catalog 2026.11.23, 5 days old\n"
        "\n"
        "WHAT THE HOST CAN DO\n"
        "\n"
        "  pass    register\n"
        "\n"
        "ENDPOINTS IN US-EAST-2\n"
        "\n"
        "  pass    control 1 of 1\n"
        "\n"
        "READY: 1 endpoint: 1 pass (us-east-2)\n"
    )


@pytest.mark.parametrize("width", [80, 60, 40, 20, 1])
def test_only_what_must_stay_in_one_piece_is_wider_than_the_terminal(width: int) -> None:
    for line in some(text(reports.report(), width=width).splitlines()):
        # A longer line holds one word beside its label: a host name, a command.
        label = line[:12]
        command = "netprobe explain " in line
        assert len(line) <= width or len(line[12:].split()) <= 1 or not label.strip() or width < 40 or command


def test_no_colour_unless_asked_and_the_same_text_with_it() -> None:
    plain = text(reports.report())
    coloured = text(reports.report(), colour=True)
    assert "\x1b" not in plain
    assert "\x1b[31m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_a_long_list_of_hosts_is_shortened_and_sorted() -> None:
    hosts = tuple(f"ecs-a-{n}.us-east-2.amazonaws.com" for n in range(33, 0, -1))
    shown = text(reports.report(findings=(reports.finding("dns_timeout", hosts=hosts),)))
    assert "and 27 more" in " ".join(shown.split())
    assert shown.index("ecs-a-1.") < shown.index("ecs-a-2.") < shown.index("ecs-a-6.")


def test_what_ended_a_run_early_is_told() -> None:
    cut = msgspec.structs.replace(reports.ready(), context=Context(deadline_reached=True, deadline_seconds=60))
    assert "The deadline of 60 s was reached: this is what was seen until then." in text(cut)
    stopped = msgspec.structs.replace(reports.ready(), context=Context(interrupted=True))
    assert "Interrupted: this is what was seen until then." in text(stopped)
    played = msgspec.structs.replace(reports.ready(), context=Context(lab="healthy"))
    assert "Seen in the embedded network 'healthy', not on yours." in text(played)


@pytest.mark.parametrize(
    ("verdict", "first"),
    [
        (Verdict.READY, "READY"),
        (Verdict.DEGRADED, "READY, WITH WARNINGS"),
        (Verdict.NOT_READY, "NOT READY"),
        (Verdict.INCONCLUSIVE, "INCONCLUSIVE"),
    ],
)
def test_the_first_line_is_the_verdict(verdict: Verdict, first: str) -> None:
    shown = text(msgspec.structs.replace(reports.ready(), verdict=verdict))
    assert shown.splitlines()[0] == f"{first}: us-east-2"


def test_what_was_not_run_is_never_shown_as_a_pass() -> None:
    report = reports.report(endpoints=(reports.endpoint("ecs", Outcome.NOT_RUN, not_run="deadline"),), rules=())
    shown = text(report)
    assert "1 endpoint: 1 could not be run" in shown
    assert "  not run control 0 of 1: not run (deadline)" in shown
    assert "  not run ecs ecs.us-east-2.amazonaws.com:443: deadline" in text(report, full=True)


@given(st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_foreign_text_cannot_reach_the_terminal_or_add_a_line_of_its_own(foreign: str) -> None:
    shown = text(reports.hostile("x" + foreign))
    assert all(c == "\n" or (unicodedata.category(c)[0] != "C" and c not in "\u2028\u2029") for c in shown)
    harmless = text(reports.hostile("x" * (1 + len(foreign))))
    marks = ("FINDINGS", "RULES", "NOTES", "ERROR:")
    for mark in marks:
        count = sum(line.startswith(mark) for line in shown.splitlines())
        assert count == sum(line.startswith(mark) for line in harmless.splitlines())
