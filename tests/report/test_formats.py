"""Each format, read by a reader that is not ours."""

from __future__ import annotations

import html
import html.parser
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import junitparser
import msgspec
import pytest
import yaml
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator
from markdown_it import MarkdownIt
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families as prometheus_families
from tap.parser import Parser

from netprobe.errors import UsageError
from netprobe.findings import Acceptance, Outcome, Place, RuleOutcome, Severity, Verdict
from netprobe.naming import HostIdentity
from netprobe.observations import Context
from netprobe.report import FORMATS, known_format, render
from netprobe.report.formats.html.explained import sections
from netprobe.report.formats.markdown import as_text
from netprobe.report.model import Report
from tests.support import reports
from tests.support.some import some

SARIF_SCHEMA = json.loads((Path(__file__).parent / "sarif-2.1.0-rtm.5.json").read_text())
openmetrics_families: Any = openmetrics_parser.text_string_to_metric_families  # it has no types
HOSTILE = st.text(min_size=1, max_size=40)
EXAMPLES = (
    "]]></testcase><testcase name='x'/>",
    "::error::injected",
    "a\n::error::injected\r\n",
    "</p><script>alert(1)</script>",
    "| a | b |\n|---|---|",
    "[click](http://evil.example) ![x](http://evil.example/x.png)",
    "https://evil.example www.evil.example me@evil.example @someone #12 GH-1",
    "# TODO # SKIP all",
    '"} 1\nnetprobe_ready 1\n',
    "\x00\x1b[31m\u202e\ufffe\udc80",
    "${jndi:ldap://x} %0A%25",
    "1. - + * _x_ `code` ~~x~~ $x$ <b>",
    "\\",
    "# EOF",
)


def shown(report: Report, format: str) -> str:
    out = render(report, format)
    return out if isinstance(out, str) else out.decode("utf-8")


def waived() -> Report:
    """Two endpoints that fail: of one of them the cause is accepted for now, and so it is a warning."""
    accepted = Acceptance(owner="platform@corp.example", expires="2027-01-31", reason="until the audit")
    title = "TLS to ecs is intercepted by Example CA."
    return reports.report(
        endpoints=(
            reports.endpoint("ecs", Outcome.WARN, reports.host("ecs", Outcome.WARN, "tls", "ssl_unknown_authority")),
            reports.endpoint("ssm", Outcome.FAIL, reports.host("ssm", Outcome.FAIL, "tcp", "generic_timeout_error")),
        ),
        rules=(),
        findings=(
            reports.finding("tls_intercepted", Severity.WARNING, title, waiver=accepted),
            reports.finding("tcp_dropped", endpoints=("ssm",), hosts=("ssm.us-east-2.amazonaws.com",)),
        ),
    )


def hostile(test: Any) -> Any:
    """Run a test over the known tricks and over what hypothesis makes up."""
    for text in EXAMPLES:
        test = example(text)(test)
    return settings(max_examples=40, deadline=None)(given(HOSTILE)(test))


def test_every_format_renders_every_kind_of_report_and_ends_with_a_newline() -> None:
    empty = reports.report(endpoints=(), rules=(), findings=(), capabilities=(), regions=(), notes=(), observations=())
    for name in FORMATS:
        for report in (reports.report(), reports.ready(), empty):
            assert shown(report, name).endswith("\n")


TERSE = {"line": "NOT READY edge-fra-07: ", "nagios": "edge-fra-07", "gitlab": "edge-fra-07, site fra, rack=7"}
"""Formats that have room for little: a line, a plugin's line, and issues with nothing around them."""


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_which_host_it_is_about(name: str) -> None:
    report = reports.report()
    # What a format escapes is its own affair: entities and comments of Markdown, the blanks that text wraps at.
    out = render(report, name, full=True) if name == "text" else render(report, name)
    told = " ".join(re.sub(r"<!--.*?-->", "", html.unescape(str(out))).split())
    if name in TERSE:
        assert TERSE[name] in told
        return
    host = report.host
    whole = {*host.labels.values(), *host.agents.values(), host.name, host.site, host.machine_id, host.os, host.kernel}
    whole |= {host.docker, host.user, report.netprobe_version, report.catalog.version}
    # A label of a metric that changes with every lease makes a new series; the time of a run is a metric of its own.
    whole |= set() if name == "openmetrics" else {*host.addresses, report.started_at[:10]}
    assert [word for word in whole if word not in told] == []
    nobody = msgspec.structs.replace(report, host=HostIdentity())
    assert "edge-fra-07" not in str(render(nobody, name))


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(UsageError, match="xml: is not a report format; choose one of text, line, nagios, json"):
        known_format("xml")


