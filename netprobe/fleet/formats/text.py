"""Text for people: causes first, then groups, then the hosts that cannot work; the last lines are the answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netprobe import cilog
from netprobe.errors import printable
from netprobe.findings import Outcome
from netprobe.fleet import words
from netprobe.fleet.model import Count, Fleet, FleetCause, HostLine
from netprobe.observe.text import fitted

MOST_HOSTS = 40
_MOST_SKIPPED = 10
_SIGNS = {
    Outcome.PASS: ".",
    Outcome.WARN: "w",
    Outcome.FAIL: "F",
    Outcome.NOT_RUN: "?",
    Outcome.NOT_APPLICABLE: "-",
    None: " ",
}
_LEGEND = ". pass   w warning   F fails   ? not run   - not applicable   blank: not asked"


def render(fleet: Fleet, *, width: int) -> str:
    """Write causes, the matrices, what is missing, and the answer."""
    lines: list[str] = []
    for number, cause in enumerate(fleet.causes, start=1):
        lines += _cause(number, cause, fleet.by)
    lines += _by_group(fleet)
    lines += _hosts(fleet)
    lines += _absent(fleet)
    lines += ["", *_answer(fleet)]
    return cilog.in_text(fitted((printable(line, 2000) if line else "" for line in lines), width))


def _cause(number: int, cause: FleetCause, by: str) -> Iterator[str]:
    yield f"{number}. {cause.severity}: {words.name(cause)}; {words.certainty(cause)}; for {cause.owner}"
    yield f"   {words.line(cause, by)}"
    if told := words.apart(cause):
        yield f"   {told}"
    if cause.apart is not None:
        yield from (f"   {one}" for one in words.exceptions(cause.apart))
    yield f"   Hosts: {words.hosts(cause.hosts)}"
    if cause.title:
        yield f"   At {cause.example}: {cause.title}"
        yield f"   Fix: {cause.remedy}"
    yield ""


def _by_group(fleet: Fleet) -> Iterator[str]:
    if not fleet.groups:
        return
    most = max(len(printable(group.name, 30)) for group in fleet.groups)
    yield f"By {fleet.by}: hosts, and how many of them each cause touches"
    heads = [str(number) for number in range(1, len(fleet.causes) + 1)]
    yield f"  {'':<{most}} {'hosts':>6} {''.join(f'{head:>5}' for head in heads)}".rstrip()
    for group in fleet.groups:
        cells = "".join(f"{count or '.':>5}" for count in group.causes)
        yield f"  {printable(group.name, 30):<{most}} {group.hosts:>6} {cells}".rstrip()
    yield ""
    yield f"By {fleet.by} and endpoint: hosts at which it fails, of those that were judged"
    if not any(count.failing for group in fleet.groups for count in group.endpoints):
        yield "  none"
    many = len({endpoint.partition("/")[0] for endpoint in fleet.endpoints}) > 1
    for column, endpoint in enumerate(fleet.endpoints):
        shown = [
            f"{group.name} {_counted(count)}" for group in fleet.groups if (count := group.endpoints[column]).failing
        ]
        if shown:
            yield f"  {endpoint if many else endpoint.partition('/')[2]}: {', '.join(shown)}"
    yield ""


def _counted(count: Count) -> str:
    return f"{count.failing} of {count.passing + count.warning + count.failing}"


def _hosts(fleet: Fleet) -> Iterator[str]:
    """The hosts at which an endpoint fails, with a sign for each endpoint."""
    failing = [host for host in fleet.hosts if Outcome.FAIL in host.outcomes]
    if not failing:
        return
    yield f"Hosts and endpoints ({_LEGEND})"
    for place, endpoint in enumerate(fleet.endpoints):
        yield f"  {'|' * place}{endpoint}" if place < 40 else f"  … {endpoint}"
    most = max(len(_called(host)) for host in failing[:MOST_HOSTS])
    for host in failing[:MOST_HOSTS]:
        signs = "".join(_SIGNS[outcome] for outcome in host.outcomes)
        yield f"  {signs} {_called(host):<{most}} {host.verdict}"
    if len(failing) > MOST_HOSTS:
        yield f"  and {len(failing) - MOST_HOSTS} more (--format csv, xlsx and html have all)"
    yield ""


def _called(host: HostLine) -> str:
    return printable(f"{host.name} @ {host.site}", 60)


def _absent(fleet: Fleet) -> Iterator[str]:
    for what, names in (
        ("Sent nothing", fleet.missing),
        ("Report too old", fleet.too_old),
        ("Expected by nobody", fleet.unexpected),
    ):
        if names:
            yield f"{what} ({len(names)}): {words.hosts(names, 40)}"
    number = len(fleet.skipped) + fleet.skipped_more
    if number:
        yield f"Could not be read ({number}):"
        yield from (f"  {one.source} {one.reason}" for one in fleet.skipped[:_MOST_SKIPPED])
        if number > _MOST_SKIPPED:
            yield f"  and {number - _MOST_SKIPPED} more"
    if fleet.superseded:
        yield f"Older reports of hosts that sent a newer one: {fleet.superseded}"
    if beside := [host.name for host in fleet.hosts if host.beside]:
        yield f"Older reports that count for what a newer one did not look at, of: {words.hosts(beside)}"


def _answer(fleet: Fleet) -> Sequence[str]:
    causes = words.errors(fleet)
    told = [f"{fleet.verdict.upper().replace('_', ' ')}: {words.headline(fleet)}"]
    told += [f"  {sentence}" for sentence in words.left_open(fleet)]
    for cause in causes[:5]:
        reach = words.counted(len(cause.hosts), "host")
        told.append(f"  {words.name(cause)}: {reach} → {cause.owner}; netprobe explain {cause.id}")
    if len(causes) > 5:
        told.append(f"  and {len(causes) - 5} more causes above")
    return told
