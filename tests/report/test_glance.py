"""What is seen first: the last lines of text, the one line, and a plugin's output as Monitoring::Plugin reads it."""

from __future__ import annotations

import re
import subprocess
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe.diagnosis.model import EndpointOutcome
from netprobe.findings import Acceptance, Outcome, Owner, Severity, Verdict
from netprobe.observations import Certificate, Context, DnsDetail, Failure, Observation, Step, TlsDetail, VantageRecord
from netprobe.report import glance, render
from netprobe.report.formats import nagios
from netprobe.report.model import Report
from tests.support import need, reports
from tests.support.lab_runs import lab_report
from tests.support.screen import columns
from tests.support.some import some

WAIVER = Acceptance(owner="platform@corp.example", expires="2027-01-31", reason="hardened in the next release")


def shown(report: Report, format: str = "text", **how: object) -> str:
    made = render(report, format, **how)  # type: ignore[arg-type]
    assert isinstance(made, str)
    return made


def seen(id: str, detail: DnsDetail | TlsDetail) -> Observation:
    return Observation(
        id=id,
        vantage="host",
        region=reports.REGION,
        endpoint="ecs",
        host="ecs.us-east-2.amazonaws.com",
        port=443,
        address=None,
        step=Step.DNS if isinstance(detail, DnsDetail) else Step.TLS,
        started_seconds=0.0,
        duration_seconds=0.2,
        failure=Failure.DNS_REFUSED,
        detail=detail,
    )


def interceptor() -> Certificate:
    day = "2026-01-01T00:00:00Z"
    return Certificate(
        subject="CN=ecs.us-east-2.amazonaws.com",
        issuer="CN=Example Corp TLS Inspection CA,O=Example Corp",
        sha256="0" * 64,
        not_before=day,
        not_after=day,
        key="RSA 2048",
    )


def endpoints(number: int, outcome: Outcome = Outcome.FAIL) -> tuple[EndpointOutcome, ...]:
    return tuple(reports.endpoint(f"e{n}", outcome, reports.host(f"e{n}", outcome)) for n in range(number))


def broken(*findings: object, **changes: object) -> Report:
    return reports.report(findings=findings, rules=(), notes=(), **{"endpoints": endpoints(5), **changes})


EVERY = tuple(f"e{n}" for n in range(5))


def test_the_line_of_the_issue() -> None:
    observation = seen("o1", TlsDetail(sni=None, chain=(interceptor(),)))
    report = broken(reports.finding("tls_intercepted", endpoints=EVERY), observations=(observation,))
    assert glance.conclusion(report) == [
        'NOT READY: tls_intercepted by "Example Corp TLS Inspection CA" → network team; '
        "netprobe explain tls_intercepted"
    ]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"endpoints": EVERY}, "x → network team"),
        ({"endpoints": EVERY[:1]}, "x for e0 → network team"),
        ({"endpoints": EVERY[:3]}, "x for e0, e1, e2 → network team"),
        ({"endpoints": EVERY[:4]}, "x for 4 of 5 endpoints → network team"),
        ({"endpoints": (), "owner": Owner.HOST}, "x → whoever runs this host"),
        ({"endpoints": (), "owner": Owner.AWS}, "x → AWS; nothing to change here"),
        ({"endpoints": EVERY, "certainty": "suspected"}, "x (suspected) → network team"),
        (
            {"endpoints": EVERY, "waiver": WAIVER, "severity": Severity.WARNING},
            "x (waived until 2027-01-31 by platform@corp.example) → network team",
        ),
    ],
)
def test_a_line_says_what_whose_and_where_to_read_on(more: Mapping[str, object], told: str) -> None:
    finding = reports.finding("x", **{"severity": Severity.ERROR, **more})  # type: ignore[arg-type]
    verdict = Verdict.NOT_READY if finding.severity is Severity.ERROR else Verdict.DEGRADED
    [line] = glance.conclusion(broken(finding, verdict=verdict))
    assert line.partition(": ")[2] == f"{told}; netprobe explain x"


