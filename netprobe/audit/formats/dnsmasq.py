"""dnsmasq's query log (``log-queries``, also ``=extra``; dnsmasq(8)).

``config NAME is NXDOMAIN`` (or an address that leads nowhere) is its own rule; a REFUSED answer too. ``reply NAME is
ADDRESS`` teaches which name an address belongs to.
"""

from __future__ import annotations

import ipaddress
import re

from netprobe.audit.formats import fields
from netprobe.audit.model import Event, Verdict

NAME = "dnsmasq"
SUMMARY = "dnsmasq query log"
_LINE = re.compile(
    r"(.*?)\bdnsmasq\[\d+\]: (?:\d+ (\S+)/\d+ )?"
    r"(query\[[^\]]+\]|reply|cached|config|forwarded|/\S+) (\S+) (from|is|to) (\S+)"
)
_NO_WHERE = frozenset({"NXDOMAIN", "REFUSED", "NODATA-IPv4", "0.0.0.0", "::", "127.0.0.1", "::1"})  # noqa: S104


def matches(line: str) -> bool:
    """Whether a line is of this format."""
    return _LINE.match(line) is not None


def parse(line: str) -> tuple[Event, ...]:
    """The event of a line; none for start-up messages."""
    found = _LINE.match(line)
    if found is None:
        if "dnsmasq" in line:
            return ()
        raise ValueError("not a dnsmasq line")
    head, extra, what, name, _word, value = found.groups()
    client = (extra or "").removeprefix("-")
    time = fields.syslog(head.split(), fields.this_year())
    host = name.rstrip(".").lower()
    if what.startswith("query"):
        return (Event(Verdict.UNKNOWN, host, rule="asked", client=value, time=time, layer="dns"),)
    if what == "config" and value in _NO_WHERE:
        return (Event(Verdict.DENIED, host, rule=f"config is {value}", client=client, time=time, layer="dns"),)
    if value in ("REFUSED", "NXDOMAIN") and what in ("reply", "cached"):
        return (Event(Verdict.DENIED, host, rule=f"{what} is {value}", client=client, time=time, layer="dns"),)
    if _is_address(value) and what != "forwarded":
        return (Event(Verdict.ALLOWED, host, rule=what, client=client, time=time, answer=value, layer="dns"),)
    return ()


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
