"""Docker's ``daemon.json``: what stands in it, and in which line.

Docker takes a byte order mark and an empty file (``daemon/config``, getConflictFreeConfiguration); anything else must
be one JSON object. Which file it is, the unit's command line may say (``--config-file``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netprobe.findings import Place
from netprobe.host.filesystem import FileSystem
from netprobe.host.readers import systemd
from netprobe.host.readers.settings import MAX_FILE

FILE = "/etc/docker/daemon.json"
UNIT = "docker.service"


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonJson:
    """The configuration file of dockerd.

    Attributes:
        file: its path.
        settings: the object in it; empty where there is none.
        error: why it is no JSON object, or nothing.
        error_line: where that shows.
    """

    file: str = FILE
    settings: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    error_line: int = 1
    _text: str = field(default="", repr=False)

    def line(self, *keys: str) -> int:
        """The line of a key, given with the keys above it."""
        position = 0
        for key in keys:
            match = re.compile(re.escape(json.dumps(key)) + r"\s*:").search(self._text, position)
            position = position if match is None else match.start() + 1
        return self._text.count("\n", 0, position) + 1

    def place(self, *keys: str, text: str = "") -> Place:
        """The place of a key, shown as ``text``, else by its name."""
        return Place(file=self.file, line=self.line(*keys), text=(text or ".".join(keys))[:200])


def path(root: FileSystem) -> str:
    """Which file dockerd reads."""
    given = (option(words, "--config-file") for _, words in systemd.commands(root, UNIT))
    return next((path for path in given if path), FILE)


def option(words: Sequence[str], *names: str) -> str | None:
    """The value of an option on a command line, ``--name VALUE`` or ``--name=VALUE``."""
    for word, following in zip(words, (*words[1:], ""), strict=True):
        name, equals, value = word.partition("=")
        if name in names:
            return value if equals else following
    return None


def read(root: FileSystem) -> DaemonJson:
    """The file that dockerd reads; an absent one is empty.

    Raises:
        UnreadableError: it is there and cannot be read.
    """
    file = path(root)
    text = (root.text(file, MAX_FILE) or "").removeprefix("\ufeff")
    if not text.strip():
        return DaemonJson(file=file)
    try:
        settings = json.loads(text)
    except json.JSONDecodeError as exc:
        return DaemonJson(file=file, error=f"column {exc.colno}: {exc.msg}", error_line=exc.lineno)
    except (ValueError, RecursionError):
        return DaemonJson(file=file, error="nested too deep, or a number that is too long")
    if not isinstance(settings, dict):
        return DaemonJson(file=file, error="no JSON object")
    return DaemonJson(file=file, settings=settings, _text=text)
