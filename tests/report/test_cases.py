from __future__ import annotations

import msgspec
import pytest

from netprobe.diagnosis.model import HostOutcome
from netprobe.findings import Outcome, Place, Severity
from netprobe.observations import Failure, Step
from netprobe.report.cases import cases
from netprobe.report.places import fingerprint, places_in, uri
from netprobe.report.words import counted, hosts_told, ordered, summary
from tests.support import reports


def test_every_endpoint_rule_and_lonely_finding_is_a_case_once() -> None:
    found = {case.name.split()[0]: case for case in cases(reports.report())}
    assert list(found) == [
        *("ecs", "ssm", "logs", "ecr-registry", "monitoring"),
        *("docker_missing", "os_unsupported", "selinux_enforcing", "imds_reachable"),
        "clock_skew",
    ]
    assert [one.id for one in found["ecs"].findings] == ["tls_intercepted"]
    assert found["ecs"].reason == "ecs.us-east-2.amazonaws.com: tls ssl_unknown_authority"
    assert found["ssm"].reason == ""
    assert found["ecr-registry"].reason == "needs --account"
    assert found["selinux_enforcing"].reason == "/etc/selinux/config cannot be read"
    assert found["clock_skew"].outcome is Outcome.WARN


def test_a_reason_of_many_hosts_is_told_once() -> None:
    """Thirty-two numbers that a proxy forbids, of which one was sinkholed: its lookup failed by what it gave."""
    forbidden = HostOutcome(host="", outcome=Outcome.FAIL, failed_step=Step.PROXY, failure=Failure.PROXY_FORBIDDEN)
    hosts = [msgspec.structs.replace(forbidden, host=f"ecs-a-{n}") for n in range(1, 33)]
    hosts[4] = msgspec.structs.replace(hosts[4], failed_step=Step.DNS, failure=None)
    report = reports.report(endpoints=(reports.endpoint("ecs-a", Outcome.FAIL, *hosts),), rules=(), findings=())
    [case] = cases(report)
    assert case.reason == "ecs-a-1, ecs-a-2, ecs-a-3 and 28 more: proxy proxy_forbidden; ecs-a-5: dns failed"


@pytest.mark.parametrize("severity", [Severity.ERROR, Severity.WARNING])
@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.WARN, Outcome.NOT_RUN, Outcome.NOT_APPLICABLE])
def test_no_error_hides_behind_a_case_that_is_less_bad(severity: Severity, outcome: Outcome) -> None:
    skewed = reports.finding("clock_skew", severity, region=None, endpoints=("ecs",))
    report = reports.report(endpoints=(reports.endpoint("ecs", outcome),), rules=(), findings=(skewed,))
    shown = [case.outcome for case in cases(report)]
    as_bad = {Severity.ERROR: {Outcome.FAIL}, Severity.WARNING: {Outcome.FAIL, Outcome.WARN}}[severity]
    assert as_bad & set(shown)


def test_a_finding_of_another_region_is_not_this_endpoints() -> None:
    report = reports.report(rules=(), findings=(reports.finding("dns_timeout", region="eu-west-1"),))
    found = {case.name.split()[0]: case for case in cases(report)}
    assert found["ecs"].findings == ()
    assert found["dns_timeout"].suite == "eu-west-1"


def test_an_experiment_is_not_charged_to_the_endpoint() -> None:
    assert cases(reports.report())[0].seconds == pytest.approx(1.0)


def test_words() -> None:
    assert (counted(1, "error"), counted(2, "error"), counted(0, "error")) == ("1 error", "2 errors", "0 errors")
    assert hosts_told(["a", "b", "c"], 2) == "a, b, c"
    assert hosts_told(["a", "b", "c", "d"], 2) == "a, b and 2 more"
    assert [one.severity for one in ordered(reports.report().findings)] == [
        *(Severity.ERROR, Severity.ERROR, Severity.WARNING, Severity.WARNING)
    ]
    assert summary(reports.ready()) == "1 endpoint: 1 pass"
    assert summary(reports.report(endpoints=(), rules=(), findings=())) == "nothing was judged"


def test_places() -> None:
    plain = reports.finding("x")
    assert places_in(plain, None) == [Place(file="netprobe.toml", line=1)]
    assert uri(Place(file="/etc/os release#1")) == "etc/os%20release%231"
    assert uri(Place(file="/")) == "netprobe.toml"
    assert len(fingerprint(plain)) == 64
    at = (Place(file="/a", line=1),)
    # A line that moves is the same problem.
    assert fingerprint(reports.finding("x", places=at)) == fingerprint(
        reports.finding("x", places=(Place(file="/a", line=9),))
    )
