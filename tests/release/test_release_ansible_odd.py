"""The collection's parts on hosts that greet, have no room, or sent nothing for days; without any server."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.release.played import environment
from tests.support.cli import ROOT
from tests.support.fleets import encoded, machines

ACTION = """
import json, subprocess, sys
from pathlib import Path
from types import SimpleNamespace
from ansible.errors import AnsibleActionFail
from ansible_collections.netprobe.ecs_anywhere.plugins.action.check import _decoded
from ansible_collections.netprobe.ecs_anywhere.plugins.action import install
from ansible_collections.netprobe.ecs_anywhere.plugins.plugin_utils.remote import Remote, place_binary

CLOSED = "Shared connection to web1 closed."

class Action:
    '''A host behind a terminal: all that is said comes on stdout, and on stderr only what ssh says itself.'''

    class _connection:
        put_file = staticmethod(lambda local, place: Path(place).write_bytes(Path(local).read_bytes()))

    def __init__(self, before):
        self.before = before

    def _low_level_execute_command(self, command, sudoable=True):
        done = subprocess.run(["sh", "-c", self.before + command], capture_output=True, text=True)
        return {"rc": done.returncode, "stdout": (done.stdout + done.stderr).replace("\\n", "\\r\\n"), "stderr": CLOSED}

def acted(folder, before):
    remote = Remote(Action(before))
    said = {}

    def tried(name, call):
        try:
            said[name] = call()
        except AnsibleActionFail as exc:
            said[name] = "failed: %s" % exc

    folder.mkdir()
    (folder / "there").write_text("one\\ntwo\\n")
    (folder / "netprobe").write_bytes(b"x" * 100_000)
    report = json.dumps({"verdict": "ready", "findings": [], "endpoints": []}, indent=2)
    (folder / "report").write_text(report)
    tried("text", lambda: remote.text(str(folder / "there")))
    tried("no text", lambda: remote.text(str(folder / "missing")))
    tried("report", lambda: _decoded(remote.run("cat %s/report" % folder)["stdout"])["verdict"])
    tried("placed", lambda: place_binary(remote, str(folder / "netprobe"), str(folder / "kept"))[1])
    tried("again", lambda: place_binary(remote, str(folder / "netprobe"), str(folder / "kept"))[1])
    install.VERSIONS["deb"] = "echo install ok installed 1.0"
    tried("version", lambda: install._version(remote, "deb"))
    tried("no folder", lambda: remote.own_folder(str(folder / "there/below")))
    return {**said, "kept": sorted(one.name for one in (folder / "kept").iterdir())}

print(json.dumps([acted(Path(sys.argv[1]) / str(number), before) for number, before in enumerate(sys.argv[2:])]))
"""


GREETS = "echo 'Welcome {to} web1'; echo missing; "
NO_ROOM = "trap '' XFSZ; ulimit -f 20; "
"""A limit on the size of files stands for the full disk: cp writes a part of the binary, and ends."""


def test_a_greeting_is_no_part_of_a_file_and_a_full_disk_is_told_in_its_own_words(
    ansible: Path, collections: Path, tmp_path: Path
) -> None:
    """And what was written of the binary before the disk was full is gone again."""
    done = subprocess.run(
        [str(ansible / "python"), "-c", ACTION, str(tmp_path), GREETS, NO_ROOM],
        env=environment(ansible, collections, PYTHONPATH=str(collections)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    greeted, full = json.loads(done.stdout)
    assert (greeted["text"], greeted["no text"], greeted["report"]) == ("one\ntwo\n", None, "ready")
    assert (greeted["placed"], greeted["again"]) == (True, False)
    assert greeted["version"] == "install ok installed 1.0"
    assert "cannot be written: cp: error " in full["placed"]
    assert "File too large" in full["placed"]
    assert full["kept"] == []
    assert "Not a directory" in full["no folder"]
    assert "closed" not in full["placed"] + full["no folder"]


PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  roles:
    - role: netprobe.ecs_anywhere.report
      vars:
        report_netprobe: {folder}/netprobe
"""


def test_what_a_host_sent_last_week_or_never_is_no_answer(ansible: Path, collections: Path, tmp_path: Path) -> None:
    """Its check failed today, or it could not be reached: without this the fleet was READY."""
    (tmp_path / "reports").mkdir()
    for machine, age in zip(machines(random.Random(3), 2), (0, 7), strict=True):
        machine.started_at = (datetime.now(UTC) - timedelta(days=age)).isoformat()
        (tmp_path / "reports" / f"{machine.name}.json").write_bytes(encoded(machine))
    (tmp_path / "netprobe").write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m netprobe "$@"\n')
    (tmp_path / "netprobe").chmod(0o755)
    (tmp_path / "play.yml").write_text(PLAY.format(folder=tmp_path))
    (tmp_path / "inventory").write_text("[servers]\nhost0000\nhost0001\nweb3\n")
    done = subprocess.run(
        [str(ansible / "ansible-playbook"), "-i", str(tmp_path / "inventory"), str(tmp_path / "play.yml")],
        env=environment(ansible, collections),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode != 0, done.stdout + done.stderr
    answer = json.loads((tmp_path / "fleet.json").read_text())
    assert (answer["verdict"], answer["missing"], answer["too_old"]) == ("inconclusive", ["web3"], ["host0001"])
