"""Which of a report's files are in the repository that a CI job works in: what code scanning can show a problem in.

The root is the job's own (``GITHUB_WORKSPACE``, ``CI_PROJECT_DIR``), else the folder above that holds ``.git``, else
the one we stand in. Only whether a file is there is looked at.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netprobe.report.model import Report
    from netprobe.report.places import Repository

_ROOTS = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")
_ANCHORS = ("netprobe.toml", "README.md", "README.rst", "README", "README.txt")
"""Files to show in what stands in none: where the check is configured, else what nearly every repository has."""
MOST_FILES = 2000


def around(report: Report, here: Path) -> Repository:
    """Look for a report's files.

    Args:
        report: its findings name files relative to ``here``, or absolutely.
        here: the working folder.
    """
    from netprobe.report.places import Repository

    root = _root(here)
    shown = [place.file for finding in report.findings for place in finding.places]
    shown += [rule.subject for rule in report.rules if rule.hindered]
    files = list(dict.fromkeys(shown))[:MOST_FILES]
    found = ((file, _path_in(root, here, file)) for file in files)
    return Repository(paths={file: path for file, path in found if path}, anchor=_anchor(root, here))


def _root(here: Path) -> Path:
    for name in _ROOTS:
        told = os.environ.get(name)
        if told and here.resolve().is_relative_to(Path(told).resolve()):
            return Path(told).resolve()
    above = (folder for folder in (here.resolve(), *here.resolve().parents) if os.path.exists(folder / ".git"))
    return next(above, here.resolve())


def _path_in(root: Path, here: Path, file: str) -> str:
    """The path of a file from the root; nothing where it is not there or elsewhere."""
    try:
        real = (here / file).resolve()
        return real.relative_to(root).as_posix() if os.path.isfile(real) else ""
    except (OSError, ValueError, RuntimeError):  # a name that no file can have, a loop of links, another place
        return ""


def _anchor(root: Path, here: Path) -> str:
    """A file that is there, or nothing in an empty folder."""
    named = (_path_in(root, folder, name) for name in _ANCHORS for folder in (here, root))
    return next((path for path in (*named, *_any_file(root)) if path), "")


def _any_file(root: Path) -> Iterator[str]:
    try:
        with os.scandir(root) as entries:
            names: Iterable[str] = sorted(entry.name for entry in entries if entry.is_file())
    except OSError:
        names = ()
    yield from names
