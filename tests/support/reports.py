"""Reports to show: one with everything in it, and one whose every text somebody hostile chose."""

from __future__ import annotations

from netprobe import manual
from netprobe.diagnosis.model import CapabilityOutcome, EndpointOutcome, HostOutcome
from netprobe.findings import Certainty, Finding, HopAt, Location, Outcome, Owner, Place, RuleOutcome, Severity, Verdict
from netprobe.naming import HostIdentity
from netprobe.observations import CatalogVersion, Context, DnsDetail, Failure, Observation, Step, TcpDetail, TlsDetail
from netprobe.report.model import SCHEMA_VERSION, Report

REGION = "us-east-2"
IDENTITY = HostIdentity(
    name="edge-fra-07",
    site="fra",
    labels={"rack": "7"},
    machine_id="a" * 32,
    addresses=("192.0.2.9",),
    os="Debian GNU/Linux 12 (bookworm)",
    kernel="6.1.0",
    agents={"ecs-agent": "1.86.0"},
    docker="24.0.7",
    user="netprobe",
)


def endpoint(
    id: str, outcome: Outcome, *hosts: HostOutcome, required: bool = True, not_run: str = ""
) -> EndpointOutcome:
    return EndpointOutcome(
        id=id,
        region=REGION,
        group="control",
        pattern=f"{id}.{REGION}.amazonaws.com",
        port=443,
        required=required,
        used_by=("ecs-agent",),
        outcome=outcome,
        hosts=hosts,
        not_run=not_run,
    )


def host(name: str, outcome: Outcome, step: str | None = None, failure: str | None = None) -> HostOutcome:
    return HostOutcome(host=f"{name}.{REGION}.amazonaws.com", outcome=outcome, failed_step=step, failure=failure)


def finding(id: str, severity: Severity = Severity.ERROR, title: str = "", **more: object) -> Finding:
    values: dict[str, object] = {
        "id": id,
        "severity": severity,
        "certainty": Certainty.PROVEN,
        "region": REGION,
        "hosts": (f"ecs.{REGION}.amazonaws.com",),
        "title": title or f"Something about {id}.",
        "evidence": ("o1",),
        "remedy": "Allow TCP 443.",
        "owner": Owner.NETWORK,
        "docs": manual.finding(id),
        "endpoints": ("ecs",),
        **more,
    }
    return Finding(**values)  # type: ignore[arg-type]


def located(id: str) -> Report:
    """A report with one finding whose place on the way was looked for: hop 2 answers last, hop 3 does not any more."""
    two, three = HopAt(hop=2, address="198.18.1.2"), HopAt(hop=3, address="198.18.2.2")
    at = Location(hop=2, address=two.address, device="firewall", answered=two, suspects=(two, three))
    return report(findings=(finding(id, location=at),))


