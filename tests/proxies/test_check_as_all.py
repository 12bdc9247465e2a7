"""``netprobe check --as all --root DIR`` as a whole: a real Squid, agents with settings of their own, and no secret.

The command runs in the client's namespace; the root folder is an image of the host. What the agents are set to differs
on purpose, as operators leave it behind: the ECS agent has credentials and an exemption, Docker has HTTP_PROXY only,
the SSM agent has nothing.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
import trio

from netprobe.report import FORMATS
from tests.lab.proxy_cases import ALLOW, HEALTHY
from tests.support import need
from tests.support.cli import ROOT, environment
from tests.support.lab_case import Case, Network, staged
from tests.support.lab_devices import BASIC, PORT, ROUTER, SECRET, WITH_UPGRADE, Engine, bump, squid

REGION = "us-east-2"
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


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one run left behind."""

    code: int
    out: str
    err: str
    files: Mapping[str, str]
    processes: str

    @property
    def report(self) -> dict[str, object]:
        return dict(json.loads(self.files["json"]))


def _root(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in {"/etc/os-release": "ID=debian\n", **files}.items():
        path = folder / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def _command_lines() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:  # it ended meanwhile
            continue


def _again(report: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "netprobe", "diagnose", str(report)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )


async def _check(
    folder: Path, network: Network, files: Mapping[str, str], *more: str, env: Mapping[str, str] | None = None
) -> Outcome:
    """Run the command in the client's namespace, and look at the machine's process list all the while.

    With files it looks as every agent of a root that holds them, without any as the host itself.
    """
    need.root()
    need.engine("nft")
    for engine in network.engines:
        need.engine(engine.program)
    root = _root(folder / "root", files)
    results = folder / "results"
    results.mkdir()
    lines: set[str] = set()

    async def watch() -> None:
        while True:
            lines.update(_command_lines())
            await trio.sleep(0.05)

    async with staged(Case(name="as-all", scenario=HEALTHY), network) as stage, trio.open_nursery() as nursery:
        argv = [
            *("ip", "netns", "exec", stage.net.client.name, sys.executable, "-m", "netprobe", "check"),
            *("-r", REGION, "--account", "123456789012", "--verbose"),
            *(("--as", "all", "--root", str(root)) if files else ()),
            *("--resolver", stage.layout.resolvers[0][0]),
            *("--ca-file", str(stage.store), "--origin-ca", str(stage.certificates.origin_file)),
            *("--handoff", str(results / "handoff"), "--handoff-target", "squid"),
            *(f"--report={name}={results / name}" for name in FORMATS),
            *more,
        ]
        nursery.start_soon(watch)
        with trio.fail_after(60):
            ended = await trio.run_process(
                argv,
                env=environment(**(env or {})),
                cwd=ROOT,
                capture_stdout=True,
                capture_stderr=True,
                check=False,
            )
        nursery.cancel_scope.cancel()
    return Outcome(
        code=ended.returncode,
        out=ended.stdout.decode(),
        err=ended.stderr.decode(),
        files={path.name: path.read_text(errors="replace") for path in results.iterdir()},
        processes="\n".join(lines),
    )


def _behind(*engines: Engine, forward: tuple[str, ...] = ()) -> Network:
    return Network(engines=engines, forward=forward)


FIREWALL = ("ip daddr {logs} accept", "ip saddr 198.18.0.1 ip daddr {all} tcp dport 443 drop")


@pytest.mark.engine
@pytest.mark.root
async def test_each_agent_with_its_own_eyes(tmp_path: Path) -> None:
    config = f"ECS_CLUSTER=c\nHTTPS_PROXY=http://svc:{SECRET}@{ROUTER}:{PORT}\nNO_PROXY=169.254.0.0/16,{LOGS},*.corp*\n"
    drop_in = f"[Service]\nEnvironment=HTTP_PROXY=http://{ROUTER}:{PORT}\n"
    files = {**UNITS, CONFIG: config, DOCKER_DROP_IN: drop_in}
    seen = await _check(tmp_path, _behind(squid(*BASIC), forward=FIREWALL), files)

    assert seen.code == 1, seen.err
    report = seen.report
    context = report["context"]
    assert isinstance(context, dict)
    records = {record["name"]: record for record in context["vantages"]}
    assert list(records) == ["ecs-agent", "ssm-agent", "docker", "ecs-init", "installer"]
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
    assert {"ssm-agent", "docker", "installer"} == set(required["vantages"])
    assert "tcp_dropped" not in findings

    observations = report["observations"]
    assert isinstance(observations, list)
    first = [o for o in observations if o["experiment"] is None and o["host"] == f"ssm.{REGION}.amazonaws.com"]
    direct = [o for o in first if o["step"] == "tcp"]
    assert [(o["vantage"], sorted(o["shared_with"])) for o in direct] == [("ssm-agent", ["docker", "installer"])]
    assert {o["vantage"] for o in first if o["step"] == "proxy"} == {"ecs-agent", "ecs-init"}

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
    seen = await _check(tmp_path, _behind(*engines), files, env={"TMPDIR": str(temporary), "PYTHONFAULTHANDLER": "1"})
    assert seen.code in (0, 1, 4), seen.err
    assert set(seen.files) == {*FORMATS, "handoff"}
    told = {**seen.files, "stdout": seen.out, "stderr": seen.err, "process list": seen.processes}
    told |= {str(path): path.read_text(errors="replace") for path in temporary.rglob("*") if path.is_file()}
    leaks = [(where, written) for where, text in told.items() for written in WRITTEN if written in text]
    assert leaks == []
    assert "netprobe check -r us-east-2" in seen.processes, "the process list was looked at while it ran"
    again = _again(tmp_path / "results" / "json")
    assert again.returncode == seen.code, again.stderr
    assert not any(written in again.stdout + again.stderr for written in WRITTEN)


@pytest.mark.engine
@pytest.mark.root
@pytest.mark.parametrize("variable", ["NETPROBE_PROXY", "HTTPS_PROXY"])
async def test_a_password_in_the_environment_works_and_stays_there(tmp_path: Path, variable: str) -> None:
    seen = await _check(tmp_path, _behind(squid(*BASIC), forward=FIREWALL), {}, env={variable: URL})
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
    seen = await _check(tmp_path, _behind(bump(WITH_UPGRADE)), files)

    assert seen.code == 1, seen.err
    findings = seen.report["findings"]
    assert isinstance(findings, list)
    errors = [(finding["id"], finding["vantages"]) for finding in findings if finding["severity"] == "error"]
    assert errors == [("tls_intercepted", ["ecs-agent"])]
    text = " ".join(seen.files["text"].split())
    assert "ecs-agent: blocked by tls_intercepted" in text
    assert "docker: works" in text
