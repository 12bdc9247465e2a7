"""No text from outside becomes a command of a CI system: every field of every format, and stderr.

What a runner takes for a command is written here again, from the runners' own rules, and tried on what is printed.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from netprobe import cilog, jsontext
from netprobe.cli import output
from netprobe.report import FORMATS, render
from netprobe.report.model import Report
from tests.support import bounded, reports

PLANTED = (
    "::stop-commands::token",
    "::add-mask::secret",
    "\n::set-env name=PATH::/tmp",
    " \t::error file=a,line=1::text",
    "::error::\u202ereversed",
    "##[add-mask]npPassed",
    "###[group]",
    "##[section]##[endgroup]",
    "##vso[task.prependpath]/tmp/evil",
    "##VSO[task.complete result=Succeeded]",
    "a ##teamcity[buildStatus status='SUCCESS']",
    "a" * 60 + " ::stop-commands::token ##vso[task.complete]",
    "\x9b31m\x85\u2028::warning::x",
    "[click](https://evil.example) {0} {12}",
    "http://x.example/##vso[task.setvariable variable=a]b",
)
PARTS = ["::", ":", "##", "#", "[", "vso[", "teamcity[", "add-mask", " ", "\n", "x", "]"]
OURS = re.compile(r"::(error|warning|notice) title=netprobe%3A ")


def commands(shown: str, *, github: bool = False) -> list[str]:
    """The lines that some runner would obey."""
    found = []
    for line in re.split(r"\r\n|\n|\r", shown):
        begun = line.lstrip()
        named = begun.startswith("::") and begun[2:3].isalpha() and "::" in begun[2:]
        if named and not (github and OURS.match(line)):
            found.append(line)
        if any(mark in line.lower() for mark in ("##[", "##vso[", "##teamcity[")):
            found.append(line)
    return found


def shown(report: Report, format: str, width: int = 80) -> str:
    out = render(report, format, width=width)
    return out if isinstance(out, str) else out.decode("utf-8")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("text", PLANTED)
def test_no_field_of_any_format_holds_a_command(format: str, text: str) -> None:
    for width in (20, 64, 80, 200) if format == "text" else (80,):
        out = shown(reports.hostile(text), format, width)
        assert commands(out, github=format == "github") == []
        assert not re.search("[\x7f-\x9f\u202a-\u202e\u2028\u2029]", out)


@settings(max_examples=150)
@given(
    st.lists(
        st.sampled_from(["::", ":", "##", "#", "[", "vso[", "teamcity[", "add-mask", " ", "\n", "x", "]"]), max_size=14
    )
)
@example(["#", "##", "[", "x"])
def test_no_mixture_of_their_parts_does(parts: list[str]) -> None:
    text = "".join(parts)
    for format in FORMATS:
        assert commands(shown(reports.hostile(text), format), github=format == "github") == []


@given(st.text(alphabet='#[]vso:\\"\n\u202e\x9bé', max_size=20))
def test_json_means_the_same(text: str) -> None:
    assert json.loads(jsontext.encode({"key": text})) == {"key": text}


@given(st.text(alphabet="#[]vso:a \n", max_size=20))
def test_markup_means_the_same(text: str) -> None:
    document = "<a>" + text.replace("&", "&amp;").replace("<", "&lt;") + "</a>"
    assert (ET.fromstring(cilog.in_markup(document)).text or "") == text


@pytest.mark.parametrize(
    "text", ["::1", "fe80::1 and ::1", "ssl::server_name", "# comment", "## netprobe", "#[x]", "a::b::c"]
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert cilog.in_text(text) == text


def test_sarif_has_no_live_links_and_no_placeholders() -> None:
    document = json.loads(shown(reports.hostile("[click](https://evil.example) {0}"), "sarif"))
    message = document["runs"][0]["results"][0]["message"]["text"]
    assert r"[click\](https://evil.example) {{0}}" in message
    assert not re.search(r"(?<!\\)\]\(", message)


@pytest.mark.parametrize("text", PLANTED)
def test_nor_does_a_line_on_stderr(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    output.say(text)
    output.say(f"netprobe: {text}: cannot be read")
    assert commands(capsys.readouterr().err) == []


@pytest.mark.parametrize("format", FORMATS)
def test_an_image_gives_no_orders(format: str, tmp_path: Path) -> None:
    image = Path(__file__).parent / "cases" / "hostile" / "ci-log-command.tar.gz"
    ended = bounded.netprobe("image", image, "--format", format, cwd=tmp_path)
    assert ended.returncode == (2 if format == "nagios" else 1)  # a plugin's word for critical
    assert commands(ended.stdout, github=format == "github") == []
    assert commands(ended.stderr) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["image", "##vso[task.complete result=Succeeded].tar"],
        ["workload", "##[add-mask]x"],
        ["##teamcity[buildStatus status='SUCCESS']"],
        ["render", "##vso[x]y", "-r", "us-east-2"],
        ["check", "-r", "::stop-commands::x"],
        ["diagnose", "##[x]"],
        ["explain", "##vso[x]y"],
        ["audit", "-r", "us-east-2", "##vso[x]y"],
        ["observe", "##vso[x]y"],
    ],
)
def test_nor_does_a_mistake(arguments: list[str], tmp_path: Path) -> None:
    ended = bounded.netprobe(*arguments, cwd=tmp_path)
    assert ended.returncode == 2
    assert commands(ended.stdout + ended.stderr) == []
