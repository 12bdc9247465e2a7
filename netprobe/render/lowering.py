"""Lowering: host patterns become the most exact thing that a device can say, and every loss is told.

Pure. For each endpoint the first of these that the device has and the options allow:

1. exact name; one-label wildcard; native in-label glob; anchored, case-insensitive regular expression: no loss
2. a glob whose asterisk crosses dots
3. a one-label wildcard of the parent (``*.us-east-2.amazonaws.com``, one label: every service of the region)
4. the names that were seen, or numbers that were given; the list can go stale
5. everything beneath the parent, at any depth
6. everything that contains the name
7. addresses

With ``options.enumerate`` 4 comes before 2. A form that admits names which lead to any AWS customer's account
(``my-bucket.s3.us-east-2.amazonaws.com``) is passed over unless ``allow_widening`` says otherwise, and is marked
``exfiltration``. That includes 2: a customer can call a bucket ``ecs-a-x``, and ``ecs-a-x.s3.us-east-2.amazonaws.com``
fits ``ecs-a-*.us-east-2.amazonaws.com`` once the asterisk crosses dots. It includes 3 in front of a region's domain:
``s3.us-east-2.amazonaws.com`` takes data for every bucket. Facts about devices: each target's module.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from netprobe.catalog.model import Endpoint
from netprobe.errors import CannotExpressError, MissingInputError, UsageError
from netprobe.hostnames import HostPattern
from netprobe.render.addresses import address_entries, address_networks
from netprobe.render.merging import merge
from netprobe.render.model import Admitted, Claim, DeviceCapability, Form, Loss, LossKind, Lowered, Need, Options
from netprobe.render.shared_zones import is_customers, is_shared, way_out

_IN_WORDS = {
    Form.GLOB_DOTS: "a glob whose asterisk also crosses dots",
    Form.ONE_LABEL: "every name one label in front of {value}",
    Form.SUFFIX: "every name beneath {value}, at any depth",
    Form.SUBTREE: "{value} itself and every name beneath it{depth}",
    Form.CONTAINS: "every name that contains {value}",
}
_BEYOND = {
    Form.GLOB_DOTS: "it also admits names with further dots where the asterisk stands",
    Form.ONE_LABEL: "it also admits every other name one label in front of {value}",
    Form.SUFFIX: "it also admits every other name beneath {value}",
    Form.SUBTREE: "it also admits every other name beneath {value}{depth}{apex}",
    Form.CONTAINS: "it is not anchored, so it also admits every longer name that contains what it stands for",
}
WIDER = frozenset(_IN_WORDS)
"""The forms that admit more than a pattern asks for."""
_PLAIN_HTTP = 80
_LISTABLE = frozenset({Form.EXACT, Form.GLOB, Form.REGEX, Form.SUBTREE})


class _Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One way to say a pattern; ``beyond`` is empty where it is exact."""

    claim: Claim
    beyond: str = ""
    way_out: str = ""
    """How data can leave through what it admits besides; empty where it cannot."""

    @property
    def told(self) -> str:
        """What it admits beyond the pattern."""
        return self.beyond + self.way_out


