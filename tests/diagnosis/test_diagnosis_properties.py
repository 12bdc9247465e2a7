"""Whatever was observed: diagnosis ends, explains each failed host, and its verdict follows from its findings."""

from __future__ import annotations

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netprobe.diagnosis import diagnose
from netprobe.diagnosis.taxonomy import TAXONOMY
from netprobe.findings import Outcome, Severity, Verdict
from netprobe.observations import (
    CatalogVersion,
    Certificate,
    Context,
    DnsDetail,
    Failure,
    HttpDetail,
    Observation,
    ProxyDetail,
    Run,
    Step,
    Subject,
    TcpDetail,
    TlsDetail,
    VantageRecord,
)
from netprobe.report.model import Report

HOSTS = ("ecs.r.example", "ecs-a-1.r.example", "ecs-a-2.r.example", "ecs-a.r.example", "1.dkr.r.example")
ADDRESSES = ("52.1.1.1", "52.1.1.2", "10.0.0.1", "0.0.0.0", "2600::1", "not an address", None)
EXPERIMENTS = (None, None, None, "other_sni", "lower_mss", "lax_chain", "with_proxy", "impossible_name", "odd")
DATES = ("2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z", "", "9999-12-31T23:59:59Z", "yesterday")

certificates = st.builds(
    Certificate,
    subject=st.sampled_from(("CN=a", "CN=b", "\x1b[31m{x}")),
    issuer=st.sampled_from(("CN=a", "CN=b", "")),
    sha256=st.just("ab" * 32),
    not_before=st.sampled_from(DATES),
    not_after=st.sampled_from(DATES),
    key=st.sampled_from(("RSA 2048", "EC secp256r1", "")),
    self_signed=st.booleans(),
)
details = st.one_of(
    st.builds(
        DnsDetail,
        resolver=st.sampled_from(("10.0.0.53:53", "10.0.0.54:53", "/etc/hosts:3", "", "/etc/hosts")),
        rrtype=st.sampled_from(("A", "AAAA", "TXT")),
        transport=st.sampled_from(("udp", "tcp", "file")),
        answers=st.lists(st.sampled_from([a for a in ADDRESSES if a]), max_size=2).map(tuple),
    ),
    st.builds(TcpDetail, port=st.just(443), icmp_type=st.sampled_from((None, 3, 1)), icmp_code=st.integers(0, 15)),
    st.builds(
        TlsDetail,
        sni=st.sampled_from((*HOSTS, None)),
        chain=st.lists(certificates, max_size=2).map(tuple),
        origin=st.sampled_from((None, True, False)),
        strict=st.sampled_from((None, True, False)),
        alert=st.sampled_from((None, 40, 70, 255)),
    ),
    st.builds(
        HttpDetail,
        method=st.just("GET"),
        path=st.just("/"),
        status=st.sampled_from((None, 200, 403, 511)),
        genuine=st.booleans(),
        date_skew_seconds=st.one_of(st.none(), st.floats(-1e12, 1e12)),
    ),
    st.builds(
        ProxyDetail,
        proxy=st.just("http://p:3128"),
        target=st.just("x:443"),
        phase=st.sampled_from(("dns", "tcp", "tls", "connect", "?")),
    ),
)


@st.composite
def runs(draw: st.DrawFn) -> Run:
    observations = []
    for number in range(draw(st.integers(0, 14))):
        observations.append(
            Observation(
                id=f"o{number}",
                vantage=draw(st.sampled_from(("host", "ecs-agent"))),
                region="r",
                endpoint=draw(st.sampled_from(("ecs", "ecs-a", "ecs-a-unnumbered", "ghost"))),
                host=draw(st.sampled_from(HOSTS)),
                port=443,
                address=draw(st.sampled_from(ADDRESSES)),
                step=draw(st.sampled_from(list(Step))),
                started_seconds=draw(st.floats(0, 1e9)),
                duration_seconds=draw(st.floats(0, 100)),
                failure=draw(st.one_of(st.none(), st.sampled_from(list(Failure)))),
                detail=draw(details),
                experiment=draw(st.sampled_from(EXPERIMENTS)),
            )
        )

    def subject(id_: str, *hosts: str, required: bool = True, **more: object) -> Subject:
        known: dict[str, object] = {"group": "control", "pattern": hosts[0], "port": 443, "used_by": (), **more}
        return Subject(id=id_, region="r", required=required, candidates=hosts, **known)  # type: ignore[arg-type]

    subjects = (
        subject("ecs", HOSTS[0], required=draw(st.booleans())),
        subject("ecs-a", HOSTS[1], HOSTS[2], numbered=True),
        subject("ecs-a-unnumbered", HOSTS[3], stands_in_for="ecs-a"),
        subject("ecr-registry", HOSTS[4], placeholder_account=True, not_run=draw(st.sampled_from(("", "deadline")))),
    )
    chosen = tuple(s for s in subjects if draw(st.booleans()))
    context = Context(
        vantages=(VantageRecord(name="host", resolvers=("10.0.0.53:53", "10.0.0.54:53")),),
        expect=draw(st.sampled_from(({}, {"control": "private"}, {"control": "public"}))),
        deadline_reached=draw(st.booleans()),
    )
    return Run(
        netprobe_version="0",
        catalog=CatalogVersion(version="1", digest="d"),
        started_at=draw(st.sampled_from((*DATES, "2026-06-01T00:00:00"))),
        duration_seconds=1.0,
        regions=("r",),
        context=context,
        subjects=chosen,
        observations=tuple(observations),
    )


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(runs())
def test_any_run_is_explained(run: Run) -> None:
    diagnosis = diagnose(run)

    errors = [f for f in diagnosis.findings if f.severity is Severity.ERROR]
    known = {o.id for o in run.observations}
    for finding in diagnosis.findings:
        assert finding.id in TAXONOMY
        assert set(finding.evidence) <= known
        assert finding.hosts == tuple(sorted(set(finding.hosts)))
        assert "\x1b" not in finding.title + finding.remedy
    for endpoint in diagnosis.endpoints:
        if endpoint.outcome is Outcome.FAIL:
            assert endpoint.required
            assert any(endpoint.id in f.endpoints for f in errors), endpoint
    failing = any(e.outcome is Outcome.FAIL for e in diagnosis.endpoints)
    open_ = any(e.required and e.outcome is Outcome.NOT_RUN for e in diagnosis.endpoints)
    assert (diagnosis.verdict is Verdict.NOT_READY) == bool(errors)
    assert not failing or diagnosis.verdict is Verdict.NOT_READY
    if open_:
        assert diagnosis.verdict in (Verdict.INCONCLUSIVE, Verdict.NOT_READY)
    if diagnosis.verdict is Verdict.READY:
        assert all(f.severity is Severity.INFO for f in diagnosis.findings)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(runs())
def test_a_saved_report_is_diagnosed_alike(run: Run) -> None:
    first = diagnose(run)
    saved = msgspec.json.encode(Report.of(run, first))

    again = diagnose(msgspec.json.decode(saved, type=Report).run())

    assert again.findings == first.findings
    assert again.verdict == first.verdict
    assert [e.outcome for e in again.endpoints] == [e.outcome for e in first.endpoints]
    assert again.capabilities == first.capabilities
