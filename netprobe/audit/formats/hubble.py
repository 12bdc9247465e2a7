"""Cilium's Hubble: ``hubble observe`` as JSON (``-o json``, exported flows) and as text (``-o compact``).

Sources: cilium/cilium, hubble/pkg/printer (printer.go and its test, whose lines these are) and
pkg/hubble/parser/seven/dns.go (the words for questions and answers), read 2026-11-28. Format as documented, not read
again: api/v1/flow/flow.proto, for the verdicts. Replies are left out: they say what the request said. ``hubble observe
-o table`` shows no direction, and is not read.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from netprobe.audit.formats import fields
from netprobe.audit.model import Decision, Event

NAME = "hubble"
SUMMARY = "Cilium Hubble flows, JSON or text"
TEACHES = True
_DECODER = msgspec.json.Decoder()
_TEXT = re.compile(
    r"(\S{3} [ \d]?\d \d\d:\d\d:\d\d(?:\.\d{1,9})?)(?: \[[^\]]{0,80}\])?: (\S{1,300}) \([^)]{0,200}\) (->|<-|<>) "
    r"(\S{1,300}) \([^)]{0,200}\) (.*)"
)
_VERDICTS = {
    "FORWARDED": Decision.ALLOWED,
    "REDIRECTED": Decision.UNKNOWN,
    "DROPPED": Decision.DENIED,
    "DENIED": Decision.DENIED,
    "ALLOWED": Decision.ALLOWED,
    "AUDIT": Decision.ALLOWED,
    "AUDITED": Decision.ALLOWED,
    "ERROR": Decision.FAILED_UPSTREAM,
    "TRACED": Decision.UNKNOWN,
    "TRANSLATED": Decision.UNKNOWN,
    "VERDICT_UNKNOWN": Decision.UNKNOWN,
}
_WORD = re.compile(r"\b(FORWARDED|REDIRECTED|DROPPED|DENIED|ALLOWED|AUDITED|AUDIT|ERROR|TRACED|TRANSLATED)\b")
_QUESTION = re.compile(r"\(DNS Query (\S{1,260}) [A-Z0-9,]{1,40}\)")
_NO_ANSWER = re.compile(
    r"DNS Answer RCode: ([A-Za-z -]{1,60}) TTL: \d+ \((?:Proxy|Query) (\S{1,260}) [A-Z0-9,]{1,40}\)"
)
_RCODES = {"Non-Existent Domain": Decision.DENIED, "Query Refused": Decision.DENIED}
_ANSWER = re.compile(r'DNS Answer "([0-9a-fA-F.:,]{0,400})"[^(]{0,600}\((?:Proxy|Query) (\S{1,260}) (?:A|AAAA)\b')


def matches(line: str) -> bool:
    """Whether a line is of this format."""
    if line.startswith("{"):
        return '"verdict"' in line and ('"flow"' in line or '"l4"' in line or '"destination_names"' in line)
    return _TEXT.match(line) is not None and _WORD.search(line) is not None


def parse(line: str) -> tuple[Event, ...]:
    """The events of a line; none for replies and for what the agent says of itself."""
    if not line.startswith("{"):
        return _text(line)
    try:
        record = _DECODER.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError("not JSON") from error
    flow = _table(record, "flow") or (record if isinstance(record, dict) else {})
    if "verdict" not in flow:
        if isinstance(record, dict) and ("node_status" in record or "lost_events" in record or "agent_event" in record):
            return ()
        raise ValueError("a record of Hubble that is not understood")
    dns = _table(_table(flow, "l7"), "dns")
    if dns:
        return _dns(flow, dns)
    if flow.get("is_reply") is True:
        return ()
    l4 = _table(flow, "l4")
    ports = _table(l4, "TCP") or _table(l4, "UDP")
    number = ports.get("destination_port")
    names = flow.get("destination_names")
    host = names[0] if isinstance(names, list) and names and isinstance(names[0], str) else ""
    event = Event(
        verdict=_VERDICTS.get(_word(flow, "verdict"), Decision.UNKNOWN),
        host=fields.name(host),
        address=_word(_table(flow, "IP"), "destination"),
        port=number if isinstance(number, int) and 0 < number < 65536 else None,
        rule=_word(flow, "drop_reason_desc") or _word(flow, "verdict"),
        client=_word(_table(flow, "IP"), "source"),
        time=fields.iso(_word(flow, "time")[:26].rstrip("Z") + "+00:00") if _word(flow, "time") else None,
    )
    return (event,)


def _dns(flow: dict[str, Any], dns: dict[str, Any]) -> tuple[Event, ...]:
    """A question or an answer that went through Cilium's DNS proxy."""
    base = Event(
        verdict=_VERDICTS.get(_word(flow, "verdict"), Decision.UNKNOWN),
        host=fields.name(_word(dns, "query")),
        rule=_word(flow, "drop_reason_desc") or "asked",
        client=_word(_table(flow, "IP"), "source"),
        layer="dns",
    )
    if base.verdict is Decision.DENIED:
        return (base,)
    if _word(_table(flow, "l7"), "type") != "RESPONSE":
        return (base._replace(verdict=Decision.UNKNOWN),)
    rcode = dns.get("rcode", 0)
    if rcode in (3, 5):
        return (base._replace(verdict=Decision.DENIED, rule="NXDOMAIN" if rcode == 3 else "REFUSED"),)
    if rcode:
        return (base._replace(verdict=Decision.FAILED_UPSTREAM, rule=f"rcode {str(rcode)[:10]}"),)
    ips = dns.get("ips")
    found = [one for one in ips[:64] if isinstance(one, str)] if isinstance(ips, list) else []
    return tuple(base._replace(verdict=Decision.ALLOWED, rule="answered", answer=one) for one in found)


