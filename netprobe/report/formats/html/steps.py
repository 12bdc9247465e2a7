"""Step by step: a waterfall for every host, on one time scale of its own, the failed step hatched and named.

The controls stand below the chain, those that ended alike as one row with their number. Each is drawn from the left,
since it was made later and alone: what matters is how long it took beside the step that it controls.

A sweep of hundreds of hosts draws those that did not pass first, up to a bound, and says so; the report inside the page
has them all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netprobe.diagnosis.model import EndpointOutcome, HostOutcome
from netprobe.observations import (
    SOFT,
    DnsDetail,
    Experiment,
    Failure,
    HttpDetail,
    Observation,
    ProxyDetail,
    Step,
    TlsDetail,
)
from netprobe.report.formats.html.index import Index
from netprobe.report.formats.html.marks import time_told
from netprobe.report.formats.html.where import answering
from netprobe.report.model import Report

MOST_BARS = 200
"""Rows of all waterfalls of one page: about a sixth of a kilobyte each."""
_MOST_ALIKE = 3
"""Names of one endpoint that ended alike and are drawn: AWS numbers its names up to 32, and one looks like the next."""
_MOST_ROWS = 16
_MOST_CONTROLS = 12
_THINNEST = 0.4
"""Per cent of the width that the shortest step is drawn with."""
_ROW, _HEAD, _TOP = 32, 22, 20
"""Heights: of a step (its words, the bar below), of a line of text, of the scale."""

CONTROLS = {
    Experiment.ALONE: "alone",
    Experiment.BURST: "among many",
    Experiment.COMPLETED_CHAIN: "completed chain",
    Experiment.CONNECT_BY_ADDRESS: "CONNECT to address",
    Experiment.DNS_OVER_TCP: "over TCP",
    Experiment.FRESH_SNI: "new server name",
    Experiment.IMPOSSIBLE_NAME: "impossible name",
    Experiment.KEPT_BUSY: "kept busy",
    Experiment.LARGE_HELLO: "large hello",
    Experiment.LAX_CHAIN: "unverified",
    Experiment.LOCAL_NAME: "local name",
    Experiment.LOWER_MSS: "smaller packets",
    Experiment.NO_SNI: "no server name",
    Experiment.OTHER_ADDRESS: "other address",
    Experiment.OTHER_METHOD: "other method",
    Experiment.OTHER_RESOLVER: "other resolver",
    Experiment.OTHER_SNI: "other server name",
    Experiment.OTHER_SNI_LOWER_MSS: "other name, small",
    Experiment.REPEAT: "again",
    Experiment.SECOND_ANSWER: "second answer",
    Experiment.SEND_NOTHING: "send nothing",
    Experiment.SMALL_HELLO: "small hello",
    Experiment.SMALL_REQUEST: "small request",
    Experiment.STRICT_CHAIN: "strict rules",
    Experiment.WITH_PROXY: "with proxy",
    Experiment.WITHOUT_EDNS: "without EDNS",
    Experiment.WITHOUT_HOSTS_FILE: "without hosts file",
    Experiment.WITHOUT_PROXY: "without proxy",
    Experiment.WORKING_ADDRESS: "working address",
}
"""Experiment → what it does otherwise, in two words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One row of a waterfall: words, and the bar below them; lengths across in per cent, down in pixels.

    Attributes:
        label: the step, or what a control does otherwise.
        kind: the step, for its colour; ``head`` for a line of text alone.
        left: where the bar begins.
        wide: how long it is.
        top: where the row begins.
        told: how long it took.
        word: the failure, or nothing.
        soft: whether the failure is none that anybody has to mend (no IPv6 address).
    """

    label: str
    kind: str
    top: int
    left: float = 0.0
    wide: float = 0.0
    told: str = ""
    word: str = ""
    soft: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """One drawing."""

    height: int
    bars: tuple[Bar, ...]
    ticks: tuple[tuple[int, str], ...]
    label: str
    left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSteps:
    """One host with its drawing, or several that ended alike, in words.

    Attributes:
        outcome: the host, or the first of several.
        names: all of them.
        told: who answered, or how it went where nothing is drawn.
        drawing: the waterfall, or None.
    """

    outcome: HostOutcome
    names: tuple[str, ...]
    told: str
    drawing: Waterfall | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSteps:
    """One endpoint with its hosts."""

    anchor: str
    endpoint: EndpointOutcome
    told: str
    hosts: tuple[HostSteps, ...]
    causes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """What the section shows: endpoints by region."""

    regions: tuple[tuple[str, tuple[EndpointSteps, ...]], ...]
    drawn: int
    hosts: int
    slowest: str


def view(report: Report, index: Index) -> Steps | None:
    """Every endpoint, those that did not pass first."""
    if not report.endpoints:
        return None
    drawings = _drawings(report, index)
    regions: dict[str, list[EndpointSteps]] = {}
    for one in sorted(report.endpoints, key=lambda one: one.outcome.rank):
        regions.setdefault(one.region, []).append(_endpoint(one, index, drawings))
    order = list(dict.fromkeys(one.region for one in report.endpoints))
    return Steps(
        regions=tuple((region, tuple(regions[region])) for region in order),
        drawn=len(drawings),
        hosts=len({(host.host, one.port) for one in report.endpoints for host in one.hosts}),
        slowest=_slowest(report.observations),
    )


def _drawings(report: Report, index: Index) -> dict[tuple[str, int], Waterfall]:
    """The waterfalls by host and port: the worst hosts first, few of those that ended alike, up to the bound."""
    found: dict[tuple[str, int], int] = {}
    for one in report.endpoints:
        alike: Counter[tuple[str, str | None, str | None]] = Counter()
        for host in one.hosts:
            alike[_end(host)] += 1
            if index.seen(one, host.host) and alike[_end(host)] <= _MOST_ALIKE:
                found.setdefault((host.host, one.port), host.outcome.rank)
    drawings: dict[tuple[str, int], Waterfall] = {}
    left = MOST_BARS
    for key in sorted(found, key=lambda key: found[key]):
        drawing = draw(index.by_host[key])
        left -= len(drawing.bars)
        if left < 0:
            break
        drawings[key] = drawing
    return drawings


def _end(host: HostOutcome) -> tuple[str, str | None, str | None]:
    return host.outcome, host.failed_step, host.failure


def _endpoint(endpoint: EndpointOutcome, index: Index, drawings: dict[tuple[str, int], Waterfall]) -> EndpointSteps:
    causes = [finding for finding in index.findings if endpoint.touched_by(finding)]
    return EndpointSteps(
        anchor=index.endpoint(endpoint),
        endpoint=endpoint,
        told=answering(endpoint) if len(endpoint.hosts) > 1 else "",
        hosts=tuple(_hosts(endpoint, index, drawings)),
        causes=tuple((finding.id, index.card(finding)) for finding in causes),
    )


def _hosts(endpoint: EndpointOutcome, index: Index, drawings: dict[tuple[str, int], Waterfall]) -> Iterator[HostSteps]:
    """Those that are drawn, then the others, in one line where they ended alike."""
    others: dict[tuple[str, str | None, str | None], list[HostOutcome]] = {}
    for host in endpoint.hosts:
        drawing = drawings.get((host.host, endpoint.port))
        if drawing is not None:
            told = _answered(index.seen(endpoint, host.host))
            yield HostSteps(outcome=host, names=(host.host,), told=told, drawing=drawing)
        else:
            others.setdefault(_end(host), []).append(host)
    for first, *more in others.values():
        names = tuple(host.host for host in (first, *more))
        told = _line(first, index.seen(endpoint, first.host))
        yield HostSteps(outcome=first, names=names, told=told, drawing=None)


def _line(host: HostOutcome, seen: Sequence[Observation]) -> str:
    """A host in words, where it is not drawn."""
    chain = [one for one in seen if one.experiment is None and one.failure is None]
    told = ", ".join(f"{one.step} {time_told(one.duration_seconds)}" for one in chain[:6])
    failed = " ".join(part for part in (host.failed_step, host.failure) if part)
    return "; ".join(part for part in (told, failed) if part) or "not probed"


def _answered(seen: Sequence[Observation]) -> str:
    """Who answered at the end, in a few words: the status and the mark of the service."""
    chain = [one.detail for one in seen if one.experiment is None]
    last = next((detail for detail in reversed(chain) if isinstance(detail, HttpDetail)), None)
    if last is None or last.status is None:
        return ""
    return f"HTTP {last.status}{f' from {last.server}' if last.server else ''}"


def draw(seen: Sequence[Observation]) -> Waterfall:
    """Draw the chain of one host and the controls below it.

    Args:
        seen: its observations, in the order of their beginning.
    """
    chain = [one for one in seen if one.experiment is None]
    controls = [one for one in seen if one.experiment is not None]
    begin = min((one.started_seconds for one in chain), default=0.0)
    ends = [one.started_seconds + one.duration_seconds - begin for one in chain]
    scale = max([*ends, *(one.duration_seconds for one in controls), 1e-3])
    alike = _alike(controls)
    bars = list(_bars(_chained(chain)[:_MOST_ROWS], alike[:_MOST_CONTROLS], begin, scale))
    left_out = max(len(chain) - _MOST_ROWS, 0) + max(len(alike) - _MOST_CONTROLS, 0)
    height = bars[-1].top + _ROW if bars else _TOP
    ticks = tuple((percent, time_told(scale * percent / 100)) for percent in (25, 50, 75, 100))
    return Waterfall(height=height, bars=tuple(bars), ticks=ticks, label=_label(bars), left_out=left_out)


def _chained(chain: Sequence[Observation]) -> list[Observation]:
    """By vantage, then in the order of the steps; addresses of one name stay together."""
    vantages = list(dict.fromkeys(one.vantage for one in chain))
    addresses = list(dict.fromkeys(one.address for one in chain))
    return sorted(chain, key=lambda one: (vantages.index(one.vantage), addresses.index(one.address)))


def _alike(controls: Sequence[Observation]) -> list[tuple[Observation, str]]:
    """One of each kind of control that ended alike, the longest, with its name and how many there are."""
    together: dict[tuple[str, str | None], list[Observation]] = {}
    for one in controls:
        together.setdefault((control(one), one.failure), []).append(one)
    return [
        (
            max(several, key=lambda one: one.duration_seconds),
            f"{name} x{len(several)}" if len(several) > 1 else name,
        )
        for (name, _), several in together.items()
    ]


def _bars(
    chain: Sequence[Observation], controls: Sequence[tuple[Observation, str]], begin: float, scale: float
) -> Iterator[Bar]:
    top = _TOP
    several = len({one.vantage for one in chain}) > 1 or len({one.address for one in chain if one.address}) > 1
    before = None
    for one in chain:
        if several and (one.vantage, one.address) != before:
            before = (one.vantage, one.address)
            yield Bar(label=f"as {one.vantage}{f' at {one.address}' if one.address else ''}", kind="head", top=top)
            top += _HEAD
        yield _bar(one, _step(one), one.started_seconds - begin, scale, top)
        top += _ROW
    if controls:
        yield Bar(label="controls, each made later and alone", kind="head", top=top)
        top += _HEAD
    for one, name in controls:
        yield _bar(one, name, 0.0, scale, top)
        top += _ROW


def _bar(one: Observation, label: str, start: float, scale: float, top: int) -> Bar:
    left = min(100 * start / scale, 100 - _THINNEST)
    wide = max(100 * one.duration_seconds / scale, _THINNEST)
    return Bar(
        label=label,
        kind=str(one.step),
        top=top,
        left=round(left, 1),
        wide=round(min(wide, 100 - left), 1),
        told=time_told(one.duration_seconds),
        word=_failed(one),
        soft=_is_soft(one),
    )


def _step(one: Observation) -> str:
    if isinstance(one.detail, DnsDetail):
        return f"DNS {one.detail.rrtype}"
    return {Step.HTTP: "HTTP", Step.WEBSOCKET: "WebSocket", Step.PROXY: "proxy"}.get(one.step, one.step.upper())


def control(one: Observation) -> str:
    """What a control does otherwise, with its step: ``TLS unverified``."""
    known = {str(experiment): words for experiment, words in CONTROLS.items()}
    named = one.experiment or ""
    return f"{_step(one)} {known.get(named, named.replace('_', ' '))}"


def _is_soft(one: Observation) -> bool:
    return one.failure in SOFT or (one.failure is Failure.DNS_NO_ANSWER and _step(one) == "DNS AAAA")


def _failed(one: Observation) -> str:
    if one.failure is None:
        return ""
    if _is_soft(one) and one.failure is Failure.DNS_NO_ANSWER:
        return ""
    detail = one.detail
    more = ""
    if isinstance(detail, ProxyDetail | HttpDetail) and detail.status is not None:
        more = f" ({detail.status})"
    elif isinstance(detail, TlsDetail) and detail.alert is not None:
        more = f" (alert {detail.alert})"
    return f"{one.failure}{more}"


def _label(bars: Sequence[Bar]) -> str:
    """The drawing in words, for who hears it."""
    told = (f"{bar.label} {bar.word or bar.told}" for bar in bars if bar.kind != "head")
    return "; ".join(told) or "nothing was seen"


def _slowest(observations: Sequence[Observation]) -> str:
    good = [one for one in observations if one.experiment is None and one.failure is None]
    if not good:
        return ""
    slow = max(good, key=lambda one: one.duration_seconds)
    return f"{_step(slow)} of {slow.host}, {time_told(slow.duration_seconds)}"
