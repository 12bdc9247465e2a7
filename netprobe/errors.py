"""What a user can do wrong. Everything else that is raised is a bug in netprobe.

    NetprobeError
    ├── UsageError              exit 2: one line that names the value, the reason and the remedy
    │   ├── InvalidHostnameError    not a host name or host pattern
    │   ├── UnknownRegionError      no such region; the nearest names are told
    │   ├── RefusedRegionError      China: ECS Anywhere is not offered there
    │   ├── MissingInputError       something is needed; the command says by which option it is given
    │   └── UnreadableFileError     a file that is missing, unreadable or malformed
    └── CannotExpressError      exit 1: the device cannot say what was asked for (``render --exact``)

Trouble on the network is never an exception: it is data (an observation with a failure).
"""

from __future__ import annotations

import re
import unicodedata


def printable(text: str, limit: int = 200) -> str:
    """Make foreign text safe for one line of a terminal.

    Args:
        text: anything, also what an attacker chose.
        limit: the longest result, in characters.

    Returns:
        The text with every control, format and line-breaking character escaped, cut at ``limit``.
    """
    if text.isascii() and text.isprintable() and len(text) <= limit:
        return text
    safe = "".join(
        c if unicodedata.category(c)[0] != "C" and c not in "\u2028\u2029" else c.encode("unicode_escape").decode()
        for c in text[: limit + 1]
    )
    return safe if len(safe) <= limit else safe[: limit - 1] + "…"


# Greedy up to the last "@" of the word: a password may itself hold "/", ":" and "@".
_USERINFO = re.compile(r"://[^\s'\"<>]*@")
# ``user:secret@proxy:3128``, as people write proxies too; ``image:tag@sha256:…`` is a digest.
_BARE_USERINFO = re.compile(r"(?<![\w.:/@-])[^\s:/@'\"<>,=]{1,128}:(?!//)[^\s'\"<>]{1,512}@(?!sha\d+:)")


def redacted(text: str) -> str:
    """Take the credentials out of every URL in a text (``http://user:secret@proxy`` becomes ``http://***@proxy``).

    The one function that does it: whatever may quote a proxy setting goes through here before it is shown or kept.
    """
    return _BARE_USERINFO.sub("***@", _USERINFO.sub("://***@", text)) if "@" in text else text


class NetprobeError(Exception):
    """A mistake that the user can put right; never a bug, never network trouble."""

    exit_code = 2


class UsageError(NetprobeError):
    """The request is wrong (exit 2).

    Attributes:
        value: what was given, safe to print.
        reason: why it cannot be used.
        remedy: what to do instead.
    """

    def __init__(self, value: str, reason: str, remedy: str) -> None:
        self.value = printable(redacted(value))
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{self.value}: {reason}; {remedy}")


class InvalidHostnameError(UsageError):
    """Not a host name or host pattern."""


class UnknownRegionError(UsageError):
    """No such region."""


class RefusedRegionError(UsageError):
    """A region that netprobe refuses to touch (China)."""


class MissingInputError(UsageError):
    """Something is needed that was not given; whoever has an option for it replaces the remedy.

    Attributes:
        need: what is missing, in a word.
    """

    def __init__(self, need: str, reason: str, remedy: str) -> None:
        self.need = need
        super().__init__(need, reason, remedy)


class UnreadableFileError(UsageError):
    """A file that is missing, unreadable or malformed."""


class CannotExpressError(NetprobeError):
    """The target cannot express what was asked for, and was told not to widen (exit 1).

    Attributes:
        problems: one plain sentence for each thing that cannot be said.
    """

    exit_code = 1

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))
