"""Amazon Route 53 Resolver query logs (JSON), with what its DNS Firewall did.

Source: docs.aws.amazon.com/Route53/latest/DeveloperGuide, resolver-query-logs-format.md and
resolver-query-logs-example-json.md, as a search index keeps them; the lines of elastic/integrations,
packages/aws/data_stream/route53_resolver_logs (all read 2026-11-28).
"""

from __future__ import annotations

from typing import Any

import msgspec

from netprobe.audit.formats import fields
from netprobe.audit.model import Decision, Event

NAME = "route53"
SUMMARY = "Route 53 Resolver query log"
TEACHES = True
_DECODER = msgspec.json.Decoder()
_RCODES = {"NXDOMAIN": Decision.DENIED, "REFUSED": Decision.DENIED, "NOERROR": Decision.UNKNOWN}


def matches(line: str) -> bool:
    """Whether a line is of this format."""
    return line.lstrip().startswith("{") and '"query_name"' in line and '"rcode"' in line


def parse(line: str) -> tuple[Event, ...]:
    """The events of a line: the question, and an address in each."""
    try:
        record: Any = _DECODER.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError("not JSON") from error
    if not isinstance(record, dict) or not isinstance(record.get("query_name"), str):
        raise ValueError("not a query log record")
    base = Event(
        verdict=_RCODES.get(_word(record, "rcode"), Decision.FAILED_UPSTREAM),
        host=fields.name(record["query_name"]),
        rule=f"rcode {_word(record, 'rcode')[:20]}",
        client=_word(record, "srcaddr"),
        time=fields.iso(_word(record, "query_timestamp").replace("Z", "+00:00")),
        layer="dns",
    )
    if _word(record, "firewall_rule_action") == "BLOCK":
        group = _word(record, "firewall_rule_group_id") or "DNS Firewall"
        return (base._replace(verdict=Decision.DENIED, rule=f"BLOCK by {group}"),)
    answers = record.get("answers")
    found = []
    for one in answers[:64] if isinstance(answers, list) else []:
        if isinstance(one, dict) and _word(one, "Type") in ("A", "AAAA") and fields.address(_word(one, "Rdata")):
            found.append(base._replace(verdict=Decision.ALLOWED, rule="answered", answer=_word(one, "Rdata")))
    return tuple(found) or (base,)


def _word(record: dict[str, Any], key: str) -> str:
    value = record.get(key)
    return value if isinstance(value, str) else ""
