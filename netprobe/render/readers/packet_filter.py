"""What the chains of a packet filter together say of one destination: the first match decides, in every chain.

``netprobe host`` follows the packets of one host with all that is known of it (``host.firewall``), once. Here a file
that may be any router's is held against hundreds of networks, so each rule is read once, and what is not known of the
packet (its source, its user, its interface) is open: a rule that accepts is taken as if that held, one that drops is
passed over. What a base chain's policy lets out does not count as admitted, and what another base chain of the same
hook drops is not. Held against the kernel in ``tests/engines/test_compare_true.py``.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from netprobe.render.readers.base import RulePorts, ports_of

_DEPTH = 200
"""Jumps within jumps: more than any kernel takes, and fewer than Python's calls may be deep."""
CLIENT_PORTS = RulePorts.of([(32768, 60999)])
"""Where a client's own port lies (Linux's ``ip_local_port_range``)."""


class RuleVerdict(enum.Enum):
    """What a rule does with a packet that it matches."""

    ALLOW = enum.auto()
    DENY = enum.auto()
    RETURN = enum.auto()
    JUMP = enum.auto()
    GOTO = enum.auto()


Condition = Callable[[str, int], bool | None]
"""Whether a rule's condition holds for an address and a port; None where it looks at a set that is not there."""


@dataclass(slots=True, kw_only=True)
class ChainRule:
    """One rule.

    Attributes:
        verdict: what it does.
        chain: where it jumps to.
        conditions: on the destination; all of them must hold.
        is_open: whether it asks for something besides, of which nothing is known.
    """

    verdict: RuleVerdict
    chain: str = ""
    conditions: Sequence[Condition] = ()
    is_open: bool = False

    def holds(self, probe: str, port: int) -> bool | None:
        """Whether the conditions on the destination hold; None where a set is not there."""
        open_ = False
        for condition in self.conditions:
            held = condition(probe, port)
            if held is False:
                return False
            open_ |= held is None
        return None if open_ else True


@dataclass(slots=True, kw_only=True)
class FilterChain:
    """One chain.

    Attributes:
        rules: in order.
        hook: in lower case (``output``, ``forward`` …), where it is a base chain.
        drops: whether its policy drops.
        family: 4 or 6 where it sees packets of one family alone, 0 for both.
    """

    rules: list[ChainRule] = field(default_factory=list)
    hook: str = ""
    drops: bool = False
    family: int = 0


OUT = ("output", "forward")
"""The hooks that a packet to AWS passes, on a host or on a router."""


class ChainsDecision:
    """What chains decide.

    Args:
        chains: by a name that no other chain of the file has.
        entries: where packets come in, by hook; of each hook every chain must let the packet pass.
    """

    def __init__(self, chains: Mapping[str, FilterChain]) -> None:
        self._chains = chains
        self._entries = [[name for name, one in chains.items() if one.hook == hook] for hook in OUT]
        if not any(self._entries):
            # An excerpt: what nothing jumps to is where somebody's own chain will.
            reached = {rule.chain for one in chains.values() for rule in one.rules}
            self._entries = [[name] for name, one in chains.items() if not one.hook and name not in reached]

    def __call__(self, probe: str, port: int) -> bool | None:
        """Whether a new connection passes by one of the hooks; None where that cannot be told."""
        answers = {self._passes(entries, probe, port) for entries in self._entries if entries}
        return True if True in answers else (None if None in answers else False)

    def _passes(self, entries: Iterable[str], probe: str, port: int) -> bool | None:
        version = 6 if ":" in probe else 4
        asked = [name for name in entries if self._chains[name].family in (0, version)]
        answers = [_Walk(self._chains).through(name, probe, port) for name in asked]
        if any(one.is_denied for one in answers):
            return False
        if not any(one.is_allowed or one.may_allow for one in answers):
            return False
        return None if any(one.is_unsure for one in answers) else True


Ends = tuple[frozenset[str], frozenset[str]]
"""Zones or interfaces that a rule is about: where a session comes from, and where it goes."""
MOST_COMPARED = 20_000_000


def between_ends(rules: Sequence[tuple[Ends, ChainRule]]) -> ChainsDecision:
    """What rules between zones or interfaces decide: for the ends of each that admits, those that are for these too.

    Args:
        rules: in order; ``any`` stands for every zone.
    """
    pairs = list(dict.fromkeys(ends for ends, rule in rules if rule.verdict is RuleVerdict.ALLOW))
    if len(pairs) * len(rules) > MOST_COMPARED:
        return ChainsDecision({"all": FilterChain(drops=True, rules=[rule for _, rule in rules])})
    chains = {
        str(number): FilterChain(drops=True, rules=[rule for ends, rule in rules if _covers(ends, pair)])
        for number, pair in enumerate(pairs)
    }
    return ChainsDecision(chains)


