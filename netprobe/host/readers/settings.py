"""``KEY=VALUE`` files: what systemd takes from an ``EnvironmentFile=``, and what a shell takes from the like.

systemd's reader is a small state machine (``src/basic/env-file.c``, systemd 252, and systemd.exec(5), read 2026-11-28):
a backslash at the end of a line joins the next one, quotes may stand anywhere in a value and may span lines, ``export``
makes the line worthless, and a name that is no variable's is dropped. Files for shells (``/etc/environment``,
``/etc/profile.d``, os-release) are read line by line and may say ``export``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from netprobe.errors import redacted
from netprobe.findings import Place
from netprobe.host.filesystem import FileSystem, UnreadableError

MAX_SETTINGS = 10_000
MAX_FILE = 256 * 1024
"""Bytes of a unit or environment file; a long one costs time at every program that reads it."""
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHELL_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
_COMMENTS = "#;"
_BLANKS = " \t\r"
_ESCAPED_IN_QUOTES = '"\\`$'


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One ``KEY=VALUE`` with its place; the value is kept out of ``repr`` because it may be a secret."""

    key: str
    value: str = field(repr=False)
    file: str
    line: int

    @property
    def place(self) -> Place:
        """Where it stands, by key alone."""
        return Place(file=self.file, line=self.line, text=self.key)

    @property
    def where(self) -> str:
        """``FILE:LINE``, or the file alone where no line holds it (an environment)."""
        return f"{self.file}:{self.line}" if self.line else self.file

    @property
    def shown(self) -> Place:
        """Where it stands, value included; for values that are no secrets, though some hold a URL with a password."""
        return Place(file=self.file, line=self.line, text=f"{self.key}={redacted(self.value)}"[:200])


def bounded(found: Sequence[Setting], path: str) -> None:
    """Refuse a flood of settings: a file of 8 MiB can hold two million, and a unit can name it a thousand times.

    Raises:
        UnreadableError: there are more than any program is given.
    """
    if len(found) > MAX_SETTINGS:
        raise UnreadableError(path, f"sets more than {MAX_SETTINGS} variables")


def shell(root: FileSystem, path: str) -> tuple[Setting, ...]:
    """The settings of a file that a shell reads, or a program that reads it as one would (os-release, pam_env).

    Raises:
        UnreadableError: the file is there and cannot be read, or sets more than any program is given.
    """
    found: list[Setting] = []
    for number, line in root.lines(path, MAX_FILE):
        match = _SHELL_LINE.fullmatch(line.strip())
        if match is not None:
            found.append(Setting(key=match[1], value=_unquoted(match[2]), file=path, line=number))
            bounded(found, path)
    return tuple(found)


def environment_file(root: FileSystem, path: str) -> tuple[Setting, ...]:
    """The variables that systemd takes from a file of ``EnvironmentFile=``, in the order of the file.

    Raises:
        UnreadableError: the file is there and cannot be read, or sets more than any program is given.
    """
    text = root.text(path, MAX_FILE)
    return () if text is None else parse(text, path)


def parse(text: str, path: str) -> tuple[Setting, ...]:
    """The same of the file's text.

    Args:
        text: the content.
        path: what to call it in places.

    Raises:
        UnreadableError: it sets more than any program is given.
    """
    reader = _Reader(path)
    for character in text:
        reader.take(character)
    reader.take("\n")
    return tuple(reader.found)


def last(found: Iterable[Setting], key: str) -> Setting | None:
    """The assignment that holds: the last one of a key."""
    return next((item for item in reversed(tuple(found)) if item.key == key), None)


def _unquoted(text: str) -> str:
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return text


class _State(Protocol):
    """What the reader does with the next character; the answer is what it does with the one after."""

    def __call__(self, character: str, /) -> _State: ...


class _Reader:
    """systemd's state machine; each method takes one character in one state and names the next state."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.found: list[Setting] = []
        self.line = 1
        self._state: _State = self._before_key
        self._start()

    def _start(self) -> None:
        self._key: list[str] = []
        self._value: list[str] = []
        self._kept = 0
        """How many characters of the value are held against the trimming at its end: those in quotes or escaped."""
        self._at = self.line

    def take(self, character: str) -> None:
        self._state = self._state(character)
        if character == "\n":
            self.line += 1

    def _before_key(self, character: str) -> _State:
        if character in _COMMENTS:
            return self._comment
        if character in _BLANKS or character == "\n":
            return self._before_key
        self._start()
        self._key.append(character)
        return self._in_key

    def _in_key(self, character: str) -> _State:
        if character == "\n":
            return self._before_key
        if character == "=":
            return self._before_value
        self._key.append(character)
        return self._in_key

    def _before_value(self, character: str) -> _State:
        """Before the value, and after a part of it in quotes."""
        if character in _BLANKS:
            return self._before_value
        if character == "'":
            return self._single
        if character == '"':
            return self._double
        return self._in_value(character)

    def _in_value(self, character: str) -> _State:
        """Inside an unquoted part, where quotes are ordinary characters."""
        if character == "\n":
            self._finish()
            return self._before_key
        if character == "\\":
            return self._escape
        self._value.append(character)
        return self._in_value

    def _escape(self, character: str) -> _State:
        if character != "\n":
            self._value.append(character)
            self._kept = len(self._value)
        return self._in_value

    def _single(self, character: str) -> _State:
        if character == "'":
            self._kept = len(self._value)
            return self._before_value
        self._value.append(character)
        return self._single

    def _double(self, character: str) -> _State:
        if character == '"':
            self._kept = len(self._value)
            return self._before_value
        if character == "\\":
            return self._double_escape
        self._value.append(character)
        return self._double

    def _double_escape(self, character: str) -> _State:
        if character in _ESCAPED_IN_QUOTES:
            self._value.append(character)
        elif character != "\n":
            self._value += ["\\", character]
        return self._double

    def _comment(self, character: str) -> _State:
        if character == "\n":
            return self._before_key
        return self._comment

    def _finish(self) -> None:
        key = "".join(self._key).rstrip(_BLANKS)
        loose = "".join(self._value[self._kept :]).rstrip(_BLANKS)
        if NAME.fullmatch(key) is None:
            return
        value = "".join(self._value[: self._kept]) + loose
        self.found.append(Setting(key=key, value=value, file=self.path, line=self._at))
        bounded(self.found, self.path)
