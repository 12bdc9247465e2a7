"""Rules about explicit proxies: reaching the proxy, its answer to CONNECT, and what it does to what it carries.

A proxy's refusal is told by the status and headers of its own answer (RFC 9110 section 9.3.6, 407 section 15.5.8),
never by the text of its page. Who refused is told by its Server and Via headers. Credentials are not in the evidence
and so cannot leak from here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from netprobe import natural
from netprobe.diagnosis import details, places
from netprobe.diagnosis.addresses import is_loopback
from netprobe.diagnosis.broken import Broken
from netprobe.diagnosis.causes import ALL, Cause, CauseGroup, Words
from netprobe.diagnosis.evidence import Evidence
from netprobe.diagnosis.taxonomy import TAXONOMY
from netprobe.diagnosis.unexplained import unexplained
from netprobe.diagnosis.views import State, View
from netprobe.diagnosis.words import duration, listing
from netprobe.findings import Owner, Place
from netprobe.observations import Experiment, Failure, Observation, ProxyDetail, Step

_CERTIFICATE = frozenset(
    {
        Failure.SSL_UNKNOWN_AUTHORITY,
        Failure.SSL_INVALID_HOSTNAME,
        Failure.SSL_EXPIRED,
        Failure.SSL_NOT_YET_VALID,
        Failure.SSL_INVALID_CERTIFICATE,
    }
)
_UNREACHABLE = frozenset(
    {
        Failure.HOST_UNREACHABLE,
        Failure.NETWORK_UNREACHABLE,
        Failure.ADMIN_PROHIBITED,
        Failure.ADDRESS_UNAVAILABLE,
    }
)
_SURE = ("ERR_DNS_FAIL", "ERR_CONNECT_FAIL")
"""Squid's errors that mean one thing only."""
_NO_SUCH_DOMAIN = 404
"""What Privoxy 3.0 answers to CONNECT for a name that it cannot resolve; any web server answers so for everything."""
_CONNECT = {
    Failure.PROXY_AUTH_REQUIRED: "proxy_auth_required",
    Failure.PROXY_AUTH_REJECTED: "proxy_auth_rejected",
    Failure.PROXY_FORBIDDEN: "proxy_forbidden",
    Failure.PROXY_CANNOT_RESOLVE: "proxy_cannot_resolve",
    Failure.PROXY_CANNOT_CONNECT: "proxy_cannot_connect",
    Failure.PROXY_UPSTREAM_TIMEOUT: "proxy_upstream_timeout",
    Failure.PROXY_METHOD_REFUSED: "proxy_method_refused",
    Failure.PROXY_NOT_A_PROXY: "proxy_not_a_proxy",
    Failure.PROXY_BAD_ANSWER: "proxy_not_a_proxy",
    Failure.EOF: "proxy_not_a_proxy",
    Failure.CONNECTION_RESET: "proxy_not_a_proxy",
    Failure.TIMEOUT: "proxy_timeout",
}


def explain(broken: Broken) -> Cause:
    """Why the way through the proxy did not open."""
    world, o = broken.world, broken.o
    detail = details.proxy(o)
    by_address = _by_address(world, o)
    id_ = _named_or_not(_id(o, detail), detail, by_address)
    if id_ == "proxy_not_a_proxy" and detail is not None and detail.status == _NO_SUCH_DOMAIN and _opens(world, detail):
        id_ = "proxy_cannot_resolve"
    if detail is None or id_ is None:
        return unexplained(broken)
    direct = world.controls(Experiment.WITHOUT_PROXY, like=o)
    return broken.cause(
        id_,
        _SAY[id_],
        key=detail.proxy,
        beside=(*by_address, *direct),
        controls=by_address,
        doubt=_doubt(o, id_, by_address),
        places=_places(world, o, id_, detail),
    )


def _places(world: Evidence, o: Observation, id_: str, detail: ProxyDetail) -> tuple[Place, ...]:
    """Where the proxy is set, where that is what has to be mended."""
    if TAXONOMY[id_].owner is not Owner.HOST and not _stays_here(detail):
        return ()
    return places.of_setting(world.vantages.get(o.vantage), "proxy", detail.proxy)


def _stays_here(detail: ProxyDetail) -> bool:
    """Whether what is meant for the proxy never leaves this host."""
    return bool(detail.bridge) or is_loopback(detail.proxy)


