"""The text for the network team: what was observed, from where to where, and the smallest change that is asked for.

Written for somebody who has never seen ECS and gets it by mail: plain text, complete in itself, nothing to look up. It
holds no secret (the evidence has none), and it asks for nothing that no finding needs. Rendered rule lines come from
``netprobe render`` and are passed in.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from netprobe import addresses, natural
from netprobe.diagnosis.causes import seen_at
from netprobe.diagnosis.changes import KINDS, ChangeKind
from netprobe.diagnosis.model import Diagnosis, EndpointOutcome
from netprobe.diagnosis.words import count, hops_told, remarks
from netprobe.errors import printable, redacted
from netprobe.findings import Certainty, Finding, Location, Owner, Severity
from netprobe.observations import DnsDetail, Observation, ProxyDetail, Run, TcpDetail

_WIDTH = 78
_MOST_OBSERVATIONS = 5
_MOST_ADDRESSES = 8


def handoff(run: Run, diagnosis: Diagnosis, *, target: str = "", rules: Sequence[str] = ()) -> str:
    """Write the text.

    Args:
        run: what was observed.
        diagnosis: what was concluded from it.
        target: the device that ``rules`` are written for, or nothing.
        rules: rendered rule lines that would let the traffic pass.
    """
    asked = _asked_for(diagnosis.findings)
    lines = [
        "Request to the network team",
        "===========================",
        "",
        *_wrap(_opening(len(asked))),
        "",
        *(line for remark in remarks(run.context, "''") for line in (*_wrap(remark), "")),
        f"Tested:      {printable(run.started_at)} by netprobe {printable(run.netprobe_version)}"
        f", catalog {printable(run.catalog.version, 40)}",
        f"Regions:     {', '.join(map(printable, run.regions))}",
        f"Source:      {', '.join(sources(run.observations)) or 'this host (its address was not recorded)'}",
        *_vantages(run),
        "",
    ]
    by_id = {o.id: o for o in run.observations}
    for number, finding in enumerate(asked, start=1):
        lines += _problem(number, finding, diagnosis.endpoints, by_id, run.started_at)
    if rules:
        heading = f"Rules for {printable(target)}" if target else "Rules"
        lines += [heading, "-" * 40, ""]
        # A rule that is cut is another rule: a line is shown whole, however long it is.
        lines += [printable(redacted(line), 12 * len(line) + 12) for line in rules]
        lines.append("")
    if asked:
        lines += ["After the change, run the same netprobe command again on the server: the problem must be gone.", ""]
    return "\n".join(lines)


def _opening(problems: int) -> str:
    told = "A server is to run Amazon ECS Anywhere. netprobe tested from that server what it must reach, and found "
    if not problems:
        return f"{told}nothing in the network that needs a change."
    return (
        f"{told}{count(problems, 'problem')} in the network, described below with the smallest change that removes "
        f"{'it' if problems == 1 else 'each'}."
    )


def _asked_for(findings: Iterable[Finding]) -> list[Finding]:
    """What the network team has to change, each change once.

    Of the numbers that a proxy refuses some are known to exist and others are only suspected: one rule is asked for.
    """
    mine = [f for f in findings if f.owner is Owner.NETWORK and f.severity is not Severity.INFO]
    proven = {_change(f) for f in mine if f.certainty is Certainty.PROVEN}
    return [f for f in mine if f.certainty is Certainty.PROVEN or _change(f) not in proven]


def _change(finding: Finding) -> tuple[str, str | None, str]:
    """What tells one change from another."""
    return finding.id, finding.region, finding.remedy


def _wrap(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def sources(observations: Iterable[Observation]) -> list[str]:
    """The addresses of this host from which connections were made, printable and sorted."""
    opened = [o.detail for o in observations if isinstance(o.detail, TcpDetail)]
    found = {detail.local_address for detail in opened if detail.local_address}
    return [printable(address, 60) for address in natural.ordered(found)]


def _vantages(run: Run) -> list[str]:
    lines = []
    for record in run.context.vantages:
        way = f"through {printable(redacted(record.proxy))}" if record.proxy else "directly"
        resolvers = ", ".join(printable(resolver, 60) for resolver in record.resolvers)
        lines.append(f"Looked as:   {printable(record.name, 40)}, {way}, DNS {resolvers or 'unknown'}")
    return lines


def _problem(
    number: int,
    finding: Finding,
    endpoints: Sequence[EndpointOutcome],
    by_id: dict[str, Observation],
    started_at: str,
) -> list[str]:
    touched = [e for e in endpoints if e.id in finding.endpoints and finding.region in (None, e.region)]
    seen = [by_id[id_] for id_ in finding.evidence if id_ in by_id]
    certain = "" if finding.certainty is Certainty.PROVEN else " (suspected)"
    observed = [f"     {_observed(o, started_at)}" for o in seen[:_MOST_OBSERVATIONS]]
    if len(seen) > _MOST_OBSERVATIONS:
        observed.append(f"     and {len(seen) - _MOST_OBSERVATIONS} more like these")
    return [
        f"{number}. {finding.id}{certain}",
        "",
        *_wrap(printable(redacted(finding.title), 1200), "   "),
        "",
        *destinations(finding, touched, seen),
        *_addresses(seen),
        *_where(finding.location),
        "   Observed:",
        *observed,
        "   Change asked for:",
        *_wrap(printable(redacted(finding.remedy), 1200), "     "),
        "",
    ]


TO_RESOLVER = frozenset({"dns_resolver_down", "dns_timeout", "dns_unreachable", "dns_tcp_blocked"})
"""Findings that are about the way to a resolver: port 53 to it mends them, and no other destination does."""
TO_PROXY = frozenset({"proxy_refused", "proxy_timeout", "proxy_unreachable"})
"""Findings that are about the way to the proxy itself."""


_LISTS = frozenset({ChangeKind.ALLOW, ChangeKind.EXEMPT, ChangeKind.PROXY_POLICY})
"""Changes that are made by a list of destinations on a device that decides about connections."""
_ANSWERS_LATE = frozenset({"dns_slow", "dns_edns_unanswered"})
"""What a resolver does to every name alike: a list of names changes nothing."""


def mended_by_a_list(finding: Finding, *, names_only: bool) -> bool:
    """Whether a list of the endpoints on the device can remove what was found.

    Args:
        finding: what was found.
        names_only: the device decides which names resolve; otherwise it decides about connections.
    """
    if finding.id in TO_RESOLVER | TO_PROXY | _ANSWERS_LATE or by_name(finding) != names_only:
        return False
    return names_only or KINDS.get(finding.id, ChangeKind.ALLOW) in _LISTS


def by_name(finding: Finding) -> bool:
    """Whether a resolver has to answer for names: the names are what is asked for, at no port."""
    return finding.id.startswith("dns_") and finding.id not in TO_RESOLVER


def destinations(finding: Finding, touched: Sequence[EndpointOutcome], seen: Sequence[Observation]) -> list[str]:
    """What this finding needs and nothing that another would: a line that says what follows, then a line for each.

    Args:
        finding: whose change is asked for.
        touched: the endpoints that it names.
        seen: its evidence.
    """
    if by_name(finding):
        names = natural.ordered({e.pattern for e in touched}) or natural.ordered(finding.hosts)
        return ["   Host names that the resolver must answer for:", *(f"     {printable(name)}" for name in names)]
    asked: list[str] = []
    if finding.id in TO_RESOLVER:
        asked = _resolvers(seen)
    elif finding.id in TO_PROXY:
        asked = _proxies(seen)
    asked = asked or natural.ordered({f"{e.pattern} TCP {e.port}" for e in touched}) or list(finding.hosts)
    told = "   Destinations (host name or address, protocol, port; outbound from the source, with replies):"
    return [told, *(f"     {printable(one)}" for one in asked)]


def _resolvers(seen: Sequence[Observation]) -> list[str]:
    failed = [o.detail for o in seen if o.failure is not None]
    resolvers = {detail.resolver for detail in failed if isinstance(detail, DnsDetail)}
    return [f"{_host(one)} UDP {_port(one, 53)} and TCP {_port(one, 53)}" for one in natural.ordered(resolvers - {""})]


def _proxies(seen: Sequence[Observation]) -> list[str]:
    proxies = {o.detail.proxy for o in seen if isinstance(o.detail, ProxyDetail)}
    places = [redacted(one).rpartition("/")[2] for one in natural.ordered(proxies - {""})]
    return [f"{_host(one)} TCP {_port(one, 3128)}" for one in places]


def _host(place: str) -> str:
    """The host of ``HOST:PORT``."""
    return addresses.take_apart(place.rstrip("/")).host


def _port(place: str, default: int) -> int:
    """The port of ``HOST:PORT``, or the usual one."""
    return addresses.port_number(addresses.take_apart(place.rstrip("/")).port) or default


def _where(location: Location | None) -> list[str]:
    if location is None:
        return []
    hop = f"hop {location.hop} " if location.hop is not None else ""
    at = f"{hop}{printable(location.address, 60)} {printable(location.device, 80)} ({location.certainty})"
    lines = [f"   Where: {at}"]
    told = hops_told(location)
    if told:
        lines.append(f"   Hops: {printable(told, 200)}")
    return lines


def _addresses(seen: Iterable[Observation]) -> list[str]:
    found = seen_at(seen)
    if not found:
        return []
    shown = ", ".join(printable(address, 60) for address in found[:_MOST_ADDRESSES])
    return [f"   Addresses at that time: {shown}"]


def _observed(o: Observation, started_at: str) -> str:
    where = f" at {printable(o.address, 60)}" if o.address else ""
    met = o.failure.value if o.failure is not None else "passed"
    control = f", control probe {printable(o.experiment, 40)}" if o.experiment else ""
    return f"{_when(started_at, o.started_seconds)}  {o.step}: {printable(o.host)}{where}: {met}{control}"


def _when(started_at: str, seconds: float) -> str:
    try:
        moment = datetime.fromisoformat(started_at) + timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        return f"+{seconds:.1f} s"
    return moment.strftime("%H:%M:%SZ")
