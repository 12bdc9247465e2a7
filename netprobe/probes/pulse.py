"""When was this run itself late? A beat beside the probes, which notes when it came late.

Where the machine has no free processor, the event loop runs in snatches. What was answered meanwhile is read late, a
question is sent again though nothing was lost, and a limit ends what was only not looked at. From the durations alone
that cannot be told from a slow or lossy network; a timer that fires late tells it.
"""

from __future__ import annotations

import trio

from netprobe.observations import Stall

BEAT = 0.02
"""Seconds between two beats: fine enough that little of a stall falls between them, and 50 wake-ups a second cost
nothing that can be measured."""
LATE = 0.05
"""Seconds from which a beat is late: below, it is the work of the run itself (a handshake takes about 2 ms)."""
MOST = 1000
"""Stalls that are kept, the longest: a run of a minute without a free processor has some hundred."""


class Pulse:
    """The stalls of one run.

    Args:
        zero: the moment the run began, on trio's clock.
    """

    def __init__(self, zero: float) -> None:
        self._zero = zero
        self._stalls: list[Stall] = []

    async def beat(self) -> None:
        """Beat until cancelled."""
        while True:
            due = trio.current_time() + BEAT
            try:
                await trio.sleep_until(due)
            finally:  # also the beat that the end of the run cuts short
                self.note(due, trio.current_time() - due)

    def note(self, due: float, late: float) -> None:
        """Keep a beat that was late.

        Args:
            due: when it should have come, on trio's clock.
            late: by how many seconds it came later.
        """
        if late < LATE:
            return
        self._stalls.append(Stall(started_seconds=round(due - self._zero, 3), duration_seconds=round(late, 3)))
        if len(self._stalls) >= 2 * MOST:
            self._stalls = _longest(self._stalls)

    def adopt(self, stalls: tuple[Stall, ...]) -> None:
        """Take over what another process of this run noted."""
        self._stalls = _longest([*self._stalls, *stalls])

    @property
    def stalls(self) -> tuple[Stall, ...]:
        """What was noted, in the order of time, at most :data:`MOST`."""
        return tuple(sorted(_longest(self._stalls), key=lambda stall: stall.started_seconds))


def _longest(stalls: list[Stall]) -> list[Stall]:
    return sorted(stalls, key=lambda stall: stall.duration_seconds, reverse=True)[:MOST]
