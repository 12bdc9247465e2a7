"""One connection that is tried: to which host, as what, where, how patiently, and where it is written down."""

from __future__ import annotations

import msgspec

from netprobe.observations import Observation
from netprobe.probes.limits import Limits
from netprobe.probes.plan import Probe
from netprobe.probes.scene import Scene
from netprobe.probes.session import Session


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """What every step of one connection needs to know.

    Attributes:
        session: the run.
        probe: the host.
        scene: the probe's own, or that of a control probe.
        address: where to, or None for the way through the proxy.
        seen: where the observations go.
        limits: how long each step may take.
    """

    session: Session
    probe: Probe
    scene: Scene
    address: str | None
    seen: list[Observation]
    limits: Limits

    @classmethod
    def of(
        cls,
        session: Session,
        probe: Probe,
        scene: Scene,
        address: str | None,
        seen: list[Observation],
        limits: Limits | None = None,
    ) -> Attempt:
        """An attempt; without other limits, within the run's."""
        within = session.limits if limits is None else limits
        return cls(session=session, probe=probe, scene=scene, address=address, seen=seen, limits=within)

    def told_to(self, seen: list[Observation]) -> Attempt:
        """The same attempt, written down elsewhere."""
        return msgspec.structs.replace(self, seen=seen)
