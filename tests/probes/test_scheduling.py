"""The pace of a first pass, in virtual time: a region's hosts at first, more while all is well, few after trouble."""

from __future__ import annotations

import itertools

import trio
import trio.testing

from netprobe.probes.repeats import Turns
from netprobe.probes.scheduling import FIRST, NARROW, WAIT, WIDER, Pace


async def _hold(pace: Pace, begun: list[float], seconds: float, *, well: bool) -> None:
    async with pace:
        begun.append(trio.current_time())
        await trio.sleep(seconds)
        if well:
            pace.well()


async def _begun(most: int, connections: int, seconds: float, *, well: bool, first: int = FIRST) -> list[float]:
    """When each of so many connections began, that each take so long."""
    begun: list[float] = []
    pace, zero = Pace(most, first), trio.current_time()
    async with trio.open_nursery() as nursery:
        for _ in range(connections):
            nursery.start_soon(lambda: _hold(pace, begun, seconds, well=well))
    return [moment - zero for moment in begun]


async def test_a_region_is_under_way_at_once_and_six_after_one_round_trip(
    autojump_clock: trio.testing.MockClock,
) -> None:
    begun = await _begun(256, FIRST * (2 + WIDER), 0.1, well=True)
    assert [moment < 0.05 for moment in begun].count(True) == FIRST
    assert max(begun) < 0.15


async def test_a_process_begins_with_its_share_and_comes_back_to_it(autojump_clock: trio.testing.MockClock) -> None:
    begun = await _begun(256, 3 * (2 + WIDER), 0.1, well=True, first=3)
    assert [moment < 0.05 for moment in begun].count(True) == 3
    assert max(begun) < 0.15
    pace = Pace(128, 12, 3)
    pace.well()
    pace.trouble()
    begun = []
    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(lambda: _hold(pace, begun, 0.1, well=False))
        await trio.sleep(0.05)
        assert len(begun) == 3


async def test_silence_holds_nobody_up_for_long(autojump_clock: trio.testing.MockClock) -> None:
    begun = await _begun(256, 200, 10.0, well=False)
    assert [moment < WAIT / 2 for moment in begun].count(True) == FIRST
    assert max(begun) < 7 * WAIT


async def test_what_a_limit_could_explain_makes_it_narrow_twice_and_not_for_ever() -> None:
    pace = Pace(64)
    for narrowed in (True, True, False):
        while pace.widest < 64 or pace._limiter.total_tokens < 64:
            pace.well()
        pace.trouble()
        assert (pace._limiter.total_tokens == NARROW) is narrowed


async def test_no_more_than_was_asked_for() -> None:
    pace = Pace(2)
    for _ in range(9):
        pace.well()
    assert pace._limiter.total_tokens == 2


async def test_tries_begin_apart_and_the_silent_make_room(autojump_clock: trio.testing.MockClock) -> None:
    turns, begun, zero = Turns(at_once=2), [], trio.current_time()
    turns.gap = 0.2

    async def one() -> None:
        async with turns.turn(silent=True):
            begun.append(trio.current_time() - zero)
            await trio.sleep(10.0)

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(one)
    assert [round(later - earlier, 3) >= 0.2 for earlier, later in itertools.pairwise(begun)] == [True] * 3
    assert max(begun) < 1.5
