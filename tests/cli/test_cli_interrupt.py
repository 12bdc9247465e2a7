"""Ctrl-C while a large file is read or an interface is heard: exit code 130, no traceback, nothing half."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import need
from tests.support.cli import environment

CHUNK = 4 << 20
REPEATS = 1024
"""4 GiB when unpacked: far from read when it is interrupted."""


def _interrupted(ready: Callable[[int], bool], *arguments: str, cwd: Path) -> tuple[int, str, str]:
    """Run a command, press Ctrl-C when it is at work, and see how it ends."""
    # A shell starts its background jobs with SIGINT ignored, and they hand that down; a terminal does not.
    process = subprocess.Popen(
        ["env", "--default-signal=INT", sys.executable, "-m", "netprobe", *arguments],
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        end = time.monotonic() + 30
        while not ready(process.pid):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end, "it never got to work"
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    return process.returncode, out, err


def _reading(path: Path) -> Callable[[int], bool]:
    """Whether a process has read some way into a file."""

    def ready(pid: int) -> bool:
        for one in Path(f"/proc/{pid}/fd").iterdir():
            try:
                if os.readlink(one) == str(path):
                    position = Path(f"/proc/{pid}/fdinfo/{one.name}").read_text().split()[1]
                    return int(position) > 1 << 16
            except FileNotFoundError:
                continue  # closed in between
        return False

    return ready


def _packed(path: Path, start: bytes, chunk: bytes) -> Path:
    """A small gzip file that unpacks to ``start`` and very many chunks."""
    piece = gzip.compress(chunk, compresslevel=1)
    with path.open("wb") as stream:
        stream.write(gzip.compress(start))
        for _ in range(REPEATS):
            stream.write(piece)
    return path


def test_image(tmp_path: Path) -> None:
    # Many members of the size that is read, so that no limit on one member ends it first.
    member = tarfile.TarInfo("var/big")
    member.size = CHUNK
    tar = _packed(tmp_path / "root.tar.gz", b"", member.tobuf(tarfile.GNU_FORMAT) + bytes(CHUNK))
    code, out, err = _interrupted(_reading(tar), "image", str(tar), "--report", "junit=out.xml", cwd=tmp_path)
    assert (code, out, err) == (130, "", "")
    assert os.listdir(tmp_path) == ["root.tar.gz"]


@pytest.mark.parametrize(
    "command", [("audit", "-r", "us-east-2"), ("audit", "-r", "us-east-2", "--log-format", "squid")]
)
def test_audit(tmp_path: Path, command: tuple[str, ...]) -> None:
    line = b"1700000000.000 5 10.0.0.1 TCP_DENIED/403 0 CONNECT ecs.us-east-2.amazonaws.com:443 - HIER_NONE/- -\n"
    log = _packed(tmp_path / "access.log.gz", line, line * (CHUNK // len(line)))
    code, out, err = _interrupted(_reading(log), *command, str(log), "-o", "out", cwd=tmp_path)
    assert (code, out, err) == (130, "", "")
    assert os.listdir(tmp_path) == ["access.log.gz"]


@pytest.mark.root
def test_observe_live_shows_what_was_seen(tmp_path: Path) -> None:
    need.root()

    def listening(pid: int) -> bool:
        sockets = {os.readlink(one) for one in Path(f"/proc/{pid}/fd").iterdir()}
        inodes = [line.split()[-1] for line in Path(f"/proc/{pid}/net/packet").read_text().splitlines()[1:]]
        return any(f"socket:[{inode}]" in sockets for inode in inodes)

    code, out, err = _interrupted(listening, "observe", "-i", "lo", "--seconds", "60", "--format", "json", cwd=tmp_path)
    assert code == 130, err
    assert '"packets"' in out
    assert err == "stopped; this is what was seen so far\n"
