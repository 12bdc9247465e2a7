"""What is different since then: two reports, or two folders of them, host by host and cause by cause.

*Fixed* is only what was judged again and works: a cause that is gone because nobody looked is *unjudged*. A host that
fails at the same endpoints for another reason has not got worse; one that fails where it passed has. Latency differs
from run to run, so a step is called slower only where the numbers cannot be chance (:mod:`netprobe.fleet.latency`), and
addresses are told only where they mean another way (:mod:`netprobe.fleet.addresses`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

import msgspec

from netprobe import __version__, natural
from netprobe.findings import Outcome, Owner, Severity
from netprobe.fleet import latency
from netprobe.fleet.addresses import Addresses, Move, moves
from netprobe.fleet.census import Census
from netprobe.fleet.model import HostFinding, Member, Skipped

SCHEMA_VERSION = "1.0"
_NOTHING: Mapping[str, Addresses] = {}
_WORKS = frozenset({Outcome.PASS, Outcome.WARN})
_COMPARED = {
    "site": "site",
    "proxy": "proxy",
    "resolver": "resolver",
    "gateway": "gateway",
    "subnet": "subnet",
    "trust store": "trust store",
    "os": "system",
    "kernel": "kernel",
    "docker": "Docker",
}
"""Attributes of a host whose change is told, as people call them; agents are told too."""


class DifferenceKind(StrEnum):
    """What became of something."""

    NEW = "new"
    CHANGED = "changed"
    UNJUDGED = "unjudged"
    SLOWER = "slower"
    FIXED = "fixed"
    FASTER = "faster"
    SAME = "same"


class Weight(StrEnum):
    """Whether a change is one for the worse."""

    WORSE = "worse"
    """Something that worked does not."""
    WARNING = "warning"
    """Something warns that did not, or takes longer; counts with ``--strict``."""
    NONE = "none"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One difference, with every host that has it.

    Attributes:
        kind: what became of it.
        weight: whether that is for the worse.
        id: the finding, or the attribute, or the step that takes another time.
        before: what it was: the cause, the value, a duration; nothing where it is new.
        now: what it is.
        severity: of the finding, where it is one.
        owner: who must act, where somebody must.
        endpoints: ``REGION/ID`` of what it touches.
        hosts: names of the hosts.
        sites: site → hosts.
    """

    kind: DifferenceKind
    weight: Weight
    id: str
    before: str
    now: str
    severity: Severity | None
    owner: Owner | None
    endpoints: tuple[str, ...]
    hosts: tuple[str, ...]
    sites: dict[str, int]


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two moments.

    Attributes:
        reports: how many were read.
        hosts: how many hosts.
        first: when the oldest of them began.
        last: when the newest did.
        verdicts: verdict → hosts.
        skipped: what could not be read.
    """

    reports: int
    hosts: int
    first: str
    last: str
    verdicts: dict[str, int]
    skipped: tuple[Skipped, ...]


class FleetComparison(msgspec.Struct, frozen=True, kw_only=True):
    """What is different.

    Attributes:
        schema_version: of this document.
        netprobe_version: which netprobe made it.
        old: the earlier moment.
        new: the later one.
        weight: the worst of all changes.
        changes: worse ones first; what is the same comes last.
        gone: hosts that only the earlier moment has.
        added: hosts that only the later one has.
        counts: kind → changes, each counted once a host.
    """

    schema_version: str
    netprobe_version: str
    old: Side
    new: Side
    weight: Weight
    changes: tuple[Difference, ...]
    gone: tuple[str, ...]
    added: tuple[str, ...]
    counts: dict[str, int]


class _Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One difference at one host: what makes it the same at another."""

    kind: DifferenceKind
    weight: Weight
    id: str
    before: str = ""
    now: str = ""
    severity: Severity | None = None
    owner: Owner | None = None
    endpoints: tuple[str, ...] = ()


def compare(
    old: Census,
    new: Census,
    times_old: Mapping[str, latency.RunTimes],
    times_new: Mapping[str, latency.RunTimes],
    addresses_old: Mapping[str, Addresses] = _NOTHING,
    addresses_new: Mapping[str, Addresses] = _NOTHING,
) -> FleetComparison:
    """Hold two moments against each other.

    Args:
        old: the earlier reports.
        new: the later ones.
        times_old: source of a report → its durations.
        times_new: the same of the later ones.
        addresses_old: source of a report → where names led.
        addresses_new: the same of the later ones.
    """
    before, after = old.members(), new.members()
    pairs, gone, added = _paired(before, after)
    found: dict[_Difference, list[Member]] = defaultdict(list)
    for one, other in pairs:
        for difference in _of_host(one, other):
            found[difference].append(other)
        for difference in _of_times(times_old.get(one.source), times_new.get(other.source)):
            found[difference].append(other)
        for move in moves(addresses_old.get(one.source, {}), addresses_new.get(other.source, {})):
            found[_of_move(move)].append(other)
    changes = tuple(sorted((_change(one, members) for one, members in found.items()), key=_order))
    counts = Counter(str(change.kind) for change in changes for _ in change.hosts)
    return FleetComparison(
        schema_version=SCHEMA_VERSION,
        netprobe_version=__version__,
        old=_side(old, before),
        new=_side(new, after),
        weight=min((change.weight for change in changes), key=tuple(Weight).index, default=Weight.NONE),
        changes=changes,
        gone=gone,
        added=added,
        counts={str(kind): counts[kind] for kind in DifferenceKind},
    )