class _Said(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one pattern; ``networks`` become entries later, once for all endpoints that share them."""

    entries: tuple[Admitted, ...] = ()
    losses: tuple[Loss, ...] = ()
    networks: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is admitted."""
        return not self.entries and not self.networks


def lower(endpoints: Sequence[Endpoint], capability: DeviceCapability, options: Options) -> Lowered:
    """Lower every endpoint.

    Args:
        endpoints: what is to be admitted.
        capability: what the device can say.
        options: what the user allows.

    Raises:
        MissingInputError: the device knows only addresses, and none were given.
        CannotExpressError: more entries than the device takes.
    """
    if capability.addresses_only and options.addresses is None:
        raise MissingInputError(
            Need.ADDRESSES,
            "this target knows only addresses, and addresses are never made up",
            "give the addresses of the endpoints",
        )
    entries: list[Admitted] = []
    losses: list[Loss] = []
    by_networks: dict[tuple[tuple[str, ...], int], list[str]] = {}
    for endpoint in endpoints:
        said = _endpoint(endpoint, capability, options)
        entries += said.entries
        losses += said.losses
        if said.networks:
            by_networks.setdefault((said.networks, endpoint.port), []).append(f"{endpoint.region}/{endpoint.id}")
    for (networks, port), origins in by_networks.items():
        entries += address_entries(networks, port, origins)
    kept = merge(entries, ports=capability.ports)
    if capability.max_entries is not None and len(kept) > capability.max_entries:
        raise CannotExpressError((f"{len(kept)} entries are needed, and the device takes {capability.max_entries}",))
    return Lowered(
        entries=kept, losses=tuple(dict.fromkeys(losses)), beyond=tuple(_beyond(kept, endpoints, capability))
    )


def _beyond(entries: Sequence[Admitted], endpoints: Sequence[Endpoint], capability: DeviceCapability) -> Iterator[str]:
    """What the device admits besides, because it cannot do otherwise."""
    if not capability.ports:
        ports = ", ".join(map(str, sorted({endpoint.port for endpoint in endpoints})))
        yield f"it binds no name to a port: each is admitted on every port that is open, not on {ports} alone"
    starred = [entry.claim for entry in entries if entry.claim.empty_star and "*" in entry.value]
    if starred:
        example = starred[0].value.replace("*", "")
        if not starred[0].hostnames_only:
            yield f"an asterisk also stands for nothing ({example}), which names nothing of AWS's"
    yield from capability.beyond


def _endpoint(endpoint: Endpoint, capability: DeviceCapability, options: Options) -> _Said:
    pattern = asked_for(endpoint)
    if capability.tls_only and endpoint.port == _PLAIN_HTTP:
        return _refused(endpoint, pattern, "the device decides on the TLS server name, and plain HTTP has none")
    if capability.public_names_only and (why := _outside(pattern)):
        return _refused(endpoint, pattern, why)
    told = tuple(_placeholder(endpoint, pattern))
    if told and options.exact:
        return _refused(endpoint, pattern, "the registry's account is not known", needs=(Need.ACCOUNT,))
    told += tuple(_by_what_is_asked(endpoint, pattern))
    said = _pattern(endpoint, pattern, capability, options)
    return said if said.is_empty else msgspec.structs.replace(said, losses=told + said.losses)


def _outside(pattern: HostPattern) -> str:
    """Why a device that takes names of the public DNS alone refuses the name; nothing where it does not."""
    from netprobe.render import iana  # late: hardly any device asks

    last = pattern.labels[-1]
    if last in iana.TLDS:
        return ""
    return (
        f"it takes names of the public DNS only, and .{last} is no top-level domain there (IANA's list of "
        f"{iana.DATE}): this would fail the rest"
    )


def asked_for(endpoint: Endpoint) -> HostPattern:
    """What is to be admitted: the pattern, with an asterisk where the catalog could only put a placeholder account."""
    pattern = endpoint.host_pattern
    if not endpoint.placeholder_account:
        return pattern
    return HostPattern.parse(".".join(("*", *pattern.labels[1:])))


def _placeholder(endpoint: Endpoint, pattern: HostPattern) -> Iterator[Loss]:
    if endpoint.placeholder_account:
        yield Loss.of(
            endpoint,
            pattern,
            LossKind.WIDENED,
            entry=pattern.pattern,
            explanation="no account was given, so the registry of every AWS account is admitted, not only your own: "
            "data can be pushed to any of them",
            exfiltration=True,
            needs=(Need.ACCOUNT,),
        )


def _by_what_is_asked(endpoint: Endpoint, pattern: HostPattern) -> Iterator[Loss]:
    """What is asked for, and leads to any customer's account as it stands."""
    if pattern.is_exact and is_shared(pattern.pattern, endpoint.region):
        why = (
            "at this name the path of a request says whose bucket (or queue) it is for, so it reaches any customer's: "
            "data can leave through it"
        )
    elif not endpoint.placeholder_account and is_customers(pattern, endpoint.region):
        why = (
            "any AWS customer can own a name that it stands for, so it is not for yours alone: data can leave through "
            "it; name your own in its place, each as an [[endpoint]] in netprobe.toml"
        )
    else:
        return
    yield Loss.of(endpoint, pattern, LossKind.WIDENED, entry=pattern.pattern, explanation=why, exfiltration=True)


def _pattern(endpoint: Endpoint, pattern: HostPattern, capability: DeviceCapability, options: Options) -> _Said:
    """The first way that is allowed."""
    too_long = _too_long(pattern, capability)
    if too_long:
        return _refused(endpoint, pattern, too_long)
    passed_over: list[_Candidate] = []
    enumerated = False
    for candidate in _candidates(pattern, capability, endpoint.region):
        # Names that were seen come before everything beneath the parent, or before any widening where that is wished.
        tree = candidate.claim.form in (Form.SUFFIX, Form.SUBTREE)
        if (tree or (candidate.beyond and options.enumerate)) and not pattern.is_exact and not enumerated:
            enumerated = True
            found = _enumerate(endpoint, pattern, capability, options)
            if found is not None:
                return found
        if not _fits(candidate.claim, capability):
            continue
        if not candidate.beyond:
            return _Said(entries=(_entry(endpoint, candidate.claim),))
        if options.exact or (candidate.way_out and not options.allow_widening):
            passed_over.append(candidate)
            continue
        loss = _widened(endpoint, pattern, candidate, capability)
        return _Said(entries=(_entry(endpoint, candidate.claim),), losses=(loss,))
    if not enumerated and not pattern.is_exact:
        found = _enumerate(endpoint, pattern, capability, options)
        if found is not None:
            return found
    if Form.ADDRESS in capability.forms and options.addresses is not None:
        networks, loss = address_networks(endpoint, pattern, options)
        return _Said(networks=networks, losses=(loss,))
    why, needs = _why_not(endpoint, pattern, capability, options, passed_over)
    return _refused(endpoint, pattern, why, needs=needs)


def _candidates(pattern: HostPattern, capability: DeviceCapability, region: str) -> Iterator[_Candidate]:
    """Every way to say the pattern in one entry, the most exact first."""
    for form, value, exact in _ways(pattern, capability):
        if form not in capability.forms:
            continue
        claim = Claim(
            form=form,
            value=value,
            empty_star=capability.empty_star and form in (Form.GLOB, Form.GLOB_DOTS) and "*" in value,
            hostnames_only=capability.glob_hostnames_only and form is Form.GLOB and "*" in value,
            depth=capability.subtree_depth if form is Form.SUBTREE else None,
        )
        apex = ", and the name itself" if not pattern.is_exact else ""
        words = {"value": value, "depth": _depth(capability), "apex": apex}
        if exact:
            yield _Candidate(claim=claim)
        else:
            out = way_out(claim, pattern, region)
            yield _Candidate(claim=claim, beyond=_BEYOND[form].format_map(words), way_out=out)


def _ways(pattern: HostPattern, capability: DeviceCapability) -> Iterator[tuple[Form, str, bool]]:
    text, parent = pattern.pattern, pattern.parent
    if pattern.is_exact:
        yield from ((form, text, True) for form in (Form.EXACT, Form.GLOB, Form.REGEX, Form.GLOB_DOTS))
        yield Form.SUBTREE, text, False
        yield Form.CONTAINS, text, False
        return
    first_label_only = text.count("*") == 1 and "*" in pattern.labels[0]
    at_edge = all("*" not in label[1:-1] for label in pattern.labels)
    if pattern.is_leading_wildcard:
        yield Form.ONE_LABEL, parent, True
    if (first_label_only or not capability.glob_first_label_only) and (at_edge or not capability.glob_at_edge_only):
        yield Form.GLOB, text, True
    yield Form.REGEX, text, True
    yield Form.GLOB_DOTS, text, False
    if first_label_only and not pattern.is_leading_wildcard:
        yield Form.ONE_LABEL, parent, False
    if parent.count("."):
        yield Form.SUFFIX, parent, False
        yield Form.SUBTREE, parent, False
    yield Form.CONTAINS, text, False


def _fits(claim: Claim, capability: DeviceCapability) -> bool:
    limit = capability.max_entry_length
    literal = max(map(len, claim.value.split("*")))
    return literal >= capability.min_literal and (limit is None or len(written(claim)) <= limit)


def written(claim: Claim) -> str:
    """How long an entry is at least, as it is written."""
    match claim.form:
        case Form.REGEX:
            return f"^{claim.pattern.regex()}$"
        case Form.CONTAINS:
            return claim.pattern.regex()
        case Form.ONE_LABEL | Form.SUFFIX:
            return f"*.{claim.value}"
        case _:
            return claim.value


def _enumerate(
    endpoint: Endpoint, pattern: HostPattern, capability: DeviceCapability, options: Options
) -> _Said | None:
    """The names that were seen, or None where none are known, may be listed, or can be said."""
    seen = options.seen.get(pattern.pattern)
    if seen is None or options.exact or not seen.names or not _LISTABLE & capability.forms:
        return None
    entries: list[Admitted] = []
    losses: list[Loss] = []
    for name in dict.fromkeys(seen.names):
        host = HostPattern.parse(name)
        if not pattern.covers(host):
            raise UsageError(name, f"this is not a name that {pattern} stands for", "discover the names again")
        said = _pattern(endpoint, host, capability, options)
        if not said.entries:
            return None
        entries += said.entries
        losses += said.losses
    text = (
        f"the device cannot say {pattern}, so {len(entries)} names are listed ({seen.how}); AWS picks the number and "
        "may use one that is not listed: render again when it does"
    )
    told = Loss.of(endpoint, pattern, LossKind.ENUMERATED, text, entry="names", count=len(entries))
    return _Said(entries=tuple(entries), losses=(told, *losses))


def _too_long(pattern: HostPattern, capability: DeviceCapability) -> str:
    limit = capability.max_name_length
    if limit is None or len(pattern.pattern) <= limit:
        return ""
    return f"the device takes names of at most {limit} characters, and this has {len(pattern.pattern)}"


def _why_not(
    endpoint: Endpoint,
    pattern: HostPattern,
    capability: DeviceCapability,
    options: Options,
    passed_over: Sequence[_Candidate],
) -> tuple[str, tuple[Need, ...]]:
    """Why nothing was written for a pattern, and what would change that."""
    if options.exact:
        return "the device cannot say exactly this, and nothing else is permitted", ()
    reasons = ["the device has no exact form for it"]
    needs: list[Need] = []
    if passed_over:
        reasons.append(f"the nearest is wider: {passed_over[0].told}, which is not permitted")
        needs.append(Need.WIDENING)
    if endpoint.placeholder_account:
        reasons.append("with the registry's account it is one name, which the device may be able to say")
        needs.append(Need.ACCOUNT)
    elif endpoint.numbered and _LISTABLE & capability.forms:
        reasons.append("no name is known that could be listed")
        needs.append(Need.NAMES)
    elif not pattern.is_exact and _LISTABLE & capability.forms:
        reasons.append("the names that you need can stand in its place, each as an [[endpoint]] in netprobe.toml")
    return "; ".join(reasons), tuple(needs)


def _widened(endpoint: Endpoint, pattern: HostPattern, candidate: _Candidate, capability: DeviceCapability) -> Loss:
    words = {"value": candidate.claim.value, "depth": _depth(capability)}
    return Loss.of(
        endpoint,
        pattern,
        LossKind.WIDENED,
        entry=_IN_WORDS[candidate.claim.form].format_map(words),
        explanation=candidate.told,
        exfiltration=bool(candidate.way_out),
    )


def _depth(capability: DeviceCapability) -> str:
    return "" if capability.subtree_depth is None else f", at most {capability.subtree_depth} labels deep"


def _refused(endpoint: Endpoint, pattern: HostPattern, why: str, *, needs: tuple[Need, ...] = ()) -> _Said:
    return _Said(losses=(Loss.of(endpoint, pattern, LossKind.REFUSED, why, needs=needs),))


def _entry(endpoint: Endpoint, claim: Claim) -> Admitted:
    return Admitted(claim=claim, port=endpoint.port, endpoints=(f"{endpoint.region}/{endpoint.id}",))
