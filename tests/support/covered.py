"""Which lines of netprobe the tests run: in pytest's workers, in the commands that they start, and in forks of both.

``tests/run`` gives ``COVERED_LINES``, an empty folder, for a whole run. Every process writes there, when it ends, which
lines it ran; ``python -m tests.support.covered FOLDER`` adds them up and holds the floor of pyproject.toml.

SlipCover puts a probe into the code of each line, which takes itself out once it has been passed. A trace function, as
coverage.py sets on Python 3.11, doubles what a run costs; this costs 3 s in each worker and 0.05 s in each command.
In a command only ``netprobe.cli`` and what lies at the package's top are watched: preparing every module would take
longer than most commands, and what lies below is run in the workers too.

Not counted: a process that is killed, one that may write no file, and one that a test gives an environment of its own.
(It is imported before pytest is, and asserts for its own reader: PYTEST_DONT_REWRITE.)
"""

from __future__ import annotations

import atexit
import json
import os
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import slipcover

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "netprobe"
FOLDER = "COVERED_LINES"

_folder = os.environ.get(FOLDER, "")
_watch = slipcover.Slipcover(immediate=True)


class _Wanted:
    """Which files are prepared: in a command those of the command line, in a worker of pytest all."""

    everything = False

    def matches(self, filename: str | Path | None) -> bool:
        """Whether the lines of this file are watched."""
        if filename is None:
            return False
        path = Path(filename)
        if not path.is_relative_to(PACKAGE):
            return False
        below = path.relative_to(PACKAGE).parts
        return self.everything or below[0] == "cli" or len(below) == 1


_wanted = _Wanted()


def start() -> None:
    """Watch what this process imports from now on; the ``.pth`` that tests/run writes calls it first thing."""
    if os._exit.__module__ == __name__:
        return  # site reads the .pth again where site-packages is on the path twice
    slipcover.ImportManager(_watch, _wanted).__enter__()
    leave = os._exit

    def write_and_leave(status: int) -> NoReturn:
        _write()
        leave(status)

    os._exit = write_and_leave  # a fork ends without what atexit holds
    os.register_at_fork(after_in_child=_watch.signal_child_process)  # it writes what it runs itself
    atexit.register(_write)


def pytest_configure() -> None:
    """In a worker of pytest everything is watched; it has imported nothing of netprobe yet."""
    if _folder:
        early = [name for name in sys.modules if name.startswith("netprobe.")]
        assert not early, f"imported before it could be watched: {early}"
        _wanted.everything = True


def _write() -> None:
    """Write which lines of which files this process, or this fork, ran; one that may not write is not counted."""
    ran = {name: sorted(lines) for name, lines in _watch.newly_seen.items()}
    name = f"{os.getpid()}-{os.urandom(4).hex()}"
    try:
        part = Path(_folder, f"{name}.part")  # a process may be killed while it writes
        part.write_text(json.dumps(ran), encoding="utf-8")
        part.rename(Path(_folder, name))
    except OSError:
        return


def lines_of(paths: Iterable[Path]) -> dict[str, set[int]]:
    """The lines of each file that hold code, by the path below the package."""
    watch = slipcover.Slipcover(source=[str(PACKAGE)])
    found = watch.get_coverage()["files"]
    wanted = {str(path) for path in paths}
    return {
        str(Path(name).resolve().relative_to(PACKAGE)): set(lines["missing_lines"])
        for name, lines in found.items()
        if str(Path(name).resolve()) in wanted
    }


def main(folder: Path) -> int:
    """Add up what every process wrote, print what the least covered modules are, and say whether the floor is held."""
    lines = lines_of(PACKAGE.rglob("*.py"))
    ran: dict[str, set[int]] = {name: set() for name in lines}
    processes = 0
    for written in folder.iterdir():
        if written.suffix == ".part":
            continue
        processes += 1
        for name, executed in json.loads(written.read_text(encoding="utf-8")).items():
            path = Path(ROOT, name).resolve()
            if path.is_relative_to(PACKAGE):
                ran.setdefault(str(path.relative_to(PACKAGE)), set()).update(executed)
    every = sum(map(len, lines.values()))
    passed = sum(len(lines[name] & ran[name]) for name in lines)
    share = 100 * passed / every
    floor = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["netprobe"]["coverage"][
        "floor"
    ]
    print(f"coverage: {passed} of {every} lines, {share:.1f} % (floor {floor} %), from {processes} processes")
    for name in sorted(lines, key=lambda name: len(ran[name] & lines[name]) - len(lines[name]))[:10]:
        print(f"  {len(lines[name] - ran[name]):4} lines not run of {len(lines[name]):4}: netprobe/{name}")
    return 0 if share >= floor else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
