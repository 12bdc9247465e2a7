"""Imports behind the round trips: what the later steps need is imported while the first answers are under way.

A start is long beside a round trip, and the network idles meanwhile. So only what asks the first question is imported
before it leaves. The rest (TLS's stores, what speaks and reads HTTP, the control probes, the diagnosis) is imported
in a thread while the answers are under way. An import in the event loop itself would keep every answer waiting until
it is done; the thread gives the interpreter away every :data:`GIVE_WAY` seconds, to whoever has an answer to read. A
step that comes before its import waits for it, and holds up nobody else.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import trio

from netprobe.probes import memory

GIVE_WAY = 0.001
"""Seconds; the interpreter's own 5 ms would be felt where a round trip takes one."""
_CONVERSATIONS = "netprobe.probes.conversation"


def nothing() -> None:
    """Nobody needs anything later."""


class Ahead:
    """What one run imports while it runs; nothing where this process has imported it for another.

    Args:
        later: imports what is needed when the run is over.
    """

    def __init__(self, later: Callable[[], None] = nothing) -> None:
        self._later = later
        self._conversations, self._handshakes = trio.Event(), trio.Event()
        if _CONVERSATIONS in sys.modules:
            self._conversations.set()
            self._handshakes.set()

    async def load(
        self, conversations: Callable[[], None], handshakes: Callable[[], None], controls: Callable[[], None]
    ) -> None:
        """Import everything, in the order in which it is needed.

        Args:
            conversations: imports what speaks with hosts and proxies.
            handshakes: prepares for TLS.
            controls: imports what follows the first pass.
        """
        if self._conversations.is_set():
            return
        await trio.lowlevel.checkpoint()  # those who ask the first questions come first
        with _giving_way():
            await trio.to_thread.run_sync(conversations)
            self._conversations.set()
            await trio.to_thread.run_sync(handshakes)
            self._handshakes.set()
            await trio.to_thread.run_sync(controls)
            await trio.to_thread.run_sync(self._later)
        memory.settle()

    async def conversations(self) -> None:
        """Wait until hosts can be spoken with; no checkpoint where they can."""
        if not self._conversations.is_set():
            await self._conversations.wait()

    async def handshakes(self) -> None:
        """Wait until TLS is prepared; no checkpoint where it is."""
        if not self._handshakes.is_set():
            await self._handshakes.wait()


@contextmanager
def _giving_way() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(GIVE_WAY)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)
