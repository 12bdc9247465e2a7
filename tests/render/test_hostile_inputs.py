"""Files from outside that netprobe render reads: a report, a lock, AWS's networks, a configuration to compare with.

Whatever stands in them, no control character reaches the terminal, no rule appears that nobody asked for, and it never
ends in a bug (exit code 3).
"""

from __future__ import annotations

import contextlib
import io
import json
import unicodedata
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from netprobe.cli.main import run
from netprobe.errors import CannotExpressError
from netprobe.findings import Outcome
from netprobe.render import Options, readers, render, targets
from netprobe.render.compare import compare, lines
from tests.support import reports
from tests.support.render_cases import CASES, ORIGIN, allowing, ecs
from tests.support.some import some

HOSTILE = (
    "x\nhttp_access allow all",
    "\x1b]0;owned\x07",
    "\x1b[2Jus-east-2",
    "$(reboot)",
    "`reboot`",
    "all",
    "us-east-1,us-west-2",
    "cn-north-1",
    "*.evil.example",
    "evil.example",
    "0.0.0.0/0",
    "::/0",
    "fe80::1%\nreboot",
    "../../etc/passwd",
    "x" * 5000,
    "\u202eevil",
    "\u2028",
    "",
)
_texts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=40))
_settings = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _ask(argv: list[str]) -> tuple[int, str, str]:
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(argv)
    out.seek(0)
    return code, out.read(), err.getvalue()


def _harmless(code: int, out: str, err: str) -> list[str]:
    """Check what always holds, and give the rules that were written."""
    assert code in (0, 1, 2), err
    for text in (out, err):
        assert _steers_no_terminal(text), text
    return [line for line in out.splitlines() if line.strip() and not line.startswith(("#", "!"))]


