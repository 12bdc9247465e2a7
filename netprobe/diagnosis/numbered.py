"""Numbered names (``ecs-a-N``, ``ecs-t-N``): which of them the host needs.

AWS picks the number at each discovery and publishes neither a list nor an upper bound (facts/aws.md section 2; AWS
staff in amazon-ecs-agent#931: "not unique, use regular expression"). So one dark number among others that work may be
AWS's own business, and no network team can mend it; but several that fail alike are an allowlist that names some, and
what a device is proven to block is the device's, however few they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from netprobe.diagnosis import details
from netprobe.diagnosis.lookups import answers, resolver_of
from netprobe.diagnosis.views import State, View
from netprobe.observations import Experiment, Failure, Observation, Step, Subject

if TYPE_CHECKING:
    from netprobe.diagnosis.evidence import Evidence

LOCAL_NAME = Experiment.LOCAL_NAME
"""The control that asks this host's own resolvers for a number that a proxy refuses."""
POLICY = frozenset(
    {
        Failure.PROXY_FORBIDDEN,
        Failure.PROXY_METHOD_REFUSED,
        Failure.PROXY_AUTH_REQUIRED,
        Failure.PROXY_AUTH_REJECTED,
    }
)
"""What a proxy says of a name that it may not open: it speaks of its rules and not of the name's existence."""
_DARK = {
    Step.TCP: frozenset({Failure.TIMEOUT, Failure.CONNECTION_REFUSED, Failure.CONNECTION_RESET, Failure.EOF}),
    Step.TLS: frozenset(
        {
            Failure.TIMEOUT,
            Failure.CONNECTION_RESET,
            Failure.EOF,
            Failure.SSL_ALERT,
            Failure.SSL_INVALID_HOSTNAME,
            Failure.SSL_EXPIRED,
            Failure.SSL_NOT_YET_VALID,
        }
    ),
    Step.HTTP: frozenset({Failure.TIMEOUT, Failure.CONNECTION_RESET, Failure.EOF}),
    Step.WEBSOCKET: frozenset({Failure.TIMEOUT, Failure.CONNECTION_RESET, Failure.EOF}),
    Step.PROXY: frozenset(
        {
            Failure.PROXY_CANNOT_CONNECT,
            Failure.PROXY_UPSTREAM_TIMEOUT,
            Failure.PROXY_BAD_ANSWER,
            Failure.TIMEOUT,
            Failure.CONNECTION_RESET,
            Failure.EOF,
        }
    ),
}
"""What a server of AWS's that is down, or is being set up, looks like from here."""
_CHAIN_FAILURES = frozenset({Failure.SSL_INVALID_HOSTNAME, Failure.SSL_EXPIRED, Failure.SSL_NOT_YET_VALID})
_WORKING = frozenset({State.WORKS, State.PARTLY})
PARDON = "AWS may hand this number to a host, or may have it out of service: other numbers of its kind work."


def requires(world: Evidence, subject: Subject, view: View) -> bool:
    """Whether the host is not ready while this number is broken.

    Args:
        world: the run.
        subject: a numbered endpoint.
        view: one of its names as one vantage saw it.
    """
    if not subject.required:
        return False
    if view.own or view.state is not State.BROKEN:
        return True
    kin = [other for other in world.of(subject) if other.vantage == view.vantage]
    if not known(world, view):
        if world.stand_in(subject) is None and not world.found(subject):
            return True
        return _refused_alike(kin) and not _any_known(world, kin)
    if not any(other.state in _WORKING for other in kin):
        return True
    dark = [other for other in kin if other.state is State.BROKEN and known(world, other)]
    return len(dark) > 1 or not may_be_the_services(world, view)


def forgiven(world: Evidence, view: View) -> bool:
    """Whether a broken number is no error because AWS itself may have it dark."""
    mine = [subject for subject in view.subjects if subject.numbered and subject.required]
    if view.state is not State.BROKEN or not mine or not known(world, view):
        return False
    return not any(requires(world, subject, view) for subject in mine)


