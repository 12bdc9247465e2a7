"""``--lab`` beside ``--as``, ``--root``, ``--proxy`` and ``--resolver``: the agents' settings, the lab's network."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from netprobe.host.agents.programs import PUBLIC_ROOTS
from tests.support.as_agents import root_of
from tests.support.cli import ROOT, environment, netprobe

CONFIG = "/etc/ecs/ecs.config"
UNITS = {
    "/lib/systemd/system/ecs.service": f"[Service]\nEnvironmentFile=-{CONFIG}\n",
    "/lib/systemd/system/docker.service": "[Service]\n",
    "/lib/systemd/system/amazon-ssm-agent.service": "[Service]\n",
}
ELSEWHERE = "203.0.113.7"
"""A documentation address: no packet may ever be sent there."""


def check(*arguments: str, code: int) -> dict[str, Any]:
    ended = netprobe("check", "-r", "us-east-2", *arguments, "--format", "json")
    assert ended.code == code, ended.err
    return dict(json.loads(ended.out))


def ids(report: dict[str, Any]) -> set[str]:
    return {finding["id"] for finding in report["findings"] if finding["severity"] != "info"}


def records(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {record["name"]: record for record in report["context"]["vantages"]}


def steps(report: dict[str, Any], vantage: str) -> set[str]:
    return {o["step"] for o in report["observations"] if o["vantage"] == vantage and o["experiment"] is None}


@pytest.mark.parametrize("host", ["proxy.corp.example", "10.255.0.9", "proxy"])
def test_the_labs_proxy_stands_in_for_the_one_that_is_named(host: str) -> None:
    report = check("--lab", "healthy", "--proxy", f"http://{host}:3128", code=0)

    assert report["verdict"] == "ready"
    assert steps(report, "host") == {"proxy", "tls", "http", "websocket"}
    assert records(report)["host"]["proxy"] == f"http://{host}:3128"


@pytest.mark.parametrize("scheme", ["https", "socks5"])
def test_it_speaks_whatever_is_spoken_to_it(scheme: str) -> None:
    report = check("--lab", "healthy", "--proxy", f"{scheme}://proxy.corp.example:3128", code=0)

    assert report["verdict"] == "ready"
    assert "proxy" in steps(report, "host")


def test_a_fault_of_the_network_is_met_behind_the_proxy_too() -> None:
    assert ids(check("--lab", "refused", "--proxy", "proxy.corp.example:3128", code=1)) == {"proxy_cannot_connect"}


def test_without_the_proxy_of_a_scenario_it_looks_directly() -> None:
    report = check("--lab", "proxy-forbids-all", "--no-proxy", code=0)
    assert "proxy" not in steps(report, "host")


def test_agents_look_at_the_lab_with_settings_of_their_own(tmp_path: Path) -> None:
    files = {
        **UNITS,
        CONFIG: f"ECS_CLUSTER=c\nHTTPS_PROXY=http://svc:sesame@{ELSEWHERE}:3128\nNO_PROXY=logs.us-east-2.*\n",
    }
    root = root_of(tmp_path, files)

    report = check("--lab", "healthy", "--as", "all", "--root", str(root), code=0)

    assert "sesame" not in json.dumps(report)
    seen = records(report)
    assert {"ecs-agent", "ssm-agent", "docker"} <= set(seen)
    assert seen["ecs-agent"]["proxy"] == f"http://{ELSEWHERE}:3128"
    assert seen["ecs-agent"]["sources"]["proxy"] == f"{CONFIG}:2 (HTTPS_PROXY); in the lab, its proxy stands in"
    assert "proxy" in steps(report, "ecs-agent")
    assert "proxy" not in steps(report, "ssm-agent")
    assert ids(report) == {"no_proxy_not_understood", "proxy_password_world_readable", "proxy_values_conflict"}
    for o in report["observations"]:
        assert o["address"] is None or o["address"].startswith("127.")


def test_what_the_proxy_refuses_is_told_of_the_agent_that_uses_it(tmp_path: Path) -> None:
    root = root_of(tmp_path, {**UNITS, CONFIG: f"HTTPS_PROXY=http://{ELSEWHERE}:3128\n"})

    report = check("--lab", "proxy-forbids", "--as", "all", "--root", str(root), code=1)

    (refused,) = (finding for finding in report["findings"] if finding["id"] == "proxy_forbidden")
    assert refused["vantages"] == ["ecs-agent"]


def test_an_agent_with_roots_of_its_own_does_not_trust_the_inspector(tmp_path: Path) -> None:
    files = {**UNITS, "/etc/os-release": 'ID="rhel"\nID_LIKE="fedora"\n', "/var/lib/rpm/rpmdb.sqlite": ""}
    root = root_of(tmp_path, files)

    report = check("--lab", "tls-intercepted-trusted", "--as", "ecs-agent,docker", "--root", str(root), code=1)

    assert records(report)["ecs-agent"]["store"] == PUBLIC_ROOTS
    (error,) = (finding for finding in report["findings"] if finding["severity"] == "error")
    assert (error["id"], error["vantages"]) == ("tls_intercepted", ["ecs-agent"])


@contextmanager
def standing() -> Iterator[dict[str, Any]]:
    """A lab that another process keeps up."""
    command = [sys.executable, "-m", "netprobe", "lab", "run", "healthy"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(), cwd=ROOT)
    try:
        assert running.stdout is not None
        told = ""
        while "Ctrl-C" not in told:
            line = running.stdout.readline()
            assert line, "the lab ended"
            told += line
        (path,) = re.findall(r"--lab (\S+/lab\.json)", told)
        yield {"path": path, **json.loads(Path(path).read_bytes())}
    finally:
        os.kill(running.pid, signal.SIGTERM)
        running.communicate(timeout=20)


def test_a_standing_lab_has_its_proxy_too_and_a_loopback_proxy_is_used_as_it_is() -> None:
    with standing() as lab:
        stood_in = check("--lab", lab["path"], "--proxy", f"http://{ELSEWHERE}:3128", code=0)
        own = f"http://{lab['proxy_address']}:{lab['proxy_port']}"
        as_it_is = check("--lab", lab["path"], "--proxy", own, code=0)
        closed = check("--lab", lab["path"], "--proxy", f"http://{lab['proxy_address']}:1", code=1)
        resolver = f"{lab['resolvers'][0]}:{lab['dns_port']}"
        asked = check("--lab", lab["path"], "--resolver", resolver, code=0)
        silent = check("--lab", lab["path"], "--resolver", f"{lab['resolvers'][0]}:1", code=1)

    assert {stood_in["verdict"], as_it_is["verdict"], asked["verdict"]} == {"ready"}
    assert ids(closed) == {"proxy_refused"}
    assert records(asked)["host"]["sources"]["resolvers"] == "--resolver"
    assert ids(silent) == {"dns_unreachable"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--as", "ecs-agent", "--proxy", "proxy.corp:3128"), "--as: looks with an agent's own proxy settings"),
        (("--as", "nobody"), "there is no such vantage"),
        (("--root", "/nowhere/at/all"), "cannot be read"),
        (("--resolver", ELSEWHERE), "a lab sends nothing outside loopback"),
        (("--proxy", "ftp://proxy.corp:21"), "a proxy is reached by http, https or socks5"),
        (("--origin-ca", "/etc/hostname"), "the lab brings its own roots"),
    ],
)
def test_what_has_no_meaning_there_is_refused(arguments: tuple[str, ...], told: str) -> None:
    ended = netprobe("check", "-r", "us-east-2", "--lab", "healthy", *arguments)

    assert ended.code == 2
    assert ended.out == ""
    (line,) = ended.err.strip().splitlines()
    assert told in line


def test_a_page_says_how_to_see_it() -> None:
    page = netprobe("explain", "proxy_forbidden").out
    (command,) = re.findall(r"`(netprobe check .*--lab \S+)`", page)
    assert "proxy_forbidden" in netprobe(*command.split()[1:]).out
