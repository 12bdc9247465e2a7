"""Playbooks, played by a real ansible-playbook on a controller in a namespace."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from tests.support.cli import ROOT

Staged = SimpleNamespace
"""Where a play takes place: ``sites``, ``inventory``, ``ansible`` (the programs' folder), ``collections``."""


def environment(ansible: Path, collections: Path, **more: str) -> dict[str, str]:
    """Nothing of the machine's own Ansible."""
    return {
        **os.environ,
        "PATH": f"{ansible}:{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "ANSIBLE_HOME": str(collections / "home"),
        "ANSIBLE_FORKS": "10",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_NOCOLOR": "1",
        **more,
    }


def play(staged: Staged, folder: Path, text: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Run a playbook on the controller."""
    book = folder / "play.yml"
    book.write_text(text)
    ansible = staged.ansible / "ansible-playbook"
    shim = folder / "netprobe"
    shim.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m netprobe "$@"\n')
    shim.chmod(0o755)
    return subprocess.run(
        [*("ip", "netns", "exec", staged.sites.core.name, str(ansible), "-i", str(staged.inventory), str(book)), *more],
        env=environment(staged.ansible, staged.collections),
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def recap(shown: str) -> dict[str, dict[str, int]]:
    """Host → what Ansible counted."""
    found = {}
    for line in shown.partition("PLAY RECAP")[2].splitlines():
        name, _, counts = line.partition(":")
        if counts:
            found[name.strip()] = {key: int(number) for key, number in re.findall(r"(\w+)=(\d+)", counts)}
    return found
