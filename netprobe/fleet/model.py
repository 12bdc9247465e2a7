"""What a fleet is made of: hosts, causes over hosts, what sets them apart. The published JSON is made of these types.

Types only. Every text in them came from a host and is escaped by whoever shows it.
"""

from __future__ import annotations

import msgspec

from netprobe.findings import Certainty, Outcome, Owner, Severity, Verdict

SCHEMA_VERSION = "1.0"
NOWHERE = "(no site)"
"""The site of hosts whose report names none."""


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was given and could not be used.

    Attributes:
        source: the file, or the member of an archive, or the line of a stream.
        reason: why, in a clause.
        may_be_report: whether it may be a report that was damaged, cut off or could not be opened, so that the answer
            about its host is open; not so where it is whole and plainly something else.
    """

    source: str
    reason: str
    may_be_report: bool = True


class HostFinding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One finding of one host, as far as a fleet needs it.

    Attributes:
        id: the finding.
        cause: what makes it the same cause on other hosts: a CA, a proxy, a resolver, a device; nothing where there is
            none, or the report does not say.
        severity: see :class:`netprobe.findings.Severity`.
        certainty: proven for this host, or suspected.
        owner: who must act.
        endpoints: ``REGION/ID`` of the endpoints that it touches.
        from_rule: whether a rule about the host made it, not a probe.
    """

    id: str
    cause: str
    severity: Severity
    certainty: Certainty
    owner: Owner
    endpoints: tuple[str, ...]
    from_rule: bool = False

    def joined(self, other: HostFinding) -> HostFinding:
        """This and another finding of the same host with the same cause: in two regions, or in two certainties.

        It is proven only where both are: a host at which a part is suspected is not counted as proven.
        """
        suspected = Certainty.SUSPECTED in (self.certainty, other.certainty)
        return msgspec.structs.replace(
            self,
            severity=min(self.severity, other.severity, key=lambda severity: severity.rank),
            certainty=Certainty.SUSPECTED if suspected else Certainty.PROVEN,
            endpoints=tuple(sorted({*self.endpoints, *other.endpoints})),
            from_rule=self.from_rule or other.from_rule,
        )