@pytest.mark.parametrize(
    ("name", "common"),
    [
        ("CN=Example CA,O=Example", "Example CA"),
        ("O=Example, CN = Example CA", "Example CA"),
        (r"O=x,CN=Example\, Inc. CA,C=DE", r"Example\, Inc. CA"),
        ("O=Example", "O=Example"),
        ("O=CN,OU=y", "O=CN,OU=y"),
    ],
)
def test_a_common_name_is_whole_though_a_comma_is_in_it(name: str, common: str) -> None:
    assert glance.common_name(name) == common


def test_it_says_which_dns_server_and_as_whom() -> None:
    observation = seen("o1", DnsDetail(resolver="10.0.0.53:53", rrtype="A"))
    two = Context(vantages=(VantageRecord(name="docker"), VantageRecord(name="ssm-agent")))
    finding = reports.finding("dns_refused", endpoints=EVERY, vantages=("docker",))
    [line] = glance.conclusion(broken(finding, observations=(observation,), context=two))
    assert "dns_refused at 10.0.0.53:53 as docker → network team" in line


def test_it_says_which_proxy_though_what_failed_came_after_its_connect() -> None:
    """The answer that a proxy holds back is an HTTP step, which names no proxy."""
    observation = seen("o1", TlsDetail(sni=None))
    two = Context(vantages=(VantageRecord(name="docker", proxy="http://u:pw@proxy:3128"), VantageRecord(name="host")))
    finding = reports.finding("proxy_buffers", endpoints=EVERY, vantages=("docker",))
    [line] = glance.conclusion(broken(finding, observations=(observation,), context=two))
    assert "proxy_buffers at http://" in line
    assert "@proxy:3128 as docker → network team" in line
    assert "pw" not in line


def test_it_says_whose_block_page_it_is() -> None:
    assert 'http_block_page by "Example-Web-Filter/7.1" →' in glance.conclusion(lab_report("block-page"))[0]


def test_in_several_regions_it_says_in_which() -> None:
    finding = reports.finding("x", endpoints=EVERY)
    [line] = glance.conclusion(broken(finding, regions=("us-east-2", "eu-west-1")))
    assert "x in us-east-2 → network team" in line


def test_what_could_not_be_had_is_the_verdict_where_nothing_failed() -> None:
    open_ = tuple(reports.endpoint(f"e{n}", Outcome.NOT_RUN, not_run="deadline") for n in range(2))
    found = glance.conclusion(broken(endpoints=open_, verdict=Verdict.INCONCLUSIVE))
    assert found == ["INCONCLUSIVE: 2 required answers could not be had: deadline"]


def test_a_hundred_causes_still_fit_a_screen() -> None:
    many = [reports.finding(f"{'x' * 60}_{n}", endpoints=EVERY[:3]) for n in range(100)]
    lines = shown(broken(*many), width=80).splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("NOT READY: x"))
    assert len(lines) - start <= 24
    assert lines[-1] == "and 93 more findings, told above"


def test_a_cause_of_everything_is_told_once() -> None:
    names = tuple(f"e{n}.us-east-2.amazonaws.com" for n in range(5))
    finding = reports.finding(
        "x", title="TLS is intercepted.", endpoints=EVERY, hosts=names, remedy="Exempt these 5 names.", patterns=names
    )
    text = shown(broken(finding, endpoints=endpoints(5)), width=80)
    assert "  hosts   all 5 endpoints\n" in text
    for name in names:
        assert text.count(name) == 1
        assert f"\n    {name}\n" in text  # alone on its line, to be copied
    assert "control 0 of 5: x\n" in text


