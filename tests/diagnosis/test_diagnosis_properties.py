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
    Lint,
    Observation,
    ProxyDetail,
    Run,
    Stall,
    Step,
    Subject,
    TcpDetail,
    TlsDetail,
    VantageRecord,
)
from netprobe.report.model import Report

HOSTS = ("ecs.r.example", "ecs-a-1.r.example", "ecs-a-2.r.example", "ecs-a.r.example", "1.dkr.r.example")
ADDRESSES = ("52.1.1.1", "52.1.1.2", "10.0.0.1", "0.0.0.0", "2600::1", "not an address", None)
EXPERIMENTS = (
    None,
    None,
    None,
    "repeat",
    "repeat",
    "working_address",
    "other_sni",
    "fresh_sni",
    "lower_mss",
    "lax_chain",
    "with_proxy",
    "impossible_name",
    "odd",
    "local_name",
    "completed_chain",
)
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
        incomplete=st.booleans(),
        former_root=st.sampled_from(("", "CN=Baltimore CyberTrust Root")),
        alert=st.sampled_from((None, 40, 70, 255)),
        unacknowledged_bytes=st.sampled_from((None, 0, 517)),
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


def some(hosts: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(hosts), unique=True).map(tuple)


observations = {
    "vantage": st.sampled_from(("host", "ecs-agent")),
    "region": st.just("r"),
    "endpoint": st.sampled_from(("ecs", "ecs-a", "ecs-a-unnumbered", "ghost")),
    "host": st.sampled_from(HOSTS),
    "port": st.just(443),
    "address": st.sampled_from(ADDRESSES),
    "step": st.sampled_from(list(Step)),
    "started_seconds": st.floats(0, 1e9),
    "duration_seconds": st.floats(0, 100),
    "failure": st.one_of(st.none(), st.sampled_from(list(Failure))),
    "detail": details,
    "experiment": st.sampled_from(EXPERIMENTS),
    "attempt": st.integers(0, 3),
    "limit_seconds": st.sampled_from((None, 2.0, 10.0)),
    "shared_with": st.sampled_from(((), ("docker",))),
}
lints = st.builds(
    Lint,
    id=st.sampled_from(("proxy_only_http_set", "no_proxy_not_understood", "proxy_needs_restart", "odd")),
    value=st.sampled_from(("HTTPS_PROXY", "10.0.0.0/8", "\x1b[31m{x}")),
    file=st.sampled_from(("", "/etc/ecs/ecs.config")),
    line=st.sampled_from((None, 3)),
    other=st.sampled_from(("", "no_proxy")),
)
vantages = {
    "name": st.just("host"),
    "resolvers": st.just(("10.0.0.53:53", "10.0.0.54:53")),
    "proxy": st.sampled_from((None, "http://p:3128")),
    "no_proxy": st.sampled_from(((), ("169.254.170.2",))),
    "exempt": st.sampled_from(({}, {HOSTS[0]: "r.example"})),
    "store": st.sampled_from(("system", "/etc/corp.pem")),
    "families": st.sampled_from(((4, 6), (4,), (6,))),
    "sources": st.sampled_from(({}, {"proxy": "/etc/ecs/ecs.config:3"})),
    "lints": st.lists(lints, max_size=2).map(tuple),
    "answers_for": st.sampled_from((None, ("ecs-agent",), ())),
    "looked": st.booleans(),
}
contexts = {
    "vantages": st.tuples(st.builds(VantageRecord, **vantages)),
    "lab": st.sampled_from((None, "healthy")),
    "origin_ca": st.booleans(),
    "expect": st.sampled_from(({}, {"control": "private"}, {"control": "public"})),
    "families": st.sampled_from(((4, 6), (4,), (6,))),
    "timeout_seconds": st.floats(0, 100),
    "limits": st.sampled_from(({}, {"tcp": 2.05})),
    "patience_seconds": st.sampled_from((0.0, 10.0)),
    "deadline_seconds": st.floats(0, 1000),
    "deadline_reached": st.booleans(),
    "interrupted": st.booleans(),
    "repeated": st.booleans(),
    "stalls": st.lists(
        st.builds(Stall, started_seconds=st.floats(0, 30), duration_seconds=st.floats(0, 5)), max_size=2
    ).map(tuple),
    "own_hosts": some(HOSTS[1:3]),
    "idle_seconds": st.one_of(st.none(), st.floats(0, 1000)),
}


