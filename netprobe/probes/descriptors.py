"""Open files: enough for every connection that a run may hold at once, or fewer connections, and told.

The usual soft limit of 1,024 is there for programs that use ``select``; whoever does not may raise it up to the hard
limit (getrlimit(2); Go programs do at start). Running out in the middle would look like faults of the network.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Sequence

import msgspec

from netprobe.probes.settings import IN_FLIGHT, Settings
from netprobe.vantage import Vantage

SPARE = 64
"""For files, the event loop, and what is imported late."""
MOST_COUNTED = 4096
"""How far descriptors are counted without /proc: the kernel gives out the lowest free one."""


def allow(connections: int, questions: int) -> tuple[int, str]:
    """Raise this process's soft limit to what a run needs.

    Args:
        connections: how many may be open at once; each counts twice, since the embedded lab holds the other ends.
        questions: how many DNS questions may be in flight, each on a socket of its own.

    Returns:
        How many connections may be open at once, at least 1, and a note where that is fewer than were asked for.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    rest = _open_now(soft) + questions + SPARE
    wanted = rest + 2 * connections
    if soft == resource.RLIM_INFINITY or wanted <= soft:
        return connections, ""
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, limit), hard))
    if limit == wanted:
        return connections, ""
    fewer = max(1, (limit - rest) // 2)
    return fewer, f"{fewer} connections at a time instead of {connections}: this system allows {hard} open files"


def room() -> int:
    """How many files this process may still open, with enough left for what is imported later."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST_COUNTED
    return max(0, soft - _open_now(soft) - SPARE)


def _open_now(soft: int) -> int:
    """How many files this process has open; counted one by one where there is no /proc (a bare chroot or container)."""
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return sum(_is_open(descriptor) for descriptor in range(min(soft, MOST_COUNTED)))


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def within_limits(settings: Settings, vantages: Sequence[Vantage]) -> tuple[Settings, tuple[str, ...]]:
    """As many connections as this system has open files for, and what there is to tell about it."""
    resolvers = {resolver for vantage in vantages for resolver in vantage.resolvers}
    allowed, note = allow(settings.concurrency, len(resolvers) * IN_FLIGHT)
    return msgspec.structs.replace(settings, concurrency=allowed), (note,) if note else ()
