"""What happens when netprobe itself is wrong: the traceback goes into a file, its path to stderr, and the exit is 3.

The file is for the person who reports the bug to us, so it holds what we need (versions, the command line, the
traceback) and no secret: credentials in URLs are taken out, local variables are never written. Nothing is sent. What
it needs is imported when a bug is met.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

from netprobe import __version__
from netprobe.cli.output import say, say_lines
from netprobe.errors import redacted

_AFTER_USER = r"(?:://|^|[=,\s])[^:@/=,\s]*:(?!//)(\S+)@"
"""Compiled when a bug is met, as everything else here is imported then."""


def keep_traceback(exc: Exception, argv: Sequence[str]) -> int:
    """Write the traceback into a file that only this user may read, and tell where it is.

    Returns:
        The exit code, 3.
    """
    import traceback

    where = keep("".join(traceback.format_exception(exc)), argv)
    summary = _without_secrets(f"{type(exc).__name__}: {exc}", [*argv, *os.environ.values()])
    say(f"netprobe: bug in netprobe ({summary}); {where}; please report it with the traceback")
    return 3


def keep(tracebacks: str, argv: Sequence[str]) -> str:
    """Write tracebacks into a new file that only this user may read; on stderr where no file can be written.

    Args:
        tracebacks: as Python prints them.
        argv: the command line.

    Returns:
        Where they are, in words.
    """
    import tempfile

    text = _without_secrets(_describe(tracebacks, argv), [*argv, *os.environ.values()])
    try:
        descriptor, path = tempfile.mkstemp(prefix="netprobe-bug-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
    except OSError as problem:
        # Nowhere to keep it: then the person must still get it.
        say_lines(text.rstrip("\n"))
        return f"no file for the traceback ({problem}), so it is above"
    return f"the traceback is in {path}"


def _describe(tracebacks: str, argv: Sequence[str]) -> str:
    import platform

    from netprobe.about import packages

    lines = [
        f"netprobe {__version__}",
        f"python {platform.python_version()} on {platform.platform()}",
        "packages: " + ", ".join(f"{name} {version}" for name, version in packages().items()),
        f"arguments: {list(argv)!r}",
        "",
        tracebacks,
    ]
    return "\n".join(lines)


def _without_secrets(text: str, settings: Iterable[str]) -> str:
    """Take out credentials in URLs, and the passwords of the settings wherever else they appear."""
    for secret in sorted(_passwords(settings), key=len, reverse=True):
        text = text.replace(secret, "***")
    return redacted(text)


def _passwords(settings: Iterable[str]) -> set[str]:
    from urllib.parse import quote, unquote

    found: set[str] = set()
    for setting in settings:
        match = re.search(_AFTER_USER, setting)
        if match:
            password = unquote(match[1])
            found |= {match[1], password, quote(password, safe="")}
    return {secret for secret in found if len(secret) >= 3}