# --- JUnit ---------------------------------------------------------------------------------------------------------


def junit(report: Report) -> junitparser.JUnitXml:
    return junitparser.JUnitXml.fromstring(shown(report, "junit").encode("utf-8"))


def test_junit_is_read_by_junitparser() -> None:
    suites = {suite.name: suite for suite in junit(reports.report())}
    assert set(suites) == {"us-east-2", "image.tar", "host"}
    region = suites["us-east-2"]
    assert (region.tests, region.failures, region.errors, region.skipped) == (5, 1, 1, 1)
    cases = {case.name.split()[0]: case for case in region}
    assert [type(result) for result in cases["ecs"].result] == [junitparser.Failure]
    assert cases["ecs"].result[0].type == "tls_intercepted"
    assert "TLS to ecs is intercepted by Example CA." in cases["ecs"].result[0].message
    assert "fix: Allow TCP 443." in cases["ecs"].result[0].text
    assert cases["ecs"].time == pytest.approx(1.0)  # the first pass, without the experiment
    assert [type(result) for result in cases["ecr-registry"].result] == [junitparser.Error]
    assert [type(result) for result in cases["monitoring"].result] == [junitparser.Skipped]
    assert cases["ssm"].result == []
    assert "stale_ip_allowlist" in cases["logs"].system_out
    image = suites["image.tar"]
    assert (image.tests, image.failures, image.errors, image.skipped) == (4, 1, 1, 1)
    # A finding of no endpoint and no rule is a case of its own; a warning passes.
    assert [case.name for case in suites["host"]] == ["clock_skew"]
    assert suites["host"].failures == 0


def test_junit_skips_what_is_waived_and_says_why() -> None:
    suites = {suite.name: suite for suite in junit(waived())}
    [case] = [case for case in suites["us-east-2"] if case.name.startswith("ecs ")]
    [skipped] = case.result
    assert isinstance(skipped, junitparser.Skipped)
    assert skipped.message == "waived until 2027-01-31 by platform@corp.example: until the audit"
    assert "TLS to ecs is intercepted by Example CA." in case.system_out
    # Another cause of the same endpoint that nobody accepted: it fails.
    [case] = [case for case in suites["us-east-2"] if case.name.startswith("ssm ")]
    assert [type(result) for result in case.result] == [junitparser.Failure]
    assert (suites["us-east-2"].failures, suites["us-east-2"].skipped) == (1, 1)


def test_junit_properties_say_which_host_with_its_labels() -> None:
    for suite in some(junit(reports.report())):
        told = {one.name: one.value for one in suite.properties()}
        assert suite.hostname == told["host.name"] == "edge-fra-07"
        assert told["host.site"] == "fra"
        assert told["host.label.rack"] == "7"
        assert told["host.agent.ecs-agent"] == "1.86.0"
        assert told["host.addresses"] == "192.0.2.9"
        assert told["host.machine_id"] == "a" * 32
        assert told["catalog_age_days"] == "5"
    nobody = msgspec.structs.replace(reports.report(), host=HostIdentity())
    for suite in some(junit(nobody)):
        assert suite.hostname is None
        assert not [one.name for one in suite.properties() if one.name.startswith("host.")]


def test_junit_totals_are_the_sums_of_the_suites() -> None:
    whole = junit(reports.report())
    for key in ("tests", "failures", "errors", "skipped"):
        assert getattr(whole, key) == sum(getattr(suite, key) for suite in whole)


@hostile
def test_junit_holds_foreign_text_as_text(text: str) -> None:
    root = ET.fromstring(shown(reports.hostile(text), "junit").encode("utf-8"))
    names = [case.get("name") for case in root.iter("testcase")]
    assert len(names) == 2  # one endpoint, one rule; the finding belongs to both
    assert all(len(case) == 1 and case[0].tag == "failure" for case in root.iter("testcase"))
    if re.fullmatch("[ -~\n\t]*", text):
        assert names[1] == text


