"""What the command line tells the manual of itself: its commands with their arguments and options. Types only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

import msgspec


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """One argument or option of a command.

    Attributes:
        names: ``--region, -r``, or the argument's name.
        value: what it takes (``REGION``), or nothing.
        help: what it does.
    """

    names: str
    value: str
    help: str


class CommandPage(msgspec.Struct, frozen=True, kw_only=True):
    """One command, or a command of a command.

    Attributes:
        name: ``check``, ``lab run``.
        summary: one line.
        help: all that its ``--help`` says above the options, in paragraphs.
        arguments: in order.
        options: in order.
    """

    name: str
    summary: str
    help: tuple[str, ...]
    arguments: tuple[Option, ...]
    options: tuple[Option, ...]


class PageKind(NamedTuple):
    """Everything of one kind that there is a page for: id → a line, and id → its page."""

    titles: Mapping[str, str]
    page: Callable[[str], str]


Kinds: TypeAlias = Mapping[str, PageKind]
"""``findings``, ``rules``, ``failures``, ``endpoints``, ``capabilities``, ``targets`` → what there is of it."""
