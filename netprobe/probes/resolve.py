"""Which addresses does a host get for a name, given its hosts file and its resolvers?

Every configured resolver is asked on its own, so that a dead or a lying one shows. Whose answer *counts* follows the
stub resolver (glibc ``res_send``; Go's resolver does alike): the servers in their order, and the next one only after
silence, a refusal or a server failure. A wrong answer of the first is what the host gets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import trio

from netprobe.observations import DnsDetail, Failure, Observation, Step
from netprobe.probes import dns, hostsfile, tcp
from netprobe.probes.limits import Limits
from netprobe.probes.scene import Scene
from netprobe.vantage import Resolver, Vantage

IN_FLIGHT = 128
"""Questions in flight to one resolver: below dnsmasq's default ``dns-forward-max`` of 150, which refuses beyond it."""
_FINAL = frozenset({None, Failure.DNS_NXDOMAIN, Failure.DNS_NO_ANSWER})
_ABSENT = frozenset({Failure.DNS_NXDOMAIN, Failure.DNS_NO_ANSWER})
_RRTYPE = {4: "A", 6: "AAAA"}


class Gates:
    """Keeps the questions in flight to each resolver below :data:`IN_FLIGHT`."""

    def __init__(self) -> None:
        self._gates: dict[Resolver, trio.CapacityLimiter] = {}

    def of(self, resolver: Resolver) -> trio.CapacityLimiter:
        """The gate in front of one resolver."""
        return self._gates.setdefault(resolver, trio.CapacityLimiter(IN_FLIGHT))


@dataclass(slots=True, kw_only=True)
class Lookup:
    """What all resolvers said of one name.

    Attributes:
        observations: one a question.
        addresses: what the host gets, IPv4 first, each family sorted.
    """

    observations: list[Observation] = field(default_factory=list)
    addresses: tuple[str, ...] = ()

    @property
    def is_absent(self) -> bool:
        """Whether every resolver says, for every family, that there is no such name or address."""
        return bool(self.observations) and all(o.failure in _ABSENT for o in self.observations)


async def resolve(
    scene: Scene, vantage: Vantage, families: Sequence[int], limits: Limits, gates: Gates, *, name: str | None = None
) -> Lookup:
    """Ask for a name as ``vantage`` would, and keep everything that was said.

    Args:
        scene: what is probed.
        vantage: whose hosts file and resolvers.
        families: the families to ask for.
        limits: the run's time limits.
        gates: the run's gates in front of resolvers.
        name: another name than the scene's host.
    """
    lookup = Lookup()
    entries = hostsfile.lookup(vantage.hosts_file, name or scene.host)
    if entries:
        _from_file(scene, vantage, families, entries, lookup)
        return lookup
    answers: dict[tuple[Resolver, int], tuple[Observation, tuple[str, ...]]] = {}

    async def one(resolver: Resolver, family: int) -> None:
        async with gates.of(resolver):  # the slot first, then the clock
            answers[resolver, family] = await dns.ask(scene, resolver, family, limits, name=name)

    try:
        async with trio.open_nursery() as nursery:
            for resolver in vantage.resolvers:
                for family in families:
                    nursery.start_soon(one, resolver, family)
    finally:
        lookup.observations = [observation for observation, _ in answers.values()]
    lookup.addresses = tuple(a for family in families for a in counted(answers, vantage.resolvers, family))
    return lookup


def counted(
    answers: Mapping[tuple[Resolver, int], tuple[Observation, tuple[str, ...]]],
    resolvers: Sequence[Resolver],
    family: int,
) -> tuple[str, ...]:
    """The addresses that a stub resolver would hand out: those of the first server with a final answer."""
    for resolver in resolvers:
        observation, addresses = answers[resolver, family]
        if observation.failure in _FINAL:
            return addresses
    return ()


def _from_file(
    scene: Scene, vantage: Vantage, families: Sequence[int], entries: Sequence[hostsfile.Entry], lookup: Lookup
) -> None:
    now = trio.current_time()
    found: list[str] = []
    for family in families:
        mine = [entry for entry in entries if tcp.family_of(entry.address) == family]
        if mine:
            addresses = tuple(dict.fromkeys(entry.address for entry in mine))
            detail = DnsDetail(
                resolver=f"{vantage.hosts_file}:{mine[0].line}",
                rrtype=_RRTYPE[family],
                transport="file",
                answers=addresses,
                attempts=0,
            )
            lookup.observations.append(scene.observe(Step.DNS, now, None, detail))
            found.extend(addresses)
    lookup.addresses = tuple(found)
