"""The environment of a running program, from ``/proc``, where that is permitted.

proc(5): ``comm`` holds at most 15 characters of the name; ``environ`` is what the process was started with, readable by
its own user and by root. A process that ends while we look is passed over; one that may not be read is as if not there,
and the files hold.
"""

from __future__ import annotations

from netprobe.host.filesystem import UnreadableError
from netprobe.host.machine import Machine
from netprobe.host.readers.settings import Setting

COMM_LENGTH = 15
MAX_ENVIRON = 256 * 1024


def environment(machine: Machine, commands: tuple[str, ...]) -> tuple[Setting, ...] | None:
    """The variables of the first process that runs one of these commands.

    Args:
        machine: a running host.
        commands: names as ``comm`` shows them, longer ones are cut.

    Returns:
        The variables, or None where no such process runs or it may not be read.
    """
    wanted = {command[:COMM_LENGTH] for command in commands}
    for pid in sorted((name for name in machine.root.names("/proc") if name.isdigit()), key=int):
        try:
            comm = machine.root.text(f"/proc/{pid}/comm", 64)
            if comm is None or comm.strip() not in wanted:
                continue
            content = machine.root.read(f"/proc/{pid}/environ", MAX_ENVIRON)
        except UnreadableError:
            continue
        if content:
            return tuple(_settings(content.decode(errors="replace"), f"the environment of process {pid}"))
    return None


def _settings(content: str, where: str) -> list[Setting]:
    found = []
    for entry in content.split("\0"):
        key, equals, value = entry.partition("=")
        if equals:
            found.append(Setting(key=key, value=value, file=where, line=0))
    return found
