"""The sentences that every format for people shares: what sets hosts apart, a cause in a line, a group in a line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from netprobe.findings import Severity, Verdict
from netprobe.fleet.model import Apart, Clause, Condition, Fleet, FleetCause, HostLine

MOST_NAMED = 12
"""Hosts that a sentence names before it counts the rest."""
_MOST_GROUPS = 6
_MOST_SAME = 3


def headline(fleet: Fleet) -> str:
    """The answer in a sentence."""
    number = len(fleet.hosts)
    if not number:
        return "No host sent a report."
    told = []
    for verdict, (one, many) in _WORDS.items():
        count = fleet.verdicts.get(verdict, 0)
        if count:
            told.append(f"{count} of {counted(number, 'host')} {one if count == 1 else many}")
    return f"{_listed(told)}."


_WORDS = {
    str(Verdict.NOT_READY): ("cannot work", "cannot work"),
    str(Verdict.INCONCLUSIVE): ("could not be judged", "could not be judged"),
    "too_old": ("sent a report that is too old", "sent a report that is too old"),
    str(Verdict.DEGRADED): ("would work, with warnings", "would work, with warnings"),
    str(Verdict.READY): ("is ready", "are ready"),
}
"""Verdict → what one host does, and what several do."""


def left_open(fleet: Fleet) -> list[str]:
    """What the answer does not say, a sentence each: hosts that were not judged, files that could not be read."""
    current = [host for host in fleet.hosts if not host.too_old]
    unjudged = [host.name for host in current if host.verdict is Verdict.INCONCLUSIVE]
    nameless = [host.name for host in current if not host.is_named]
    trials = [host.name for host in current if host.lab]
    unread = fleet.skipped_more + sum(one.may_be_report for one in fleet.skipped)
    told = []
    if unjudged:
        told.append(f"Could not be judged: {hosts(unjudged)}.")
    if fleet.missing:
        told.append(f"Sent nothing: {hosts(fleet.missing)}.")
    if fleet.too_old:
        told.append(f"Sent a report that is too old: {hosts(fleet.too_old)}.")
    if lapsed := [_lapsed(host) for host in current if host.lapsed]:
        told.append(f"Were looked at too long ago for a part: {hosts(lapsed)}.")
    if unread:
        told.append(f"{counted(unread, 'file')} could not be read and may be a host's report.")
    if nameless:
        why = "though their reports name none (--anonymous, or of an image or a task)"
        told.append(f"Counted as hosts, {why}: {hosts(nameless)}.")
    if trials:
        told.append(f"A trial in the embedded network (--lab), which says nothing about a host's own: {hosts(trials)}.")
    if long_ago := _long_ago(current, fleet.made_at):
        told.append(long_ago)
    return told


def _lapsed(host: HostLine) -> str:
    return f"{host.name} ({', '.join(host.lapsed)})"


def _long_ago(current: Sequence[HostLine], now: str) -> str:
    """A sentence where reports count that are days old: a host that stopped to send any looks well for ever."""
    made = datetime.fromisoformat(now)
    ages = {}
    for host in current:
        try:
            ages[host.name] = (made - datetime.fromisoformat(host.started_at)).total_seconds()
        except (ValueError, TypeError, OverflowError):
            continue
    old = sorted((name for name, age in ages.items() if age > _DAYS_OLD), key=lambda name: -ages[name])
    if not old:
        return ""
    days = counted(int(ages[old[0]] // 86_400), "day")
    return f"{counted(len(old), 'report')} that counted, up to {days} old (see --max-age): {hosts(old)}."


_DAYS_OLD = 2 * 86_400
"""Seconds after which a report that counts is told: a check a day may be late, and a clock may be off."""


def name(cause: FleetCause) -> str:
    """``tls_intercepted by CN=…``: the cause as one thing."""
    return f"{cause.id} ({cause.cause})" if cause.cause else cause.id


def line(cause: FleetCause, by: str) -> str:
    """``82 of 120 hosts: fra 82 of 120``: how far a cause reaches."""
    touched = [share for share in cause.groups if share.failing]
    shown = [f"{share.group} {share.failing} of {share.judged}" for share in touched[:_MOST_GROUPS]]
    if len(touched) > _MOST_GROUPS:
        shown.append(f"{len(touched) - _MOST_GROUPS} more")
    return f"{len(cause.hosts)} of {counted(cause.judged, 'host')}; by {by}: {_listed(shown)}"


def certainty(cause: FleetCause) -> str:
    """For how many hosts it is proven."""
    suspected = len(cause.hosts) - cause.proven
    if not suspected:
        return "proven"
    if not cause.proven:
        return "suspected"
    return f"suspected at {suspected}, proven at {cause.proven}"


def apart(cause: FleetCause) -> str:
    """What sets those that fail apart, with the measure; or why nothing is said."""
    found = cause.apart
    if found is None:
        return f"What sets them apart: {cause.why_not_apart}." if cause.why_not_apart else ""
    if not any(clause.hosts for clause in found.clauses):
        return ""
    opening = "Suspected: what" if found.suspected else "What"
    clauses = " or ".join(map(_clause, found.clauses))
    caught = found.failing - len(found.fail_anyway)
    measure = f"{caught} of the {found.failing} that fail, {len(found.pass_anyway)} of the {found.passing} that pass"
    return f"{opening} sets them apart: {clauses} ({measure})."


def exceptions(found: Apart) -> list[str]:
    """The hosts that do not fit, one sentence for each side."""
    sides = (("pass all the same", found.pass_anyway), ("fail without it", found.fail_anyway))
    return [f"Exceptions, {what}: {hosts(names)}." for what, names in sides if names]


def _clause(clause: Clause) -> str:
    told = " and ".join(map(condition, clause.conditions))
    if not clause.same_as:
        return told
    same = "; ".join(map(condition, clause.same_as[:_MOST_SAME]))
    return f"{told} [the same hosts: {same}]"


def condition(one: Condition) -> str:
    """``site fra``, ``subnet 10.0.1.0/24 or 10.0.2.0/24``."""
    return f"{one.attribute.removeprefix('agent ')} {' or '.join(one.values)}"


def hosts(names: Sequence[str], most: int = MOST_NAMED) -> str:
    """Names, the rest counted."""
    if len(names) <= most + 1:
        return _listed(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"


def errors(fleet: Fleet) -> list[FleetCause]:
    """The causes that keep hosts from working."""
    return [cause for cause in fleet.causes if cause.severity is Severity.ERROR]


def counted(number: int, word: str) -> str:
    """``1 host``, ``3 hosts``."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _listed(parts: Sequence[str]) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
