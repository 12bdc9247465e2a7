"""Rules about answers: who gave them, and what it means that none came.

Who answered is TLS's word (:mod:`netprobe.origin`), never the text of a page. What the origin says is never a device's
doing: its refusals pass, its server errors warn, an answer of unknown shape is told. Over somebody else's chain the
probe's marks decide. A flow over a chain of the origin can be cut, though nobody can read it: so a cut there is
suspected at most, and only where another method fares no better is it more than a warning.
"""

from __future__ import annotations

from collections.abc import Iterator

from netprobe import origin
from netprobe.diagnosis import answered, details
from netprobe.diagnosis.broken import Broken
from netprobe.diagnosis.causes import Cause, CauseGroup, Words
from netprobe.diagnosis.evidence import Evidence
from netprobe.diagnosis.proxy import holds_back, proxy_of
from netprobe.diagnosis.tls import completes
from netprobe.diagnosis.unexplained import unexplained
from netprobe.diagnosis.views import View
from netprobe.diagnosis.words import duration, listing
from netprobe.findings import Owner
from netprobe.observations import Experiment, Failure, HttpDetail, Observation, Step

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
_TOO_MANY_REQUESTS = 429
_HOLDS_UP = "a device that holds flows up and the service itself look alike"
_CUTS = "a device that cuts flows and the service itself look alike"
_CUTS_BEHIND = "whether the device refuses, or its own connection to the service fails, cannot be seen from here"
_NO_SMALLER = "no control with smaller packets was made, so a path MTU fault looks alike"


def explain(broken: Broken) -> Cause:
    """Why a request over a good connection did not bring the genuine answer."""
    o = broken.o
    detail = details.http(o)
    id_ = _ID.get(o.failure) if o.failure is not None else None
    if id_ is None:
        return unexplained(broken)
    if detail is not None and detail.status == _NETWORK_AUTHENTICATION_REQUIRED and not answered.by_origin(o):
        id_ = "http_captive_portal"
    if id_ == "http_stalled":
        return stalled(broken)
    if id_ == "http_cut":
        return cut(broken)
    return broken.cause(id_, _SAY[id_], key=_who(detail))


def cut(broken: Broken) -> Cause:
    """The end instead of an answer. Over somebody else's chain, whoever holds that chain ended it."""
    world, o = broken.world, broken.o
    again = world.controls(answered.OTHER_METHOD, like=o)
    by_origin = answered.by_origin(o)
    proxy = proxy_of((broken.view,), ())
    direct = answered.without_proxy(o, world.same_way) if proxy else ()
    if direct:
        return broken.cause(
            "http_cut", _say_cut_by_proxy, key=f"proxy {proxy}", beside=(*again, *direct), controls=direct
        )
    return broken.cause(
        "http_cut",
        _say_cut,
        key="origin" if by_origin else "",
        beside=again,
        doubt=_CUTS if by_origin else _CUTS_BEHIND,
    )


def stalled(broken: Broken) -> Cause:
    """Silence after the request: large packets may be lost, a proxy may hold back, or somebody swallows requests."""
    world, o = broken.world, broken.o
    smaller = world.controls(Experiment.LOWER_MSS, like=o, step=Step.HTTP)
    again = world.controls(answered.OTHER_METHOD, like=o, step=Step.HTTP)
    if not any(completes(c) for c in again):
        # Where the other method is answered, with a body, it is the method that makes the difference, not the size.
        smaller += world.controls(Experiment.SMALL_REQUEST, like=o, step=Step.HTTP)
    if any(completes(c) for c in smaller):
        telling = tuple(c for c in smaller if completes(c))
        return broken.cause("tls_path_mtu", _say_mtu, beside=smaller, controls=telling)
    held = holds_back(broken)
    if held is not None:
        return held
    by_origin = answered.by_origin(o)
    return broken.cause(
        "http_stalled",
        _say_stalled,
        key="origin" if by_origin else "",
        beside=(*smaller, *again),
        controls=smaller,
        doubt=_HOLDS_UP if by_origin else "" if smaller else _NO_SMALLER,
    )


def _who(detail: HttpDetail | None) -> str:
    """What tells one answering device from another, for grouping: never the page's text."""
    return f"{detail.status}|{detail.server}|{detail.via}" if detail is not None else ""


def companions(world: Evidence) -> Iterator[Cause]:
    """What the origin itself says that is worth telling, and cuts that another request outweighs."""
    for view in world.views:
        for path in view.paths:
            for o in path.soft:
                cause = _soft(Broken(world=world, view=view, path=path, o=o, blocking=False))
                if cause is not None:
                    yield cause
            yield from (_unrecognised(view, o) for o in path.steps if _is_unrecognised(o))


