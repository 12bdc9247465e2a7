"""Observations: one failure each, and they survive being saved."""

from __future__ import annotations

import re

import msgspec
import pytest

from netprobe.observations import (
    CatalogVersion,
    Certificate,
    Context,
    Detail,
    DnsDetail,
    Failure,
    HttpDetail,
    Observation,
    ProxyDetail,
    Run,
    Step,
    Subject,
    TcpDetail,
    TlsDetail,
    is_overcome,
)

DETAILS: list[Detail] = [
    DnsDetail(resolver="192.0.2.1:53", rrtype="A", answers=("192.0.2.7",), ttl_seconds=60),
    TcpDetail(port=443, errno="EHOSTUNREACH", icmp_type=3, icmp_code=13, icmp_from="192.0.2.254"),
    ProxyDetail(proxy="http://proxy:3128", target="ecs.example:443", status=403, authenticate=("Basic",)),
    TlsDetail(
        sni=None,
        origin=False,
        chain=(
            Certificate(
                subject="CN=x",
                issuer="CN=y",
                sha256="00",
                not_before="2026-01-01T00:00:00Z",
                not_after="2027-01-01T00:00:00Z",
                key="RSA 2048",
            ),
        ),
    ),
    HttpDetail(method="GET", path="/", status=400, genuine=True, date_skew_seconds=-0.5),
]


def _run(detail: Detail) -> Run:
    observation = Observation(
        id="o1",
        vantage="host",
        region="us-east-2",
        endpoint="ecs",
        host="ecs.us-east-2.amazonaws.com",
        port=443,
        address=None,
        step=Step.DNS,
        started_seconds=0.0,
        duration_seconds=0.1,
        failure=Failure.TIMEOUT,
        detail=detail,
        shared_with=("docker",),
    )
    subject = Subject(
        id="ecs-a",
        region="us-east-2",
        group="control",
        pattern="ecs-a-*.us-east-2.amazonaws.com",
        port=443,
        required=True,
        used_by=("ecs-agent",),
        absent=("ecs-a-1.us-east-2.amazonaws.com",),
        unfinished=("ecs-a-2.us-east-2.amazonaws.com",),
    )
    return Run(
        netprobe_version="0",
        catalog=CatalogVersion(version="1", digest="d"),
        started_at="2026-11-23T12:00:00Z",
        duration_seconds=1.0,
        regions=("us-east-2",),
        context=Context(deadline_reached=True),
        subjects=(subject,),
        observations=(observation,),
    )


@pytest.mark.parametrize("detail", DETAILS, ids=lambda detail: type(detail).__name__)
def test_a_run_survives_being_saved(detail: Detail) -> None:
    run = _run(detail)
    assert msgspec.json.decode(msgspec.json.encode(run), type=Run) == run


def test_every_failure_is_one_lower_snake_word() -> None:
    for failure in Failure:
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", failure.value)


def test_the_steps_are_in_the_order_of_a_chain() -> None:
    assert list(Step) == ["dns", "tcp", "proxy", "tls", "http", "websocket"]


@pytest.mark.parametrize(
    ("first", "later", "overcome"),
    [
        (Failure.DNS_SERVFAIL, None, True),
        (Failure.DNS_SERVFAIL, Failure.DNS_NXDOMAIN, True),
        (Failure.TIMEOUT, Failure.DNS_NO_ANSWER, True),
        (Failure.DNS_NXDOMAIN, Failure.DNS_NO_ANSWER, True),
        (Failure.DNS_NO_ANSWER, Failure.DNS_NXDOMAIN, False),
        (Failure.DNS_NXDOMAIN, Failure.DNS_NXDOMAIN, False),
        (Failure.DNS_NO_ANSWER, Failure.DNS_NO_ANSWER, False),
        (Failure.DNS_SERVFAIL, Failure.DNS_SERVFAIL, False),
        (Failure.DNS_SERVFAIL, Failure.TIMEOUT, False),
        (Failure.CONNECTION_RESET, Failure.HTTP_SERVICE_ERROR, True),
        (Failure.CONNECTION_RESET, Failure.EOF, False),
    ],
)
def test_what_a_later_try_overcomes(first: Failure, later: Failure | None, overcome: bool) -> None:
    assert is_overcome(first, later) is overcome