def _text(line: str) -> tuple[Event, ...]:
    found = _TEXT.match(line)
    if found is None:
        raise ValueError("not a Hubble line")
    time, source, arrow, destination, rest = found.groups()
    word = _WORD.search(rest)
    if word is None:
        raise ValueError("a line of Hubble that is not understood")
    if "(DNS " in rest:
        return _text_dns(rest, _VERDICTS[word[1]], rest[: word.end()])
    if arrow == "<-":
        return ()
    names, port = fields.authority(destination)
    host = names.partition(",")[0]  # where several names have the address, all stand there; as in JSON the first counts
    event = Event(
        verdict=_VERDICTS[word[1]],
        host=fields.name(host) if port is not None else "",
        address=fields.address(host),
        port=port,
        rule=rest[: word.end()],
        client=fields.authority(source)[0],
        time=fields.syslog(time.split(), fields.this_year()),
    )
    return (event,) if event.host or event.address else ()


def _text_dns(rest: str, verdict: Decision, rule: str) -> tuple[Event, ...]:
    """A question or an answer that went through Cilium's DNS proxy; none for an answer without an address."""
    question = _QUESTION.search(rest)
    if question is not None:
        denied = verdict is Decision.DENIED
        asked = Event(Decision.UNKNOWN, fields.name(question[1]), rule="asked", layer="dns")
        return (asked._replace(verdict=Decision.DENIED, rule=rule) if denied else asked,)
    nothing = _NO_ANSWER.search(rest)
    if nothing is not None:
        failed = _RCODES.get(nothing[1], Decision.FAILED_UPSTREAM)
        return (Event(failed, fields.name(nothing[2]), rule=nothing[1], layer="dns"),)
    answer = _ANSWER.search(rest)
    if answer is None:
        return ()
    host = fields.name(answer[2])
    addresses = [address for word in answer[1].split(",") if (address := fields.address(word))]
    return tuple(Event(Decision.ALLOWED, host, rule="answered", answer=one, layer="dns") for one in addresses)


def _table(record: Any, key: str) -> dict[str, Any]:
    value = record.get(key) if isinstance(record, dict) else None
    return value if isinstance(value, dict) else {}


def _word(record: dict[str, Any], key: str) -> str:
    value = record.get(key)
    return value if isinstance(value, str) else ""
