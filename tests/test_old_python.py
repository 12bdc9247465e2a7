"""What an old Python is told: one sentence, whatever syntax the rest of netprobe is written in."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

import pytest

from tests.support import covered
from tests.support.cli import ROOT

FILES = ("netprobe/__init__.py", "netprobe/__main__.py")


@pytest.mark.parametrize("name", FILES)
def test_the_entry_is_read_by_any_python_3(name: str) -> None:
    source = (ROOT / name).read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 6))
    with pytest.raises(SyntaxError):
        ast.parse("match x:\n    case 1: pass", feature_version=(3, 6))


def test_an_old_python_gets_a_sentence() -> None:
    code = (
        "import sys, runpy\n"
        "sys.version_info = (3, 9, 2, 'final', 0)\n"
        "sys.argv = ['netprobe', 'check', '-r', 'us-east-2']\n"
        "runpy.run_module('netprobe', run_name='__main__')\n"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    env.pop(covered.FOLDER, None)  # what watches the lines goes by the version, too
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=env,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("netprobe: Python 3.9: is older than 3.11")
    assert done.stderr.count("\n") == 1
