"""``check``, ``gate`` and ``exporter`` ask for the same check: no option is lost on the way to a request."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from netprobe.checking import perform
from netprobe.checking.request import CheckRequest
from netprobe.cli import asking
from netprobe.cli.commands import build
from netprobe.cli.main import run
from netprobe.errors import UsageError

OF_GATE = {
    "region": "regions",
    "with_groups": "groups",
    "without_groups": "without-groups",
    "account": "account",
    "task_definition": "workloads",
    "expect": "expect",
}
"""Options of check that a gate reads from ``[gate]``, and their keys there."""
OF_A_PERSON = {"handoff", "handoff_target", "verbose", "schema", "watch", "until", "for_", "wait"}
"""Options of check that nothing but a check has: texts for people, and when to look again."""


def parameters(command: str) -> set[str]:
    return {parameter.name for parameter in build(command).params}


def test_every_option_of_check_is_one_of_gate_or_a_key_of_its_table() -> None:
    assert parameters("check") - parameters("gate") - set(OF_GATE) == OF_A_PERSON
    assert set(OF_GATE) | OF_A_PERSON <= parameters("check"), "an entry for an option that check no longer has"


@pytest.mark.parametrize("command", ["check", "gate", "exporter"])
def test_every_field_of_a_group_is_an_option_where_the_group_stands(command: str) -> None:
    options = [parameter.name for parameter in build(command).params]
    groups = (asking.HowToProbe,) if command == "gate" else (asking.WhatToProbe, asking.HowToProbe)
    for group in groups:
        fields = [field.name for field in dataclasses.fields(group)]
        first = options.index(fields[0])
        assert options[first : first + len(fields)] == fields
    assert not {"what", "how"} & set(options)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[CheckRequest]:
    """The requests that commands make; none is performed."""
    requests: list[CheckRequest] = []

    def prepare(request: CheckRequest, outside: Any = None) -> Any:
        requests.append(request)
        raise UsageError("the test", "has seen enough", "")

    monkeypatch.setattr(perform, "prepare", prepare)
    return requests


def given(tmp_path: Path) -> list[str]:
    """Every option that a request takes from a command line, none at its default."""
    return [
        *("--as", "docker", "--root", str(tmp_path), "--resolver", "127.0.0.1:53"),
        *("--ca-file", str(tmp_path / "ca.pem"), "--origin-ca", str(tmp_path / "origin.pem")),
        *("--fips", "--dualstack", "-4", "--ecs-numbers", "1-2", "--timeout", "1", "--deadline", "2"),
        *("--concurrency", "3", "--idle", "4", "--lab", "healthy", "--locate", "--label", "site=hall-2"),
    ]


def fields_at_their_default(request: CheckRequest) -> set[str]:
    default = CheckRequest()
    return {name for name in CheckRequest.__struct_fields__ if getattr(request, name) == getattr(default, name)}


OWN = '[[endpoint]]\nid = "harbor"\npattern = "harbor.corp.example"\n'


def test_check_hands_on_every_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[CheckRequest]
) -> None:
    (tmp_path / "netprobe.toml").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    shared = given(tmp_path)
    mine = ["-r", "us-east-2", "--with", "exec", "--without", "logs", "--account", "123456789012"]
    mine += ["--task-definition", "t.json", "--expect", "images=private"]

    assert run(["check", *mine, *shared, "--proxy", "http://127.0.0.1:3128"]) == 2
    assert run(["check", *mine, *shared, "--no-proxy"]) == 2

    # A report for people needs no certificates of chains that verified; that is not the default of a request.
    assert fields_at_their_default(asked[0]) == {"no_proxy"}
    assert fields_at_their_default(asked[1]) == {"proxy"}


def test_gate_hands_on_every_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[CheckRequest]) -> None:
    gate = '[gate]\nregions = ["us-east-2"]\ngroups = ["exec"]\nwithout-groups = ["logs"]\naccount = "123456789012"\n'
    (tmp_path / "t.json").write_text('{"family": "x", "containerDefinitions": [{"name": "a", "image": "nginx"}]}')
    (tmp_path / "netprobe.toml").write_text(f'{gate}workloads = ["t.json"]\nexpect = {{ images = "private" }}\n{OWN}')
    monkeypatch.chdir(tmp_path)
    shared = given(tmp_path)

    assert run(["gate", *shared, "--proxy", "http://127.0.0.1:3128"]) == 2
    assert run(["gate", *shared, "--no-proxy"]) == 2

    # A gate looks into the chains, to know the CA that it was told of.
    assert fields_at_their_default(asked[0]) == {"no_proxy", "genuine_chains"}
    assert fields_at_their_default(asked[1]) == {"proxy", "genuine_chains"}


def test_the_exporter_hands_on_every_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[CheckRequest]
) -> None:
    (tmp_path / "netprobe.toml").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    mine = ["-r", "us-east-2", "--with", "exec", "--without", "logs", "--account", "123456789012"]
    mine += ["--task-definition", "t.json", "--expect", "images=private"]

    assert run(["exporter", *mine, *given(tmp_path), "--proxy", "http://127.0.0.1:3128"]) == 2
    assert run(["exporter", *mine, *given(tmp_path), "--no-proxy"]) == 2

    assert fields_at_their_default(asked[0]) == {"no_proxy"}
    assert fields_at_their_default(asked[1]) == {"proxy"}


def test_a_group_that_is_expected_must_exist() -> None:
    with pytest.raises(UsageError, match="imgs=private: there is no such group"):
        perform.prepare(CheckRequest(regions=["us-east-2"], expect={"imgs": "private"}, lab="healthy"))
