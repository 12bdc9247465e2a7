"""path, observe and audit say which host they are about, or who read a file that does not say: as text and as JSON."""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from netprobe import catalog
from netprobe.cli import facts, main
from netprobe.findings import Certainty, HopAt, Location
from netprobe.naming import HostIdentity, in_words
from netprobe.observations import CatalogVersion
from netprobe.observe.model import AskedName, Observed, Reset, Use, without_addresses
from netprobe.observe.text import text
from netprobe.path import run
from netprobe.path.model import DestinationPath, End, Flow, Hop, IcmpError, PathReport, Reply
from tests.support import need
from tests.support.cli import ROOT, Ended, netprobe
from tests.support.netns import Topology

NAME = os.uname().nodename
LABELS = ("--label", "site=fra", "--label", "rack=7")
DENIED = "1700000000.000 5 10.1.2.3 TCP_DENIED/403 3900 CONNECT ecs.us-east-2.amazonaws.com:443 - HIER_NONE/- text/html"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A port of loopback where somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """An empty capture, and a log with one denial."""
    (tmp_path / "empty.pcap").write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    (tmp_path / "access.log").write_text(f"{DENIED}\n")
    return tmp_path


def asked(command: str, port: int, files: Path, *more: str) -> Ended:
    arguments = {
        "path": ("path", f"127.0.0.1:{port}", "--timeout", "0.3", "--no-raw"),
        "observe": ("observe", "empty.pcap"),
        "audit": ("audit", "access.log", "-r", "us-east-2"),
    }[command]
    ended = netprobe(*arguments, *more, cwd=files)
    assert ended.code in (0, 1), ended.err
    return ended


