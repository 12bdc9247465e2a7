"""The addresses of proxies: a proxy is named in settings by its name, and is asked for by many hosts."""

from __future__ import annotations

import msgspec
import trio

from netprobe.probes import resolve
from netprobe.probes.limits import Limits
from netprobe.probes.resolve import Gates
from netprobe.probes.scene import Scene
from netprobe.vantage import ProxyServer, Vantage


class Finder(msgspec.Struct):
    """Finds the addresses of proxies by name, each name once in a run.

    Attributes:
        limits: the run's time limits.
        gates: the run's gates in front of resolvers.
        families: the address families wanted.
    """

    limits: Limits
    gates: Gates
    families: tuple[int, ...] = (4, 6)
    _found: dict[tuple[object, ...], resolve.Lookup] = msgspec.field(default_factory=dict)
    _locks: dict[tuple[object, ...], trio.Lock] = msgspec.field(default_factory=dict)

    async def find(self, scene: Scene, vantage: Vantage, proxy: ProxyServer) -> resolve.Lookup:
        """What the vantage's resolvers say of the proxy's name, the search list tried first for a single label."""
        key = (proxy.host, vantage.resolvers, vantage.search, vantage.hosts_file, vantage.families)
        async with self._locks.setdefault(key, trio.Lock()):
            if key not in self._found:
                self._found[key] = await self._ask(scene, vantage, proxy.host)
        return self._found[key]

    async def _ask(self, scene: Scene, vantage: Vantage, host: str) -> resolve.Lookup:
        names = [host] if "." in host else [*(f"{host}.{suffix}" for suffix in vantage.search), host]
        lookup = resolve.Lookup()
        # A proxy may stand on the host's own network, which is reached over IPv4 also without a default route.
        families = tuple(f for f in self.families if f == 4 or f in vantage.families)
        for name in names:
            lookup = await resolve.resolve(scene, vantage, families, self.limits, self.gates, name=name)
            if lookup.addresses:
                break
        return lookup
