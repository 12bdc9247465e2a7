"""The answer over a fleet: hosts, groups, causes, who is missing; made from the census, without any file."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec

from netprobe import __version__, natural
from netprobe.findings import Outcome, Verdict
from netprobe.fleet import causes as over_hosts
from netprobe.fleet.census import Census
from netprobe.fleet.model import SCHEMA_VERSION, Count, Fleet, FleetCause, GroupLine, HostLine, Member

BY = ("site", "subnet", "proxy")
"""What hosts are grouped by beside labels."""
_OLD = "too_old"
_UNKNOWN = "(unknown)"


class FleetOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for.

    Attributes:
        by: ``site``, ``subnet``, ``proxy`` or the name of a label.
        expected: hosts that should have sent a report, or None where nobody said.
        max_age_seconds: reports older than this count as none, or None.
        now: Unix time that ages count to.
    """

    by: str = "site"
    expected: tuple[str, ...] | None = None
    max_age_seconds: float | None = None
    now: float


def survey(census: Census, wishes: FleetOptions) -> Fleet:
    """Say what the reports say together.

    Args:
        census: what was read.
        wishes: what was asked for.
    """
    members = census.members()
    old = {one.name for one in members if _is_old(one, wishes)}
    current = [one for one in members if one.name not in old]
    group_of = grouping(wishes.by)
    touched = over_hosts.gather(current)
    causes = tuple(over_hosts.told(one, current, group_of, census) for one in touched)
    of_host = _causes_of(causes)
    endpoints = _endpoints(members)
    lines = tuple(
        HostLine(
            name=one.name,
            site=one.site,
            group=group_of(one),
            labels=one.labels,
            machine_id=one.machine_id,
            source=one.source,
            started_at=one.started_at,
            too_old=one.name in old,
            netprobe_version=one.netprobe_version,
            verdict=one.verdict,
            causes=tuple(of_host.get(one.name, ())),
            outcomes=tuple(one.outcomes.get(endpoint) for endpoint in endpoints),
            is_named=one.is_named,
            lab=one.lab,
            beside=one.beside,
            lapsed=one.lapsed,
        )
        for one in members
    )
    missing, unexpected = _held_against(wishes.expected, members)
    is_open = bool(missing or old) or census.has_unread_reports or any(one.lapsed for one in current)
    return Fleet(
        schema_version=SCHEMA_VERSION,
        netprobe_version=__version__,
        made_at=datetime.fromtimestamp(wishes.now, UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        by=wishes.by,
        verdict=_verdict(current, is_open=is_open),
        reports=census.reports,
        superseded=census.superseded,
        skipped=tuple(census.skipped),
        skipped_more=census.skipped_more,
        verdicts=_verdicts(lines),
        endpoints=endpoints,
        hosts=lines,
        groups=_groups(lines, len(endpoints), len(causes)),
        causes=causes,
        missing=missing,
        unexpected=unexpected,
        too_old=tuple(natural.ordered(old)),
    )


def grouping(by: str) -> Callable[[Member], str]:
    """Which group a host is in.

    Args:
        by: see :class:`FleetOptions`.
    """
    if by == "site":
        return lambda member: member.site
    if by in BY:
        return lambda member: ", ".join(member.traits.get(by, ())) or _UNKNOWN
    return lambda member: member.labels.get(by) or f"(no {by})"


def labels(census: Census) -> set[str]:
    """The labels that any host has."""
    return {name for member in census.members() for name in member.labels}


def _is_old(member: Member, wishes: FleetOptions) -> bool:
    """Whether a report does not count; one that does not say when it was made is as old as can be."""
    if wishes.max_age_seconds is None:
        return False
    return member.moment is None or wishes.now - member.moment > wishes.max_age_seconds


def _causes_of(causes: Sequence[FleetCause]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for number, cause in enumerate(causes):
        for host in cause.hosts:
            found[host].append(number)
    return found


def _endpoints(members: Sequence[Member]) -> tuple[str, ...]:
    """Every endpoint of any host, in the order in which a check takes them up; regions one after another."""
    places: dict[str, int] = {}
    for outcomes in {id(member.outcomes): member.outcomes for member in members}.values():
        for place, endpoint in enumerate(outcomes):
            places.setdefault(endpoint, place)
    return tuple(sorted(places, key=lambda endpoint: (endpoint.partition("/")[0], places[endpoint], endpoint)))


def _verdict(current: Sequence[Member], *, is_open: bool) -> Verdict:
    verdicts = {member.verdict for member in current}
    if Verdict.NOT_READY in verdicts:
        return Verdict.NOT_READY
    if is_open or not verdicts or Verdict.INCONCLUSIVE in verdicts:
        return Verdict.INCONCLUSIVE
    return Verdict.DEGRADED if Verdict.DEGRADED in verdicts else Verdict.READY


def _verdicts(lines: Sequence[HostLine]) -> dict[str, int]:
    counts = Counter(_OLD if line.too_old else str(line.verdict) for line in lines)
    return {word: counts[word] for word in (*map(str, Verdict), _OLD) if counts[word] or word != _OLD}


_COUNTED = {
    Outcome.PASS: "passing",
    Outcome.WARN: "warning",
    Outcome.FAIL: "failing",
    Outcome.NOT_RUN: "not_run",
}


def _groups(lines: Sequence[HostLine], endpoints: int, causes: int) -> tuple[GroupLine, ...]:
    members: dict[str, list[HostLine]] = defaultdict(list)
    for line in lines:
        members[line.group].append(line)
    return tuple(_group(name, members[name], endpoints, causes) for name in natural.ordered(members))


def _group(name: str, lines: Sequence[HostLine], endpoints: int, causes: int) -> GroupLine:
    current = [line for line in lines if not line.too_old]
    counts = []
    for column in range(endpoints):
        outcomes = Counter(line.outcomes[column] for line in current)
        counts.append(Count(**{word: outcomes[outcome] for outcome, word in _COUNTED.items()}))
    touched = Counter(number for line in current for number in line.causes)
    return GroupLine(
        name=name,
        hosts=len(lines),
        verdicts=_verdicts(lines),
        endpoints=tuple(counts),
        causes=tuple(touched[number] for number in range(causes)),
    )


def _held_against(
    expected: tuple[str, ...] | None, members: Sequence[Member]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Expected hosts that sent nothing, and hosts that nobody expected.

    An inventory may know a host by its short name, its full name or an address; a report may know it by another.
    """
    if expected is None:
        return (), ()
    unmet = set(expected)
    unused = dict(enumerate(members))
    for called, written in _WAYS:
        of_name: dict[str, list[int]] = defaultdict(list)
        for position, member in unused.items():
            for name in called(member):
                of_name[name].append(position)
        for one in sorted(unmet):
            found = next((at for at in of_name.get(written(one), ()) if at in unused), None)
            if found is not None:
                del unused[found]
                unmet.discard(one)
    return tuple(natural.ordered(unmet)), tuple(natural.ordered(member.name for member in unused.values()))


def _whole_names(member: Member) -> set[str]:
    return {*_called(member), *(one.partition("/")[0].lower() for one in member.addresses)}


def _bare_names(member: Member) -> set[str]:
    return {name for name in _called(member) if _short(name) == name}


def _without_domain(member: Member) -> set[str]:
    return {_short(name) for name in _called(member)}


def _called(member: Member) -> set[str]:
    """What its report and its file call a host."""
    stem = member.source.rpartition("/")[2].removesuffix(".gz").removesuffix(".json")
    return {one.lower().rstrip(".") for one in (member.name.partition(" (")[0], stem)}


def _short(name: str) -> str:
    """A name without its domain; an address stays what it is."""
    first = name.partition(".")[0]
    return name if first.isdigit() or ":" in name else first


def _whole(expected: str) -> str:
    return expected.lower().rstrip(".")


def _whole_if_bare(expected: str) -> str:
    """A name that was given without a domain; one with a domain is met by its whole name only."""
    whole = _whole(expected)
    return whole if _short(whole) == whole else ""


_WAYS: tuple[tuple[Callable[[Member], set[str]], Callable[[str], str]], ...] = (
    (_whole_names, _whole),
    (_bare_names, lambda expected: _short(_whole(expected))),
    (_without_domain, _whole_if_bare),
)
"""How a host is called and how it was expected, the surest first. A report of ``web1`` may stand for one of
``web1.fra.example`` and ``web1.muc.example``, never for both, and never one of these for the other."""
