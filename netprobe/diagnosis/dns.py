"""Rules about names: what the resolvers said, and whose answer the host gets.

The error codes are RFC 1035 section 4.1.1 and RFC 2308 (NODATA); the order of a stub's questions is in
:mod:`netprobe.diagnosis.lookups`. A rule here judges answers only; whether an address can be reached is TCP's business.
"""

from __future__ import annotations

from collections.abc import Iterator

from netprobe import natural
from netprobe.diagnosis import places
from netprobe.diagnosis.addresses import is_loopback
from netprobe.diagnosis.broken import Broken
from netprobe.diagnosis.causes import Cause, CauseGroup, Words
from netprobe.diagnosis.evidence import Evidence
from netprobe.diagnosis.lookups import answers, asked_longer, dns_detail, is_final, is_question, resolver_of
from netprobe.diagnosis.unexplained import say_unexplained
from netprobe.diagnosis.views import State, View
from netprobe.diagnosis.words import listing
from netprobe.findings import Owner, Place
from netprobe.observations import Experiment, Failure, Observation, is_overcome

ID_OF = {
    Failure.DNS_NXDOMAIN: "dns_name_missing",
    Failure.DNS_NO_ANSWER: "dns_no_address",
    None: "dns_no_address",
    Failure.DNS_SERVFAIL: "dns_server_failure",
    Failure.DNS_OTHER_RCODE: "dns_server_failure",
    Failure.DNS_MALFORMED: "dns_server_failure",
    Failure.DNS_REFUSED: "dns_refused",
    Failure.CONNECTION_REFUSED: "dns_unreachable",
    Failure.HOST_UNREACHABLE: "dns_unreachable",
    Failure.NETWORK_UNREACHABLE: "dns_unreachable",
    Failure.ADMIN_PROHIBITED: "dns_unreachable",
    Failure.ADDRESS_UNAVAILABLE: "dns_unreachable",
    Failure.CONNECTION_RESET: "dns_unreachable",
    Failure.EOF: "dns_unreachable",
    Failure.TIMEOUT: "dns_timeout",
    Failure.DNS_TCP_BLOCKED: "dns_tcp_blocked",
}
DOES = {
    "dns_name_missing": "says that the name does not exist (NXDOMAIN)",
    "dns_no_address": "knows the name and has no address for it (NODATA)",
    "dns_server_failure": "fails to find an answer",
    "dns_refused": "refuses to answer this host (REFUSED)",
    "dns_unreachable": "cannot be reached",
    "dns_timeout": "does not answer",
    "dns_tcp_blocked": "truncates its answer over UDP and is not reachable over TCP",
}


def broken_names(world: Evidence, view: View) -> Iterator[Broken]:
    """The answers that leave a host without a usable address, or with some; for a host that is not behind a proxy."""
    blocking = view.state is State.BROKEN
    if not view.lookups.addresses:
        failed = view.lookups.failed
        if failed is not None:
            yield Broken(world=world, view=view, path=None, o=failed, blocking=True)
        return
    if view.captured:
        captured = _that_capture(view)[0]
        yield Broken(world=world, view=view, path=None, o=captured, blocking=blocking)
        return
    sinking = _that_lead_to(view, _unusable(view))
    if sinking:
        yield Broken(world=world, view=view, path=None, o=sinking[0], blocking=blocking)
    for o in view.lookups.chosen.values():
        if not is_final(o):
            yield Broken(world=world, view=view, path=None, o=o, blocking=False)


def explain(broken: Broken) -> Cause:
    """Why a name leads to no usable address."""
    if not answers(broken.o):
        return _no_answer(broken)
    return _captured(broken) if broken.view.captured else _sinkholed(broken)


def _no_answer(broken: Broken) -> Cause:
    world, view, failed = broken.world, broken.view, broken.o
    id_ = ID_OF.get(failed.failure, "unexplained_failure")
    alike = tuple(o for o in view.lookups.every if o is not failed and o.failure == failed.failure)
    # All servers that are silent alike are one cause; of an answer only the one that the host believes.
    resolvers = (
        [resolver_of(failed)] if is_final(failed) else natural.ordered({resolver_of(o) for o in (failed, *alike)})
    )
    plain = [o for o in world.controls(Experiment.WITHOUT_EDNS, like=failed) if resolver_of(o) == resolver_of(failed)]
    if any(o.failure is None and answers(o) for o in plain):
        return broken.cause(
            "dns_edns_unanswered", _say_edns, key=resolver_of(failed), beside=tuple(plain), controls=tuple(plain)
        )
    controls = [
        *world.controls(Experiment.DNS_OVER_TCP, like=failed),
        *world.controls(Experiment.OTHER_RESOLVER, like=failed),
    ]
    return broken.cause(
        id_,
        _say_no_answer if id_ != "unexplained_failure" else say_unexplained,
        key=", ".join(resolvers),
        beside=(*alike, *controls),
        # Silence has look-alikes (a dead server, a filter for UDP, a filter for these names); a return code has none.
        controls=tuple(controls),
        places=where_set(world, failed) if id_ == "dns_unreachable" and is_the_hosts_own(failed) else (),
    )


