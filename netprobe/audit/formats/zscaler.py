"""Zscaler's NSS feeds: web, firewall and DNS, as ``key=value`` between tabs (Splunk) and as JSON.

Source: help.zscaler.com, "NSS Feed Output Format: Web Logs", "… Firewall Logs" and "… DNS Logs", with the feed types
Splunk CIM and JSON as they come (read 2026-11-28 as a search index keeps them). Who writes a feed of his own keeps the
names of the fields.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from netprobe.audit.formats import fields
from netprobe.audit.model import Event, Verdict

NAME = "zscaler"
SUMMARY = "Zscaler NSS web, firewall or DNS feed"
_DECODER = msgspec.json.Decoder()
_DENIED = re.compile(r"(?i)block|drop|den|reject|caution")
_ALLOWED = re.compile(r"(?i)allow|resolve|permit|isolate")
_ACTIONS = ("action", "reqaction", "dns_reqaction")
_KNOWN = ("cdip", "csip", "clientip", "hostname", "url", "dns_req", "urlcategory", "reqaction")


def matches(line: str) -> bool:
    """Whether a line is of this format."""
    if line.lstrip().startswith("{"):
        return '"sourcetype"' in line and "zscalernss" in line
    return "\t" in line and "action=" in line and ("cdip=" in line or "urlcategory=" in line or "reason=" in line)


def parse(line: str) -> tuple[Event, ...]:
    """The event of a line; none for tunnels, audits and the like."""
    if line.lstrip().startswith("{"):
        one = _json(line)
    elif "\t" in line and "=" in line:
        parts = (part.partition("=") for part in line.split("\t"))
        one = {key.strip().rpartition(" ")[2].lower(): value.strip('" ') for key, _, value in parts}
    else:
        raise ValueError("not a line of an NSS feed")
    action = next((one[key] for key in _ACTIONS if one.get(key)), "")
    if not action:
        return ()
    is_dns = "dns_req" in one or "reqaction" in one
    host = fields.name(one.get("dns_req") or one.get("hostname") or "") or _of_url(one.get("url", ""))
    address = fields.address(one.get("cdip") or one.get("serverip") or "")
    if not (host or address):
        if any(key in one for key in _KNOWN):
            raise ValueError("a line of an NSS feed that names no destination")
        return ()
    event = Event(
        verdict=_verdict(action),
        host=host,
        address=address,
        port=None if is_dns else fields.port(one.get("cdport") or one.get("dport") or "") or _port(one),
        rule=one.get("rulelabel") or one.get("rule") or one.get("reason") or action,
        client=one.get("csip") or one.get("clientip") or one.get("cip") or "",
        time=fields.epoch(one.get("epochtime", "")) or fields.iso(one.get("datetime") or one.get("time") or ""),
        layer="dns" if is_dns else "traffic",
    )
    return (event,)


def _verdict(action: str) -> Verdict:
    if _DENIED.search(action):
        return Verdict.DENIED
    return Verdict.ALLOWED if _ALLOWED.search(action) else Verdict.UNKNOWN


def _port(one: dict[str, str]) -> int | None:
    protocol = (one.get("protocol") or one.get("proto") or "").upper()
    return {"HTTPS": 443, "SSL": 443, "HTTP": 80}.get(protocol)


def _of_url(url: str) -> str:
    return fields.name(fields.of_url(url)[0]) if url else ""


def _json(line: str) -> dict[str, str]:
    try:
        record: Any = _DECODER.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError("not JSON") from error
    event = record.get("event") if isinstance(record, dict) else None
    if not isinstance(event, dict):
        raise ValueError("not a record of an NSS feed")
    return {str(key).lower(): str(value) for key, value in event.items() if isinstance(value, str | int)}
