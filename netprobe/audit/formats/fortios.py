"""FortiGate's traffic and UTM logs: ``key=value``, as syslog sends them and as they are downloaded, and as CEF.

Sources: docs.fortinet.com, "FortiOS Log Message Reference" 6.0 (message 15, the field ``action``), 6.2 (message 3),
6.4.4 (message 13603), 7.0.7 (message 6, every value of ``action``) and 7.6.1 (message 13, the fields), as a search
index keeps them; the lines of elastic/integrations, packages/fortinet_fortigate (test-fortinet.log,
test-fortinet-7-4.log; all read 2026-11-28); "Traffic log support for CEF" of 5.6.14 and "Webfilter log support for CEF"
of 7.0.6, read 2026-11-29 as a search index keeps them: what CEF has no name for stands there as ``FTNTFGT…``.

A traffic log tells what the session came to: ``deny``, or how it was closed. ``timeout``, the resets and ``accept``
stand also for sessions that worked; the bytes that came back tell them apart. ``ip-conn`` is a session that found
nobody, and message 11, with whatever action, a connection that failed. ``dns`` is a question that got an error: bytes
came back, and no address.
"""

from __future__ import annotations

import re

from netprobe.audit.formats import fields
from netprobe.audit.model import Decision, Event

NAME = "fortios"
SUMMARY = "FortiGate traffic and UTM log, also as CEF"
TEACHES = True
_DENIED = re.compile(r"(?:deny|denied|block|drop|reset|redirect)")
_UTM = frozenset(
    {
        *("webfilter", "app-ctrl", "ips", "ssl", "dns", "emailfilter", "virus", "waf", "file-filter", "casb"),
        *("anomaly", "dlp", "icap", "ssh", "voip"),
    }
)
_FAILED_CONNECTION = "0000000011"
_PROTOCOLS = frozenset({"", "6", "17"})
_CEF_PREFIXES = ("ftntfgt", "fortinetfortigate")
_CEF_NAMES = {
    "act": "action",
    "src": "srcip",
    "dst": "dstip",
    "dpt": "dstport",
    "dhost": "hostname",
    "request": "url",
    "in": "rcvdbyte",
    "out": "sentbyte",
    "requestcontext": "catdesc",
}


def matches(line: str) -> bool:
    """Whether a line is of this format."""
    if "|Fortinet|Fortigate|" in line:
        return True
    return "type=" in line and "subtype=" in line and ("devid=" in line or "logid=" in line)


def parse(line: str) -> tuple[Event, ...]:
    """The events of a line; none for the device's own events, and for what is neither TCP nor UDP."""
    if not matches(line):
        raise ValueError("not a FortiGate line")
    one = _of_cef(line) if "|Fortinet|Fortigate|" in line else fields.pairs(line)
    kind, subtype = one.get("type", ""), one.get("subtype", "")
    if kind == "event" or one.get("proto", "") not in _PROTOCOLS:
        return ()
    if kind != "traffic" and subtype not in _UTM:
        raise ValueError("a line of a FortiGate that is not understood")
    if subtype == "dns":
        return _dns(one)
    action = one.get("action", "").lower()
    if kind == "traffic":
        verdict = _traffic(one, action)
    else:
        verdict = Decision.DENIED if _DENIED.match(action) else Decision.UNKNOWN
    rule = one.get("policyname") or f"policy {one.get('policyid', '?')}"
    detail = one.get("catdesc") or one.get("msg") or ""
    host = fields.name(one.get("hostname", "")) or _of_url(one.get("url", ""))
    event = Event(
        verdict=verdict,
        host=host,
        address=one.get("dstip", ""),
        port=fields.port(one.get("dstport", "")),
        rule=f"{rule}, {action}" + (f" ({detail})" if detail and kind != "traffic" else ""),
        client=one.get("srcip", ""),
        time=_time(one),
    )
    return (event,)


def _of_cef(line: str) -> dict[str, str]:
    """A line of CEF under FortiOS's own names; ``cat`` is ``traffic:forward`` there."""
    found: dict[str, str] = {}
    for key, value in fields.cef(line).items():
        own = next((key.removeprefix(prefix) for prefix in _CEF_PREFIXES if key.startswith(prefix)), key)
        found[_CEF_NAMES.get(own, own)] = value
    kind, _, subtype = found.pop("cat", "").partition(":")
    found.setdefault("type", kind)
    found.setdefault("subtype", subtype)
    if "cs5label" in found:
        found.setdefault("policyid", found.get("cs5", ""))
    if kind == "traffic":
        found.pop("hostname", "")  # the reverse name of the address, where the device asked for one
    return found


def _traffic(one: dict[str, str], action: str) -> Decision:
    if _DENIED.match(one.get("utmaction", "")) or action in ("deny", "blocked", "dropped"):
        return Decision.DENIED
    if action == "ip-conn" or one.get("logid") == _FAILED_CONNECTION:
        return Decision.FAILED_UPSTREAM
    if action in ("start", "dns", "") or one.get("subtype") == "sniffer":
        return Decision.UNKNOWN
    if one.get("rcvdbyte") != "0":
        return Decision.ALLOWED
    # Nothing came back, and where nothing was counted as sent either, nothing was counted at all.
    return Decision.UNKNOWN if action == "accept" and one.get("sentbyte") == "0" else Decision.FAILED_UPSTREAM


def _dns(one: dict[str, str]) -> tuple[Event, ...]:
    """The DNS filter: a question, and what it answered."""
    action = one.get("action", "").lower()
    base = Event(
        verdict=Decision.DENIED if _DENIED.match(action) else Decision.UNKNOWN,
        host=fields.name(one.get("qname", "")),
        rule=one.get("msg") or action,
        client=one.get("srcip", ""),
        time=_time(one),
        layer="dns",
    )
    addresses = [address for word in one.get("ipaddr", "").split(",")[:64] if (address := fields.address(word))]
    if base.verdict is Decision.DENIED or not addresses:
        return (base,)
    return tuple(base._replace(verdict=Decision.ALLOWED, answer=address) for address in addresses)


def _of_url(url: str) -> str:
    return fields.name(fields.of_url(url)[0]) if "://" in url else ""


def _time(one: dict[str, str]) -> float | None:
    stamp = fields.epoch(one.get("eventtime", ""))
    if stamp is not None:
        return stamp
    zone = one.get("tz", "+0000")
    return fields.iso(f"{one.get('date', '')}T{one.get('time', '')}{zone if len(zone) == 5 else ''}")
