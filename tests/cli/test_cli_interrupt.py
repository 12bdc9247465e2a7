"""Ctrl-C while a large file is read or an interface is heard: exit code 130, no traceback, nothing half."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import need
from tests.support.cli import environment

CHUNK = 4 << 20
REPEATS = 1024
"""4 GiB when unpacked: far from read when it is interrupted."""


def _interrupted(
    ready: Callable[[int], bool],
    *arguments: str,
    cwd: Path,
    signals: tuple[int, ...] = (signal.SIGINT,),
    temporary: Path | None = None,
) -> tuple[int, str, str]:
    """Run a command, press Ctrl-C (or send other signals) when it is at work, and see how it ends."""
    # A shell starts its background jobs with SIGINT ignored, and they hand that down; a terminal does not.
    process = subprocess.Popen(
        ["env", "--default-signal=INT,HUP", sys.executable, "-m", "netprobe", *arguments],
        cwd=cwd,
        env={**environment(), **({"TMPDIR": str(temporary)} if temporary is not None else {})},
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
        for number in signals:
            process.send_signal(number)
            time.sleep(0.01)
        out, err = process.communicate(timeout=20)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    return process.returncode, out, err


def _reading(path: Path) -> Callable[[int], bool]:
    """Whether a process has read some way into a file."""

    def reads(pid: int) -> bool:
        for one in Path(f"/proc/{pid}/fd").iterdir():
            try:
                if os.readlink(one) == str(path):
                    position = Path(f"/proc/{pid}/fdinfo/{one.name}").read_text().split()[1]
                    return int(position) > 1 << 16
            except FileNotFoundError:
                continue  # closed in between
        return False

    def ready(pid: int) -> bool:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()  # an image is read in one
        return any(map(reads, [pid, *map(int, children)]))

    return ready


def _packed(path: Path, start: bytes, chunk: bytes) -> Path:
    """A small gzip file that unpacks to ``start`` and very many chunks."""
    piece = gzip.compress(chunk, compresslevel=1)
    with path.open("wb") as stream:
        stream.write(gzip.compress(start))
        for _ in range(REPEATS):
            stream.write(piece)
    return path


ENDS = [((signal.SIGINT,), 130), ((signal.SIGTERM,), 143), ((signal.SIGHUP,), 129)]


@pytest.mark.parametrize(("signals", "ends"), ENDS)
def test_image(signals: tuple[int, ...], ends: int, tmp_path: Path) -> None:
    # Many members of the size that is read, so that no limit on one member ends it first.
    member = tarfile.TarInfo("var/big")
    member.size = CHUNK
    tar = _packed(tmp_path / "root.tar.gz", b"", member.tobuf(tarfile.GNU_FORMAT) + bytes(CHUNK))
    code, out, err = _interrupted(
        _reading(tar), "image", str(tar), "--report", "junit=out.xml", cwd=tmp_path, signals=signals
    )
    assert (code, out, err) == (ends, "", "")
    assert os.listdir(tmp_path) == ["root.tar.gz"]


def _open_by(pid: int) -> Iterator[str]:
    """What a process has open; it goes on opening and closing meanwhile."""
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            yield os.readlink(one)


@pytest.mark.parametrize(
    "command", [("audit", "-r", "us-east-2"), ("audit", "-r", "us-east-2", "--log-format", "squid")]
)
def test_audit(tmp_path: Path, command: tuple[str, ...]) -> None:
    line = b"1700000000.000 5 10.0.0.1 TCP_DENIED/403 0 CONNECT ecs.us-east-2.amazonaws.com:443 - HIER_NONE/- -\n"
    log = _packed(tmp_path / "access.log.gz", line, line * (CHUNK // len(line)))
    code, out, err = _interrupted(_reading(log), *command, str(log), "-o", "out", cwd=tmp_path)
    assert (code, out, err) == (130, "", "stopped; this is what was seen so far\n")
    assert sorted(os.listdir(tmp_path)) == ["access.log.gz", "out"]
    assert "ecs.us-east-2.amazonaws.com" in (tmp_path / "out").read_text()


@pytest.mark.root
def test_observe_live_shows_what_was_seen(tmp_path: Path) -> None:
    need.root()

    def listening(pid: int) -> bool:
        sockets = set(_open_by(pid))
        inodes = [line.split()[-1] for line in Path(f"/proc/{pid}/net/packet").read_text().splitlines()[1:]]
        return any(f"socket:[{inode}]" in sockets for inode in inodes)

    code, out, err = _interrupted(listening, "observe", "-i", "lo", "--seconds", "60", "--format", "json", cwd=tmp_path)
    assert code == 130, err
    assert '"packets"' in out
    assert err == "stopped; this is what was seen so far\n"


TOGETHER = [((signal.SIGINT, signal.SIGINT), 130), ((signal.SIGTERM, signal.SIGTERM, signal.SIGINT), 143)]


@pytest.mark.parametrize(("signals", "ends"), [*ENDS, *TOGETHER])
def test_check_reports_what_was_seen(signals: tuple[int, ...], ends: int, tmp_path: Path) -> None:
    def listens(pid: int) -> bool:
        # Only a run that listens for signals imports in a thread; the lab's sockets are open before.
        return len(os.listdir(f"/proc/{pid}/task")) > 1

    temporary = tmp_path / "temporary"
    temporary.mkdir()
    arguments = (
        "check",
        "-r",
        "us-east-2",
        "--lab",
        "blackhole-all",
        "--format",
        "json",
        "-q",
        "--report",
        "html=a.html",
    )
    code, out, err = _interrupted(listens, *arguments, cwd=tmp_path, signals=signals, temporary=temporary)
    assert code == ends, err
    assert json.loads(out)["context"]["interrupted"] is True
    assert (tmp_path / "a.html").read_text(encoding="utf-8").endswith("</html>\n")
    assert list(temporary.iterdir()) == []
    assert "Traceback" not in err


def test_ctrl_c_before_anything_began(tmp_path: Path) -> None:
    code = "import os, signal, sys; sys.argv = ['netprobe', 'check'];"
    code += "sys.meta_path.insert(0, type('F', (), {'find_spec': lambda s, n, *a: os.kill(os.getpid(), signal.SIGINT)"
    code += " if n == 'netprobe.cli.main' else None})()); from netprobe.__main__ import main; sys.exit(main())"
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment(), cwd=tmp_path, capture_output=True, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, b"", b"")
