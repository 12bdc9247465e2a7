from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from netprobe import identity
from netprobe.host.filesystem import FolderRoot
from netprobe.host.machine import Machine
from netprobe.naming import HostIdentity, Naming
from netprobe.observations import CatalogVersion, Observation, Step, TcpDetail
from netprobe.report.model import aged
from tests.support import need, reports
from tests.support.cli import netprobe
from tests.support.netns import Topology

MACHINE_ID = "0123456789abcdef0123456789abcdef"
FILES = {
    "etc/hostname": "edge-fra-07\n",
    "etc/machine-id": f"{MACHINE_ID}\n",
    "etc/os-release": 'ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    "var/lib/dpkg/status": "".join(
        f"Package: {name}\nStatus: install ok installed\nVersion: {version}\n\n"
        for name, version in (
            ("amazon-ecs-init", "1.86.0-1"),
            ("docker-ce", "5:24.0.7-1~debian.12~bookworm"),
            ("amazon-cloudwatch-agent", "1.300032.2b361-1"),
        )
    ),
    "snap/amazon-ssm-agent/7993/meta/snap.yaml": "name: amazon-ssm-agent\nversion: '3.3.131.0'\n",
}
LABELS = Naming(labels={"site": "fra", "rack": "7"})


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = write(tmp_path / "root", FILES)
    (made / "snap/amazon-ssm-agent/current").symlink_to("7993")
    return made


def connection(address: str) -> Observation:
    return Observation(
        id="o1",
        vantage="host",
        region="us-east-2",
        endpoint="ecs",
        host="ecs.us-east-2.amazonaws.com",
        port=443,
        address="203.0.113.1",
        step=Step.TCP,
        started_seconds=0.0,
        duration_seconds=0.1,
        failure=None,
        detail=TcpDetail(port=443, local_address=address),
    )


def test_a_root_folder_tells_name_system_agents_and_docker(root: Path) -> None:
    found = identity.of_this_host(LABELS, root=root, observations=[connection("203.0.113.9")])
    assert found == HostIdentity(
        name="edge-fra-07",
        site="fra",
        labels={"rack": "7"},
        machine_id=found.machine_id,
        addresses=("203.0.113.9",),
        os="Debian GNU/Linux 12 (bookworm)",
        kernel=os.uname().release,
        agents={"ecs-agent": "1.86.0", "ssm-agent": "3.3.131.0", "cloudwatch-agent": "1.300032.2.361"},
        docker="24.0.7",
        user=found.user,
        gateways=found.gateways,
    )


def test_the_machine_id_is_hashed_with_a_key_of_the_application(root: Path) -> None:
    found = identity.of_this_host(LABELS, root=root).machine_id
    whole = hmac.new(bytes.fromhex(MACHINE_ID), b"netprobe: identity of a host", hashlib.sha256).hexdigest()
    assert found == whole[:32]
    assert found != MACHINE_ID


def test_an_anonymous_report_names_neither_host_nor_machine_nor_address(root: Path) -> None:
    whole = reports.report(observations=(connection("203.0.113.9"),))
    shown = identity.with_host(whole, Naming(labels={"site": "fra"}, anonymous=True), root)
    assert (shown.host.name, shown.host.machine_id, shown.host.addresses) == ("", "", ())
    assert shown.host.site == "fra"
    assert shown.host.os.startswith("Debian")
    [seen] = shown.observations
    assert isinstance(seen.detail, TcpDetail)
    assert seen.detail.local_address == ""
    named = identity.with_host(whole, LABELS, root)
    assert named.observations == whole.observations


def test_loopback_is_no_address_of_a_host(root: Path) -> None:
    found = identity.of_this_host(LABELS, root=root, observations=[connection("127.0.0.1"), connection("::1")])
    assert not {"127.0.0.1", "::1"} & set(found.addresses)


def test_an_image_has_a_system_and_no_name(root: Path) -> None:
    with FolderRoot(root) as opened:
        found = identity.of_image(Machine(root=opened, subject="image"), LABELS)
    assert (found.name, found.machine_id, found.addresses, found.kernel, found.user) == ("", "", (), "", "")
    assert (found.site, found.docker) == ("fra", "24.0.7")