def known(world: Evidence, view: View) -> bool:
    """Whether the name is known to exist: somebody resolved it, the proxy or one of this host's own resolvers."""
    if view.exists:
        return True
    return view.host in _resolved_here(world, view.vantage)


def _any_known(world: Evidence, kin: Sequence[View]) -> bool:
    """Whether any of one vantage's numbers is known to exist: then those that nobody knows add nothing."""
    if any(view.exists for view in kin):
        return True
    resolved = _resolved_here(world, kin[0].vantage) if kin else frozenset()
    return any(view.host in resolved for view in kin)


def _resolved_here(world: Evidence, vantage: str) -> frozenset[str]:
    """The refused numbers that this host's own resolvers know."""
    asked = [o for o in world.controls(LOCAL_NAME, step=Step.DNS) if o.vantage == vantage]
    names = {host for subject in world.run.subjects for host in subject.candidates}
    # A name that cannot exist was asked for beside them: an address that it gets as well proves nothing.
    made_up = {address for o in asked if o.host not in names for address in answers(o)}
    return frozenset(o.host for o in asked if any(address not in made_up for address in answers(o)))


def _refused_alike(kin: Sequence[View]) -> bool:
    """Whether a proxy's policy refuses every number: it says "no" to whichever AWS picks."""
    ends = {view.failed.failure if view.failed is not None else None for view in kin}
    return bool(kin) and all(view.proxied for view in kin) and len(ends) == 1 and ends <= POLICY


def may_be_the_services(world: Evidence, view: View) -> bool:
    """Whether nothing shows that a device, a resolver or this host keeps one number from working."""
    o = view.failed
    if o is None or o.failure not in _DARK.get(o.step, frozenset()):
        return False
    if any(resolver_of(lookup).startswith("/") for lookup in view.lookups.every) or view.sinkholed:
        return False
    connected = details.tcp(o)
    if connected is not None and connected.icmp_type is not None:
        return False
    return not _passes_otherwise(world, view, o) and (o.step is not Step.TLS or _shows_origin(world, o))


def _passes_otherwise(world: Evidence, view: View, o: Observation) -> bool:
    """Whether a control with one thing changed got further: then what was changed is what a device looks at."""
    whole = [*world.controls(Experiment.WITH_PROXY, like=o), *world.controls(Experiment.WITHOUT_PROXY, like=o)]
    if any(c.step in (Step.TLS, Step.HTTP) and c.failure is None for c in whole):
        return True
    if o.step is not Step.TLS or o.failure in _CHAIN_FAILURES:
        return False
    other_names = [
        *world.controls(Experiment.OTHER_SNI, like=o, same_host=False),
        *world.controls(Experiment.NO_SNI, like=o, same_host=False),
        *world.controls(Experiment.LOWER_MSS, like=o),
    ]
    shaken = world.once(("shaken", view.vantage, view.port), lambda: _shaken(world, view.vantage, view.port))
    shared = [c for c in shaken.get(o.address, ()) if c.host != view.host] if o.address is not None else []
    return any(c.step is Step.TLS and c.failure is None for c in (*other_names, *shared))


def _shaken(world: Evidence, vantage: str, port: int) -> dict[str | None, list[Observation]]:
    """The handshakes of the first pass that completed, by their address."""
    found: dict[str | None, list[Observation]] = defaultdict(list)
    for view in world.views:
        for path in view.paths if view.vantage == vantage and view.port == port else ():
            step = path.step(Step.TLS)
            if step is not None and step.failure is None:
                found[path.address].append(step)
    return found


def _shows_origin(world: Evidence, o: Observation) -> bool:
    """Whether a chain that was shown is the origin's; a handshake that ended before any chain shows none."""
    if o.failure not in _CHAIN_FAILURES:
        return True
    seen = [details.tls(c) for c in (o, *world.controls(Experiment.LAX_CHAIN, like=o, step=Step.TLS))]
    return any(detail is not None and detail.origin is True for detail in seen)
