"""The beat beside the probes: late where the machine is, and only there."""

from __future__ import annotations

import time

import trio
import trio.testing

from netprobe.observations import Stall
from netprobe.probes.pulse import LATE, MOST, Pulse


async def _beside(pulse: Pulse, seconds: float, *, blocked: float = 0.0) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pulse.beat)
        await trio.sleep(seconds)
        time.sleep(blocked)  # noqa: ASYNC251 - a blocked loop is the point
        nursery.cancel_scope.cancel()


async def test_a_loop_that_only_waits_has_no_stalls(autojump_clock: trio.testing.MockClock) -> None:
    pulse = Pulse(trio.current_time())

    await _beside(pulse, 10.0)

    assert pulse.stalls == ()


async def test_a_blocked_loop_is_a_stall_also_at_the_end_of_the_run() -> None:
    zero = trio.current_time()
    pulse = Pulse(zero)
    with trio.CancelScope(shield=True):
        await _beside(pulse, 0.1, blocked=0.3)

    stall = max(pulse.stalls, key=lambda one: one.duration_seconds)
    assert 0.2 <= stall.duration_seconds <= trio.current_time() - zero
    assert stall.started_seconds + stall.duration_seconds <= trio.current_time() - zero + 0.01


def test_what_is_kept_is_bounded_and_in_order() -> None:
    pulse = Pulse(100.0)
    for number in range(5 * MOST):
        pulse.note(100.0 + number, LATE + (0.5 if number % 10 == 0 else 0.0))
    pulse.note(1.0, LATE / 2)

    assert len(pulse.stalls) == MOST
    assert sum(stall.duration_seconds > 0.5 for stall in pulse.stalls) == MOST / 2
    assert [s.started_seconds for s in pulse.stalls] == sorted(s.started_seconds for s in pulse.stalls)


def test_other_processes_stalls_are_taken_over() -> None:
    pulse = Pulse(0.0)
    pulse.note(2.0, 0.2)
    pulse.adopt((Stall(started_seconds=1.0, duration_seconds=0.3),))

    assert [stall.started_seconds for stall in pulse.stalls] == [1.0, 2.0]
