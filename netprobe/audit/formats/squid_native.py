"""Squid's native ``access.log``: ``%ts.%03tu %6tr %>a %Ss/%03>Hs %<st %rm %ru %[un %Sh/%<a %mt``.

Source: www.squid-cache.org, configuration directive ``logformat`` (read 2026-11-23 as a search index keeps it); the
lines of the tests are those that Squid itself writes. Where ``%ssl::bump_mode`` follows, as the page of the target
squid-splice has it, ``terminate`` is what a refused server name gets.
"""

from __future__ import annotations

import functools
import re

from netprobe.audit.formats import fields
from netprobe.audit.model import Decision, Event

NAME = "squid"
SUMMARY = "Squid access.log, native"
_LINE = re.compile(r"(\d{9,11}\.\d{3}) +\d+ (\S+) (([A-Z_]+)/(\d{3})) (\d+) \S+ (\S+) \S+ (\S+)")
_TERMINATED = " terminate"
_MISMATCH, _CREDENTIALS = "409", "407"
_FAILED = frozenset({"500", "502", "503", "504"})


def matches(line: str) -> bool:
    """Whether a line is of this format."""
    return _LINE.match(line) is not None


def parse(line: str) -> tuple[Event, ...]:
    """The event of a line."""
    found = _LINE.match(line)
    if found is None:
        raise ValueError("not a native Squid line")
    time, client, rule, action, status, size, url, hierarchy = found.groups()
    host, port = fields.of_url(url)
    if line.endswith(_TERMINATED):
        return (Event(Decision.DENIED, host, "", port, "ssl_bump terminate", client, float(time)),)
    # Squid 5.7 gives a spliced tunnel the status 500 even where it worked; then bytes came from where it went.
    if rule == "TCP_TUNNEL/500" and size != "0" and hierarchy.startswith("ORIGINAL_DST/"):
        return (Event(Decision.ALLOWED, host, "", port, rule, client, float(time)),)
    return (Event(verdict(action, status), host, "", port, rule, client, float(time)),)


@functools.lru_cache(maxsize=256)
def verdict(action: str, status: str) -> Decision:
    """What became of a request.

    DENIED is Squid's word for its own rules, except that 407 only asks for credentials. 409 is its answer where a
    client connects to an address that Squid does not find for the name. Over a tunnel Squid logs 503 (and 500 where it
    cannot forward at all) for what it admitted and could not reach, with NONE_NONE where that was before the tunnel
    stood; a 5xx of a plain request may be the server's own, which is a failure behind the rules as well. NONE without
    such a status decides nothing.

    Sources: for 409 www.squid-cache.org, ``host_verify_strict``, and wiki.squid-cache.org, "HostHeaderForgery", as a
    search index keeps them, read 2026-11-28; for the rest what Squid itself writes in the tests.
    """
    if status == _CREDENTIALS:
        return Decision.CREDENTIALS_ASKED
    if status == _MISMATCH:
        return Decision.NAME_MISMATCH
    if "DENIED" in action:
        return Decision.DENIED
    if status in _FAILED:
        return Decision.FAILED_UPSTREAM
    if action in ("NONE", "NONE_NONE") or status == "000":
        return Decision.UNKNOWN
    return Decision.ALLOWED
