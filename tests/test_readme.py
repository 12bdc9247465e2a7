"""The README's commands are run as they stand, so that it stays true."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import need

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line.strip() and not line.startswith("#")]

# A check of the machine's own network would send packets to addresses that are not the test's.
LEAVES_THE_MACHINE = re.compile(r"netprobe (check|path|observe|exporter)\b(?!.*--lab)")


def _runnable() -> list[str]:
    return [c for c in COMMANDS if c.startswith("netprobe ") and not LEAVES_THE_MACHINE.match(c)]


def _expected(arguments: list[str]) -> set[int]:
    if "host" in arguments:
        # It judges the machine that runs the tests, whatever that is (4: not all was readable).
        return {0, 1, 4}
    return {1} if "--lab" in arguments and "healthy" not in arguments else {0}


@pytest.mark.parametrize("command", _runnable())
def test_each_netprobe_command_runs(command: str, tmp_path: Path) -> None:
    arguments = shlex.split(command, comments=True)[1:]
    done = subprocess.run(
        [sys.executable, "-m", "netprobe", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode in _expected(arguments), done.stderr
    assert done.stdout.strip() or any(tmp_path.iterdir()), "it says nothing and writes nothing"


def test_commands_that_would_leave_the_machine_are_well_formed() -> None:
    skipped = [c for c in COMMANDS if LEAVES_THE_MACHINE.match(c)]
    assert skipped, "the README no longer shows the command that it is about"
    for command in skipped:
        subcommand = shlex.split(command, comments=True)[1]
        done = subprocess.run(
            [sys.executable, "-m", "netprobe", subcommand, "--help"],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=ROOT,
        )
        assert done.returncode == 0
        for option in re.findall(r"--[a-z][a-z-]+", command.split("#")[0]):
            assert option in done.stdout


def test_the_first_command_sets_up_from_a_clean_tree(tmp_path: Path) -> None:
    """What a person does first: copy the line, paste it, read "ready"."""
    need.index()
    clean = tmp_path / "clone"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, timeout=30, check=True)
    for name in tracked.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (clean / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clean / name)
    line = next(c for c in COMMANDS if "venv" in c)
    done = subprocess.run(
        ["sh", "-c", line.replace("python3", shlex.quote(sys.executable), 1)],
        capture_output=True,
        text=True,
        timeout=170,
        cwd=clean,
    )
    assert done.returncode == 0, done.stderr
    assert "ready" in done.stdout.lower()
