"""Who stays longest makes room, and who has left takes none."""

from __future__ import annotations

import socket

import trio
import trio.testing

from netprobe.lab.guests import Guests


def _stream() -> trio.SocketStream:
    return trio.SocketStream(trio.socket.from_stdlib_socket(socket.socket()))


async def test_the_oldest_makes_room_for_the_next(nursery: trio.Nursery) -> None:
    guests = Guests(2)
    inside: list[trio.SocketStream] = []
    left: list[trio.SocketStream] = []

    async def stay(stream: trio.SocketStream) -> None:
        inside.append(stream)
        try:
            await trio.sleep_forever()
        finally:
            left.append(stream)
            stream.socket.close()

    streams = [_stream() for _ in range(5)]
    for stream in streams:
        nursery.start_soon(guests.welcome(stay), stream)
        await trio.testing.wait_all_tasks_blocked()
    assert inside == streams
    assert left == streams[:3]
    nursery.cancel_scope.cancel()


async def test_who_has_left_takes_no_room() -> None:
    guests = Guests(1)
    served = 0

    async def leave(stream: trio.SocketStream) -> None:
        nonlocal served
        await trio.lowlevel.checkpoint()
        served += 1
        stream.socket.close()

    for _ in range(3):
        await guests.welcome(leave)(_stream())
    assert served == 3
