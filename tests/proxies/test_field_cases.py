"""What people really met behind proxies, in small: each agent is held to what it needs, by the settings that it has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.lab.numbered_cases import REGISTERED_LIST
from tests.lab.proxy_cases import ALLOW, DIRECT_IS_DROPPED
from tests.support.as_agents import Outcome, check_as
from tests.support.lab_case import Network
from tests.support.lab_devices import PORT, ROUTER, squid

pytestmark = [pytest.mark.engine, pytest.mark.root]
PROXY = f"http://{ROUTER}:{PORT}"
CONFIG = "/etc/ecs/ecs.config"
UNITS = {
    "/lib/systemd/system/ecs.service": f"[Service]\nEnvironmentFile=-{CONFIG}\n",
    "/lib/systemd/system/docker.service": "[Service]\n",
    "/lib/systemd/system/amazon-ssm-agent.service": "[Service]\n",
}
LINK_LOCAL = "169.254.169.254,169.254.170.2"


def drop_in(unit: str, no_proxy: str = LINK_LOCAL) -> dict[str, str]:
    """A unit that is told of the proxy."""
    return {
        f"/etc/systemd/system/{unit}.service.d/p.conf": f"[Service]\nEnvironment=HTTPS_PROXY={PROXY} "
        f"NO_PROXY={no_proxy}\n"
    }


def config(no_proxy: str = LINK_LOCAL) -> dict[str, str]:
    """The ECS agent is told of the proxy."""
    return {CONFIG: f"ECS_CLUSTER=plant-7\nHTTPS_PROXY={PROXY}\nNO_PROXY={no_proxy}\n"}


EVERY_DAEMON = {**UNITS, **config(), **drop_in("docker"), **drop_in("amazon-ssm-agent")}
BEHIND_A_PROXY = Network(engines=(squid(ALLOW),), forward=DIRECT_IS_DROPPED)


def findings(seen: Outcome, severity: str = "error") -> list[dict[str, Any]]:
    found = seen.report["findings"]
    assert isinstance(found, list)
    return [one for one in found if one["severity"] == severity]


def agents(files: Mapping[str, str]) -> Mapping[str, str]:
    return {"/etc/os-release": "ID=ubuntu\nID_LIKE=debian\n", **files}


async def test_a_login_shell_without_proxy_beside_daemons_that_have_one_is_ready(tmp_path: Path) -> None:
    seen = await check_as(tmp_path, BEHIND_A_PROXY, agents(EVERY_DAEMON))
    assert seen.code == 0, seen.files["text"]
    assert seen.report["verdict"] == "ready", seen.files["text"]


async def test_before_the_installation_the_shell_needs_the_proxy(tmp_path: Path) -> None:
    seen = await check_as(tmp_path, BEHIND_A_PROXY, agents({"/etc/hostname": "plant\n"}))
    assert seen.code == 1
    assert {one["id"] for one in findings(seen)} <= {"tcp_dropped", "proxy_required"}
    assert {name for one in findings(seen) for name in one["vantages"]} >= {"installer"}


async def test_no_proxy_that_exempts_aws_names_is_named_with_its_token(tmp_path: Path) -> None:
    exempting = f"{LINK_LOCAL},.amazonaws.com"
    files = {**EVERY_DAEMON, **config(exempting), **drop_in("docker", f"10.0.0.0/8,{exempting},.internal")}
    seen = await check_as(tmp_path, BEHIND_A_PROXY, agents(files))
    assert seen.code == 1
    (finding,) = findings(seen)
    assert finding["id"] == "no_proxy_exempts_aws"
    assert finding["owner"] == "host"
    assert "by the token .amazonaws.com" in finding["title"]
    assert {place["file"] for place in finding["places"]} == {
        CONFIG,
        "/etc/systemd/system/docker.service.d/p.conf",
    }
    assert set(finding["vantages"]) == {"ecs-agent", "docker"}
    assert f"on {ROUTER}" not in seen.files["handoff"], "the network team is asked for nothing"


async def test_a_proxy_that_refuses_every_number_is_not_ready_and_the_hand_off_has_the_expression(
    tmp_path: Path,
) -> None:
    network = Network(engines=(squid(REGISTERED_LIST, "http_access deny numbered", ALLOW),), forward=DIRECT_IS_DROPPED)
    seen = await check_as(tmp_path, network, {}, "--proxy", PROXY)
    assert seen.code == 1
    (finding,) = findings(seen)
    assert finding["id"] == "proxy_forbidden"
    assert set(finding["endpoints"]) == {"ecs-a", "ecs-t"}
    told = seen.files["handoff"]
    assert r"ecs-a-[0-9]" in told
    assert "ecs\\.us-east-2" not in told, "what passes is not asked for"


async def test_an_rpm_agent_behind_inspection_fails_its_own_endpoints_only(tmp_path: Path) -> None:
    files = {**UNITS, CONFIG: "ECS_CLUSTER=plant-7\n", "/etc/os-release": 'ID="rhel"\n'}
    seen = await check_as(tmp_path, Network(), files, scenario="tls-intercepted-trusted")
    assert seen.code == 1
    (finding,) = findings(seen)
    assert (finding["id"], finding["vantages"]) == ("tls_intercepted", ["ecs-agent"])
    assert not {"ecr-registry", "ecr-layers", "logs", "ssmmessages"} & set(finding["endpoints"])
    assert {"ecs", "ecs-a", "ecs-t", "ecr-api"} <= set(finding["endpoints"])
    trusted = [one for one in findings(seen, "warning") if one["id"] == "tls_intercepted_trusted"]
    assert {name for one in trusted for name in one["vantages"]} == {"ssm-agent", "docker"}
