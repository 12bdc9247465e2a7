"""Every format of a fleet, read by readers that are not ours; and that nothing a host calls itself is more than text.

Names, sites, labels, titles, remedies and causes are all chosen by somebody hostile here.
"""

from __future__ import annotations

import csv
import html.parser
import io
import json
import random
import re
import zipfile

import jsonschema
import openpyxl
import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from netprobe.findings import Severity
from netprobe.fleet import words
from netprobe.fleet.census import Census
from netprobe.fleet.files import Document
from netprobe.fleet.formats import FORMATS, known_format, render
from netprobe.fleet.formats.json import schema
from netprobe.fleet.model import Fleet, Skipped
from netprobe.fleet.survey import FleetOptions, survey
from tests.support.fleets import CA, Machine, encoded, fault, machines

NOW = 1_764_500_000.0
EVIL = "<script>alert(1)</script>=cmd|' /C calc'!A0 [x](http://evil) @all #1 `a` | \x1b[2J\u202e ::error::x \"q\" \\ "
"""Markup, a formula, a link, a mention, a table cell, an escape sequence, a turned direction, a CI command, quotes."""


def fleet_of(
    members: list[Machine], skipped: str = "", expected: tuple[str, ...] | None = None, by: str = "site"
) -> Fleet:
    census = Census()
    for machine in members:
        census.add(Document(source=f"{machine.name}.json", stem=machine.name, data=encoded(machine)))
    if skipped:
        census.add(Skipped(source=skipped, reason=skipped))
    return survey(census, FleetOptions(now=NOW, expected=expected, by=by))


@pytest.fixture(scope="module")
def ordinary() -> Fleet:
    members = machines(random.Random(2), 60)
    for machine in members:
        if machine.proxy == "http://proxy-a:3128":
            machine.faults = [fault("tls_intercepted", cause=CA)]
    members[0].faults = [*members[0].faults, fault("dns_slow", severity=Severity.WARNING, cause="10.0.0.1:53")]
    return fleet_of(members, skipped="broken.json", expected=("host0001", "ghost"))


@pytest.fixture(scope="module")
def hostile() -> Fleet:
    members = machines(random.Random(3), 8)
    for number, machine in enumerate(members):
        machine.name, machine.site = f"{EVIL}{number}", EVIL
        machine.labels = {EVIL: EVIL}
        machine.os = machine.proxy = EVIL
        if number % 2:
            machine.faults = [fault("tcp_dropped", title=EVIL, remedy=EVIL, cause=EVIL)]
    return fleet_of(members, skipped=EVIL, expected=(EVIL,))


def text_of(fleet: Fleet, format: str) -> str:
    shown = render(fleet, format)
    assert isinstance(shown, str)
    return shown


def metrics(fleet: Fleet) -> list[Metric]:
    return list(text_string_to_metric_families(text_of(fleet, "openmetrics")))  # type: ignore[no-untyped-call]


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(Exception, match="is not a format"):
        known_format("pdf")


@pytest.mark.parametrize("which", ["ordinary", "hostile"])
def test_json_keeps_to_its_schema(which: str, request: pytest.FixtureRequest) -> None:
    fleet = request.getfixturevalue(which)
    data = render(fleet, "json")
    assert isinstance(data, bytes)
    document = json.loads(data)
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.Draft202012Validator(schema()).validate(document)
    assert len(document["hosts"]) == len(fleet.hosts)
    assert b"\x1b" not in data
    assert "\u202e".encode() not in data


def test_text_ends_with_the_answer_and_names_what_sets_hosts_apart(ordinary: Fleet) -> None:
    shown = text_of(ordinary, "text")
    number = sum(bool(host.causes) and host.verdict == "not_ready" for host in ordinary.hosts)
    assert f"NOT READY: {number} of 60 hosts cannot work" in shown
    assert "What sets them apart: proxy http://proxy-a:3128" in shown.replace("\n     ", " ")
    last = shown.rstrip().splitlines()[-3:]
    assert any(line.startswith(f"  tls_intercepted ({CA}") for line in last)
    assert "Sent nothing (1): ghost" in shown
    assert "broken.json" in shown
    assert max(map(len, shown.splitlines())) <= 90


