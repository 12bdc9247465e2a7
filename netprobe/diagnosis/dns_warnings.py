"""Rules about names that explain or warn, beside what blocks: the second resolver, the hosts file, PrivateLink.

None of them makes a host fail by itself, except an answer of the wrong kind where ``--expect`` says which is right.
What ECS Anywhere does with private names is in AWS's page on interface endpoints (facts/aws.md section 1).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import median

from netprobe import natural, origin
from netprobe.diagnosis.addresses import AddressClass
from netprobe.diagnosis.causes import Cause, CauseGroup, Words
from netprobe.diagnosis.dns import DOES, ID_OF, is_the_hosts_own, where_set
from netprobe.diagnosis.evidence import Evidence
from netprobe.diagnosis.lookups import answers, asked_longer, dns_detail, is_final, resolver_of
from netprobe.diagnosis.views import View
from netprobe.diagnosis.words import count, duration, listing
from netprobe.findings import Owner, Place, Severity
from netprobe.observations import Experiment, Failure, Observation, Step, Subject, TlsDetail

_NOBODYS = frozenset({AddressClass.SINKHOLED, AddressClass.INVALID})
"""What an address in the answer for a service never is."""
_SOMEBODY_ELSE = frozenset({Failure.SSL_UNKNOWN_AUTHORITY, Failure.SSL_INVALID_HOSTNAME})
SLOW_LOOKUP_SECONDS = 2.0
"""The ECS agent gives ECR's GetAuthorizationToken 5 s in all, lookups included; two seconds each spoil that."""
FAMILY_SHARE = 0.2
"""Of a resolver's lookups, those of one record type that are enough to judge it by."""


def companions(world: Evidence) -> Iterator[Cause]:
    """What explains or warns, beside what blocks."""
    for view in world.views:
        if view.proxied or world.unneeded(view):
            continue
        yield from _resolver_down(world, view)
        yield from _disagree(world, view)
        yield from _hosts_file(view)
        yield from _scope(world, view)
    yield from _wildcard(world)
    yield from _numbered_public(world)
    yield from _slow(world)


def _resolver_down(world: Evidence, view: View) -> Iterator[Cause]:
    for asked in view.lookups.asked.values():
        good = [o for o in asked if is_final(o)]
        if not good:
            continue
        for o in asked:
            if not is_final(o):
                yield Cause(
                    id="dns_resolver_down",
                    key=resolver_of(o),
                    say=_say_resolver_down,
                    view=view,
                    evidence=(o, good[0]),
                    controls=tuple(c for c in world.made_for(o, Experiment.OTHER_RESOLVER) if c.step is Step.DNS),
                    places=where_set(world, o) if _is_for_the_host(o) else (),
                )


def _is_for_the_host(o: Observation) -> bool:
    """Whether the host's list of resolvers has to be mended: it names one that is none, or to which it has no route."""
    return o.failure is Failure.CONNECTION_REFUSED or is_the_hosts_own(o)


def _say_resolver_down(group: CauseGroup) -> Words:
    first = group.first
    does = DOES.get(ID_OF.get(first.failure, ""), f"fails ({first.failure})")
    partner = next((resolver_of(o) for o in group.evidence if is_final(o)), "another one")
    record = group.world.vantages.get(first.vantage)
    is_first = record is not None and bool(record.resolvers) and record.resolvers[0] == group.key
    cost = " It is asked first, so every lookup waits for it." if is_first else ""
    return Words(
        title=f"DNS server {group.key} {does} for {count(len(group.hosts), 'name')}, while {partner} answers.{cost}",
        remedy=f"Repair {group.key} (UDP and TCP from this host) or remove it from /etc/resolv.conf.",
        owner=Owner.HOST if _is_for_the_host(first) else None,
    )


def _kind_of_answer(world: Evidence, o: Observation) -> str:
    if o.failure is Failure.DNS_NXDOMAIN:
        return "NXDOMAIN"
    found = answers(o)
    if not found:
        return "no address"
    kinds = {world.address_class(address).value for address in found}
    return f"{'/'.join(sorted(kinds))} ({listing(found)})"


def _disagree(world: Evidence, view: View) -> Iterator[Cause]:
    every = view.lookups.asked.values()
    liars = [cause for asked in every for cause in (*_strangers(world, view, asked), *_impossible(world, view, asked))]
    yield from liars
    for asked in every if not liars else ():
        others = [o for o in world.controls(Experiment.OTHER_RESOLVER, step=Step.DNS) if _same_question(o, asked[0])]
        said = {(resolver_of(o), _kind_of_answer(world, o)): o for o in (*asked, *others) if is_final(o)}
        kinds = {kind.partition(" (")[0] for _, kind in said}
        key = ",".join(sorted({resolver for resolver, _ in said}))
        if len(kinds) > 1:
            evidence = tuple(said.values())
            yield Cause(id="dns_resolvers_disagree", key=key, say=_say_disagree, view=view, evidence=evidence)


