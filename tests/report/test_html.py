"""The page, read by a parser that is not ours: every section, nothing that loads, the report inside, sizes and time."""

from __future__ import annotations

import base64
import gzip
import json
import re
import time
import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path

import html5lib
import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from netprobe import catalog
from netprobe.cli.main import run as netprobe
from netprobe.diagnosis import diagnose
from netprobe.diagnosis.changes import KINDS, ChangeKind, change_for
from netprobe.diagnosis.taxonomy import TAXONOMY
from netprobe.errors import UnreadableFileError
from netprobe.findings import Acceptance, Certainty, Location, Outcome, Owner, Place, RuleOutcome, Severity, Verdict
from netprobe.naming import HostIdentity
from netprobe.observations import Context, Experiment, Run, VantageRecord
from netprobe.report import embedded, render, stored
from netprobe.report.formats.html import intercept, steps
from netprobe.report.formats.html.explained import sections
from netprobe.report.formats.html.index import Index
from netprobe.report.model import Report
from tests.support import reports
from tests.support.lab_runs import CASES, lab_report
from tests.support.some import some

ONE_REGION, EVERY_REGION = 120_000, 1_500_000
SVG = "{http://www.w3.org/2000/svg}"


def shown(report: Report) -> str:
    page = render(report, "html")
    assert isinstance(page, str)
    return page


def parsed(page: str) -> ET.Element:
    """The page as the HTML standard reads it; an error in it is an error here."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    root: ET.Element = parser.parse(page)
    return root


def text(element: ET.Element | None) -> str:
    assert element is not None
    return " ".join("".join(element.itertext()).split())


def section(root: ET.Element, name: str) -> ET.Element | None:
    return root.find(f".//section[@aria-labelledby='h-{name}']")


def found(root: ET.Element, name: str) -> ET.Element:
    element = section(root, name)
    assert element is not None, name
    return element


def by_class(root: ET.Element, name: str) -> list[ET.Element]:
    return [one for one in root.iter() if name in (one.get("class") or "").split()]


# --- the sections ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_every_run_of_the_lab_is_a_small_page_whose_links_lead_somewhere(name: str) -> None:
    page = shown(lab_report(name))
    assert len(page.encode()) < ONE_REGION
    ids = re.findall(r' id="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]*)"', page)) <= set(ids)


@pytest.mark.parametrize("name", ["healthy", "tls-intercepted", "proxy-forbids-all", "dns-timeout", "clock-skew"])
def test_a_page_is_what_the_standard_reads_and_has_every_section(name: str) -> None:
    report = lab_report(name)
    root = parsed(shown(report))
    sections = ["meaning", "where", *(["cards"] if report.findings else []), "way", "steps", "settings", "appendix"]
    assert [one.get("aria-labelledby") for one in root.iter("section")] == [f"h-{one}" for one in sections]


def test_the_head_says_what_is_wrong_whose_it_is_and_where() -> None:
    root = parsed(shown(lab_report("tls-intercepted")))
    head = root.find(".//header")
    assert head is not None
    assert text(head.find(".//h1")) == "This host will not work with Amazon ECS Anywhere in us-east-2."
    cause = text(by_class(head, "causes")[0])
    assert "TLS is intercepted by a CA that this host does not trust" in cause
    assert "Example Corp TLS Inspection CA" in cause
    assert cause.endswith("the network team")
    tiles = [text(tile) for tile in by_class(head, "tile")]
    assert tiles == ["1 Network change needed", "0 Host changes needed", "0 AWS changes needed"]
    facts = text(by_class(head, "facts")[0])
    for word in ("us-east-2", "Looked", "When", "catalog", "netprobe"):
        assert word in facts


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("blackhole", ("Packets are dropped silently", "ecs-a and ecs-t, 2 of 13 endpoints", "the network team")),
        ("dns-timeout", ("The resolver does not answer: 127.", "all 13 endpoints", "the network team")),
        ("proxy-forbids", ("The proxy's policy refuses the destination: http://", "the network team")),
        ("clock-wrong", ("The host's clock is wrong", "whoever runs this host")),
    ],
)
def test_one_line_says_what_which_and_whose(name: str, words: tuple[str, ...]) -> None:
    head = parsed(shown(lab_report(name))).find(".//header")
    assert head is not None
    line = text(by_class(head, "causes")[0][0])
    for word in words:
        assert word in line


def test_the_head_names_the_host_its_site_and_labels() -> None:
    identity = HostIdentity(
        name="web01",
        site="fra",
        labels={"team": "shop"},
        os="Debian GNU/Linux 12",
        addresses=("192.0.2.9",),
        user="ops",
    )
    head = parsed(shown(msgspec.structs.replace(lab_report("healthy"), host=identity))).find(".//header")
    assert head is not None
    assert "web01, site fra, team=shop" in text(by_class(head, "brand")[0])
    facts = text(by_class(head, "facts")[0])
    for word in ("Debian GNU/Linux 12", "192.0.2.9", "as ops; host, directly"):
        assert word in facts


@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [
        (Verdict.READY, "This host is ready for Amazon ECS Anywhere in us-east-2."),
        (Verdict.DEGRADED, "This host will work with Amazon ECS Anywhere in us-east-2, with warnings."),
        (Verdict.INCONCLUSIVE, "Whether this host will work with Amazon ECS Anywhere in us-east-2 is still open."),
    ],
)
def test_each_verdict_is_a_sentence(verdict: Verdict, sentence: str) -> None:
    report = msgspec.structs.replace(lab_report("healthy"), verdict=verdict)
    assert text(parsed(shown(report)).find(".//h1")) == sentence


def test_the_chain_ends_where_it_breaks() -> None:
    """Only the agent's endpoints are dropped: the host registers and receives no task."""
    chain = by_class(found(parsed(shown(lab_report("blackhole"))), "meaning"), "chain")[0]
    names = [text(by_class(one, "name")[0]) for one in chain]
    assert names == ["Register", "Receive tasks", "Pull images", "Run", "Logs", "Metrics", "Commands"]
    ends = [name for name, one in zip(names, chain, strict=True) if "ends" in (one.get("class") or "")]
    behind = [name for name, one in zip(names, chain, strict=True) if "behind" in (one.get("class") or "")]
    assert (ends, behind) == (["Receive tasks"], names[2:])
    # What lies behind keeps its own outcome: its endpoints were looked at.
    assert "pass" in (chain[2].get("class") or "").split()


