from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import junitparser
import pytest
import trio

from netprobe.checking import vantages
from netprobe.errors import UnreadableFileError, UsageError
from netprobe.report import FORMATS, schema
from netprobe.vantage import Vantage
from tests.support import need
from tests.support.cli import environment, netprobe

ARGUMENTS = ("check", "-r", "us-east-2", "--account", "123456789012", "--format", "json")


def seen(*more: str, code: int) -> dict[str, Any]:
    ended = netprobe(*ARGUMENTS, *more)
    assert ended.code == code, ended.err
    assert "Traceback" not in ended.err
    document: dict[str, Any] = json.loads(ended.out)
    jsonschema.Draft202012Validator(schema()).validate(document)
    return document


def test_a_healthy_lab_is_ready_and_its_report_meets_the_schema() -> None:
    document = seen("--lab", "healthy", code=0)
    assert document["verdict"] == "ready"
    assert document["regions"] == ["us-east-2"]
    assert {one["outcome"] for one in document["endpoints"]} == {"pass"}
    assert document["observations"]
    assert not [one for one in document["findings"] if one["severity"] == "error"]


def test_the_help_names_every_format() -> None:
    told = " ".join(netprobe("check", "--help").out.split())
    assert f"{', '.join(list(FORMATS)[:-1])} or {list(FORMATS)[-1]}." in told


def test_two_regions_with_more_and_less_groups() -> None:
    document = seen("-r", "eu-west-1", "--with", "secrets", "--without", "logs,metrics", "--lab", "healthy", code=0)
    assert document["regions"] == ["us-east-2", "eu-west-1"]
    groups = {one["group"] for one in document["endpoints"]}
    assert "secrets" in groups
    assert not {"logs", "metrics"} & groups


def test_what_could_not_be_run_before_the_deadline_is_inconclusive_or_worse() -> None:
    document = seen("--lab", "blackhole-all", "--timeout", "30", "--deadline", "1", code=4)
    assert document["verdict"] == "inconclusive"
    assert document["context"]["deadline_reached"] is True
    assert document["duration_seconds"] < 10


def test_warnings_fail_only_when_strict() -> None:
    assert seen("--lab", "tls-intercepted-trusted", code=0)["verdict"] == "degraded"
    assert seen("--lab", "tls-intercepted-trusted", "--strict", code=1)["verdict"] == "degraded"


def test_numbers_to_look_for() -> None:
    document = seen("--lab", "healthy", "--ecs-numbers", "1-2", code=0)
    numbered = next(one for one in document["endpoints"] if one["id"] == "ecs-a")
    assert numbered["candidates"] == ["ecs-a-1.us-east-2.amazonaws.com", "ecs-a-2.us-east-2.amazonaws.com"]


