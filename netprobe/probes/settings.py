"""What the user may set for one run of probes. Values only; the command line validates and fills them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

DEFAULT_NUMBERS = tuple(range(1, 33))
"""AWS publishes no range for ``ecs-a-N``; 1 to 16 have been seen in public (facts read 2026-11-23)."""
SPREAD_FROM = 150
"""Hosts from which a pass is spread over processes: below, starting one takes as long as it saves, and the questions
that leave before all imports are worth more. Measured on two processors (2026-11-29, least of 7 rounds): 100 hosts
0.55 s in one process and 0.47 s in two, 200 hosts 0.90 and 0.58 s, 300 hosts 0.92 and 0.69 s. Four regions of the
catalogue (44 hosts, 256 numbers) take as long in one process as in two."""
IN_FLIGHT = 128
"""Questions in flight to one resolver: below dnsmasq's default ``dns-forward-max`` of 150, which refuses beyond it."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one run.

    Attributes:
        timeout: the limit of one step in seconds, or None for limits that follow what the run measures.
        deadline: the limit of the whole run in seconds.
        concurrency: how many connections may be open at once. 256 by measurement (tests/bench, ``-r all``): at 150 ms
            round trips it takes 4.5 s, where 128 take 5.1 s and 512 or 1,024 no less; at 40 ms all take the same.
        ecs_numbers: the numbers tried for ``ecs-a-*`` and ``ecs-t-*``.
        own_hosts: the numbered names that AWS gave this host at its last discovery; they are asked for in any case.
        families: the address families wanted; a vantage uses those that it has itself.
        expect: group → ``private`` or ``public``.
        idle: for how many seconds an idle WebSocket is held, or None.
        experiments: whether control probes follow failures.
        genuine_chains: whether to describe the certificates of chains that verified to the origin's roots. Reports for
            machines hold them, the text for people does not, and the library that reads certificates takes a tenth of
            a start.
        interruptible: whether a signal ends this run alone, with what was seen; else it is the caller's to hear.
        lab: the lab's scenario, or None on a real network.
    """

    timeout: float | None = None
    deadline: float = 60.0
    concurrency: int = 256
    ecs_numbers: tuple[int, ...] = DEFAULT_NUMBERS
    own_hosts: tuple[str, ...] = ()
    families: tuple[int, ...] = (4, 6)
    expect: Mapping[str, str] = msgspec.field(default_factory=dict)
    idle: float | None = None
    experiments: bool = True
    genuine_chains: bool = True
    interruptible: bool = True
    lab: str | None = None
