"""``netprobe check --as all --root DIR`` as a whole: a real Squid, agents with settings of their own, and no secret.

The command runs in the client's namespace; the root folder is an image of the host. What the agents are set to differs
on purpose, as operators leave it behind: the ECS agent has credentials and an exemption, Docker has HTTP_PROXY only,
the SSM agent has nothing.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import pytest

from netprobe.report import FORMATS
from tests.lab.proxy_cases import ALLOW
from tests.support.as_agents import REGION, again, check_as
from tests.support.lab_case import Network
from tests.support.lab_devices import BASIC, PORT, ROUTER, SECRET, WITH_UPGRADE, Engine, bump, squid

LOGS = f"logs.{REGION}.amazonaws.com"
CONFIG = "/etc/ecs/ecs.config"
UNITS = {
    f"/lib/systemd/system/{unit}.service": f"[Service]\n{lines}"
    for unit, lines in (
        ("ecs", f"EnvironmentFile=-{CONFIG}\n"),
        ("docker", ""),
        ("amazon-ssm-agent", ""),
    )
}
DOCKER_DROP_IN = "/etc/systemd/system/docker.service.d/http-proxy.conf"
WRITTEN = (SECRET, quote(SECRET, safe=""), base64.b64encode(f"svc:{SECRET}".encode()).decode())


def _behind(*engines: Engine, forward: tuple[str, ...] = ()) -> Network:
    return Network(engines=engines, forward=forward)


FIREWALL = ("ip daddr {logs} accept", "ip saddr 198.18.0.1 ip daddr {all} tcp dport 443 drop")


@pytest.mark.engine
@pytest.mark.root
async def test_each_agent_with_its_own_eyes(tmp_path: Path) -> None:
    config = f"ECS_CLUSTER=c\nHTTPS_PROXY=http://svc:{SECRET}@{ROUTER}:{PORT}\nNO_PROXY=169.254.0.0/16,{LOGS},*.corp*\n"
    drop_in = f"[Service]\nEnvironment=HTTP_PROXY=http://{ROUTER}:{PORT}\n"
    files = {**UNITS, CONFIG: config, DOCKER_DROP_IN: drop_in}
    seen = await check_as(tmp_path, _behind(squid(*BASIC), forward=FIREWALL), files)

    assert seen.code == 1, seen.err
    report = seen.report
    context = report["context"]
    assert isinstance(context, dict)
    records = {record["name"]: record for record in context["vantages"]}
    assert list(records) == ["ecs-agent", "ssm-agent", "docker", "ecs-init"]
    agent = records["ecs-agent"]
    assert agent["proxy"] == f"http://{ROUTER}:{PORT}"
    assert agent["sources"]["proxy"] == f"{CONFIG}:2 (HTTPS_PROXY)"
    assert agent["exempt"] == {LOGS: LOGS}
    assert {lint["id"] for lint in agent["lints"]} >= {"no_proxy_not_understood", "proxy_password_world_readable"}
    assert "proxy" not in records["docker"]
    assert [lint["id"] for lint in records["docker"]["lints"]] == [
        "proxy_only_http_set",
        "no_proxy_missing_task_credentials",
    ]

    findings = {finding["id"]: finding for finding in report["findings"]}  # type: ignore[attr-defined]
    required = findings["proxy_required"]
    assert required["severity"] == "error"
    # The agents are installed, so what the installer's shell would use is nobody's need any more.
    assert {"ssm-agent", "docker"} == set(required["vantages"])
    assert "tcp_dropped" not in findings

    observations = report["observations"]
    assert isinstance(observations, list)
    first = [o for o in observations if o["experiment"] is None and o["host"] == f"ssm.{REGION}.amazonaws.com"]
    direct = [o for o in first if o["step"] == "tcp"]
    assert [(o["vantage"], sorted(o["shared_with"])) for o in direct] == [("ssm-agent", [])]
    assert {o["vantage"] for o in first if o["step"] == "proxy"} == {"ecs-agent"}

    text = " ".join(seen.files["text"].split())
    assert f"ecs-agent: works proxy http://{ROUTER}:{PORT}, from {CONFIG}:2 (HTTPS_PROXY)" in text
    assert f"direct {LOGS} (by {LOGS})" in text
    assert "docker: blocked by proxy_required proxy none: it connects directly" in text


def _agent(proxy: str) -> dict[str, str]:
    return {**UNITS, CONFIG: f"ECS_CLUSTER=c\nHTTPS_PROXY={proxy}\n"}


URL = f"http://svc:{SECRET}@{ROUTER}:{PORT}"
ALL_SET = {
    **_agent(URL),
    DOCKER_DROP_IN: f"[Service]\nEnvironment=HTTPS_PROXY={URL} https_proxy=http://svc:{SECRET}@other.example:1\n",
    "/etc/environment": f"https_proxy={URL}\n",
    "/etc/apt/apt.conf.d/proxy": f'Acquire::http::Proxy "http://svc:{SECRET}@apt.example:1";\n',
    "/root/.docker/config.json": json.dumps({"proxies": {"default": {"httpsProxy": URL}}}),
    "/etc/amazon/ssm/amazon-ssm-agent.json": json.dumps({"Ssm": {"Endpoint": f"https://svc:{SECRET}@ssm.example"}}),
}


@pytest.mark.engine
@pytest.mark.root
@pytest.mark.parametrize(
    ("name", "engines", "files"),
    [
        ("accepted", (squid(*BASIC),), ALL_SET),
        ("rejected", (squid(*BASIC),), _agent(f"http://nobody:{SECRET}@{ROUTER}:{PORT}")),
        ("forbidden", (squid("http_access deny all"),), _agent(URL)),
        ("opened", (bump(),), _agent(URL)),
        ("no-tls", (squid(ALLOW),), _agent(URL.replace("http:", "https:"))),
        ("no-socks", (squid(ALLOW),), _agent(URL.replace("http:", "socks5:"))),
        ("refused", (), _agent(f"http://svc:{SECRET}@{ROUTER}:3999")),
        ("unknown-name", (), _agent(f"http://svc:{SECRET}@proxy.nowhere.example:3128")),
        ("no-url", (), _agent(f"http://svc:{SECRET}@{ROUTER}:99999")),
        ("foreign-scheme", (), _agent(f"ftp://svc:{SECRET}@{ROUTER}:21")),
        ("quoted", (), _agent(f'"{URL}"')),
        ("without-scheme", (squid(*BASIC),), _agent(f"svc:{SECRET}@{ROUTER}:{PORT}")),
        ("with-path", (), _agent(f"{URL}/proxy.pac")),
    ],
)
async def test_a_password_is_in_no_output(
    tmp_path: Path, name: str, engines: tuple[Engine, ...], files: Mapping[str, str]
) -> None:
    temporary = tmp_path / "tmp"  # where a bug's traceback would go
    temporary.mkdir()
    seen = await check_as(tmp_path, _behind(*engines), files, env={"TMPDIR": str(temporary), "PYTHONFAULTHANDLER": "1"})
    assert seen.code in (0, 1, 4), seen.err
    assert set(seen.files) == {*FORMATS, "handoff"}
    told = {**seen.files, "stdout": seen.out, "stderr": seen.err, "process list": seen.processes}
    told |= {str(path): path.read_text(errors="replace") for path in temporary.rglob("*") if path.is_file()}
    leaks = [(where, written) for where, text in told.items() for written in WRITTEN if written in text]
    assert leaks == []
    assert "netprobe check -r us-east-2" in seen.processes, "the process list was looked at while it ran"
    once_more = again(tmp_path / "results" / "json")
    assert once_more.code == seen.code, once_more.err
    assert not any(written in once_more.out + once_more.err for written in WRITTEN)


@pytest.mark.engine
@pytest.mark.root
@pytest.mark.parametrize("variable", ["NETPROBE_PROXY", "HTTPS_PROXY"])
async def test_a_password_in_the_environment_works_and_stays_there(tmp_path: Path, variable: str) -> None:
    seen = await check_as(tmp_path, _behind(squid(*BASIC), forward=FIREWALL), {}, env={variable: URL})
    assert seen.code == 0, seen.err
    assert seen.report["verdict"] == "ready"
    told = {**seen.files, "stdout": seen.out, "stderr": seen.err, "process list": seen.processes}
    assert [where for where, text in told.items() for written in WRITTEN if written in text] == []


@pytest.mark.engine
@pytest.mark.root
async def test_an_interception_that_the_host_trusts_stops_the_ecs_agent_of_the_rpm(tmp_path: Path) -> None:
    """The rpm package mounts no certificates of the host into the agent's container; Docker reads the host's store."""
    proxy = f"http://{ROUTER}:{PORT}"
    drop_in = f"[Service]\nEnvironment=HTTPS_PROXY={proxy} NO_PROXY=169.254.170.2\n"
    files = {**_agent(proxy), "/etc/os-release": "ID=rhel\n", DOCKER_DROP_IN: drop_in}
    seen = await check_as(tmp_path, _behind(bump(WITH_UPGRADE)), files)

    assert seen.code == 1, seen.err
    findings = seen.report["findings"]
    assert isinstance(findings, list)
    errors = [(finding["id"], finding["vantages"]) for finding in findings if finding["severity"] == "error"]
    assert errors == [("tls_intercepted", ["ecs-agent"])]
    text = " ".join(seen.files["text"].split())
    assert "ecs-agent: blocked by tls_intercepted" in text
    assert "docker: works" in text
