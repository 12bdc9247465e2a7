"""What falls into a stall of this machine is not the network's: neither loss, nor slowness, nor proof of silence."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from netprobe.diagnosis import diagnose
from netprobe.diagnosis.stalls import Stalls
from netprobe.findings import Certainty
from netprobe.observations import DnsDetail, Failure, HttpDetail, Run, Stall, Step, TcpDetail
from tests.support.observe import R1, World, name

ECS, ADDRESS = name("ecs"), "52.95.4.1"


def _stalls(*spans: tuple[float, float]) -> tuple[Stall, ...]:
    return tuple(Stall(started_seconds=start, duration_seconds=took) for start, took in spans)


def _on_a_busy_machine(world: World, *spans: tuple[float, float]) -> Run:
    run = world.run()
    return msgspec.structs.replace(run, context=msgspec.structs.replace(run.context, stalls=_stalls(*spans)))


def _ids(run: Run) -> set[str]:
    return {finding.id for finding in diagnose(run).findings}


@pytest.mark.parametrize(
    ("spans", "started", "ended", "seconds"),
    [
        ([], 0.0, 9.0, 0.0),
        ([(1.0, 0.5)], 0.0, 9.0, 0.5),
        ([(1.0, 0.5)], 1.2, 9.0, 0.3),
        ([(1.0, 0.5)], 0.0, 1.1, 0.1),
        ([(1.0, 0.5)], 1.1, 1.3, 0.2),
        ([(1.0, 0.5)], 2.0, 9.0, 0.0),
        ([(1.0, 0.5), (1.2, 0.9), (5.0, 1.0)], 0.0, 9.0, 2.1),  # two processes stalled side by side
        ([(5.0, 1.0), (1.0, 2.0), (1.5, 0.1)], 0.0, 5.5, 2.5),
    ],
)
def test_a_moment_counts_once(spans: list[tuple[float, float]], started: float, ended: float, seconds: float) -> None:
    assert Stalls(_stalls(*spans)).seconds(started, ended) == pytest.approx(seconds)


def _asked_again() -> World:
    world = World()
    for number in range(9):
        host = name(f"service{number}")
        world.endpoint(f"service{number}")
        world.reach(host, f"52.95.4.{number}")
        lost = number < 3
        detail = DnsDetail(resolver=R1, rrtype="A", answers=(f"52.95.4.{number}",), attempts=2 if lost else 1)
        world.see(Step.DNS, host, None, detail, duration=1.021 if lost else 0.02)
    return world


def test_a_question_that_lay_unread_was_not_lost() -> None:
    assert "packet_loss" in _ids(_on_a_busy_machine(_asked_again(), (5.0, 3.0)))
    assert "packet_loss" in _ids(_on_a_busy_machine(_asked_again(), (0.1, 0.1)))
    assert _ids(_on_a_busy_machine(_asked_again(), (0.1, 0.2), (0.4, 0.3))) == set()


def _segments_again() -> World:
    world = World()
    for number, host in enumerate((ECS, name("ssm"))):
        world.endpoint(host.partition(".")[0])
        world.good(host, address=f"52.95.4.{number}")
        opened = world.observations[-3]
        detail = TcpDetail(port=443, retransmitted=2)
        world.observations[-3] = msgspec.structs.replace(opened, detail=detail, duration_seconds=0.9)
    return world


def test_segments_count_until_the_kernel_itself_stood_still() -> None:
    assert "packet_loss" in _ids(_on_a_busy_machine(_segments_again(), (0.0, 0.2), (0.3, 0.3)))
    assert "packet_loss" in _ids(_on_a_busy_machine(_segments_again(), (5.0, 2.0)))
    assert _ids(_on_a_busy_machine(_segments_again(), (0.1, 0.7))) == set()


def _late_answers() -> World:
    world = World()
    for number in range(5):
        host = name(f"service{number}")
        world.endpoint(f"service{number}")
        world.reach(host, f"52.95.4.{number}")
        detail = DnsDetail(resolver=R1, rrtype="A", answers=(f"52.95.4.{number}",))
        world.see(Step.DNS, host, None, detail, duration=2.6)
    return world


def test_a_lookup_that_this_machine_kept_waiting_is_not_slow() -> None:
    assert _ids(_on_a_busy_machine(_late_answers())) == {"dns_slow"}
    assert _ids(_on_a_busy_machine(_late_answers(), (0.2, 0.3))) == {"dns_slow"}
    assert _ids(_on_a_busy_machine(_late_answers(), *((0.25 * n, 0.2) for n in range(12)))) == set()


def _silent_once() -> World:
    world = World(context={"repeated": True})
    world.endpoint("ecs")
    world.dns(ECS, ADDRESS)
    world.tcp(ECS, ADDRESS, Failure.TIMEOUT, duration=4.0, limit=4.0)
    for step in (world.tcp, world.tls, world.http):
        step(ECS, ADDRESS, experiment="repeat")
    return world


def test_what_was_silent_while_nobody_could_listen_is_not_chance() -> None:
    assert _ids(_on_a_busy_machine(_silent_once(), (0.0, 1.0))) == {"works_by_chance"}
    assert _ids(_on_a_busy_machine(_silent_once(), (0.0, 1.5), (1.6, 1.5))) == set()


def test_a_rest_whose_answer_nobody_could_listen_for_is_not_proven() -> None:
    """Ten seconds of patience after a rest of 120 s: a stall while it rested says nothing, one behind it does."""
    world = World(context={"idle_seconds": 120.0, "repeated": True})
    world.endpoint("ecs-a")
    host = name("ecs-a")
    world.good(host, address=ADDRESS)
    cut = HttpDetail(method="GET", path="/ws", origin=True, held_seconds=130.0, error="never answered")
    busy = HttpDetail(method="GET", path="/ws", held_seconds=121.0)
    wait: dict[str, Any] = {"address": ADDRESS, "limit": 10.0}
    world.see(Step.WEBSOCKET, host, Failure.WEBSOCKET_CUT, cut, **wait)
    world.see(Step.WEBSOCKET, host, Failure.WEBSOCKET_CUT, cut, **wait, experiment="repeat", attempt=1)
    world.see(Step.HTTP, host, None, busy, address=ADDRESS, experiment="kept_busy", attempt=1)

    (proven,) = diagnose(_on_a_busy_machine(world, (30.0, 60.0))).findings
    (suspected,) = diagnose(_on_a_busy_machine(world, (121.0, 7.0))).findings

    assert (proven.id, proven.certainty) == ("websocket_cut_when_idle", Certainty.PROVEN)
    assert (suspected.id, suspected.certainty) == ("websocket_cut_when_idle", Certainty.SUSPECTED)
    assert "no free processor" in suspected.title


def test_silence_to_which_nobody_could_listen_is_not_proven() -> None:
    world = World()
    world.endpoint("ecs")
    world.dns(ECS, failure=Failure.TIMEOUT)
    world.dns(ECS, ADDRESS, transport="tcp", experiment="dns_over_tcp")
    world.repeated()

    (proven,) = diagnose(_on_a_busy_machine(world)).findings
    (suspected,) = diagnose(_on_a_busy_machine(world, (0.0, 1.0))).findings

    assert (proven.id, proven.certainty) == ("dns_timeout", Certainty.PROVEN)
    assert (suspected.id, suspected.certainty) == ("dns_timeout", Certainty.SUSPECTED)
    assert "no free processor" in suspected.title