def _covers(ends: Ends, asked: Ends) -> bool:
    return all("any" in own or one <= own for own, one in zip(ends, asked, strict=True))


@dataclass(slots=True)
class _Answer:
    """What one base chain says.

    Attributes:
        end: the verdict of a rule, or None where none decided.
        drops: what then becomes of the packet.
        may_allow: whether a rule that cannot be judged may have accepted it before.
        may_deny: whether one may have dropped it.
    """

    end: RuleVerdict | None
    drops: bool
    may_allow: bool
    may_deny: bool

    @property
    def is_allowed(self) -> bool:
        return self.end is RuleVerdict.ALLOW

    @property
    def is_denied(self) -> bool:
        return not self.may_allow and (self.end is RuleVerdict.DENY or (self.end is None and self.drops))

    @property
    def is_unsure(self) -> bool:
        return self.may_deny or (not self.is_allowed and self.may_allow)


class _Walk:
    """One packet's way through a base chain."""

    def __init__(self, chains: Mapping[str, FilterChain]) -> None:
        self._chains = chains
        self._may_allow = self._may_deny = False
        self._known: dict[str, RuleVerdict | None] = {}
        """What each chain said, so that none is asked twice, however many jump to it, or in a circle."""

    def through(self, name: str, probe: str, port: int) -> _Answer:
        end = self._through(name, probe, port, 0)
        return _Answer(end, self._chains[name].drops, self._may_allow, self._may_deny)

    def _through(self, name: str, probe: str, port: int, depth: int) -> RuleVerdict | None:
        """ALLOW, DENY, or None where the chain ends undecided."""
        if depth > _DEPTH:
            self._may_allow = self._may_deny = True
            return None
        if name not in self._known:
            self._known[name] = None
            self._known[name] = self._asked(name, probe, port, depth)
        return self._known[name]

    def _asked(self, name: str, probe: str, port: int, depth: int) -> RuleVerdict | None:
        chain = self._chains.get(name)
        for rule in chain.rules if chain is not None else ():
            held = rule.holds(probe, port)
            if held is False:
                continue
            found: RuleVerdict | None = rule.verdict
            if rule.verdict in (RuleVerdict.JUMP, RuleVerdict.GOTO):
                found = self._through(rule.chain, probe, port, depth + 1)
            if held is None:
                self._may_allow |= found is RuleVerdict.ALLOW
                self._may_deny |= found is RuleVerdict.DENY and not rule.is_open
                continue
            if rule.is_open and found is not RuleVerdict.ALLOW:
                continue
            if found is RuleVerdict.RETURN or (rule.verdict is RuleVerdict.GOTO and found is None):
                return None
            if found is not None:
                return found
        return None


def named_ports(text: str) -> RulePorts:
    """Ports by number or by name; a name that is not HTTP's is none of the ports that are asked about."""
    names = {"https": "443", "http": "80", "www": "80"}
    return ports_of(re.sub(r"[A-Za-z][A-Za-z0-9_-]*", lambda found: names.get(found[0], "0"), text))


def at_ports(ports: RulePorts, *, negated: bool = False) -> Condition:
    """A condition on the destination port."""
    return lambda _, port: (port in ports) is not negated


def any_of(matches: Sequence[Callable[[str], bool]]) -> Callable[[str], bool]:
    """What any of these matches."""
    return lambda probe: any(one(probe) for one in matches)


def at_addresses(matches: Callable[[str], bool] | None, *, negated: bool = False) -> Condition:
    """A condition on the destination address; None for a set that is not there."""
    if matches is None:
        return lambda _probe, _port: None
    return lambda probe, _: matches(probe) is not negated


def never(_probe: str, _port: int) -> bool:
    """A condition that no packet of ours meets."""
    return False


def of_family(version: int) -> Condition:
    """A condition on the family of the address."""
    return lambda probe, _: (6 if ":" in probe else 4) == version


def by_client_port(ports: RulePorts, *, negated: bool = False) -> bool | None:
    """Whether a client's own port lies in these; None where some do."""
    first, last = CLIENT_PORTS.spans[0]
    if all(span[1] < first or last < span[0] for span in ports.spans):
        return negated
    return not negated if any(low <= first and last <= high for low, high in ports.spans) else None
