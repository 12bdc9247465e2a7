"""Over a chain of the origin nobody on the way is blamed for an answer, whatever a run's records hold."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from netprobe.diagnosis import diagnose
from netprobe.findings import Severity
from netprobe.observations import Failure, Step, VantageRecord
from tests.support.observe import PROXY, R1, World, name

ECS, ADDRESS = name("ecs"), "52.95.1.1"
IMPOSSIBLE = {
    "http_block_page",
    "http_captive_portal",
    "http_foreign_answer",
    "proxy_strips_upgrade",
    "websocket_upgrade_stripped",
    "websocket_refused_by_proxy",
}
_MET = (
    Failure.HTTP_BLOCK_PAGE,
    Failure.HTTP_FOREIGN_ANSWER,
    Failure.HTTP_MALFORMED,
    Failure.HTTP_REDIRECT,
    Failure.HTTP_SERVICE_ERROR,
    Failure.HTTP_SOURCE_REFUSED,
    Failure.HTTP_TOO_LARGE,
    Failure.WEBSOCKET_CUT,
    Failure.WEBSOCKET_REFUSED,
    Failure.WEBSOCKET_UPGRADE_MISSING,
    Failure.CONNECTION_RESET,
    Failure.EOF,
    Failure.TIMEOUT,
    Failure.UNKNOWN,
)
answers: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "failure": st.none() | st.sampled_from(_MET),
        "status": st.none() | st.integers(100, 599),
        "server": st.sampled_from(["", "nginx", "FilterBox"]),
        "location": st.sampled_from(["", "https://portal.example/"]),
        "genuine": st.booleans(),
        "origin": st.sampled_from([None, True]),  # an older report does not say; its handshake does
    }
)
controls = st.lists(
    st.tuples(st.sampled_from(["other_method", "lower_mss", "small_request", "without_proxy"]), answers), max_size=3
)


def world_of(plain: dict[str, Any], upgrade: dict[str, Any] | None, *, proxied: bool) -> World:
    world = World()
    world.endpoint("ecs")
    address = None if proxied else ADDRESS
    if proxied:
        world.vantages = (VantageRecord(name="host", resolvers=(R1,), proxy=PROXY),)
        world.proxy(ECS, status=200)
    else:
        world.dns(ECS, ADDRESS)
        world.tcp(ECS, ADDRESS)
    world.tls(ECS, address)
    world.http(ECS, address, **plain)
    if upgrade is not None:
        world.websocket(ECS, address, **upgrade)
    return world


_RESET_AFTER_511 = {
    "failure": Failure.CONNECTION_RESET,
    "status": 511,
    "server": "",
    "location": "",
    "genuine": False,
    "origin": None,
}


@settings(max_examples=400)
@given(plain=answers, upgrade=st.none() | answers, made=controls, proxied=st.booleans())
@example(plain=_RESET_AFTER_511, upgrade=None, made=[], proxied=False)
def test_no_answer_is_a_strangers(
    plain: dict[str, Any],
    upgrade: dict[str, Any] | None,
    made: list[tuple[str, dict[str, Any]]],
    proxied: bool,
) -> None:
    world = world_of(plain, upgrade, proxied=proxied)
    for experiment, answer in made:
        world.http(ECS, None if proxied else ADDRESS, experiment=experiment, **answer)

    diagnosis = diagnose(world.run())

    assert IMPOSSIBLE.isdisjoint(finding.id for finding in diagnosis.findings)
    for finding in diagnosis.findings:
        assert "device reads" not in finding.title + finding.remedy


@given(answer=answers.filter(lambda one: one["failure"] in _MET[:7] and one["status"] is not None))
def test_an_answer_of_the_origin_is_never_an_error(answer: dict[str, Any]) -> None:
    diagnosis = diagnose(world_of(answer, None, proxied=False).run())

    assert not [finding for finding in diagnosis.findings if finding.severity is Severity.ERROR]


@given(answer=answers.filter(lambda one: one["failure"] in _MET[:3]))
def test_the_same_answer_over_another_chain_is(answer: dict[str, Any]) -> None:
    world = World()
    world.endpoint("ecs")
    world.dns(ECS, ADDRESS)
    world.tcp(ECS, ADDRESS)
    world.tls(ECS, ADDRESS, origin=False)
    world.http(ECS, ADDRESS, **{**answer, "origin": None})

    found = diagnose(world.run()).findings

    assert {finding.id for finding in found if finding.severity is Severity.ERROR} & IMPOSSIBLE


def test_a_handshake_speaks_for_its_own_address_only() -> None:
    world = World()
    world.endpoint("ecs")
    world.dns(ECS, ADDRESS, "52.95.1.2")
    for address, genuine in ((ADDRESS, True), ("52.95.1.2", False)):
        world.tcp(ECS, address)
        world.tls(ECS, address, origin=genuine)
        world.http(ECS, address, Failure.HTTP_BLOCK_PAGE, status=403)

    found = diagnose(world.run()).findings

    block = next(finding for finding in found if finding.id == "http_block_page")
    by_id = {o.id: o for o in world.observations}
    assert {by_id[id_].address for id_ in block.evidence if by_id[id_].step is Step.HTTP} == {"52.95.1.2"}