def _soft(broken: Broken) -> Cause | None:
    o = broken.o
    if o.failure is Failure.HTTP_SERVICE_ERROR:
        return broken.cause("http_service_error", _say_service, key=origin.runs(broken.view.host))
    if o.failure is Failure.HTTP_SOURCE_REFUSED:
        return broken.cause("http_source_refused", _say_refused, key=_who(details.http(o)))
    if o.failure is Failure.TIMEOUT:
        return stalled(broken)
    if o.failure in origin.CUT_OFF:
        return cut(broken)
    return None


def _is_unrecognised(o: Observation) -> bool:
    """Whether the origin gave an answer of a shape that no record of its answers has."""
    detail = details.http(o)
    return o.failure is None and detail is not None and answered.by_origin(o) and not detail.genuine


def _unrecognised(view: View, o: Observation) -> Cause:
    detail = details.http(o)
    key = f"{o.step}|{_who(detail)}|{detail.error_word if detail is not None else ''}"
    return Cause(id="http_unrecognised_answer", key=key, say=_say_unrecognised, view=view, evidence=(o,))


def describe(detail: HttpDetail | None) -> str:
    """The answering device, as its headers name it."""
    if detail is None:
        return "an unknown device"
    parts = [f"status {detail.status}"] if detail.status is not None else []
    parts += [f"Server: {detail.server}"] if detail.server else []
    parts += [f"Via: {detail.via}"] if detail.via else []
    parts += [f"title “{detail.title}”"] if detail.title else []
    return ", ".join(parts) or "no headers that name it"


def _say_block(group: CauseGroup) -> Words:
    return Words(
        title=f"A block page answers instead of AWS for {group.names} ({describe(details.http(group.first))}).",
        remedy=f"On the filter that serves this page, allow {group.patterns} on TCP {group.ports} for this host, "
        "without user authentication: agents cannot complete an interactive login.",
    )


def _say_portal(group: CauseGroup) -> Words:
    detail = details.http(group.first)
    where = f" to {detail.location}" if detail is not None and detail.location else ""
    return Words(
        title=f"A portal answers for {group.names} and redirects{where} ({describe(detail)}).",
        remedy=f"Exempt this host from the portal (by MAC or IP address), or allow {group.patterns} before log-in.",
    )


def _say_foreign(group: CauseGroup) -> Words:
    where = f"at {group.addresses}" if group.addresses else "behind the proxy"
    return Words(
        title=f"Something other than AWS answers for {group.names} ({describe(details.http(group.first))}).",
        remedy=f"Find what answers {where}: a transparent proxy, a NAT rule or a DNS override. Take "
        f"{group.patterns} out of it; a genuine answer carries x-amzn-RequestId or x-amz-request-id.",
    )


def _say_service(group: CauseGroup) -> Words:
    detail = details.http(group.first)
    status = detail.status if detail is not None else "5xx"
    request = f" ({detail.request_id})" if detail is not None and detail.request_id else ""
    who = group.key or "Whoever runs the service"
    asks_less = detail is not None and detail.status == _TOO_MANY_REQUESTS
    why = "it answers too many requests from this address at the moment" if asks_less else "the network works"
    aws = who == "AWS"
    page = "the AWS Health Dashboard for the region" if aws else "its status page"
    return Words(
        title=f"{who} itself answers {status} for {group.names}{request}: {why}.",
        remedy=f"Try again later and look at {page}; nothing on this network needs a change.",
        owner=Owner.AWS if aws else Owner.ORIGIN,
    )


def _say_refused(group: CauseGroup) -> Words:
    detail = details.http(group.first)
    who = origin.runs(group.hosts[0]) if group.hosts else ""
    status = detail.status if detail is not None else "a refusal"
    cache = detail.values.get("x-cache", "") if detail is not None else ""
    said = f"{describe(detail)}" + (f", X-Cache: {cache}" if cache else "")
    return Words(
        title=f"The origin{f' ({who})' if who else ''} itself refuses this source: {status} for {group.names}, which "
        f"everybody may read ({said}).",
        remedy="No device on the way wrote this, TLS is the origin's own. Compare from another network: it may refuse "
        "this public address (country, reputation, a VPC endpoint policy), or the object may have moved.",
        owner=Owner.AWS if who == "AWS" else Owner.ORIGIN,
    )