@pytest.mark.parametrize(
    ("number", "sick", "answer"),
    [
        (1, 0, "1 of 1 host is ready."),
        (1, 1, "1 of 1 host cannot work."),
        (3, 2, "2 of 3 hosts cannot work and 1 of 3 hosts is ready."),
        (3, 1, "1 of 3 hosts cannot work and 2 of 3 hosts are ready."),
    ],
)
def test_the_answer_is_a_sentence_for_one_host_too(number: int, sick: int, answer: str) -> None:
    members = machines(random.Random(1), number)
    for machine in members[:sick]:
        machine.faults = [fault("tcp_dropped")]
    assert words.headline(fleet_of(members)) == answer


def test_csv_has_a_line_a_host_and_endpoint(ordinary: Fleet) -> None:
    rows = list(csv.DictReader(io.StringIO(text_of(ordinary, "csv"), newline="")))
    assert len([row for row in rows if row["endpoint"]]) == 60 * len(ordinary.endpoints)
    failing = {row["host"] for row in rows if row["outcome"] == "fail"}
    assert failing == {host.name for host in ordinary.hosts if "fail" in host.outcomes}
    assert all("tls_intercepted" in row["causes"] for row in rows if row["outcome"] == "fail")


def test_the_workbook_holds_causes_groups_hosts_and_the_map(ordinary: Fleet) -> None:
    book = openpyxl.load_workbook(io.BytesIO(_bytes(render(ordinary, "xlsx"))))
    assert book.sheetnames == ["Causes", "Groups", "Hosts", "Hosts and endpoints", "Absent"]
    sheet = book["Hosts and endpoints"]
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0] == ("host", "site", *ordinary.endpoints)
    for host, row in zip(ordinary.hosts, rows[1:], strict=True):
        assert row == (host.name, host.site, *map(str, host.outcomes))
    assert [row[1] for row in list(book["Causes"].iter_rows(values_only=True))[1:]] == [c.id for c in ordinary.causes]


def test_metrics_are_read_by_an_openmetrics_reader(ordinary: Fleet) -> None:
    families = {family.name: family for family in metrics(ordinary)}
    ready = {one.labels["host"]: one.value for one in families["netprobe_fleet_host_ready"].samples}
    assert ready == {host.name: float(host.verdict in ("ready", "degraded")) for host in ordinary.hosts}
    caught = [
        one for one in families["netprobe_fleet_cause_hosts"].samples if one.labels["finding"] == "tls_intercepted"
    ]
    assert sum(one.value for one in caught) == len(ordinary.causes[0].hosts)
    assert families["netprobe_fleet_hosts_missing"].samples[0].value == 1