def identity(command: str, report: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = report["host" if command == "path" else "reader"]
    return found


@pytest.mark.parametrize("command", ["path", "observe", "audit"])
def test_the_host_is_told_with_its_labels(command: str, port: int, files: Path) -> None:
    report = json.loads(asked(command, port, files, *LABELS, "--format", "json").out)
    found = identity(command, report)
    assert (found["name"], found["site"], found["labels"]) == (NAME, "fra", {"rack": "7"})
    assert found["kernel"] == os.uname().release
    assert report["schema_version"] == "1.1"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", report["started_at"])
    told = " ".join(asked(command, port, files, *LABELS).out.split())
    assert {"path": "looked from", "observe": "Read on", "audit": "Read on"}[command] + f" {NAME}, site fra" in told
    assert f"kernel {os.uname().release}" in told
    assert max(map(len, asked(command, port, files, *LABELS).out.splitlines())) <= 80


@pytest.mark.parametrize("command", ["observe", "audit"])
def test_a_file_is_not_said_to_be_of_the_host_that_read_it(command: str, port: int, files: Path) -> None:
    report = json.loads(asked(command, port, files, "--format", "json").out)
    assert report.get("host", {}).get("name", "") == ""
    assert report["catalog"]["age_days"] >= 0
    told = " ".join(asked(command, port, files).out.split())
    assert {"observe": "the file itself does not say whose it is", "audit": "only the files say"}[command] in told


@pytest.mark.parametrize("command", ["path", "observe", "audit"])
def test_an_anonymous_report_names_nobody(command: str, port: int, files: Path) -> None:
    ended = asked(command, port, files, "--anonymous", "--label", "site=fra", "--format", "json")
    found = identity(command, json.loads(ended.out))
    assert (found["name"], found["machine_id"], found["addresses"], found["site"]) == ("", "", [], "fra")
    assert f'"{NAME}"' not in ended.out


WEBSERVICE = json.dumps(
    {
        "family": "web",
        "networkMode": "awsvpc",
        "requiresCompatibilities": "${Open}",
        "containerDefinitions": [{"name": "a", "image": "nginx", "memory": 9}],
    }
)
GATE = """
[gate]
workloads = ["task.json"]

[[waiver]]
finding = "network_mode_unsupported"
file = "*of-alice/task.json"
reason = "r"
owner = "o"
expires = "2027-01-01"
"""
READ = {
    "workload": ("workload", "*/task.json", "*/other/task.json"),
    "workload.tf": ("workload", "*/main.tf"),
    "image": ("image", "*/root"),
    "image.tar": ("image", "*/root.tar"),
    "audit": ("audit", "*/access.log", "-r", "us-east-2", "--target", "squid"),
    "observe": ("observe", "*/empty.pcap"),
    "gate": ("gate", "--config", "*/netprobe.toml", "--today", "2026-11-29"),
}


@pytest.fixture
def of_alice(files: Path) -> Path:
    """A folder that tells whose it is, with something for each command that reads files."""
    folder = files / "of-alice"
    (folder / "other").mkdir(parents=True)
    for name in ("task.json", "other/task.json"):
        (folder / name).write_text(WEBSERVICE)
    (folder / "main.tf").write_text(
        'resource "aws_ecs_task_definition" "a" {\n  family = "f"\n  network_mode = "awsvpc"\n'
        "  container_definitions = var.open\n}\n"
    )
    (folder / "netprobe.toml").write_text(GATE)
    (folder / "root/etc").mkdir(parents=True)
    (folder / "root/etc/os-release").write_text("ID=debian\n")
    with tarfile.open(folder / "root.tar", "w") as tar:
        tar.add(folder / "root", ".")
    for name in ("access.log", "empty.pcap"):
        (files / name).rename(folder / name)
    return folder


@pytest.mark.parametrize("shown", ["json", "text"])
@pytest.mark.parametrize("command", READ)
def test_an_anonymous_report_leaves_out_the_folders_of_what_it_read(
    command: str, shown: str, of_alice: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [one.replace("*", str(of_alice)) for one in READ[command]]
    code = main.run([*arguments, "--format", shown])
    named = capsys.readouterr()
    assert code in (0, 1, 4), named.err
    assert main.run([*arguments, "--format", shown, "--anonymous"]) == code, "the verdict is the same"
    hidden = capsys.readouterr().out
    assert "of-alice" not in hidden
    if shown == "json":
        assert "of-alice" in named.out
    if command == "workload" and shown == "json":
        assert {one["subject"] for one in json.loads(hidden)["rules"]} == {"task.json", "task.json (2)"}


@pytest.mark.root
def test_what_was_heard_on_an_interface_is_this_hosts() -> None:
    need.root()
    with Topology(routers=1, v6=False) as net:
        listen = ("-m", "netprobe", "observe", "-i", "eth0", "--seconds", "0.3", *LABELS)
        done = net.client.run("env", f"PYTHONPATH={ROOT}", sys.executable, *listen, timeout=60)
    assert f"Heard on {NAME}, site fra, rack=7 (198.18.0.1;" in " ".join(done.stdout.split())


def test_an_anonymous_path_leaves_out_this_hosts_address_wherever_it_stands() -> None:
    """Its own firewall answers in its name; a neighbour whose address begins alike stays."""
    error = IcmpError(type=3, code=13, sender="10.0.0.2", meaning="prohibited")
    answer = Reply(ttl=1, end=End.PROHIBITED, icmp=error)
    hop = Hop(ttl=1, addresses=("10.0.0.25",), sent=1, lost=0, rtt_seconds=None, answers=(answer,))
    own = HopAt(hop=0, address="10.0.0.2")
    one = DestinationPath(
        host="x",
        address="10.0.0.25",
        port=443,
        end=End.PROHIBITED,
        source="10.0.0.2",
        icmp=error,
        flows=(Flow(protocol="tcp", port=443, source_port=1, end=End.PROHIBITED, hops=(hop,)),),
        location=Location(hop=0, address="10.0.0.2", certainty=Certainty.PROVEN, suspects=(own,)),
        summary="10.0.0.2 refuses 10.0.0.25:443 (by 10.0.0.2).",
    )
    report = PathReport(
        schema_version="1.1", netprobe_version="0", started_at="", duration_seconds=0.0, targets=(one,), not_run=()
    )
    host = HostIdentity(os="Debian")
    [hidden] = run.with_host(report, host, anonymous=True).targets
    assert hidden.summary == "this host refuses 10.0.0.25:443 (by this host)."
    assert (hidden.source, hidden.location, hidden.icmp) == (
        "",
        Location(hop=0, address="", certainty=Certainty.PROVEN, suspects=(HopAt(hop=0),)),
        IcmpError(type=3, code=13, sender="", meaning="prohibited"),
    )
    assert hidden.flows[0].hops[0].addresses == ("10.0.0.25",)
    assert hidden.flows[0].hops[0].answers[0].icmp == hidden.icmp
    [named] = run.with_host(report, host, anonymous=False).targets
    assert named == one
    assert run.with_host(report, host, anonymous=False).host.addresses == ("10.0.0.2",)


def test_what_an_anonymous_host_heard_leaves_out_its_addresses() -> None:
    resets = tuple(
        Reset(by=by, side=side, after="answer", count=1)
        for by, side in (("10.0.0.2", "local"), ("192.0.2.1", "remote"))
    )
    use = Use(
        host="x",
        port=443,
        protocol="tcp",
        local_addresses=("10.0.0.2",),
        remote_addresses=("192.0.2.1",),
        connections=1,
        resets=1,
        timeouts=0,
        first_seconds=0.0,
        last_seconds=1.0,
        seen_by=("sni",),
        resets_by=resets,
    )
    question = AskedName(
        host="x", asked=1, answered=0, failures={}, connected=False, local_addresses=("10.0.0.2",), endpoints=()
    )
    observed = Observed(
        schema_version="1.1",
        netprobe_version="0",
        source="eth0",
        packets=1,
        bytes=1,
        first_seconds=None,
        last_seconds=None,
        used=(use,),
        unexplained=(use,),
        bare_addresses=(use,),
        questions=(question,),
        malformed={},
        dropped={},
        complete=True,
    )
    assert b"10.0.0.2" in msgspec.json.encode(observed)
    assert "10.0.0.2" in text(observed)
    hidden = without_addresses(observed)
    assert b"10.0.0.2" not in msgspec.json.encode(hidden)
    assert "10.0.0.2" not in text(hidden)
    assert hidden.used[0].remote_addresses == ("192.0.2.1",)
    assert hidden.used[0].resets_by[1].by == "192.0.2.1"


def test_a_catalog_has_its_age_on_the_day_of_the_run() -> None:
    known = catalog.load()
    assert facts.version_of(known, f"{known.version}T23:59:59Z") == CatalogVersion(
        version=known.version, digest=known.digest, age_days=0
    )
    assert facts.version_of(known, facts.stamp()).age_days is not None


def test_a_host_in_words_leaves_out_what_is_not_known() -> None:
    whole = HostIdentity(
        name="web01",
        site="fra",
        labels={"rack": "7"},
        addresses=("192.0.2.9",),
        os="Debian 12",
        kernel="6.1",
        user="ops",
    )
    assert in_words(whole) == "web01, site fra, rack=7 (192.0.2.9; Debian 12, kernel 6.1) as ops"
    assert in_words(HostIdentity(site="fra")) == "site fra"
    assert in_words(HostIdentity(user="root")) == "as root"
    assert in_words(HostIdentity()) == ""