def _id(o: Observation, detail: ProxyDetail | None) -> str | None:
    if detail is None or o.failure is None:
        return None
    if detail.phase == "dns":
        return "proxy_name_missing"
    if detail.phase == "tls" and o.failure not in (Failure.TIMEOUT, *_UNREACHABLE):
        return "proxy_tls_untrusted" if o.failure in _CERTIFICATE else "proxy_scheme_unusable"
    if o.failure in _UNREACHABLE:
        return "proxy_unreachable"
    if o.failure is Failure.CONNECTION_REFUSED or (detail.phase == "tcp" and o.failure is Failure.CONNECTION_RESET):
        return "proxy_refused"
    return _CONNECT.get(o.failure)


def _by_address(world: Evidence, o: Observation) -> tuple[Observation, ...]:
    """CONNECTs to an address instead of this name; without any, those for other names at the same proxy."""
    own = world.controls(Experiment.CONNECT_BY_ADDRESS, like=o, step=Step.PROXY)
    if own:
        return own
    detail = details.proxy(o)
    return tuple(
        c
        for c in world.controls(Experiment.CONNECT_BY_ADDRESS, step=Step.PROXY)
        if c.vantage == o.vantage
        and (other := details.proxy(c)) is not None
        and detail is not None
        and other.proxy == detail.proxy
    )


def _opens(world: Evidence, detail: ProxyDetail) -> bool:
    """Whether this proxy opened a tunnel to anybody: then it is one."""
    tunnels = (path.step(Step.PROXY) for view in world.views for path in view.paths)
    return any(
        o is not None and o.failure is None and (other := details.proxy(o)) is not None and other.proxy == detail.proxy
        for o in tunnels
    )


def _named_or_not(id_: str | None, detail: ProxyDetail | None, by_address: tuple[Observation, ...]) -> str | None:
    """Whether it is the name or the connection that failed, where the proxy's own word leaves it open.

    Few proxies say that they cannot resolve a name: tinyproxy and Dante call it a failed connection, and Squid 5.7's
    ERR_CANNOT_FORWARD also stands for a parent proxy that is down. An address needs no name: the control decides.
    """
    if detail is None or not by_address or detail.error_header.startswith(_SURE):
        return id_
    opens = any(c.failure is None for c in by_address)
    if id_ == "proxy_cannot_connect" and opens:
        return "proxy_cannot_resolve"
    if id_ == "proxy_cannot_resolve" and not opens:
        return "proxy_cannot_connect"
    return id_


def _doubt(o: Observation, id_: str, by_address: tuple[Observation, ...]) -> str:
    """A status or header of the proxy speaks for itself; a bare close does not, nor a 5xx without a reason."""
    detail = details.proxy(o)
    if id_ == "proxy_not_a_proxy" and o.failure in (Failure.EOF, Failure.CONNECTION_RESET):
        return "it closed without a word, which an overloaded proxy does too"
    if id_ == "proxy_cannot_resolve":
        told = detail is not None and detail.error_header.startswith(_SURE)
        own = [c for c in by_address if c.host == o.host]
        if not told and not any(c.failure is None for c in own):
            return "no control with an address instead of the name was made"
    return ""


SLOW_TUNNEL_SECONDS = 2.5
"""Half of what the ECS agent gives an authorisation at Amazon ECR in all (5 s, ``agent/ecr/factory.go``): TLS and the
answer come after the tunnel."""
FEWEST_TUNNELS = 3
"""Hosts that have a tunnel before anything is said of all of them: one slow answer says nothing."""
QUICK_SHARE = 0.2
"""Tunnels that may open sooner. Where a proxy works through a queue, the first of a burst open at once; what it waits
for at each name (its resolver, a rating) makes nearly all of them late."""


def companions(world: Evidence) -> Iterator[Cause]:
    """A warning for each proxy nearly all of whose tunnels open so late that the agents' own limits are near."""
    opened: dict[tuple[str, str], list[tuple[View, Observation]]] = defaultdict(list)
    for view in world.views:
        for path in view.paths:
            tunnel = path.step(Step.PROXY)
            detail = None if tunnel is None else details.proxy(tunnel)
            if tunnel is not None and detail is not None and tunnel.failure is None:
                opened[view.vantage, detail.proxy].append((view, tunnel))
    for (_, proxy), seen in opened.items():
        if len({view.host for view, _ in seen}) >= FEWEST_TUNNELS and _are_late(world, seen):
            for view, tunnel in seen:
                yield Cause(
                    id="slow",
                    key=proxy,
                    say=_say_slow,
                    view=view,
                    evidence=(tunnel,),
                    doubt="a check asks for many tunnels at once, and agents for few",
                )


