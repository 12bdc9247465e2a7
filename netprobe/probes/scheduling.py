"""Slots and side-by-side work, without the turns of the event loop that nobody waits for.

trio gives way on every acquire and opens a nursery for one task as for a hundred. A check does both for every host, and
a turn of the loop costs as much as parsing an answer. Every probe gives way often enough by itself: it waits for the
network.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import trio

T = TypeVar("T")
FIRST = 24
"""Connections with which a run begins: a region's hosts, as a host's agents and Docker's pulls open them together. To
begin with fewer would spare a limit little, since one round trip later so many leave anyway."""
NARROW = 6
"""What the agents of one host hold at once (see :data:`netprobe.probes.repeats.AT_ONCE`)."""
WIDER = 4
WAIT = 0.25
MOST_NARROWED = 2


class Slots:
    """So many at once: take a place with ``async with``. A checkpoint only where none is free.

    Args:
        total: how many places there are.
        held: how many of them are taken already, each by somebody who will come for it with :meth:`held`.
    """

    def __init__(self, total: int, held: int = 0) -> None:
        self._limiter = trio.CapacityLimiter(total)
        self._held = [object() for _ in range(held)]
        for holder in self._held:
            self._limiter.acquire_on_behalf_of_nowait(holder)

    @property
    def taken(self) -> int:
        """The places that are taken."""
        return self._limiter.borrowed_tokens

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """A place that was held from the beginning; free for anybody afterwards."""
        try:
            yield
        finally:
            self._limiter.release_on_behalf_of(self._held.pop())

    async def __aenter__(self) -> None:
        try:
            self._limiter.acquire_nowait()
        except trio.WouldBlock:
            await self._limiter.acquire()

    async def __aexit__(self, *_: object) -> None:
        self._limiter.release()


class Pace(Slots):
    """Slots that begin with a region's hosts, and become more while all is well.

    A network may limit how many connections one host opens or holds; agents, with a handful, never meet the limit. So a
    run does not begin with all that it may have. Each connection that stands makes room for :data:`WIDER` more, as
    TCP's slow start does for segments. Where nothing answers, waiting does no harm, and the width doubles every
    :data:`WAIT` seconds. What a limit could explain makes it as narrow as an agent; not for ever, since what fails at
    any pace is no matter of the pace.

    Args:
        total: how many places there are at most.
        first: how many there are at first.
        narrow: how many there are after trouble.
    """

    def __init__(self, total: int, first: int = FIRST, narrow: int = NARROW) -> None:
        super().__init__(min(first, total))
        self._most, self._least = total, min(narrow, total)
        self._narrowed = 0
        self.widest = min(first, total)

    def well(self) -> None:
        """A connection stands."""
        self._widen(WIDER)

    def trouble(self) -> None:
        """A connection failed in a way that a limit could explain."""
        if self._narrowed < MOST_NARROWED and self._limiter.total_tokens > self._least:
            self._narrowed += 1
            self._limiter.total_tokens = self._least

    def _widen(self, by: int) -> None:
        width = int(self._limiter.total_tokens)
        if width < self._most:
            self._limiter.total_tokens = min(self._most, width + by)
            self.widest = max(self.widest, min(self._most, width + by))

    async def __aenter__(self) -> None:
        try:
            self._limiter.acquire_nowait()
        except trio.WouldBlock:
            while True:
                before = self._limiter.total_tokens
                with trio.move_on_after(WAIT) as waited:
                    await self._limiter.acquire()
                if not waited.cancelled_caught:
                    return
                if self._limiter.total_tokens == before:  # the first of those that wait does it for all
                    self._widen(int(before))


async def side_by_side(work: Callable[[T], Awaitable[None]], items: Sequence[T]) -> None:
    """Do the same with every item at the same time; with a single one, in this task.

    Args:
        work: what to do with one.
        items: the items.
    """
    if len(items) == 1:
        await work(items[0])
        return
    async with trio.open_nursery() as nursery:
        for item in items:
            nursery.start_soon(work, item)
