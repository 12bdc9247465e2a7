"""Rules about connections: refused, dropped, prohibited, unroutable; some addresses, one family.

ICMP codes 9, 10 and 13 of type 3 mean "administratively prohibited" (RFC 1812 section 5.2.7.1), and so do codes 1, 5
and 6 of ICMPv6 type 1 (RFC 4443 section 3.1). A firewall may sign with them, or refuse, or say nothing: which it did
decides what the network team looks for, so each has its own finding.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from netprobe import natural
from netprobe.diagnosis import details, places
from netprobe.diagnosis.addresses import family
from netprobe.diagnosis.broken import Broken
from netprobe.diagnosis.causes import Cause, CauseGroup, Words, seen_at
from netprobe.diagnosis.evidence import Evidence
from netprobe.diagnosis.unexplained import unexplained
from netprobe.diagnosis.views import View
from netprobe.diagnosis.words import agree, count, listing
from netprobe.findings import Owner
from netprobe.observations import Experiment, Failure, Observation, Step

ID_OF = {
    Failure.CONNECTION_REFUSED: "tcp_refused",
    Failure.TIMEOUT: "tcp_dropped",
    Failure.CONNECTION_RESET: "tcp_reset",
    Failure.EOF: "tcp_reset",
    Failure.ADMIN_PROHIBITED: "tcp_prohibited",
    Failure.HOST_UNREACHABLE: "tcp_unreachable",
    Failure.NETWORK_UNREACHABLE: "tcp_unreachable",
    Failure.ADDRESS_UNAVAILABLE: "tcp_unreachable",
}
_PROHIBITED = {(3, 9), (3, 10), (3, 13), (1, 1), (1, 5), (1, 6)}
_TIME_EXCEEDED = {(11, 0), (3, 0)}
"""Type and code where connect() says that the host is unreachable: ICMPv4's, and ICMPv6's (RFC 4443 section 3.3)."""
_ENDS = {
    Failure.CONNECTION_REFUSED: "are refused",
    Failure.CONNECTION_RESET: "are reset",
    Failure.EOF: "are closed",
    Failure.TIMEOUT: "get no answer",
}
_SIGNED = frozenset({"tcp_prohibited", "tcp_unreachable", "tcp_refused"})
"""Findings in which the ICMP message's sender is the device to look at."""
_INSTALLER = "installer"
_ALIKE_ONLY = "the way through the proxy was tried for others that failed alike, not for this one"
_POLICY = frozenset({"tcp_dropped", "tcp_refused", "tcp_prohibited", "tcp_reset"})
_NEEDS_ANOTHER = _POLICY | {"tcp_some_addresses_blocked", "ipv6_broken", "ipv4_broken"}


_FIREWALLS = frozenset({"tcp_dropped", "tcp_refused", "tcp_reset"})
"""What would be a firewall's doing if AWS were at the address."""


def explain(broken: Broken) -> Cause:
    """Why one address cannot be connected to."""
    world, view, o = broken.world, broken.view, broken.o
    id_ = _id(o)
    if id_ is None:
        return unexplained(broken)
    through, own = _passes_through_proxy(world, o)
    if through:
        return _past_the_proxy(broken, through, own=own)
    if id_ in _FIREWALLS and o.address in world.given_for_anything(view.vantage):
        return broken.cause(id_, _say_anything, key="given for anything")
    works = any(p.works for p in view.paths)
    partial = _partial(broken, id_) if works else None
    between = tuple(c for c in world.made_for(o, Experiment.WORKING_ADDRESS) if c.step is Step.TCP)
    return broken.cause(
        partial or id_,
        _SAY[partial or id_],
        key=_key(o, id_),
        beside=between if partial is None else _passing(view),
        # Silence looks the same from a filter and from a dead uplink; what connects in between tells them apart.
        controls=between,
        doubt=_doubt(partial or id_, between),
    )


def _doubt(id_: str, between: tuple[Observation, ...]) -> str:
    if id_ == "stale_ip_allowlist":
        return "the rule list itself was not seen"
    if id_ in _NEEDS_ANOTHER and between and not any(c.failure is None for c in between):
        return (
            "in between, what had answered at first could not be connected to either, so a line that went down looks "
            "the same"
        )
    if id_ == "tcp_dropped" and not between:
        return (
            "nothing else could be connected to from here, so a dead uplink looks the same; run `netprobe path` to see "
            "where packets end"
        )
    return ""


