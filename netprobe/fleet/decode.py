"""From the bytes of a report to one small record, without ever building its observations.

msgspec passes over what no type asks for, which is most of a report. Every text is cut, every list bounded: what is
kept of a host has the same size, whatever the host sends.
"""

from __future__ import annotations

import codecs
import functools
import ipaddress
import re
import sys
from collections.abc import Iterable
from datetime import datetime

import msgspec

from netprobe import natural, reading
from netprobe.errors import printable, redacted
from netprobe.findings import Certainty, Outcome, Owner, Severity, Verdict
from netprobe.fleet.model import NOWHERE, HostFinding, Member
from netprobe.fleet.parts import RULES
from netprobe.report.model import SCHEMA_VERSION

MOST_TEXT = 200
MOST_SENTENCE = 1200
MOST_LABELS = 32
MOST_ADDRESSES = 16
MOST_ENDPOINTS = 5000
MOST_FINDINGS = 500
MOST_PER_FINDING = 500
_MAJOR = SCHEMA_VERSION.partition(".")[0]
_INTERCEPTED = ("tls_intercepted", "tls_intercepted_trusted")
_LINE = re.compile(r"^(/[^:]*):\d+:")
"""Settings are the same cause on hosts whose files hold them in another line."""
DIRECT = "none"
"""The proxy of a host that has none, the interceptor where nobody intercepts."""


class NotAReportError(Exception):
    """Its text says why, in a clause.

    Args:
        reason: the clause.
        may_be_report: see :class:`netprobe.fleet.model.Skipped`.
    """

    def __init__(self, reason: str, *, may_be_report: bool = True) -> None:
        super().__init__(reason)
        self.may_be_report = may_be_report


class _Vantage(msgspec.Struct, frozen=True):
    name: str
    resolvers: tuple[str, ...] = ()
    proxy: str | None = None
    store: str = "system"


class _Context(msgspec.Struct, frozen=True):
    vantages: tuple[_Vantage, ...] = ()
    lab: str | None = None


class _Host(msgspec.Struct, frozen=True):
    """What a report says of the host that wrote it; every part may be missing."""

    name: str = ""
    site: str = ""
    labels: dict[str, str] = {}
    machine_id: str | None = None
    addresses: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    os: str | None = None
    kernel: str | None = None
    agents: dict[str, str | None] = {}
    docker: str | None = None
    user: str | None = None


class _Endpoint(msgspec.Struct, frozen=True):
    id: str
    region: str
    outcome: Outcome
    group: str = ""


class _Finding(msgspec.Struct, frozen=True):
    id: str
    severity: Severity
    certainty: Certainty
    owner: Owner
    region: str | None = None
    cause: str = ""
    title: str = ""
    remedy: str = ""
    docs: str = ""
    endpoints: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


class _Rule(msgspec.Struct, frozen=True):
    id: str
    subject: str = ""


class _Report(msgspec.Struct, frozen=True):
    schema_version: str
    netprobe_version: str
    started_at: str
    regions: tuple[str, ...]
    verdict: Verdict
    endpoints: tuple[_Endpoint, ...]
    findings: tuple[_Finding, ...]
    observations: msgspec.Raw = msgspec.Raw(b"[]")
    context: _Context = _Context()
    host: _Host | None = None
    rules: tuple[_Rule, ...] = ()


class _Marks(msgspec.Struct, frozen=True):
    """What every report has, and little else has in a JSON document."""

    schema_version: msgspec.Raw = msgspec.Raw(b"")
    netprobe_version: msgspec.Raw = msgspec.Raw(b"")


class _Certificate(msgspec.Struct, frozen=True):
    subject: str = ""
    issuer: str = ""
    self_signed: bool = False


class _Detail(msgspec.Struct, frozen=True):
    chain: tuple[_Certificate, ...] = ()
    local_address: str = ""


class _Observation(msgspec.Struct, frozen=True):
    id: str
    detail: _Detail


