"""How long of a while did this machine keep the run waiting? What fell into such a stall says nothing of the network.

netprobe's own timers tell it (:mod:`netprobe.probes.pulse`). Workers of one run stall side by side: a moment counts
once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

from netprobe.observations import Failure, HttpDetail, Observation, Stall

MUCH = 0.2
"""The share of a while from which what was late in it is the machine's doing, and not the network's."""
_MOST_OF = 0.5
KERNEL_WAITS = 0.5
"""Seconds of one stall from which the kernel, too, may have been kept from its timers (a virtual machine that stood
still): it sends again after 0.2 s at the earliest (``TCP_RTO_MIN`` of Linux), though the answer lies there."""


class Stalls:
    """The stalls of one run, ready to be asked.

    Args:
        stalls: what the run noted.
    """

    def __init__(self, stalls: Iterable[Stall]) -> None:
        self._spans = _merged(stalls)
        self._starts = [start for start, _ in self._spans]
        self._before = [0.0, *accumulate(end - start for start, end in self._spans)]

    def seconds(self, started: float, ended: float) -> float:
        """How long the run was kept waiting between two moments.

        Args:
            started: seconds since the run began.
            ended: the same.
        """
        return max(0.0, self._until(ended) - self._until(started))

    def within(self, o: Observation) -> float:
        """How long the run was kept waiting while one step waited, in seconds."""
        return self.seconds(*waited(o))

    def explain(self, o: Observation) -> bool:
        """Whether a step that took long, or had to ask again, may have done so only because the machine was late."""
        return self.within(o) > MUCH * o.duration_seconds

    def ended(self, o: Observation) -> bool:
        """Whether a limit ended a step during most of which nobody here could look for an answer."""
        by_limit = o.failure is Failure.TIMEOUT or (o.failure is Failure.WEBSOCKET_CUT and o.limit_seconds is not None)
        began, ended = waited(o)
        return by_limit and self.within(o) > _MOST_OF * (ended - began)

    def kernel_waited(self, steps: Sequence[Observation]) -> bool:
        """Whether the whole machine may have stood still while a connection was open."""
        if not steps:
            return False
        started = min(o.started_seconds for o in steps)
        ended = max(o.started_seconds + o.duration_seconds for o in steps)
        return any(end - start >= KERNEL_WAITS and start < ended and end > started for start, end in self._spans)

    def _until(self, moment: float) -> float:
        """The sum of all stalls before a moment."""
        number = bisect_right(self._starts, moment)
        if not number:
            return 0.0
        start, end = self._spans[number - 1]
        return self._before[number - 1] + min(moment, end) - start


def waited(o: Observation) -> tuple[float, float]:
    """From when to when a step waited, in seconds since the run began; of a rest, only for what was sent after it."""
    held = o.detail.held_seconds if isinstance(o.detail, HttpDetail) else None
    if o.failure is Failure.WEBSOCKET_CUT and o.limit_seconds is not None and held is not None:
        ended = o.started_seconds + held
        return ended - o.limit_seconds, ended
    return o.started_seconds, o.started_seconds + o.duration_seconds


def _merged(stalls: Iterable[Stall]) -> list[tuple[float, float]]:
    """Spans in the order of time that do not overlap."""
    spans: list[tuple[float, float]] = []
    for stall in sorted(stalls, key=lambda stall: stall.started_seconds):
        start, end = stall.started_seconds, stall.started_seconds + stall.duration_seconds
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], end))
        else:
            spans.append((start, end))
    return spans