# --- SARIF ---------------------------------------------------------------------------------------------------------


def test_sarif_meets_the_published_schema() -> None:
    for report in (reports.report(), reports.ready()):
        document = json.loads(shown(report, "sarif"))
        assert [error.message for error in Draft4Validator(SARIF_SCHEMA).iter_errors(document)] == []


def test_sarif_suppresses_what_is_waived_and_nothing_else() -> None:
    document = json.loads(shown(waived(), "sarif"))
    assert [error.message for error in Draft4Validator(SARIF_SCHEMA).iter_errors(document)] == []
    suppressions = {result["ruleId"]: result["suppressions"] for result in document["runs"][0]["results"]}
    assert suppressions == {
        "tls_intercepted": [
            {
                "kind": "external",
                "status": "accepted",
                "justification": "waived until 2027-01-31 by platform@corp.example: until the audit",
            }
        ],
        # Empty, not absent: section 3.27.23 reads that as "known not to be suppressed".
        "tcp_dropped": [],
    }


def test_the_published_schema_refuses_a_suppression_that_is_none() -> None:
    """Otherwise the test above would show nothing."""
    document = json.loads(shown(waived(), "sarif"))
    document["runs"][0]["results"][0]["suppressions"] = [{"kind": "waived"}]
    assert list(Draft4Validator(SARIF_SCHEMA).iter_errors(document))


def test_sarif_shows_each_finding_with_its_file_and_line() -> None:
    run = json.loads(shown(reports.report(), "sarif"))["runs"][0]
    results = {result["ruleId"]: result for result in run["results"]}
    assert set(results) == {"tls_intercepted", "docker_missing", "stale_ip_allowlist", "clock_skew"}
    at = results["docker_missing"]["locations"][0]["physicalLocation"]
    assert at == {"artifactLocation": {"uri": "etc/os-release"}, "region": {"startLine": 3}}
    assert results["tls_intercepted"]["level"] == "error"
    assert results["clock_skew"]["level"] == "warning"
    assert all(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in run["results"])
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def test_a_fingerprint_stays_when_the_hosts_change_and_differs_between_causes() -> None:
    def prints(**changes: Any) -> list[str]:
        report = reports.report(findings=(reports.finding("dns_timeout", **changes), reports.finding("tcp_dropped")))
        results = json.loads(shown(report, "sarif"))["runs"][0]["results"]
        return [result["partialFingerprints"]["netprobe/v1"] for result in results]

    assert prints(hosts=("ecs-a-1.us-east-2.amazonaws.com",)) == prints(hosts=("ecs-a-2.us-east-2.amazonaws.com",))
    assert len(set(prints())) == 2
    assert prints(region="eu-west-1")[0] != prints()[0]


