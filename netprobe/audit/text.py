"""An audit for people: what was denied first, every foreign word escaped, as wide as the terminal at most."""

from __future__ import annotations

from collections.abc import Sequence

from netprobe.audit.model import Audited, Decision, EndpointEvidence, Other, OtherPort, Status
from netprobe.errors import printable
from netprobe.naming import in_words
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
        lines += [f"  {count} lines of it: {name}" for name, count in source.other_formats.items()]
        lines += [f"  {count} times: {printable(what)}" for what, count in source.malformed.items()]
        if not source.complete:
            lines.append("  the file ended before its end was reached")
    by_status = {status: [one for one in audited.endpoints if one.status is status] for status in Status}
    for status, title, advice in _STOPPED:
        lines += _denied(title, by_status[status], advice)
    lines += _denied("Denied once, allowed since", by_status[Status.ALLOWED_SINCE])
    lines += _other_ports(audited.other_ports)
    lines += _short("Never seen", [one for one in audited.required() if one.status is Status.NEVER_SEEN])
    lines += _short("Seen, but no line says what became of it", by_status[Status.SEEN])
    lines += ["", f"Allowed: {len(by_status[Status.ALLOWED])} endpoints"]
    lines += _denied("Allowed, though not always", [one for one in by_status[Status.ALLOWED] if one.denials])
    lines += _others("Allowed, and nothing here requires it", audited.unneeded)
    lines += _others("Stopped, and nothing here requires it", audited.denied_elsewhere)
    if audited.dropped:
        lines += ["", "Left out:", *(f"  {count} {what}" for what, count in audited.dropped.items())]
    lines += _reader(audited)
    return fitted(lines, width)


def _section(title: str, items: Sequence[str], hint: str = "") -> list[str]:
    """A title and what stands below it, cut after :data:`_SHOWN`; nothing where nothing does."""
    if not items:
        return []
    lines = ["", f"{title}:"]
    lines += [f"  {item}" for item in items[:_SHOWN]]
    if len(items) > _SHOWN:
        lines.append(f"  and {len(items) - _SHOWN} more{hint}")
    return lines


def _reader(audited: Audited) -> list[str]:
    """Who read the files, and with what."""
    read = in_words(audited.reader)
    if not read:
        return []
    told = f"Read on {printable(read, 600)} by netprobe {audited.netprobe_version}"
    if audited.catalog is not None:
        told += f", catalog {audited.catalog.version}"
    return ["", f"{told}; whose traffic it is, only the files say."]


_STOPPED = (
    (Status.DENIED, "Denied", ""),
    (
        Status.NAME_MISMATCH,
        "Refused because the proxy resolves the name to another address than its client",
        "Let both ask the same resolver. An allowlist does not change this.",
    ),
    (
        Status.CREDENTIALS_ASKED,
        "Refused for want of credentials (407)",
        "An allowlist does not change this: give the agents the proxy's credentials, or admit these clients without "
        "(netprobe explain proxy_auth_required).",
    ),
    (
        Status.FAILED_UPSTREAM,
        "Admitted by the rules, and failed behind the device",
        "Look there: its resolver, its route, the firewall after it. An allowlist on it does not change this.",
    ),
)
_VERDICTS = {
    Decision.DENIED: "by",
    Decision.FAILED_UPSTREAM: "admitted, failed upstream",
    Decision.CREDENTIALS_ASKED: "credentials asked for",
    Decision.NAME_MISMATCH: "name resolved differently",
}


def _denied(title: str, endpoints: list[EndpointEvidence], advice: str = "") -> list[str]:
    if not endpoints:
        return []
    lines = ["", f"{title}:"]
    if advice:
        lines.append(f"  {advice}")
    for one in endpoints:
        need = "" if one.required else " (not required)"
        lines.append(f"  {one.region}/{one.id}{need}")
        for denial in one.denials[:_SHOWN]:
            last = "" if denial.last_seconds is None else f", last {moment(denial.last_seconds)}"
            lines.append(f"    {printable(denial.host)}:{one.port}")
            lines.append(f"      {denial.count} times{last}, {_VERDICTS[denial.verdict]}: {denial.rule}")
    return lines


def _other_ports(others: tuple[OtherPort, ...]) -> list[str]:
    stopped = [one for one in others if one.stopped]
    if not stopped:
        return []
    lines = ["", "Needed names that were stopped on a port which the catalog does not list:"]
    for one in stopped[:_SHOWN]:
        lines.append(f"  {printable(one.host)}:{one.port} ({', '.join(one.endpoints[:3])})")
        lines.append(f"    {one.stopped} stopped, {one.allowed} allowed, by: {'; '.join(one.rules)}")
        if one.matters:
            lines.append("    The SSM Agent asks a bucket's Region over port 80; without an answer sessions hang.")
    return lines


def _short(title: str, endpoints: list[EndpointEvidence]) -> list[str]:
    return _section(title, [f"{one.region}/{one.id}  {one.pattern}:{one.port}" for one in endpoints])


def _others(title: str, others: tuple[Other, ...]) -> list[str]:
    return _section(title, list(map(_other, others)), hint=" (--format json)")


def _other(one: Other) -> str:
    place = printable(one.host)
    if one.port is not None:
        place += f":{one.port}"
    return f"{one.count:>8} {place}"
