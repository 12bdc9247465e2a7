"""One line a cause over all hosts, however many hosts have it, and what sets those that have it apart.

The same finding with the same cause (a CA, a proxy, a resolver, a device) is one line. Where a report names no such
thing, what it touches decides: two sites that drop different endpoints have two causes, and one whose list of
endpoints differs a little from host to host is still one.

A host that fails at the same endpoints for another reason hides whether this cause is there too. It counts on neither
side, so that a CA at one site does not make a dropped port at another look rarer than it is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

import msgspec

from netprobe import natural
from netprobe.findings import Certainty, Outcome, Owner, Severity
from netprobe.fleet.apart import LEAST_HOSTS, Compared, apart
from netprobe.fleet.census import Census
from netprobe.fleet.model import Apart, FleetCause, HostFinding, Member, Share

_ALIKE = 0.5
"""The share of endpoints that two lists have in common, to be about one cause."""
_WORKS = frozenset({Outcome.PASS, Outcome.WARN})
_FIRST = {
    "proxy": ("proxy",),
    "dns": ("resolver",),
    "no": ("proxy",),
    "clock": (),
}
"""The first word of a finding → the attribute that is named first where several say the same."""
_SAYS_THE_SAME = {
    "tls_intercepted": ("interceptor",),
    "tls_intercepted_trusted": ("interceptor",),
}
"""Finding → attributes that are the finding itself in other words."""
NONE_PASS = "every host that was judged has it"  # noqa: S105 - a sentence
TOO_FEW = f"fewer than {LEAST_HOSTS} hosts on one side"
BY_CHANCE = "nothing that the reports tell separates them beyond chance"


class CountedCause(msgspec.Struct, kw_only=True):
    """A cause while hosts are counted.

    Attributes:
        id: the finding.
        cause: what makes it one.
        seen: position of the host → its finding.
        shape: the endpoints that most of its hosts are touched at; of a named cause, such a list for every region.
    """

    id: str
    cause: str
    seen: dict[int, HostFinding]
    shape: frozenset[str]


def gather(members: Sequence[Member]) -> list[CountedCause]:
    """Put the findings of all hosts together: errors first, then by the number of hosts.

    Args:
        members: the hosts that count.
    """
    found: dict[tuple[str, str], dict[tuple[str, ...], list[tuple[int, HostFinding]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for position, member in enumerate(members):
        for seen in member.findings:
            found[seen.id, seen.cause][seen.endpoints].append((position, seen))
    causes = [one for (id_, cause), shapes in found.items() for one in _split(id_, cause, shapes)]
    return sorted(causes, key=lambda one: (_severity(one).rank, -len(one.seen), one.id, one.cause, sorted(one.shape)))


def _split(id_: str, cause: str, shapes: dict[tuple[str, ...], list[tuple[int, HostFinding]]]) -> list[CountedCause]:
    """By what it touches, the most frequent list of endpoints first; a named cause is one whatever it touches."""
    parts: list[CountedCause] = []
    ranked = sorted(shapes.items(), key=lambda item: (-len(item[1]), -len(item[0]), item[0]))
    for endpoints, hosts in ranked:
        shape = frozenset(endpoints)
        part = next((one for one in parts if cause or _alike(one.shape, shape)), None)
        if part is None:
            part = CountedCause(id=id_, cause=cause, seen={}, shape=shape)
            parts.append(part)
        part.shape |= _elsewhere(part.shape, shape)
        for position, seen in hosts:
            before = part.seen.get(position)
            part.seen[position] = seen if before is None else before.joined(seen)
    return parts


def _elsewhere(known: frozenset[str], shape: frozenset[str]) -> set[str]:
    """What is touched in regions that are not known yet: a host that looks there is judged for the same device."""
    regions = {endpoint.partition("/")[0] for endpoint in known}
    return {endpoint for endpoint in shape if endpoint.partition("/")[0] not in regions}


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    together = one | other
    return not together or len(one & other) >= _ALIKE * len(together)


def _severity(cause: CountedCause) -> Severity:
    return min((seen.severity for seen in cause.seen.values()), key=lambda severity: severity.rank)


def told(
    touched: CountedCause,
    members: Sequence[Member],
    group_of: Callable[[Member], str],
    census: Census,
) -> FleetCause:
    """Write one cause down, with what sets its hosts apart.

    Args:
        touched: the cause.
        members: the hosts that count.
        group_of: which group a host is in.
        census: what was read, for the words of one of the hosts.
    """
    passing = [at for at, member in enumerate(members) if at not in touched.seen and _passes(member, touched)]
    failing = sorted(touched.seen)
    separated, why_not = _apart(touched, members, failing, passing)
    example = census.example(touched.id, touched.cause, touched.shape)
    owners = Counter(seen.owner for seen in touched.seen.values())
    return FleetCause(
        id=touched.id,
        cause=touched.cause,
        severity=_severity(touched),
        owner=min(owners, key=lambda owner: (-owners[owner], tuple(Owner).index(owner))),
        proven=sum(seen.certainty is Certainty.PROVEN for seen in touched.seen.values()),
        endpoints=tuple(sorted({endpoint for seen in touched.seen.values() for endpoint in seen.endpoints})),
        hosts=tuple(natural.ordered(members[at].name for at in failing)),
        judged=len(failing) + len(passing),
        groups=_shares((group_of(members[at]) for at in failing), (group_of(members[at]) for at in passing)),
        title=example.sentence.title,
        remedy=example.sentence.remedy,
        example=example.host,
        docs=example.sentence.docs,
        apart=separated,
        why_not_apart=why_not,
    )


def _passes(member: Member, cause: CountedCause) -> bool:
    """Whether a host without the cause was judged for the same, and nothing else hides the answer."""
    if not cause.shape:
        return member.judged_rules if _from_rule(cause) else bool(member.outcomes)
    outcomes = [member.outcomes[endpoint] for endpoint in cause.shape if endpoint in member.outcomes]
    return bool(outcomes) and all(outcome in _WORKS for outcome in outcomes)


def _from_rule(cause: CountedCause) -> bool:
    return any(seen.from_rule for seen in cause.seen.values())


def _apart(
    cause: CountedCause, members: Sequence[Member], failing: Sequence[int], passing: Sequence[int]
) -> tuple[Apart | None, str]:
    if not passing:
        return None, NONE_PASS
    if min(len(failing), len(passing)) < LEAST_HOSTS:
        return None, TOO_FEW
    found = apart(
        [Compared(name=members[at].name, traits=members[at].traits) for at in failing],
        [Compared(name=members[at].name, traits=members[at].traits) for at in passing],
        without=_SAYS_THE_SAME.get(cause.id, ()),
        first=_FIRST.get(cause.id.partition("_")[0], ()),
    )
    return found, "" if found is not None else BY_CHANCE


def _shares(failing: Iterable[str], passing: Iterable[str]) -> tuple[Share, ...]:
    """Groups with the hosts that fail and pass in each, the most touched first; groups without a failing host too."""
    failed, passed = Counter(failing), Counter(passing)
    names = sorted({*failed, *passed}, key=lambda name: (-failed[name], natural.key(name)))
    return tuple(Share(group=name, failing=failed[name], judged=failed[name] + passed[name]) for name in names)
