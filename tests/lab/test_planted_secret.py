"""A proxy that wants credentials gets them, and nothing that a check writes repeats them: a real Squid, both ways."""

from __future__ import annotations

import base64
from urllib.parse import quote

import msgspec
import pytest

from netprobe import transcript
from netprobe.catalog.transcripts import read
from netprobe.findings import Verdict
from netprobe.lab import SCENARIOS
from netprobe.observations import Failure, ProxyDetail
from tests.support import need
from tests.support.lab_case import Case, Network, play
from tests.support.lab_devices import BASIC, ROUTER, SECRET, http, squid


@pytest.mark.root
@pytest.mark.parametrize(
    ("user", "failure", "verdict"),
    [("svc", None, Verdict.READY), ("nobody", Failure.PROXY_AUTH_REJECTED, Verdict.NOT_READY)],
)
async def test_credentials_are_sent_and_written_nowhere(user: str, failure: Failure | None, verdict: Verdict) -> None:
    need.root()
    need.engine("nft")
    need.engine("squid")
    closed = ("ct state new tcp dport 443 reject",)
    network = Network(engines=(squid(*BASIC),), proxy=http(user=user), forward=closed)

    result = await play(Case(name=f"planted-{user}", scenario=SCENARIOS["healthy"], network=network, verdict=verdict))

    asked = [o for o in result.run.observations if isinstance(o.detail, ProxyDetail) and o.experiment is None]
    assert {o.failure for o in asked} >= {failure}
    assert all(o.detail.authenticated for o in asked if isinstance(o.detail, ProxyDetail))
    assert result.diagnosis.verdict is verdict
    shared = transcript.of(result.run)
    kept = msgspec.json.encode((result.run, result.diagnosis))
    pair = f"{user}:{SECRET}"
    for written in (SECRET, quote(SECRET, safe=""), base64.b64encode(pair.encode()).decode(), "hunter2"):
        assert written.encode() not in shared
        assert written.encode() not in kept
    assert ROUTER.encode() not in shared, "the proxy is part of who this host is"
    if failure is None:
        said = [one for heard in read(shared, "shared").heard for one in heard.said]
        assert len(said) >= 5, "what the services said through it is there"