def test_a_report_diagnosed_again_gives_the_same_findings(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    first = netprobe(*ARGUMENTS, "--lab", "expired", "-o", str(path))
    assert first.code == 1
    again = netprobe("diagnose", str(path), "--format", "json")
    assert again.code == 1
    assert json.loads(again.out)["findings"] == json.loads(path.read_text())["findings"]


def test_quiet_says_nothing_and_verbose_says_more() -> None:
    assert netprobe(*ARGUMENTS, "--lab", "healthy", "-q").err == ""
    assert "netprobe: 13 endpoints, catalog " in netprobe(*ARGUMENTS, "--lab", "healthy", "-v").err


def test_a_region_that_no_page_confirms_is_noted() -> None:
    ended = netprobe("check", "-r", "us-gov-west-1", "--account", "123456789012", "--lab", "healthy")
    assert "no AWS page confirms that ECS Anywhere is offered there" in " ".join(ended.out.split())


def rrtypes(document: dict[str, Any]) -> set[str]:
    return {o["detail"]["rrtype"] for o in document["observations"] if o["step"] == "dns"}


def patterns(document: dict[str, Any]) -> dict[str, str]:
    return {one["id"]: one["pattern"] for one in document["endpoints"]}


def test_ipv6_alone_asks_for_aaaa_of_the_names_that_the_agents_use_there() -> None:
    document = seen("-6", "--lab", "dual-stack", code=0)
    assert rrtypes(document) == {"AAAA"}
    assert {o["address"] for o in document["observations"] if o["step"] == "tcp"} == {"::1"}
    asked = patterns(document)
    assert asked["ecs-a"] == "ecs-a-*.us-east-2.amazonaws.com"
    assert asked["ecs-t-unnumbered"] == "ecs-t.us-east-2.amazonaws.com"
    for service in ("ecs", "ssm", "logs", "ssmmessages"):
        assert asked[service] == f"{service}.us-east-2.api.aws"
    assert asked["ecr-registry"] == "123456789012.dkr-ecr.us-east-2.on.aws"
    assert patterns(seen("-4", "--lab", "dual-stack", code=0))["ecs"] == "ecs.us-east-2.amazonaws.com"


@pytest.mark.root
@pytest.mark.parametrize(
    ("ipv4", "option", "asked", "ecs"),
    [
        ("", (), {"AAAA"}, "ecs.us-east-2.api.aws"),
        ("", ("-4",), {"A"}, "ecs.us-east-2.amazonaws.com"),
        (" && ip route add default dev eth0", (), {"A", "AAAA"}, "ecs.us-east-2.amazonaws.com"),
    ],
)
def test_a_host_without_ipv4_is_looked_at_as_one(
    ipv4: str, option: tuple[str, ...], asked: set[str], ecs: str, tmp_path: Path
) -> None:
    """Its Docker bridge has an IPv4 address all the same; nobody answers its questions."""
    need.root()
    need.engine("ip")
    path = tmp_path / "report.json"
    network = (
        "ip link set lo up && ip link add eth0 type veth peer name eth1 && ip link set eth0 up && ip link set eth1 up"
        " && ip addr add 172.17.0.1/16 dev eth0 && ip -6 addr add 2001:db8::1/64 dev eth0 nodad"
        " && ip -6 route add default dev eth0"
    )
    command = [*ARGUMENTS, "--resolver", "[::1]:53", "--no-proxy", "--deadline", "5", "-o", str(path), *option]
    inside = ("unshare", "--net", "sh", "-c", f'{network}{ipv4} && exec "$@"', "sh", sys.executable, "-m", "netprobe")
    done = subprocess.run(
        [*inside, *command],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(),
        check=False,
    )
    assert done.returncode == 1, done.stderr
    document = json.loads(path.read_text())
    assert rrtypes(document) == asked
    assert patterns(document)["ecs"] == ecs
    assert any("default route over IPv6 only" in note for note in document["notes"]) is (ecs == "ecs.us-east-2.api.aws")


# --- whose eyes ----------------------------------------------------------------------------------------------------


def look(**changes: Any) -> list[Vantage]:
    given: dict[str, Any] = {
        "names": (),
        "root": None,
        "resolvers": ("127.0.0.1",),
        "proxy": None,
        "no_proxy": False,
        "ca_file": None,
        "origin_ca": None,
        "families": (4,),
        **changes,
    }
    opened = vantages.on_this_host(**given)

    async def take() -> list[Vantage]:
        async with opened() as looking:
            return list(looking)

    return trio.run(take)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root folder whose ECS agent has a proxy."""
    (tmp_path / "etc/ecs").mkdir(parents=True)
    (tmp_path / "etc/ecs/ecs.config").write_text("HTTP_PROXY=http://proxy.example:3128\nNO_PROXY=169.254.170.2\n")
    return tmp_path


def test_an_agent_looks_with_its_own_proxy(root: Path) -> None:
    (agent,) = look(names=("ecs-agent",), root=root)
    assert agent.name == "ecs-agent"
    proxy = agent.proxy_for("ecs.us-east-2.amazonaws.com", 443)
    assert proxy is not None
    assert proxy.safe == "http://proxy.example:3128"
    assert [str(resolver) for resolver in agent.resolvers] == ["127.0.0.1:53"]


def test_a_proxy_that_the_user_names_is_for_every_program(root: Path) -> None:
    (host,) = look(proxy="http://other.example:8080", root=root)
    assert host.name == "host"
    assert look(no_proxy=True, root=root)[0].proxy_for("ecs.us-east-2.amazonaws.com", 443) is None
    for contradiction in ({"proxy": "http://other.example:8080"}, {"no_proxy": True}):
        with pytest.raises(UsageError, match="--as: looks with an agent's own proxy settings"):
            look(names=("ecs-agent",), root=root, **contradiction)


def test_wrong_names_and_folders_are_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such vantage"):
        look(names=("agent",), root=root)
    with pytest.raises(UnreadableFileError, match="cannot be read"):
        look(root=tmp_path / "none")


def test_no_roots_are_named_beside_a_lab() -> None:
    vantages.refuse_beside_lab(ca_file=None, origin_ca=None)
    with pytest.raises(UsageError, match="--lab --ca-file: the lab brings its own roots"):
        vantages.refuse_beside_lab(ca_file=Path("ca.pem"))


def test_a_made_up_account_is_told() -> None:
    told = "placeholder account; give --account ID"
    assert told in " ".join(netprobe("check", "-r", "us-east-2", "--lab", "healthy").out.split())
    assert told not in " ".join(
        netprobe("check", "-r", "us-east-2", "--lab", "healthy", "--account", "1" * 12).out.split()
    )


@pytest.mark.parametrize("quiet", [False, True])
def test_a_bar_is_shown_on_a_terminal_alone(quiet: bool) -> None:
    terminal, end = os.openpty()
    command = [sys.executable, "-m", "netprobe", "check", "-r", "us-east-2", "--lab", "healthy", *["-q"][: int(quiet)]]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=end,
        env=environment(NO_COLOR="", TERM="xterm"),
        stdin=subprocess.DEVNULL,
    )
    os.close(end)
    shown = b""
    try:
        # Linux answers EIO once nobody holds the other end.
        with contextlib.suppress(OSError):
            while data := os.read(terminal, 4096):
                shown += data
        out, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        os.close(terminal)
    assert out.startswith(b"READY") is not quiet  # all is well: quiet says nothing of it
    assert b"\x1b" not in out
    assert (b"probing" in shown) is not quiet


def test_a_wrong_clock_fails_the_pipeline_although_every_endpoint_answers(tmp_path: Path) -> None:
    path = tmp_path / "report.xml"
    document = seen("--lab", "clock-skew", "--report", f"junit={path}", code=1)
    assert {one["outcome"] for one in document["endpoints"]} <= {"pass", "warn"}
    whole = junitparser.JUnitXml.fromfile(str(path))
    assert (whole.failures, whole.errors) == (1, 0)


def test_a_proxy_password_reaches_no_report_and_no_hand_off(tmp_path: Path) -> None:
    handoff = tmp_path / "request.txt"
    outputs = {name: tmp_path / name for name in FORMATS}
    reports = [argument for name, path in outputs.items() for argument in ("--report", f"{name}={path}")]
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: refused, and nobody else gets the port
        port = closed.getsockname()[1]
        proxy = f"http://someone:planted%2Fs3cret@127.0.0.1:{port}"
        ended = netprobe(
            *ARGUMENTS,
            *("--proxy", proxy, "--resolver", f"127.0.0.1:{port}", "--deadline", "10", "-v"),
            *("--handoff", str(handoff), "--handoff-target", "squid"),
            *reports,
        )
    assert ended.code == 1, ended.err
    everything = ended.out + ended.err + handoff.read_text() + "".join(path.read_text() for path in outputs.values())
    assert f"http://127.0.0.1:{port}" in everything
    assert "planted" not in everything
    assert "s3cret" not in everything


def test_a_registered_host_is_checked_in_its_agents_own_region(tmp_path: Path) -> None:
    settings = tmp_path / "var/lib/ecs/ecs.config"
    settings.parent.mkdir(parents=True)
    settings.write_text("AWS_DEFAULT_REGION=eu-west-3\nECS_EXTERNAL=true\n")
    # The account is refused after the region was found, and before any packet leaves.
    ended = netprobe("check", "--root", str(tmp_path), "--account", "12")
    assert ended.code == 2
    assert "checking eu-west-3, the region of this host's agent (/var/lib/ecs/ecs.config:1)" in ended.err
    assert "12: an AWS account id has twelve digits" in ended.err


def test_without_a_registered_agent_no_region_is_guessed(tmp_path: Path) -> None:
    ended = netprobe("check", "--root", str(tmp_path))
    assert ended.code == 2
    assert "no region is given" in ended.err


@pytest.mark.parametrize(("more", "told"), [((), True), (("--with", "install"), False)])
def test_before_the_installation_one_line_says_what_was_not_looked_at(
    tmp_path: Path, more: tuple[str, ...], told: bool
) -> None:
    # A resolver that nobody listens on: no packet leaves this machine.
    ended = netprobe(*ARGUMENTS, *more, "--root", str(tmp_path), "--resolver", "127.0.0.1:9", "--deadline", "20")
    document = json.loads(ended.out)
    assert any("add --with install" in note for note in document["notes"]) is told
