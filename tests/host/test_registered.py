"""What a registered host tells of itself, from roots with the files that the agents write."""

from __future__ import annotations

import datetime
import json
import time
from pathlib import Path

import pytest

from netprobe.host.agents import registered
from netprobe.host.filesystem import FolderRoot
from netprobe.host.machine import Machine

NOW = datetime.datetime(2026, 11, 28, 12, tzinfo=datetime.UTC)
URL = "https://ecs-{kind}-{number}.us-east-2.amazonaws.com/ws?agentHash=7d5ec06f&agentVersion=1.98.0"


def put(root: Path, path: str, text: str) -> None:
    file = root / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def hosts(root: Path) -> tuple[str, ...]:
    with FolderRoot(root) as opened:
        return registered.own_hosts(opened, NOW)


def region(root: Path) -> registered.AgentsRegion | None:
    with FolderRoot(root) as opened:
        return registered.region(Machine(root=opened, subject="host"))


def today(kind: str, number: int, hour: int = 10) -> str:
    url = URL.format(kind=kind, number=number)
    return f'level=info time=2026-11-28T{hour:02}:00:00Z msg="Establishing a Websocket connection" url="{url}"'


def test_the_newest_name_of_each_kind_counts(tmp_path: Path) -> None:
    lines = [today("a", 2, 8), today("t", 2, 8), 'level=info msg="Connected to ACS endpoint"', today("a", 16)]
    put(tmp_path, registered.LOG, "\n".join(lines))
    assert hosts(tmp_path) == ("ecs-a-16.us-east-2.amazonaws.com", "ecs-t-2.us-east-2.amazonaws.com")


def test_the_older_form_of_the_line_and_the_bare_name(tmp_path: Path) -> None:
    put(
        tmp_path,
        registered.LOG,
        "2026-11-28T05:41:20Z [INFO] Establishing a Websocket connection to https://ecs-a.ca-central-1.amazonaws.com/ws?x=1",
    )
    assert hosts(tmp_path) == ("ecs-a.ca-central-1.amazonaws.com",)


def test_a_name_of_last_week_is_old(tmp_path: Path) -> None:
    put(tmp_path, registered.LOG, today("a", 4).replace("11-28", "11-20"))
    assert hosts(tmp_path) == ()


@pytest.mark.parametrize("host", ["ecs-a-1.evil.example/x", "evil.example", "ecs-x-1.us-east-2.amazonaws.com"])
def test_only_names_of_that_form_are_taken(tmp_path: Path, host: str) -> None:
    put(tmp_path, registered.LOG, f'msg="Establishing a Websocket connection" url="https://{host}/ws"')
    assert hosts(tmp_path) == ()


def test_a_log_without_end_is_read_from_its_end_and_quickly(tmp_path: Path) -> None:
    noise = "x" * 99 + "\n"
    put(tmp_path, registered.LOG, today("a", 9) + "\n" + noise * 120_000 + today("t", 7))
    began = time.perf_counter()
    assert hosts(tmp_path) == ("ecs-t-7.us-east-2.amazonaws.com",)
    assert time.perf_counter() - began < 2


def test_no_log_no_name(tmp_path: Path) -> None:
    assert hosts(tmp_path) == ()


def test_a_link_out_of_the_root_leads_nowhere(tmp_path: Path) -> None:
    put(tmp_path, "outside.log", today("a", 9))
    log = tmp_path / "root" / registered.LOG.lstrip("/")
    log.parent.mkdir(parents=True)
    log.symlink_to(tmp_path / "outside.log")
    assert hosts(tmp_path / "root") == ()


def test_the_region_of_the_ecs_agent(tmp_path: Path) -> None:
    put(tmp_path, "/var/lib/ecs/ecs.config", "ECS_EXTERNAL=true\nAWS_DEFAULT_REGION=eu-west-1\n")
    found = region(tmp_path)
    assert found == registered.AgentsRegion(region="eu-west-1", place="/var/lib/ecs/ecs.config:2")


def test_the_region_of_the_ssm_agent(tmp_path: Path) -> None:
    put(tmp_path, registered.REGISTRATION, json.dumps({"ManagedInstanceID": "mi-0", "Region": "us-gov-west-1"}))
    found = region(tmp_path)
    assert found is not None
    assert found.region == "us-gov-west-1"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"Region": 7}', '{"Region": "; rm -rf /"}'])
def test_what_is_no_region_is_none(tmp_path: Path, text: str) -> None:
    put(tmp_path, registered.REGISTRATION, text)
    assert region(tmp_path) is None
