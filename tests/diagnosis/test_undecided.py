"""What may be the loss or limit that a run shows, and was not tried again enough, is no error and no pass."""

from __future__ import annotations

import pytest

from netprobe.diagnosis import diagnose
from netprobe.diagnosis.outcomes import NOT_DECIDED, NOT_PROBED
from netprobe.findings import Severity, Verdict
from netprobe.observations import Failure as F
from netprobe.observations import Step, TcpDetail
from tests.support.observe import World, name

LOST = (("ssm", "52.95.4.1"), ("logs", "52.95.4.2"), ("monitoring", "52.95.4.3"))
ECS, A = name("ecs"), "52.95.1.1"


def silent(*, lossy: bool = True, repeated: bool = True) -> World:
    """A host whose handshake gets no answer, beside three that work, over a line that loses packets or none."""
    world = World(context={"repeated": repeated})
    for id_, address in LOST:
        host = name(id_)
        world.endpoint(id_)
        world.dns(host, address)
        detail = TcpDetail(port=443, retransmitted=2 if lossy else 0)
        world.see(Step.TCP, host, None, detail, address=address, duration=0.3)
        world.tls(host, address)
        world.http(host, address)
    world.endpoint("ecs")
    world.dns(ECS, A)
    world.tcp(ECS, A)
    world.tls(ECS, A, F.TIMEOUT, limit=6.0)
    return world


def tries(world: World, *ends: Step | None) -> None:
    """Tries of the silent host, each of which ends in silence at a step, or passes."""
    for attempt, end in enumerate(ends, start=1):
        for step, made in ((Step.TCP, world.tcp), (Step.TLS, world.tls), (Step.HTTP, world.http)):
            made(ECS, A, F.TIMEOUT if step is end else None, experiment="repeat", attempt=attempt, limit=10.0)
            if step is end:
                break


def answer(world: World) -> tuple[Verdict, list[str]]:
    diagnosis = world.diagnosis()
    return diagnosis.verdict, [f.id for f in diagnosis.findings if f.severity is Severity.ERROR]


def test_silence_that_was_not_tried_again_on_a_line_that_loses_is_open() -> None:
    world = silent()
    assert answer(world) == (Verdict.INCONCLUSIVE, [])
    (outcome,) = (e for e in world.diagnosis().endpoints if e.id == "ecs")
    assert outcome.not_run == NOT_DECIDED
    assert [(h.outcome.value, h.failure) for h in outcome.hosts] == [("not_run", None)]


@pytest.mark.parametrize("settings", [{"lossy": False}, {"repeated": False}])
def test_without_loss_or_without_tries_it_is_suspected(settings: dict[str, bool]) -> None:
    assert answer(silent(**settings)) == (Verdict.NOT_READY, ["tls_dropped_after_hello"])


@pytest.mark.parametrize(
    ("ends", "told"),
    [
        ((Step.TLS,) * 3, (Verdict.NOT_READY, ["tls_dropped_after_hello"])),
        ((Step.TLS, Step.HTTP, Step.TCP), (Verdict.INCONCLUSIVE, [])),
        ((Step.TLS, None), (Verdict.DEGRADED, [])),
    ],
    ids=["at one step", "now here, now there", "passes"],
)
def test_a_host_that_never_passed_in_enough_tries_stays_an_error(
    ends: tuple[Step | None, ...], told: tuple[Verdict, list[str]]
) -> None:
    world = silent()
    tries(world, *ends)
    assert answer(world) == told


def test_where_others_that_failed_alike_pass_few_tries_are_not_enough() -> None:
    for made, told in ((2, (Verdict.INCONCLUSIVE, [])), (20, (Verdict.NOT_READY, ["tls_dropped_after_hello"]))):
        world = silent()
        tries(world, *(Step.TLS,) * made)
        other, address = name("sts"), "52.95.4.9"
        world.endpoint("sts")
        world.dns(other, address)
        world.tcp(other, address)
        world.tls(other, address, F.TIMEOUT, limit=6.0)
        for attempt, failure in enumerate((F.TIMEOUT, *(None,) * 12), start=1):
            world.tcp(other, address, experiment="repeat", attempt=attempt)
            world.tls(other, address, failure, experiment="repeat", attempt=attempt)
            if failure is None:
                world.http(other, address, experiment="repeat", attempt=attempt)
        assert answer(world) == told


def limited(*, refused_again: bool) -> World:
    """Hosts that are refused among many and pass alone, a burst that fails again, and one that was left over."""
    world = World(context={"repeated": True})
    for id_, address in LOST:
        host = name(id_)
        world.endpoint(id_)
        world.dns(host, address)
        world.tcp(host, address, F.CONNECTION_REFUSED)
        for step in (world.tcp, world.tls, world.http):
            step(host, address, experiment="repeat")
    for number in range(12):
        world.tcp(name("ssm"), LOST[0][1], F.CONNECTION_REFUSED if number < 6 else None, experiment="burst")
    world.endpoint("ecs")
    world.dns(ECS, A)
    world.tcp(ECS, A, F.CONNECTION_REFUSED)
    for attempt in range(1, 15) if refused_again else ():
        world.tcp(ECS, A, F.CONNECTION_REFUSED, experiment="repeat", attempt=attempt)
    return world


def test_what_a_limit_left_over_is_open_and_what_is_refused_alone_is_an_error() -> None:
    assert answer(limited(refused_again=False)) == (Verdict.INCONCLUSIVE, [])
    assert answer(limited(refused_again=True)) == (Verdict.NOT_READY, ["tcp_refused"])


def test_a_lookup_that_was_lost_leaves_its_host_open() -> None:
    world = silent()
    world.endpoint("sts")
    world.dns(name("sts"), failure=F.TIMEOUT, limit=5.0)
    assert answer(world) == (Verdict.INCONCLUSIVE, [])
    assert {e.not_run for e in diagnose(world.run()).endpoints} == {"", NOT_DECIDED}
    assert NOT_PROBED not in {e.not_run for e in world.diagnosis().endpoints}
