"""The watch for a machine that stands still."""

from __future__ import annotations

import time

import pytest
import trio

from tests.support import steady


async def test_a_blocked_loop_is_late() -> None:
    async with steady.pulse() as seen:
        await trio.sleep(0.1)
        time.sleep(0.3)  # noqa: ASYNC251 - a blocked loop is the point
    assert seen.worst >= 0.2


@pytest.mark.parametrize(("delays", "plays"), [([0.0], 1), ([9.0, 0.0], 2), ([9.0, 9.0, 9.0], 3)])
async def test_a_late_case_is_played_again_at_most_twice(delays: list[float], plays: int) -> None:
    played: list[float] = []

    async def play() -> tuple[int, steady.Pulse]:
        played.append(delays[len(played)])
        return len(played), steady.Pulse(played[-1])

    if plays == 1:
        assert await steady.steadily("case", play) == 1
    else:
        with pytest.warns(UserWarning, match="stood still for 9.0 s"):
            assert await steady.steadily("case", play) == plays
    assert len(played) == plays
