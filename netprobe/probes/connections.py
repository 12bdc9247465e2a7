"""A connection to a host: to one of its addresses, or a tunnel through its proxy.

What speaks with a proxy is imported when there is one (see :mod:`netprobe.probes.ahead`).
"""

from __future__ import annotations

from netprobe.probes import tcp
from netprobe.probes.attempt import Attempt
from netprobe.probes.streams import Stream


async def reach(attempt: Attempt, *, keep_success: bool = True, mss: int | None = None) -> Stream | None:
    """A connection to an address, or a tunnel through the probe's proxy; None where there is none.

    Args:
        attempt: what is tried.
        keep_success: whether to record a success too; a control that goes on has a later step to tell of.
        mss: the largest segment to announce, for a direct connection.
    """
    session, probe, scene, limits = attempt.session, attempt.probe, attempt.scene, attempt.limits
    stream: Stream | None
    if attempt.address is not None:
        port = probe.vantage.connect_port(scene.port)
        observation, stream = await tcp.connect(scene, attempt.address, port, limits, mss=mss)
    else:
        assert probe.proxy is not None
        await session.ahead.conversations()
        from netprobe.probes import proxy

        observation, stream = await proxy.open_tunnel(scene, probe.vantage, probe.proxy, session.finder, limits)
    if keep_success or stream is None:
        attempt.seen.append(observation)
    return stream
