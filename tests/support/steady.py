"""Was the machine there the whole time? A case that was played while it stood still proves nothing.

The lab's servers and netprobe share one event loop: where it stands still for longer than a resolver is given to
answer, a healthy server looks silent. So a task beats beside the case; where a beat came late by more than
:data:`LATE`, the case is played again, at most :data:`REPEATS` times, and a warning says so. The last play counts,
whatever it found: nothing is repeated because it came out wrong.
"""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import trio

T = TypeVar("T")
BEAT = 0.05
LATE = 0.5
REPEATS = 2


@dataclass(slots=True)
class Pulse:
    """The longest delay of a beat, in seconds."""

    worst: float = 0.0


@asynccontextmanager
async def pulse() -> AsyncIterator[Pulse]:
    """Measure how late the event loop is while the block runs."""
    seen = Pulse()

    async def beat() -> None:
        while True:
            due = trio.current_time() + BEAT
            try:
                await trio.sleep_until(due)
            finally:  # also the beat that the end of the block cuts short
                seen.worst = max(seen.worst, trio.current_time() - due)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(beat)
        try:
            yield seen
        finally:
            nursery.cancel_scope.cancel()


async def steadily(name: str, play: Callable[[], Awaitable[tuple[T, Pulse]]]) -> T:
    """Play until the loop was never late, at most ``1 + REPEATS`` times."""
    result, seen = await play()
    for _ in range(REPEATS):
        if seen.worst <= LATE:
            break
        warnings.warn(f"{name}: the event loop stood still for {seen.worst:.1f} s; played again", stacklevel=2)
        result, seen = await play()
    return result
