"""Where the manual is that a report's links lead to: the project's own pages, or a copy of them (``--docs-base``)."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from netprobe.errors import UsageError

BASE = "https://netprobe-ecs.github.io/netprobe/"
"""The pages of the project; every link is made of this and a path."""
MOST = 300
_PLAIN = re.compile(r"[!-~]+")
_REMEDY = "write for example --docs-base https://wiki.example.com/netprobe/"


def checked(base: str) -> str:
    """A base for links, ending in ``/``.

    Raises:
        UsageError: it is no http or https URL, holds a password, a query or a fragment, or is too long.
    """
    reason = _wrong(base)
    if reason:
        raise UsageError(base, reason, _REMEDY)
    return base if base.endswith("/") else f"{base}/"


def _wrong(base: str) -> str:
    if len(base) > MOST:
        return f"has more than {MOST} characters"
    if not _PLAIN.fullmatch(base):
        return "has blanks or characters that are not ASCII"
    try:
        parts = urlsplit(base)
        host = parts.hostname
    except ValueError:
        return "is no URL"
    if parts.scheme not in ("http", "https") or not host:
        return "is no http or https URL"
    if parts.username is not None or parts.password is not None:
        return "holds a user or password"
    return "has a query or a fragment" if parts.query or parts.fragment else ""


def finding(id: str, base: str = BASE) -> str:
    """The page of a finding; its id may come out of somebody's file."""
    return f"{base}findings/{quote(id.encode('utf-8', 'backslashreplace'), safe='')}/"