def _are_late(world: Evidence, seen: Sequence[tuple[View, Observation]]) -> bool:
    """Whether nearly all of these tunnels opened late; on a long line the handshakes behind them take long, too."""
    # What this machine kept waiting is not the proxy's time.
    took = sorted(tunnel.duration_seconds - world.stalls.within(tunnel) for _, tunnel in seen)
    behind = [o.duration_seconds for view, _ in seen for path in view.paths if (o := path.step(Step.TLS)) is not None]
    usual = median(behind) if behind else 0.0
    return took[int(QUICK_SHARE * len(took))] >= max(SLOW_TUNNEL_SECONDS, 3 * usual)


def _say_slow(group: CauseGroup) -> Words:
    typical = median(tunnel.duration_seconds for tunnel in group.evidence)
    return Words(
        title=f"{_start(group)} takes {duration(typical)} to open a tunnel (median of {len(group.evidence)}): the ECS "
        "agent gives an authorisation at Amazon ECR 5 s in all.",
        remedy=f"Look at what {group.key} waits for before it answers CONNECT: its resolver (Squid tells of it with "
        "`squidclient mgr:idns`), a rating service, an authentication server, its own way out.",
    )


def proxy_of(views: Iterable[View], observations: Iterable[Observation]) -> str:
    """The explicit proxy that these hosts are reached through, or nothing."""
    for view in views:
        for path in view.paths:
            tunnel = path.step(Step.PROXY)
            detail = details.proxy(tunnel) if tunnel is not None else None
            if detail is not None:
                return detail.proxy
    return next((d.proxy for d in map(details.proxy, observations) if d is not None), "")


def holds_back(broken: Broken) -> Cause | None:
    """A proxy that opens the tunnel and never passes the first byte of the answer, where direct it comes at once."""
    proxy = proxy_of((broken.view,), ())
    controls = broken.world.controls(Experiment.WITHOUT_PROXY, like=broken.o)
    direct = tuple(c for c in controls if c.step in (Step.HTTP, Step.WEBSOCKET))
    if not proxy or not any(c.failure is None for c in direct):
        return None
    return broken.cause("proxy_buffers", _say_buffers, key=proxy, beside=direct, controls=direct)


def _named(group: CauseGroup) -> str:
    """The proxy with what it calls itself."""
    detail = next((d for d in map(details.proxy, group.evidence) if d is not None), None)
    marks = []
    if detail is not None and detail.server:
        marks.append(f"Server: {detail.server}")
    if detail is not None and detail.via:
        marks.append(f"Via: {detail.via}")
    return f"the proxy {group.key}" + (f" ({', '.join(marks)})" if marks else "")


def _start(group: CauseGroup) -> str:
    name = _named(group)
    return name[0].upper() + name[1:]


def _where_set(group: CauseGroup) -> str:
    record = group.world.vantages.get(group.first.vantage)
    source = record.sources.get("proxy", "") if record is not None else ""
    return source or "the proxy setting of the agents (HTTPS_PROXY)"


def _direct_hint(group: CauseGroup) -> str:
    direct = [o for o in group.evidence if o.experiment == Experiment.WITHOUT_PROXY and o.step in (Step.HTTP, Step.TLS)]
    return " Without the proxy it works from here." if direct and all(o.failure is None for o in direct) else ""


def _phase_error(group: CauseGroup) -> str:
    detail = details.proxy(group.first)
    return (detail.error if detail is not None else "") or str(group.first.failure)


def _say_name(group: CauseGroup) -> Words:
    return Words(
        title=f"The name of the proxy {group.key} does not resolve ({_phase_error(group)}): {group.names} and "
        "everything else behind it fail.",
        remedy=f"Correct the proxy's name in {_where_set(group)}, or add it to the DNS that this host asks.",
    )


