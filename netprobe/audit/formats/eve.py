"""Suricata's ``eve.json``, also as AWS Network Firewall wraps it (``{"firewall_name": …, "event": {…}}``).

Sources: docs.suricata.io, "EVE JSON Format" (7.0 and 8.0) and "DNS Logging Changes for 8.0"; AWS Network Firewall
developer guide, "Contents of a firewall log" and "Logging for TLS inspection" (read 2026-11-29 as a search index keeps
them). AWS's flow log is ``netflow``, one record a direction; its TLS log has neither an event type nor numbers for
ports: ``tls_error`` is a connection that the firewall reset, ``revocation_check`` one judged by its certificate.
A flow says what a rule did to it by ``flow.action`` (as Suricata 7.0.10 writes it). DNS is told in three ways:
Suricata up to 7 writes ``rrname`` beside the rest and, within an alert, a list ``query``; Suricata 8 writes a list
``queries`` in both, and gives a response the responder as its source.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from netprobe.audit.formats import fields
from netprobe.audit.model import Decision, Event

NAME = "eve"
SUMMARY = "Suricata or AWS Network Firewall eve.json"
TEACHES = True
_RESPONSES = ("response", "answer")
_RCODES = {"NXDOMAIN": Decision.DENIED, "REFUSED": Decision.DENIED, "SERVFAIL": Decision.FAILED_UPSTREAM}
_MOST = 64
_DECODER = msgspec.json.Decoder()
_KIND = re.compile(r'"event_type"\s{0,8}:\s{0,8}"|"(?:tls_error|revocation_check)"\s{0,8}:\s{0,8}\{')
_DROPS = frozenset({"drop", "reject"})


def matches(line: str) -> bool:
    """Whether a line is of this format. Its event type is a word; Hubble's, by the same name, is an object."""
    return line.lstrip().startswith("{") and _KIND.search(line) is not None


def parse(line: str) -> tuple[Event, ...]:
    """The event of a line; none for statistics and the like."""
    try:
        record = _DECODER.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError("not JSON") from error
    if isinstance(record, dict) and isinstance(record.get("event"), dict):
        record = record["event"]
    if not isinstance(record, dict):
        raise ValueError("not an object")
    kind = _text(record, "event_type") or _of_tls_log(record)
    if kind not in ("alert", "drop", "tls", "http", "flow", "netflow", "dns", "quic"):
        return ()
    alert, dns = _table(record, "alert"), _table(record, "dns")
    # a question names the host, and the port it goes to is the resolver's
    is_dns = kind == "dns" or bool(dns)
    # a packet on its way back has the server for its source
    back = _text(record, "direction") == "to_client" and not is_dns
    client, server = ("dest_ip", "src_ip") if back or _text(dns, "type") in _RESPONSES else ("src_ip", "dest_ip")
    event = Event(
        verdict=_verdict(kind, alert, record),
        host=_host(record),
        address=_text(record, server),
        port=None if is_dns else _port(record.get("src_port" if back else "dest_port")),
        rule=_rule(kind, alert, record),
        client=_text(record, client),
        time=fields.iso(_text(record, "timestamp")),
        layer="dns" if is_dns else "traffic",
    )
    if kind == "dns" and _text(dns, "type") in _RESPONSES:
        return _answered(event, dns)
    return (event,)


def _answered(event: Event, dns: dict[str, Any]) -> tuple[Event, ...]:
    """An answer: what became of the question, and which addresses the name has.

    A firewall blocks at layer 4 before any name is seen: the addresses that the same log tells are how such a block is
    understood. ``answers`` holds records, ``grouped`` addresses by type (both forms of eve-log's ``dns``).
    """
    grouped = _table(dns, "grouped")
    found = [one for kind in ("A", "AAAA") if isinstance(grouped.get(kind), list) for one in grouped[kind]]
    found += [one.get("rdata") for one in _tables(dns, "answers") if one.get("rrtype") in ("A", "AAAA")]
    if _text(dns, "rrtype") in ("A", "AAAA"):
        found.append(dns.get("rdata"))
    addresses = dict.fromkeys(
        address for one in found[:_MOST] if isinstance(one, str) and (address := fields.address(one))
    )
    if addresses:
        return tuple(event._replace(verdict=Decision.ALLOWED, rule="answered", answer=one) for one in addresses)
    return (event._replace(verdict=_RCODES.get(_text(dns, "rcode"), Decision.UNKNOWN), rule=_rule("dns", {}, {})),)


def _of_tls_log(record: dict[str, Any]) -> str:
    """Entries of AWS's TLS log say what they are by what they hold."""
    return "tls" if _table(record, "tls_error") or _table(record, "revocation_check") else ""


def _port(value: object) -> int | None:
    """A port as a number, or as AWS's TLS log has it, as digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 5:
        value = int(value)
    return value if isinstance(value, int) and 0 < value < 65536 else None


def _verdict(kind: str, alert: dict[str, Any], record: dict[str, Any]) -> Decision:
    action = _text(alert, "action")
    did = {_text(_table(record, key), "action").lower() for key in ("verdict", "revocation_check", "flow")}
    if kind == "drop" or action == "blocked" or _DROPS & did or _table(record, "tls_error"):
        return Decision.DENIED
    if kind == "flow":
        return _of_flow(_table(record, "flow"))
    # an alert of a pass rule says "allowed"; so does one that only watches
    return Decision.ALLOWED if action == "allowed" or "pass" in did else Decision.UNKNOWN


def _of_flow(flow: dict[str, Any]) -> Decision:
    """A flow that no rule dropped: it passed where it was established, and had no answer where nothing came back."""
    if _text(flow, "state") in ("established", "closed"):
        return Decision.ALLOWED
    return Decision.FAILED_UPSTREAM if flow.get("pkts_toclient") == 0 else Decision.UNKNOWN


def _rule(kind: str, alert: dict[str, Any], record: dict[str, Any]) -> str:
    error, revoked = _table(record, "tls_error"), _table(record, "revocation_check")
    if error or revoked:
        return _text(error, "error_message").strip() or f"certificate {_text(revoked, 'status').lower() or 'revoked'}"
    if kind == "flow" and not _DROPS & {_text(_table(record, "flow"), "action")}:
        return "flow, no answer" if _of_flow(_table(record, "flow")) is Decision.FAILED_UPSTREAM else kind
    signature, number = _text(alert, "signature"), alert.get("signature_id")
    return f"{signature} (sid {number})" if isinstance(number, int) else signature or kind


def _host(record: dict[str, Any]) -> str:
    found = (
        _text(_table(record, "tls"), "sni")
        or _text(_table(record, "quic"), "sni")
        or _text(_table(record, "http"), "hostname")
        or _question(_table(record, "dns"))
        or _text(record, "sni").strip("-")
    )
    return found.rstrip(".").lower()


def _question(dns: dict[str, Any]) -> str:
    for asked in (dns, *_tables(dns, "queries"), *_tables(dns, "query")):
        if name := _text(asked, "rrname"):
            return name
    return ""


def _tables(record: dict[str, Any], key: str) -> list[dict[str, Any]]:
    value = record.get(key)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _table(record: dict[str, Any], key: str) -> dict[str, Any]:
    value = record.get(key)
    return value if isinstance(value, dict) else {}


def _text(record: dict[str, Any], key: str) -> str:
    value = record.get(key)
    return value if isinstance(value, str) else ""
