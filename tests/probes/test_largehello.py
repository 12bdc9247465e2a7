"""The padded ClientHello: its bytes, and what a real TLS server and a device that swallows it make of it."""

from __future__ import annotations

import ssl
import time
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from netprobe.diagnosis import diagnose
from netprobe.findings import Verdict
from netprobe.lab import open_lab
from netprobe.observations import Run
from netprobe.probes import largehello, plan
from netprobe.probes.plan import Probe
from netprobe.probes.run import check
from netprobe.probes.settings import Settings
from tests.support.lab_endpoints import endpoints, facts

NAME = "ecs-a-1.us-east-2.amazonaws.com"


def extensions(record: bytes) -> list[tuple[int, int]]:
    """Type and length of each extension, read by the letter of RFC 8446 section 4.1.2."""
    assert record[0] == 22
    assert int.from_bytes(record[3:5], "big") == len(record) - 5
    assert record[5] == 1
    assert int.from_bytes(record[6:9], "big") == len(record) - 9
    at = 9 + 2 + 32
    at += 1 + record[at]
    at += 2 + int.from_bytes(record[at : at + 2], "big")
    at += 1 + record[at]
    assert int.from_bytes(record[at : at + 2], "big") == len(record) - at - 2
    at += 2
    found = []
    while at < len(record):
        length = int.from_bytes(record[at + 2 : at + 4], "big")
        found.append((int.from_bytes(record[at : at + 2], "big"), length))
        at += 4 + length
    return found


@given(st.integers(0, 4000))
def test_a_padded_hello_is_a_hello_of_that_size(size: int) -> None:
    plain = largehello.client_hello(NAME, 1)
    record = largehello.padded(plain, size)
    assert len(record) == (size if size >= len(plain) + 4 else len(plain))
    assert extensions(record)[: len(extensions(plain))] == extensions(plain)
    assert [kind for kind, _ in extensions(record)].count(21) == (1 if len(record) > len(plain) else 0)


def test_openssl_takes_it() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    heard: list[str | None] = []
    context.sni_callback = lambda _session, name, _context: heard.append(name)
    session = context.wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(largehello.client_hello(NAME, largehello.SIZE))
    with pytest.raises(ssl.SSLError, match=r"(?i)no.shared.cipher|no.suitable"):  # it has no certificate
        session.do_handshake()
    assert heard == [NAME]


async def probe(scenario: str) -> Run:
    chosen = tuple(e for e in endpoints() if e.id in ("ecs", "ssm", "logs"))
    async with open_lab(scenario, chosen) as lab:
        return await check(chosen, [lab.vantage], Settings(lab=scenario), catalog=facts())


async def test_a_healthy_way_out_is_asked_at_two_hosts_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, str]] = []
    send = largehello.LargeHellos._send

    async def counted(self: largehello.LargeHellos, probe: Probe, *more: Any, **named: Any) -> bool:
        sent.append((probe.scene.host, more[1]))
        return await send(self, probe, *more, **named)

    monkeypatch.setattr(largehello.LargeHellos, "_send", counted)
    run = await probe("healthy")
    assert [experiment for _, experiment in sent] == ["large_hello"] * largehello.HOSTS_OF_A_WAY
    assert len({host for host, _ in sent}) == largehello.HOSTS_OF_A_WAY
    assert not [o for o in run.observations if o.experiment in ("large_hello", "small_hello")], "all is well"


class Started:
    """Takes what a nursery would start."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []

    def start_soon(self, _work: Any, probe: Probe, address: str | None) -> None:
        self.asked.append((probe.scene.host, address))


async def test_two_hosts_are_asked_behind_a_private_line_and_two_behind_the_firewall() -> None:
    """Interface endpoints are reached another way than the rest: a device on one of them says nothing of the other."""
    chosen = tuple(e for e in endpoints() if e.id in ("ecs", "ssm", "logs", "ecr-api"))
    async with open_lab("healthy", chosen) as lab:
        probes = plan.make(chosen, [lab.vantage], Settings()).probes
    started = Started()
    hellos = largehello.LargeHellos(None, started)  # type: ignore[arg-type]
    hosts = [probe.scene.host for probe in probes]
    assert len(set(hosts)) == 4
    for number, probe in enumerate(probes):
        hellos.shaken(probe, f"10.1.0.{number}")
        hellos.shaken(probe, f"10.2.0.{number}")  # another address of a host that is asked already
    for number, probe in enumerate(probes):
        hellos.shaken(probe, f"52.1.0.{number}")
    assert started.asked == [
        (hosts[0], "10.1.0.0"),
        (hosts[1], "10.1.0.1"),
        (hosts[0], "52.1.0.0"),
        (hosts[1], "52.1.0.1"),
    ]


async def test_hosts_that_decide_nothing_are_asked_only_where_no_other_shook_hands() -> None:
    """They may be the first by chance, and what they meet leaves the verdict at DEGRADED."""
    chosen = tuple(e for e in endpoints() if e.id in ("ecs", "ssm") or e.stands_in_for is not None or not e.required)
    async with open_lab("healthy", chosen) as lab:
        probes = plan.make(chosen, [lab.vantage], Settings()).probes
    deciding = [probe for probe in probes if probe.decides]
    others = [probe for probe in probes if not probe.decides]
    assert {probe.scene.endpoint for probe in deciding} == {"ecs", "ssm"}
    assert len(others) >= 3
    started = Started()
    hellos = largehello.LargeHellos(None, started)  # type: ignore[arg-type]
    for number, probe in enumerate([*others, *deciding]):
        hellos.shaken(probe, f"52.1.0.{number}")
        if not probe.decides:
            hellos.shaken(probe, f"10.1.0.{number}")
    assert [host for host, _ in started.asked] == [probe.scene.host for probe in deciding]
    hellos.ask_others()
    assert started.asked[2:] == [(others[0].scene.host, "10.1.0.0"), (others[1].scene.host, "10.1.0.1")]


async def test_a_device_that_swallows_it_is_proven_while_small_ones_pass() -> None:
    began = time.monotonic()
    with trio.fail_after(40):
        diagnosis = diagnose(await probe("large-hello-dropped"))
    (finding,) = diagnosis.findings
    assert (finding.id, finding.certainty, finding.owner) == ("tls_large_hello_dropped", "proven", "network")
    assert "comes in two packets" in finding.title
    assert diagnosis.verdict is Verdict.NOT_READY
    assert time.monotonic() - began < 30


async def test_one_that_is_unanswered_when_the_run_ends_is_no_all_clear() -> None:
    chosen = tuple(e for e in endpoints() if e.id in ("ecs", "ssm", "logs"))
    async with open_lab("large-hello-dropped", chosen) as lab:
        settings = Settings(lab="large-hello-dropped", deadline=2.5)
        run = await check(chosen, [lab.vantage], settings, catalog=facts())
    assert run.context.deadline_reached
    diagnosis = diagnose(run)
    assert [(f.id, f.certainty, f.severity) for f in diagnosis.findings] == [
        ("tls_large_hello_dropped", "suspected", "warning")
    ]
    assert diagnosis.verdict is Verdict.DEGRADED
    assert {e.outcome.value for e in diagnosis.endpoints} <= {"pass", "warn"}
