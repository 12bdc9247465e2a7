"""What one network team at one site is asked for, over all its hosts: in plain text, complete in itself.

Site and owner come from reports, and reports from hosts: nothing of them is trusted further than a line of text.
"""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from netprobe import natural
from netprobe.diagnosis.handoff import TO_PROXY, TO_RESOLVER
from netprobe.errors import printable
from netprobe.findings import Owner, Severity
from netprobe.fleet import words
from netprobe.fleet.census import Census, Example
from netprobe.fleet.model import Fleet, FleetCause, Member

_WIDTH = 78
_ADDRESSES_A_LINE = 6


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One cause at one site.

    Attributes:
        cause: the cause.
        hosts: the hosts of the site that it touches.
        example: how one of them words it.
    """

    cause: FleetCause
    hosts: tuple[str, ...]
    example: Example


class HandoffRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What one owner at one site is asked for.

    Attributes:
        site: where the hosts stand.
        owner: who must act.
        problems: errors first.
        addresses: source addresses of the hosts, sorted.
        unknown: hosts whose report tells no address.
        connections: ``REGION/ID`` of endpoints that a rule about connections would open.
        names: ``REGION/ID`` of endpoints whose names a resolver must answer for.
    """

    site: str
    owner: Owner
    problems: tuple[Problem, ...]
    addresses: tuple[str, ...]
    unknown: tuple[str, ...]
    connections: tuple[str, ...]
    names: tuple[str, ...]


_ASKED = (Owner.NETWORK, Owner.HOST, Owner.WORKLOAD)
"""Who can be asked by a text; AWS and the owner of a foreign service do not stand at a site."""


def requests(fleet: Fleet, census: Census) -> tuple[HandoffRequest, ...]:
    """Every site and owner with something to change.

    Args:
        fleet: the answer.
        census: what it was made of, for the addresses of the hosts and their words.
    """
    by_name = {member.name: member for member in census.members()}
    found: dict[tuple[str, Owner], list[Problem]] = defaultdict(list)
    for cause in fleet.causes:
        if cause.owner not in _ASKED or cause.severity is Severity.INFO:
            continue
        sites: dict[str, list[str]] = defaultdict(list)
        for host in cause.hosts:
            sites[by_name[host].site].append(host)
        for site, hosts in sites.items():
            example = census.example(cause.id, cause.cause, cause.endpoints, site)
            found[site, cause.owner].append(Problem(cause=cause, hosts=tuple(hosts), example=example))
    return tuple(
        _request(site, owner, problems, by_name) for (site, owner), problems in sorted(found.items(), key=_place)
    )


def _place(item: tuple[tuple[str, Owner], object]) -> tuple[natural.Key, Owner]:
    """Where a request stands among the others."""
    (site, owner), _ = item
    return natural.key(site), owner


def _request(site: str, owner: Owner, problems: Sequence[Problem], by_name: dict[str, Member]) -> HandoffRequest:
    hosts = natural.ordered({host for problem in problems for host in problem.hosts})
    addresses = {address.partition("/")[0] for host in hosts for address in by_name[host].addresses}
    connections: set[str] = set()
    names: set[str] = set()
    for problem in problems:
        if problem.cause.id in TO_RESOLVER | TO_PROXY:
            continue
        wanted = names if problem.cause.id.startswith("dns_") else connections
        wanted |= set(problem.cause.endpoints)
    return HandoffRequest(
        site=site,
        owner=owner,
        problems=tuple(problems),
        addresses=tuple(natural.ordered(addresses)),
        unknown=tuple(host for host in hosts if not by_name[host].addresses),
        connections=tuple(natural.ordered(connections)),
        names=tuple(natural.ordered(names)),
    )


def text(
    request: HandoffRequest, fleet: Fleet, *, edition: str = "", target: str = "", rules: Sequence[str] = ()
) -> str:
    """Write the text.

    Args:
        request: what is asked for.
        fleet: the answer that it is part of.
        edition: the version of the catalog that it stands on, a day; ``netprobe changes --for`` asks for it.
        target: the device that ``rules`` are for.
        rules: rendered rule lines.
    """
    title = f"Request to the {request.owner} team at {printable(request.site)}"
    number = len({host for problem in request.problems for host in problem.hosts})
    stands_on = f", catalog {edition}," if edition else ""
    regions = sorted({key.partition("/")[0] for problem in request.problems for key in problem.cause.endpoints})
    lines = [
        title,
        "=" * len(title),
        "",
        *_wrap(
            f"Made by netprobe {fleet.netprobe_version}{stands_on} on {fleet.made_at} from the reports of "
            f"{words.counted(len(fleet.hosts), 'host')} to run Amazon ECS Anywhere. {number} of them stand here and "
            "meet what is described below, each with the smallest change that removes it."
        ),
        "",
        # In one line, however long: it is read back.
        *([f"Regions: {printable(', '.join(regions), 1000)}"] if regions else []),
        "Sources:",
        *_addresses(request.addresses),
        *([f"  and hosts whose address no report tells: {words.hosts(request.unknown)}"] if request.unknown else []),
        "",
    ]
    for place, problem in enumerate(request.problems, start=1):
        lines += _problem(place, problem)
    if target:
        lines += [f"Rules for {printable(target)}", "-" * 40, ""]
        # A rule that is cut is another rule: a line is shown whole, however long it is.
        lines += [printable(line, 12 * len(line) + 12) for line in rules]
        lines.append("")
    lines += ["After the change, run the same netprobe command again on these hosts: the problem must be gone.", ""]
    return "\n".join(lines)


def _problem(place: int, problem: Problem) -> Iterator[str]:
    cause = problem.cause
    yield f"{place}. {printable(words.name(cause), 400)} ({cause.severity}; {words.certainty(cause)} over all sites)"
    yield ""
    yield from _wrap(f"Hosts ({len(problem.hosts)}): {printable(', '.join(problem.hosts), 100_000)}", "   ")
    if cause.endpoints:
        yield from _wrap(f"Endpoints: {printable(', '.join(cause.endpoints), 20_000)}", "   ")
    if told := words.apart(cause):
        yield from _wrap(printable(told, 2000), "   ")
    sentence = problem.example.sentence
    if sentence.title:
        yield from _wrap(f"At {printable(problem.example.host)}: {printable(sentence.title, 1200)}", "   ")
        yield "   Change asked for:"
        yield from _wrap(printable(sentence.remedy, 1200), "     ")
    yield ""


def _addresses(addresses: Sequence[str]) -> Iterator[str]:
    if not addresses:
        yield "  (no report tells an address)"
    for start in range(0, len(addresses), _ADDRESSES_A_LINE):
        yield "  " + ", ".join(printable(one, 60) for one in addresses[start : start + _ADDRESSES_A_LINE])


def _wrap(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
