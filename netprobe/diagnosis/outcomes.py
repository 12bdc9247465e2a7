"""What became of every host and endpoint, in the report's words.

``fail`` is only what a required host does that works by no address, family or resolver; what works in part is
``warn``, and what was not probed is ``not_run``, never a pass. An endpoint that is not required never fails; its hosts
still say what they met. Names that need not exist (candidate numbers, the un-numbered name beside numbered ones) are
``not_applicable``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from netprobe.diagnosis.evidence import Evidence
from netprobe.diagnosis.model import EndpointOutcome, HostOutcome
from netprobe.diagnosis.views import State, View
from netprobe.findings import Certainty, Finding, Outcome, Severity, worst
from netprobe.observations import Ending, Failure, Observation, Step, Subject

NO_ACCOUNT = "the registry's host name holds the account: give --account ID"
NO_NUMBER = "no numbered name was found and no un-numbered one; give the numbers to look for with --ecs-numbers"
NOT_PROBED = "no host of it was probed"
NOT_DECIDED = "what failed may be the loss or limit that this run met, and was not tried again enough: run it again"
_EXPECTATIONS = frozenset({"tls_large_hello_dropped", "dns_private_answer", "dns_public_answer"})


class Touched:
    """Which hosts the findings touch."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.warned: set[str] = set()
        self.unexpected: set[str] = set()
        for finding in findings:
            if finding.severity is Severity.INFO:
                continue
            self.warned.update(finding.hosts)
            # What is a mere suspicion of a host that works warns, as its finding does.
            certain = finding.severity is Severity.ERROR or finding.certainty is Certainty.PROVEN
            if finding.id in _EXPECTATIONS and certain:
                self.unexpected.update(finding.hosts)


def endpoint_outcome(world: Evidence, subject: Subject, touched: Touched) -> EndpointOutcome:
    """The outcome of one endpoint, with its hosts."""
    views = world.of(subject)
    outcome, reason = _judge(world, subject, views, touched)
    return EndpointOutcome.of(subject, outcome, _hosts(world, views, touched), reason=reason)


def _judge(world: Evidence, subject: Subject, views: Sequence[View], touched: Touched) -> tuple[Outcome, str]:
    """The outcome, and why where it is ``not_run`` or nobody's business."""
    if subject.unused:
        return Outcome.NOT_APPLICABLE, subject.unused
    if subject.placeholder_account and views and all(world.unneeded(view) for view in views):
        return Outcome.NOT_RUN, NO_ACCOUNT
    outcome, reason = _seen(world, subject, views, touched)
    if outcome is not Outcome.FAIL and subject.unfinished:
        return Outcome.NOT_RUN, subject.not_run or (
            Ending.INTERRUPTED if world.context.interrupted else Ending.DEADLINE
        )
    return outcome, reason


def _seen(world: Evidence, subject: Subject, views: Sequence[View], touched: Touched) -> tuple[Outcome, str]:
    """What the hosts that were seen make of the endpoint."""
    counted = [s for s in views if not world.unneeded(s)]
    if not counted:
        return _none_counted(world, subject, views)
    outcome = worst(_counted(world, subject, view, touched) for view in counted)
    if outcome is not Outcome.FAIL and subject.not_run:
        return Outcome.NOT_RUN, subject.not_run
    if outcome is not Outcome.NOT_RUN:
        return outcome, ""
    return outcome, NOT_DECIDED if any(view.undecided for view in counted) else NOT_PROBED


def _none_counted(world: Evidence, subject: Subject, views: Sequence[View]) -> tuple[Outcome, str]:
    if subject.not_run or subject.unfinished:
        return Outcome.NOT_RUN, subject.not_run
    if subject.stands_in_for is not None and views:
        return Outcome.NOT_APPLICABLE, ""
    if subject.numbered and (views or subject.absent):
        return _no_number(world, subject)
    return Outcome.NOT_RUN, NOT_PROBED


def _no_number(world: Evidence, subject: Subject) -> tuple[Outcome, str]:
    """No number exists, as far as was asked: then the un-numbered name stands in, for better or worse."""
    stand_in = world.stand_in(subject)
    stood_in = world.of(stand_in) if stand_in is not None else ()
    states = {view.state for view in stood_in if not world.without_any_name(view)}
    if State.BROKEN in states:
        return (Outcome.FAIL if subject.required else Outcome.WARN), ""
    if states & {State.WORKS, State.PARTLY}:
        return Outcome.NOT_APPLICABLE, ""
    return Outcome.NOT_RUN, NO_NUMBER


def _counted(world: Evidence, subject: Subject, view: View, touched: Touched) -> Outcome:
    """What one view contributes to its endpoint."""
    outcome = host_outcome(world, view, touched)
    if world.unheard(view):
        return Outcome.WARN  # nobody said that it does not exist: it is no pass
    if world.unknown_candidate(view):
        return Outcome.FAIL if subject.required else Outcome.WARN
    if outcome is Outcome.FAIL and not world.requires(subject, view):
        return Outcome.WARN
    if outcome is Outcome.NOT_RUN and view.candidate and world.found(subject) and not view.exists:
        return Outcome.NOT_APPLICABLE
    return outcome


def host_outcome(world: Evidence, view: View, touched: Touched) -> Outcome:
    """What became of one host for one vantage."""
    if world.unneeded(view):
        return Outcome.NOT_APPLICABLE
    if world.unknown_candidate(view) or view.state is State.UNSEEN:
        return Outcome.NOT_RUN
    if view.state is State.BROKEN or view.host in touched.unexpected:
        return Outcome.FAIL
    if view.state is State.PARTLY or view.host in touched.warned:
        return Outcome.WARN
    return Outcome.PASS


def _hosts(world: Evidence, views: Sequence[View], touched: Touched) -> tuple[HostOutcome, ...]:
    """Each host once, as the vantage saw it that fared worst."""
    of_host: dict[str, tuple[Outcome, View]] = {}
    for view in views:
        outcome = host_outcome(world, view, touched)
        known = of_host.get(view.host)
        if known is None or outcome.rank < known[0].rank:
            of_host[view.host] = (outcome, view)
    rows = []
    for host, (outcome, view) in of_host.items():
        step, failure = _failure(view) if outcome is not Outcome.PASS else (None, None)
        rows.append(HostOutcome(host=host, outcome=outcome, failed_step=step, failure=failure))
    return tuple(rows)


def _failure(view: View) -> tuple[str | None, str | None]:
    """The step and the word of a host's failure."""
    tried = {path.address for path in view.paths}
    if view.sinkholed and (view.state is State.BROKEN or not tried):
        return Step.DNS.value, None
    o: Observation | None = view.failed or next((o for path in view.paths for o in path.soft), None)
    if o is None:
        return None, None
    # NODATA is an answer without a failure word of its own in the observation.
    empty = Failure.DNS_NO_ANSWER if o.step is Step.DNS and o.failure is None else None
    failure = o.failure or empty
    return o.step.value, failure.value if failure is not None else None
