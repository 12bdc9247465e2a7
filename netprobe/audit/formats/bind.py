"""BIND's categories ``queries``, ``security`` and ``rpz`` (BIND 9 administrator reference manual, "logging").

The line of a response policy is ``rpz_log_rewrite`` of lib/ns/query.c: ``[disabled ]rpz TRIGGER POLICY rewrite
NAME/TYPE/CLASS via NAME``, with the target where a CNAME replaces the answer (read 2026-11-29); older versions wrote
the name alone.
"""

from __future__ import annotations

import re

from netprobe.audit.formats import fields
from netprobe.audit.model import Decision, Event

NAME = "bind"
SUMMARY = "BIND query log"
_CLIENT = re.compile(r"(.*?)\bclient (?:@0x[0-9a-f]+ )?([0-9a-fA-F.:]+)#\d+(?: \(([^)]*)\))?: (.*)")
_QUERY = re.compile(r"(?:view \S+ )?query: (\S+) IN (\S+)")
# A name may hold "/" (RFC 2317), so what follows it is kept short: a line of slashes must not be tried at each of them.
_DENIED = re.compile(r"(?:view \S+: )?query (?:\(cache\) )?'(\S{1,1100}?)/[A-Z0-9]{1,20}/IN' denied")
_RPZ = re.compile(r"(?:view \S+: )?(disabled )?rpz \S+ (\S+) rewrite (\S{1,1100}?)/\S{1,40} via (\S+)")
_HARMLESS = frozenset({"PASSTHRU", "DISABLED", "TCP-ONLY"})
_ABOUT_QUERIES = re.compile(r"(?:view \S+: )?(?:query|rpz|disabled rpz)\b")
_FAILED = re.compile(r"query failed \((SERVFAIL|REFUSED|timed out|failure)[^)]{0,40}\) for (\S{1,1100}?)/IN/")
_TIME = re.compile(r"(\d\d)-([A-Z][a-z]{2})-(\d{4}) (\d\d:\d\d:\d\d\.\d{3})")


def matches(line: str) -> bool:
    """Whether a line is of this format."""
    found = _CLIENT.match(line)
    return found is not None and any(one.match(found[4]) for one in (_QUERY, _DENIED, _RPZ))


def parse(line: str) -> tuple[Event, ...]:
    """The event of a line; none for everything else that BIND says."""
    found = _CLIENT.match(line)
    if found is None:
        return ()
    head, client, _name, text = found.groups()
    time = _time(head)
    denied = _DENIED.match(text)
    if denied is not None:
        return (Event(Decision.DENIED, _host(denied[1]), rule="query denied", client=client, time=time, layer="dns"),)
    rewritten = _RPZ.match(text)
    if rewritten is not None:
        harmless = rewritten[1] is not None or rewritten[2] in _HARMLESS
        verdict = Decision.UNKNOWN if harmless else Decision.DENIED
        rule = f"rpz {rewritten[2]} via {rewritten[4]}"
        return (Event(verdict, _host(rewritten[3]), rule=rule, client=client, time=time, layer="dns"),)
    query = _QUERY.match(text)
    if query is not None:
        return (Event(Decision.UNKNOWN, _host(query[1]), rule="asked", client=client, time=time, layer="dns"),)
    failed = _FAILED.match(text)
    if failed is not None:
        verdict = Decision.DENIED if failed[1] == "REFUSED" else Decision.FAILED_UPSTREAM
        return (Event(verdict, _host(failed[2]), rule=failed[1], client=client, time=time, layer="dns"),)
    if _ABOUT_QUERIES.match(text):
        raise ValueError("a line of BIND about a query that is not understood")
    return ()


def _host(name: str) -> str:
    return name.rstrip(".").lower()


def _time(head: str) -> float | None:
    found = _TIME.search(head)
    if found is None:
        return fields.syslog(head.split(), fields.this_year())
    day, month, year, clock = found.groups()
    return fields.clf(f"{day}/{month}/{year}:{clock}")