def test_a_mark_for_each_endpoint_leads_to_its_evidence_and_numbered_names_are_one() -> None:
    report = lab_report("blackhole")
    root = parsed(shown(report))
    cells = [one for one in found(root, "where").iter("a") if "cell" in (one.get("class") or "")]
    assert len(cells) == len(report.endpoints)
    numbered = next(one for one in cells if text(by_class(one, "name")[0]) == "ecs-a")
    assert "0 of " in text(numbered)
    evidence = root.find(f".//div[@id='{numbered.get('href', '')[1:]}']")
    assert "ecs-a-1.us-east-2.amazonaws.com" in text(evidence)
    assert "✕" in text(numbered)


def test_a_sweep_is_a_table_of_regions_by_endpoints() -> None:
    table = found(parsed(shown(sweep(36, "blackhole-all"))), "where").find(".//table")
    assert table is not None
    rows = table.findall(".//tbody/tr")
    assert len(rows) == 36
    columns = [text(one) for one in table.findall(".//thead/tr/th") if one.get("class") == "turned"]
    assert {"ecs", "ecs-a", "ssm", "ecr-layers"} <= set(columns)
    assert all(len(row.findall("td")) == len(columns) for row in rows)


def test_a_card_says_how_sure_who_what_to_change_and_the_way_back() -> None:
    report = lab_report("tls-intercepted")
    card = by_class(found(parsed(shown(report)), "cards"), "card")[0]
    told = text(card)
    assert "Must change" in told
    assert "the network team" in told
    assert "Proven: it was tried again, unchanged and alone, and failed alike each time." in told
    assert "A second connection, unverified, shows the chain that was rejected." in told
    block = card.find("pre[@class='block']")
    assert block is not None
    lines = [line.strip() for line in "".join(block.itertext()).splitlines()]
    # Complete: every pattern that is touched, a line each, however many the sentence above spells out.
    touched = {f"{one.pattern} TCP {one.port}" for one in report.endpoints if one.outcome is not Outcome.PASS}
    assert touched <= set(lines)
    assert any(line.startswith("Source: 127.") for line in lines)
    assert ChangeKind.EXEMPT.value.risk in told
    assert ChangeKind.EXEMPT.value.rollback in told
    headings = [text(one) for one in card.findall(".//details/h4")]
    assert headings == [heading for heading, _ in sections("tls_intercepted")]
    assert len(headings) == 6


