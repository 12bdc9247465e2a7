"""The lines that tests run are counted, in commands and forks too, and too few of them fail the run."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import covered
from tests.support.cli import environment

PROGRAM = """
import os
from tests.support import covered
covered.start()
import netprobe.nearest
if not os.fork():
    netprobe.nearest.nearest("sqiud", ["squid"])
    os._exit(0)
os.wait()
"""


def test_a_process_and_its_fork_each_write_what_they_ran(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment(**{covered.FOLDER: str(tmp_path)}), timeout=60, check=True
    )
    ran = [json.loads(path.read_text()) for path in tmp_path.iterdir()]
    of_nearest = [set(lines) for one in ran for name, lines in one.items() if name.endswith("netprobe/nearest.py")]
    assert len(of_nearest) == 2
    assert not of_nearest[0] & of_nearest[1]


def test_a_share_below_the_floor_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = covered.PACKAGE / "nearest.py"
    lines = [node.lineno for node in ast.parse(name.read_text()).body if isinstance(node, ast.FunctionDef)]
    (tmp_path / "1-a").write_text(json.dumps({str(name): lines}))
    assert covered.main(tmp_path) == 1
    assert capsys.readouterr().out.startswith(f"coverage: {len(lines)} of ")
