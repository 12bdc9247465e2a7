"""PAN-OS cannot be had here: an independent reader of its documented rules, and the vendor's own pan-os-python.

The reader is ``tests/support/panos_reader.py``.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from panos.objects import CustomUrlCategory

from netprobe.render import Options, Rendered, render, targets
from netprobe.render.model import Policy
from tests.support.panos_reader import Device, check_entry
from tests.support.render_cases import CASES, HOSTS, ORIGIN, enforcing
from tests.support.render_corpus import corpus
from tests.support.running import blocks


def _load(made: Rendered) -> Device:
    device = Device()
    for line in made.main.splitlines():
        if line and not line.startswith("#"):
            device.run(line)
    return device


@pytest.mark.parametrize(
    ("case", "options"),
    [
        ("strict", CASES["strict"].options),
        ("wide", CASES["wide"].options),
        ("strict", Options(seen=CASES["strict"].options.seen, enumerate=True)),
    ],
)
def test_the_documented_rules_admit_what_is_claimed(case: str, options: Options) -> None:
    endpoints = CASES[case].endpoints
    made = render("panos", endpoints, origin=ORIGIN, options=options, policy=enforcing("panos"))
    device = _load(made)
    asked = [(name, port) for name in corpus(endpoints) for port in (443, 80, 8443)]
    decided = {question: device.allows(*question) for question in asked}
    assert decided == {(name, port): made.lowered.admits(name, port) for name, port in asked}
    assert {True, False} <= set(decided.values())


def test_rules_hold_together() -> None:
    """Every category has its type, every rule its objects; the deny stands behind every allow, for the same hosts."""
    wide = CASES["wide"]
    device = _load(render("panos", wide.endpoints, origin=ORIGIN, options=wide.options, policy=enforcing("panos")))
    assert set(device.types.values()) == {"URL List"}
    assert set(device.types) == set(device.categories)
    assert device.order[-1] == "netprobe-deny"
    assert sorted(device.services.values()) == [80, 443]
    assert set(device.rules["netprobe-deny"]["service"]) == {*device.services, *device.udp}
    assert [*device.udp.values()] == [[80, 443]]
    assert [device.addresses[one] for one in device.groups["netprobe-hosts"]] == list(HOSTS)
    for name, rule in device.rules.items():
        assert rule["source"] == ["netprobe-hosts"]
        assert rule["action"] == ["deny" if name == "netprobe-deny" else "allow"]
        assert set(rule.get("category", ())) <= set(device.categories)


def test_loading_it_again_changes_nothing() -> None:
    made = render(
        "panos", CASES["strict"].endpoints, origin=ORIGIN, options=CASES["strict"].options, policy=enforcing("panos")
    )
    once, twice = _load(made), _load(made)
    for line in made.main.splitlines():
        if line.startswith(("delete", "set", "move")):
            twice.run(line)
    assert twice == once


def test_hosts_of_before_are_in_the_group_no_longer() -> None:
    """A group that a rule names cannot be deleted, and ``set`` only adds members: so the rules go first."""
    case = CASES["strict"]
    for before in (Policy(enforce=True, sources=("192.0.2.0/24",)), Policy(enforce=True, every_client=True)):
        old, new = (
            render("panos", case.endpoints, origin=ORIGIN, options=case.options, policy=policy)
            for policy in (before, enforcing("panos"))
        )
        device = _load(old)
        for line in new.main.splitlines():
            if line.startswith(("delete", "set", "move")):
                device.run(line)
        assert [device.addresses[one] for one in device.groups["netprobe-hosts"]] == list(HOSTS)
        assert {tuple(rule["source"]) for rule in device.rules.values()} == {("netprobe-hosts",)}
        assert device.order == ["netprobe-allow-443", "netprobe-deny"]


def test_the_vendors_library_takes_the_category() -> None:
    wide = CASES["wide"]
    device = _load(render("panos", wide.endpoints, origin=ORIGIN, options=wide.options, policy=enforcing("panos")))
    for name, entries in device.categories.items():
        category = CustomUrlCategory(name=name, url_value=entries, type="URL List")
        assert re.findall(r"<member>([^<]+)</member>", category.element_str().decode()) == entries


def test_what_is_pasted_is_commands_alone(tmp_path: Path) -> None:
    """The page's line for one's own machine; in the block for the device there is no shell."""
    own, device = blocks("panos", "Load")
    case = CASES["wide"]
    output = render("panos", case.endpoints, origin=ORIGIN, options=case.options, policy=enforcing("panos")).main
    (tmp_path / "netprobe.set").write_text(output, encoding="utf-8")
    subprocess.run(["sh", "-euc", own], cwd=tmp_path, check=True, timeout=20)
    pasted = (tmp_path / "netprobe.paste").read_text(encoding="utf-8").splitlines()
    assert {line.partition(" ")[0] for line in pasted} == {"set", "delete", "move"}
    assert pasted == [line for line in output.splitlines() if line and not line.startswith("#")]
    assert "grep" not in device


def test_the_reader_notices_what_is_invalid() -> None:
    for entry in ("ecs-a-*.us-east-2.amazonaws.com/", "a.example.com", "https://a.example.com/", "*.*.example.com/"):
        with pytest.raises(AssertionError):
            check_entry(entry)


@pytest.mark.parametrize("name", [name for name in targets.names() if name.startswith("panos")])
def test_nothing_told_reaches_for_an_old_candidate(name: str) -> None:
    """``last-saved`` is the candidate that somebody saved last, with a commit behind it a year of changes undone.

    And a placeholder is a word that the page explains: ``test security-policy-match`` takes an address, no ``ANY``.
    """
    page = targets.page(name)
    told = f"{targets.get(name).COMMANDS.rollback}\n{page.partition('## Roll back')[2].partition('Not')[0]}"
    assert "last-saved" not in told
    assert ("load config from running-config.xml" in told) == (name != "panos-edl"), "a list needs no candidate"
    assert "destination ANY" not in page
    assert "url-category-cache" not in page, "there is no such command"