def test_a_waived_finding_bears_a_stamp_with_its_owner_its_last_day_and_the_reason() -> None:
    waiver = Acceptance(owner="platform@corp.example", expires="2027-01-31", reason="hardened in the next release")
    findings = (reports.finding("docker_missing", Severity.WARNING, waiver=waiver), reports.finding("tcp_dropped"))
    waived, other = reversed(by_class(found(parsed(shown(reports.report(findings=findings))), "cards"), "card"))
    stamp = by_class(waived, "stamp")
    assert text(stamp[0]) == "Waived until 2027-01-31 by platform@corp.example: hardened in the next release"
    assert text(by_class(waived, "kind")[0]).endswith("Accepted for now · the network team · us-east-2")
    assert by_class(other, "stamp") == []
    assert "Must change" in text(other)


def test_a_card_prints_the_command_that_explains_it() -> None:
    """It works without a network; the address beside it is there to be read, since the page leads nowhere."""
    card = by_class(found(parsed(shown(lab_report("tls-intercepted"))), "cards"), "card")[0]
    assert text(card.find(".//summary/code")) == "netprobe explain tls_intercepted"
    assert lab_report("tls-intercepted").findings[0].docs in text(card)


def test_nobody_is_told_to_change_what_is_aws_own() -> None:
    busy = reports.finding("http_service_error", Severity.WARNING, owner=Owner.AWS)
    head = parsed(shown(reports.report(findings=(busy,)))).find(".//header")
    assert head is not None
    assert text(by_class(head, "tile")[2]) == "0 AWS changes needed, 1 warning"
    dropped = reports.finding("tcp_dropped", Severity.WARNING)
    head = parsed(shown(reports.report(findings=(dropped,)))).find(".//header")
    assert head is not None
    assert text(by_class(head, "tile")[0]) == "0 Network changes needed, 1 advised"


def test_the_head_marks_what_is_waived_and_advises_nobody_to_change_it() -> None:
    waiver = Acceptance(owner="platform@corp.example", expires="2027-01-31", reason="hardened in the next release")
    accepted = reports.finding("docker_missing", Severity.WARNING, owner=Owner.HOST, waiver=waiver)
    other = reports.finding("clock_skew", Severity.WARNING, owner=Owner.HOST)
    report = reports.report(findings=(accepted, other), verdict=Verdict.DEGRADED)
    head = parsed(shown(report)).find(".//header")
    assert head is not None
    first, second = by_class(head, "causes")[0]
    assert "(waived until 2027-01-31 by platform@corp.example)" in text(first)
    assert "waived" not in text(second)
    assert text(by_class(head, "tile")[1]) == "0 Host changes needed, 1 advised, 1 accepted"


def test_a_page_is_explained_once() -> None:
    twice = (reports.finding("tcp_dropped"), reports.finding("tcp_dropped", certainty=Certainty.SUSPECTED))
    cards = by_class(found(parsed(shown(reports.report(findings=twice))), "cards"), "card")
    assert ["What it means" in text(card) for card in cards] == [True, False]
    assert "Suspected, not proven. What would prove it:" in text(cards[1])
    assert cards[1].find(".//a[@href='#f1']") is not None


def test_every_kind_of_finding_has_a_risk_and_a_way_back() -> None:
    assert set(TAXONOMY) <= set(KINDS)
    for finding_id, entry in TAXONOMY.items():
        change = change_for(reports.finding(finding_id, owner=entry.owner))
        assert change.risk.endswith(".")
        assert change.rollback.endswith(".")
    # What is AWS's to change costs nobody anything here, whatever else the finding is.
    assert change_for(reports.finding("tcp_dropped", owner=Owner.AWS)) is ChangeKind.NOTHING.value
    assert change_for(reports.finding("docker_missing", owner=Owner.HOST)) is ChangeKind.IMAGE.value
    assert change_for(reports.finding("x", owner=Owner.WORKLOAD)) is ChangeKind.WORKLOAD.value


