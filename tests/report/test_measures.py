"""The numbers of a run: medians over what worked, and the table that names every metric."""

from __future__ import annotations

import re
from importlib.resources import files

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from netprobe.observations import CatalogVersion, Certificate, HttpDetail, Observation, Step, TlsDetail
from netprobe.report import FORMATS, measures, render
from netprobe.report.formats.openmetrics import exposition
from tests.support import reports

FACTS = CatalogVersion(version="2026-11-23", digest="0" * 64)


def told() -> dict[str, list[measures.Sample]]:
    observations = reports.report().observations
    first = observations[1]
    certificate = Certificate(
        subject="CN=Inspector",
        issuer="CN=Inspector",
        sha256="ab" * 32,
        not_before="2026-01-01T00:00:00Z",
        not_after="2027-01-01T00:00:00Z",
        key="RSA 2048",
    )

    copy = msgspec.structs.replace(certificate, subject="CN=y", sha256="cd" * 32, not_after="2026-12-01T00:00:00Z")
    """What a device makes for one name; without the device's own certificate it says nothing about that."""

    def another(step: Step, **more: object) -> Observation:
        return msgspec.structs.replace(first, step=step, **more)

    more = (
        another(Step.TCP, duration_seconds=1.5),
        another(
            Step.TLS, failure="ssl_unknown_authority", detail=TlsDetail(sni="x", origin=False, chain=(certificate,))
        ),
        another(Step.TLS, failure="ssl_unknown_authority", detail=TlsDetail(sni="y", origin=False, chain=(copy,))),
        another(Step.HTTP, detail=HttpDetail(method="GET", path="/", genuine=True, date_skew_seconds=-3.0)),
        another(Step.HTTP, detail=HttpDetail(method="GET", path="/", genuine=False, date_skew_seconds=900.0)),
    )
    report = reports.report(observations=(*observations, *more), catalog=FACTS)
    return {name: samples for name, _, _, samples in measures.families(report)}


def test_the_numbers() -> None:
    found = told()
    where = {"region": "us-east-2", "endpoint": "ecs"}
    steps = {labels["step"]: value for labels, value in found["netprobe_endpoint_step_duration_seconds"]}
    assert steps["tcp"] == 1.0, "the median of 0.5 and 1.5"
    assert "tls" not in steps, "what failed has no duration"
    assert {**where, "step": "dns"} in [labels for labels, _ in found["netprobe_endpoint_step_duration_seconds"]]
    assert found["netprobe_resolver_duration_seconds"] == [({"resolver": "192.0.2.1:53"}, 0.25)]
    assert found["netprobe_clock_offset_seconds"] == [({}, -3.0)], "only what is genuine tells the time"
    assert found["netprobe_interceptor_certificate_expiry_seconds"] == [({"fingerprint": "ab" * 32}, 1798761600.0)]
    assert found["netprobe_probes"] == [({"outcome": "worked"}, 6.0), ({"outcome": "failed"}, 3.0)]
    assert found["netprobe_catalog_age_seconds"] == [({}, 0.0)]
    assert found["netprobe_catalog_newest_change_seconds"] == [({}, 1795392000.0)]


def test_the_table_in_the_docs_names_every_metric_and_its_labels() -> None:
    page = (files("netprobe") / "deploy" / "METRICS.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(netprobe_\w+)` \|(.*?)\| .+ \|$", page, re.MULTILINE)
    table = {name: frozenset(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    assert len(table) == len(rows)
    also = {
        name: set(re.findall(r"`(\w+)`", told))
        for name, told in re.findall(r"^\| `(\w+)` .*known also(.*)", page, re.M)
    }
    families = list(text_string_to_metric_families(exposition(reports.report(catalog=FACTS))))
    shown = {family.name: family.samples for family in families}
    own = ("runs", "every_seconds", "look_impossible")
    of_the_exporter = {f"netprobe_exporter_{name}" for name in own}
    assert set(table) - of_the_exporter == set(shown)
    for name, samples in shown.items():
        for sample in samples:
            assert {_in_the_page(label) for label in sample.labels} - also.get(name, set()) == table[name], name


def _in_the_page(label: str) -> str:
    """Labels that are made of a name, of an agent or of the user's own, stand there as ``agent_NAME``."""
    return re.sub(r"^(agent|label)_.+", r"\1_NAME", label)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "9999-99-99", ""])
def test_a_moment_that_no_calendar_holds_ends_no_format(moment: str) -> None:
    """A saved report is somebody else's; its time is either told as it stands or left out."""
    report = reports.report(catalog=FACTS, started_at=moment)
    for format in FORMATS:
        assert render(report, format)
