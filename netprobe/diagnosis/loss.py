"""Rules about what got lost and came through the second time: packet loss, and a limit that looks like it.

A check that ends well on a line that loses packets has not shown that all is well: agents wait where it waited. So what
our own connections and questions had to send again is counted. The kernel counts segments (``retransmitted``), less
those that were sent again for nothing (RFC 2883); a SYN that took a second steps (RFC 6298 section 2). A question was
lost where its answer came as soon after the second datagram as answers come after the first; one that only took long is
a slow resolver's.

Where this machine had no free processor, its own lateness looks like loss (:mod:`netprobe.diagnosis.stalls`): an answer
lies there unread until the question is sent again. So what was asked again in such a while does not count, nor a
connection in whose life the machine stood still for so long that the kernel may have been late, too.

A limit on new connections drops SYNs too. It is told from loss by what is made alone, which loses nothing, and by the
burst, which loses again. One that turns a host away for a while, because it opened many, lets nothing through
afterwards: neither alone nor to hosts that had answered at first.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from netprobe import natural
from netprobe.diagnosis import details
from netprobe.diagnosis.causes import Cause, CauseGroup, Words
from netprobe.diagnosis.evidence import Evidence
from netprobe.diagnosis.lookups import dns_detail, resolver_of
from netprobe.diagnosis.stalls import Stalls
from netprobe.diagnosis.tries import PASSES, Tries, end
from netprobe.diagnosis.views import View
from netprobe.diagnosis.words import count, duration, listing
from netprobe.findings import Severity
from netprobe.observations import (
    LIMIT_LIKE,
    TUNNEL_REFUSED,
    Experiment,
    Failure,
    Observation,
    ProxyDetail,
    Step,
    TcpDetail,
)

FEWEST = 3
"""Things that had to be sent again, in as many hosts or questions at least two, before it is called loss."""
SHARE = 0.02
"""Connections and questions that met it, of all: below, a line is as good as lines are."""
BURST_SHARE = 0.3
"""Connections of the burst that must meet a limit; a line that loses 5 % of its packets has a tenth of the SYNs
answered late, and nobody would call a line that loses more a limit, since it loses alone too."""
FEWEST_CLOSED = 2
"""Hosts that had answered and later did not, or tries of one, before a host counts as turned away."""
CLEAN_SHARE = 0.1
"""Of what is made alone: a limit loses nothing there."""
_LIMITED_STEPS = frozenset({Step.TCP, Step.TLS, Step.PROXY})
_RESENT_AT = (1.0, 3.0, 7.0)
"""Seconds after which a question is sent again (:data:`netprobe.probes.dns.RESEND_AFTER`, summed)."""
_SYN_STEP = 0.9
_PROMPT = 0.05


def companions(world: Evidence) -> Iterator[Cause]:
    """Loss, or the limit that explains it, for each vantage."""
    for vantage in dict.fromkeys(view.vantage for view in world.views):
        views = _views_of(world, vantage)
        burst = has_limit(world, vantage)
        again = dict(_sent_again(views, world.stalls))
        if away := turned_away(world, vantage):
            yield from _banned(views, away)
        elif burst:
            yield from _limited(views, again, burst)
        elif _is_loss(views, again):
            for view, seen in again.items():
                yield Cause(
                    id="packet_loss", key=vantage, say=_say_loss, view=view, evidence=seen, severity=Severity.WARNING
                )


def is_lossy(world: Evidence, vantage: str) -> bool:
    """Whether the line loses so much that what was sent and not answered may be lost as well."""
    return world.once(("lossy", vantage), lambda: _looks_lossy(world, vantage))


def _views_of(world: Evidence, vantage: str) -> list[View]:
    return [view for view in world.views if view.vantage == vantage]


def _looks_lossy(world: Evidence, vantage: str) -> bool:
    views = _views_of(world, vantage)
    return _is_loss(views, dict(_sent_again(views, world.stalls)))


def has_limit(world: Evidence, vantage: str) -> tuple[Observation, ...]:
    """What failed, or lost its SYN, in the burst that was made once more, where nothing did alone; or nothing."""
    return world.once(("limit", vantage), lambda: _find_limit(world, vantage))


def _find_limit(world: Evidence, vantage: str) -> tuple[Observation, ...]:
    burst = _made(world, Experiment.BURST, vantage)
    met = tuple(filter(_is_met, burst))
    if len(met) < BURST_SHARE * len(burst):
        return ()
    alone = _made(world, Experiment.ALONE, vantage)
    if any(o.failure not in PASSES for o in alone) or not _is_clean(alone + _made(world, Experiment.REPEAT, vantage)):
        return ()
    return () if _loses_more_than_syns(world, vantage) else met


def turned_away(world: Evidence, vantage: str) -> tuple[Observation, ...]:
    """The connections to hosts that had answered at first, where none of them was possible later; or nothing."""
    return world.once(("turned away", vantage), lambda: _find_closed_door(world, vantage))


def _find_closed_door(world: Evidence, vantage: str) -> tuple[Observation, ...]:
    known = _made(world, Experiment.WORKING_ADDRESS, vantage)
    if len(known) < FEWEST_CLOSED or not all(o.failure in LIMIT_LIKE for o in known):
        return ()
    since = min(o.started_seconds for o in known)
    later = (o for o in world.run.observations if o.vantage == vantage and o.started_seconds >= since)
    if any(o.step is Step.TCP and o.failure is None for o in later):
        return ()
    return tuple(known)


def is_turned_away(world: Evidence, o: Observation) -> bool:
    """Whether a failure says no more than that: each later try of it ended before a connection stood."""
    tries = world.tries(o)
    if tries is None:
        return could_be_limit(o)
    return all(last.step is Step.TCP and last.failure in LIMIT_LIKE for last in map(end, tries.made))


def _made(world: Evidence, experiment: Experiment, vantage: str) -> list[Observation]:
    return [o for o in world.controls(experiment) if o.vantage == vantage]


def _is_met(o: Observation) -> bool:
    """Whether a connection of the burst met a limit, if there is one."""
    return o.failure not in PASSES or _lost_syn(o)


def _is_clean(alone: Iterable[Observation]) -> bool:
    """Whether connections that were made alone opened, and hardly any of them had to send a segment again."""
    opened = [o for o in alone if isinstance(o.detail, TcpDetail | ProxyDetail) and o.failure is None]
    resent = [o for o in opened if _retransmitted(o)]
    return bool(opened) and len(resent) <= CLEAN_SHARE * len(opened)


def _loses_more_than_syns(world: Evidence, vantage: str) -> bool:
    """Whether segments of open connections or questions got lost: a limit on new connections spares them."""
    views = _views_of(world, vantage)
    again = [o for _, seen in _sent_again(views, world.stalls) for o in seen]
    syns = [o for o in again if _lost_syn(o)]
    return len(again) - len(syns) > CLEAN_SHARE * len(again)


def could_be_limit(o: Observation) -> bool:
    """Whether a step ended as it does where something limits connections."""
    if o.step is Step.PROXY and o.failure in TUNNEL_REFUSED:
        return True
    return o.failure in LIMIT_LIKE and o.step in _LIMITED_STEPS


def is_limited(view: View, burst: tuple[Observation, ...]) -> bool:
    """Whether a host failed because of many at once: most later tries of what failed passed."""
    return bool(burst) and all(map(_mostly_passes, view.chances))


def _mostly_passes(tries: Tries) -> bool:
    """Whether what failed as at a limit passed in at least half of the later tries."""
    return could_be_limit(tries.failed) and 2 * len(tries.passing) >= len(tries.made)


def _limited(
    views: Iterable[View], again: dict[View, tuple[Observation, ...]], burst: tuple[Observation, ...]
) -> Iterator[Cause]:
    for view in views:
        failed = tuple(tries.failed for tries in view.chances) if is_limited(view, burst) else ()
        lost = tuple(o for o in again.get(view, ()) if _lost_syn(o))
        if failed or lost:
            mine = tuple(o for o in burst if o.host == view.host)
            yield Cause(
                id="connection_limit",
                say=_say_limit,
                view=view,
                evidence=(*failed, *lost, *mine),
                severity=Severity.WARNING,
            )


def _banned(views: Iterable[View], away: tuple[Observation, ...]) -> Iterator[Cause]:
    for view in views:
        if view.undecided:
            yield Cause(
                id="connection_limit",
                key="turned away",
                say=_say_banned,
                view=view,
                evidence=away,
                doubt="a line that went down during the check looks the same",
                severity=Severity.WARNING,
            )


def _sent_again(views: Iterable[View], stalls: Stalls) -> Iterator[tuple[View, tuple[Observation, ...]]]:
    """Of each host what had to be sent again because of the network, each observation with at least one."""
    views = list(views)
    in_vain = 1 if _fastest(views) >= _SYN_STEP else 0
    prompt = _prompt_answers(views)
    for view in views:
        opened = [o for o in _opened(view, stalls) if _retransmitted(o) > in_vain]
        asked = [o for o in _asked(view) if _was_lost(o, prompt) and not stalls.explain(o)]
        if opened or asked:
            yield view, (*asked, *opened)


def _opened(view: View, stalls: Stalls) -> Iterator[Observation]:
    """The connections of a host that opened, and whose segments the machine itself did not keep waiting."""
    for path in view.paths:
        if not stalls.kernel_waited(path.steps):
            yield from (o for o in path.steps if isinstance(o.detail, TcpDetail | ProxyDetail) and o.failure is None)


def _asked(view: View) -> Iterable[Observation]:
    """The questions for a host's name; through a proxy it is the proxy that asks."""
    return () if view.proxied else view.lookups.every


