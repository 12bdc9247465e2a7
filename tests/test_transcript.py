"""``check --transcript``: what the services answered, and nothing of who asked."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import msgspec
import pytest

from netprobe import transcript
from netprobe.catalog.transcripts import Transcript, TranscriptHost, read
from netprobe.cli.main import run as netprobe
from netprobe.observations import (
    Failure,
    HttpDetail,
    Lint,
    Observation,
    Run,
    Step,
    TcpDetail,
    VantageRecord,
)
from tests.support.observe import AMAZON, CORP_CA, CORP_LEAF, World, name

ACCOUNT = "428173650912"
PLANTED = (
    ACCOUNT,
    "hunter2",
    "jdoe",
    "squid01.corp.example",
    "10.77.66.55",
    "192.0.2.53",
    "203.0.113.77",
    "10.9.8.7",
    "harbor.corp.example",
    "vpce-0abc123",
    "req-7f3a",
    "secret-bucket",
    "site-berlin",
    "Corp Inspection CA",
    "portal.corp.example",
    "web01",
    "/home/jdoe",
)
REGISTRY = f"{ACCOUNT}.dkr.ecr.us-east-2.amazonaws.com"


def world() -> World:
    """A run with everything that must not be shared in every place that a run has for it."""
    w = World()
    proxy = "http://squid01.corp.example:3128"
    lint = Lint(
        id="proxy_password_world_readable", value="http://jdoe:hunter2@squid01.corp.example", file="/home/jdoe/x"
    )
    w.vantages = (
        VantageRecord(
            name="host",
            resolvers=("192.0.2.53:53",),
            proxy=proxy,
            no_proxy=("web01",),
            store="/home/jdoe/ca.pem",
            sources={"proxy": "/home/jdoe/.bashrc:3"},
            lints=(lint,),
        ),
    )
    w.endpoint("ecs")
    w.endpoint("ssm")
    w.endpoint("ecr-registry", REGISTRY, pattern=REGISTRY)
    w.endpoint("harbor", "harbor.corp.example", pattern="harbor.corp.example")
    w.endpoint(
        "s3-buckets", "secret-bucket.s3.us-east-2.amazonaws.com", pattern="secret-bucket.s3.us-east-2.amazonaws.com"
    )
    for host in (name("ecs"), REGISTRY, "harbor.corp.example", "secret-bucket.s3.us-east-2.amazonaws.com"):
        w.dns(host, "203.0.113.77", "10.77.66.55", resolver="192.0.2.53:53")
        w.tcp(host, "10.77.66.55")
        leaf = msgspec.structs.replace(AMAZON, subject=f"CN={host}", names=(host,))
        w.tls(host, "10.77.66.55", chain=(leaf, AMAZON))
        w.http(
            host, "10.77.66.55", status=403, server="Server", location="https://portal.corp.example/jdoe", origin=True
        )
    w.dns(name("ssm"), "10.77.66.55")
    w.tcp(name("ssm"), "10.77.66.55")
    w.tls(name("ssm"), "10.77.66.55", chain=(CORP_LEAF, CORP_CA), origin=False)
    w.http(
        name("ssm"),
        "10.77.66.55",
        Failure.HTTP_BLOCK_PAGE,
        status=403,
        server="squid01.corp.example",
        title="web01 jdoe",
    )
    return w


def planted_run() -> Run:
    made = world().run()

    def spoil(o: Observation) -> Observation:
        detail = o.detail
        if isinstance(detail, HttpDetail):
            detail = msgspec.structs.replace(
                detail,
                request_id="x-amzn-requestid: req-7f3a",
                via="1.1 squid01.corp.example",
                headers=("server", "x-amzn-requestid"),
                values={"x-cache": "Error from cloudfront"},
                error="web01",
            )
        if isinstance(detail, TcpDetail):
            detail = msgspec.structs.replace(detail, local_address="10.9.8.7")
        if o.step is Step.DNS:
            detail = msgspec.structs.replace(
                detail, cname=("vpce-0abc123.ecs.us-east-2.vpce.amazonaws.com", "web01.corp.example")
            )
        return msgspec.structs.replace(o, detail=detail)

    return msgspec.structs.replace(
        made,
        observations=tuple(map(spoil, made.observations)),
        notes=("site-berlin", "hunter2"),
    )


def heard(made: bytes) -> dict[str, TranscriptHost]:
    return {one.entry: one for one in read(made, "t").heard}


def test_nothing_of_the_host_is_in_it() -> None:
    made = transcript.of(planted_run())

    text = made.decode()
    for secret in (*PLANTED, socket.gethostname()):
        assert secret not in text, secret
    assert not [line for line in text.splitlines() if any(bad in line for bad in ("10.", "203.0.113", "192.0.2"))]


def test_what_the_services_said_is_in_it() -> None:
    found = heard(transcript.of(planted_run()))

    assert set(found) == {"ecs", "ssm", "ecr-registry"}  # no endpoint of the user's own, no bucket of a workload
    ecs = found["ecs"]
    assert (ecs.pattern, ecs.region, ecs.origin) == ("ecs.us-east-2.amazonaws.com", "us-east-2", True)
    (lookup,) = ecs.dns
    assert lookup.addresses == {"private": 1, "sinkholed": 1}
    assert lookup.aliases == ("amazonaws.com", "other")
    (said,) = ecs.said
    assert (said.step, said.status, said.request_id, said.location) == ("http", 403, "x-amzn-requestid", "other")
    assert said.headers == ("server", "x-amzn-requestid")
    assert said.values == {"x-cache": "Error from cloudfront"}
    assert [len(link.sha256) for link in ecs.chain] == [64, 64]
    assert found["ecr-registry"].pattern == "*.dkr.ecr.us-east-2.amazonaws.com"
    assert found["ecr-registry"].chain[0].subject == "CN=*.dkr.ecr.us-east-2.amazonaws.com"


def test_of_another_chain_nothing_is_told_but_that() -> None:
    ssm = heard(transcript.of(planted_run()))["ssm"]

    assert (ssm.origin, ssm.chain, ssm.said, ssm.tls_version) == (False, (), (), "")


@pytest.mark.parametrize(
    ("context", "roots"), [({}, "public"), ({"origin_ca": True}, "given"), ({"lab": "healthy"}, "lab")]
)
def test_it_tells_by_which_roots_it_is_known(context: dict[str, Any], roots: str) -> None:
    w = world()
    w.context.update(context)
    assert read(transcript.of(w.run()), "t").roots == roots


@pytest.mark.parametrize(
    ("alias", "suffix"),
    [
        ("d1.cloudfront.net.", "cloudfront.net"),
        ("github.map.fastly.net", "github.map.fastly.net"),
        ("cloudfront.net.corp.example", "other"),
        ("notcloudfront.net", "other"),
    ],
)
def test_aliases_are_named_by_networks_that_everybody_knows(alias: str, suffix: str) -> None:
    assert transcript.known_suffix(alias) == suffix


def test_check_writes_one_of_a_whole_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "answers.json"
    file.write_text("what stood here before")
    arguments = ["check", "-r", "us-east-2", "--lab", "healthy", "--account", ACCOUNT, "-q", "--transcript", str(file)]
    assert netprobe(arguments) == 0
    capsys.readouterr()
    data = file.read_bytes()
    made = read(data, "t")
    assert isinstance(made, Transcript)
    assert made.roots == "lab"
    assert [path.name for path in tmp_path.iterdir()] == ["answers.json"]
    text = data.decode()
    assert ACCOUNT not in text
    assert "127." not in text
    assert socket.gethostname() not in text
    found = [one for one in made.heard if one.entry == "ecs-a"]
    assert sorted(one.number for one in found if one.number is not None) == [1, 2, 16]
    assert all({said.step for said in one.said} == {"http", "websocket"} for one in found)
    assert all(len(one.chain) >= 1 for one in found)
    assert json.loads(text)["transcript_version"] == "1.0"
