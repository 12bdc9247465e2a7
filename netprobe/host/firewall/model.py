"""A packet filter as chains of rules, and what it does to one packet.

Only as much as the question needs: *may this host open connections to port 443, ask DNS, and get the answers?* A
condition is true, false or unknown for the packet; unknown where it looks at something that the question leaves open
(a destination, a user, a set). A rule that accepts on an unknown condition makes the answer ``LIMITED``: some
destinations pass, others do not. A rule that drops on one is passed over, since it drops some and not all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from netprobe.findings import Place

_MAX_STEPS = 20_000


class Fate(StrEnum):
    """What becomes of the packet."""

    ACCEPTED = "accepted"
    DROPPED = "dropped"
    LIMITED = "limited"


class Target(StrEnum):
    """What a rule does with what it matches."""

    ACCEPT = "accept"
    DROP = "drop"
    RETURN = "return"
    JUMP = "jump"
    GO_ON = "go_on"


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """The packet that is asked about.

    Attributes:
        protocol: ``tcp`` or ``udp``.
        remote_port: 443 or 53.
        outgoing: leaves the host; otherwise the answer that comes back to it.
        family: 4 or 6.
    """

    protocol: str
    remote_port: int
    outgoing: bool
    family: int

    @property
    def source_port(self) -> int | None:
        """The answer's source port; the outgoing packet's is any."""
        return None if self.outgoing else self.remote_port

    @property
    def destination_port(self) -> int | None:
        """The outgoing packet's destination port; the answer's is any."""
        return self.remote_port if self.outgoing else None

    @property
    def state(self) -> str:
        """Connection tracking's word for it."""
        return "new" if self.outgoing else "established"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterRule:
    """One rule, its condition already decided for one packet.

    Attributes:
        matches: true, false, or None for unknown.
        target: what it does.
        chain: the chain to jump to.
        goto: whether the jump does not come back.
        place: file, line and text.
    """

    matches: bool | None
    target: Target
    chain: str = ""
    goto: bool = False
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """One chain.

    Attributes:
        rules: in order.
        policy: what becomes of a packet that no rule of a base chain decides; None for other chains.
        place: where the policy stands.
    """

    rules: tuple[FilterRule, ...]
    policy: Target | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer, and the rules that made it."""

    fate: Fate
    places: tuple[Place, ...] = ()


def decide(chains: Mapping[str, Chain], start: str) -> Verdict:
    """Send the packet through a chain."""
    chain = chains.get(start)
    if chain is None:
        return Verdict(fate=Fate.ACCEPTED)
    walk = _Walk(chains)
    target = walk.through(start, ()) or chain.policy or Target.ACCEPT
    if target is Target.DROP:
        last = walk.last or chain.place
        if walk.limited:
            return Verdict(fate=Fate.LIMITED, places=tuple(walk.limited[:5]) + ((last,) if last else ()))
        return Verdict(fate=Fate.DROPPED, places=(last,) if last else ())
    return Verdict(fate=Fate.ACCEPTED)


class _Walk:
    """One packet's way, bounded: a ruleset may jump in circles."""

    def __init__(self, chains: Mapping[str, Chain]) -> None:
        self.chains = chains
        self.steps = 0
        self.limited: list[Place] = []
        self.last: Place | None = None

    def through(self, name: str, above: tuple[str, ...]) -> Target | None:
        """ACCEPT, DROP, or None where the chain ends undecided."""
        chain = self.chains.get(name)
        if chain is None or name in above or len(above) > 30:
            return None
        for rule in chain.rules:
            self.steps += 1
            if self.steps > _MAX_STEPS:
                return None
            if rule.matches is False or rule.target is Target.GO_ON:
                continue
            if rule.matches is None:
                self._perhaps(rule, (*above, name))
                continue
            if rule.target is Target.RETURN:
                return None
            if rule.target is not Target.JUMP:
                self.last = rule.place
                return rule.target
            found = self.through(rule.chain, (*above, name))
            if found is not None or rule.goto:
                return found
        return None

    def _perhaps(self, rule: FilterRule, above: tuple[str, ...]) -> None:
        """A rule that some packets of the kind match and others do not."""
        if rule.target is Target.ACCEPT:
            self.limited.append(rule.place)
        if rule.target is Target.JUMP and self.through(rule.chain, above) is Target.ACCEPT:
            self.limited.append(rule.place)
