"""Check Point's Log Exporter: syslog (``[action:"Drop"; dst:"…"; …]``), Splunk and generic (``action=Drop|…``), CEF.

Also what ``fw log`` prints, which older gateways send to syslog through ``logger`` (ossec.net, "Log samples for
Checkpoint", read 2026-11-29): ``21Aug2007 12:00:00 accept GATEWAY >eth0 rule: 9; src: …; dst: …; product: …;``.

Sources: sc1.checkpoint.com, "Log Exporter - Appendix" of R80.20 and R81; axoflow.com, "Check Point Log Exporter parser"
(syslog and Splunk lines), both as a search index keeps them; the lines of elastic/integrations, packages/checkpoint
(test-checkpoint.log, test-r81x.log; all read 2026-11-28); sk122323 (the formats, and that logs of connections may be
left out of an export) and sc1.checkpoint.com, "Selecting Query Fields" of R80.40 (what Accept, Allow and Block mean),
read 2026-11-29 as far as a search index keeps them. The CEF mapping behind sk122323 could not be had.

Not every drop is a rule's: what belongs to no connection that the gateway knows (``tcp_packet_out_of_state``) is
dropped whatever the rules say.
"""

from __future__ import annotations

import re

from netprobe.audit.formats import fields
from netprobe.audit.model import Decision, Event

NAME = "checkpoint"
SUMMARY = "Check Point Log Exporter (syslog, generic, CEF) or fw log"
_QUOTED = re.compile(r'(?<![\w.-])([\w.-]++):"([^"]*+)"')
_FW_LOG = re.compile(r"\d{1,2}[A-Z][a-z]{2}\d{4} +[\d:]{7,8} (\w{1,20}) \S{1,80} [<>]\S{1,40} (.*)")
_DENIED = frozenset({"drop", "reject", "block", "prevent", "deny", "redirect"})
_ALLOWED = frozenset({"accept", "bypass", "inspect", "allow", "detect", "permit"})
_PROTOCOLS = frozenset({"", "6", "17", "tcp", "udp"})
_NO_TRAFFIC = frozenset(
    {"log in", "log out", "update", "key install", "encrypt", "decrypt", "ctl", "failed log in", ""}
)


def matches(line: str) -> bool:
    """Whether a line is of this format."""
    if "CEF:0|Check Point|" in line or ("product: " in line and _FW_LOG.search(line)):
        return True
    if 'loguid:"' in line or ('action:"' in line and ('dst:"' in line or 'product:"' in line)):
        return True
    return "|" in line and "action=" in line and ("product=" in line or "loguid=" in line)


def parse(line: str) -> tuple[Event, ...]:
    """The event of a line; none for what is about no connection."""
    if not matches(line):
        raise ValueError("not a Check Point line")
    one = _fields(line)
    action = (one.get("action") or one.get("act") or "").lower()
    destination = one.get("dst", "")
    host = _host(one)
    if action in _NO_TRAFFIC or not (destination or host) or _is_audit(one):
        return ()
    if one.get("proto", "").lower() not in _PROTOCOLS:
        return ()
    verdict = Decision.DENIED if action in _DENIED else Decision.ALLOWED if action in _ALLOWED else None
    if verdict is None:
        raise ValueError(f"the action {action[:20]!r} is not understood")
    if verdict is Decision.DENIED and "tcp_packet_out_of_state" in one:
        verdict = Decision.UNKNOWN
    event = Event(
        verdict=verdict,
        host=host,
        address=fields.address(destination),
        port=fields.port(one.get("service") or one.get("dpt") or one.get("d_port") or ""),
        rule=one.get("rule_name") or one.get("cs2") or one.get("rule") or action,
        client=one.get("src", ""),
        time=fields.epoch(one.get("time") or one.get("rt") or "") or _head(line),
    )
    return (event,)


def _is_audit(one: dict[str, str]) -> bool:
    """Whether it tells what an administrator did; ``domain_name`` is a management domain there."""
    return "administrator" in one and "operation" in one


def _fields(line: str) -> dict[str, str]:
    if "CEF:0|" in line:
        return fields.cef(line)
    if (printed := _FW_LOG.search(line)) is not None:
        parts = (part.partition(": ") for part in printed[2].split(";"))
        pairs = iter([("action", printed[1]), *((key.strip(), value) for key, _, value in parts)])
    elif 'loguid:"' in line or 'action:"' in line:
        pairs = ((match[1], match[2]) for match in _QUOTED.finditer(line))
    else:
        pairs = ((key.strip(), value) for key, _, value in (part.partition("=") for part in line.split("|")))
    found: dict[str, str] = {}
    for key, value in pairs:
        found.setdefault(key.lower().rpartition(" ")[2], value)
    return found


def _host(one: dict[str, str]) -> str:
    for key in ("tls_server_host_name", "dst_domain_name", "domain_name", "http_host", "dst_machine_name", "dhost"):
        if host := fields.name(one.get(key, "")):
            return host
    url = one.get("resource") or one.get("request") or ""
    return fields.name(fields.of_url(url)[0]) if url else ""


def _head(line: str) -> float | None:
    """The time of RFC 5424's header."""
    words = line.split(maxsplit=3)
    return fields.iso(words[1]) if len(words) > 2 else None
