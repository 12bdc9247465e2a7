"""The environment that systemd gives a unit, read from files: no systemd runs, and none is asked.

systemd.exec(5), read 2026-11-23: ``DefaultEnvironment=`` of the manager first, then ``Environment=`` of the unit and
its drop-ins in order (an empty assignment clears what came before), then the files of ``EnvironmentFile=``, which win;
``UnsetEnvironment=`` takes away last. ``PassEnvironment=`` and ``systemctl set-environment`` leave no trace in files
and are seen only in the environment of the running process.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netprobe import shellwords
from netprobe.host.filesystem import FileSystem
from netprobe.host.machine import MAX_SETTINGS_FILE, Machine, Setting, bounded, settings

_MANAGER = "/etc/systemd/system.conf"


def environment(machine: Machine, unit: str) -> tuple[Setting, ...]:
    """Every variable of a unit with its place, in the order in which systemd applies them: the last one holds.

    Args:
        machine: the host or image.
        unit: ``docker.service``.
    """
    root = machine.root
    direct = [s for path in (_MANAGER, *root.glob(f"{_MANAGER}.d", ".conf")) for s in _manager(root, path)]
    files: list[Setting] = []
    unset: set[str] = set()
    for path in machine.drop_ins(unit):
        for number, key, value in _assignments(root, path):
            if key == "Environment":
                direct = _more(direct, _words(value, path, number), path) if value else []
            elif key == "EnvironmentFile":
                files = _more(files, settings(root, value.removeprefix("-")), path) if value else []
            elif key == "UnsetEnvironment":
                unset.update(value.split())
    return tuple(s for s in (*direct, *files) if s.key not in unset)


def _more(found: list[Setting], new: Iterable[Setting], path: str) -> list[Setting]:
    found.extend(new)
    bounded(found, path)
    return found


def _manager(root: FileSystem, path: str) -> Iterator[Setting]:
    for number, key, value in _assignments(root, path):
        if key == "DefaultEnvironment":
            yield from _words(value, path, number)


def _assignments(root: FileSystem, path: str) -> Iterator[tuple[int, str, str]]:
    """``Key=Value`` lines; a backslash at the end joins the next line (systemd.syntax(7))."""
    pending, start = "", 0
    for number, line in root.lines(path, MAX_SETTINGS_FILE):
        text = line.strip()
        if not pending and (not text or text[0] in "#;["):
            continue
        start = start or number
        if text.endswith("\\"):
            pending += text[:-1] + " "
            continue
        key, _, value = (pending + text).partition("=")
        yield start, key.strip(), value.strip()
        pending, start = "", 0


def _words(value: str, path: str, number: int) -> Iterator[Setting]:
    try:
        words = shellwords.split(value)
    except ValueError:
        # An open quote: systemd drops the line with a message in its log, and so the programs never see it.
        return
    for word in words:
        name, equals, content = word.partition("=")
        if equals:
            yield Setting(key=name, value=content, file=path, line=number)