def _strangers(world: Evidence, view: View, asked: Sequence[Observation]) -> Iterator[Cause]:
    """Resolvers that send the host to somebody else than the service.

    Addresses that differ say nothing, AWS rotates them. A chain that is not the service's does, each time it is seen;
    that nothing answers there may be one server of many that is out of order, and is not told.
    """
    first = view.lookups.chosen[_rrtype(asked[0])]
    for o in asked:
        shaken = [c for c in world.made_for(o, Experiment.SECOND_ANSWER) if c.address in answers(o)]
        if len(shaken) > 1 and _are_strangers(shaken):
            yield _stranger(view, first, o, shaken)
    for good in asked:
        led_astray = _led_astray(world, view, first, good)
        if led_astray:
            yield _stranger(view, good, first, led_astray)
            return


def _led_astray(world: Evidence, view: View, first: Observation, good: Observation) -> list[Observation]:
    """What the host meets at each address that it gets, where all are strangers' and another answer is the service."""
    met = [step for path in view.paths if path.address in answers(first) and (step := path.step(Step.TLS)) is not None]
    if len(met) < len(answers(first)) or not _are_strangers(met):
        return []
    genuine = [
        c
        for c in world.made_for(first, Experiment.OTHER_RESOLVER)
        if c.step is Step.TLS and c.failure is None and c.address in answers(good) and origin.answered(c)
    ]
    return [*met, *genuine[:1]] if genuine else []


def _are_strangers(shaken: Sequence[Observation]) -> bool:
    return bool(shaken) and all(c.failure in _SOMEBODY_ELSE for c in shaken)


def _stranger(view: View, good: Observation, liar: Observation, shaken: Sequence[Observation]) -> Cause:
    return Cause(
        id="dns_resolvers_disagree",
        key=f"{resolver_of(liar)}|{shaken[0].failure}",
        say=_say_stranger,
        view=view,
        evidence=(good, liar, *shaken),
        controls=tuple(shaken),
    )


def _impossible(world: Evidence, view: View, asked: Sequence[Observation]) -> Iterator[Cause]:
    """Resolvers whose answer no genuine name has, beside the one whose answer the host takes and which is the service.

    A sinkhole's address is no service's, and a name at which the service answers exists. Private beside public is no
    lie by itself: one of the two may know interface endpoints.
    """
    first = view.lookups.chosen[_rrtype(asked[0])]
    if not answers(first) or not any(path.works for path in view.paths if path.address in answers(first)):
        return
    for o in asked:
        kinds = {world.address_class(address) for address in answers(o)}
        if o is first or not is_final(o) or not kinds <= _NOBODYS:
            continue
        yield Cause(
            id="dns_resolvers_disagree",
            key=f"{resolver_of(o)}|{_kind_of_answer(world, o).partition(' (')[0]}",
            say=_say_impossible,
            view=view,
            evidence=(first, o),
        )


def _say_impossible(group: CauseGroup) -> Words:
    first, other = group.causes[0].evidence[:2]
    liar, good = resolver_of(other), resolver_of(first)
    said, real = (_kind_of_answer(group.world, o) for o in (other, first))
    blocked = bool(answers(other)) or other.failure is Failure.DNS_NXDOMAIN
    where = "the DNS filter or local zone" if blocked else "the zone"
    return Words(
        title=f"DNS server {liar} gives a wrong answer for {group.names}: {said}. {good}, whose answer this host "
        f"takes, says {real}, and the service answers there.",
        remedy=f"In {where} behind {liar} allow {group.patterns}, or take {liar} out of /etc/resolv.conf: this host "
        f"uses it as soon as {good} is silent.",
    )


def _rrtype(o: Observation) -> str:
    detail = dns_detail(o)
    return detail.rrtype if detail is not None else ""


def _say_stranger(group: CauseGroup) -> Words:
    other = group.causes[0].evidence[1]
    liar = resolver_of(other)
    found = natural.ordered({c.address for c in group.evidence if c.address is not None and c.failure is not None})
    shaken = group.causes[0].controls[0]
    detail = shaken.detail
    issuer = detail.chain[0].issuer if isinstance(detail, TlsDetail) and detail.chain else ""
    by = f", issued by {issuer}" if issuer else ""
    taken = other in group.views[0].lookups.chosen.values()
    when = "takes its answer" if taken else "uses it as soon as the other is silent"
    return Words(
        title=f"DNS server {liar} sends this host to somebody else for {group.names}: at {listing(found)} the "
        f"certificate is not the service's ({shaken.failure}{by}); what {resolver_of(group.first)} answers is genuine.",
        remedy=f"Find out why {liar} answers {listing(found)} for {group.patterns} (a redirection zone, a filter, a "
        f"stale record), and end it or take {liar} out of /etc/resolv.conf: this host {when}.",
    )