def _say_on_bridge(group: CauseGroup, bridge: str) -> Words:
    return Words(
        title=f"The proxy {group.key} cannot be reached ({group.first.failure}): its address lies in the subnet of "
        f"{bridge}, so this host looks for it among its own containers, and nothing leaves the host; "
        f"{group.they('fail')}.",
        remedy=f"Give {bridge} another subnet (Docker: bip and default-address-pools in /etc/docker/daemon.json, then "
        f"restart Docker), so that the route to {group.key} leaves by the default gateway; `ip route get` with the "
        "proxy's address shows it.",
        owner=Owner.HOST,
    )


def _bridge_of(group: CauseGroup) -> str:
    found = (d.bridge for d in map(details.proxy, group.evidence) if d is not None)
    return next(filter(None, found), "")


def _say_unreachable(group: CauseGroup) -> Words:
    if bridge := _bridge_of(group):
        return _say_on_bridge(group, bridge)
    return Words(
        title=f"The proxy {group.key} cannot be reached ({group.first.failure}); {group.they('fail')}.",
        remedy=f"Add a route and a firewall rule from this host to {group.key}.",
        owner=Owner.HOST if is_loopback(group.key) else None,
    )


def _say_refused(group: CauseGroup) -> Words:
    if bridge := _bridge_of(group):
        return _say_on_bridge(group, bridge)
    return Words(
        title=f"Nothing listens at the proxy {group.key} (connection refused); {group.they('fail')}.",
        remedy=f"Start the proxy service, or correct its port in {_where_set(group)}; if a firewall refuses on its "
        f"behalf, allow TCP to {group.key}.",
        owner=Owner.HOST if is_loopback(group.key) else None,
    )


def _say_timeout(group: CauseGroup) -> Words:
    if bridge := _bridge_of(group):
        return _say_on_bridge(group, bridge)
    detail = details.proxy(group.first)
    accepted = detail is not None and detail.phase in ("connect", "tls")
    what = "accepts the connection and does not answer CONNECT" if accepted else "does not answer"
    # Its port is open: a firewall that lets connections through has nothing to allow.
    remedy = (
        f"Look on {group.key} why it says nothing (no free worker, its own DNS or way out, an authentication helper), "
        f"and whether a proxy listens there at all; its address stands in {_where_set(group)}."
        if accepted
        else f"Allow TCP from this host to {group.key} on the firewall and check that the proxy is running; its "
        f"address stands in {_where_set(group)}."
    )
    return Words(
        title=f"The proxy {group.key} {what} (waited {duration(group.first.duration_seconds)}); {group.they('fail')}.",
        remedy=remedy,
        owner=Owner.HOST if is_loopback(group.key) else None,
    )


def _say_auth(group: CauseGroup) -> Words:
    schemes = sorted({s for d in map(details.proxy, group.evidence) if d is not None for s in d.authenticate})
    offered = listing(schemes) if schemes else "no scheme that it names"
    basic = any(scheme.lower() == "basic" for scheme in schemes)
    verb = "wants credentials" if group.id == "proxy_auth_required" else "rejects the credentials that are set"
    usable = (
        f"put user and password of a service account into {_where_set(group)}"
        if basic or not schemes
        else f"the agents cannot answer {offered}: allow this host's address without authentication, or offer Basic"
    )
    return Words(
        title=f"{_start(group)} {verb} (407, {offered}); {group.they('fail')}.",
        remedy=usable[0].upper() + usable[1:] + f", or exempt {group.patterns} from authentication on the proxy.",
        owner=None if basic or not schemes else Owner.NETWORK,
    )


def _say_scheme(group: CauseGroup) -> Words:
    return Words(
        title=f"What listens at {group.key} does not speak that scheme ({group.first.failure}); {group.they('fail')}.",
        remedy=f"Write the scheme that the proxy speaks into {_where_set(group)}: nearly always http://HOST:PORT, also "
        "for HTTPS_PROXY. SOCKS proxies serve the ECS agent only.",
    )


