"""What the agents themselves say when something is in the way, and which finding of ours it is.

The table is data (``messages.toml``): agent, version, the message, what it means on an ECS Anywhere host, the findings
that can be behind it, and the source file or page with the day it was read. People paste a whole line of a log; a
message is found wherever it stands in it. This is for looking up, never for judging: no finding is made of a text.
The command line alone may import it.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files

import msgspec

MAX_TEXT = 8000
"""Characters of a pasted text that are looked at."""


class AgentMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message.

    Attributes:
        agent: who says it: ``ecs-agent`` (and ecs-init), ``ssm-agent``, ``docker``, ``fluent-bit``,
            ``cloudwatch-agent``, ``go`` (any of those, through Go's library) or ``aws`` (an error code of AWS's, or of
            its SDKs).
        version: of the source that was read.
        text: the message; an ellipsis stands for anything within a line.
        findings: ids of ours, the likeliest first.
        meaning: in a sentence or two.
        source: the file or page that has it.
        checked: the day that was read.
        decides: its likeliest finding is shown whatever else stands in the text, since it leaves no other reading.
    """

    agent: str
    version: str
    text: str
    findings: tuple[str, ...]
    meaning: str
    source: str
    checked: str
    decides: bool = False


@functools.cache
def messages() -> tuple[AgentMessage, ...]:
    """The table."""
    data = tomllib.loads((files("netprobe.messages") / "messages.toml").read_text(encoding="utf-8"))
    return tuple(msgspec.convert(one, AgentMessage) for one in data["message"])


def find(text: str) -> tuple[AgentMessage, ...]:
    """The messages that stand in a text: those that decide, then the longest (and so the most telling) first."""
    folded = " ".join(text[:MAX_TEXT].split()).lower()
    found = [message for message, pattern in _patterns() if pattern.search(folded)]
    return tuple(sorted(found, key=lambda message: (not message.decides, -len(message.text))))


def likeliest(found: Sequence[AgentMessage]) -> str:
    """The id of the finding that the messages of one text speak of.

    Where no message decides, what several of them can mean is likelier than what one of them can.

    Args:
        found: what :func:`find` gave, at least one.
    """
    if found[0].decides:
        return found[0].findings[0]
    votes = Counter(id_ for one in found for id_ in one.findings)
    return votes.most_common(1)[0][0]


@functools.cache
def _patterns() -> tuple[tuple[AgentMessage, re.Pattern[str]], ...]:
    return tuple((message, _pattern(message.text)) for message in messages())


def _pattern(text: str) -> re.Pattern[str]:
    pieces = (re.escape(" ".join(piece.split()).lower()) for piece in text.split("…"))
    return re.compile(".{0,300}?".join(pieces))