@hostile
def test_sarif_stays_valid_with_foreign_text(text: str) -> None:
    document = json.loads(shown(reports.hostile(text), "sarif"))
    assert [error.message for error in Draft4Validator(SARIF_SCHEMA).iter_errors(document)] == []
    uri = document["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert re.fullmatch(r"(?:[A-Za-z0-9/._~-]|%[0-9A-F]{2})+", uri)


# --- GitHub --------------------------------------------------------------------------------------------------------


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """What a runner makes of the output, after actions/runner's ActionCommand.TryParseV2."""
    found = []
    for line in re.split(r"\r\n|\n|\r", text.rstrip("\n")):
        match = re.match(r"::([a-z]+)(?: (.*?))?::(.*)$", line)
        assert match, line
        properties = {}
        for part in filter(None, (match[2] or "").split(",")):
            key, _, value = part.partition("=")
            properties[key] = value.replace("%0D", "\r").replace("%0A", "\n").replace("%3A", ":").replace("%2C", ",")
            properties[key] = properties[key].replace("%25", "%")
        data = match[3].replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
        found.append((match[1], properties, data))
    return found


def test_github_annotations_are_read_as_the_runner_reads_them() -> None:
    found = commands(shown(reports.report(), "github"))
    assert [name for name, _, _ in found] == ["error", "error", "warning", "warning", "error"]
    assert found[0][1] == {"title": "netprobe: tls_intercepted (proven)"}
    assert found[0][2] == (
        "TLS to ecs is intercepted by Example CA.\nHosts: ecs.us-east-2.amazonaws.com\n"
        "Fix (network): Allow TCP 443.\nMore: https://netprobe-ecs.github.io/netprobe/findings/tls_intercepted/"
    )
    assert found[1][1]["file"] == "etc/os-release"
    assert found[1][1]["line"] == "3"
    assert found[-1][1] == {"title": "netprobe: NOT READY"}
    assert [name for name, _, _ in commands(shown(reports.ready(), "github"))] == ["notice"]


@hostile
def test_github_gets_no_command_from_foreign_text(text: str) -> None:
    found = commands(shown(reports.hostile(text), "github"))
    assert [name for name, _, _ in found] == ["error", "error"]
    assert set(found[0][1]) == {"title", "file", "line"}


# --- GitLab --------------------------------------------------------------------------------------------------------


def test_gitlab_issues_have_what_gitlab_needs() -> None:
    issues = json.loads(shown(reports.report(), "gitlab"))
    assert [issue["check_name"] for issue in issues] == [
        "tls_intercepted",
        "docker_missing",
        "stale_ip_allowlist",
        "clock_skew",
    ]
    assert [issue["severity"] for issue in issues] == ["critical", "critical", "minor", "minor"]
    assert issues[1]["location"] == {"path": "etc/os-release", "lines": {"begin": 3}}
    assert len({issue["fingerprint"] for issue in issues}) == 4
    assert json.loads(shown(reports.ready(), "gitlab")) == []


def test_gitlab_is_given_a_path_and_no_uri() -> None:
    """GitLab looks for the file as it is named: ``my%20stack.yaml`` is in no repository."""
    report = reports.report(findings=(reports.finding("x", places=(Place(file="infra/my stack#1.yaml", line=2),)),))
    location = json.loads(shown(report, "gitlab"))[0]["location"]
    assert location == {"path": "infra/my stack#1.yaml", "lines": {"begin": 2}}


def test_what_is_open_is_told_where_no_finding_tells_it() -> None:
    """Code quality was an empty list and code scanning had no result: both looked like a clean report."""
    why = "main.tf line 6 leaves containerDefinitions open"
    rule = RuleOutcome(id="r", outcome=Outcome.NOT_RUN, title="t", subject="main.tf", not_run=why, hindered=True)
    report = reports.report(findings=(), endpoints=(), rules=(rule,), verdict=Verdict.INCONCLUSIVE)
    said = f"INCONCLUSIVE: 1 required answer could not be had: {why}"
    (issue,) = json.loads(shown(report, "gitlab"))
    assert (issue["description"], issue["severity"]) == (said, "major")
    assert issue["location"] == {"path": "main.tf", "lines": {"begin": 1}}
    (_, _, message), *_ = commands(shown(report, "github"))
    assert said in message
    notes = json.loads(shown(report, "sarif"))["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert [note["message"]["text"] for note in notes if note["level"] == "error"] == [said]


# --- TAP -----------------------------------------------------------------------------------------------------------


def tap(report: Report) -> list[Any]:
    return list(Parser().parse_text(shown(report, "tap")))


def test_tap_is_read_by_tappy() -> None:
    lines = tap(reports.report())
    plan = next(line for line in lines if line.category == "plan")
    tests = [line for line in lines if line.category == "test"]
    assert plan.expected_tests == len(tests) == 10
    state = {line.description.removeprefix("- ").split()[1]: (line.ok, line.skip) for line in tests}
    assert state["ecs"] == (False, False)
    assert state["ssm"] == (True, False)
    assert state["logs"] == (True, False)
    assert state["ecr-registry"] == (False, False)
    assert state["monitoring"] == (True, True)
    assert state["imds_reachable"] == (True, True)
    assert [line.number for line in tests] == list(range(1, 11))


def test_tap_diagnostics_are_yaml() -> None:
    blocks = re.findall(r"(?m)^  ---\n((?:  .*\n)*?)  \.\.\.$", shown(reports.report(), "tap"))
    first = yaml.safe_load("\n".join(line[2:] for line in blocks[0].splitlines()))
    assert first["outcome"] == "fail"
    assert first["findings"][0]["id"] == "tls_intercepted"


@hostile
def test_tap_gets_no_line_and_no_directive_from_foreign_text(text: str) -> None:
    tests = [line for line in tap(reports.hostile(text)) if line.category == "test"]
    assert [(line.ok, bool(line.skip), bool(line.todo)) for line in tests] == [(False, False, False)] * 2


# --- Markdown ------------------------------------------------------------------------------------------------------


def tokens(report: Report) -> list[Any]:
    parsed = MarkdownIt("gfm-like", {"linkify": False}).parse(shown(report, "markdown"))
    return [token for block in parsed for token in (block, *(block.children or ()))]


def test_markdown_has_the_verdict_the_findings_and_a_table() -> None:
    found = tokens(reports.report())
    headings = [found[n + 1].content for n, token in enumerate(found) if token.type == "heading_open"]
    assert headings[0] == "netprobe: NOT READY: us-east-2"
    assert headings[1] == "error: `tls_intercepted` in us-east-2 (proven)"
    assert sum(token.type == "tr_open" for token in found) == 11  # a head and ten cases


@pytest.mark.parametrize(
    ("context", "remark"),
    [
        (Context(lab="blackhole"), "Seen in the embedded network “blackhole”, not on yours."),
        (Context(interrupted=True), "Interrupted: this is what was seen until then."),
        (Context(deadline_reached=True, deadline_seconds=60), "The deadline of 60 s was reached:"),
    ],
)
def test_markdown_says_first_what_a_reader_must_know(context: Context, remark: str) -> None:
    told = shown(reports.report(context=context), "markdown")
    assert f"**{remark}" in told[: told.index("###")]
    assert remark not in shown(reports.report(), "markdown")


def test_markdown_can_be_read_as_it_is_written() -> None:
    """In a ticket that renders none; what begins like a list, and an underscore that could mark, stay escaped."""
    told = shown(reports.report(), "markdown")
    assert "&#" not in told.replace("&#42;", "")
    assert "- **who:** the network team" in told
    assert [as_text(text) for text in ("10 hosts", "10. hosts", "1) a", "0.1.0", "a_b", "_a_", "a_ b")] == [
        "10 hosts",
        "&#49;0. hosts",
        "&#49;) a",
        "0.1.0",
        "a_b",
        "&#95;a&#95;",
        "a&#95; b",
    ]


@hostile
def test_markdown_makes_nothing_of_foreign_text(text: str) -> None:
    found = tokens(reports.hostile(text))
    kinds = [token.type for token in found]
    assert not {"link_open", "image", "em_open", "s_open", "html_block", "fence", "code_block", "hr"} & set(kinds)
    assert kinds.count("strong_open") == 8 + 5  # what is known of the host; hosts, at, fix, who, more
    assert all(token.content == "<!-- -->" for token in found if token.type == "html_inline")
    assert kinds.count("heading_open") == 4  # verdict, finding, table, notes
    assert kinds.count("tr_open") == 3
    assert kinds.count("td_open") == 8
    for token in found:
        if token.type == "text":  # where readers look for bare links and mentions
            assert not re.search(r"://|www\.|@\w|#\d", token.content)


# --- OpenMetrics ---------------------------------------------------------------------------------------------------


def samples(families: Any) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    found = {}
    for family in families:
        assert family.type == "gauge"
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found
            found[key] = sample.value
    return found


@pytest.mark.parametrize("parser", [openmetrics_families, prometheus_families])
def test_metrics_are_read_by_both_parsers(parser: Any) -> None:
    found = samples(parser(shown(reports.report(), "openmetrics")))
    assert found["netprobe_ready", ()] == 0
    assert found["netprobe_verdict", (("verdict", "not_ready"),)] == 1
    assert found["netprobe_verdict", (("verdict", "ready"),)] == 0
    assert found["netprobe_run_duration_seconds", ()] == 1.75
    assert found["netprobe_run_start_seconds", ()] == 1795428000
    assert (
        found[
            "netprobe_endpoint_outcome",
            (
                ("endpoint", "ecs"),
                ("group", "control"),
                ("outcome", "fail"),
                ("region", "us-east-2"),
                ("required", "true"),
            ),
        ]
        == 1
    )
    assert sum(value for (name, _), value in found.items() if name == "netprobe_endpoint_outcome") == 5
    assert sum(value for (name, _), value in found.items() if name == "netprobe_finding") == 4
    assert samples(parser(shown(reports.ready(), "openmetrics")))["netprobe_ready", ()] == 1


@pytest.mark.parametrize("moment", ["", "yesterday", "0001-01-01T00:00:00", "9999-12-31T23:59:59+00:00"])
def test_a_time_that_is_none_is_left_out_of_the_metrics(moment: str) -> None:
    """A saved report is anyone's text; the other metrics are told all the same."""
    found = samples(
        openmetrics_families(shown(msgspec.structs.replace(reports.ready(), started_at=moment), "openmetrics"))
    )
    assert found["netprobe_ready", ()] == 1


def test_a_rule_judged_twice_is_one_series_with_the_worse_outcome() -> None:
    rule = reports.report().rules[1]
    again = type(rule)(id=rule.id, outcome=Outcome.FAIL, title="x", subject=rule.subject)
    found = samples(openmetrics_families(shown(reports.report(rules=(rule, again)), "openmetrics")))
    assert found["netprobe_rule_outcome", (("outcome", "fail"), ("rule", rule.id), ("subject", "image.tar"))] == 1
    assert found["netprobe_rule_outcome", (("outcome", "pass"), ("rule", rule.id), ("subject", "image.tar"))] == 0


@hostile
def test_metrics_get_no_sample_from_foreign_text(text: str) -> None:
    for parser in (openmetrics_families, prometheus_families):
        found = samples(parser(shown(reports.hostile(text), "openmetrics")))
        assert len(found) == 1 + 1 + 1 + 4 + 1 + 1 + (4 + 2 + 5) + 1 + 2
        assert found["netprobe_ready", ()] == 0


# --- HTML ----------------------------------------------------------------------------------------------------------


class Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def page(report: Report) -> Page:
    read = Page()
    read.feed(shown(report, "html"))
    read.close()
    return read


def test_html_is_one_page_that_loads_nothing() -> None:
    read = page(reports.report())
    assert not {"script", "img", "link", "iframe", "object", "image", "use"} & set(read.tags)
    assert not [name for name, _ in read.attributes if name in ("src", "style") or name.startswith("on")]
    # Its links lead to places in the page, and an anchor is a number, never a name from outside.
    links = [value or "" for name, value in read.attributes if "href" in name]
    assert links
    assert [link for link in links if not re.fullmatch(r"#[ef][0-9]+", link)] == []
    assert "TLS to ecs is intercepted by Example CA." in read.text
    assert "NOT READY" in read.text
    assert "needs --account" in read.text


@hostile
def test_html_gets_no_tag_from_foreign_text(text: str) -> None:
    assume(not sections(text))  # the id of a finding brings the finding's own page
    harmless = page(reports.hostile("x"))
    read = page(reports.hostile(text))
    assert read.tags == harmless.tags
    assert [name for name, _ in read.attributes] == [name for name, _ in harmless.attributes]


def test_a_finding_that_no_endpoint_or_rule_carries_is_still_a_case() -> None:
    alone = reports.finding("proxy_url_invalid", Severity.ERROR, region=None, hosts=(), endpoints=())
    report = reports.report(endpoints=(), rules=(), findings=(alone,))
    assert [(case.name, type(case.result[0])) for case in next(iter(junit(report)))] == [
        ("proxy_url_invalid", junitparser.Failure)
    ]


def test_a_place_without_a_line_is_on_the_first() -> None:
    report = reports.report(findings=(reports.finding("x", places=(Place(file="/etc/hosts"),)),))
    assert json.loads(shown(report, "gitlab"))[0]["location"] == {"path": "etc/hosts", "lines": {"begin": 1}}


def test_github_properties_are_read_back_as_they_were() -> None:
    """What the runner unescapes must have been escaped, also where a file's name already looks escaped."""
    place = Place(file="a%2Cline=9%3A,b:c", line=3)
    line = shown(reports.report(findings=(reports.finding("x", places=(place,)),)), "github").splitlines()[0]
    properties = dict(part.split("=", 1) for part in line.split("::")[1].partition(" ")[2].split(","))
    told = properties["file"].replace("%2C", ",").replace("%3A", ":").replace("%25", "%")
    assert (told, properties["line"]) == (place.file, "3")