@pytest.mark.parametrize(
    ("outcome", "of_host", "line"),
    [
        (Outcome.WARN, Outcome.WARN, "  warn    control 0 of 5, 5 with a warning: x\n"),
        (Outcome.WARN, Outcome.FAIL, "  warn    control 0 of 5: x\n"),
        (Outcome.FAIL, Outcome.FAIL, "  FAIL    control 0 of 5: x\n"),
    ],
)
def test_a_group_that_works_with_a_warning_is_not_told_as_one_that_fails(
    outcome: Outcome, of_host: Outcome, line: str
) -> None:
    """What is optional and fails warns as well."""
    some = tuple(reports.endpoint(f"e{n}", outcome, reports.host(f"e{n}", of_host)) for n in range(5))
    assert line in shown(broken(reports.finding("x", endpoints=EVERY), endpoints=some), width=80)


def test_names_that_two_causes_share_are_listed_once() -> None:
    """A second list of the same names pushes what is worse off the screen."""
    names = tuple(f"e{n}.us-east-2.amazonaws.com" for n in range(5))
    both = [reports.finding(id_, endpoints=EVERY, remedy="Exempt these 5 names.", patterns=names) for id_ in "xxy"]
    text = shown(broken(*both), width=80)
    assert all(text.count(f"    {name}\n") == 1 for name in names)
    assert text.count("    the same 5 names as for x, above\n") == 2
    narrow = shown(broken(*both), width=40)
    assert max(map(len, narrow.split("FINDINGS")[1].splitlines())) <= 40


def test_a_waived_finding_is_marked_where_it_stands() -> None:
    finding = reports.finding("x", Severity.WARNING, waiver=WAIVER)
    text = shown(broken(finding, verdict=Verdict.DEGRADED), width=120)
    assert "  waived  until 2027-01-31 by platform@corp.example: hardened in the next release\n" in text


def test_an_optional_failure_makes_a_group_warn_and_what_was_not_run_is_no_pass() -> None:
    some = (
        reports.endpoint("ecs", Outcome.PASS, reports.host("ecs", Outcome.PASS)),
        reports.endpoint("extra", Outcome.FAIL, reports.host("extra", Outcome.FAIL, "tcp", "refused"), required=False),
    )
    [folded] = glance.fold(some, broken(endpoints=some))
    assert (folded.outcome, folded.passed, folded.total, folded.why) == (Outcome.WARN, 1, 2, "extra: tcp refused")
    open_ = (*some[:1], reports.endpoint("logs", Outcome.NOT_RUN, not_run="deadline"))
    [folded] = glance.fold(open_, broken(endpoints=open_))
    assert (folded.outcome, folded.why) == (Outcome.NOT_RUN, "logs: not run (deadline)")


def test_times_are_medians_of_what_passed_and_the_slowest_of_all() -> None:
    measured = glance.times(reports.report())
    assert measured.slowest is not None
    assert glance.in_words(measured) == "p50 of TCP 0.5 s; slowest: tcp ecs.us-east-2.amazonaws.com 0.5 s"
    assert glance.in_words(glance.times(reports.report(observations=()))) == ""


# --- one line and the plugin ---------------------------------------------------------------------------------------


def test_one_line() -> None:
    assert shown(reports.report(), "line") == (
        "NOT READY edge-fra-07: tls_intercepted at firewall for ecs → network team; netprobe explain tls_intercepted; "
        "and 1 more error, 2 more warnings\n"
    )
    assert shown(reports.ready(), "line", ascii=True) == "READY edge-fra-07: 1 endpoint: 1 pass (us-east-2)\n"


@pytest.mark.parametrize(
    ("changes", "strict", "state"),
    [
        ({"verdict": Verdict.READY}, False, "OK"),
        ({"verdict": Verdict.DEGRADED}, False, "WARNING"),
        ({"verdict": Verdict.DEGRADED}, True, "CRITICAL"),
        ({"verdict": Verdict.NOT_READY}, False, "CRITICAL"),
        ({"verdict": Verdict.INCONCLUSIVE}, False, "UNKNOWN"),
        ({"verdict": Verdict.READY, "context": Context(interrupted=True)}, True, "UNKNOWN"),
    ],
)
def test_the_states_of_a_plugin(changes: dict[str, object], strict: bool, state: str) -> None:
    report = reports.report(**changes)
    assert nagios.WORDS[nagios.state(report, strict=strict)] == state
    assert shown(report, "nagios", strict=strict).startswith(f"NETPROBE {state} - ")


