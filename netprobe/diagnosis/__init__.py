"""Observations → findings. Pure functions: no I/O, so that a saved report can be diagnosed again elsewhere.

``evidence`` lays the observations out host by host; the rules (``dns``, ``tcp``, ``tls``, ``certificates``, ``http``,
``websocket``, ``proxy``, ``clock``, ``settings``) each name a cause for what broke; ``causes`` makes one finding of one
cause; ``outcomes``, ``capabilities`` and ``verdict`` say what it means for the host.

``report``, ``checking``, ``path`` and ``cli`` may import it. It never opens a file or a socket, and never calls a cause
proven that no experiment has proved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from netprobe.diagnosis import (
    capabilities,
    certificates,
    chance,
    clock,
    dns,
    dns_warnings,
    http,
    largehello,
    loss,
    outcomes,
    proxy,
    settings,
    tcp,
    tls,
    verdict,
    websocket,
)
from netprobe.diagnosis.broken import Broken
from netprobe.diagnosis.causes import Cause, CauseGroup, finding, gather
from netprobe.diagnosis.evidence import Evidence
from netprobe.diagnosis.model import Diagnosis
from netprobe.diagnosis.undecided import undecided
from netprobe.diagnosis.unexplained import unexplained
from netprobe.diagnosis.views import State, View
from netprobe.observations import CERTIFICATE_FAILURES, Run, Step

__all__ = ["diagnose"]


def diagnose(run: Run) -> Diagnosis:
    """Conclude from one run what works, what does not, why, and who must act.

    Args:
        run: the observations, with what diagnosis must know beside them.
    """
    world = Evidence(run)
    left_over = undecided(world)
    if left_over:
        world = Evidence(run, not_made=left_over)
    read = clock.read(world)
    groups = _without_echoes(gather([*_explained(world, read), *_companions(world, read)], world))
    found = tuple(finding(group) for group in groups)
    touched = outcomes.Touched(found)
    endpoints = tuple(outcomes.endpoint_outcome(world, subject, touched) for subject in run.subjects)
    able = capabilities.judge(endpoints, found, tuple(dict.fromkeys(s.region for s in run.subjects)))
    return Diagnosis(
        verdict=verdict.verdict(endpoints, found),
        capabilities=able,
        endpoints=endpoints,
        findings=verdict.by_weight(found, able),
    )


_RULES: dict[Step, Callable[[Broken], Cause]] = {
    Step.DNS: dns.explain,
    Step.TCP: tcp.explain,
    Step.PROXY: proxy.explain,
    Step.TLS: tls.explain,
    Step.HTTP: http.explain,
    Step.WEBSOCKET: websocket.explain,
}
"""Step → the rules that are asked why it failed."""


def _explained(world: Evidence, read: clock.Clock | None) -> Iterator[Cause]:
    """A cause for everything that broke."""
    for view in world.views:
        if world.unneeded(view) or world.unknown_candidate(view):
            continue
        broken = [*_broken_names(world, view), *_broken_paths(world, view, read)]
        yield from map(_explain, broken)
        if view.state is State.BROKEN and not broken and view.failed is not None:
            yield unexplained(Broken(world=world, view=view, path=None, o=view.failed, blocking=True))


def _explain(broken: Broken) -> Cause:
    """Ask the rules of the step at which it broke; of a handshake that showed a certificate, the certificate's."""
    if broken.o.step is Step.TLS and broken.o.failure in CERTIFICATE_FAILURES:
        return certificates.explain(broken)
    return _RULES[broken.o.step](broken)


def _broken_names(world: Evidence, view: View) -> Iterator[Broken]:
    """What broke in the names; nothing behind a proxy, which resolves them itself."""
    # Where the run ended before it was known which address the host gets there is no denial, and no cause of one.
    is_unanswered = view.state is State.UNSEEN and not view.lookups.addresses
    if not view.proxied and not is_unanswered:
        yield from dns.broken_names(world, view)


def _broken_paths(world: Evidence, view: View, read: clock.Clock | None) -> Iterator[Broken]:
    for path in view.paths:
        o = path.failed
        # What happens at a sinkhole's address, or where a search domain leads, is only the consequence of the answer.
        if o is not None and path.address not in view.sinkholed and not view.captured:
            blocking = view.state is State.BROKEN
            yield Broken(world=world, view=view, path=path, o=o, blocking=blocking, clock=read)


def _companions(world: Evidence, read: clock.Clock | None) -> Iterator[Cause]:
    """What explains or warns beside what broke."""
    yield from dns_warnings.companions(world)
    yield from certificates.companions(world)
    yield from http.companions(world)
    yield from websocket.companions(world)
    yield from proxy.companions(world)
    yield from chance.companions(world)
    yield from loss.companions(world)
    yield from clock.companions(world, read)
    yield from settings.companions(world)
    yield from largehello.companions(world)


def _without_echoes(groups: tuple[CauseGroup, ...]) -> tuple[CauseGroup, ...]:
    """Leave out an interception that one vantage trusts, where the same CA already is an error for another."""
    refused = {(group.key, host) for group in groups if group.id == "tls_intercepted" for host in group.hosts}
    return tuple(
        group
        for group in groups
        if group.id != "tls_intercepted_trusted" or any((group.key, host) not in refused for host in group.hosts)
    )