def stations(root: ET.Element) -> dict[str, str]:
    """Station → its outcome, of the first picture."""
    drawing = next(one for one in found(root, "way").iter(f"{SVG}svg"))
    groups = list(drawing.iter(f"{SVG}g"))
    names = [text(next(t for t in one.iter(f"{SVG}text") if t.get("class") == "name")) for one in groups]
    return {name: (one.get("class") or "").split()[1] for name, one in zip(names, groups, strict=True)}


def test_the_picture_puts_the_doubt_where_it_belongs() -> None:
    healthy = stations(parsed(shown(lab_report("healthy"))))
    assert list(healthy) == ["This host", "Resolver", "Gateway", "Proxy", "Firewall", "AWS"]
    assert healthy == {**dict.fromkeys(healthy, "pass"), "Proxy": "not_applicable"}
    intercepted = parsed(shown(lab_report("tls-intercepted")))
    assert stations(intercepted)["Firewall"] == "fail"
    assert stations(intercepted)["AWS"] == "not_run"
    assert "Example Corp TLS Inspection CA" in (found(intercepted, "way").find(f".//{SVG}svg").get("aria-label") or "")  # type: ignore[union-attr]
    silent = stations(parsed(shown(lab_report("dns-timeout"))))
    assert (silent["Resolver"], silent["AWS"], silent["Firewall"]) == ("fail", "not_run", "not_run")
    proxied = stations(parsed(shown(lab_report("proxy-forbids"))))
    assert proxied["Proxy"] in ("warn", "fail")


def test_what_was_located_is_told() -> None:
    at = Location(hop=4, address="192.0.2.4", device="firewall", certainty=Certainty.PROVEN)
    root = parsed(shown(reports.report(findings=(reports.finding("tcp_dropped", location=at),))))
    assert "tcp_dropped: it breaks at hop 4, 192.0.2.4 firewall (proven)." in text(found(root, "way"))


def test_the_picture_shows_the_last_hop_that_answered_and_the_suspects() -> None:
    root = parsed(shown(reports.located("tcp_dropped")))
    assert list(stations(root)) == ["This host", "Resolver", "Gateway", "Proxy", "Last answer", "Firewall", "AWS"]
    assert (stations(root)["Last answer"], stations(root)["Firewall"]) == ("pass", "fail")
    label = found(root, "way").find(f".//{SVG}svg").get("aria-label") or ""  # type: ignore[union-attr]
    assert "Last answer hop 2 198.18.1.2 passed answers; Firewall hop 2, or before hop 3 198.18.2.2 in doubt" in label
    told = "Last to answer: hop 2 (198.18.1.2); suspects: hop 2, or before hop 3 (198.18.2.2)."
    assert told in text(found(root, "way"))
    assert told[:-1].lower() in text(by_class(found(root, "cards"), "card")[0])


@pytest.mark.parametrize(("id_", "station"), [("proxy_timeout", "proxy"), ("dns_timeout", "resolver")])
def test_a_way_that_breaks_before_the_proxy_or_resolver_is_drawn_there(id_: str, station: str) -> None:
    context = Context(vantages=(VantageRecord(name="host", proxy="http://proxy:3128"),))
    drawn = stations(parsed(shown(msgspec.structs.replace(reports.located(id_), context=context))))
    names = list(drawn)
    assert names[names.index(station.capitalize()) - 2 :][:2] == ["Last answer", f"To the {station}"]
    assert drawn[f"To the {station}"] == "fail"
    if station == "proxy":
        assert "To the proxy" not in stations(parsed(shown(reports.located(id_))))  # nothing goes through one


def test_agents_that_go_another_way_have_a_picture_of_their_own() -> None:
    report = lab_report("healthy")
    one = report.context.vantages[0]
    proxied = msgspec.structs.replace(one, name="docker", proxy="http://proxy.example:3128")
    context = msgspec.structs.replace(report.context, vantages=(one, proxied))
    observations = tuple(msgspec.structs.replace(o, shared_with=("docker",)) for o in report.observations)
    root = parsed(shown(msgspec.structs.replace(report, context=context, observations=observations)))
    assert [text(h) for h in found(root, "way").findall("h3")] == [one.name, "docker"]


