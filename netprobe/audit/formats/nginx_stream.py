"""nginx's stream module: the error log of an allowlist, and an access log in the format that the target's page names.

With the rendered map a name that is not listed gets an empty upstream, and nginx writes ``no host in upstream`` to its
error log, without the name. The access log has it::

    log_format netprobe '$remote_addr [$time_iso8601] $status $bytes_sent $ssl_preread_server_name "$upstream_addr"';

Source: nginx/nginx at 3f6f7824d, src/stream/ngx_stream.h (the statuses: 200 done, 400 bad request, 403 forbidden, 500
internal error, 502 bad gateway, 503 unavailable) and ngx_stream_proxy_module.c, read 2026-11-28. That an empty upstream
gives 500 and ``no host in upstream`` is what nginx does when the rendered map is loaded in it.
"""

from __future__ import annotations

import re

from netprobe.audit.formats import fields
from netprobe.audit.model import Decision, Event

NAME = "nginx-stream"
SUMMARY = "nginx stream error log, or access log as its page names it"
_ACCESS = re.compile(r'(\S{2,60}) \[(\d{4}-\d\d-\d\dT[\d:+-]{8,20})\] (\d{3}) \d+ (\S{1,260}) "([^"]{0,400})"\s*$')
_ERROR = re.compile(r"(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[(?:error|warn|info|crit)\] \d+#\d+: (?:\*\d+ )?(.*)")
_CLIENT = re.compile(r"client: ([0-9a-fA-F.:]{2,45})")
_UPSTREAM = re.compile(r'upstream: "([^"]{1,300})"')
_STATUS = {
    "200": Decision.ALLOWED,
    "403": Decision.DENIED,
    "500": Decision.DENIED,
    "502": Decision.FAILED_UPSTREAM,
    "503": Decision.FAILED_UPSTREAM,
    "400": Decision.UNKNOWN,
}


def matches(line: str) -> bool:
    """Whether a line is of this format."""
    return _ACCESS.match(line) is not None or _ERROR.match(line) is not None


def parse(line: str) -> tuple[Event, ...]:
    """The event of a line; none for what nginx says of itself."""
    found = _ACCESS.match(line)
    if found is not None:
        client, time, status, name, upstream = found.groups()
        host = fields.name(name)
        if not host:
            return ()
        port = fields.authority(upstream.rpartition(",")[2].strip())[1]
        verdict = _STATUS.get(status, Decision.UNKNOWN)
        return (Event(verdict, host, port=port, rule=f"status {status}", client=client, time=fields.iso(time)),)
    error = _ERROR.match(line)
    if error is None:
        raise ValueError("not a line of nginx's stream module")
    return _error(error[1], error[2])


def _error(time: str, text: str) -> tuple[Event, ...]:
    client = _CLIENT.search(text)
    if client is None:
        return ()
    base = Event(
        verdict=Decision.DENIED,
        rule=text.partition(",")[0][:200],
        client=client[1],
        time=fields.iso(time.replace("/", "-")),
    )
    if "no host in upstream" in text:
        return (base._replace(host="(a name that nginx does not log)"),)
    upstream = _UPSTREAM.search(text)
    if upstream is not None:
        host, port = fields.authority(upstream[1])
        failed = base._replace(verdict=Decision.FAILED_UPSTREAM, host=fields.name(host), port=port)
        return (failed._replace(address=fields.address(host)),)
    if "could not be resolved" in text:
        return (base._replace(verdict=Decision.FAILED_UPSTREAM, host=fields.name(text.split()[0])),)
    raise ValueError("a line of nginx about a connection that is not understood")