def _same_question(o: Observation, like: Observation) -> bool:
    mine, theirs = dns_detail(o), dns_detail(like)
    if mine is None or theirs is None:
        return False
    return o.host == like.host and o.vantage == like.vantage and mine.rrtype == theirs.rrtype


def _say_disagree(group: CauseGroup) -> Words:
    first = group.causes[0].evidence
    said = listing([f"{resolver_of(o)} says {_kind_of_answer(group.world, o)}" for o in first], most=4)
    return Words(
        title=f"The DNS servers disagree about {group.names}: {said}.",
        remedy=f"Let every server in /etc/resolv.conf give the same kind of answer for {group.patterns}; the host "
        f"takes the first answer that it gets, here that of {resolver_of(first[0])}.",
    )


def _hosts_file(view: View) -> Iterator[Cause]:
    for o in view.lookups.every:
        detail = dns_detail(o)
        if detail is not None and detail.transport == "file" and answers(o):
            file, _, line = detail.resolver.rpartition(":")
            place = Place(file=file or detail.resolver, line=int(line) if line.isdecimal() else None)
            yield Cause(
                id="hosts_file_override",
                key=file,
                say=_say_hosts_file,
                view=view,
                evidence=(o,),
                places=(place,),
            )


def _say_hosts_file(group: CauseGroup) -> Words:
    lines = natural.ordered({resolver_of(o) for o in group.evidence})
    found = natural.ordered({a for o in group.evidence for a in answers(o)})
    return Words(
        title=f"{listing(lines)} overrides DNS for {group.names} with {listing(found)}.",
        remedy=f"Delete {listing(lines, most=8)} unless the override is meant: AWS changes addresses without notice.",
    )


def _scope(world: Evidence, view: View) -> Iterator[Cause]:
    """Private or public, against what was expected."""
    found = view.lookups.addresses
    if not found:
        return
    classes = {world.address_class(address) for address in found}
    expected = {world.context.expect[s.group] for s in view.subjects if s.group in world.context.expect}
    chosen = tuple(o for o in view.lookups.chosen.values() if answers(o))
    if AddressClass.PRIVATE in classes:
        wrong = "public" in expected
        yield Cause(
            id="dns_private_answer",
            key="unexpected" if wrong else "",
            say=_say_private,
            view=view,
            evidence=chosen,
            blocking=wrong,
            severity=_expectation_severity(world, view) if wrong else Severity.INFO,
        )
    if AddressClass.PUBLIC in classes and "private" in expected:
        yield Cause(
            id="dns_public_answer",
            say=_say_public,
            view=view,
            evidence=chosen,
            blocking=True,
            severity=_expectation_severity(world, view),
        )


def _expectation_severity(world: Evidence, view: View) -> Severity:
    return Severity.ERROR if world.required(view) else Severity.WARNING


def _addresses_of(group: CauseGroup, wanted: AddressClass) -> list[str]:
    every = {address for view in group.views for address in view.lookups.addresses}
    return natural.ordered(a for a in every if group.world.address_class(a) is wanted)


def _say_private(group: CauseGroup) -> Words:
    found = listing(_addresses_of(group, AddressClass.PRIVATE))
    resolver = listing(natural.ordered({resolver_of(o) for o in group.evidence}))
    if group.key:
        return Words(
            title=f"DNS server {resolver} answers private addresses ({found}) for {group.names}; public ones were "
            "expected.",
            remedy=f"Remove the private hosted zone or local zone for {group.patterns} at {resolver}, or drop "
            "--expect if PrivateLink is meant.",
        )
    return Words(
        title=f"{group.they('resolve')} to private addresses ({found}): PrivateLink, or a split-horizon zone.",
        remedy=f"Nothing, if interface endpoints are meant: then {found} must be reachable from this host on TCP "
        f"{group.ports}. Otherwise remove the local zone at {resolver}.",
    )


def _say_public(group: CauseGroup) -> Words:
    found = listing(_addresses_of(group, AddressClass.PUBLIC))
    resolver = listing(natural.ordered({resolver_of(o) for o in group.evidence}))
    return Words(
        title=f"DNS server {resolver} answers public addresses ({found}) for {group.names}; private ones were "
        "expected.",
        remedy=f"Forward {group.patterns} at {resolver} to the Route 53 Resolver inbound endpoint of the VPC that "
        "holds the interface endpoints, and enable private DNS on them.",
    )