def _id(o: Observation) -> str | None:
    detail = details.tcp(o)
    if detail is not None and (detail.icmp_type, detail.icmp_code) in _PROHIBITED:
        return "tcp_prohibited"
    return ID_OF.get(o.failure) if o.failure is not None else None


def _key(o: Observation, id_: str) -> str:
    detail = details.tcp(o)
    if detail is None or id_ not in _SIGNED:
        return ""
    return detail.icmp_from or ""


def _past_the_proxy(broken: Broken, through: tuple[Observation, ...], *, own: bool) -> Cause:
    """The direct way is closed and the proxy's is open: either no proxy is set, or NO_PROXY keeps this host from it."""
    o = broken.o
    record = broken.world.vantages.get(o.vantage)
    token = record.exempt.get(o.host) if record is not None and record.proxy is not None else None
    if record is None or token is None:
        return broken.cause(
            "proxy_required",
            _say_proxy_required,
            key=_proxy_of(through),
            beside=through,
            controls=through,
            doubt=_ALIKE_ONLY if not own else "",
        )
    return broken.cause(
        "no_proxy_exempts_aws",
        _say_exempt,
        key=token,
        beside=through,
        controls=through,
        doubt=_ALIKE_ONLY if not own else "",
        places=places.of_setting(record, "no_proxy", token),
    )


def _passes_through_proxy(world: Evidence, o: Observation) -> tuple[tuple[Observation, ...], bool]:
    """What passed through a proxy where the direct way failed, and whether that was this very host.

    The host's own control comes first, then what another vantage saw of it through its own proxy, then the controls of
    hosts that failed alike for this vantage (a few of each kind are looked into).
    """
    controls = world.controls(Experiment.WITH_PROXY, like=o)
    if any(c.step is Step.PROXY for c in controls):
        return (controls if all(c.failure is None for c in controls) else ()), True
    others = (s for s in world.views if s.proxied and (s.host, s.port) == (o.host, o.port) and s.vantage != o.vantage)
    shown = next((path.steps for other in others for path in other.paths if path.works), ())
    if shown:
        return shown, True
    alike = world.once(("failed alike", o.vantage, o.failure), lambda: _failed_alike(world, o.vantage, o.failure))
    theirs = [c for c in world.controls(Experiment.WITH_PROXY) if c.vantage == o.vantage and c.host in alike]
    passes = any(c.step is Step.PROXY for c in theirs) and all(c.failure is None for c in theirs)
    return (tuple(theirs) if passes else ()), False


def _failed_alike(world: Evidence, vantage: str, failure: Failure | None) -> set[str]:
    """The hosts that failed in one way."""
    mine = [view for view in world.views if view.vantage == vantage]
    return {view.host for view in mine if view.failed is not None and view.failed.failure is failure}


def _proxy_of(observations: Iterable[Observation]) -> str:
    return next((d.proxy for d in map(details.proxy, observations) if d is not None), "")


def _passing(view: View) -> tuple[Observation, ...]:
    connected = (path.step(Step.TCP) for path in view.paths if path.works)
    return tuple(o for o in connected if o is not None)


def _partial(broken: Broken, id_: str) -> str | None:
    """What it is called when another address of the same name works."""
    world, view = broken.world, broken.view
    mine = family(broken.o.address)
    others = {family(p.address) for p in view.paths if p.works}
    if mine not in others and None not in others:
        if not world.once(("family works", view.vantage, mine), lambda: _family_works(world, view.vantage, mine)):
            return "ipv6_broken" if mine == 6 else "ipv4_broken"
        return "tcp_some_addresses_blocked"
    if id_ in _POLICY and world.once(("rotating", view.vantage), lambda: _rotating(world, view.vantage)):
        return "stale_ip_allowlist"
    return "tcp_some_addresses_blocked"


def _family_works(world: Evidence, vantage: str, wanted: int | None) -> bool:
    """Whether any address of this family could be connected to by this vantage."""
    for view in world.views:
        for path in view.paths if view.vantage == vantage else ():
            connected = path.step(Step.TCP)
            if connected is not None and connected.failure is None and family(path.address) == wanted:
                return True
    return False


