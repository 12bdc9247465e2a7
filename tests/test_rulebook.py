"""Rules and their pages belong together, and every rule says where it comes from."""

from __future__ import annotations

import datetime
import re
from importlib.resources import files

import pytest

from netprobe import rulebook
from netprobe.diagnosis.pages import HEADINGS
from netprobe.diagnosis.taxonomy import TAXONOMY
from netprobe.findings import Certainty
from netprobe.host.rules import RULES as HOST
from netprobe.host.rules import proxies
from netprobe.rules import Judged, Rule, failed
from netprobe.workload.rules import RULES as WORKLOAD
from tests.support.cli import netprobe

IDS = sorted(rulebook.entries())


@pytest.mark.parametrize("id_", IDS)
def test_page_has_the_headings_of_every_page(id_: str) -> None:
    text = rulebook.page(id_)
    title, *_ = text.splitlines()
    assert title.startswith("# ")
    assert title.endswith(f"(`{id_}`)")
    sections = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    assert tuple(sections[1::2]) == HEADINGS
    assert all(body.strip() for body in sections[2::2])


def test_no_page_without_a_rule_and_no_rule_twice() -> None:
    pages = {
        path.name.removesuffix(".md")
        for folder in ("netprobe.host", "netprobe.workload")
        for path in (files(folder) / "pages").iterdir()
    }
    assert pages == set(IDS)
    every = [rule.id for rule in HOST] + [rule.id for rule in WORKLOAD]
    assert len(every) == len(set(every))
    assert set(every) - set(TAXONOMY) | {"gate_waiver_expired", "gate_proxy_unexpected"} == set(IDS)


def test_rules_that_share_a_finding_are_the_proxy_settings() -> None:
    shared = {rule.id for rule in HOST} & set(TAXONOMY)
    assert shared == {rule.id for rule in proxies.RULES}
    assert not {rule.id for rule in WORKLOAD} & set(TAXONOMY)


@pytest.mark.parametrize("rule", [*HOST, *WORKLOAD], ids=lambda rule: rule.id)
def test_rule_has_a_source_and_a_day(rule: object) -> None:
    source, checked = rule.source, rule.checked  # type: ignore[attr-defined]
    assert re.fullmatch(r"https://[a-z0-9.-]+/\S+", source)
    assert datetime.date.fromisoformat(checked) <= datetime.date(2026, 11, 29)


def test_explain_shows_a_rule() -> None:
    ended = netprobe("explain", "selinux_enforcing")
    assert ended.code == 0
    assert "SELINUX=permissive" in ended.out
    assert "(read 2026-11-23)" in ended.out


@pytest.mark.parametrize("rule", [*HOST, *WORKLOAD], ids=lambda rule: rule.id)
def test_what_was_not_tried_is_suspected_and_says_so(rule: Rule[object]) -> None:
    """A fact that was read is proven; what is reckoned from it is not (DESIGN, proven)."""
    judged = Judged(rule=rule, subject="host", judgement=failed("it is so.", "do otherwise"))
    finding = judged.finding()
    assert finding is not None
    if rule.reckoned:
        assert finding.certainty is Certainty.SUSPECTED
        assert finding.title == f"it is so. ({rule.reckoned})"
    else:
        assert (finding.certainty, finding.title) == (Certainty.PROVEN, "it is so.")
    if rule.id not in TAXONOMY:
        assert ("Suspected: it is " in rulebook.page(rule.id)) == bool(rule.reckoned)


def test_packet_filters_and_sizes_are_reckoned() -> None:
    assert {rule.id for rule in HOST if rule.reckoned} == {
        "local_firewall_blocks",
        "local_firewall_blocks_ipv6",
        "task_credentials_blocked",
        "task_traffic_blocked",
        "docker_mtu_too_large",
        "docker_network_overlaps",
        "hardware_fingerprint_changed",
    }