def _wildcard(world: Evidence) -> Iterator[Cause]:
    for o in world.controls(Experiment.IMPOSSIBLE_NAME, step=Step.DNS):
        if answers(o) and not asked_longer(o):
            yield Cause(
                id="dns_wildcard_answers",
                key=resolver_of(o),
                say=_say_wildcard,
                evidence=(o,),
                vantages=(o.vantage,),
            )


def _say_wildcard(group: CauseGroup) -> Words:
    found = natural.ordered({a for o in group.evidence for a in answers(o)})
    return Words(
        title=f"DNS server {group.key} answers {listing(found)} for {group.first.host}, a name that cannot exist.",
        remedy=f"Switch off NXDOMAIN redirection (wildcard or search-page answers) on {group.key}: which numbered "
        "ecs-a-N and ecs-t-N exist cannot be told with it.",
    )


def _numbered_public(world: Evidence) -> Iterator[Cause]:
    by_id: dict[tuple[str | None, str], Subject] = {
        (subject.id, subject.region): subject for subject in world.run.subjects
    }
    for bare in world.run.subjects:
        numbered = by_id.get((bare.stands_in_for, bare.region))
        if numbered is None or not any(_all(world, s, AddressClass.PRIVATE) for s in world.of(bare)):
            continue
        for view in world.of(numbered):
            if _all(world, view, AddressClass.PUBLIC):
                chosen = tuple(o for o in view.lookups.chosen.values() if answers(o))
                yield Cause(id="dns_numbered_names_public", say=_say_numbered, view=view, evidence=chosen)


def _all(world: Evidence, view: View, wanted: AddressClass) -> bool:
    found = [] if view.proxied else view.lookups.addresses
    return bool(found) and all(world.address_class(a) is wanted for a in found)


def _say_numbered(group: CauseGroup) -> Words:
    return Words(
        title=f"ecs-a and ecs-t resolve to private addresses, but {group.names} to public ones: the agent is sent to "
        "numbered names, which the interface endpoints' private DNS does not cover.",
        remedy=f"Add {group.patterns} to the private zone (CNAME to the un-numbered name), or allow TCP {group.ports} "
        "to the public addresses of these names.",
    )


def _slow(world: Evidence) -> Iterator[Cause]:
    taken: dict[str, list[tuple[View, Observation]]] = defaultdict(list)
    others: dict[Step, list[float]] = defaultdict(list)
    for view in world.views:
        for path in view.paths:
            for step in path.steps:
                if step.failure is not Failure.TIMEOUT:
                    others[step.step].append(step.duration_seconds)
    usual = max((median(durations) for durations in others.values()), default=0.0)
    for view in world.views:
        for o in view.lookups.every if not view.proxied else ():
            if is_final(o):
                taken[resolver_of(o)].append((view, o))
    for resolver, seen in taken.items():
        late = set(_late_families([o for _, o in seen], world, max(SLOW_LOOKUP_SECONDS, 3 * usual)))
        for view, o in seen:
            if _rrtype(o) in late:
                yield Cause(id="dns_slow", key=resolver, say=_say_slow, view=view, evidence=(o,))


def _late_families(seen: Sequence[Observation], world: Evidence, slow: float) -> Iterator[str]:
    """The record types whose questions usually take long: a forwarder may be slow with AAAA alone.

    Args:
        seen: the lookups of one resolver.
        world: the run.
        slow: from how many seconds on; on a long path every step is slow, too.
    """
    for rrtype in dict.fromkeys(map(_rrtype, seen)):
        # What this machine kept waiting is not the server's time.
        took = [o.duration_seconds - world.stalls.within(o) for o in seen if _rrtype(o) == rrtype]
        if len(took) >= FAMILY_SHARE * len(seen) and median(took) >= slow:
            yield rrtype


def _say_slow(group: CauseGroup) -> Words:
    typical = median(o.duration_seconds for o in group.evidence)
    families = {_rrtype(o) for o in group.evidence}
    every = {_rrtype(o) for view in group.views for o in view.lookups.every if resolver_of(o) == group.key}
    what = f" of {min(families)} records, and answers for others sooner" if families < every else ""
    return Words(
        title=f"DNS server {group.key} takes {duration(typical)} for a lookup{what} (median of {len(group.evidence)}).",
        remedy=f"Check the forwarders of {group.key}, or use a nearer resolver: the ECS agent gives an ECR "
        "authorisation 5 s in all, lookups included.",
    )
