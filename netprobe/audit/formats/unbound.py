"""unbound's log with ``log-queries``, ``log-replies`` and ``log-local-actions`` (unbound.conf(5)).

Sources: NLnetLabs/unbound, services/localzone.c (``lz_inform_print``: zone, type of the zone, client, name, type and
class), services/localzone.h and util/configparser.y (the types), read 2026-11-29. ``always_nodata`` answers without an
address, ``block_a`` does where IPv4 is asked for and resolves the rest.
"""

from __future__ import annotations

import re

from netprobe.audit.formats import fields
from netprobe.audit.model import Decision, Event

NAME = "unbound"
SUMMARY = "unbound query and reply log"
_LINE = re.compile(r"(.*?)\bunbound\[\d+:[0-9a-f]+\] (?:info|reply|query): (.*)")
_STAMP = re.compile(r"\[(\d{9,11})\]")
_REPLY = re.compile(r"(\S+) (\S+)\. ([A-Z0-9]+) IN(?: ([A-Z]+) [\d.]+ [01] \d+)?\s*$")
_LOCAL = re.compile(r"(\S+)\.? (\S+) (\S+)@\d+ (\S+)\. ([A-Z0-9]+) IN\s*$")
_RPZ = re.compile(r"rpz: applied (?:\[[^\]]{0,60}\] )?(\S+) (rpz-\S+) (\S+)@\d+ (\S+)\. [A-Z0-9]+ IN\s*$")
_LOCAL_DENIES = re.compile(r"refuse|deny|nxdomain|nodata|static|redirect|null")


def matches(line: str) -> bool:
    """Whether a line is of this format."""
    return _LINE.match(line) is not None


def parse(line: str) -> tuple[Event, ...]:
    """The event of a line; none for everything that unbound says besides."""
    found = _LINE.match(line)
    if found is None:
        if "unbound" in line:
            return ()
        raise ValueError("not an unbound line")
    head, text = found.groups()
    stamp = _STAMP.search(head)
    time = float(stamp[1]) if stamp is not None else fields.syslog(head.split(), fields.this_year())
    local = _LOCAL.match(text)
    if local is not None:
        zone, action, client, name, kind = local.groups()
        denies = _LOCAL_DENIES.search(action) is not None or (action.startswith("block_a") and kind == "A")
        verdict = Decision.DENIED if denies and not action.startswith("block_aaaa") else Decision.UNKNOWN
        return (
            Event(verdict, name.lower(), rule=f"local-zone {zone} {action}", client=client, time=time, layer="dns"),
        )
    reply = _REPLY.match(text)
    if reply is None:
        return _other(text, time)
    client, name, _type, rcode = reply.groups()
    if rcode is None:
        return (Event(Decision.UNKNOWN, name.lower(), rule="asked", client=client, time=time, layer="dns"),)
    verdict = {"NOERROR": Decision.ALLOWED, "NXDOMAIN": Decision.DENIED, "REFUSED": Decision.DENIED}.get(
        rcode, Decision.FAILED_UPSTREAM
    )
    return (Event(verdict, name.lower(), rule=f"reply {rcode}", client=client, time=time, layer="dns"),)


def _other(text: str, time: float | None) -> tuple[Event, ...]:
    """A response policy that was applied (``rpz-log``); nothing for what unbound says of itself.

    Raises:
        ValueError: it is about a query, and not understood.
    """
    found = _RPZ.match(text)
    if found is None:
        if text.endswith(" IN") or text.startswith("rpz:"):
            raise ValueError("a line of unbound about a query that is not understood")
        return ()
    zone, action, client, name = found.groups()
    verdict = Decision.UNKNOWN if action in ("rpz-passthru", "rpz-tcp-only") else Decision.DENIED
    return (Event(verdict, name.lower(), rule=f"{action} of {zone}", client=client, time=time, layer="dns"),)
