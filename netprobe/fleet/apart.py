"""What sets the hosts that fail apart from those that pass: the smallest set of attributes, with its exceptions.

With thirty attributes and a dozen hosts something always fits. What is worth saying is found by its length (minimum
description length: J. Rissanen, "Modeling by shortest data description", Automatica 14, 1978): telling somebody which
hosts fail takes log2 C(n, f) bits; telling them "proxy is X", and the exceptions, takes fewer if that is why. The rule
pays for its choice among attributes and values, so a rule that fits by chance saves nothing: by Kraft's inequality
chance saves n bits in at most one of 2^n cases. The rule that saves most is named, where it saves
:data:`LEAST_BITS`; a second cause beside it, and a second condition within it, must pay for themselves the same way.

Measured, not believed: purity and coverage are counted over the very hosts, and where either is under
:data:`GOOD` the answer is called suspected. Fewer than three against three tell nothing.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from netprobe import natural
from netprobe.fleet.model import Apart, Clause, Condition

LEAST_HOSTS = 3
"""On either side."""
LEAST_BITS = 10.0
"""Chance does this once in a thousand causes."""
MORE_BITS = 8.0
"""What a further clause or condition must save."""
GOOD = 0.95
"""Purity and coverage, to be no mere suspicion."""
FAIR_PURITY = 0.75
FAIR_COVERAGE = 0.3
"""What explains less of those that fail is not told."""
MOST_CLAUSES = 3
MOST_VALUES = 8
"""Values of one attribute in one condition; a longer list explains nothing."""
MOST_DISTINCT = 2000
_MOST_PAIRED = 24
_SHARE_OF_PAIRED = 0.5

Traits = Mapping[str, tuple[str, ...]]


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One host that fails or passes.

    Attributes:
        name: of the host.
        traits: attribute → values.
    """

    name: str
    traits: Traits