def _fastest(views: Iterable[View]) -> float:
    """The shortest time in which a connection opened: on a path of a second, every SYN is sent again for nothing."""
    steps = (o for view in views for path in view.paths for o in path.steps)
    return min((o.duration_seconds for o in steps if o.step is Step.TCP and o.failure is None), default=0.0)


def _prompt_answers(views: Iterable[View]) -> dict[str, float]:
    """Resolver → how long its answers usually take, where those to a first datagram come well before the second.

    Where they spread up to the second, a resolver (or this host) is busy, and what was sent again was not lost.
    """
    took: dict[str, list[float]] = defaultdict(list)
    attempts: dict[str, Counter[bool]] = defaultdict(Counter)
    for view in views:
        for o in view.lookups.every:
            detail = dns_detail(o)
            if detail is not None and detail.transport == "udp" and o.failure is not Failure.TIMEOUT:
                attempts[detail.resolver][detail.attempts > 1] += 1
                if detail.attempts == 1:
                    took[detail.resolver].append(o.duration_seconds)
    return {
        resolver: median(seconds)
        for resolver, seconds in took.items()
        if len(seconds) > attempts[resolver][True] and _nearly_all(seconds) < _RESENT_AT[0] / 3
    }


def _nearly_all(seconds: list[float]) -> float:
    """What nine of ten stay below."""
    return sorted(seconds)[int(0.9 * (len(seconds) - 1))]


