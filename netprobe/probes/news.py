"""What a run knows already, told while it waits for the rest.

A first pass may wait for seconds: for a resolver that is silent, for hosts that are far. Whoever watches is told every
while how far it is and what failed so far; a run that is over before says nothing but its report.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import trio

from netprobe.observations import Observation
from netprobe.probes.first_pass import Progress
from netprobe.probes.session import Session

FIRST, EVERY = 1.0, 2.0
"""Seconds until the first news, and between them."""


class News(msgspec.Struct, frozen=True, kw_only=True):
    """What is known at one moment.

    Attributes:
        done: names that were looked at.
        total: names that are to be looked at.
        failed: what failed, of the names that were looked at here; nothing of it is tried again yet.
    """

    done: int
    total: int
    failed: tuple[Observation, ...]


Listen = Callable[[News], None]


class Teller:
    """Tells of one run.

    Args:
        session: the run.
        listen: who is told; None for nobody.
        progress: who else is told of each name that is done with.
        total: names that are to be looked at.
    """

    def __init__(self, session: Session, listen: Listen | None, progress: Progress | None, total: int) -> None:
        self._session = session
        self._listen = listen
        self._progress = progress
        self._done, self._total = 0, total

    def count(self, done: int, total: int) -> None:
        """A name is done with."""
        self._done, self._total = done, total
        if self._progress is not None:
            self._progress(done, total)

    @asynccontextmanager
    async def telling(self) -> AsyncIterator[None]:
        """Tell what is known while the block runs."""
        if self._listen is None:
            yield
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._tell, self._listen)
            yield
            nursery.cancel_scope.cancel()

    async def _tell(self, listen: Listen) -> None:
        await trio.sleep(FIRST)
        told = None
        while True:
            news = self._known()
            if news != told:
                listen(news)
                told = news
            await trio.sleep(EVERY)

    def _known(self) -> News:
        from netprobe.probes import experiments  # late: needed when the first questions are answered

        complete = [trace for trace in self._session.traces if trace.complete and not trace.absent]
        failed = tuple(o for trace in complete for o in experiments.failures(trace))
        return News(done=self._done, total=self._total, failed=failed)