class _Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A clause while it is looked for: whom it holds for (a bit for each host), and what it costs to name it."""

    conditions: tuple[Condition, ...]
    hosts: int
    bits: float


def apart(
    failing: Sequence[Compared],
    passing: Sequence[Compared],
    *,
    without: Iterable[str] = (),
    first: Iterable[str] = (),
) -> Apart | None:
    """Say what sets the failing hosts apart, or None where nothing does beyond chance.

    Args:
        failing: hosts with the cause.
        passing: hosts that were judged for the same and pass.
        without: attributes that would only say the cause again.
        first: attributes that are named first among those that say the same of the same hosts.
    """
    if len(failing) < LEAST_HOSTS or len(passing) < LEAST_HOSTS:
        return None
    return _Search(failing, passing, frozenset(without), tuple(first)).result()


class _Search:
    """Sets of hosts are whole numbers here, a bit for each host: counting them is what a run of many hosts does most.

    The failing hosts are the low bits.
    """

    def __init__(
        self, failing: Sequence[Compared], passing: Sequence[Compared], without: frozenset[str], first: Sequence[str]
    ) -> None:
        self._hosts = [*failing, *passing]
        self._number = len(self._hosts)
        self._failing = (1 << len(failing)) - 1
        self._first = {attribute: place for place, attribute in enumerate(first)}
        self._index = _index(self._hosts, without)
        self._order = sorted(self._index, key=self._rank)
        self._naming = math.log2(len(self._index) + 1)

    def _rank(self, attribute: str) -> tuple[int, int, str]:
        """Usual suspects first: what a packet meets before what somebody wrote on the host."""
        usual = _USUAL.get(attribute, len(_USUAL))
        return self._first.get(attribute, len(self._first)), usual, attribute

    def result(self) -> Apart | None:
        chosen: list[_Rule] = []
        covered, spent = 0, 0.0
        cost = nothing = self._exceptions(0)
        for number in range(MOST_CLAUSES):
            best = self._best(covered)
            if best is None:
                break
            then = self._exceptions(covered | best.hosts) + spent + best.bits
            if cost - then < (LEAST_BITS if number == 0 else MORE_BITS):
                break
            chosen.append(best)
            covered, spent, cost = covered | best.hosts, spent + best.bits, then
        return self._told(chosen, covered, nothing - cost) if chosen else None

    def _best(self, covered: int) -> _Rule | None:
        """The rule that makes the description shortest; the order breaks ties."""
        simple = [rule for attribute in self._order for rule in self._of(attribute, covered)]
        candidates = [rule for rule in (*simple, *self._pairs(simple, covered)) if self._counts(rule, covered)]
        return min(candidates, key=lambda rule: self._exceptions(covered | rule.hosts) + rule.bits, default=None)

    def _told(self, chosen: Sequence[_Rule], covered: int, bits: float) -> Apart | None:
        caught, failing = (covered & self._failing).bit_count(), self._failing.bit_count()
        purity, coverage = caught / covered.bit_count(), caught / failing
        if purity < FAIR_PURITY or coverage < FAIR_COVERAGE:
            return None
        return Apart(
            clauses=tuple(self._clause(rule) for rule in chosen),
            suspected=purity < GOOD or coverage < GOOD,
            purity=purity,
            coverage=coverage,
            failing=failing,
            passing=self._number - failing,
            pass_anyway=self._names(covered & ~self._failing),
            fail_anyway=self._names(self._failing & ~covered),
            bits=round(bits, 1),
        )

    def _names(self, hosts: int) -> tuple[str, ...]:
        return tuple(natural.ordered(host.name for position, host in enumerate(self._hosts) if hosts >> position & 1))

    def _clause(self, rule: _Rule) -> Clause:
        return Clause(
            conditions=rule.conditions,
            hosts=rule.hosts.bit_count(),
            failing=(rule.hosts & self._failing).bit_count(),
            same_as=self._same(rule),
        )

    def _same(self, rule: _Rule) -> tuple[Condition, ...]:
        """Other attributes whose values mark exactly these hosts: the data cannot tell which of them it is."""
        named = {condition.attribute for condition in rule.conditions}
        found = []
        for attribute in self._order:
            inside = {value: hosts for value, hosts in self._index[attribute].items() if not hosts & ~rule.hosts}
            marked = functools.reduce(operator.or_, inside.values(), 0)
            if attribute not in named and 0 < len(inside) <= MOST_VALUES and marked == rule.hosts:
                found.append(Condition(attribute=attribute, values=tuple(natural.ordered(inside))))
        return tuple(found)

    def _exceptions(self, marked: int) -> float:
        """Bits to say which of the marked hosts pass, and which of the others fail."""
        number = marked.bit_count()
        wrongly = number - (marked & self._failing).bit_count()
        missed = (self._failing & ~marked).bit_count()
        return _choice(number, wrongly) + _choice(self._number - number, missed)

    def _counts(self, rule: _Rule, covered: int) -> bool:
        """Whether it catches failing hosts that no rule has caught yet, and enough of them."""
        return (rule.hosts & ~covered & self._failing).bit_count() >= LEAST_HOSTS

    def _of(self, attribute: str, covered: int) -> Iterable[_Rule]:
        """Each value by itself; then the two with the highest share of failing hosts, the three highest, and so on."""
        values = self._index[attribute]
        left = self._failing & ~covered
        failing = {value: (hosts & left).bit_count() for value, hosts in values.items()}
        for value, count in failing.items():
            if count >= LEAST_HOSTS:
                yield self._rule(attribute, (value,), values[value])

        def share(value: str) -> tuple[float, int, str]:
            return -failing[value] / max((values[value] & ~covered).bit_count(), 1), -failing[value], value

        ranked = sorted((value for value, count in failing.items() if count), key=share)[:MOST_VALUES]
        for count in range(2, len(ranked) + 1):
            marked = functools.reduce(operator.or_, (values[value] for value in ranked[:count]))
            yield self._rule(attribute, tuple(natural.ordered(ranked[:count])), marked)

    def _rule(self, attribute: str, values: tuple[str, ...], hosts: int) -> _Rule:
        number = len(values)
        bits = self._naming + 2 * math.log2(number) + 1 + _combinations(len(self._index[attribute]), number)
        return _Rule(conditions=(Condition(attribute=attribute, values=values),), hosts=hosts, bits=bits)

    def _pairs(self, simple: Sequence[_Rule], covered: int) -> Iterable[_Rule]:
        """Two conditions that hold together, each of which holds for much of what is left to explain."""
        left = self._failing & ~covered
        least = _SHARE_OF_PAIRED * left.bit_count()
        wide = [rule for rule in simple if (rule.hosts & left).bit_count() >= least]
        wide = [rule for rule in wide if len(rule.conditions[0].values) == 1]
        unique = list({rule.hosts: rule for rule in reversed(wide)}.values())
        unique.sort(key=lambda rule: (self._exceptions(rule.hosts), self._rank(rule.conditions[0].attribute)))
        for one, other in itertools.combinations(unique[:_MOST_PAIRED], 2):
            if one.conditions[0].attribute != other.conditions[0].attribute:
                pair = sorted((one.conditions[0], other.conditions[0]), key=lambda c: self._rank(c.attribute))
                yield _Rule(conditions=tuple(pair), hosts=one.hosts & other.hosts, bits=one.bits + other.bits)


def _index(hosts: Sequence[Compared], without: frozenset[str]) -> dict[str, dict[str, int]]:
    """Attribute → value → hosts. What has a value for nearly every host names hosts and explains nothing."""
    positions: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for position, host in enumerate(hosts):
        for attribute, values in host.traits.items():
            if attribute not in without:
                for value in values:
                    positions[attribute][value].append(position)
    return {
        attribute: {value: _bits(found, len(hosts)) for value, found in values.items()}
        for attribute, values in positions.items()
        if len(values) <= MOST_DISTINCT
    }


def _bits(positions: Sequence[int], number: int) -> int:
    field = bytearray(number // 8 + 1)
    for position in positions:
        field[position >> 3] |= 1 << (position & 7)
    return int.from_bytes(field, "little")


_ORDER = ("proxy", "resolver", "gateway", "subnet", "interceptor", "site", "network", "trust store")
_USUAL = {attribute: place for place, attribute in enumerate(_ORDER)}


def _choice(number: int, chosen: int) -> float:
    """Bits to say how many of so many hosts are exceptions, and which."""
    return 2 * math.log2(chosen + 1) + 1 + _combinations(number, chosen)


def _combinations(number: int, chosen: int) -> float:
    """log2 of the ways to choose so many of so many."""
    if chosen == 0 or chosen == number:
        return 0.0
    return (math.lgamma(number + 1) - math.lgamma(chosen + 1) - math.lgamma(number - chosen + 1)) / math.log(2)
