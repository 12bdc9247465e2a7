"""What a person, cron, a monitoring system or code scanning sees of a report: the commands as they are run."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from netprobe import manual
from netprobe.cli import output, repository
from netprobe.errors import UsageError
from netprobe.findings import Place, Verdict
from netprobe.report import render
from netprobe.report.model import Report
from tests.support import reports
from tests.support.cli import environment, netprobe

TASK = {"family": "a", "containerDefinitions": [{"name": "a", "image": "a", "memory": 64}]}
BAD = TASK | {"requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc"}
NO_LOCALE = {"LC_ALL": "", "LC_CTYPE": "", "LANG": ""}


@pytest.fixture
def task(tmp_path: Path) -> Path:
    return written(tmp_path / "task.json", TASK)


def written(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def saved(path: Path, report: Report) -> Path:
    shown = render(report, "json")
    assert isinstance(shown, bytes)
    path.write_bytes(shown)
    return path


# --- quiet, folded, line -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["text", "line"])
def test_quiet_prints_nothing_where_all_is_well(format: str, tmp_path: Path) -> None:
    ready = saved(tmp_path / "ready.json", only_rules(Verdict.READY))
    done = netprobe("diagnose", str(ready), "-q", "--format", format)
    assert (done.code, done.out, done.err) == (0, "", "")
    assert netprobe("diagnose", str(ready), "--format", format).out.startswith("READY")


def test_quiet_hides_no_warning_and_no_machine_format(tmp_path: Path) -> None:
    warned = saved(tmp_path / "warned.json", only_rules(Verdict.DEGRADED))
    assert netprobe("diagnose", str(warned), "-q").out.startswith("READY, WITH WARNINGS")
    ready = saved(tmp_path / "ready.json", only_rules(Verdict.READY))
    assert json.loads(netprobe("diagnose", str(ready), "-q", "--format", "json").out)["verdict"] == "ready"
    assert netprobe("diagnose", str(ready), "-q", "--format", "nagios").out.startswith("NETPROBE OK - READY")


def test_quiet_still_writes_the_file_that_was_asked_for(tmp_path: Path) -> None:
    ready = saved(tmp_path / "ready.json", only_rules(Verdict.READY))
    done = netprobe("diagnose", str(ready), "-q", "-o", str(tmp_path / "report.txt"))
    assert (done.out, (tmp_path / "report.txt").read_text()[:5]) == ("", "READY")


def only_rules(verdict: Verdict) -> Report:
    return reports.report(verdict=verdict, endpoints=(), capabilities=(), observations=(), findings=())


def test_a_check_folds_what_passes_unless_it_is_to_show_all() -> None:
    folded = netprobe("check", "-r", "us-east-2", "--lab", "healthy")
    assert "  pass    control 5 of 5\n" in folded.out
    assert "ecs.us-east-2.amazonaws.com\n" not in folded.out.partition("ENDPOINTS")[2]
    assert folded.out.splitlines()[-1] == "READY: 13 endpoints: 13 pass (us-east-2)"
    for option in ("--full", "-v"):
        shown = netprobe("check", "-r", "us-east-2", "--lab", "healthy", option).out
        assert "  pass    ecs              ecs.us-east-2.amazonaws.com\n" in shown


def test_a_check_that_is_well_says_nothing_when_it_is_quiet() -> None:
    done = netprobe("check", "-r", "us-east-2", "--lab", "healthy", "-q")
    assert (done.code, done.out, done.err) == (0, "", "")


# --- terminals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("locale", "ascii"),
    [
        ({"LANG": "C"}, True),
        ({"LC_ALL": "POSIX", "LANG": "de_DE.UTF-8"}, True),
        ({"LC_ALL": "C", "LC_CTYPE": "C.UTF-8", "LANG": "C"}, True),
        ({"LC_CTYPE": "C.UTF-8", "LANG": "C"}, True),  # what Python makes of LANG=C
        ({"LANG": "de_DE.ISO-8859-1"}, True),
        ({}, True),
        ({"LANG": "en_GB.UTF-8"}, False),
        ({"LANG": "C.utf8"}, False),
        ({"LC_ALL": "C.UTF-8", "LANG": "C"}, False),
        ({"LC_CTYPE": "de_DE.utf8"}, False),
    ],
)
def test_which_locales_show_ascii_alone(
    locale: Mapping[str, str], ascii: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NO_LOCALE:
        monkeypatch.delenv(name, raising=False)
    for name, value in locale.items():
        monkeypatch.setenv(name, value)
    assert output.ascii_only() is ascii


@pytest.mark.parametrize(("locale", "arrow"), [("C", "->"), ("C.UTF-8", "→")])
def test_the_arrow_is_what_the_locale_can_show(locale: str, arrow: str, tmp_path: Path) -> None:
    path = written(tmp_path / "bad.json", BAD)
    done = netprobe("workload", str(path), env=NO_LOCALE | {"LANG": locale})
    assert done.code == 1
    assert f" {arrow} owner of the task definition;" in done.out
    assert done.out.isascii() is (locale == "C")


def test_in_a_pipe_text_is_80_wide_and_on_a_terminal_as_wide_as_that(tmp_path: Path) -> None:
    wordy = reports.finding("tls_intercepted", title="word " * 60)
    whole = only_rules(Verdict.NOT_READY)
    saved(tmp_path / "bad.json", msgspec.structs.replace(whole, findings=(wordy,)))
    piped = netprobe("diagnose", "bad.json", cwd=tmp_path).out.splitlines()
    assert 70 < max(map(len, piped)) <= 80
    assert 110 < max(map(len, on_a_terminal(tmp_path, 120).splitlines())) <= 120
    narrow = on_a_terminal(tmp_path, 40).splitlines()
    assert all(len(line) <= 40 or len(line.split()) == 1 or "netprobe explain" in line for line in narrow)
    verdict = next(number for number, line in enumerate(narrow) if number and line.startswith("NOT READY:"))
    assert len(narrow) - verdict <= 24


def on_a_terminal(folder: Path, width: int) -> str:
    """What a terminal of that width is given of the report there."""
    ours, theirs = pty.openpty()
    subprocess.run(["stty", "-F", os.ttyname(theirs), "cols", str(width), "rows", "24"], check=True, timeout=20)
    env = environment(NO_COLOR="1", LANG="C.UTF-8", LC_ALL="")
    env.pop("COLUMNS", None)  # the terminal itself says how wide it is
    process = subprocess.Popen(
        [sys.executable, "-m", "netprobe", "diagnose", "bad.json"],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env=env,
        cwd=folder,
    )
    os.close(theirs)
    pieces = []
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed (EIO)
            break
        if not piece:
            break
        pieces.append(piece)
    os.close(ours)
    assert process.wait(timeout=60) == 1
    return b"".join(pieces).decode().replace("\r\n", "\n")


# --- a monitoring plugin -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "more", "code", "word"),
    [
        (Verdict.READY, (), 0, "OK"),
        (Verdict.DEGRADED, (), 1, "WARNING"),
        (Verdict.DEGRADED, ("--strict",), 2, "CRITICAL"),
        (Verdict.NOT_READY, (), 2, "CRITICAL"),
        (Verdict.INCONCLUSIVE, (), 3, "UNKNOWN"),
    ],
)
def test_as_a_plugin_it_ends_with_a_plugins_codes(
    verdict: Verdict, more: tuple[str, ...], code: int, word: str, tmp_path: Path
) -> None:
    path = saved(tmp_path / "report.json", only_rules(verdict))
    done = netprobe("diagnose", str(path), "--format", "nagios", *more)
    assert (done.code, done.out.split(" - ")[0]) == (code, f"NETPROBE {word}")


@pytest.mark.parametrize(
    ("arguments", "env"),
    [
        (("check", "-r", "cn-north-1", "--format", "nagios"), {}),
        (("check", "-r", "nowhere-1", "--format=nagios"), {}),
        (("check", "--no-such-option", "--format", "nagios"), {}),
        (("diagnose", "/nonexistent.json"), {"NETPROBE_FORMAT": "nagios"}),
    ],
)
def test_as_a_plugin_a_mistake_is_unknown_and_no_alarm(arguments: tuple[str, ...], env: dict[str, str]) -> None:
    done = netprobe(*arguments, env=env)
    assert done.code == 3
    assert done.out.startswith("NETPROBE UNKNOWN - ")
    assert done.out.count("\n") == 1


def test_the_format_on_the_command_line_decides_which_codes_a_mistake_has() -> None:
    done = netprobe("check", "-r", "cn-north-1", "--format", "json", env={"NETPROBE_FORMAT": "nagios"})
    assert (done.code, done.out) == (2, "")


# --- links and places ----------------------------------------------------------------------------------------------


def test_every_finding_has_the_address_of_its_page_and_the_base_is_yours(tmp_path: Path) -> None:
    path = written(tmp_path / "bad.json", BAD)
    found = json.loads(netprobe("workload", str(path), "--format", "json").out)["findings"]
    assert found
    assert [one["docs"] for one in found] == [f"{manual.BASE}findings/{one['id']}/" for one in found]
    (tmp_path / "netprobe.toml").write_text('docs-base = "https://wiki.example.com/netprobe"\n')
    for more in ({"cwd": tmp_path}, {"env": {"NETPROBE_DOCS_BASE": "https://wiki.example.com/netprobe/"}}):
        run: dict[str, Any] = json.loads(netprobe("workload", str(path), "--format", "sarif", **more).out)["runs"][0]
        driver = run["tool"]["driver"]
        assert driver["informationUri"] == "https://wiki.example.com/netprobe/"
        for rule in driver["rules"]:
            assert rule["helpUri"] == f"https://wiki.example.com/netprobe/findings/{rule['id']}/"


@pytest.mark.parametrize(
    ("base", "reason"),
    [
        ("wiki", "is no http or https URL"),
        ("file:///etc/passwd", "is no http or https URL"),
        ("javascript:alert(1)", "is no http or https URL"),
        ("https://", "is no http or https URL"),
        ("https://user:secret@wiki.example.com/", "holds a user or password"),
        ("https://wiki.example.com/?q=1", "has a query or a fragment"),
        ("https://wiki.example.com/ x", "has blanks or characters that are not ASCII"),
        ("https://wiki.example.com/\u202e", "has blanks or characters that are not ASCII"),
        ("https://[::1", "is no URL"),
        (f"https://wiki.example.com/{'x' * 300}", "has more than 300 characters"),
    ],
)
def test_a_base_that_leads_nowhere_is_refused_in_one_line(base: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        manual.checked(base)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def scanned(path: Path, *more: str, cwd: Path) -> list[dict[str, Any]]:
    done = netprobe("workload", str(path), "--format", "sarif", *more, cwd=cwd)
    results: list[dict[str, Any]] = json.loads(done.out)["runs"][0]["results"]
    assert results
    return results


def uris(results: list[dict[str, Any]]) -> set[str]:
    return {place["physicalLocation"]["artifactLocation"]["uri"] for result in results for place in result["locations"]}


def test_sarif_names_files_from_the_root_of_the_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "deploy").mkdir()
    written(tmp_path / "deploy/task.json", BAD)
    assert uris(scanned(Path("task.json"), cwd=tmp_path / "deploy")) == {"deploy/task.json"}
    assert uris(scanned(Path("deploy/task.json"), cwd=tmp_path)) == {"deploy/task.json"}


@pytest.mark.parametrize("anchor", ["README.md", "netprobe.toml", "main.tf"])
def test_what_is_in_no_file_of_the_repository_is_shown_in_one_that_is_there(anchor: str, tmp_path: Path) -> None:
    outside = written(tmp_path / "elsewhere.json", BAD)
    (tmp_path / "repository/.git").mkdir(parents=True)
    (tmp_path / "repository" / anchor).write_text("")
    assert uris(scanned(outside, cwd=tmp_path / "repository")) == {anchor}


def test_a_job_says_itself_where_its_repository_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(file="task.json", line=3)
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/task.json").write_text("{}")
    report = reports.report(findings=(reports.finding("x", places=(place,)),))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    assert repository.around(report, tmp_path / "a/b").paths == {"task.json": "a/b/task.json"}
    monkeypatch.setenv("GITHUB_WORKSPACE", "/elsewhere")
    monkeypatch.setenv("CI_PROJECT_DIR", str(tmp_path / "a"))
    assert repository.around(report, tmp_path / "a/b").paths == {"task.json": "b/task.json"}


@pytest.mark.parametrize("file", ["/etc/passwd", "../outside", "\0", "x" * 5000, "loop", "folder", "absent", ""])
def test_a_place_that_is_no_file_of_the_repository_is_none(file: str, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("")
    (tmp_path / "repository/folder").mkdir(parents=True)
    (tmp_path / "repository/.git").mkdir()
    (tmp_path / "repository/loop").symlink_to("loop")
    report = reports.report(findings=(reports.finding("x", places=(Place(file=file),)),))
    assert repository.around(report, tmp_path / "repository").paths == {}