def test_settings_that_differ_are_marked_and_say_where_they_stand() -> None:
    records = (
        VantageRecord(name="ecs-agent", proxy="http://proxy:3128", sources={"proxy": "/etc/ecs/ecs.config:3"}),
        VantageRecord(name="ssm-agent", proxy="http://proxy:3128"),
        VantageRecord(name="docker", no_proxy=("169.254.169.254",)),
    )
    report = msgspec.structs.replace(lab_report("healthy"), context=Context(vantages=records))
    table = found(parsed(shown(report)), "settings").find(".//table")
    assert table is not None
    rows = {text(row.find("th")): [text(cell) for cell in row.findall("td")] for row in table.findall(".//tbody/tr")}
    assert "/etc/ecs/ecs.config:3" in rows["Proxy differs"][0]
    assert [cell.startswith("≠") for cell in rows["Proxy differs"]] == [False, False, True]
    assert [cell.startswith("≠") for cell in rows["NO_PROXY differs"]] == [False, False, True]
    assert "Trust store" in rows


def test_the_appendix_lists_what_was_not_looked_at_and_folds_what_passes() -> None:
    root = parsed(shown(reports.report()))
    unseen = [text(one) for one in by_class(found(root, "appendix"), "unseen")[0]]
    assert any("ecr-registry in us-east-2 needs --account" in one for one in unseen)
    assert any("--with install" in one for one in unseen)
    assert any("--idle" in one for one in unseen)
    folded = list(found(root, "appendix").iter("details"))
    assert [one.get("open") for one in folded] == [None, None]
    assert text(folded[0]).startswith("1 rule ○")
    assert "imds_reachable (image.tar) Not on an image." in text(folded[0])
    assert "ssm.us-east-2.amazonaws.com:443" in text(folded[1])
    # An answer that nothing is to be judged is no gap in what was looked at.
    assert not any("imds_reachable" in one for one in unseen)


def test_a_report_of_rules_looks_alike() -> None:
    rules = (
        RuleOutcome(id="docker_missing", outcome=Outcome.FAIL, title="Docker is missing.", subject="image.tar"),
        RuleOutcome(id="systemd_missing", outcome=Outcome.PASS, title="systemd is there.", subject="image.tar"),
        RuleOutcome(id="fips_mode", outcome=Outcome.NOT_RUN, title="", subject="image.tar", not_run="a running host"),
    )
    missing = reports.finding(
        "docker_missing",
        owner=Owner.HOST,
        evidence=(),
        endpoints=(),
        hosts=(),
        region=None,
        places=(Place(file="etc/os-release", line=3, text="ID=debian"),),
    )
    report = reports.report(
        rules=rules, findings=(missing,), endpoints=(), observations=(), capabilities=(), regions=(), context=Context()
    )
    root = parsed(shown(report))
    assert text(root.find(".//h1")) == "image.tar will not work with Amazon ECS Anywhere."
    assert "1 of 3 rules pass." in text(found(root, "where"))
    card = text(by_class(found(root, "cards"), "card")[0])
    assert "etc/os-release:3 ID=debian" in card
    assert "What breaks on an ECS Anywhere host" in card
    assert "a running host" in text(found(root, "appendix"))
    assert section(root, "way") is None
    assert section(root, "steps") is None


# --- the waterfall --------------------------------------------------------------------------------------------------


def test_every_control_has_words() -> None:
    assert set(steps.CONTROLS) == set(Experiment)


def test_a_waterfall_has_one_scale_the_failed_step_named_and_controls_below() -> None:
    report = lab_report("tls-intercepted")
    endpoint = next(one for one in report.endpoints if one.id == "ecs")
    seen = Index.of(report).seen(endpoint, endpoint.hosts[0].host)
    drawing = steps.draw(seen)
    names = [bar.label for bar in drawing.bars]
    assert names.index("TLS") < names.index("controls, each made later and alone") < names.index("TLS unverified")
    failed = next(bar for bar in drawing.bars if bar.label == "TLS")
    assert failed.word == "ssl_unknown_authority"
    bars = [bar for bar in drawing.bars if bar.kind != "head"]
    assert all(bar.left >= 0 and bar.left + bar.wide <= 100.1 for bar in bars)
    tops = [bar.top for bar in drawing.bars]
    assert tops == sorted(set(tops))
    chain = list(bars[: names.index("controls, each made later and alone")])
    # On one scale: what began later stands further right, and the longest end is the right edge.
    assert max(bar.left + bar.wide for bar in bars) == pytest.approx(100, abs=0.5)
    assert next(bar.left for bar in chain if bar.kind == "tls") > next(bar.left for bar in chain if bar.kind == "tcp")
    rect = next(one for one in by_class(found(parsed(shown(report)), "steps"), "bad") if one.tag == f"{SVG}rect")
    assert "tls" in (rect.get("class") or "").split()


