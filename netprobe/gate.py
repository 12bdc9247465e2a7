"""The gate: what ``netprobe.toml`` expects, what it waives and until when, and one verdict over all that was judged.

    [gate]
    regions = ["us-east-2"]          # check these; leave out to check nothing
    groups = ["exec"]                # beyond the default ones
    workloads = ["task.json"]
    image = "build/root.tar"
    expect = { images = "private" }
    proxy = "http://proxy.corp.example:3128"      # every vantage must use it; "none" for direct connections
    intercepted-by = ["CN=Corp TLS CA"]           # subject or SHA-256 of the one CA that may intercept
    fail-on = "error"                # or "warning"

    [[waiver]]
    finding = "selinux_enforcing"
    reason = "the hosts are hardened in the next release"
    owner = "platform@corp.example"
    expires = 2027-01-31

A waiver is a debt with a date: it needs all four, it turns failures into warnings until that day has passed, and then
it fails the gate by itself. A waived finding stays in every report, since it is still true. This module reads no file
and no clock; the command hands it both.
"""

from __future__ import annotations

import datetime
import fnmatch
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeVar

import msgspec

from netprobe import manual, proxyurl
from netprobe.diagnosis.model import EndpointOutcome
from netprobe.errors import UsageError, printable
from netprobe.findings import Acceptance, Certainty, Finding, Outcome, Owner, Place, RuleOutcome, Severity, Verdict
from netprobe.nearest import meant, nearest
from netprobe.observations import TlsDetail
from netprobe.report.model import Report

T = TypeVar("T", bound=msgspec.Struct)
MAX_WAIVERS = 500
_SUBJECT = "gate"