class Reader(html.parser.HTMLParser):
    """What a browser would build of a page, as far as it matters: elements, attributes, text outside of scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.rows: list[list[str]] = []
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._script = tag in ("script", "style")
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._script = False

    def handle_data(self, data: str) -> None:
        if not self._script:
            self.texts.append(data)
            if self.rows and self.rows[-1]:
                self.rows[-1][-1] += data


def page(fleet: Fleet) -> Reader:
    reader = Reader()
    reader.feed(text_of(fleet, "html"))
    reader.close()
    return reader


def test_the_page_has_the_map_with_hosts_as_columns(ordinary: Fleet) -> None:
    reader = page(ordinary)
    marks = [attrs for tag, attrs in reader.elements if tag == "td" and "data-h" in attrs]
    assert len(marks) == 60 * len(ordinary.endpoints)
    failing = [attrs for attrs in marks if attrs["class"] == "fail"]
    assert len(failing) == sum(host.outcomes.count("fail") for host in ordinary.hosts)
    assert "".join(reader.texts).count("What sets them apart") >= 1


def test_the_page_loads_nothing_and_allows_its_one_script_alone(ordinary: Fleet) -> None:
    reader = page(ordinary)
    assert [attrs for tag, attrs in reader.elements if tag == "script"] == [{}]
    assert not [attrs for _, attrs in reader.elements if {"src", "onclick", "onload", "style"} & set(attrs)]
    assert all(attrs.get("href", "#").startswith("#") for _, attrs in reader.elements)  # type: ignore[union-attr]
    [policy] = [attrs["content"] for _, attrs in reader.elements if attrs.get("http-equiv")]
    assert policy is not None
    assert re.search(r"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-[A-Za-z0-9+/]{43}='$", policy)


def test_many_hosts_do_not_drown_the_page() -> None:
    members = machines(random.Random(4), 30)
    members[29].faults = [fault("tcp_dropped")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("netprobe.fleet.formats.html.MOST_COLUMNS", 10)
        reader = page(fleet_of(members))
    columns = [attrs["data-h"] for tag, attrs in reader.elements if tag == "th" and "data-h" in attrs]
    failing = [
        attrs["data-h"] for tag, attrs in reader.elements if tag == "tr" and attrs.get("data-failing", "0") != "0"
    ]
    assert len(columns) == 10
    assert set(failing) <= set(columns)
    assert any("20 hosts at which nothing fails are left out" in text for text in reader.texts)


def test_markdown_tells_causes_and_matrices(ordinary: Fleet) -> None:
    shown = text_of(ordinary, "markdown")
    assert "### error: `tls_intercepted` CN=Example Corp" in shown
    assert "| endpoint |" in shown
    assert "**Sent nothing (1):** ghost" in shown


@pytest.mark.parametrize("format", sorted(set(FORMATS) - {"xlsx"}))
def test_no_format_lets_a_control_character_or_a_ci_command_out(format: str, hostile: Fleet) -> None:
    shown = render(hostile, format)
    text = shown.decode() if isinstance(shown, bytes) else shown
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\u202a-\u202e\u2066-\u2069]", text)
    assert not re.search(r"^\s*(::|##vso\[|##teamcity\[)", text, re.MULTILINE)


def test_hostile_names_make_no_element(hostile: Fleet, ordinary: Fleet) -> None:
    reader = page(hostile)
    assert {tag for tag, _ in reader.elements} <= {tag for tag, _ in page(ordinary).elements}
    assert sum(tag == "script" for tag, _ in reader.elements) == 1
    assert any("<script>alert(1)</script>" in text for text in reader.texts)


def test_hostile_names_make_no_formula(hostile: Fleet) -> None:
    for row in csv.reader(io.StringIO(text_of(hostile, "csv"), newline="")):
        assert not [cell for cell in row if cell.lstrip().startswith(("=", "+", "-", "@"))]
    evil = machines(random.Random(5), 1)
    evil[0].name = evil[0].site = "=HYPERLINK(1)"
    fleet = fleet_of(evil)
    assert "'=HYPERLINK(1)" in text_of(fleet, "csv")
    book = openpyxl.load_workbook(io.BytesIO(_bytes(render(fleet, "xlsx"))))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} <= {"s", "n"}
    formulas = [cell for cell in cells if cell.value == "=HYPERLINK(1)"]
    assert formulas
    assert all(cell.quotePrefix for cell in formulas), "nor when somebody edits it"


def test_a_workbook_has_no_time_of_its_own(ordinary: Fleet) -> None:
    data = _bytes(render(ordinary, "xlsx"))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {part.date_time for part in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    properties = openpyxl.load_workbook(io.BytesIO(data)).properties
    assert (properties.created.year, properties.modified.year) == (1980, 1980)


def test_hostile_names_make_no_markup(hostile: Fleet) -> None:
    shown = text_of(hostile, "markdown")
    assert "<script>" not in shown
    assert "](http" not in shown
    assert not re.search(r"(?<![\w&;])@all", shown)
    tables = [line for line in shown.splitlines() if line.startswith("|")]
    heads = [line.count("|") for line in tables]
    assert tables
    assert all(count >= 3 for count in heads)


def test_hostile_labels_break_no_metric(hostile: Fleet) -> None:
    families = metrics(hostile)
    hosts = [one for family in families if family.name == "netprobe_fleet_host_ready" for one in family.samples]
    assert len(hosts) == len(hostile.hosts)


def test_grouping_by_subnet_proxy_and_label() -> None:
    members = machines(random.Random(6), 40)
    members[0].faults = [fault("tcp_dropped")]
    assert {group.name for group in fleet_of(members, by="proxy").groups} == {one.proxy or "none" for one in members}
    assert {group.name for group in fleet_of(members, by="tier").groups} == {one.labels["tier"] for one in members}
    subnets = {f"{one.address.rpartition('.')[0]}.0/24" for one in members}
    assert {group.name for group in fleet_of(members, by="subnet").groups} == subnets
    for by in ("site", "proxy", "tier", "subnet"):
        fleet = fleet_of(members, by=by)
        assert sum(group.hosts for group in fleet.groups) == 40
        [cause] = fleet.causes
        assert sum(share.failing for share in cause.groups) == 1


def _bytes(shown: str | bytes) -> bytes:
    assert isinstance(shown, bytes)
    return shown
