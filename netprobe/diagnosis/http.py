"""Rules about answers: was it AWS that answered, and did it answer at all?

Who answered is decided by the probe (the headers and bodies that only the genuine service gives), never here and never
by the text of a page. A server error of AWS itself is only a warning: it proves that the network works.
"""

from __future__ import annotations

from collections.abc import Iterator

from netprobe.diagnosis import details
from netprobe.diagnosis.causes import Cause, Group, Words
from netprobe.diagnosis.evidence import Evidence
from netprobe.diagnosis.proxy import holds_back, proxy_of
from netprobe.diagnosis.sights import Sight
from netprobe.diagnosis.tls import completes
from netprobe.diagnosis.unexplained import unexplained
from netprobe.diagnosis.words import duration
from netprobe.observations import Failure, HttpDetail, Observation, Step

_ID = {
    Failure.HTTP_BLOCK_PAGE: "http_block_page",
    Failure.HTTP_REDIRECT: "http_captive_portal",
    Failure.HTTP_FOREIGN_ANSWER: "http_foreign_answer",
    Failure.HTTP_MALFORMED: "http_foreign_answer",
    Failure.HTTP_TOO_LARGE: "http_foreign_answer",
    Failure.TIMEOUT: "http_stalled",
    Failure.CONNECTION_RESET: "http_cut",
    Failure.EOF: "http_cut",
}
_NETWORK_AUTHENTICATION_REQUIRED = 511


def explain(world: Evidence, sight: Sight, o: Observation, *, blocking: bool) -> Cause:
    """Why a request over a good connection did not bring the genuine answer."""
    detail = details.http(o)
    id_ = _ID.get(o.failure) if o.failure is not None else None
    if id_ is None:
        return unexplained(sight, o, blocking=blocking)
    if detail is not None and detail.status == _NETWORK_AUTHENTICATION_REQUIRED:
        id_ = "http_captive_portal"
    if id_ == "http_stalled":
        return _stalled(world, sight, o, blocking=blocking)
    return Cause(
        id=id_,
        key="" if id_ == "http_cut" else _who(detail),
        say=_SAY[id_],
        sight=sight,
        evidence=(o,),
        blocking=blocking,
    )


def _stalled(world: Evidence, sight: Sight, o: Observation, *, blocking: bool) -> Cause:
    """Silence after the request: large packets may be lost, a proxy may hold back, or somebody swallows requests."""
    smaller = world.controls("lower_mss", like=o, step=Step.HTTP) + world.controls(
        "small_request", like=o, step=Step.HTTP
    )
    if any(completes(c) for c in smaller):
        telling = tuple(c for c in smaller if completes(c))
        return Cause(
            id="tls_path_mtu",
            say=_say_mtu,
            sight=sight,
            evidence=(o, *smaller),
            controls=telling,
            blocking=blocking,
        )
    held = holds_back(world, sight, o, blocking=blocking)
    if held is not None:
        return held
    return Cause(
        id="http_stalled",
        say=_say_stalled,
        sight=sight,
        evidence=(o, *smaller),
        controls=smaller,
        doubt="" if smaller else "no control with smaller packets was made, so a path MTU fault looks alike",
        blocking=blocking,
    )


def _who(detail: HttpDetail | None) -> str:
    """What tells one answering device from another, for grouping: never the page's text."""
    return f"{detail.status}|{detail.server}|{detail.via}" if detail is not None else ""


def companions(world: Evidence) -> Iterator[Cause]:
    """Server errors of AWS."""
    for sight in world.sights:
        for path in sight.paths:
            for o in path.soft:
                if o.failure is Failure.HTTP_SERVICE_ERROR:
                    yield Cause(id="http_service_error", say=_say_service, sight=sight, evidence=(o,))


def describe(detail: HttpDetail | None) -> str:
    """The answering device, as its headers name it."""
    if detail is None:
        return "an unknown device"
    parts = [f"status {detail.status}"] if detail.status is not None else []
    parts += [f"Server: {detail.server}"] if detail.server else []
    parts += [f"Via: {detail.via}"] if detail.via else []
    parts += [f"title “{detail.title}”"] if detail.title else []
    return ", ".join(parts) or "no headers that name it"


def _say_block(group: Group) -> Words:
    return Words(
        title=f"A block page answers instead of AWS for {group.names} ({describe(details.http(group.first))}).",
        remedy=f"On the filter that serves this page, allow {group.patterns} on TCP {group.ports} for this host, "
        f"without "
        "user authentication: agents cannot click.",
    )


def _say_portal(group: Group) -> Words:
    detail = details.http(group.first)
    where = f" to {detail.location}" if detail is not None and detail.location else ""
    return Words(
        title=f"A portal answers for {group.names} and redirects{where} ({describe(detail)}).",
        remedy=f"Exempt this host from the portal (by MAC or IP address), or allow {group.patterns} before log-in.",
    )


def _say_foreign(group: Group) -> Words:
    return Words(
        title=f"Someone answers for {group.names}, but not AWS ({describe(details.http(group.first))}).",
        remedy=f"Find what answers at {group.addresses}: a transparent proxy, a NAT rule or a DNS override. Take "
        f"{group.patterns} out of it; a genuine answer carries x-amzn-RequestId or x-amz-request-id.",
    )


def _say_service(group: Group) -> Words:
    detail = details.http(group.first)
    status = detail.status if detail is not None else "5xx"
    request = f" ({detail.request_id})" if detail is not None and detail.request_id else ""
    return Words(
        title=f"AWS itself answers {status} for {group.names}{request}: the network works.",
        remedy="Try again later and look at the AWS Health Dashboard for the region; nothing on this network needs a "
        "change.",
    )


def _say_mtu(group: Group) -> Words:
    return Words(
        title=f"Large packets vanish on the way to {group.names}: the request stalls, in smaller packets it is "
        f"answered.",
        remedy="Let ICMP type 3 code 4 (IPv6: type 2, packet too big) through, or clamp the MSS on the router or VPN.",
    )


def _say_stalled(group: Group) -> Words:
    waited = duration(max((o.duration_seconds for o in group.evidence if o.failure is not None), default=0.0))
    proxy = proxy_of(group.sights, group.evidence)
    on_way = f" through {proxy}" if proxy else ""
    return Words(
        title=f"TLS to {group.names} stands{on_way}, but the request gets no answer within {waited}.",
        remedy=f"Look on the device that inspects or proxies {group.patterns} for requests it holds (scanning, user "
        "authentication, a full session table), and exempt them.",
    )


def _say_cut(group: Group) -> Words:
    how = "closed" if group.first.failure is Failure.EOF else "reset"
    return Words(
        title=f"TLS to {group.names} stands, and the connection is {how} when the request is sent.",
        remedy=f"A device reads the request and ends it (content inspection, IPS, a method filter): exempt "
        f"{group.patterns} on TCP {group.ports} from it.",
    )


_SAY = {
    "http_block_page": _say_block,
    "http_captive_portal": _say_portal,
    "http_foreign_answer": _say_foreign,
    "http_cut": _say_cut,
}
