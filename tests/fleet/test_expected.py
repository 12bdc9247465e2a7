"""Who should have sent a report: lists, inventories, and how they are held against what hosts call themselves."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.errors import UnreadableFileError
from netprobe.fleet import expected
from netprobe.fleet.census import Census
from netprobe.fleet.files import Document
from netprobe.fleet.model import Fleet
from netprobe.fleet.survey import FleetOptions, survey
from tests.support.fleets import encoded, machines

INI = """
# the gateway has no agent
jump.example

[fra]
web[01:03].fra.example ansible_host=10.0.0.1
db.fra.example:2222   ; odd port

[muc]
host-[a:c].muc.example

[all_sites:children]
fra
muc

[fra:vars]
ansible_user=ops
"""
YAML = """
all:
  hosts:
    jump.example:
  children:
    fra:
      hosts:
        web[01:03].fra.example:
          ansible_host: 10.0.0.1
          password: !vault |
            $ANSIBLE_VAULT;1.1;AES256
            6162
      vars:
        ansible_user: ops
    muc:
      children:
        inner:
          hosts:
            db.muc.example: {}
"""
JSON = '{"_meta": {"hostvars": {"a": {}, "b": {}}}, "fra": {"hosts": ["a", "c"]}, "all": {"children": ["fra"]}}'


def names(tmp_path: Path, text: str) -> tuple[str, ...]:
    path = tmp_path / "hosts"
    path.write_text(text, encoding="utf-8")
    return expected.read(path)


def test_a_list_of_names(tmp_path: Path) -> None:
    assert names(tmp_path, "web1\n\n# no\nweb2  # comment\nweb1\n10.0.0.7\n2001:db8::7\n") == (
        *("web1", "web2", "10.0.0.7", "2001:db8::7"),
    )


def test_an_inventory_in_ini(tmp_path: Path) -> None:
    assert names(tmp_path, INI) == (
        *("jump.example", "web01.fra.example", "web02.fra.example", "web03.fra.example", "db.fra.example"),
        *("host-a.muc.example", "host-b.muc.example", "host-c.muc.example"),
    )


def test_an_inventory_in_yaml_with_a_vault(tmp_path: Path) -> None:
    assert set(names(tmp_path, YAML)) == {
        *("jump.example", "web01.fra.example", "web02.fra.example", "web03.fra.example", "db.muc.example"),
    }


@pytest.mark.parametrize(
    "text",
    [
        "- web1\n- web2\n",
        "---\n# all of them\n- web1\n- web2\n",
        '["web1", "web2"]',
        '{"servers": ["web1", "web2"]}',
        "all: {hosts: {web1: , web2: }}\n",
        '"all":\n  hosts:\n    web1:\n    web2:\n',
        "root@web1\nroot@web2:2222\n",
    ],
    ids=["yaml-list", "yaml-list-behind-a-mark", "json-list", "json-groups", "flow", "quoted", "as-ssh-takes-it"],
)
def test_a_list_in_another_notation_is_one(tmp_path: Path, text: str) -> None:
    """A dash or a colon that was taken for a host is one that never sends anything."""
    assert names(tmp_path, text) == ("web1", "web2")


def test_an_address_with_a_port_is_the_address(tmp_path: Path) -> None:
    assert names(tmp_path, "[2001:db8::7]:22\n10.0.0.7:22\n") == ("2001:db8::7", "10.0.0.7")


def test_a_list_in_utf_16_says_so(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("web1\n", encoding="utf-16")
    with pytest.raises(UnreadableFileError, match="is UTF-16"):
        expected.read(path)


def test_an_inventory_as_ansible_prints_it(tmp_path: Path) -> None:
    assert set(names(tmp_path, JSON)) == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "names no host"),
        ("[fra:vars]\na=1\n", "names no host"),
        ("web[9:1]", "range"),
        ("web[1:99999999]", "range"),
        ("web[0:999][0:999][0:999][0:999]", "more than|range"),
        ("=x", "names no host"),
        ("all:\n  hosts: &a\n    x:\n  more: *a\n", "anchors"),
        ("all:\n  - x\n - y", "no list of hosts"),
        ("{" * 5000, "no list of hosts"),
        ("plugin: amazon.aws.aws_ec2\nregions: [us-east-1]\n", "ansible-inventory --list"),
        ("- {name: web1}\n", "no name of a host"),
    ],
)
def test_what_is_no_list_says_so(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UnreadableFileError, match=reason):
        names(tmp_path, text)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="cannot be read"):
        expected.read(tmp_path / "none")


@given(st.text(max_size=200))
def test_any_text_is_a_list_or_says_why(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_text(text, encoding="utf-8")
    try:
        assert expected.read(path)
    except UnreadableFileError as exc:
        told = str(exc)
        assert told.isprintable()


def held(wanted: tuple[str, ...], called: tuple[str, ...]) -> Fleet:
    census = Census()
    for machine, name in zip(machines(random.Random(1), len(called)), called, strict=True):
        machine.name = name
        census.add(Document(source=f"reports/{name}.json", stem=name, data=encoded(machine)))
    return survey(census, FleetOptions(now=1_764_500_000.0, expected=wanted))


@pytest.mark.parametrize(
    ("wanted", "called", "missing", "unexpected"),
    [
        (("web1", "web2"), ("web1",), ("web2",), ()),
        (("web1.fra.example",), ("web1",), (), ()),
        (("web1",), ("WEB1.fra.example",), (), ()),
        (("web1.fra.example",), ("web1.muc.example",), ("web1.fra.example",), ("web1.muc.example",)),
        (("web1.fra.example", "web1.muc.example"), ("web1",), ("web1.muc.example",), ()),
        (("10.9.9.9",), ("web1",), ("10.9.9.9",), ("web1",)),
        ((), ("web1",), (), ("web1",)),
    ],
)
def test_names_are_held_against_names(
    wanted: tuple[str, ...], called: tuple[str, ...], missing: tuple[str, ...], unexpected: tuple[str, ...]
) -> None:
    fleet = held(wanted, called)
    assert (fleet.missing, fleet.unexpected) == (missing, unexpected)
    assert fleet.verdict == ("inconclusive" if missing else "ready")


def test_an_address_of_the_inventory_is_met_by_the_source_address() -> None:
    address = machines(random.Random(1), 1)[0].address
    assert held((address,), ("web1",)).missing == ()


def test_reports_that_are_too_old_count_as_none() -> None:
    census = Census()
    old, new = machines(random.Random(2), 2)
    old.started_at, new.started_at = "2025-11-28T10:00:00Z", "2025-11-30T10:00:00Z"
    undated = machines(random.Random(3), 3)[2]
    undated.started_at = "yesterday"
    for machine in (old, new, undated):
        census.add(Document(source=machine.name, stem=machine.name, data=encoded(machine)))
    fleet = survey(census, FleetOptions(now=1_764_500_400.0, max_age_seconds=86400))
    assert set(fleet.too_old) == {old.name, undated.name}
    assert fleet.verdict == "inconclusive"
    assert fleet.verdicts["too_old"] == 2