def _side(census: Census, members: Sequence[Member]) -> Side:
    started = sorted(member.started_at for member in members)
    return Side(
        reports=census.reports,
        hosts=len(members),
        first=started[0] if started else "",
        last=started[-1] if started else "",
        verdicts=dict(Counter(str(member.verdict) for member in members)),
        skipped=tuple(census.skipped),
    )


def _paired(
    before: Sequence[Member], after: Sequence[Member]
) -> tuple[list[tuple[Member, Member]], tuple[str, ...], tuple[str, ...]]:
    """Hosts by name, then by machine id; a lone report on each side is one host, whatever its files are called."""
    if len(before) == len(after) == 1:
        return [(before[0], after[0])], (), ()
    olds = {member.name: member for member in before}
    news = {member.name: member for member in after}
    pairs = [(olds.pop(name), news.pop(name)) for name in list(news) if name in olds]
    # A name that two hosts share bears a mark, on one side perhaps; a host may have lost or gained its domain.
    left = {_identity(member): member for member in olds.values() if member.machine_id}
    for member in list(news.values()):
        old = left.pop(_identity(member), None)
        if old is not None:
            pairs.append((olds.pop(old.name), news.pop(member.name)))
    return pairs, tuple(natural.ordered(olds)), tuple(natural.ordered(news))


def _identity(member: Member) -> tuple[str, str]:
    """The machine id, and the name without its domain and without what tells it from its namesakes."""
    return member.machine_id, member.name.partition(" (")[0].partition(".")[0].lower()


def _of_host(old: Member, new: Member) -> Iterator[_Difference]:
    before, now = _by_cause(old), _by_cause(new)
    for key in before.keys() & now.keys():
        yield _again(before[key], now[key], old, new)
    left = {key: seen for key, seen in before.items() if key not in now}
    come = {key: seen for key, seen in now.items() if key not in before}
    for key in sorted(come):
        was = next((other for other in sorted(left) if other[0] == key[0]), None)
        if was is not None:
            yield _other_cause(left.pop(was), come[key], old, new)
        else:
            yield _came(come[key], old, new)
    for key in sorted(left):
        yield _went(left[key], new)
    yield from _attributes(old, new)


def _by_cause(member: Member) -> dict[tuple[str, str], HostFinding]:
    found: dict[tuple[str, str], HostFinding] = {}
    for seen in member.findings:
        key = (seen.id, seen.cause)
        known = found.get(key)
        found[key] = seen if known is None else known.joined(seen)
    return found


def _again(before: HostFinding, now: HostFinding, old: Member, new: Member) -> _Difference:
    """The same cause then and now."""
    worse = _weight(now, old, new, graver=now.severity.rank < before.severity.rank)
    changed = [
        (what, str(was), str(is_now))
        for what, was, is_now in (
            ("severity", before.severity, now.severity),
            ("owner", before.owner, now.owner),
            ("certainty", before.certainty, now.certainty),
        )
        if was != is_now
    ]
    lost = _broken(now, old, new)
    if lost:
        changed.append(("endpoints", "", ", ".join(lost)))
    if not changed:
        return _difference(DifferenceKind.SAME, Weight.NONE, now, before=before.cause, now=now.cause)
    return _difference(
        DifferenceKind.CHANGED,
        worse,
        now,
        before=", ".join(f"{what} {was}" for what, was, _ in changed if was),
        now=", ".join(f"{what} {is_now}" for what, _, is_now in changed),
    )


def _other_cause(before: HostFinding, now: HostFinding, old: Member, new: Member) -> _Difference:
    """The same finding by another CA, proxy, resolver or device."""
    weight = _weight(now, old, new, graver=now.severity.rank < before.severity.rank)
    return _difference(
        DifferenceKind.CHANGED, weight, now, before=before.cause or "unnamed", now=now.cause or "unnamed"
    )


def _came(now: HostFinding, old: Member, new: Member) -> _Difference:
    """A finding that was not there: new, or another reason for what failed already."""
    known = now.endpoints and all(one in old.outcomes for one in now.endpoints)
    failed = any(old.outcomes.get(one) is Outcome.FAIL for one in now.endpoints)
    if known and failed and not _broken(now, old, new) and now.severity is Severity.ERROR:
        reasons = {seen.id for seen in old.findings if set(seen.endpoints) & set(now.endpoints)}
        return _difference(
            DifferenceKind.CHANGED, Weight.NONE, now, before=", ".join(sorted(reasons)), now=_called(now)
        )
    weight = Weight.WORSE if now.severity is Severity.ERROR else Weight.WARNING
    return _difference(DifferenceKind.NEW, weight, now, now=now.cause)