def fields(id_: str, *hosts: str, **known: object) -> dict[str, st.SearchStrategy[object]]:
    """Every field of a subject: what its kind of endpoint fixes, and anything for the rest."""
    drawn: dict[str, st.SearchStrategy[object]] = {
        "id": st.just(id_),
        "region": st.just("r"),
        "group": st.just("control"),
        "pattern": st.just(hosts[0]),
        "port": st.just(443),
        "required": st.booleans(),
        "used_by": st.sampled_from(((), ("ecs-agent",))),
        "purpose": st.sampled_from(("", "to be told of tasks")),
        "numbered": st.just(False),
        "stands_in_for": st.none(),
        "placeholder_account": st.just(False),
        "candidates": st.just(hosts),
        "absent": st.just(()),
        "unfinished": some(hosts),
        "unused": st.sampled_from(("", "", "used by docker, and this looked as ecs-agent")),
        "not_run": st.sampled_from(("", "", "deadline")),
        "entry": st.just(id_),
        "upgrade": st.booleans(),
    }
    return drawn | {
        name: value if isinstance(value, st.SearchStrategy) else st.just(value) for name, value in known.items()
    }


SUBJECTS = (
    fields("ecs", HOSTS[0]),
    fields("ecs-a", HOSTS[1], HOSTS[2], numbered=True, absent=some(HOSTS[1:3])),
    fields("ecs-a-unnumbered", HOSTS[3], stands_in_for="ecs-a", required=True),
    fields("ecr-registry", HOSTS[4], placeholder_account=True),
)


# Each is built once: to build one reads the type's hints, which costs more than all that is drawn from it.
_OBSERVATION = st.builds(Observation, id=st.just("o"), **observations)
_CONTEXT = st.builds(Context, **contexts)
_SUBJECTS = tuple(st.builds(Subject, **subject) for subject in SUBJECTS)


@st.composite
def runs(draw: st.DrawFn) -> Run:
    seen = [draw(_OBSERVATION) for _ in range(draw(st.integers(0, 14)))]
    chosen = [subject for subject in _SUBJECTS if draw(st.booleans())]
    return Run(
        netprobe_version="0",
        catalog=CatalogVersion(version="1", digest="d"),
        started_at=draw(st.sampled_from((*DATES, "2026-06-01T00:00:00"))),
        duration_seconds=draw(st.floats(0, 100)),
        regions=("r",),
        context=draw(_CONTEXT),
        subjects=tuple(draw(subject) for subject in chosen),
        observations=tuple(msgspec.structs.replace(o, id=f"o{number}") for number, o in enumerate(seen)),
        notes=draw(st.sampled_from(((), ("a note",)))),
    )


def test_every_field_is_drawn() -> None:
    """A field that is not drawn is a field that a saved report may lose."""
    assert {"id", *observations} == set(Observation.__struct_fields__)
    assert set(vantages) == set(VantageRecord.__struct_fields__)
    assert set(contexts) == set(Context.__struct_fields__)
    for subject in SUBJECTS:
        assert set(subject) == set(Subject.__struct_fields__)


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


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(runs())
def test_a_report_gives_back_the_run_that_it_was_made_of(run: Run) -> None:
    again = Report.of(run, diagnose(run)).run()

    for before, after in zip(run.subjects, again.subjects, strict=True):
        # Where the run itself gave no reason, diagnosis puts its own beside what could not be judged.
        assert before.not_run in ("", after.not_run)
        assert msgspec.structs.replace(after, not_run=before.not_run) == before
    assert msgspec.structs.replace(again, subjects=run.subjects) == run