def _steers_no_terminal(text: str) -> bool:
    """No control character, no mark of direction, no separator of lines (Unicode categories Cc, Cf, Zl, Zp)."""
    return all(c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Zl", "Zp") for c in text)


def _report() -> dict[str, Any]:
    blocked = reports.endpoint("ecs", Outcome.FAIL, reports.host("ecs", Outcome.FAIL, "dns", "dns_nxdomain"))
    report = reports.report(endpoints=(blocked,))
    return dict(json.loads(msgspec.json.encode(report)))


def test_a_report_names_what_is_rendered(tmp_path: Path) -> None:
    """The ground for the test below: the report as it should be gives the rule of the one endpoint."""
    (tmp_path / "report.json").write_text(json.dumps(_report()), encoding="utf-8")
    rules = _harmless(*_ask(["render", "hosts", "--from", str(tmp_path / "report.json")]))
    assert rules == ["ecs.us-east-2.amazonaws.com"]


@_settings
@given(where=st.sampled_from(["id", "region", "group", "pattern"]), hostile=_texts)
def test_a_hostile_report_adds_no_rule(tmp_path: Path, where: str, hostile: str) -> None:
    document = _report()
    document["endpoints"][0][where] = hostile
    (tmp_path / "report.json").write_text(json.dumps(document), encoding="utf-8")
    code, out, err = _ask(["render", "hosts", "--from", str(tmp_path / "report.json")])
    assert set(_harmless(code, out, err)) <= {"ecs.us-east-2.amazonaws.com"}
    assert code != 0 or "ecs.us-east-2.amazonaws.com" in out, "an allowlist without an entry was written"


LOOK = {
    "pattern": "ecs-a-*.us-east-2.amazonaws.com",
    "name": "ecs-a-7.us-east-2.amazonaws.com",
    "address": "192.0.2.7",
    "at": "2026-11-23T12:00:00Z",
    "resolver": "192.0.2.53",
}
"""A look at the DNS, as a lock keeps it."""


def _rules_of_a_lock(folder: Path, look: dict[str, str]) -> str:
    seen = {"at": look["at"], "resolver": look["resolver"], "names": {look["name"]: [look["address"]]}}
    lock = folder / "lock"
    lock.write_text(json.dumps({"version": 1, "patterns": {look["pattern"]: seen}}), encoding="utf-8")
    argv = ["render", "cisco-asa", "-r", "us-east-2", "--lock", str(lock), "--account", "123456789012"]
    return "\n".join(_harmless(*_ask(argv)))


def test_a_lock_names_what_is_rendered(tmp_path: Path) -> None:
    """The ground for the test below: the number that was seen, and no other."""
    rules = _rules_of_a_lock(tmp_path, LOOK)
    assert "ecs-a-7.us-east-2.amazonaws.com" in rules
    assert "ecs-a-8.us-east-2.amazonaws.com" not in rules


@_settings
@given(where=st.sampled_from(sorted(LOOK)), hostile=_texts)
@example("address", "0.0.0.0/0")
@example("name", "evil.example")
@example("pattern", "*.evil.example")
def test_a_hostile_lock_adds_no_rule(tmp_path: Path, where: str, hostile: str) -> None:
    out = _rules_of_a_lock(tmp_path, {**LOOK, where: hostile})
    assert "evil" not in out
    assert "0.0.0.0/0" not in out
    assert "reboot" not in out


NETWORKS = {
    "ip_prefix": "192.0.2.0/24",
    "region": "us-east-2",
    "service": "AMAZON",
    "createDate": "2026-11-23-00-00-00",
    "syncToken": "1",
}
"""One network, and what the file says of itself."""


def _rules_of_networks(folder: Path, networks: dict[str, str]) -> str:
    """Networks answer for other customers too, so without leave to widen nothing at all is written."""
    prefix = {name: networks[name] for name in ("ip_prefix", "region", "service")}
    document = {**networks, "prefixes": [prefix], "ipv6_prefixes": []}
    (folder / "ranges.json").write_text(json.dumps(document), encoding="utf-8")
    argv = ["render", "nftables", "-r", "us-east-2", "--allow-widening", "--ip-ranges", str(folder / "ranges.json")]
    return "\n".join(_harmless(*_ask(argv)))


def test_networks_are_what_is_rendered(tmp_path: Path) -> None:
    """The ground for the test below."""
    assert "192.0.2.0/24" in _rules_of_networks(tmp_path, NETWORKS)


@_settings
@given(where=st.sampled_from(sorted(NETWORKS)), hostile=_texts)
@example("ip_prefix", "0.0.0.0/0")
def test_hostile_networks_add_no_rule(tmp_path: Path, where: str, hostile: str) -> None:
    out = _rules_of_networks(tmp_path, {**NETWORKS, where: hostile})
    assert "evil" not in out
    assert "/0" not in out
    assert "reboot" not in out


_PIECES = st.sampled_from(
    [
        "acl a dstdomain ",
        "acl a dstdom_regex -i ",
        "http_access allow a",
        "http_access deny all",
        "-A OUTPUT ",
        "-d ",
        "--dport ",
        "-m set --match-set s dst ",
        "-j ACCEPT",
        "add s ",
        "chain x {",
        "set s { elements = { ",
        "ip daddr ",
        "tcp dport ",
        " accept",
        "set profiles custom-url-category c list ",
        "set rulebase security rules r category c ",
        "action deny",
        "(a+)+$",
        "[",
        "\\",
        "\x1b[31m",
        "\n",
        '"',
        "443",
        "1:99999",
        "0.0.0.0/0",
        "*.amazonaws.com",
        "^.",
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    target=st.sampled_from(sorted(readers.READERS)), text=st.lists(st.one_of(_PIECES, st.text(max_size=8)), max_size=25)
)
def test_no_configuration_breaks_a_reader(target: str, text: list[str]) -> None:
    configuration = readers.READERS[target]("".join(text))
    found = compare(configuration, ecs("us-east-2"), CASES["strict"].options)
    assert all("\n" not in line and _steers_no_terminal(line) for line in lines(found))


def test_an_allowlist_without_an_entry_is_not_written(tmp_path: Path) -> None:
    """In some formats it could not be told from one that denies nothing."""
    options = Options(addresses=CASES["strict"].options.addresses)
    for name in some(targets.names()):
        with pytest.raises(CannotExpressError):
            render(name, (), origin=ORIGIN, options=options, policy=allowing(name))