def where_set(world: Evidence, o: Observation) -> tuple[Place, ...]:
    """The line that names a resolver, or the file that names none."""
    resolver = resolver_of(o)
    return places.of_setting(world.vantages.get(o.vantage), f"resolver {resolver}", resolver)


def _say_no_answer(group: CauseGroup) -> Words:
    first = group.first
    resolver = group.key
    if resolver.startswith("/"):
        return Words(
            title=f"{resolver} names {group.names} without an address of a family that this host uses.",
            remedy=f"Delete the line {resolver}, so that DNS is asked.",
            owner=Owner.HOST,
        )
    if group.id == "dns_unreachable" and (unnamed := _names_no_server(group)):
        return Words(
            title=f"{unnamed} names no DNS server, so this host asks itself ({resolver}), and nobody listens there: "
            f"{group.names}.",
            remedy=f"Write `nameserver ADDRESS` with your DNS server into {unnamed}, or have what manages that file "
            "(DHCP, NetworkManager, systemd-resolved) do so.",
            owner=Owner.HOST,
        )
    half = _half_answered(group)
    if half:
        return Words(
            title=f"DNS server {resolver} {DOES[group.id]} where it is asked for {half} records, and answers for the "
            f"other address family: {group.names}.",
            remedy=f"Have {resolver}, or the firewall before it, answer questions for {half} too; that there is none "
            "will do (RFC 4074 section 4 tells what follows otherwise). glibc and Go ask for both and wait for both, "
            "5 s a try, before they connect.",
        )
    title = f"DNS server {resolver} {DOES[group.id]}: {group.names}."
    return Words(
        title=title + _control(group),
        remedy=_REMEDIES[group.id].format(
            resolver=resolver, names=group.names, patterns=group.patterns, error=_detail_of(first)
        ),
        owner=Owner.HOST if group.id == "dns_unreachable" and is_the_hosts_own(first) else None,
    )


def _half_answered(group: CauseGroup) -> str:
    """The type of record that alone is not answered, where the same servers give every host an address of the other."""
    kinds = {detail.rrtype for c in group.causes for o in c.evidence[:1] if (detail := dns_detail(o)) is not None}
    asked = set(group.key.split(", "))
    answered = all(any(answers(o) and resolver_of(o) in asked for o in view.lookups.every) for view in group.views)
    return kinds.pop() if len(kinds) == 1 and answered and group.views else ""


def _names_no_server(group: CauseGroup) -> str:
    """The file that should name a resolver and names none."""
    found = (place for cause in group.causes for place in cause.places if place.line is None)
    return next((place.file for place in found), "")


def is_the_hosts_own(o: Observation) -> bool:
    """Whether this host itself keeps a resolver from being asked: nobody listens on it, or it has no route there.

    A missing or empty resolv.conf means the local host, for glibc and for Go.
    """
    if o.failure in (Failure.NETWORK_UNREACHABLE, Failure.ADDRESS_UNAVAILABLE):
        return True
    return o.failure is Failure.CONNECTION_REFUSED and is_loopback(resolver_of(o))


def _say_edns(group: CauseGroup) -> Words:
    first = group.first
    does = "does not answer" if first.failure is Failure.TIMEOUT else f"answers {_detail_of(first)}"
    return Words(
        title=f"DNS server {group.key} {does} where a question carries EDNS, and answers {group.names} without it. "
        "Go's resolver always sends EDNS, so the agents get no address, though ping and getent do.",
        remedy=f"Update {group.key}, or the firewall before it that drops DNS packets with an OPT record (RFC 6891), "
        "or put another name server into /etc/resolv.conf.",
    )


def _that_capture(view: View) -> tuple[Observation, ...]:
    """The answers of a search domain."""
    return tuple(o for o in view.lookups.chosen.values() if asked_longer(o) and answers(o))


def _captured(broken: Broken) -> Cause:
    """A search domain that answers for AWS's names before they are asked for themselves."""
    suffix = asked_longer(broken.o).removeprefix(f"{broken.view.host}.")
    return broken.cause("dns_search_captures", _say_captured, key=suffix, beside=_that_capture(broken.view)[1:])


