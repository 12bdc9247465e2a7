"""Folders, FIFOs, sockets and devices that stand where a program reads a file.

A container that mounts a file which is not there makes a folder of that name on the host (``docker run -v``), and
nothing else tells: for the program the file is unreadable, and for every other rule it is absent.
"""

from __future__ import annotations

from netprobe.findings import Place
from netprobe.host.filesystem import MISPLACED
from netprobe.host.machine import ECS_CONFIGS, Machine
from netprobe.host.readers import daemonjson, resolvconf
from netprobe.host.rules.define import rule
from netprobe.host.rules.sources import INSTALLER
from netprobe.rules import Judgement, Rule, failed, passed, warned

_ENDS = {
    **dict.fromkeys(ECS_CONFIGS, "the install script cannot write it, and the ECS agent reads no setting from it"),
    daemonjson.FILE: "Docker cannot read it and does not start",
    resolvconf.FILE: "no program reads a resolver from it",
}
"""What cannot go on: the install script ends at the first command that fails (``set -e``); dockerd passes over a file
that is not there and over no other (``cmd/dockerd``, loadDaemonCliConfig)."""


def not_a_regular_file(machine: Machine) -> Judgement:
    """What stands where a file is read: by these programs, and by every rule before this one."""
    for path in _ENDS:
        machine.root.has_file(path)
    found = machine.root.misplaced
    if not found:
        return passed("a file stands wherever netprobe read one")
    places = [Place(file=path, text=MISPLACED[kind]) for path, kind in sorted(found.items())]
    worst = next((path for path in _ENDS if path in found), min(found))
    title = f"{worst} is {MISPLACED[found[worst]]} and no file"
    title += f": {_ENDS[worst]}" if worst in _ENDS else ", where programs read one"
    if len(found) > 1:
        title += f"; {len(found) - 1} more"
    remedy = (
        f"remove {worst} and put the file there; a container that mounts a file which is not there makes a folder of it"
    )
    return failed(title, remedy, places) if worst in _ENDS else warned(title, remedy, places)


RULES: tuple[Rule[Machine], ...] = (
    rule(not_a_regular_file, "Something else stands where a file is read", INSTALLER, checked="2026-11-29"),
)
"""Judged after all others, which look at the files."""