def report(**changes: object) -> Report:
    """A host that is not ready: one endpoint down, one with a warning, one not run, one rule of each outcome."""
    values: dict[str, object] = {
        "schema_version": SCHEMA_VERSION,
        "netprobe_version": "0.1.0",
        "catalog": CatalogVersion(version="2026.11.23", digest="0" * 64, age_days=5),
        "host": IDENTITY,
        "started_at": "2026-11-23T10:00:00.000Z",
        "duration_seconds": 1.75,
        "regions": (REGION,),
        "verdict": Verdict.NOT_READY,
        "capabilities": (
            CapabilityOutcome(id="register", region=REGION, outcome=Outcome.FAIL, blocked_by=("tls_intercepted",)),
            CapabilityOutcome(id="pull-images", region=REGION, outcome=Outcome.PASS, blocked_by=()),
        ),
        "endpoints": (
            endpoint("ecs", Outcome.FAIL, host("ecs", Outcome.FAIL, "tls", "ssl_unknown_authority")),
            endpoint("ssm", Outcome.PASS, host("ssm", Outcome.PASS)),
            endpoint("logs", Outcome.WARN, host("logs", Outcome.WARN, "tcp", "generic_timeout_error")),
            endpoint("ecr-registry", Outcome.NOT_RUN, not_run="needs --account"),
            endpoint("monitoring", Outcome.NOT_RUN, required=False, not_run="deadline"),
        ),
        "observations": (
            Observation(
                id="o1",
                vantage="host",
                region=REGION,
                endpoint="ecs",
                host=f"ecs.{REGION}.amazonaws.com",
                port=443,
                address=None,
                step=Step.DNS,
                started_seconds=0.0,
                duration_seconds=0.25,
                failure=None,
                detail=DnsDetail(resolver="192.0.2.1:53", rrtype="A", answers=("192.0.2.7",)),
            ),
            Observation(
                id="o2",
                vantage="host",
                region=REGION,
                endpoint="ecs",
                host=f"ecs.{REGION}.amazonaws.com",
                port=443,
                address="192.0.2.7",
                step=Step.TCP,
                started_seconds=0.25,
                duration_seconds=0.5,
                failure=None,
                detail=TcpDetail(port=443),
            ),
            Observation(
                id="o3",
                vantage="host",
                region=REGION,
                endpoint="ecs",
                host=f"ecs.{REGION}.amazonaws.com",
                port=443,
                address="192.0.2.7",
                step=Step.TLS,
                started_seconds=0.75,
                duration_seconds=0.25,
                failure=Failure.SSL_UNKNOWN_AUTHORITY,
                detail=TlsDetail(sni=f"ecs.{REGION}.amazonaws.com"),
            ),
            Observation(
                id="o4",
                vantage="host",
                region=REGION,
                endpoint="ecs",
                host=f"ecs.{REGION}.amazonaws.com",
                port=443,
                address="192.0.2.7",
                step=Step.TLS,
                started_seconds=1.0,
                duration_seconds=0.5,
                failure=None,
                experiment="no_sni",
                detail=TlsDetail(sni=None, verify="none"),
            ),
        ),
        "findings": (
            finding(
                "stale_ip_allowlist",
                Severity.WARNING,
                "One of two addresses of logs does not answer.",
                certainty=Certainty.SUSPECTED,
                hosts=(f"logs.{REGION}.amazonaws.com",),
                endpoints=("logs",),
            ),
            finding(
                "tls_intercepted",
                title="TLS to ecs is intercepted by Example CA.",
                location=Location(hop=2, address="10.1.0.9", device="firewall"),
            ),
            finding(
                "clock_skew",
                Severity.WARNING,
                "The clock is 90 s behind.",
                region=None,
                hosts=(),
                endpoints=(),
                owner=Owner.HOST,
            ),
            finding(
                "docker_missing",
                title="Docker is not installed.",
                region=None,
                hosts=(),
                endpoints=(),
                owner=Owner.HOST,
                places=(Place(file="/etc/os-release", line=3, text="ID=rhel"),),
            ),
        ),
        "rules": (
            RuleOutcome(
                id="docker_missing",
                outcome=Outcome.FAIL,
                title="Docker is not installed.",
                subject="image.tar",
                places=(Place(file="/etc/os-release", line=3, text="ID=rhel"),),
            ),
            RuleOutcome(
                id="os_unsupported", outcome=Outcome.PASS, title="Debian 12 is supported.", subject="image.tar"
            ),
            RuleOutcome(
                id="selinux_enforcing",
                outcome=Outcome.NOT_RUN,
                title="",
                subject="image.tar",
                not_run="/etc/selinux/config cannot be read",
                hindered=True,
            ),
            RuleOutcome(
                id="imds_reachable", outcome=Outcome.NOT_APPLICABLE, title="Not on an image.", subject="image.tar"
            ),
        ),
        "notes": ("us-gov-west-1: no AWS page confirms that ECS Anywhere is offered there",),
        "context": Context(lab=None),
        **changes,
    }
    return Report(**values)  # type: ignore[arg-type]


def ready() -> Report:
    """A host without a fault."""
    return report(
        verdict=Verdict.READY,
        capabilities=(CapabilityOutcome(id="register", region=REGION, outcome=Outcome.PASS, blocked_by=()),),
        endpoints=(endpoint("ecs", Outcome.PASS, host("ecs", Outcome.PASS)),),
        observations=(),
        findings=(),
        rules=(),
        notes=(),
    )


def hostile(text: str) -> Report:
    """A report in which every text that came from outside is ``text``."""
    bad = HostOutcome(host=text, outcome=Outcome.FAIL, failed_step=text, failure=text)
    return report(
        regions=(text,),
        capabilities=(CapabilityOutcome(id=text, region=text, outcome=Outcome.FAIL, blocked_by=(text,)),),
        endpoints=(
            EndpointOutcome(
                id=text,
                region=text,
                group=text,
                pattern=text,
                port=443,
                required=True,
                used_by=(text,),
                outcome=Outcome.FAIL,
                hosts=(bad,),
                not_run=text,
            ),
        ),
        observations=(),
        findings=(
            finding(
                text,
                title=text,
                region=text,
                hosts=(text,),
                remedy=text,
                docs=text,
                endpoints=(text,),
                vantages=(text,),
                places=(Place(file=text, line=1, text=text),),
                location=Location(address=text, device=text),
                patterns=(text, text),
            ),
        ),
        rules=(
            RuleOutcome(
                id=text, outcome=Outcome.FAIL, title=text, subject=text, places=(Place(file=text, line=1, text=text),)
            ),
        ),
        notes=(text,),
        host=HostIdentity(
            name=text,
            site=text,
            labels={text: text},
            machine_id=text,
            addresses=(text,),
            os=text,
            kernel=text,
            agents={text: text},
            docker=text,
            user=text,
        ),
    )