def _rotating(world: Evidence, vantage: str) -> bool:
    """Whether several names each lose some of their addresses: the mark of a list of addresses that has aged."""
    blocked: dict[str, set[str]] = defaultdict(set)
    for view in world.views:
        if view.vantage != vantage or not any(path.works for path in view.paths):
            continue
        works = {family(path.address) for path in view.paths if path.works}
        for path in view.paths:
            failed = path.failed
            same_family = family(path.address) in works
            if failed is not None and failed.step is Step.TCP and path.address is not None and same_family:
                blocked[view.host].add(path.address)
    return len(blocked) > 1 and len(set().union(*blocked.values())) > 1


def _say_refused(group: CauseGroup) -> Words:
    if group.key:
        return Words(
            title=f"Connections to {group.names} on port {group.ports} are refused: {group.key} answers for "
            f'{group.addresses} with ICMP "port unreachable".',
            remedy=f"AWS listens there, so a packet filter rejects on its behalf: on {group.key}, allow TCP "
            f"{group.ports} from this host to {group.patterns}.",
        )
    answering = seen_at(group.evidence)
    return Words(
        title=f"Connections to {group.names} on port {group.ports} are refused "
        f"({group.addresses} {agree(len(answering), 'answer')} with RST).",
        remedy=f"AWS listens there, so a firewall refuses on its behalf: allow TCP {group.ports} outbound to "
        f"{group.patterns}.",
    )


def _say_anything(group: CauseGroup) -> Words:
    ends = _ENDS.get(group.first.failure or Failure.TIMEOUT, "fail")
    return Words(
        title=f"Connections to {group.names} on port {group.ports} {ends} at {group.addresses}: an address that the "
        "DNS server gives for names that cannot exist, too. It is not AWS's.",
        remedy="No rule for AWS mends that: find out why the DNS server answers so (a portal that waits for a log-in, "
        f"a search page, a wildcard record), and have it answer for {group.patterns} as AWS does.",
    )


def _say_dropped(group: CauseGroup) -> Words:
    return Words(
        title=f"Packets to {group.names} on TCP port {group.ports} are dropped silently ({group.addresses}).",
        remedy=f"Allow TCP {group.ports} outbound from this host to {group.patterns} on the firewall, with replies.",
    )


def say_reset(group: CauseGroup) -> Words:
    """Name a device that accepts and cuts; also said of a control that sent nothing."""
    return Words(
        title=f"Connections to {group.names} on port {group.ports} open and are reset before a byte is sent.",
        remedy=f"A device accepts and then cuts (SYN proxy, IPS, connection limit): exempt TCP {group.ports} to "
        f"{group.patterns} from it.",
    )


def _say_prohibited(group: CauseGroup) -> Words:
    detail = details.tcp(group.first)
    kind = (
        f"ICMP type {detail.icmp_type} code {detail.icmp_code}" if detail and detail.icmp_type is not None else "ICMP"
    )
    return Words(
        title=f"{'The device ' + group.key if group.key else 'A device on the way'} forbids TCP port {group.ports}"
        f" to {group.names}: administratively prohibited ({kind}).",
        remedy=f"On {group.key or 'the device that sends the ICMP message'}, allow TCP {group.ports} outbound from "
        f"this host to {group.patterns}.",
    )


def _say_unreachable(group: CauseGroup) -> Words:
    if group.first.failure is Failure.ADDRESS_UNAVAILABLE:
        return Words(
            title=f"This host has no source address for {group.names} ({group.addresses}).",
            remedy="Give the interface an address of that family, or leave the family out with -4 or -6.",
            owner=Owner.HOST,
        )
    detail = details.tcp(group.first)
    if (
        group.first.failure is Failure.HOST_UNREACHABLE
        and detail
        and (detail.icmp_type, detail.icmp_code) in (_TIME_EXCEEDED)
    ):
        return Words(
            title=f"Packets to {group.names} ({group.addresses}) never arrive: their hops run out at "
            f'{group.key or "a router"} (ICMP "time exceeded"), as in a routing loop.',
            remedy=f"Correct the route towards {group.addresses} on {group.key or 'that router'} and on the router "
            "before it; `netprobe path` shows the hops that repeat.",
        )
    what = "host" if group.first.failure is Failure.HOST_UNREACHABLE else "network"
    where = f"{group.key} says so" if group.key else "this host itself has no route"
    return Words(
        title=f"There is no route to {group.names} ({group.addresses}): {what} unreachable, {where}.",
        remedy=f"Add a route (default gateway) towards {group.addresses} "
        + (f"on {group.key}." if group.key else "on this host (ip route get ADDRESS shows what it uses)."),
        owner=None if group.key else Owner.HOST,
    )


