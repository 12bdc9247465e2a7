"""How fast a look at the path may send, and how many connections it may hold at once."""

from __future__ import annotations

from dataclasses import dataclass, field

import trio


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingLimits:
    """Bounds of one run.

    Attributes:
        answer_timeout: how long to wait for the answer to one packet, in seconds.
        max_ttl: how far to look.
        gap: after how many silent hops in a row a flow that cannot reach its end is given up.
        flows: how many five-tuples are traced towards each port.
        packets_per_second: over all destinations together.
        concurrency: how many flows and connections at once.
    """

    answer_timeout: float = 1.0
    max_ttl: int = 30
    gap: int = 3
    flows: int = 2
    packets_per_second: float = 100.0
    concurrency: int = 16


@dataclass(slots=True)
class SendingPace:
    """Gives out turns to send: at most so many a second, and so many at once."""

    limits: SendingLimits
    slots: trio.CapacityLimiter = field(init=False)
    _next: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.slots = trio.CapacityLimiter(self.limits.concurrency)

    async def turn(self) -> None:
        """Wait until one more packet may leave."""
        now = trio.current_time()
        mine = max(now, self._next)
        self._next = mine + 1.0 / self.limits.packets_per_second
        await trio.sleep_until(mine)
