"""Rules about WebSocket upgrades: ecs-a, ecs-t and ssmmessages live on them, and plain requests say nothing of them.

An upgrade is RFC 6455 section 4: a GET with hop-by-hop headers, which devices that understand HTTP/1.1 only partly take
away; to do so they must read it, so this is possible only over a chain that is not the origin's. A refusal by AWS
itself (its own 403) is a pass and no failure, since it proves that the upgrade arrived.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netprobe.diagnosis import answered, details, http
from netprobe.diagnosis.broken import Broken
from netprobe.diagnosis.causes import Cause, CauseGroup, Words
from netprobe.diagnosis.evidence import Evidence
from netprobe.diagnosis.proxy import holds_back, proxy_of
from netprobe.diagnosis.unexplained import unexplained
from netprobe.diagnosis.views import View
from netprobe.diagnosis.words import duration
from netprobe.observations import Experiment, Failure, Observation, age_when_cut

_REFUSED = frozenset(
    {
        Failure.WEBSOCKET_REFUSED,
        Failure.HTTP_BLOCK_PAGE,
        Failure.HTTP_FOREIGN_ANSWER,
        Failure.HTTP_REDIRECT,
        Failure.HTTP_MALFORMED,
        Failure.HTTP_TOO_LARGE,
    }
)
_CUT_OFF = frozenset({Failure.CONNECTION_RESET, Failure.EOF, Failure.TIMEOUT})
IDLE_NEEDED_SECONDS = 120


def explain(broken: Broken) -> Cause:
    """Why an upgrade did not reach AWS although plain requests do."""
    o = broken.o
    proxy = proxy_of((broken.view,), (o,))
    if o.failure is Failure.WEBSOCKET_UPGRADE_MISSING:
        id_ = "proxy_strips_upgrade" if proxy else "websocket_upgrade_stripped"
        return broken.cause(id_, _say_stripped, key=proxy)
    held = holds_back(broken) if o.failure is Failure.TIMEOUT else None
    if held is not None:
        return held
    if answered.by_origin(o) and o.failure in _CUT_OFF:
        # Nobody on the way can know that it was an upgrade: a flow was cut, or the service ended it.
        return (http.stalled if o.failure is Failure.TIMEOUT else http.cut)(broken)
    if o.failure in _REFUSED or o.failure in _CUT_OFF:
        return broken.cause(
            "websocket_refused_by_proxy",
            _say_refused,
            key=proxy or _who(o),
            # A reset may have many reasons; a foreign answer to the upgrade has one.
            doubt="" if o.failure in _REFUSED else "no reason was given, and plain requests to the same host pass",
        )
    return unexplained(broken)


def _who(o: Observation) -> str:
    detail = details.http(o)
    return f"{detail.server}|{detail.via}" if detail is not None else ""


def companions(world: Evidence) -> Iterator[Cause]:
    """Idle connections that were cut."""
    for view in world.views:
        for path in view.paths:
            for o in path.soft:
                if o.failure is Failure.WEBSOCKET_CUT:
                    proxy = proxy_of((view,), (o,))
                    id_ = "proxy_cuts_idle" if proxy else "websocket_cut_when_idle"
                    yield _idle_cause(world, view, o, id_, proxy)


def _idle_cause(world: Evidence, view: View, o: Observation, id_: str, proxy: str) -> Cause:
    """A cut, beside a connection that was kept busy meanwhile, where one was."""
    beside = world.controls(Experiment.KEPT_BUSY, like=o)
    return Cause(
        id=id_,
        key=proxy,
        say=_say_idle,
        view=view,
        evidence=(o, *beside),
        controls=beside,
        doubt=_doubt(world, o, beside),
    )


def _doubt(world: Evidence, cut: Observation, beside: Sequence[Observation]) -> str:
    """What is lacking where the connection that was kept busy did not become as old."""
    if any(o.failure is not None for o in beside):
        return "a connection that was used meanwhile ended as well: perhaps its age is limited, and not the silence"
    age = age_when_cut(cut, world.context.idle_seconds)
    if any((d.held_seconds or 0.0) < age for d in map(details.http, beside) if d is not None):
        return "the service closes each connection after an answer, so a limit on the age of connections looks alike"
    return ""


def _say_stripped(group: CauseGroup) -> Words:
    detail = details.http(group.first)
    who = f"The proxy {group.key}" if group.key else "A device on the way"
    seen = f" ({http.describe(detail)})"
    return Words(
        title=f"{who} strips the WebSocket upgrade for {group.names}: a plain answer comes back{seen}.",
        remedy=f"{who} must pass the headers `Connection: Upgrade` and `Upgrade: websocket` unchanged for "
        f"{group.patterns}; best, tunnel them by CONNECT without inspection.",
    )


def _say_refused(group: CauseGroup) -> Words:
    detail = details.http(group.first)
    how = {
        Failure.TIMEOUT: "is never answered",
        Failure.CONNECTION_RESET: "is answered with a reset",
        Failure.EOF: "ends the connection",
    }.get(group.first.failure or Failure.UNKNOWN, f"is refused by somebody who is not AWS ({http.describe(detail)})")
    return Words(
        title=f"The WebSocket upgrade to {group.names} {how}.",
        remedy=f"Allow WebSocket (HTTP/1.1 Upgrade) to {group.patterns} on TCP {group.ports} in the application "
        "control of the proxy or firewall, or exempt these names from inspection.",
    )


def _how(group: CauseGroup) -> str:
    """What a connection at rest met, in the words of the probe; nothing for a WebSocket that was held."""
    met = {d.error for d in map(details.http, group.evidence) if d is not None and d.error}
    return f" ({'; '.join(sorted(met))})" if met else ""


def _say_idle(group: CauseGroup) -> Words:
    held = [d.held_seconds for d in map(details.http, group.evidence) if d is not None and d.held_seconds is not None]
    after = f" after {duration(min(held))}" if held else ""
    who = f"The proxy {group.key}" if group.key else "A device on the way"
    return Words(
        title=f"{who} cuts idle connections to {group.names}{after}{_how(group)}.",
        remedy=f"Raise the idle (tunnel) timeout for {group.patterns} to at least {IDLE_NEEDED_SECONDS} s: the ECS "
        "agent's heartbeat comes about every 60 s, the SSM agent pings every 54 s.",
    )
