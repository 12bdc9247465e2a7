"""Who is connected to the lab at the moment: bounded, and whoever has stayed longest makes room for the next.

Any user of the machine reaches loopback. One who opens connections and says nothing may not keep the lab from others,
nor take the last file descriptor, without which it could not even accept.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

Handler = Callable[[trio.SocketStream], Awaitable[None]]


class Guests:
    """The open connections of one lab, oldest first."""

    def __init__(self, most: int) -> None:
        """Make an empty list.

        Args:
            most: how many connections may be open at once, over all servers together.
        """
        self._most = most
        self._inside: dict[trio.CancelScope, None] = {}

    def welcome(self, handler: Handler) -> Handler:
        """The same handler, whose connection ends where it is the oldest and another one needs its place."""

        async def serve(stream: trio.SocketStream) -> None:
            with trio.CancelScope() as scope:
                self._inside[scope] = None
                if len(self._inside) > self._most:
                    oldest = next(iter(self._inside))
                    del self._inside[oldest]
                    oldest.cancel()
                try:
                    await handler(stream)
                finally:
                    self._inside.pop(scope, None)

        return serve
