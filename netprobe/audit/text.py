"""An audit for people: what was denied first, every foreign word escaped, as wide as the terminal at most."""

from __future__ import annotations

from netprobe.audit.model import Audited, EndpointEvidence, Other, Status
from netprobe.errors import printable
from netprobe.observe.text import fitted, moment

_SHOWN = 30


def text(audited: Audited, *, width: int = 80) -> str:
    """Show an audit.

    Args:
        audited: what was found.
        width: the columns that may be used.
    """
    lines: list[str] = []
    for source in audited.sources:
        lines.append(f"{printable(source.path)}: {source.format}, {source.lines} lines, {source.events} about traffic")
        lines += [f"  {count} times: {printable(what)}" for what, count in source.malformed.items()]
        if not source.complete:
            lines.append("  the file ended before its end was reached")
    by_status = {status: [one for one in audited.endpoints if one.status is status] for status in Status}
    lines += _denied("Denied", by_status[Status.DENIED])
    lines += _denied("Denied once, allowed since", by_status[Status.ALLOWED_SINCE])
    lines += _short("Never seen", [one for one in audited.required() if one.status is Status.NEVER_SEEN])
    lines += _short("Seen, but no line says what became of it", by_status[Status.SEEN])
    lines += ["", f"Allowed: {len(by_status[Status.ALLOWED])} endpoints"]
    lines += _others("Allowed, and nothing here requires it", audited.unneeded)
    if audited.dropped:
        lines += ["", "Left out:", *(f"  {count} {what}" for what, count in audited.dropped.items())]
    return fitted(lines, width)


def _denied(title: str, endpoints: list[EndpointEvidence]) -> list[str]:
    if not endpoints:
        return []
    lines = ["", f"{title}:"]
    for one in endpoints:
        lines.append(f"  {one.region}/{one.id}{'' if one.required else ' (not required)'}")
        for denial in one.denials[:_SHOWN]:
            last = "" if denial.last_seconds is None else f", last {moment(denial.last_seconds)}"
            lines.append(f"    {printable(denial.host)}:{one.port}")
            lines.append(f"      {denial.count} times{last}, by: {denial.rule}")
    return lines


def _short(title: str, endpoints: list[EndpointEvidence]) -> list[str]:
    if not endpoints:
        return []
    shown = [f"  {one.region}/{one.id}  {one.pattern}:{one.port}" for one in endpoints[:_SHOWN]]
    more = [f"  and {len(endpoints) - _SHOWN} more"] if len(endpoints) > _SHOWN else []
    return ["", f"{title}:", *shown, *more]


def _others(title: str, others: tuple[Other, ...]) -> list[str]:
    if not others:
        return []
    shown = [
        f"  {one.count:>8} {printable(one.host)}{'' if one.port is None else f':{one.port}'}" for one in others[:_SHOWN]
    ]
    more = [f"  and {len(others) - _SHOWN} more (--format json)"] if len(others) > _SHOWN else []
    return ["", f"{title}:", *shown, *more]
