"""A lab that another process keeps up: the file that describes it, the commands, and the way back in."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import trio

from netprobe.cli.main import run
from netprobe.errors import UnreadableFileError
from netprobe.lab import SCENARIOS, open_lab, standing
from tests.support import need
from tests.support.lab_client import ask, visit
from tests.support.lab_endpoints import endpoints, name_of

GOOD = standing.Standing(
    scenario="healthy",
    resolvers=("127.99.0.1",),
    dns_port=5353,
    ports={443: 8443},
    addresses={"ssm.us-east-2.amazonaws.com": ("127.99.0.3", "::1")},
    proxy_address="127.99.0.9",
    proxy_port=3128,
    store_file="ca.pem",
    origin_file="ca.pem",
)


def test_a_description_survives_the_file(tmp_path: Path) -> None:
    standing.write(GOOD, tmp_path / "lab.json")
    assert standing.read(tmp_path / "lab.json") == GOOD


@pytest.mark.parametrize("outside", ["10.0.0.1", "0.0.0.0", "2001:db8::1", "ssm.us-east-2.amazonaws.com", ""])
@pytest.mark.parametrize("where", ["resolvers", "addresses", "proxy_address"])
def test_a_description_never_points_outside_loopback(tmp_path: Path, where: str, outside: str) -> None:
    changed: dict[str, object] = {
        "resolvers": (outside,),
        "addresses": {"a.example": ("127.0.0.1", outside)},
        "proxy_address": outside,
    }
    standing.write(msgspec.structs.replace(GOOD, **{where: changed[where]}), tmp_path / "lab.json")
    with pytest.raises(UnreadableFileError, match="not a loopback address"):
        standing.read(tmp_path / "lab.json")


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff\xfe", b'{"scenario": 1}', b"[" * 100_000])
def test_anything_else_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "lab.json").write_bytes(content)
    with pytest.raises(UnreadableFileError, match="not the description"):
        standing.read(tmp_path / "lab.json")
    with pytest.raises(UnreadableFileError, match="cannot be read"):
        standing.read(tmp_path / "absent.json")


@pytest.fixture
def kept_up(tmp_path: Path) -> Iterator[Path]:
    """``netprobe lab run`` in another process; yields its folder."""
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "netprobe", "lab", "run", "blackhole"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 30
        while not (found := list(tmp_path.glob("netprobe-lab-*/curl.conf"))):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield found[0].parent
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stdout is not None
        assert "Try, in another terminal:" in process.stdout.read()
    assert not list(tmp_path.glob("netprobe-lab-*"))


async def test_a_standing_lab_can_be_visited(kept_up: Path) -> None:
    ssm = name_of("ssm")
    async with open_lab(str(kept_up / "lab.json"), endpoints()) as lab:
        assert lab.scenario is SCENARIOS["blackhole"]
        resolver = lab.vantage.resolvers[0]
        address = await ask(ssm, "A", resolver.address, resolver.port)
        assert (address,) == lab.addresses[ssm]
        assert (await visit(address, lab.vantage.ports[443], ssm, lab.origin_file)).word == "answer"
    curl = [str(need.engine("curl")), "-sSi", "--noproxy", "*", "-K", str(kept_up / "curl.conf"), f"https://{ssm}/"]
    done = await trio.run_process(curl, capture_stdout=True)
    assert b"x-amzn-RequestId" in done.stdout


def test_the_list_names_every_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lab", "list"]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n{name} " in f"\n{shown}" for name in SCENARIOS)
    assert max(map(len, shown.splitlines())) <= 80
    assert run(["lab", "list", "--format", "json"]) == 0
    assert [row["scenario"] for row in json.loads(capsys.readouterr().out)] == list(SCENARIOS)


def test_mistakes_are_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in (["lab", "run", "helthy"], ["lab", "list", "--format", "xml"], ["lab", "run", "-r", "cn-north-1"]):
        assert run(wrong) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
