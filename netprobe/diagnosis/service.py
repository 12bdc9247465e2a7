"""Certificates that are the service's own fault: a name of AWS's inside, or a chain without its intermediate.

In March 2025 ecs-t-1.eu-west-1 showed a certificate for m7-tacs-s1.dub.amazon.com (amazon-ecs-agent#4530): over a chain
of Amazon's nobody on the way can have made it, so no network team can mend it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from netprobe.diagnosis import details
from netprobe.diagnosis.lookups import resolver_of
from netprobe.diagnosis.views import State, View
from netprobe.findings import Owner
from netprobe.observations import Experiment, Failure, Observation, Step, TlsDetail

if TYPE_CHECKING:
    from netprobe.diagnosis.evidence import Evidence

COMPLETED = Experiment.COMPLETED_CHAIN
"""The control that held a chain together with the intermediates that other hosts showed."""
_OWN_DOMAINS = (".amazon.com", ".amazonaws.com")
_AWS_SUFFIXES = (".amazonaws.com", ".amazonaws.eu", ".api.aws", ".on.aws", ".ecr.aws", ".aws.com", ".cloudfront.net")
_WORKING = frozenset({State.WORKS, State.PARTLY})


def shows_a_name_of_its_own(world: Evidence, view: View) -> bool:
    """Whether every way to a host ends at the origin's own certificate for another of AWS's names, while others work.

    Args:
        world: the run.
        view: a host as one vantage saw it.
    """
    if view.state is not State.BROKEN or view.own or not view.paths:
        return False
    if any(resolver_of(o).startswith("/") for o in view.lookups.every):
        return False  # a line in the hosts file leads there, and that is this host's
    if not all(_is_misnamed(world, path.failed) for path in view.paths):
        return False
    if _works_by_another_resolver(world, view):
        return False  # this one leads astray
    others = (one for one in world.views if one.vantage == view.vantage and one is not view)
    return any(one.state in _WORKING for one in others)


def _works_by_another_resolver(world: Evidence, view: View) -> bool:
    for o in world.controls(Experiment.OTHER_RESOLVER, step=Step.HTTP):
        if o.failure is None and (o.host, o.vantage) == (view.host, view.vantage):
            return True
    return False


def _is_misnamed(world: Evidence, o: Observation | None) -> bool:
    if o is None or o.failure is not Failure.SSL_INVALID_HOSTNAME:
        return False
    shown = (o, *world.controls(Experiment.LAX_CHAIN, like=o, step=Step.TLS))
    return any(map(_is_aws, map(details.tls, shown)))


def _is_aws(detail: TlsDetail | None) -> bool:
    """Whether a chain leads to a root of Amazon's and its certificate holds names of AWS's own alone."""
    if detail is None or detail.origin is not True or not detail.chain:
        return False
    names = detail.chain[0].names
    return bool(names) and all(map(_is_below, names))


def _is_below(name: str) -> bool:
    plain = name.lower().removeprefix("*.")
    return f".{plain}".endswith(_OWN_DOMAINS)


def owner(hosts: Sequence[str]) -> Owner:
    """Who runs the servers: AWS, where every name is AWS's; else whoever runs that service."""
    if all(host.endswith(_AWS_SUFFIXES) for host in hosts):
        return Owner.AWS
    return Owner.ORIGIN