def _was_lost(o: Observation, prompt: dict[str, float]) -> bool:
    detail = dns_detail(o)
    usual = prompt.get(resolver_of(o))
    if detail is None or usual is None or detail.transport != "udp" or o.failure is Failure.TIMEOUT:
        return False
    if not 1 < detail.attempts <= len(_RESENT_AT) + 1:
        return False
    late = o.duration_seconds - _RESENT_AT[detail.attempts - 2]
    return 0 <= late <= max(_PROMPT, 3 * usual)


def _retransmitted(o: Observation) -> int:
    return o.detail.retransmitted if isinstance(o.detail, TcpDetail | ProxyDetail) else 0


def _lost_syn(o: Observation) -> bool:
    return o.step is Step.TCP and _retransmitted(o) > 0 and o.duration_seconds >= _SYN_STEP


def _times(o: Observation) -> int:
    detail = dns_detail(o)
    return detail.attempts - 1 if detail is not None else _retransmitted(o)


def _is_loss(views: Iterable[View], again: dict[View, tuple[Observation, ...]]) -> bool:
    met = [o for seen in again.values() for o in seen]
    made = sum(len(view.paths) + len(view.lookups.every) for view in views)
    return sum(map(_times, met)) >= FEWEST and len(met) >= 2 and len(met) >= SHARE * made