def _blocked_addresses(group: CauseGroup) -> str:
    return listing(natural.ordered({o.address for o in group.evidence if o.address and o.failure is not None}), most=6)


def _say_some(group: CauseGroup) -> Words:
    works = natural.ordered({o.address for o in group.evidence if o.address and o.failure is None})
    return Words(
        title=f"{_blocked_addresses(group)} of {group.names} cannot be connected to, {listing(works)} can.",
        remedy=f"Allow TCP {group.ports} to every address of {group.patterns}, by name where the device can: which one "
        "an agent gets is chance.",
    )


def _say_stale(group: CauseGroup) -> Words:
    return Words(
        title=f"Some addresses of {count(len(group.hosts), 'name')} are blocked ({_blocked_addresses(group)}) and "
        "others pass, as with an allowlist of IP addresses that has aged.",
        remedy=f"Allow {group.patterns} on TCP {group.ports} by name; where only addresses can be written, refresh the "
        "list from ip-ranges.json (service AMAZON, this region) on every change.",
    )


def _say_family(group: CauseGroup) -> Words:
    bad, good = ("IPv6", "IPv4") if group.id == "ipv6_broken" else ("IPv4", "IPv6")
    does = "it works" if len(group.hosts) == 1 else "they work"
    return Words(
        title=f"Over {bad} {group.they('fail')} ({_blocked_addresses(group)}: {group.first.failure}); over "
        f"{good} {does}.",
        remedy=f"Repair {bad} for TCP {group.ports} ({group.first.failure} at {_blocked_addresses(group)}), or take "
        f"the {bad} default route and addresses off this host so that no agent tries it.",
    )


def _say_proxy_required(group: CauseGroup) -> Words:
    installer = f"In the shell that runs the installer `export HTTPS_PROXY={group.key}`."
    agents = (
        f"Set HTTPS_PROXY={group.key} for every agent: /etc/ecs/ecs.config, and systemd drop-ins for ecs, "
        "amazon-ssm-agent and docker, with NO_PROXY=169.254.169.254,169.254.170.2,/var/run/docker.sock."
    )
    eyes = {view.vantage for view in group.views}
    told = [agents] if eyes - {_INSTALLER} else []
    return Words(
        title=f"Direct connections to {group.names} fail ({group.first.failure}); through the proxy {group.key} "
        "they succeed.",
        # The installer reads no file of the agents'.
        remedy=" ".join([*told, installer] if _INSTALLER in eyes else told),
    )


def _say_exempt(group: CauseGroup) -> Words:
    record = group.world.vantages.get(group.first.vantage)
    where = (record.sources.get("no_proxy") if record is not None else "") or "its NO_PROXY"
    proxy = (record.proxy if record is not None else None) or "the proxy"
    vantages = listing(sorted({view.vantage for view in group.views}))
    return Words(
        title=f"NO_PROXY of {vantages} ({where}) exempts {group.names} from the proxy by the token {group.key}: the "
        f"direct way fails ({group.first.failure}), through {proxy} it is open.",
        remedy=f"Take {group.key} out of NO_PROXY ({where}) and restart the service; keep 169.254.169.254 and "
        "169.254.170.2 there. Where some AWS names must go directly (an interface endpoint, an S3 gateway), name "
        "those alone.",
    )


_SAY = {
    "tcp_refused": _say_refused,
    "tcp_dropped": _say_dropped,
    "tcp_reset": say_reset,
    "tcp_prohibited": _say_prohibited,
    "tcp_unreachable": _say_unreachable,
    "tcp_some_addresses_blocked": _say_some,
    "stale_ip_allowlist": _say_stale,
    "ipv6_broken": _say_family,
    "ipv4_broken": _say_family,
}