def _say_captured(group: CauseGroup) -> Words:
    first = group.first
    found = listing(natural.ordered({a for o in group.evidence for a in answers(o)}))
    return Words(
        title=f"The search domain {group.key} captures {group.names}: /etc/resolv.conf has glibc and Go ask for "
        f"{asked_longer(first)} first, and {resolver_of(first)} answers {found}.",
        remedy=f"Lower ndots in /etc/resolv.conf (`options ndots:1` is the default), take {group.key} out of its "
        f"search list, or remove the wildcard record below {group.key}.",
    )


def _detail_of(o: Observation) -> str:
    detail = dns_detail(o)
    return (detail.rcode or detail.error or str(o.failure or "no answer")) if detail is not None else str(o.failure)


_REMEDIES = {
    "dns_name_missing": "Let {resolver} resolve {patterns}: forward amazonaws.com (and api.aws) to a resolver that "
    "sees the public DNS, and remove any local zone or response policy that denies these names. If the region or "
    "account in "
    "the name is mistyped, correct that instead.",
    "dns_no_address": "Give {patterns} an address at {resolver}: a local zone or private hosted zone that shadows the "
    "name lacks its A record, or filters the record type that this host asks for. An IPv6-only host needs AAAA.",
    "dns_server_failure": "Repair forwarding on {resolver} ({error}): check its forwarders, DNSSEC validation and its "
    "own way to the internet for {patterns}.",
    "dns_refused": "Allow recursive queries from this host's address on {resolver} (allow-query, allow-recursion or "
    "the client list of the view), or point this host at a resolver that serves it.",
    "dns_unreachable": "Start the DNS service at {resolver} or allow UDP and TCP to it ({error}); if it "
    "moved, put the right name server into /etc/resolv.conf.",
    "dns_timeout": "Allow UDP and TCP from this host to {resolver} and check that the server runs; if it was "
    "retired, put a working name server into /etc/resolv.conf.",
    "dns_tcp_blocked": "Allow TCP from this host to {resolver}, beside UDP (RFC 7766): answers for {names} do "
    "not fit into one UDP packet.",
}


def _control(group: CauseGroup) -> str:
    """What the control probes add to a finding about lookups, or which one is missing."""
    over_tcp = [o for o in group.evidence if o.experiment == Experiment.DNS_OVER_TCP]
    elsewhere = [
        o for o in group.evidence if o.experiment == Experiment.OTHER_RESOLVER and o.failure is None and answers(o)
    ]
    said = ""
    if group.id == "dns_timeout" and over_tcp:
        answered = any(is_overcome(Failure.TIMEOUT, o.failure) for o in over_tcp)
        said += " Over TCP it answers: UDP is dropped." if answered else " It is silent over TCP too."
    if elsewhere:
        said += f" {resolver_of(elsewhere[0])} answers {listing(answers(elsewhere[0]))}."
    return said


def _unusable(view: View) -> set[str]:
    """The sinkholes' addresses at which nothing works."""
    works = {path.address for path in view.paths if path.works}
    return {address for address in view.sinkholed if address not in works}


def _that_lead_to(view: View, bad: set[str]) -> tuple[Observation, ...]:
    return tuple(o for o in view.lookups.chosen.values() if set(answers(o)) & bad)


def _sinkholed(broken: Broken) -> Cause:
    bad = _unusable(broken.view)
    return broken.cause(
        "dns_sinkholed",
        _say_sinkholed,
        key=resolver_of(broken.o),
        beside=_that_lead_to(broken.view, bad)[1:],
        repeat=_again(broken.world, broken.o, bad),
    )


def _again(world: Evidence, o: Observation, bad: set[str]) -> Observation | None:
    """The same answer once more, where the name was asked for again and leads to the same place."""
    asked = [c for c in world.made_for(o, Experiment.REPEAT) if is_question(c, o)]
    return asked[0] if asked and all(set(answers(c)) & bad for c in asked) else None


def _say_sinkholed(group: CauseGroup) -> Words:
    bad = natural.ordered({address for view in group.views for address in view.sinkholed})
    if group.key.startswith("/"):
        title = f"{group.key} sends {group.names} to {listing(bad)}, which is no AWS address."
        remedy = f"Delete the line {group.key} that names {group.names}."
        return Words(title=title, remedy=remedy, owner=Owner.HOST)
    title = (
        f"DNS server {group.key} answers the sinkhole address {listing(bad)} for {group.names}: a DNS filter blocks it."
    )
    remedy = f"On the DNS filter behind {group.key}, allow {group.patterns}, then flush its cache."
    return Words(title=title, remedy=remedy)