def _say_loss(group: CauseGroup) -> Words:
    asked = [o for o in group.evidence if o.step is Step.DNS]
    opened = [o for o in group.evidence if o.step is not Step.DNS]
    views = [view for view in group.world.views if view.vantage == group.key]
    parts = []
    if opened:
        segments, ways = sum(map(_times, opened)), len(opened)
        all_ways = sum(len(view.paths) for view in views)
        parts.append(f"{count(segments, 'segment')} in {ways} of {count(all_ways, 'connection')}")
    if asked:
        all_asked = sum(len(view.lookups.every) for view in views)
        parts.append(f"{count(sum(map(_times, asked)), 'question')} of {all_asked} to DNS")
    worst = Counter[str]()
    for o in group.evidence:
        worst[o.host] += _times(o)
    named = listing([f"{host} {number}" for host, number in worst.most_common()], most=4)
    return Words(
        title=f"Packets get lost on the way: {' and '.join(parts)} had to be sent again ({named}).",
        remedy="Look at the line before the rules: error and drop counters of interfaces (`ip -s link`, the switch "
        "port, the uplink), duplex, a full link, a policer, a firewall at its limit. `mtr -T -P 443 HOST` shows from "
        "which hop on packets are lost.",
    )


def _say_limit(group: CauseGroup) -> Words:
    vantages = {view.vantage for view in group.views}
    burst = [o for o in group.world.controls(Experiment.BURST) if o.vantage in vantages]
    met = list(filter(_is_met, burst))
    if proxies := {d.proxy for d in map(details.proxy, met) if d is not None and d.status}:
        return _say_limit_of_proxy(group, listing(natural.ordered(proxies)), burst, met)
    return Words(
        title=f"Connections fail or wait when many are made at once, and none does alone: to {group.names}; of "
        f"{len(burst)} at once {len(met)} met it. Something limits new or simultaneous connections of this host.",
        remedy="Agents hold 4 to 6 connections, and pulling an image opens a few more: raise the limit for this host "
        "on the device that has it (connection limits per source, SYN protection, a NAT's ports), or leave it if it is "
        "well above that. `--concurrency 6` keeps a check below it.",
    )


def _say_limit_of_proxy(
    group: CauseGroup, proxy: str, burst: Sequence[Observation], met: Sequence[Observation]
) -> Words:
    statuses = {d.status for d in map(details.proxy, met) if d is not None and d.status}
    return Words(
        title=f"The proxy {proxy} refuses tunnels ({listing(map(str, sorted(statuses)))}) when many are asked for at "
        f"once, and none does it alone: to {group.names}; of {len(burst)} at once it refused {len(met)}.",
        remedy="Agents hold 4 to 6 tunnels, and pulling an image opens a few more: raise what the proxy lets one "
        "client or all of them have (connection limits, file descriptors, worker processes), or leave it if it is well "
        "above that. `--concurrency 6` keeps a check below it.",
    )


def _say_banned(group: CauseGroup) -> Words:
    vantages = {view.vantage for view in group.views}
    known = listing(natural.ordered({o.address for o in group.evidence if o.address is not None}), most=4)
    tried = [o for o in group.world.run.observations if o.vantage in vantages and o.step is Step.TCP]
    last = max((o.started_seconds for o in tried if o.failure is None), default=0.0)
    made = [o.started_seconds for o in tried if o.started_seconds <= last]
    since = f"After {count(len(made), 'connection')} in {duration(last - min(made))} none" if made else "None"
    return Words(
        title=f"{since} can be made any more, not even to {known}, where they stood at first: a device turns this host "
        f"away because it opened so many. Nothing can be said of {group.names}.",
        remedy="Look on the firewall or IPS for a rule that blocks a source for a while after many connections or SYNs "
        "(a scan or flood protection), and exempt this host: agents hold 4 to 6 connections, and pulling an image "
        "opens a few more. Wait until the block is over and run the check again with `--concurrency 6`. If nothing "
        "blocks, look at the line.",
    )