@pytest.mark.parametrize(
    "files",
    [
        {"etc/os-release": b"PRETTY_NAME=" + b"x" * (1 << 20)},
        {
            "etc/os-release": b"PRETTY_NAME='a\x1b[31mb\xff\n",
            "etc/hostname": b"\x1b]0;x\x07\n",
            "etc/machine-id": b"\0" * 99,
        },
        {"etc/hostname": b"h" * (1 << 17), "etc/machine-id": b"uninitialized\n"},
        {"var/lib/dpkg/status": b"Package: docker-ce\nStatus: a installed\nVersion: \x1b[2J" + b"9" * 5000 + b"\n\n"},
        {"snap/amazon-ssm-agent/current/meta/snap.yaml": b"version: \x1b[31m\n"},
        {},
    ],
)
def test_hostile_files_leave_gaps_and_nothing_that_a_terminal_obeys(tmp_path: Path, files: dict[str, bytes]) -> None:
    found = identity.of_this_host(Naming(), root=write(tmp_path / "root", files) if files else tmp_path)
    told = json.dumps([found.name, found.os, found.machine_id, found.docker, *found.agents.values()])
    assert len(told) < 800
    assert "\\u001b" not in told
    assert "\\u0000" not in told
    assert found.machine_id == ""


def test_a_root_whose_files_are_folders_and_loops_leaves_gaps(tmp_path: Path) -> None:
    (tmp_path / "etc/hostname").mkdir(parents=True)
    (tmp_path / "etc/os-release").symlink_to("os-release")
    (tmp_path / "var/lib/dpkg/status").mkdir(parents=True)
    found = identity.of_this_host(Naming(), root=tmp_path)
    assert (found.os, found.agents, found.docker) == ("", {}, "")
    assert found.name == os.uname().nodename


@pytest.mark.root
def test_the_addresses_are_those_of_the_default_route_and_no_packet_leaves() -> None:
    need.root()
    with Topology() as net, net.client.entered():
        before = sent()
        assert list(identity._of_default_route()) == ["198.18.0.1", "2001:db8::1"]
        assert sent() == before


def sent() -> str:
    """How many packets the client's interface has sent."""
    [line] = [one for one in Path("/proc/thread-self/net/dev").read_text().splitlines() if "eth0:" in one]
    return line.split()[10]


@pytest.mark.parametrize(
    ("version", "started", "days"),
    [
        ("2026-11-23", "2026-11-28T10:00:00.000Z", 5),
        ("2026-11-23", "2026-11-23T00:00:00Z", 0),
        ("2026.11.23", "2026-11-28T10:00:00Z", None),
        ("2026-11-23", "yesterday", None),
        ("2026-11-30", "2026-11-28T10:00:00Z", -2),
    ],
)
def test_the_age_of_the_catalog_is_that_of_the_day_of_the_run(version: str, started: str, days: int | None) -> None:
    assert aged(CatalogVersion(version=version, digest="d"), started).age_days == days


def saved(*arguments: str, **more: Any) -> dict[str, Any]:
    done = netprobe(*arguments, "--format", "json", **more)
    assert done.code in (0, 1, 4), done.err
    loaded: dict[str, Any] = json.loads(done.out)
    return loaded


def test_a_check_says_which_host_it_is_about(tmp_path: Path) -> None:
    (tmp_path / "netprobe.toml").write_text(
        'region = "us-east-2"\nlab = "healthy"\nlabels = { site = "fra", rack = 7 }\n'
    )
    shown = saved("check", cwd=tmp_path)
    assert (shown["host"]["site"], shown["host"]["labels"]) == ("fra", {"rack": "7"})
    assert shown["host"]["name"] == os.uname().nodename
    assert shown["host"]["kernel"] == os.uname().release
    assert shown["schema_version"] == "1.3"
    assert isinstance(shown["catalog"]["age_days"], int)


def test_labels_come_from_the_environment_and_the_command_line_wins(tmp_path: Path) -> None:
    task = tmp_path / "task.json"
    task.write_text(json.dumps({"family": "a", "containerDefinitions": [{"name": "a", "image": "a", "memory": 64}]}))
    env = {"NETPROBE_LABELS": "site=fra,rack=7"}
    assert saved("workload", str(task), env=env)["host"]["labels"] == {"rack": "7"}
    found = saved("workload", str(task), "--label", "site=ams", env=env)["host"]
    assert (found["site"], found["labels"]) == ("ams", {})


@pytest.mark.parametrize("command", ["host", "image"])
def test_reports_of_rules_say_it_too(command: str, root: Path) -> None:
    arguments = [command] if command == "host" else [command, str(root)]
    found = saved(*arguments, "--label", "site=fra", "--anonymous")["host"]
    assert (found["site"], found["name"], found["machine_id"], found["addresses"]) == ("fra", "", "", [])
    assert found["os"]


def test_diagnosing_again_keeps_the_host(tmp_path: Path) -> None:
    first = saved("check", "-r", "us-east-2", "--lab", "healthy", "--label", "site=fra")
    path = tmp_path / "report.json"
    path.write_text(json.dumps(first))
    assert saved("diagnose", str(path))["host"] == first["host"]