class Expectations(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """The table ``[gate]``; see the module for what each key means."""

    regions: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    without_groups: tuple[str, ...] = ()
    account: str | None = None
    workloads: tuple[str, ...] = ()
    image: str | None = None
    platform: str | None = None
    expect: dict[str, Literal["private", "public"]] = {}
    proxy: str | None = None
    intercepted_by: tuple[str, ...] = ()
    fail_on: Literal["error", "warning"] = "error"


class Waiver(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """One ``[[waiver]]``.

    Attributes:
        finding: the finding's id.
        reason: why it is accepted.
        owner: who answers for it.
        expires: the last day on which it counts.
        region: only findings of this region.
        host: only findings all of whose hosts match this pattern (``*`` as in a shell).
        file: only findings all of whose files match this pattern.
    """

    finding: str
    reason: str
    owner: str
    expires: datetime.date
    region: str | None = None
    host: str | None = None
    file: str | None = None

    @property
    def scope(self) -> tuple[str, str | None, str | None, str | None]:
        """What it covers; two of the same scope could only disagree about the day."""
        return (self.finding, self.region, self.host, self.file)

    def covers(self, finding: Finding) -> bool:
        """Whether it names this finding; a narrower waiver never covers more than it says."""
        return (
            finding.id == self.finding
            and self.region in (None, finding.region)
            and _all_match(self.host, finding.hosts)
            and _all_match(self.file, [place.file for place in finding.places])
        )


def _all_match(pattern: str | None, names: Sequence[str]) -> bool:
    return pattern is None or (bool(names) and all(fnmatch.fnmatchcase(name, pattern) for name in names))


def expectations(table: object, file: str) -> Expectations:
    """Validate ``[gate]``.

    Raises:
        UsageError: it is missing, has an unknown key or a value of the wrong kind, or asks for nothing.
    """
    if not isinstance(table, Mapping):
        raise UsageError(file, "has no table [gate]", "write [gate] with regions, workloads or image")
    found = _convert(table, Expectations, file, "[gate]")
    if not (found.regions or found.workloads or found.image):
        raise UsageError(file, "[gate] asks for nothing", "name regions, workloads or an image")
    named = {
        "groups": found.groups,
        "expect": found.expect,
        "proxy": found.proxy,
        "intercepted-by": found.intercepted_by,
    }
    idle = [key for key, value in named.items() if value]
    if idle and not found.regions:
        # An expectation that nothing is held against would look as if it had been met.
        raise UsageError(file, f"[gate] sets {', '.join(idle)} and checks no region", "add regions, or remove it")
    return found


def waivers(tables: Iterable[object], file: str, known: Collection[str] | None = None) -> tuple[Waiver, ...]:
    """Validate every ``[[waiver]]``.

    Args:
        tables: as they stand in the file.
        file: its name.
        known: the ids that a waiver may name, or None to take any. A misspelt one would waive nothing in silence.

    Raises:
        UsageError: one lacks its finding, reason, owner or expiry, has a key that does not exist, names a finding that
            does not exist, or says the same as one before.
    """
    found: list[Waiver] = []
    for number, table in enumerate(tables, start=1):
        if number > MAX_WAIVERS:
            raise UsageError(file, f"has more than {MAX_WAIVERS} waivers", "mend what they waive")
        waiver = _convert(table, Waiver, file, f"[[waiver]] number {number}")
        for name in ("finding", "reason", "owner"):
            if not getattr(waiver, name).strip():
                raise UsageError(file, f"[[waiver]] number {number} has an empty {name}", f"write its {name}")
        if known is not None and waiver.finding not in known:
            raise UsageError(
                file,
                f"[[waiver]] number {number}: there is no finding {printable(waiver.finding, 80)}",
                meant(nearest(waiver.finding, sorted(known)), "'netprobe explain --list' shows all"),
            )
        twin = next((index for index, one in enumerate(found, start=1) if one.scope == waiver.scope), None)
        if twin is not None:
            raise UsageError(
                file, f"[[waiver]] number {number} waives the same as number {twin}", "keep the one whose day counts"
            )
        found.append(waiver)
    return tuple(found)


def _convert(table: object, kind: type[T], file: str, where: str) -> T:
    if isinstance(table, Mapping):
        # As everywhere in netprobe.toml, an underscore is read as a hyphen.
        table = {str(key).replace("_", "-"): value for key, value in table.items()}
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as exc:
        reason = (
            printable(str(exc)).replace("`", "'").replace("Invalid RFC3339 encoded date", "not a day like 2027-01-31")
        )
        keys = ", ".join(field.encode_name for field in msgspec.structs.fields(kind))
        raise UsageError(file, f"{where}: {reason}", f"its keys are {keys}") from exc


def conclude(
    parts: Sequence[Report], wanted: Expectations, waived: Sequence[Waiver], *, today: datetime.date, file: str
) -> Report:
    """One report of all parts.

    Args:
        parts: the reports of image, workloads and check.
        wanted: the table ``[gate]``.
        waived: the waivers.
        today: the day that waivers are held against.
        file: the configuration file, for the findings of the gate itself.
    """
    whole = _joined(parts)
    findings = [_tolerated(finding, whole, wanted) for finding in whole.findings]
    findings += _proxy_findings(whole, wanted, file)
    alive = [waiver for waiver in waived if waiver.expires >= today]
    by_finding = {id(one): _waiver_of(one, alive) for one in findings}
    rules, notes = list(whole.rules), list(whole.notes)
    for finding in findings:
        waiver = by_finding[id(finding)]
        if waiver is not None:
            notes.append(
                f"{finding.id} is waived until {waiver.expires.isoformat()} by {waiver.owner}: {waiver.reason}"
            )
    unused = [one for one in alive if one not in by_finding.values()]
    notes += [f"the waiver of {one.finding} (owner {one.owner}) waives nothing any more; remove it" for one in unused]
    ours = list(_expired(waived, today, file))
    rules = [_rule(rule, findings, by_finding) for rule in rules] + list(_own_rules(wanted, waived, findings, ours))
    findings = [_lowered(one, by_finding[id(one)], wanted) for one in findings] + ours
    endpoints = tuple(_endpoint(one, findings, whole.findings) for one in whole.endpoints)
    return msgspec.structs.replace(
        whole,
        verdict=_verdict(parts, findings, endpoints),
        findings=tuple(findings),
        rules=tuple(rules),
        endpoints=endpoints,
        notes=tuple(dict.fromkeys(notes)),
    )


def _joined(parts: Sequence[Report]) -> Report:
    """Everything in one; times and the network's facts come from the check where there is one."""
    first = next((part for part in parts if part.regions), parts[0])
    return msgspec.structs.replace(
        first,
        started_at=min(part.started_at for part in parts),
        duration_seconds=round(sum(part.duration_seconds for part in parts), 3),
        findings=tuple(finding for part in parts for finding in part.findings),
        rules=tuple(rule for part in parts for rule in part.rules),
        notes=tuple(note for part in parts for note in part.notes),
    )


def _waiver_of(finding: Finding, alive: Sequence[Waiver]) -> Waiver | None:
    if finding.severity is Severity.INFO:
        return None
    return next((waiver for waiver in alive if waiver.covers(finding)), None)


def _lowered(finding: Finding, waiver: Waiver | None, wanted: Expectations) -> Finding:
    """Waived: an error warns, a warning is told; where warnings fail, both are told, or no waiver would help there."""
    if waiver is None:
        return finding
    warns = finding.severity is Severity.ERROR and wanted.fail_on == "error"
    return msgspec.structs.replace(
        finding,
        severity=Severity.WARNING if warns else Severity.INFO,
        waiver=Acceptance(owner=waiver.owner, expires=waiver.expires.isoformat(), reason=waiver.reason),
    )


def _rule(rule: RuleOutcome, findings: Sequence[Finding], by_finding: Mapping[int, Waiver | None]) -> RuleOutcome:
    """A waived failure warns; it does not pass."""
    if rule.outcome is not Outcome.FAIL:
        return rule
    own = [one for one in findings if one.id == rule.id and one.places == rule.places]
    waiver = by_finding[id(own[0])] if own else None
    if waiver is None:
        return rule
    title = f"{rule.title} (waived until {waiver.expires.isoformat()} by {waiver.owner})"
    return msgspec.structs.replace(rule, outcome=Outcome.WARN, title=title)


def _endpoint(endpoint: EndpointOutcome, findings: Sequence[Finding], before: Sequence[Finding]) -> EndpointOutcome:
    """An endpoint that failed for waived or tolerated reasons alone warns."""
    if endpoint.outcome is not Outcome.FAIL:
        return endpoint
    touching = [index for index, one in enumerate(before) if endpoint.touched_by(one)]
    if touching and all(findings[index].severity is not Severity.ERROR for index in touching):
        return msgspec.structs.replace(endpoint, outcome=Outcome.WARN)
    return endpoint


def _tolerated(finding: Finding, whole: Report, wanted: Expectations) -> Finding:
    """Interception by the CA that was named is expected where the vantage trusts it; any other stays what it is."""
    if finding.id != "tls_intercepted_trusted" or not wanted.intercepted_by:
        return finding
    chains = [
        one.detail.chain
        for one in whole.observations
        if one.id in finding.evidence and isinstance(one.detail, TlsDetail) and one.detail.chain
    ]
    named = {name.strip().lower() for name in wanted.intercepted_by}
    if chains and all(named & _names(chain) for chain in chains):
        return msgspec.structs.replace(finding, severity=Severity.INFO)
    return finding


def _names(chain: Sequence[Any]) -> set[str]:
    """Who signed: issuers by name, and every certificate above the leaf by name and fingerprint."""
    above = chain[1:] or chain
    names = {one.issuer for one in chain} | {one.subject for one in above} | {one.sha256 for one in above}
    return {name.lower() for name in names}


def _proxy_findings(whole: Report, wanted: Expectations, file: str) -> Iterator[Finding]:
    if wanted.proxy is None or not whole.context.vantages:
        return
    # Without credentials on both sides: a report keeps none, and none may come out of the configuration into one.
    expected = None if wanted.proxy == "none" else proxyurl.safe(wanted.proxy)
    for vantage in whole.context.vantages:
        actual = None if vantage.proxy is None else proxyurl.safe(vantage.proxy)
        if actual != expected:
            yield _finding(
                "gate_proxy_unexpected",
                f"{vantage.name} uses {actual or 'no proxy'}, and {expected or 'none'} is expected",
                "correct the proxy setting of that program, or the expectation in [gate]",
                Place(file=file, text=f"proxy = {expected or 'none'}"),
            )


def _expired(waived: Sequence[Waiver], today: datetime.date, file: str) -> Iterator[Finding]:
    for waiver in waived:
        if waiver.expires < today:
            yield _finding(
                "gate_waiver_expired",
                f"the waiver of {waiver.finding} expired on {waiver.expires.isoformat()}: {waiver.reason}",
                f"{waiver.owner} mends what it waives and removes it, or sets a new day with a new reason",
                Place(file=file, text=f"finding = {waiver.finding}"),
            )


def _finding(id_: str, title: str, remedy: str, place: Place) -> Finding:
    return Finding(
        id=id_,
        severity=Severity.ERROR,
        certainty=Certainty.PROVEN,
        region=None,
        hosts=(),
        title=printable(title, 400),
        evidence=(),
        remedy=printable(remedy, 400),
        owner=Owner.HOST,
        docs=manual.finding(id_),
        places=(place,),
    )


def _own_rules(
    wanted: Expectations, waived: Sequence[Waiver], findings: Sequence[Finding], expired: Sequence[Finding]
) -> Iterator[RuleOutcome]:
    """The gate's own checks, shown also where they passed."""
    if waived:
        yield _own(expired, "gate_waiver_expired", "no waiver has expired")
    if wanted.proxy is not None and wanted.regions:
        strange = [one for one in findings if one.id == "gate_proxy_unexpected"]
        yield _own(strange, "gate_proxy_unexpected", "every vantage uses the expected proxy")


def _own(found: Sequence[Finding], id_: str, good: str) -> RuleOutcome:
    if not found:
        return RuleOutcome(id=id_, outcome=Outcome.PASS, title=good, subject=_SUBJECT)
    title = "; ".join(one.title for one in found)
    places = tuple(place for one in found for place in one.places)
    return RuleOutcome(id=id_, outcome=Outcome.FAIL, title=title, subject=_SUBJECT, places=places)


def _verdict(parts: Sequence[Report], findings: Sequence[Finding], endpoints: Sequence[EndpointOutcome]) -> Verdict:
    some_part = any(part.verdict is Verdict.INCONCLUSIVE for part in parts)
    some_endpoint = any(one.required and one.outcome is Outcome.NOT_RUN for one in endpoints)
    return Verdict.of(findings, is_open=some_part or some_endpoint)
