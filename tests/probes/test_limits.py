"""Time limits that follow the run, in virtual time."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from netprobe.observations import Step
from netprobe.probes.limits import BOUNDS, CONTROLS, ENOUGH, Limits


async def test_a_silent_connection_is_given_up_once_others_answered(autojump_clock: trio.testing.MockClock) -> None:
    limits = Limits()
    started = trio.current_time()

    async def healthy() -> None:
        await trio.sleep(0.05)
        limits.learn(Step.TCP, 0.05)

    async with trio.open_nursery() as nursery:
        for _ in range(25):
            nursery.start_soon(healthy)
        with limits.within(Step.TCP) as scope:
            await trio.sleep(1000)
    assert scope.cancelled_caught
    assert trio.current_time() - started == pytest.approx(2.05 + 4 * 0.05)


async def test_a_path_of_600_ms_is_slow_and_not_dead(autojump_clock: trio.testing.MockClock) -> None:
    limits = Limits()
    for _ in range(25):
        limits.learn(Step.TCP, 0.6)
        limits.learn(Step.TLS, 1.2)
    for step, needed in ((Step.TCP, 0.6), (Step.TLS, 1.2)):
        with limits.within(step) as scope:
            await trio.sleep(needed + 1.0)  # a lost packet on the way, too
        assert not scope.cancelled_caught


async def test_nothing_measured_means_a_generous_limit(autojump_clock: trio.testing.MockClock) -> None:
    limits = Limits()
    for _ in range(ENOUGH - 1):
        limits.learn(Step.TCP, 0.001)
    started = trio.current_time()
    with limits.within(Step.TCP):
        await trio.sleep(1000)
    assert trio.current_time() - started == pytest.approx(BOUNDS[Step.TCP].unknown)


async def test_an_explicit_limit_is_kept_exactly(autojump_clock: trio.testing.MockClock) -> None:
    limits = Limits(7.5)
    for _ in range(100):
        limits.learn(Step.TCP, 0.001)
    started = trio.current_time()
    with limits.within(Step.TCP, at_most=1.0):
        await trio.sleep(1000)
    assert trio.current_time() - started == pytest.approx(7.5)
    assert limits.for_controls().seconds(Step.TLS) == 7.5


async def test_a_caller_may_wait_less(autojump_clock: trio.testing.MockClock) -> None:
    started = trio.current_time()
    with Limits().within(Step.DNS, at_most=1.0) as scope:
        await trio.sleep(1000)
    assert scope.cancelled_caught
    assert trio.current_time() - started == pytest.approx(1.0)


def test_controls_know_what_the_run_measured() -> None:
    limits = Limits()
    assert limits.for_controls().seconds(Step.TLS) == CONTROLS[Step.TLS].unknown
    for _ in range(ENOUGH):
        limits.learn(Step.TLS, 0.1)
    assert limits.for_controls().seconds(Step.TLS) == pytest.approx(1.5 + 6 * 0.1)


def test_every_step_has_limits_and_learning_never_lengthens_one() -> None:
    for table in (BOUNDS, CONTROLS):
        assert set(table) == set(Step)
        for bound in table.values():
            assert bound.quick <= bound.unknown
    limits = Limits()
    for _ in range(ENOUGH):
        limits.learn(Step.HTTP, 60.0)
    assert limits.seconds(Step.HTTP) == BOUNDS[Step.HTTP].unknown