class Sentence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one host says of a cause; a fleet keeps it once a cause."""

    title: str
    remedy: str
    docs: str


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """One report: the record that is kept of the host, and the sentences of its findings, in their order."""

    member: Member
    sentences: tuple[Sentence, ...]


_DECODER = msgspec.json.Decoder(_Report)
_MARKS = msgspec.json.Decoder(_Marks)
_OBSERVATIONS = msgspec.json.Decoder(list[_Observation])


def take(data: bytes, source: str, stem: str) -> Taken:
    """Take from a report what a fleet needs.

    Args:
        data: the JSON text.
        source: where it came from, for people.
        stem: what to call the host where the report names none.

    Raises:
        NotAReportError: it is none, of another major version, or about a region of China.
    """
    if reading.is_utf_16(data):
        raise NotAReportError(f"{reading.UTF_16}; {reading.SAVE_AS_UTF_8}")
    text = data.removeprefix(codecs.BOM_UTF8)
    try:
        report = _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        told = f"is not a netprobe report ({printable(str(exc))})"
        raise NotAReportError(told, may_be_report=not _is_something_else(text)) from exc
    if report.schema_version.partition(".")[0] != _MAJOR:
        version = printable(report.schema_version, 20)
        raise NotAReportError(f"has schema_version {version}, this netprobe reads {_MAJOR}.x")
    if len(report.endpoints) > MOST_ENDPOINTS or len(report.findings) > MOST_FINDINGS:
        raise NotAReportError("holds more endpoints or findings than any check finds")
    _refuse_china(report)
    return _taken(report, source, stem)


def _is_something_else(text: bytes) -> bool:
    """Whether a text that is no report is a whole JSON document of another kind."""
    try:
        marks = _MARKS.decode(text)
    except msgspec.ValidationError:
        return True  # a list, a number: whole or not, no report begins so
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return not (marks.schema_version or marks.netprobe_version)


def _refuse_china(report: _Report) -> None:
    for region in {*report.regions, *(one.region for one in report.endpoints)}:
        if region.lower().startswith("cn-"):
            raise NotAReportError(f"is about {printable(region, 40)}: ECS Anywhere is not offered in China")


def _taken(report: _Report, source: str, stem: str) -> Taken:
    host = report.host or _Host()
    counted = [one for one in report.findings if one.severity is not Severity.INFO]
    older = _Older(report) if _is_older(report) else None
    rules = {one.id for one in report.rules}
    seen = [_seen(one, report.regions, rules, older) for one in counted]
    addresses = host.addresses or (older.addresses() if older is not None else ())
    kept = tuple(_short(one, 60) for one in addresses[:MOST_ADDRESSES])
    member = Member(
        name=_short(host.name) or _short(stem),
        site=_short(host.site) or NOWHERE,
        labels=_labels(host.labels),
        machine_id=_short(host.machine_id or "", 80),
        source=_short(source, 400),
        started_at=_short(report.started_at, 40),
        moment=_moment(report.started_at),
        netprobe_version=_short(report.netprobe_version, 40),
        verdict=report.verdict,
        outcomes=_outcomes(tuple((_key(one.region, one.id), one.outcome) for one in report.endpoints)),
        findings=tuple(seen),
        traits=_traits(report, host, kept, seen),
        addresses=kept,
        judged_rules=bool(report.rules),
        scope=_scope(report),
        vantages=_kept(tuple(sorted({_word(one.name) for one in report.context.vantages[:20]}))),
        is_named=bool(host.name or host.machine_id),
        lab=_short(report.context.lab or "", 80),
    )
    return Taken(member=member, sentences=tuple(map(_sentence, counted)))


def _scope(report: _Report) -> tuple[str, ...]:
    """See :class:`netprobe.fleet.model.Member`."""
    looked_at = {(one.region, one.group) for one in report.endpoints}
    looked_at.update((RULES, one.subject) for one in report.rules[:MOST_ENDPOINTS])
    return _kept(tuple(sorted(_key(*part) for part in looked_at)))


def _sentence(finding: _Finding) -> Sentence:
    return Sentence(
        title=_short(finding.title, MOST_SENTENCE),
        remedy=_short(finding.remedy, MOST_SENTENCE),
        docs=_short(finding.docs),
    )


def _seen(finding: _Finding, regions: tuple[str, ...], rules: set[str], older: _Older | None) -> HostFinding:
    cause = finding.cause
    if not cause and older is not None and finding.id in _INTERCEPTED:
        cause = older.authority(finding.evidence)
    where = (finding.region,) if finding.region else regions
    touched = [_key(region, id_) for region in where for id_ in finding.endpoints[:MOST_PER_FINDING]]
    return HostFinding(
        id=_word(finding.id),
        cause=_LINE.sub(r"\1:", _short(cause)),
        severity=finding.severity,
        certainty=finding.certainty,
        owner=finding.owner,
        endpoints=_kept(tuple(touched[:MOST_PER_FINDING])),
        from_rule=finding.id in rules,
    )


def _is_older(report: _Report) -> bool:
    """Whether it was written before reports said who wrote them (schema 1.0 and 1.1)."""
    return report.host is None and len(report.observations) > 2


class _Older:
    """What only the observations of an older report tell, decoded at most once, and only if something asks."""

    def __init__(self, report: _Report) -> None:
        self._raw = report.observations
        self._decoded: list[_Observation] | None = None

    def _all(self) -> list[_Observation]:
        if self._decoded is None:
            try:
                self._decoded = _OBSERVATIONS.decode(self._raw)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
                raise NotAReportError(f"is not a netprobe report ({printable(str(exc))})") from exc
        return self._decoded

    def authority(self, evidence: Iterable[str]) -> str:
        """The CA at the end of the first chain among these observations, as diagnosis names it."""
        wanted = set(evidence)
        for one in self._all():
            if one.id in wanted and one.detail.chain:
                last = one.detail.chain[-1]
                if last.self_signed and len(one.detail.chain) == 1:
                    return "self-signed"
                return last.subject if last.self_signed else last.issuer
        return ""

    def addresses(self) -> tuple[str, ...]:
        """The addresses that its connections came from."""
        return tuple(natural.ordered({one.detail.local_address for one in self._all()} - {""}))


def _traits(
    report: _Report, host: _Host, addresses: tuple[str, ...], seen: Iterable[HostFinding]
) -> dict[str, tuple[str, ...]]:
    """Attribute → values. An attribute that nothing is known of is left out, and so never counts as equal."""
    vantages = report.context.vantages[:20]
    interceptors = sorted({one.cause or "unnamed" for one in seen if one.id in _INTERCEPTED})
    found: dict[str, Iterable[str]] = {
        "site": [host.site] if host.site else [],
        "proxy": natural.ordered({redacted(one.proxy) if one.proxy else DIRECT for one in vantages}),
        "resolver": natural.ordered({resolver for one in vantages for resolver in one.resolvers[:8]}),
        "gateway": host.gateways,
        "subnet": _networks(addresses, 24, 64),
        "network": _networks(addresses, 16, 48),
        "interceptor": interceptors or ([DIRECT] if report.endpoints else []),
        "trust store": sorted({one.store for one in vantages}),
        "os": [host.os or ""],
        "kernel": [host.kernel or ""],
        "docker": [host.docker or ""],
        "user": [host.user or ""],
        "netprobe": [report.netprobe_version],
        **{f"agent {name}": [version or ""] for name, version in list(host.agents.items())[:20]},
        **{f"label {name}": [value] for name, value in list(host.labels.items())[:MOST_LABELS]},
    }
    bounded = {
        _word(name): _kept(tuple(_short(value) for value in list(values)[:MOST_ADDRESSES] if value))
        for name, values in found.items()
    }
    return {name: values for name, values in bounded.items() if values}


def _networks(addresses: Iterable[str], of_4: int, of_6: int) -> list[str]:
    """The networks of these sizes that the addresses are in; loopback and link-local tell nothing."""
    return natural.ordered({found for one in addresses if (found := _network(one, of_4, of_6))})


@functools.lru_cache(maxsize=4096)
def _network(address: str, of_4: int, of_6: int) -> str:
    try:
        parsed = ipaddress.ip_interface(address).ip
    except ValueError:
        return ""
    if parsed.is_loopback or parsed.is_link_local or parsed.is_unspecified:
        return ""
    bits = of_4 if parsed.version == 4 else of_6
    return str(ipaddress.ip_network((parsed, bits), strict=False))


def _labels(labels: dict[str, str]) -> dict[str, str]:
    return {_word(name): _short(value) for name, value in list(labels.items())[:MOST_LABELS]}


def _moment(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _short(text: str, limit: int = MOST_TEXT) -> str:
    """Text that was cut and cleaned of credentials; control characters are written out, since no name needs them."""
    return printable(redacted(text), limit)


@functools.lru_cache(maxsize=65536)
def _key(region: str, id_: str) -> str:
    return sys.intern(f"{_short(region, 60)}/{_short(id_, 60)}")


@functools.lru_cache(maxsize=4096)
def _word(text: str) -> str:
    return sys.intern(_short(text, 80))


@functools.lru_cache(maxsize=1024)
def _outcomes(pairs: tuple[tuple[str, Outcome], ...]) -> dict[str, Outcome]:
    """The same mapping for equal ones; nobody changes it."""
    return dict(pairs)


@functools.lru_cache(maxsize=8192)
def _kept(values: tuple[str, ...]) -> tuple[str, ...]:
    """The same tuple for equal ones: most hosts of a fleet are alike."""
    return values