@dataclass(frozen=True)
class Perfdata:
    value: float
    unit: str
    least: str
    most: str


def perfdata(output: str) -> dict[str, Perfdata]:
    """What Monitoring::Plugin's own parser reads after the bar."""
    need.engine("perl")
    code = (
        "use Monitoring::Plugin::Performance; my $line = <STDIN>; my (undef, $data) = split(/\\|/, $line, 2);"
        "for my $p (Monitoring::Plugin::Performance->parse_perfstring($data)) {"
        "print join(';', $p->label, $p->value, $p->uom // '', $p->min // '', $p->max // ''), qq(\\n); }"
    )
    done = subprocess.run(["perl", "-e", code], input=output, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    fields = [line.split(";") for line in done.stdout.splitlines()]
    return {name: Perfdata(float(value), unit, least, most) for name, value, unit, least, most in fields}


@pytest.mark.engine
def test_its_data_are_read_by_monitoring_plugin() -> None:
    found = perfdata(shown(reports.report(), "nagios"))
    assert found["time"] == Perfdata(1.75, "s", "0", "")
    assert found["pass"] == Perfdata(2, "", "0", "9")
    assert (found["fail"].value, found["not_run"].value) == (2, 3)
    assert (found["errors"].value, found["warnings"].value) == (2, 2)
    assert found["slowest_step"].unit == found["tcp_p50"].unit == "s"


@given(st.text(max_size=80))
@settings(max_examples=60, deadline=None)
def test_no_foreign_text_begins_the_data_or_a_line_or_leaves_ascii(foreign: str) -> None:
    text = shown(reports.hostile(f"x{foreign}|"), "nagios")
    assert text.isascii()
    head, *more = text.splitlines()
    assert head.count("|") == 1
    assert len(more) == 0
    assert re.fullmatch(r"[a-z0-9_]+=[0-9.]+s?;;;0(;\d+)?( [a-z0-9_]+=[0-9.]+s?;;;0(;\d+)?)*", head.split("| ")[1])
    line = shown(reports.hostile(f"x{foreign}"), "line")
    assert line.count("\n") == 1
    assert all(unicodedata.category(c)[0] != "C" for c in line[:-1])


# --- terminals -----------------------------------------------------------------------------------------------------

LONG = "prod-us-east-2-starport-layer-bucket-" + "x" * 180 + ".s3.us-east-2.amazonaws.com"


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_the_last_lines_fit_the_terminal(width: int) -> None:
    lines = shown(reports.report(), width=width).splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("NOT READY: tls"))
    for line in some(lines[start + 1 if width == 200 else start :]):
        assert columns(line) <= width


@pytest.mark.parametrize("foreign", ["Müller CA", "検査局" * 12, "a\u0301" * 40, LONG])
def test_names_of_any_kind_wrap_at_the_columns_that_they_take(foreign: str) -> None:
    words = " ".join([foreign] * 6)
    text = shown(reports.report(findings=(reports.finding("x", title=words),)), width=80)
    for line in some(text.splitlines()):
        assert columns(line) <= 80 or len(line.split()) == 1 or "netprobe explain" in line, line


def test_a_terminal_of_ascii_gets_ascii() -> None:
    finding = reports.finding("tls_intercepted", title="intercepted by the CA “Müller” …")
    text = shown(reports.report(findings=(finding,)), ascii=True)
    assert text.isascii()
    assert 'by the CA "M\\xfcller" ...' in text
    assert "-> network team" in text