def _say_unrecognised(group: CauseGroup) -> Words:
    detail = details.http(group.first)
    what = "the WebSocket upgrade" if group.first.step is Step.WEBSOCKET else "the request"
    word = f", error {detail.error_word}" if detail is not None and detail.error_word else ""
    names = listing(detail.headers, most=12) if detail is not None and detail.headers else "none"
    told = describe(detail) if detail is not None and detail.status is not None else "no HTTP that netprobe can read"
    return Words(
        title=f"The genuine service answers {what} for {group.names} in a shape that no record has ({told}{word}; "
        f"headers: {names}).",
        remedy="Nothing is wrong: TLS shows who answered. Please report it, so that the catalog learns it: "
        "`netprobe check … --transcript FILE` writes what was answered, without names or secrets of yours.",
        owner=Owner.AWS if origin.runs(group.hosts[0] if group.hosts else "") == "AWS" else Owner.ORIGIN,
    )


def _say_mtu(group: CauseGroup) -> Words:
    return Words(
        title=f"Large packets to {group.names} are lost on the way: the request stalls, in smaller packets it is "
        f"answered.",
        remedy="Let ICMP type 3 code 4 (IPv6: type 2, packet too big) through, or clamp the MSS on the router or VPN.",
    )


def _say_stalled(group: CauseGroup) -> Words:
    waited = duration(max((o.duration_seconds for o in group.evidence if o.failure is not None), default=0.0))
    proxy = proxy_of(group.views, group.evidence)
    on_way = f" through {proxy}" if proxy else ""
    if answered.by_origin(group.first):
        return _say_stalled_unread(group, waited, on_way)
    return Words(
        title=f"TLS to {group.names} is established{on_way}, but the request gets no answer within {waited}.",
        remedy=f"Look on the device that inspects or proxies {group.patterns} for requests it holds (scanning, user "
        "authentication, a full session table), and exempt them.",
    )


def _say_stalled_unread(group: CauseGroup, waited: str, on_way: str) -> Words:
    return Words(
        title=f"TLS to {group.names} is established{on_way} with the origin itself, but {_what(group)} gets "
        f"no answer within {waited}{_other(group, 'and neither does')}.",
        remedy=f"Ask from another network at the same time. If it answers there, look on the firewall for flows to "
        f"{group.patterns} on TCP {group.ports} that it stops passing (session limits, a full table, intrusion "
        "prevention); nobody on the way can read these requests.",
    )


def _what(group: CauseGroup) -> str:
    """The request that failed, in words."""
    detail = details.http(group.first)
    if group.first.step is Step.WEBSOCKET:
        return "the WebSocket upgrade"
    return f"the request ({detail.method})" if detail is not None else "the request"


def _other(group: CauseGroup, likewise: str) -> str:
    """How the other request fared; ``likewise`` goes before its method where it failed as well."""
    if group.first.step is Step.WEBSOCKET:
        return ", while a plain request is answered"
    again = [o for o in group.evidence if o.experiment == answered.OTHER_METHOD and o.step is Step.HTTP]
    methods = listing(sorted({d.method for d in map(details.http, again) if d is not None}))
    if not again:
        return ""
    fails = any(o.failure in origin.CUT_OFF for o in again)
    return f", {likewise} {methods}" if fails else f", while {methods} is answered"


def _say_cut(group: CauseGroup) -> Words:
    how = "closed" if group.first.failure is Failure.EOF else "reset"
    if answered.by_origin(group.first):
        return _say_cut_unread(group, how)
    return Words(
        title=f"TLS to {group.names} is established, but with a chain that is not the origin's, and the connection "
        f"is {how} when the request is sent.",
        remedy=f"The device that opens TLS here ends the request (content inspection, a method filter, or its own "
        f"connection to the service failed): exempt {group.patterns} on TCP {group.ports} from it.",
    )


def _say_cut_by_proxy(group: CauseGroup) -> Words:
    how = "closed" if group.first.failure is Failure.EOF else "reset"
    proxy = group.key.removeprefix("proxy ")
    return Words(
        title=f"Through the proxy {proxy} the connection to {group.names} is {how} after {_what(group)}; without the "
        "proxy the same is answered.",
        remedy=f"In the log of {proxy} find these tunnels (to {group.patterns} on TCP {group.ports}), and what ends "
        "them: a limit on tunnels, a scanner, or the device in front of it.",
    )


def _say_cut_unread(group: CauseGroup, how: str) -> Words:
    return Words(
        title=f"TLS to {group.names} is established with the origin itself, and the connection is {how} after "
        f"{_what(group)}{_other(group, 'as it is after')}.",
        remedy=f"Ask from another network at the same time. If it answers there, look on the firewall for flows to "
        f"{group.patterns} on TCP {group.ports} that it ends (intrusion prevention, session limits); nobody on the "
        "way can read these requests.",
    )


_SAY = {
    "http_block_page": _say_block,
    "http_captive_portal": _say_portal,
    "http_foreign_answer": _say_foreign,
}
