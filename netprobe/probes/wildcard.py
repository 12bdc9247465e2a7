"""Names that cannot exist: does the resolver answer for them all the same?

A resolver that answers for everything (a captive portal, a "helpful" provider, a wildcard zone) makes every numbered
candidate look alive. So one name that AWS cannot have is asked for, once for each resolver setting and parent name.
"""

from __future__ import annotations

from dataclasses import replace

import trio

from netprobe.probes import resolve
from netprobe.probes.plan import Target
from netprobe.probes.session import Session

EXPERIMENT = "impossible_name"
LABEL = "netprobe-no-such-host"
"""AWS names no endpoint like this, and it tells an administrator who asked."""


class Wildcards:
    """The answers for impossible names, each asked for once in a run."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._answers: dict[tuple[object, ...], frozenset[str]] = {}
        self._asked: dict[tuple[object, ...], trio.Event] = {}

    async def of(self, target: Target) -> frozenset[str]:
        """The addresses that a name beside ``target`` gets which cannot exist; none on an honest resolver."""
        vantage = target.vantage
        key = (target.suffix, vantage.resolvers, vantage.hosts_file, target.families)
        if key in self._asked:
            await self._asked[key].wait()
            return self._answers[key]
        self._asked[key] = trio.Event()
        scene = replace(target.scene.control(EXPERIMENT), host=f"{LABEL}.{target.suffix}")
        session = self._session
        lookup = resolve.Lookup()
        try:
            await resolve.resolve(scene, vantage, target.families, session.limits, session.gates, into=lookup)
        finally:
            session.controls.extend(lookup.observations)
            self._answers[key] = frozenset(lookup.addresses)
            self._asked[key].set()
        return self._answers[key]
