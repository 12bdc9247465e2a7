"""Zscaler's NSS feeds: web, firewall and DNS, as ``key=value`` between tabs (Splunk), as JSON and as CEF.

Sources: help.zscaler.com, "NSS Feed Output Format: Web Logs", "… Firewall Logs" and "… DNS Logs", as a search index
keeps them; the lines of elastic/integrations, packages/zscaler_zia (test-web.log, test-firewall.log, test-dns.log; all
read 2026-11-28). Who writes a feed of his own keeps the names of the fields: ``eurl`` is ``url`` with its odd
characters encoded. help.zscaler.com, "General Guidelines for
NSS Feeds and Feed Formats" (read 2026-11-29 as a search index keeps it): of a URL every byte up to 0x20 and from 0x7F
is written as ``%HH``, and tabs stand between fields. The page of the feed type Splunk CIM could not be had.

CEF rests on the feed formats that Palo Alto Networks' "Cortex XSIAM" documentation gives for Zscaler Internet Access
(``NSSWeblog``, ``NSSFWlog``; read 2026-11-29 as a code index keeps it); a firewall's rule stands in ``reason`` there.
"""

from __future__ import annotations

import contextlib
import datetime
import re
import urllib.parse
from typing import Any

import msgspec

from netprobe.audit.formats import fields
from netprobe.audit.model import Decision, Event

NAME = "zscaler"
SUMMARY = "Zscaler NSS web, firewall or DNS feed, also as CEF"
_DECODER = msgspec.json.Decoder()
_DENIED = re.compile(r"(?i)block|drop|den|reject|caution")
_ALLOWED = re.compile(r"(?i)allow|resolve|permit|isolate")
_ACTIONS = ("action", "reqaction", "resaction", "dns_reqaction")
_RULES = ("rulelabel", "rule", "resrulelabel", "reqrulelabel", "reason")
_CLIENTS = ("csip", "clt_sip", "clientip", "cip", "src")
_DESTINATIONS = ("cdip", "sdip", "serverip", "sip", "dst")
_CEF_NAMES = {"act": "action", "dhost": "hostname", "request": "eurl", "app": "proto", "rt": "datetime"}
_CEF_MARK = "|Zscaler|NSS"
_PORTS = ("cdport", "dport", "dpt")
_KNOWN = ("eurl", "cdip", "csip", "clientip", "hostname", "url", "dns_req", "urlcategory", "reqaction")


def matches(line: str) -> bool:
    """Whether a line is of this format."""
    if line.lstrip().startswith("{"):
        return '"sourcetype"' in line and "zscalernss" in line
    if _CEF_MARK in line:
        return True
    return "\t" in line and "action=" in line and ("cdip=" in line or "urlcategory=" in line or "reason=" in line)


def parse(line: str) -> tuple[Event, ...]:
    """The event of a line; none for tunnels, audits and the like."""
    if line.lstrip().startswith("{"):
        one = _json(line)
    elif _CEF_MARK in line:
        one = {_CEF_NAMES.get(key, key): value for key, value in fields.cef(line).items()}
    elif "\t" in line and "=" in line:
        parts = (part.partition("=") for part in line.split("\t"))
        one = {key.strip().rpartition(" ")[2].lower(): value.strip('" ') for key, _, value in parts}
    else:
        raise ValueError("not a line of an NSS feed")
    actions = [one[key] for key in _ACTIONS if one.get(key)]
    if not actions:
        return ()
    action = next((text for text in actions if _DENIED.search(text)), actions[0])
    is_dns = "dns_req" in one or "reqaction" in one
    url_host, url_port = fields.of_url(one.get("url") or one.get("eurl") or "")
    host = fields.name(one.get("dns_req") or one.get("hostname") or "") or fields.name(url_host)
    address = "" if is_dns else _destination(one)
    if not (host or address):
        if any(key in one for key in _KNOWN):
            raise ValueError("a line of an NSS feed that names no destination")
        return ()
    event = Event(
        verdict=_verdict(action),
        host=host,
        address=address,
        port=None
        if is_dns
        else fields.port(one.get("cdport") or one.get("dport") or one.get("dpt") or "") or _port(one) or url_port,
        rule=_rule(one, action),
        client=next((one[key] for key in _CLIENTS if one.get(key)), ""),
        time=fields.epoch(one.get("epochtime", "")) or _time(one.get("datetime") or one.get("time") or ""),
        layer="dns" if is_dns else "traffic",
    )
    return (event,)


def _verdict(action: str) -> Decision:
    if _DENIED.search(action):
        return Decision.DENIED
    return Decision.ALLOWED if _ALLOWED.search(action) else Decision.UNKNOWN


def _port(one: dict[str, str]) -> int | None:
    """The port as written, or the protocol's own."""
    written = next((one[key] for key in _PORTS if one.get(key)), "")
    protocol = (one.get("protocol") or one.get("proto") or "").upper()
    return fields.port(written) or {"HTTPS": 443, "SSL": 443, "HTTP": 80}.get(protocol)


def _destination(one: dict[str, str]) -> str:
    """The address that was asked for; what a feed does not know is 0.0.0.0 there."""
    known = (fields.address(one.get(key, "")) for key in _DESTINATIONS)
    return next((text for text in known if text not in ("", "0.0.0.0")), "")  # noqa: S104


def _rule(one: dict[str, str], action: str) -> str:
    """The rule's name, in which odd characters are encoded as in a URL."""
    named = next((one[key] for key in _RULES if one.get(key) not in (None, "", "None", "NA")), action)
    return urllib.parse.unquote(named[:300])


def _time(text: str) -> float | None:
    """``Mon Oct 16 22:55:48 2023`` (the feed names its zone elsewhere; taken as UTC), CEF's, or an ISO time."""
    for form in ("%a %b %d %H:%M:%S %Y", "%b %d %Y %H:%M:%S"):
        with contextlib.suppress(ValueError):
            return datetime.datetime.strptime(text, form).replace(tzinfo=datetime.UTC).timestamp()
    return fields.iso(text)


def _json(line: str) -> dict[str, str]:
    try:
        record: Any = _DECODER.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError("not JSON") from error
    event = record.get("event") if isinstance(record, dict) else None
    if not isinstance(event, dict):
        raise ValueError("not a record of an NSS feed")
    return {str(key).lower(): str(value) for key, value in event.items() if isinstance(value, str | int)}
