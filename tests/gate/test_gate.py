"""The gate: expectations, waivers with a date, one verdict over image, workloads and check."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import msgspec
import pytest

from netprobe import gate
from netprobe.errors import UsageError
from netprobe.findings import Certainty, Finding, Outcome, Owner, Place, RuleOutcome, Severity, Verdict
from netprobe.observations import CatalogVersion, Certificate, Context, Observation, Step, TlsDetail, VantageRecord
from netprobe.report.model import SCHEMA_VERSION, Report
from tests.support import reports
from tests.support.cli import Ended, netprobe

TODAY = datetime.date(2026, 11, 23)
TASK = {"family": "x", "networkMode": "bridge", "containerDefinitions": [{"name": "a", "image": "ghcr.io/x/y"}]}


def finding(id_: str = "selinux_enforcing", severity: Severity = Severity.ERROR, **fields: object) -> Finding:
    base: dict[str, object] = {
        "id": id_, "severity": severity, "certainty": Certainty.PROVEN, "region": None, "hosts": (), "title": "t",
        "evidence": (), "remedy": "r", "owner": Owner.HOST, "docs": "d", "places": (Place(file="/etc/x", line=1),),
    }  # fmt: skip
    return Finding(**{**base, **fields})  # type: ignore[arg-type]


def report(*findings: Finding, verdict: Verdict = Verdict.NOT_READY, context: Context | None = None) -> Report:
    rules = tuple(
        RuleOutcome(id=one.id, outcome=Outcome.FAIL, title=one.title, subject="image", places=one.places)
        for one in findings
    )
    return Report(
        schema_version=SCHEMA_VERSION, netprobe_version="0", catalog=CatalogVersion(version="1", digest="d"),
        started_at="2026-11-23T00:00:00Z", duration_seconds=1.0, regions=(), verdict=verdict, capabilities=(),
        endpoints=(), observations=(), findings=findings, rules=rules, context=context or Context(),
    )  # fmt: skip


def waiver(**fields: object) -> gate.Waiver:
    base: dict[str, object] = {"finding": "selinux_enforcing", "reason": "why", "owner": "who", "expires": TODAY}
    return gate.Waiver(**{**base, **fields})  # type: ignore[arg-type]


ASKED = gate.Expectations(image="x")


def conclude(*parts: Report, waivers: tuple[gate.Waiver, ...] = (), asked: gate.Expectations = ASKED) -> Report:
    return gate.conclude(parts, asked, waivers, today=TODAY, file="netprobe.toml")


def test_errors_decide() -> None:
    assert conclude(report(finding()), report(verdict=Verdict.READY)).verdict is Verdict.NOT_READY
    assert conclude(report(verdict=Verdict.READY)).verdict is Verdict.READY
    assert conclude(report(verdict=Verdict.INCONCLUSIVE)).verdict is Verdict.INCONCLUSIVE
    warning = finding(severity=Severity.WARNING)
    assert conclude(report(warning, verdict=Verdict.DEGRADED)).verdict is Verdict.DEGRADED


def test_waived_failure_warns_and_stays_visible() -> None:
    whole = conclude(report(finding()), waivers=(waiver(),))
    assert whole.verdict is Verdict.DEGRADED
    assert [(one.id, one.severity) for one in whole.findings] == [("selinux_enforcing", Severity.WARNING)]
    assert whole.rules[0].outcome is Outcome.WARN
    assert "waived until 2026-11-23 by who" in whole.rules[0].title
    assert any("why" in note for note in whole.notes)


def test_waiver_counts_on_its_last_day_and_fails_on_the_next() -> None:
    yesterday = TODAY - datetime.timedelta(days=1)
    whole = conclude(report(finding()), waivers=(waiver(expires=yesterday),))
    assert whole.verdict is Verdict.NOT_READY
    assert {one.id for one in whole.findings} == {"selinux_enforcing", "gate_waiver_expired"}
    assert all(one.severity is Severity.ERROR for one in whole.findings)


def test_expired_waiver_fails_even_if_nothing_is_left_to_waive() -> None:
    whole = conclude(report(verdict=Verdict.READY), waivers=(waiver(expires=datetime.date(2026, 1, 1)),))
    assert whole.verdict is Verdict.NOT_READY
    assert [one.id for one in whole.findings] == ["gate_waiver_expired"]
    assert "2026-01-01" in whole.findings[0].title


def test_waiver_that_waives_nothing_is_told() -> None:
    whole = conclude(report(verdict=Verdict.READY), waivers=(waiver(),))
    assert whole.verdict is Verdict.READY
    assert any("waives nothing any more" in note for note in whole.notes)


def test_waiver_does_not_hide_an_open_question() -> None:
    whole = conclude(report(finding()), report(verdict=Verdict.INCONCLUSIVE), waivers=(waiver(),))
    assert whole.verdict is Verdict.INCONCLUSIVE


def test_waiver_does_not_hide_that_something_required_was_not_run() -> None:
    """The part says not ready, as it does where it has an error; what is open shows once that is waived."""
    open_ = reports.endpoint("ecs", Outcome.NOT_RUN)
    part = msgspec.structs.replace(report(finding()), endpoints=(open_,))
    assert conclude(part, waivers=(waiver(),)).verdict is Verdict.INCONCLUSIVE
    optional = msgspec.structs.replace(part, endpoints=(msgspec.structs.replace(open_, required=False),))
    assert conclude(optional, waivers=(waiver(),)).verdict is Verdict.DEGRADED


def test_an_endpoint_with_one_waived_failure_of_two_still_fails() -> None:
    broken = reports.endpoint("ecs", Outcome.FAIL, reports.host("ecs", Outcome.FAIL, "tcp", "connection_refused"))
    region, hosts = broken.region, tuple(one.host for one in broken.hosts)
    part = report(*(finding(id_, region=region, hosts=hosts) for id_ in ("tcp_refused", "tls_expired")))
    part = msgspec.structs.replace(part, endpoints=(broken,))
    refused, expired = waiver(finding="tcp_refused"), waiver(finding="tls_expired")
    assert conclude(part, waivers=(refused,)).endpoints[0].outcome is Outcome.FAIL
    assert conclude(part, waivers=(refused, expired)).endpoints[0].outcome is Outcome.WARN


def test_a_rule_that_fails_in_two_places_is_waived_in_one() -> None:
    here, there = finding(places=(Place(file="/etc/a"),)), finding(places=(Place(file="/etc/b"),))
    whole = conclude(report(here, there), waivers=(waiver(file="/etc/a"),))
    rules = {one.places[0].file: one.outcome for one in whole.rules if one.places and one.id == "selinux_enforcing"}
    assert rules == {"/etc/a": Outcome.WARN, "/etc/b": Outcome.FAIL}
    assert whole.verdict is Verdict.NOT_READY


@pytest.mark.parametrize(
    ("narrow", "covered"),
    [
        ({"file": "/etc/*"}, True),
        ({"file": "/usr/*"}, False),
        ({"host": "*.amazonaws.com"}, False),
        ({"region": "us-east-2"}, False),
        ({"finding": "fips_mode"}, False),
    ],
)
def test_narrow_waiver_covers_no_more_than_it_says(narrow: dict[str, object], covered: bool) -> None:
    assert waiver(**narrow).covers(finding()) is covered


def test_waiver_of_one_host_does_not_cover_two() -> None:
    both = finding(hosts=("a.amazonaws.com", "b.example.com"))
    assert not waiver(host="*.amazonaws.com").covers(both)
    assert waiver(host="*").covers(both)


def test_waiver_helps_where_warnings_fail() -> None:
    asked = gate.Expectations(image="x", fail_on="warning")
    whole = conclude(report(finding()), waivers=(waiver(),), asked=asked)
    assert whole.verdict is Verdict.READY
    assert whole.findings[0].severity is Severity.INFO


@pytest.mark.parametrize(
    ("expected", "actual", "told"),
    [
        ("http://proxy:3128", "http://proxy:3128", False),
        ("http://proxy:3128/", "http://PROXY:3128", False),
        ("http://proxy:3128", None, True),
        ("http://proxy:3128", "http://other:3128", True),
        ("none", None, False),
        ("none", "http://proxy:3128", True),
    ],
)
def test_expected_proxy(expected: str, actual: str | None, told: bool) -> None:
    context = Context(vantages=(VantageRecord(name="docker", proxy=actual),))
    whole = conclude(report(verdict=Verdict.READY, context=context), asked=gate.Expectations(image="x", proxy=expected))
    assert [one.id for one in whole.findings] == (["gate_proxy_unexpected"] if told else [])


@pytest.mark.parametrize(
    ("expected", "actual", "told"),
    [
        ("http://user:s3cret@proxy:3128", "http://***@proxy:3128", False),
        ("http://user:s3cret@proxy:3128", None, True),
        ("http://user:s3cret@proxy:3128", "http://other:3128", True),
    ],
)
def test_the_expected_proxys_password_stays_in_the_configuration(expected: str, actual: str | None, told: bool) -> None:
    context = Context(vantages=(VantageRecord(name="docker", proxy=actual),))
    whole = conclude(report(verdict=Verdict.READY, context=context), asked=gate.Expectations(image="x", proxy=expected))
    assert [one.id for one in whole.findings] == (["gate_proxy_unexpected"] if told else [])
    assert "s3cret" not in str(whole)


def test_an_unknown_key_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"unknown field 'imgae'.*its keys are regions, .*intercepted-by, fail-on$"):
        gate.expectations({"imgae": "x"}, "netprobe.toml")


@pytest.mark.parametrize(
    "idle", [{"proxy": "none"}, {"expect": {"images": "private"}}, {"intercepted-by": ["CN=X"]}, {"groups": ["exec"]}]
)
def test_an_expectation_that_nothing_is_held_against_is_refused(idle: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=f"sets {next(iter(idle))} and checks no region"):
        gate.expectations({"image": "x", **idle}, "netprobe.toml")
    assert gate.expectations({"image": "x", "regions": ["us-east-2"], **idle}, "netprobe.toml").regions


CORP = Certificate(
    subject="CN=Corp TLS CA", issuer="CN=Corp TLS CA", sha256="ab" * 32, not_before="", not_after="", key="RSA 2048"
)
LEAF = Certificate(
    subject="CN=ecs", issuer="CN=Corp TLS CA", sha256="cd" * 32, not_before="", not_after="", key="RSA 2048"
)


def handshake(chain: tuple[Certificate, ...], id_: str = "o1") -> Observation:
    return Observation(
        id=id_, vantage="host", endpoint="ecs", region="us-east-2", host="ecs", address="192.0.2.1", port=443,
        step=Step.TLS, started_seconds=0.0, duration_seconds=0.1, failure=None,
        detail=TlsDetail(sni="ecs", chain=chain),
    )  # fmt: skip


@pytest.mark.parametrize("other", ["CN=Corp TLS CA", "CN=Somebody else"])
def test_interception_by_one_that_is_named_and_one_that_is_not_is_not_expected(other: str) -> None:
    told = finding("tls_intercepted_trusted", Severity.WARNING, evidence=("o1", "o2"), places=())
    chains = (LEAF, CORP), (msgspec.structs.replace(LEAF, issuer=other),)
    seen = tuple(handshake(chain, f"o{number}") for number, chain in enumerate(chains, start=1))
    part = msgspec.structs.replace(report(told, verdict=Verdict.DEGRADED), observations=seen)
    whole = conclude(part, asked=gate.Expectations(image="x", intercepted_by=("CN=Corp TLS CA",)))
    assert (whole.findings[0].severity is Severity.INFO) == (other == "CN=Corp TLS CA")


@pytest.mark.parametrize(
    ("named", "chain", "id_", "severity"),
    [
        ("CN=Corp TLS CA", (LEAF, CORP), "tls_intercepted_trusted", Severity.INFO),
        ("CN=Corp TLS CA", (LEAF,), "tls_intercepted_trusted", Severity.INFO),
        ("ab" * 32, (LEAF, CORP), "tls_intercepted_trusted", Severity.INFO),
        ("cd" * 32, (LEAF, CORP), "tls_intercepted_trusted", Severity.WARNING),
        ("CN=Other", (LEAF, CORP), "tls_intercepted_trusted", Severity.WARNING),
        ("CN=Corp TLS CA", (), "tls_intercepted_trusted", Severity.WARNING),
        # A vantage that does not trust the CA is broken whoever expects it.
        ("CN=Corp TLS CA", (LEAF, CORP), "tls_intercepted", Severity.WARNING),
    ],
)
def test_expected_interception(named: str, chain: tuple[Certificate, ...], id_: str, severity: Severity) -> None:
    seen = handshake(chain)
    told = finding(id_, Severity.WARNING, evidence=("o1",), places=())
    part = msgspec.structs.replace(report(told, verdict=Verdict.DEGRADED), observations=(seen,))
    whole = conclude(part, asked=gate.Expectations(image="x", intercepted_by=(named,)))
    assert whole.findings[0].severity is severity


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (None, "no table"),
        ({}, "asks for nothing"),
        ({"image": "x", "imagee": "y"}, "imagee"),
        ({"regions": "us-east-2"}, "Expected 'array'"),
        ({"image": "x", "fail-on": "never"}, "fail-on"),
        ({"image": "x", "expect": {"images": "secret"}}, "expect"),
        ({"image": 1}, "image"),
    ],
)
def test_mistakes_in_the_table(table: object, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        gate.expectations(table, "netprobe.toml")


def test_underscores_are_hyphens() -> None:
    for key in ("fail-on", "fail_on"):
        assert gate.expectations({"image": "x", key: "warning"}, "f").fail_on == "warning"


@pytest.mark.parametrize("missing", ["finding", "reason", "owner", "expires"])
def test_waiver_needs_all_four(missing: str) -> None:
    whole = {"finding": "a", "reason": "b", "owner": "c", "expires": TODAY}
    assert gate.waivers([whole], "f")
    with pytest.raises(UsageError, match=missing):
        gate.waivers([{key: value for key, value in whole.items() if key != missing}], "f")
    if missing != "expires":
        with pytest.raises(UsageError, match=f"empty {missing}"):
            gate.waivers([{**whole, missing: "  "}], "f")


def test_the_same_finding_may_be_waived_for_two_regions() -> None:
    table = {"finding": "x", "reason": "r", "owner": "o", "expires": TODAY}
    both = [{**table, "region": "us-east-2"}, {**table, "region": "us-east-1"}]
    assert len(gate.waivers(both, "f", {"x"})) == 2
    with pytest.raises(UsageError, match="number 3 waives the same as number 1"):
        gate.waivers([*both, {**both[0], "expires": datetime.date(2030, 1, 1)}], "f", {"x"})


# --- the command ------------------------------------------------------------------------------------------------------


def run(folder: Path, toml: str, *arguments: str) -> Ended:
    (folder / "netprobe.toml").write_text(toml)
    (folder / "task.json").write_text(json.dumps(TASK))
    (folder / "bad.json").write_text(json.dumps({**TASK, "networkMode": "awsvpc"}))
    return netprobe("gate", *arguments, cwd=folder)


def test_check_and_workload_in_one_verdict(tmp_path: Path) -> None:
    toml = '[gate]\nregions = ["us-east-2"]\nworkloads = ["task.json"]\n'
    ended = run(tmp_path, toml, "--lab", "healthy", "--format", "json", "--report", "tap=o.tap")
    assert ended.code == 0, ended.err + ended.out
    whole = json.loads(ended.out)
    assert whole["verdict"] in ("ready", "degraded")
    assert {one["pattern"] for one in whole["endpoints"]} >= {"ecs.us-east-2.amazonaws.com", "ghcr.io"}
    assert {one["id"] for one in whole["rules"]} >= {"network_mode_unsupported"}
    assert (tmp_path / "o.tap").read_text().startswith("TAP version")


def test_fault_on_the_network_fails_and_can_be_waived(tmp_path: Path) -> None:
    toml = '[gate]\nregions = ["us-east-2"]\n'
    ended = run(tmp_path, toml, "--lab", "refused", "--format", "json")
    assert ended.code == 1, ended.err
    errors = {one["id"] for one in json.loads(ended.out)["findings"] if one["severity"] == "error"}
    assert errors
    for id_ in sorted(errors):
        toml += f'[[waiver]]\nfinding = "{id_}"\nreason = "r"\nowner = "o"\nexpires = 2026-12-31\n'
    waived = run(tmp_path, toml, "--lab", "refused", "--format", "json", "--today", "2026-12-31")
    assert waived.code == 0, waived.out
    assert not [one for one in json.loads(waived.out)["endpoints"] if one["outcome"] == "fail"]
    late = run(tmp_path, toml, "--lab", "refused", "--today", "2027-01-01")
    assert late.code == 1
    assert "expired on 2026-12-31" in " ".join(late.out.split())


def test_image_and_workload_without_network(tmp_path: Path) -> None:
    (tmp_path / "root/etc").mkdir(parents=True)
    (tmp_path / "root/etc/selinux").mkdir()
    (tmp_path / "root/etc/selinux/config").write_text("SELINUX=enforcing\n")
    toml = '[gate]\nimage = "root"\nworkloads = ["bad.json"]\n'
    ended = run(tmp_path, toml, "--format", "sarif")
    assert ended.code == 1
    results = json.loads(ended.out)["runs"][0]["results"]
    assert {"selinux_enforcing", "network_mode_unsupported"} <= {one["ruleId"] for one in results}


GATE = '[gate]\nworkloads = ["task.json"]\n'
WAIVER = '[[waiver]]\nfinding = "{id}"\nreason = "r"\nowner = "o"\nexpires = {day}\n'


@pytest.mark.parametrize(
    ("toml", "arguments", "told"),
    [
        ("[gate]\n", (), "asks for nothing"),
        ("", (), "no table [gate]"),
        ('[gate]\nworkloads = ["absent.json"]\n', (), "no such file"),
        ('[gate]\nregions = ["cn-north-1"]\n', (), "cn-north-1"),
        ('[gate]\nworkloads = ["task.json"]\n', ("--today", "soon"), "not a day"),
        ('[gate]\nworkloads = ["task.json"]\n', ("--report", "junit"), "FORMAT=FILE"),
        ('[gate]\nimage = "absent.tar"\n', (), "absent.tar: No such file or directory; give an unpacked root"),
        ('[gate]\nimage = "task.json"\n', (), "task.json: is no tar archive"),
        (GATE + WAIVER.format(id="selinux_enforcin", day="2026-12-31"), (), "did you mean selinux_enforcing?"),
        (GATE + WAIVER.format(id="zzz", day="2026-12-31"), (), "no finding zzz; 'netprobe explain --list'"),
        (GATE + WAIVER.format(id="fips_mode", day='"soon"'), (), "not a day like 2027-01-31"),
        (GATE + WAIVER.format(id="fips_mode", day="2026-02-30"), (), "netprobe.toml"),
        (GATE + WAIVER.format(id="fips_mode", day="2026-12-31") * 2, (), "number 2 waives the same as number 1"),
    ],
)
def test_mistakes_end_with_one_line(tmp_path: Path, toml: str, arguments: tuple[str, ...], told: str) -> None:
    ended = run(tmp_path, toml, *arguments)
    assert ended.code == 2, ended.out + ended.err
    assert told in ended.err
    assert len(ended.err.strip().splitlines()) == 1


def test_without_a_file(tmp_path: Path) -> None:
    ended = netprobe("gate", cwd=tmp_path)
    assert ended.code == 2
    assert "netprobe.toml" in ended.err
