"""A connection to a host: to one of its addresses, or a tunnel through its proxy.

What speaks with a proxy is imported when there is one (see :mod:`netprobe.probes.ahead`).
"""

from __future__ import annotations

from netprobe.observations import Observation
from netprobe.probes import tcp
from netprobe.probes.limits import Limits
from netprobe.probes.plan import Probe
from netprobe.probes.scene import Scene
from netprobe.probes.session import Session
from netprobe.probes.streams import Stream


async def reach(
    session: Session,
    probe: Probe,
    scene: Scene,
    address: str | None,
    seen: list[Observation],
    *,
    keep_success: bool = True,
    limits: Limits | None = None,
    mss: int | None = None,
) -> Stream | None:
    """A connection to an address, or a tunnel through the probe's proxy; None where there is none.

    Args:
        session: the run.
        probe: the host.
        scene: the probe's, or that of a control probe.
        address: where to, or None for the way through the proxy.
        seen: where the observation goes.
        keep_success: whether to record a success too; a control that goes on has a later step to tell of.
        limits: other limits than the run's.
        mss: the largest segment to announce, for a direct connection.
    """
    limits = session.limits if limits is None else limits
    stream: Stream | None
    if address is not None:
        port = probe.vantage.connect_port(scene.port)
        observation, stream = await tcp.connect(scene, address, port, limits, mss=mss)
    else:
        assert probe.proxy is not None
        await session.ahead.conversations()
        from netprobe.probes import proxy

        observation, stream = await proxy.open_tunnel(scene, probe.vantage, probe.proxy, session.finder, limits)
    if keep_success or stream is None:
        seen.append(observation)
    return stream
