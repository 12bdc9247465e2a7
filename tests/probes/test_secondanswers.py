"""Which answers of other resolvers are looked at: few, those that the host does not get, redirections first."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from netprobe.observations import Failure
from netprobe.probes import secondanswers
from netprobe.probes.session import Session
from tests.support.observe import R1, R2, World, name


def _session(*names: tuple[str, list[str], str], passed: bool = True, proxy: object = None) -> Session:
    """Names with what the first resolver says (the host gets it) and what the second one does."""
    traces = []
    for host, mine, theirs in names:
        world = World()
        world.dns(host, *mine, resolver=R1)
        world.dns(host, *filter(None, [theirs]), resolver=R2, failure=None if theirs else Failure.TIMEOUT)
        target = SimpleNamespace(proxy=proxy, scene=SimpleNamespace(host=host, port=443))
        traces.append(SimpleNamespace(probe=target, lookup=world.observations, addresses=mine, passed=passed))
    return cast(Session, SimpleNamespace(traces=traces))


def _chosen(session: Session) -> list[tuple[str, str, str]]:
    made: list[Any] = secondanswers._chosen(session)
    return [(one.trace.probe.scene.host, one.resolver, one.address) for one in made]


def test_only_answers_that_the_host_does_not_get_are_looked_at() -> None:
    session = _session(
        (name("ecs"), ["52.95.1.1", "52.95.1.2"], "52.95.1.2"),
        (name("ssm"), ["52.95.2.1"], "52.95.2.9"),
        (name("logs"), ["52.95.3.1"], ""),
    )

    assert _chosen(session) == [(name("ssm"), R2, "52.95.2.9")]


def test_a_name_that_fails_or_goes_to_a_proxy_is_left_to_others() -> None:
    one = (name("ssm"), ["52.95.2.1"], "52.95.2.9")

    assert _chosen(_session(one, passed=False)) == []
    assert _chosen(_session(one, proxy=object())) == []


def test_one_address_for_many_names_comes_first_and_few_are_looked_at() -> None:
    own = [(name(f"a{number}"), [f"52.95.1.{number}"], f"52.96.1.{number}") for number in range(30)]
    redirected = [(name(f"b{number}"), [f"52.95.2.{number}"], "203.0.113.9") for number in range(3)]

    chosen = _chosen(_session(*own, *redirected))

    assert len(chosen) == secondanswers.HOSTS_OF_A_RESOLVER
    assert [address for _, _, address in chosen[:4]] == ["203.0.113.9"] * 3 + ["52.96.1.0"]
