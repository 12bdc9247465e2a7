"""Who answered: what a handshake says, and what is left of a judgement once it is known."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe import origin
from netprobe.observations import Failure, Observation, Step, TlsDetail
from tests.support.observe import World, name
from tests.support.some import some

HOST = name("ecs")


def handshake(failure: Failure | None = None, **about: object) -> Observation:
    world = World()
    world.endpoint("ecs")
    world.tls(HOST, "52.95.1.1", failure)
    (o,) = world.observations
    assert isinstance(o.detail, TlsDetail)
    return msgspec.structs.replace(o, detail=msgspec.structs.replace(o.detail, **about))


def test_only_a_verified_chain_of_the_origin_says_who_answers() -> None:
    assert origin.answered(handshake())
    assert not origin.answered(None)
    assert not origin.answered(handshake(verify="none"))  # the lax control verifies neither name nor chain
    assert not origin.answered(handshake(sni=None))
    assert not origin.answered(handshake(origin=False))
    assert not origin.answered(handshake(origin=None))
    assert not origin.answered(handshake(Failure.SSL_UNKNOWN_AUTHORITY, origin=True))


@given(
    failure=st.none() | st.sampled_from(Failure),
    status=st.none() | st.integers(100, 599),
    step=st.sampled_from([Step.HTTP, Step.WEBSOCKET]),
)
def test_what_remains_is_never_a_strangers(failure: Failure | None, status: int | None, step: Step) -> None:
    left = origin.settled(failure, status, step)
    assert left not in origin.NEVER_OF_THE_ORIGIN
    if failure not in origin.NEVER_OF_THE_ORIGIN:
        assert left is failure  # a cut stays a cut, a pass a pass
    elif step is Step.WEBSOCKET:
        assert left is None  # whatever came, the upgrade has arrived


@pytest.mark.parametrize(
    ("host", "who"),
    [
        ("ecs.us-east-2.amazonaws.com", "AWS"),
        ("public.ecr.aws", "AWS"),
        ("d2glxqk2uabbnd.cloudfront.net", "AWS"),
        ("raw.githubusercontent.com", "GitHub"),
        ("registry-1.docker.io", "Docker"),
        ("production.cloudflare.docker.com", "Docker"),
        ("harbor.corp.example", ""),
        ("amazonaws.com.evil.example", ""),
        ("notdocker.io", ""),
    ],
)
def test_who_runs_a_service(host: str, who: str) -> None:
    assert origin.runs(host) == who


def test_every_host_of_the_catalog_is_run_by_somebody() -> None:
    from netprobe import catalog
    from netprobe.catalog.model import Forms

    known = catalog.load()
    for region in some(known.supported()):
        for endpoint in some(known.endpoints(region, Forms(fips=True, dualstack=True))):
            assert origin.runs(endpoint.pattern.replace("*", "1")), endpoint.pattern
