"""dnsmasq's query log (``log-queries``, also ``=extra``; dnsmasq(8)), and Pi-hole's, which has more words.

``config NAME is NXDOMAIN`` (or an address that leads nowhere) is its own rule; a REFUSED answer too. Pi-hole writes the
list that blocked a name in the place of ``config``: ``gravity blocked``, ``regex denied`` (``regex blacklisted`` before
version 6), ``exactly denied``, and ``… (CNAME)`` where an alias was on it (pi-hole/FTL at 8d1add8d,
src/dnsmasq_interface.c, where each of these is a ``blockingreason``, read 2026-11-28). ``reply NAME is ADDRESS``
teaches which name an address belongs to.
"""

from __future__ import annotations

import re

from netprobe.audit.formats import fields
from netprobe.audit.model import Decision, Event

NAME = "dnsmasq"
SUMMARY = "dnsmasq or Pi-hole query log"
TEACHES = True
_LINE = re.compile(r"(.{0,80}?)\b(?:dnsmasq|pihole-FTL)\[\d+\]: (?:\d+ (\S+)/\d+ )?(.*)")
_ABOUT = re.compile(r"(\S.{0,60}?) (\S+) (from|is|to) (\S+)(.*)$")
_ANSWERS = frozenset({"reply", "cached", "cached-stale", "config"})
_BLOCKED = re.compile(
    r"(?:gravity|regex|exactly?|antigravity|upstream|external|special domain|blocked|Mozilla canary domain|"
    r"Apple iCloud Private Relay domain|Designated Resolver domain|Rate-limiting)\b",
    re.IGNORECASE,
)
_ALLOWED_LIST = re.compile(r"antigravity|whitelisted|allowed|permitted", re.IGNORECASE)
_NO_WHERE = frozenset({"NXDOMAIN", "REFUSED", "NODATA-IPv4", "0.0.0.0", "::", "127.0.0.1", "::1"})  # noqa: S104
_NOISE = re.compile(
    r"started|exiting|compile time|using |read |reading |cleared|cache size|query|forwarded|DHCP|TFTP|"
    r"listening|bad address|ignoring|reducing|no servers|warning|DNS service|LOUD|failed to|port |interface |"
    r"asynchronous|chown|setting|Maximum|validation|dnssec|DNSSEC|time |queries |server |auth|pool|Insecure|Rate|"
    r"Pi-hole hostname|possible DNS-rebind|Apparently|nameserver|inotify|script|bind",
    re.IGNORECASE,
)
_FAILED = frozenset({"SERVFAIL", "NOTIMP", "FORMERR"})


def matches(line: str) -> bool:
    """Whether a line is of this format."""
    found = _LINE.match(line)
    return found is not None and _ABOUT.match(found[3]) is not None


def parse(line: str) -> tuple[Event, ...]:
    """The event of a line; none for start-up messages."""
    found = _LINE.match(line)
    if found is None:
        raise ValueError("not a dnsmasq line")
    head, extra, text = found.groups()
    about = _ABOUT.match(text)
    if about is None:
        if _NOISE.match(text):
            return ()
        raise ValueError("a line of dnsmasq that is not understood")
    what, name, _word, value, rest = about.groups()
    client = (extra or "").removeprefix("-")
    time = fields.syslog(head.split(), fields.this_year())
    host = name.rstrip(".").lower()
    if what.startswith(("query[", "dnssec-query[", "dnssec-retry[")):
        asked = Event(Decision.UNKNOWN, host, rule="asked", client=value, time=time, layer="dns")
        return (asked,) if what.startswith("query[") else ()
    if what in ("forwarded", "validation"):
        return ()
    base = Event(Decision.DENIED, host, rule=f"{what} is {value}", client=client, time=time, layer="dns")
    if what in _ANSWERS or what.startswith("/"):
        return _answer(base, what, value)
    if _BLOCKED.match(what):
        return () if _ALLOWED_LIST.search(what + rest) else (base,)
    if _NOISE.match(text):
        return ()
    raise ValueError("a line of dnsmasq that is not understood")


def _answer(base: Event, what: str, value: str) -> tuple[Event, ...]:
    """What an answer says; it is dnsmasq's own rule where it comes from its configuration or from a file of names."""
    own = what == "config" or what.startswith("/")
    if (own and value in _NO_WHERE) or (value in ("REFUSED", "NXDOMAIN") and not own):
        return (base,)
    if value in _FAILED:
        return (base._replace(verdict=Decision.FAILED_UPSTREAM),)
    if value == "error":
        return (base._replace(verdict=Decision.FAILED_UPSTREAM),)
    if fields.address(value):
        return (base._replace(verdict=Decision.ALLOWED, rule=what, answer=value),)
    return ()
