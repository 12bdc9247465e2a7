"""HAProxy's HTTP and TCP logs (``option httplog``, ``option tcplog``).

Source: haproxy/haproxy at 50872daa6, doc/configuration.txt, sections 8.2.2, 8.2.3 and 8.5, read 2026-11-28.

The host is taken from the request line, from a captured header or SNI in braces, or from a word ``sni=…`` of a
``log-format``; a plain TCP log names none. ``P`` at the first place of the termination state is the proxy's own
refusal; ``S`` or ``s`` with ``C`` after it is a server that could not be reached, and 503 with ``SC`` that none was
there (section 8.5).
"""

from __future__ import annotations

import re

from netprobe.audit.formats import fields
from netprobe.audit.model import Decision, Event

NAME = "haproxy"
SUMMARY = "HAProxy HTTP or TCP log"
_LINE = re.compile(
    r"(?:^|.*? )(\[?[0-9a-fA-F.:]+\]?):\d{1,5} \[(\d\d/[A-Z][a-z]{2}/\d{4}:[\d:.]+)\] (\S+) ([^\s/]+/\S+) "
    r"[-+\d/]+ (?:(-?\d{1,3}) )?\+?\d+ (?:\S \S )?([A-Za-z-]{2,4}) "
)
_REQUEST = re.compile(r'"[A-Z]+ (\S+) HTTP/[\d.]+"')
_NAMED = re.compile(r'(?:\{|sni[=:]"?)([A-Za-z0-9.-]+\.[A-Za-z0-9.-]+)')


def matches(line: str) -> bool:
    """Whether a line is of this format."""
    return _LINE.match(line) is not None


def parse(line: str) -> tuple[Event, ...]:
    """The event of a line; none for HAProxy's own messages."""
    found = _LINE.match(line)
    if found is None:
        if "haproxy" in line:
            return ()
        raise ValueError("not an HAProxy line")
    client, time, frontend, backend, status, state = found.groups()
    host, port = _host(line)
    denied = state[0] == "P" or (status == "403" and "<NOSRV>" in backend)
    event = Event(
        verdict=Decision.DENIED if denied else _verdict(backend, status, state),
        host=host,
        port=port,
        rule=f"{frontend} {backend} {state}",
        client=client,
        time=fields.clf(time),
    )
    return (event,)


def _verdict(backend: str, status: str | None, state: str) -> Decision:
    """What became of a request that no rule denied."""
    if status == "407":
        return Decision.CREDENTIALS_ASKED
    if state[0] in "Ss" and state[1] == "C":
        return Decision.FAILED_UPSTREAM
    return Decision.UNKNOWN if "<NOSRV>" in backend else Decision.ALLOWED


def _host(line: str) -> tuple[str, int | None]:
    request = _REQUEST.search(line)
    if request is not None and not request[1].startswith("/"):
        return fields.of_url(request[1])
    named = _NAMED.search(line)
    return (named[1].lower(), None) if named is not None else ("", None)
