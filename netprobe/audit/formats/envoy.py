"""Envoy's access log: its default format, Istio's (which has the server name), and JSON with Envoy's operator names.

Sources: envoyproxy/envoy, docs/root/configuration/observability/access_log/usage.rst (default format, RESPONSE_FLAGS);
lines of a real Istio in fredcoq/kubefrog-kvmserver, istio/readme.md (all read 2026-11-28). Format as documented, not
read again: istio.io, "Envoy Access Logs". ``NR`` means that no route or filter chain was there for the name: with an
allowlist, a denial (``NFCF`` is what newer versions write for the chain; no page that was read has it).

A 403 is Envoy's own only where no upstream was asked: S3 answers 403, too, and that is no denial by the proxy.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from netprobe.audit.formats import fields
from netprobe.audit.model import Decision, Event

NAME = "envoy"
SUMMARY = "Envoy access log, text or JSON (also Istio's)"
_DECODER = msgspec.json.Decoder()
_LINE = re.compile(r'(?:^|.{0,200}? )\[(\d{4}-\d\d-\d\dT[\d:.]{8,20}Z)\] "([^"]{0,2000})" (\d{1,3}|-) (\S{1,60}) (.*)')
_QUOTED = re.compile(r'"([^"]*+)"')
_DENIED = frozenset({"NR", "NFCF", "UAEX", "RL", "RLSE"})
_FAILED = frozenset({"UF", "UH", "UO", "UC", "UT", "URX", "LR", "UR", "NC", "UPE", "DT", "UMSDR", "OM", "DF", "SI"})
_DETAILS = ("response_code_details", "connection_termination_details", "upstream_cluster")
_NAMES = ("requested_server_name", "authority", "sni", ":authority", "host")


def matches(line: str) -> bool:
    """Whether a line is of this format."""
    if line.startswith("{"):
        return '"response_flags"' in line and any(f'"{name}"' in line for name in _NAMES)
    return _LINE.match(line) is not None


def parse(line: str) -> tuple[Event, ...]:
    """The event of a line."""
    if line.startswith("{"):
        return _json(line)
    found = _LINE.match(line)
    if found is None:
        if re.search(r"\]\[(?:info|warning|warn|error|debug|critical|trace)\]\[", line[:120]):
            return ()
        raise ValueError("not an Envoy line")
    time, request, status, flags, rest = found.groups()
    host, port = _authority(request, rest)
    event = Event(
        verdict=_verdict(flags, status, rest, from_upstream=_asked_upstream(rest)),
        host=host,
        port=port,
        rule=f"{status} {flags}" + (" BlackHoleCluster" if "BlackHoleCluster" in rest else ""),
        time=fields.iso(time.replace("Z", "+00:00")),
    )
    return (event,)


def _authority(request: str, rest: str) -> tuple[str, int | None]:
    """The name: Istio's requested server name stands last but one; the authority is the last but one in quotes."""
    words = rest.split()
    if words and not words[-1].endswith('"') and len(words) >= 2:
        for word in words[-2:]:
            host, port = fields.authority(word)
            if fields.name(host) and "." in host and not host.startswith("outbound"):
                return fields.name(host), port
    quoted = _QUOTED.findall(rest)
    for word in [*quoted[-2:-1], *request.split()[1:2]]:
        host, port = fields.of_url(word)
        if fields.name(host) and "." in host:
            return fields.name(host), port
    return "", None


def _asked_upstream(rest: str) -> bool:
    """Whether the last of the quoted words, the upstream host, is one."""
    return _QUOTED.findall(rest)[-1:] not in ([], ["-"], [""])


def _verdict(flags: str, status: str, rest: str, *, from_upstream: bool) -> Decision:
    named = set(flags.split(","))
    if named & _DENIED or "BlackHoleCluster" in rest or "rbac_access_denied" in rest:
        return Decision.DENIED
    if status == "403" and not from_upstream:
        return Decision.DENIED
    if status == "407" and not from_upstream:
        return Decision.CREDENTIALS_ASKED
    if named & _FAILED or status in ("502", "503", "504"):
        return Decision.FAILED_UPSTREAM
    return Decision.ALLOWED


def _json(line: str) -> tuple[Event, ...]:
    try:
        record: Any = _DECODER.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError("not JSON") from error
    if not isinstance(record, dict) or "response_flags" not in record:
        raise ValueError("not a record of Envoy")
    names = (fields.authority(str(record[name])) for name in _NAMES if record.get(name) not in (None, "-", ""))
    host, port = next(((fields.name(name), port) for name, port in names if fields.name(name)), ("", None))
    details = " ".join(str(record.get(name) or "") for name in _DETAILS)
    status = str(record.get("response_code", "-"))
    upstream, upstream_port = fields.authority(str(record.get("upstream_host") or ""))
    event = Event(
        verdict=_verdict(str(record["response_flags"]), status, details, from_upstream=bool(fields.address(upstream))),
        host=host,
        address=fields.address(upstream),
        port=port or upstream_port,
        rule=f"{status} {record['response_flags']}"[:200],
        client=fields.authority(str(record.get("downstream_remote_address") or ""))[0],
        time=fields.iso(str(record.get("start_time") or "").replace("Z", "+00:00")),
    )
    return (event,) if event.host or event.address else ()