def test_a_missing_ipv6_address_is_no_failed_step() -> None:
    healthy = parsed(shown(lab_report("healthy")))
    bars = [one for one in found(healthy, "steps").iter(f"{SVG}rect") if one.get("class")]
    assert [one for one in some(bars) if "bad" in (one.get("class") or "").split()] == []


def test_the_interceptor_is_named_by_its_common_name() -> None:
    report = lab_report("tls-intercepted")
    assert intercept.authority(report.observations) == "Example Corp TLS Inspection CA"
    assert intercept.authority(lab_report("healthy").observations) == ""


# --- what comes from outside ----------------------------------------------------------------------------------------

TRICKS = (
    "</script><script>alert(1)</script>",
    "</template><img src=x onerror=alert(1)>",
    "</style><style>*{display:none}",
    "--><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% include 'x' %}",
    "\u202edrowssap\u2066\u200b",
    "\x00\x1b[31m\udc80",
    '" onclick="alert(1)',
    "javascript:alert(1)",
    "&lt;b&gt;&amp;",
)


def _could_be_an_id(text_: str) -> bool:
    """Whether it has only letters, digits and marks of the ids of findings, groups and capabilities."""
    return re.fullmatch(r"[a-z0-9_-]+", text_) is not None


# Hypothesis also draws texts that it finds in our own code. A known id rightly brings markup of its own (the page of a
# finding, the row of a group, the place of a capability), and what has no other sign than an id's is no markup.
@given(st.text(min_size=1, max_size=40).filter(lambda text_: not _could_be_an_id(text_)))
@settings(max_examples=30, deadline=None)
def test_no_text_from_outside_becomes_markup(text_: str) -> None:
    _is_inert(text_)


@pytest.mark.parametrize("text_", TRICKS)
def test_no_known_trick_becomes_markup(text_: str) -> None:
    _is_inert(text_)


@cache
def _harmless() -> list[tuple[str, tuple[str, ...]]]:
    return _shape(parsed(shown(reports.hostile("x"))))


def _shape(root: ET.Element) -> list[tuple[str, tuple[str, ...]]]:
    return [(str(one.tag), tuple(sorted(one.attrib))) for one in root.iter()]


def _is_inert(hostile: str) -> None:
    page = shown(reports.hostile(hostile))
    root = parsed(page)
    assert _shape(root) == _harmless()
    assert not set(page) & set("\x00\x1b\u202e\u2066\u200b\udc80")
    for one in root.iter():
        for value in one.attrib.values():
            assert not value.strip().lower().startswith(("javascript:", "data:", "http"))


def test_the_policy_forbids_scripts_and_loads() -> None:
    root = parsed(shown(lab_report("tls-intercepted")))
    policy = next(one for one in root.iter("meta") if one.get("http-equiv") == "Content-Security-Policy")
    assert policy.get("content") == "default-src 'none'; style-src 'unsafe-inline'"
    assert [
        one.tag for one in root.iter() if str(one.tag).rpartition("}")[2] in ("script", "link", "img", "iframe")
    ] == []


