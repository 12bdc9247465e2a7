"""AdGuard Home's query log (``querylog.json``): one JSON object a line.

Source: AdguardTeam/AdGuardHome at 75e43ab5, internal/querylog/entry.go and decode_internal_test.go,
internal/filtering/reason.go and result.go, read 2026-11-28. Versions before 0.106 write ``Rule`` and ``FilterID``.
``Answer`` is the DNS message that was given, in base64.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from netprobe.audit.formats import fields
from netprobe.audit.model import Decision, Event
from netprobe.observe import dns
from netprobe.observe.frames import text

NAME = "adguard"
SUMMARY = "AdGuard Home query log"
TEACHES = True
_DECODER = msgspec.json.Decoder()
_REASONS = {
    3: "block list",
    4: "safe browsing",
    5: "parental control",
    6: "invalid",
    7: "safe search",
    8: "blocked service",
    9: "rewrite",
    10: "hosts file",
    11: "rewrite rule",
}
_REWRITES = frozenset({9, 10, 11})


def matches(line: str) -> bool:
    """Whether a line is of this format."""
    return line.startswith("{") and '"QH"' in line and '"QT"' in line


def parse(line: str) -> tuple[Event, ...]:
    """The events of a line: what was blocked by which rule, or an address in each."""
    try:
        record: Any = _DECODER.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError("not JSON") from error
    if not isinstance(record, dict) or not isinstance(record.get("QH"), str):
        raise ValueError("not a query log record")
    result: dict[str, Any] = record["Result"] if isinstance(record.get("Result"), dict) else {}
    reason: int = result["Reason"] if isinstance(result.get("Reason"), int) else 0
    base = Event(
        verdict=Decision.UNKNOWN,
        host=fields.name(record["QH"]),
        rule="asked",
        client=str(record.get("IP") or record.get("CID") or "")[:60],
        time=_time(record.get("T")),
        layer="dns",
    )
    if result.get("IsFiltered") is True:
        return (base._replace(verdict=Decision.DENIED, rule=_rule(result, reason)),)
    return _answered(base, record.get("Answer"), reason)


def _rule(result: dict[str, Any], reason: int) -> str:
    rules = result.get("Rules")
    first = rules[0] if isinstance(rules, list) and rules and isinstance(rules[0], dict) else {}
    written = first.get("Text") or result.get("Rule")
    number = first.get("FilterListID", result.get("FilterID"))
    listed = f" (list {number})" if isinstance(number, int) else ""
    return f"{_REASONS.get(reason, 'filtered')}: {str(written or '')[:150]}{listed}"


def _answered(base: Event, answer: object, reason: int) -> tuple[Event, ...]:
    try:
        message = dns.parse(base64.b64decode(answer[:90_000], validate=True)) if isinstance(answer, str) else None
    except (binascii.Error, ValueError):
        message = None
    if message is None:
        return (base,)
    if message.rcode in ("NXDOMAIN", "REFUSED"):
        return (base._replace(verdict=Decision.DENIED, rule=f"rcode {message.rcode}"),)
    if message.rcode != "NOERROR":
        return (base._replace(verdict=Decision.FAILED_UPSTREAM, rule=f"rcode {message.rcode}"),)
    found = [text(address) for address in message.addresses]
    if reason in _REWRITES and any(one in ("0.0.0.0", "::", "127.0.0.1", "::1") for one in found):  # noqa: S104
        return (base._replace(verdict=Decision.DENIED, rule=f"{_REASONS[reason]} to {found[0]}"),)
    return tuple(base._replace(verdict=Decision.ALLOWED, rule="answered", answer=one) for one in found) or (base,)


def _time(value: object) -> float | None:
    """RFC 3339 with nanoseconds, which Python reads to the microsecond."""
    if not isinstance(value, str):
        return None
    head, dot, rest = value.partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    zone = (rest[digits:] if dot else "").replace("Z", "+00:00")
    return fields.iso(f"{head}.{rest[:6]}{zone}") if dot and digits >= 6 else fields.iso(value.replace("Z", "+00:00"))
