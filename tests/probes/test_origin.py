"""Whose roots a chain is held to: an own mirror's, a root that was public once, and chains that others complete."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pytest

from netprobe.catalog.model import Endpoint
from netprobe.diagnosis import diagnose
from netprobe.findings import Severity, Verdict
from netprobe.lab import open_lab
from netprobe.observations import Run, TlsDetail
from netprobe.probes import trust
from netprobe.probes.run import check
from netprobe.probes.settings import Settings
from tests.support.cli import netprobe
from tests.support.lab_endpoints import endpoints, facts

SCENARIO = "tls-intercepted-trusted"
INSPECTOR = "inspection-ca.pem"


async def probe(chosen: tuple[Endpoint, ...], scenario: str, *, origin: bool = False) -> Run:
    """Probe some endpoints in a lab; with ``origin`` each names the inspector's CA as its own."""
    async with open_lab(scenario, chosen) as lab:
        mine = chosen
        if origin:
            mine = tuple(msgspec.structs.replace(e, origin=str(lab.directory / INSPECTOR)) for e in chosen)
        return await check(mine, [lab.vantage], Settings(lab=scenario, ecs_numbers=(1,)), catalog=facts())


def of(*ids: str) -> tuple[Endpoint, ...]:
    return tuple(e for e in endpoints() if e.id in ids)


async def test_an_own_mirror_with_its_companys_ca_is_no_interception() -> None:
    without, with_origin = await probe(of("ecr-api"), SCENARIO), await probe(of("ecr-api"), SCENARIO, origin=True)
    assert [f.id for f in diagnose(without).findings] == ["tls_intercepted_trusted"]
    assert diagnose(with_origin).findings == ()
    assert diagnose(with_origin).verdict is Verdict.READY


async def test_a_root_that_was_public_once_is_no_interception(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = of("ecr-api")
    async with open_lab(SCENARIO, chosen) as lab:
        (root,) = trust.anchors(lab.directory / INSPECTOR).certificates
        former = {hashlib.sha256(root).hexdigest(): "CN=An Old Public Root"}
        monkeypatch.setattr(trust, "former_roots", lambda: former)
        run = await check(chosen, [lab.vantage], Settings(lab=SCENARIO), catalog=facts())
    (finding,) = diagnose(run).findings
    assert (finding.id, finding.severity) == ("tls_former_root", Severity.INFO)
    assert "CN=An Old Public Root" in finding.title
    assert diagnose(run).verdict is Verdict.READY


async def test_an_incomplete_chain_is_completed_by_what_others_showed() -> None:
    alone = await probe(of("ssm"), "incomplete-chain")
    assert [f.id for f in diagnose(alone).findings] == ["tls_intercepted"], "alone nobody can complete it"

    beside = await probe(of("ssm", "logs"), "incomplete-chain")
    (finding,) = diagnose(beside).findings
    assert (finding.id, finding.owner) == ("tls_incomplete_chain", "aws")
    (completed,) = [o for o in beside.observations if o.experiment == "completed_chain"]
    assert isinstance(completed.detail, TlsDetail)
    assert completed.detail.origin is True
    assert completed.detail.incomplete


def test_a_mirrors_origin_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    config = tmp_path / "netprobe.toml"
    config.write_text(
        '[[endpoint]]\nid = "harbor"\npattern = "harbor.corp.example"\nused_by = ["docker"]\norigin = "missing.pem"\n'
    )
    ended = netprobe("endpoints", "-r", "us-east-2", "--config", str(config))
    assert ended.code == 2
    assert ended.err.startswith("netprobe: missing.pem: cannot be read")