# --- the report inside ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["healthy", "tls-intercepted", "proxy-forbids", "clock-skew"])
def test_the_page_is_diagnosed_as_its_json_is(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = lab_report(name)
    page, plain = tmp_path / "report.html", tmp_path / "report.json"
    page.write_text(shown(report), encoding="utf-8")
    text_ = render(report, "json")
    assert isinstance(text_, bytes)
    plain.write_bytes(text_)
    codes, answers = [], []
    for file in (page, plain):
        codes.append(netprobe(["diagnose", str(file), "--format", "json"]))
        answers.append(json.loads(capsys.readouterr().out))
    assert codes[0] == codes[1]
    assert answers[0] == answers[1] == json.loads(text_)


@given(st.text(min_size=1, max_size=40))
@example("</template>")
@settings(max_examples=30, deadline=None)
def test_whatever_a_report_holds_comes_back_out_of_its_page(text_: str) -> None:
    report = reports.hostile(text_)
    back = stored.decode(shown(report).encode("utf-8"), "page")
    assert render(back, "json") == render(report, "json")


def page_with(*elements: bytes) -> bytes:
    return b"<!doctype html><html><body>" + b"".join(elements) + b"</body></html>"


def element(data: bytes) -> bytes:
    return b'<template id="netprobe-report">' + data + b"</template>"


def test_a_page_that_is_no_report_is_refused_in_one_line() -> None:
    whole = base64.b64encode(gzip.compress(b"{}"))
    for page, reason in (
        (page_with(), "holds no report"),
        (page_with(element(whole), element(whole)), "holds 2 reports"),
        (page_with(element(b"AAAA")), "damaged"),
        (page_with(element(b"A")), "damaged"),
        (page_with(element(base64.b64encode(gzip.compress(b"{}")[:-9]))), "ends too early"),
        (page_with(element(whole)), "is not a netprobe report"),
        (page_with(b"<script>{}</script>"), "holds no report"),
    ):
        with pytest.raises(UnreadableFileError, match=reason) as caught:
            stored.decode(page, "some.html")
        assert "\n" not in str(caught.value)


def test_a_small_page_that_unpacks_to_a_gigabyte_is_refused_in_little_memory() -> None:
    bomb = base64.b64encode(gzip.compress(bytes(stored.MAX_BYTES + 10)))
    assert len(bomb) < 100_000
    with pytest.raises(UnreadableFileError, match="larger than 64 MiB"):
        stored.decode(page_with(element(bomb)), "bomb.html")
    assert embedded.is_page(b"\n <!DOCTYPE HTML>")
    assert not embedded.is_page(b'{"schema_version": "<!doctype html"}')


def test_a_page_about_china_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = reports.report()
    endpoints = tuple(msgspec.structs.replace(one, region="cn-north-1") for one in report.endpoints)
    page = tmp_path / "report.html"
    page.write_text(shown(msgspec.structs.replace(report, endpoints=endpoints, regions=("cn-north-1",))))
    assert netprobe(["diagnose", str(page)]) == 2
    assert "cn-north-1" in capsys.readouterr().err


# --- sizes and time -------------------------------------------------------------------------------------------------


@cache
def sweep(regions: int, name: str) -> Report:
    """One region's run, told of many: the same observations under the names of all the others."""
    names = sorted(region.id for region in catalog.load().regions if region.partition.support != "refused")
    assert len(names) >= regions
    run = lab_report(name).run()
    text_ = msgspec.json.encode(run).decode()
    runs = []
    for number in range(regions):
        region = names[number]
        again = re.sub(r'"o(\d+)"', rf'"o{number}_\1"', text_.replace("us-east-2", region))
        runs.append(msgspec.json.decode(again, type=Run))
    # Every region was seen at times of its own, so that nothing compresses better than it would in life.
    observations = tuple(
        msgspec.structs.replace(one, duration_seconds=one.duration_seconds * (1 + number % 97 / 1000))
        for number, one in enumerate(one for run in runs for one in run.observations)
    )
    whole = msgspec.structs.replace(
        runs[0],
        regions=tuple(one.regions[0] for one in runs),
        subjects=tuple(subject for one in runs for subject in one.subjects),
        observations=observations,
    )
    return Report.of(whole, diagnose(whole))


@pytest.mark.parametrize("name", ["healthy", "tls-intercepted", "blackhole-all"])
def test_every_region_on_one_page_is_small_and_quick(name: str) -> None:
    report = sweep(36, name)
    assert len(report.endpoints) >= 36 * 13
    shown(lab_report("healthy"))  # what is imported once is not this page's
    begun = time.process_time()
    page = shown(report)
    spent = time.process_time() - begun
    assert spent < 1.0
    assert len(page.encode()) < EVERY_REGION


def test_what_is_not_drawn_is_said_and_kept() -> None:
    report = sweep(36, "blackhole-all")
    root = parsed(shown(report))
    told = text(found(root, "steps"))
    drawn = len(list(found(root, "steps").iter(f"{SVG}svg")))
    hosts = len({host.host for one in report.endpoints for host in one.hosts})
    assert f"{drawn} of {hosts} hosts are drawn" in told
    for one in report.endpoints[:40]:
        assert one.hosts[-1].host in told
    assert any(finding.severity is Severity.ERROR for finding in report.findings)