def _say_forbidden(group: CauseGroup) -> Words:
    through = [s for s in group.world.views if s.proxied and proxy_of((s,), ()) == group.key]
    every = bool(through) and all(_is_refused(s) or s.state in (State.ABSENT, State.UNSEEN) for s in through)
    detail = details.proxy(group.first)
    status = f" ({detail.status})" if detail is not None and detail.status is not None else ""
    names = group.names
    if every:
        scope = f"{':' if names.startswith(ALL) else ', every endpoint:'} a rule on port 443 or on this client"
    else:
        scope = ", these names only: a rule on the names"
    remedy = (
        f"Allow CONNECT to port {group.ports} for this client on {group.key}, at least to {group.patterns}."
        if every
        else f"Add {group.patterns} (CONNECT, port {group.ports}) to the allowlist of {group.key}; "
        f"`netprobe render squid -r REGION` writes it.{_as_regex(group)}"
    )
    return Words(title=f"{_start(group)} forbids{status} {names}{scope}.{_direct_hint(group)}", remedy=remedy)


def _is_refused(view: View) -> bool:
    return view.failed is not None and view.failed.failure is Failure.PROXY_FORBIDDEN


def _as_regex(group: CauseGroup) -> str:
    """The numbered names as most proxies take them: a list that names some numbers misses what AWS picks tomorrow."""
    numbered = natural.ordered({s.pattern for s in group.subjects if s.numbered})
    texts = ["^" + pattern.replace(".", r"\.").replace("*", "[0-9]+") + "$" for pattern in numbered]
    return f" As a regular expression: {' '.join(texts)}" if texts else ""


def _say_resolve(group: CauseGroup) -> Words:
    return Words(
        title=f"{_start(group)} cannot resolve {group.names}.",
        remedy=f"Repair the DNS of the proxy host (not of this one), so that it resolves {group.patterns}.",
    )


def _say_connect(group: CauseGroup) -> Words:
    detail = details.proxy(group.first)
    why = f" ({detail.error_header})" if detail is not None and detail.error_header else ""
    return Words(
        title=f"{_start(group)} cannot connect to {group.names}{why}.",
        remedy=f"Allow TCP {group.ports} from the proxy's own address to {group.patterns} on the firewall behind it.",
    )


def _say_upstream(group: CauseGroup) -> Words:
    detail = details.proxy(group.first)
    why = f" ({detail.error_header})" if detail is not None and detail.error_header else ""
    return Words(
        title=f"{_start(group)} gets no answer from {group.names}{why}.",
        remedy=f"The firewall behind the proxy drops: allow TCP {group.ports} from the proxy's own address to "
        f"{group.patterns}.",
    )


def _say_not_a_proxy(group: CauseGroup) -> Words:
    detail = details.proxy(group.first)
    status = f"status {detail.status}" if detail is not None and detail.status is not None else str(group.first.failure)
    return Words(
        title=f"What answers at {group.key} is no forward proxy ({status} to CONNECT); {group.they('fail')}.",
        remedy=f"Correct host and port in {_where_set(group)}: this looks like a web server or another service.",
    )


def _say_tls(group: CauseGroup) -> Words:
    return Words(
        title=f"The certificate of the proxy {group.key} itself is not accepted ({group.first.failure}).",
        remedy="Install the CA that issued the proxy's certificate on this host, renew the certificate, or use http:// "
        "to the proxy: what is inside the tunnel stays encrypted.",
    )


def _say_method(group: CauseGroup) -> Words:
    return Words(
        title=f"{_start(group)} does not allow the CONNECT method; {group.they('fail')}.",
        remedy=f"Enable CONNECT to port {group.ports} on {group.key} (a caching or plain HTTP proxy has it off).",
    )


def _say_buffers(group: CauseGroup) -> Words:
    return Words(
        title=f"{_start(group)} opens the tunnel to {group.names} and holds the answer back; without it the answer "
        "comes at once.",
        remedy=f"Switch off response buffering and content scanning on {group.key} for {group.patterns}: tunnel "
        "without inspection.",
    )


_SAY = {
    "proxy_name_missing": _say_name,
    "proxy_unreachable": _say_unreachable,
    "proxy_refused": _say_refused,
    "proxy_timeout": _say_timeout,
    "proxy_auth_required": _say_auth,
    "proxy_auth_rejected": _say_auth,
    "proxy_scheme_unusable": _say_scheme,
    "proxy_forbidden": _say_forbidden,
    "proxy_cannot_resolve": _say_resolve,
    "proxy_cannot_connect": _say_connect,
    "proxy_upstream_timeout": _say_upstream,
    "proxy_not_a_proxy": _say_not_a_proxy,
    "proxy_tls_untrusted": _say_tls,
    "proxy_method_refused": _say_method,
}