def _went(before: HostFinding, new: Member) -> _Difference:
    """A finding that is no longer there: fixed only where it was judged again and works."""
    outcomes = [new.outcomes.get(endpoint) for endpoint in before.endpoints]
    if before.endpoints and any(outcome in (None, Outcome.NOT_RUN) for outcome in outcomes):
        return _difference(DifferenceKind.UNJUDGED, Weight.NONE, before, before=before.cause)
    if not before.endpoints and not (new.judged_rules if before.from_rule else new.outcomes):
        return _difference(DifferenceKind.UNJUDGED, Weight.NONE, before, before=before.cause)
    if before.severity is Severity.ERROR and Outcome.FAIL in outcomes:
        reasons = {seen.id for seen in new.findings if set(seen.endpoints) & set(before.endpoints)}
        return _difference(
            DifferenceKind.CHANGED,
            Weight.NONE,
            before,
            before=_called(before),
            now=", ".join(sorted(reasons)) or "another failure",
        )
    return _difference(DifferenceKind.FIXED, Weight.NONE, before, before=before.cause)


def _broken(now: HostFinding, old: Member, new: Member) -> list[str]:
    """The endpoints that a finding touches, that fail, and that worked or were unknown then.

    One that is not required warns and never fails, whatever an error that touches it says.
    """
    failing = [endpoint for endpoint in now.endpoints if new.outcomes.get(endpoint) is Outcome.FAIL]
    return [endpoint for endpoint in failing if old.outcomes.get(endpoint) is not Outcome.FAIL]


def _weight(now: HostFinding, old: Member, new: Member, *, graver: bool) -> Weight:
    if now.severity is Severity.ERROR and (graver or _broken(now, old, new)):
        return Weight.WORSE
    return Weight.WARNING if graver else Weight.NONE


def _called(seen: HostFinding) -> str:
    return f"{seen.id} ({seen.cause})" if seen.cause else seen.id


def _difference(
    kind: DifferenceKind, weight: Weight, seen: HostFinding, *, before: str = "", now: str = ""
) -> _Difference:
    return _Difference(
        kind=kind,
        weight=weight,
        id=seen.id,
        before=before,
        now=now,
        severity=seen.severity,
        owner=seen.owner,
        endpoints=seen.endpoints,
    )


def _attributes(old: Member, new: Member) -> Iterator[_Difference]:
    """What is another on the host itself: its proxy, its addresses, the version of an agent."""
    for attribute in sorted({*old.traits, *new.traits}):
        told = _COMPARED.get(attribute) or (
            attribute.removeprefix("agent ") if attribute.startswith("agent ") else None
        )
        before, now = old.traits.get(attribute, ()), new.traits.get(attribute, ())
        # What only one of the two reports tells may have been there before: an older netprobe did not tell it.
        if told is not None and before and now and before != now:
            yield _Difference(
                kind=DifferenceKind.CHANGED, weight=Weight.NONE, id=told, before=", ".join(before), now=", ".join(now)
            )


def _of_times(before: latency.RunTimes | None, now: latency.RunTimes | None) -> Iterator[_Difference]:
    if before is None or now is None:
        return
    for shift in latency.shifts(before, now):
        slower = shift.now_seconds > shift.before_seconds
        yield _Difference(
            kind=DifferenceKind.SLOWER if slower else DifferenceKind.FASTER,
            weight=Weight.WARNING if slower else Weight.NONE,
            id=shift.step,
            before=f"{shift.before_seconds * 1000:.0f} ms",
            now=f"{shift.now_seconds * 1000:.0f} ms",
            endpoints=(shift.endpoint,) if shift.endpoint else (),
        )


def _of_move(move: Move) -> _Difference:
    return _Difference(
        kind=DifferenceKind.CHANGED,
        weight=Weight.NONE,
        id="addresses",
        before=move.before,
        now=move.now,
        endpoints=(move.endpoint,),
    )


def _change(difference: _Difference, members: Iterable[Member]) -> Difference:
    every = list(members)
    return Difference(
        kind=difference.kind,
        weight=difference.weight,
        id=difference.id,
        before=difference.before,
        now=difference.now,
        severity=difference.severity,
        owner=difference.owner,
        endpoints=difference.endpoints,
        hosts=tuple(natural.ordered(member.name for member in every)),
        sites=dict(natural.items(Counter(member.site for member in every))),
    )


def _order(change: Difference) -> tuple[int, int, int, str, str, str, tuple[str, ...], tuple[str, ...]]:
    return (
        tuple(Weight).index(change.weight),
        tuple(DifferenceKind).index(change.kind),
        -len(change.hosts),
        *(change.id, change.before, change.now, change.endpoints, change.hosts),
    )
