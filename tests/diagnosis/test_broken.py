"""One value for the rules of every step: what they are asked about, and the cause that they make of it."""

from __future__ import annotations

import netprobe.diagnosis as diagnosis
from netprobe.diagnosis.broken import Broken
from netprobe.diagnosis.evidence import Evidence
from netprobe.diagnosis.unexplained import say_unexplained, unexplained
from netprobe.observations import Failure as F
from netprobe.observations import Step
from tests.support.observe import World, name

ECS, A = name("ecs"), "52.95.1.1"


def broken(*, blocking: bool = True) -> Broken:
    world = World()
    world.endpoint("ecs")
    world.dns(ECS, A)
    world.tcp(ECS, A, F.UNKNOWN)
    evidence = Evidence(world.run())
    (view,) = evidence.views
    (path,) = view.paths
    assert path.failed is not None
    return Broken(world=evidence, view=view, path=path, o=path.failed, blocking=blocking)


def test_a_cause_shows_its_failure_first_and_blocks_as_the_failure_does() -> None:
    for blocking in (True, False):
        one = broken(blocking=blocking)
        beside = one.view.lookups.every
        cause = one.cause("tcp_refused", say_unexplained, beside=beside, controls=beside, doubt="unsure")
        assert (cause.view, cause.evidence, cause.controls) == (one.view, (one.o, *beside), beside)
        assert (cause.blocking, cause.doubt, cause.key) == (blocking, "unsure", "")


def test_what_no_rule_knows_is_told_by_its_step_and_word() -> None:
    cause = unexplained(broken())
    assert (cause.id, cause.key) == ("unexplained_failure", "tcp/unknown_failure")


def test_every_step_has_rules() -> None:
    assert set(diagnosis._RULES) == set(Step)