class Member(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One host, small: what stays in memory of its report.

    Attributes:
        name: what the report calls the host; the file's stem where it names none.
        site: where it stands, or :data:`NOWHERE`.
        labels: as the operator gave them.
        machine_id: hashed, or nothing.
        source: where the report was read.
        started_at: RFC 3339, UTC.
        moment: the same as Unix time; None where a damaged report holds none.
        netprobe_version: which netprobe wrote it.
        verdict: of the report.
        outcomes: ``REGION/ID`` → what became of the endpoint there.
        findings: errors and warnings.
        traits: attribute → values, for what sets hosts apart.
        addresses: its source addresses.
        judged_rules: whether rules about the host were judged.
        scope: what it looked at: ``REGION/GROUP`` of endpoints, ``rules/SUBJECT`` of rules.
        vantages: the agents that it looked as.
        is_named: whether the report names its host, by name or machine id.
        lab: the scenario of the embedded network, where it was a trial and looked at no network of the host's.
        beside: sources of older reports that count for what newer ones did not look at.
        lapsed: what only reports looked at that are too old; parts as in ``scope``.
    """

    name: str
    site: str
    labels: dict[str, str]
    machine_id: str
    source: str
    started_at: str
    moment: float | None
    netprobe_version: str
    verdict: Verdict
    outcomes: dict[str, Outcome]
    findings: tuple[HostFinding, ...]
    traits: dict[str, tuple[str, ...]]
    addresses: tuple[str, ...] = ()
    judged_rules: bool = False
    scope: tuple[str, ...] = ()
    vantages: tuple[str, ...] = ()
    is_named: bool = True
    lab: str = ""
    beside: tuple[str, ...] = ()
    lapsed: tuple[str, ...] = ()


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """An attribute and the values of it that count: ``site`` is ``fra`` or ``muc``."""

    attribute: str
    values: tuple[str, ...]


class Clause(msgspec.Struct, frozen=True, kw_only=True):
    """Conditions that hold together, and what else says the same of exactly these hosts.

    Attributes:
        conditions: one, or two that must both hold.
        hosts: how many hosts it holds for, of those that were compared.
        failing: how many of these fail.
        same_as: other conditions that hold for exactly the same hosts, so that the data cannot tell them apart.
    """

    conditions: tuple[Condition, ...]
    hosts: int
    failing: int
    same_as: tuple[Condition, ...] = ()


class Apart(msgspec.Struct, frozen=True, kw_only=True):
    """What sets the hosts that fail apart from those that pass.

    Attributes:
        clauses: any of them holding marks a host as one that fails.
        suspected: whether purity or coverage is below 95 %. It is a measure over these hosts, and never a proof.
        purity: the share of the marked hosts that fail.
        coverage: the share of the failing hosts that are marked.
        failing: hosts that fail.
        passing: hosts that were judged for the same and pass.
        pass_anyway: marked hosts that pass: the exceptions.
        fail_anyway: failing hosts that are not marked.
        bits: how much shorter the hosts can be described with it than without; chance saves n bits in one of 2^n cases.
    """

    clauses: tuple[Clause, ...]
    suspected: bool
    purity: float
    coverage: float
    failing: int
    passing: int
    pass_anyway: tuple[str, ...]
    fail_anyway: tuple[str, ...]
    bits: float


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A group of hosts (a site, unless ``--by`` says otherwise), and how many of it a cause touches.

    Attributes:
        group: its name.
        failing: hosts that the cause touches.
        judged: hosts that were judged for the same.
    """

    group: str
    failing: int
    judged: int


class FleetCause(msgspec.Struct, frozen=True, kw_only=True):
    """One cause over hosts.

    Attributes:
        id: the finding.
        cause: the CA, proxy, resolver or device that makes it one cause, or nothing.
        severity: the gravest that any host has.
        owner: who must act.
        proven: hosts for which it is proven; for the others it is suspected.
        endpoints: ``REGION/ID`` of what it touches anywhere.
        hosts: names of the hosts, sorted.
        judged: hosts that were judged for the same.
        groups: the same by group, the most touched first.
        title: the sentence of one of the hosts.
        remedy: what to change, in that host's words.
        example: the host whose words these are.
        docs: ``netprobe explain ID``.
        apart: what sets those that fail apart; None where nothing does beyond chance.
        why_not_apart: why nothing is said, or nothing.
    """

    id: str
    cause: str
    severity: Severity
    owner: Owner
    proven: int
    endpoints: tuple[str, ...]
    hosts: tuple[str, ...]
    judged: int
    groups: tuple[Share, ...]
    title: str
    remedy: str
    example: str
    docs: str
    apart: Apart | None = None
    why_not_apart: str = ""


class HostLine(msgspec.Struct, frozen=True, kw_only=True):
    """One host of the answer.

    Attributes:
        name: see :class:`Member`; unique in a fleet (two hosts of one name bear their machine id, or a number).
        site: see :class:`Member`.
        group: what ``--by`` puts it into.
        labels: see :class:`Member`.
        machine_id: see :class:`Member`.
        source: see :class:`Member`.
        started_at: see :class:`Member`.
        too_old: whether the report is older than ``--max-age``: then the host counts as not judged.
        netprobe_version: see :class:`Member`.
        verdict: see :class:`Member`.
        causes: positions in ``causes`` of what touches it.
        outcomes: in the order of ``endpoints``; None where the report has no such endpoint.
        is_named: see :class:`Member`; what names none may be about an image or a task.
        lab: see :class:`Member`.
        beside: see :class:`Member`.
        lapsed: see :class:`Member`.
    """

    name: str
    site: str
    group: str
    labels: dict[str, str]
    machine_id: str
    source: str
    started_at: str
    too_old: bool
    netprobe_version: str
    verdict: Verdict
    causes: tuple[int, ...]
    outcomes: tuple[Outcome | None, ...]
    is_named: bool = True
    lab: str = ""
    beside: tuple[str, ...] = ()
    lapsed: tuple[str, ...] = ()


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How the hosts of a group fare at one endpoint."""

    passing: int = 0
    warning: int = 0
    failing: int = 0
    not_run: int = 0


class GroupLine(msgspec.Struct, frozen=True, kw_only=True):
    """A group of hosts: a site, unless ``--by`` says otherwise.

    Attributes:
        name: of the group.
        hosts: how many hosts it has.
        verdicts: verdict → hosts.
        endpoints: in the order of the fleet's ``endpoints``.
        causes: in the order of the fleet's ``causes``: hosts that each touches.
    """

    name: str
    hosts: int
    verdicts: dict[str, int]
    endpoints: tuple[Count, ...]
    causes: tuple[int, ...]


class Fleet(msgspec.Struct, frozen=True, kw_only=True):
    """The answer over many reports.

    Attributes:
        schema_version: of this document.
        netprobe_version: which netprobe made it.
        made_at: RFC 3339, UTC; ages count from here.
        by: what groups are made of: ``site``, ``subnet``, ``proxy`` or a label.
        verdict: not_ready where any host is not; inconclusive where one is, where one that is expected sent nothing or
            something too old, or where something could not be read that may be a report.
        reports: how many reports were read.
        superseded: reports that a newer one of the same host replaces.
        skipped: what could not be used (the first thousand).
        skipped_more: how many more could not.
        verdicts: verdict → hosts; ``too_old`` counts apart.
        endpoints: ``REGION/ID``, in the order of the columns.
        hosts: every host.
        groups: every group.
        causes: errors first, then by hosts.
        missing: expected hosts that sent nothing.
        unexpected: hosts that nobody expected.
        too_old: hosts whose report is older than ``--max-age``.
    """

    schema_version: str
    netprobe_version: str
    made_at: str
    by: str
    verdict: Verdict
    reports: int
    superseded: int
    skipped: tuple[Skipped, ...]
    skipped_more: int
    verdicts: dict[str, int]
    endpoints: tuple[str, ...]
    hosts: tuple[HostLine, ...]
    groups: tuple[GroupLine, ...]
    causes: tuple[FleetCause, ...]
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    too_old: tuple[str, ...] = ()
