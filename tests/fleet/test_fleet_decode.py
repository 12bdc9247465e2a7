"""What is kept of a report: bounded, cleaned, and the same for reports of every version."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe.findings import Outcome, Severity
from netprobe.fleet.census import Census
from netprobe.fleet.decode import MOST_FINDINGS, NotAReportError, take
from netprobe.fleet.files import Document
from netprobe.fleet.model import NOWHERE
from netprobe.fleet.survey import FleetOptions, survey
from tests.support.fleets import CA, encoded, fault, machines
from tests.support.reports import report


def plain(**changes: Any) -> dict[str, Any]:
    machine = machines(random.Random(4), 1)[0]
    machine.faults = [fault("tls_intercepted", cause=CA)]
    document: dict[str, Any] = json.loads(encoded(machine))
    return document | changes


def taken(document: dict[str, Any]) -> Any:
    return take(json.dumps(document).encode(), "somewhere", "stem").member


def test_everything_that_a_fleet_needs() -> None:
    document = plain()
    member = taken(document)
    host = document["host"]
    assert (member.name, member.site, member.labels) == (host["name"], host["site"], host["labels"])
    assert member.outcomes["us-east-2/ecs"] is Outcome.FAIL
    assert [(one.id, one.cause) for one in member.findings] == [("tls_intercepted", CA)]
    subnet = host["addresses"][0].rpartition(".")[0]
    assert member.traits["subnet"] == (f"{subnet}.0/24",)
    assert member.traits["gateway"] == (f"{subnet}.254",)
    assert member.traits["interceptor"] == (CA,)
    assert member.traits["agent ecs-agent"] == (host["agents"]["ecs-agent"],)
    assert set(member.traits) >= {"proxy", "resolver", "os", "kernel", "docker", "label rack", "label tier", "user"}


def test_a_report_from_before_hosts_were_named_tells_what_its_observations_tell() -> None:
    """Schema 1.1: the CA and the source address stand in the observations alone."""
    chain = [{"subject": "CN=ecs", "issuer": CA}, {"subject": CA, "issuer": CA, "self_signed": True}]
    document = plain(
        schema_version="1.1",
        observations=[
            {"id": "o0", "detail": {"kind": "tcp", "port": 443, "local_address": "10.7.8.9"}, "more": [1, {"a": None}]},
            {"id": "o1", "detail": {"kind": "tls", "chain": chain}},
        ],
    )
    del document["host"]
    for finding in document["findings"]:
        del finding["cause"]
    member = taken(document)
    assert (member.name, member.site) == ("stem", NOWHERE)
    assert member.findings[0].cause == CA
    assert member.addresses == ("10.7.8.9",)
    assert member.traits["subnet"] == ("10.7.8.0/24",)


def test_a_lone_self_signed_certificate_of_an_older_report() -> None:
    document = plain(
        schema_version="1.1",
        observations=[{"id": "o1", "detail": {"chain": [{"subject": "CN=x", "issuer": "CN=x", "self_signed": True}]}}],
    )
    del document["host"]
    document["findings"][0]["cause"] = ""
    assert taken(document).findings[0].cause == "self-signed"


def test_a_whole_report_with_rules_and_notes_is_taken() -> None:
    member = take(msgspec.json.encode(report()), "x", "x").member
    assert member.judged_rules
    assert all(one.severity is not Severity.INFO for one in member.findings)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"schema_version": "2.0"}, "schema_version 2.0"),
        ({"regions": ["cn-north-1"]}, "China"),
        ({"verdict": "fine"}, "not a netprobe report"),
        ({"endpoints": 7}, "not a netprobe report"),
        ({"findings": [fault("tcp_dropped")] * (MOST_FINDINGS + 1)}, "more endpoints or findings"),
        ({"host": {"labels": {"a": {"b": "c"}}}}, "not a netprobe report"),
    ],
)
def test_what_is_no_report_says_why(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(NotAReportError, match=reason):
        take(msgspec.json.encode(plain() | change), "x", "x")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 50_000])
def test_odd_bytes_say_why(data: bytes) -> None:
    with pytest.raises(NotAReportError, match="not a netprobe report"):
        take(data, "x", "x")


def test_what_is_kept_of_a_host_is_bounded_whatever_it_sends() -> None:
    host = {
        "name": "n" * 100_000,
        "site": "s" * 100_000,
        "labels": {f"label{n}": "v" * 5000 for n in range(1000)},
        "addresses": ["10.0.0.1"] * 5000,
        "agents": {f"agent{n}": "v" * 5000 for n in range(1000)},
    }
    finding = json.loads(msgspec.json.encode(fault("tcp_dropped", title="t" * 100_000, cause="c" * 100_000)))
    finding["endpoints"] = [f"e{n}" for n in range(2000)]
    member = taken(plain(host=host, findings=[finding] * 100))
    assert len(msgspec.json.encode(member)) < 100 * 20_000
    assert len(member.name) == 200
    assert len(member.labels) == 32


def test_controls_and_passwords_do_not_get_in() -> None:
    context = {"vantages": [{"name": "host", "proxy": "http://user:hush@proxy:3128"}]}
    document = plain(context=context, host={"name": "web\x1b[2J\u202e1", "site": "fra\n::error::x"})
    member = taken(document)
    assert member.name == "web\\x1b[2J\\u202e1"
    assert member.site == "fra\\n::error::x"
    assert member.traits["proxy"] == ("http://***@proxy:3128",)


def test_settings_in_another_line_are_the_same_cause() -> None:
    document = plain(findings=[fault("proxy_only_http_set", cause="/etc/ecs/ecs.config:3:http://p:3128")])
    assert take(msgspec.json.encode(document), "x", "x").member.findings[0].cause == "/etc/ecs/ecs.config:http://p:3128"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(ANYTHING, st.sampled_from(sorted(plain())))
def test_any_value_anywhere_is_a_report_or_told(value: object, key: str) -> None:
    census = Census()
    census.add(Document(source="x", stem="x", data=json.dumps(plain() | {key: value}).encode()))
    assert census.reports + len(census.skipped) == 1
    assert all(one.reason.isprintable() for one in census.skipped)


def document(source: str, machine: Any) -> Document:
    return Document(source=source, stem=source, data=encoded(machine))


def test_the_newest_report_of_a_host_counts() -> None:
    machine = machines(random.Random(1), 1)[0]
    census = Census()
    for day, faults in ((27, []), (28, [fault("tcp_dropped")]), (26, [])):
        machine.started_at, machine.faults = f"2026-11-{day}T10:00:00Z", faults
        census.add(document(f"day{day}", machine))
    [member] = census.members()
    assert (census.superseded, member.source) == (2, "day28")


def test_a_report_from_the_future_is_never_the_newest() -> None:
    """A host whose clock was wrong, and is right again: what it said then would stand for years."""
    machine = machines(random.Random(1), 1)[0]
    now = datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()
    census = Census(now)
    for moment in ("2031-01-01T00:00:00Z", "2026-11-29T11:00:00Z", "2026-11-30T11:59:00Z", "2026-11-30T12:01:00Z"):
        machine.started_at = moment
        census.add(document(moment, machine))
    [member] = census.members()
    assert member.source == "2026-11-30T11:59:00Z"
    assert list(census.ahead) == ["2031-01-01T00:00:00Z", "2026-11-30T12:01:00Z"]
    alone = Census(now)
    alone.add(document("ahead", machine))
    wishes = FleetOptions(max_age_seconds=3600, now=now)
    assert survey(alone, wishes).too_old == (machine.name,)


def test_a_check_and_the_rules_about_a_host_are_one_host() -> None:
    check = plain()
    rules = plain(endpoints=[], findings=[fault("clock_wrong")], rules=[{"id": "clock_wrong", "outcome": "fail"}])
    census = Census()
    for one in (check, rules):
        census.add(Document(source="x", stem="x", data=msgspec.json.encode(one)))
    [member] = census.members()
    assert [one.id for one in member.findings] == ["tls_intercepted", "clock_wrong"]
    assert member.judged_rules
    assert member.outcomes


def test_two_machines_of_one_name_are_two_hosts() -> None:
    census = Census()
    for machine_id in ("a" * 32, "b" * 32):
        census.add(
            Document(
                source=machine_id,
                stem="x",
                data=json.dumps(plain(host={"name": "web1", "machine_id": machine_id})).encode(),
            )
        )
    assert [member.name for member in census.members()] == ["web1 (aaaaaaaa)", "web1 (bbbbbbbb)"]


@pytest.mark.parametrize(
    ("addresses", "minutes", "hosts"),
    [
        (["10.0.0.5/24", "10.0.0.6/24"], [0, 1], ["localhost (10.0.0.5/24)", "localhost (10.0.0.6/24)"]),
        (["10.0.0.5/24", "10.0.0.5/24"], [0, 1], ["localhost"]),
        (["10.0.0.5/24", "10.0.9.6/24"], [0, 90], ["localhost"]),
        (
            ["10.0.0.5/24", "10.0.0.6/24", "10.0.0.6/24", "10.0.0.5/24"],
            [0, 1, 1440, 1440],
            ["localhost (10.0.0.5/24)", "localhost (10.0.0.6/24)"],
        ),
    ],
    ids=["copies", "again", "moved", "copies-the-next-day"],
)
def test_copies_of_an_image_with_one_name_and_machine_id_are_a_host_each(
    addresses: list[str], minutes: list[int], hosts: list[str]
) -> None:
    """Ten such servers of which the newest report was READY were one host that is."""
    census = Census()
    for number, (address, minute) in enumerate(zip(addresses, minutes, strict=True)):
        host = {"name": "localhost", "machine_id": "a" * 32, "addresses": [address]}
        moment = datetime(2026, 11, 28, tzinfo=UTC) + timedelta(minutes=minute)
        data = json.dumps(plain(host=host, started_at=moment.isoformat())).encode()
        census.add(Document(source=f"mi-{number}", stem=f"mi-{number}", data=data))
    assert [member.name for member in census.members()] == hosts
    assert census.superseded == len(addresses) - len(hosts)
    assert census.twins() == (("localhost",) if len(hosts) > 1 else ())


def named(name: str, machine_id: str = "", **more: object) -> Document:
    data = json.dumps(plain(host={"name": name, "machine_id": machine_id}, **more)).encode()
    return Document(source=f"{name} {machine_id}", stem=name, data=data)


@pytest.mark.parametrize(
    ("documents", "hosts", "copies"),
    [
        ([named("web1", "a" * 32), named("WEB1.fra.example", "a" * 32)], ["WEB1.fra.example"], ()),
        ([named("web1"), named("web1", "a" * 32)], ["web1"], ()),
        ([named("web1", "a" * 32), named("web1")], ["web1"], ()),
        (
            [named("web1"), named("web1", "a" * 32), named("web1", "b" * 32)],
            ["web1 (1)", "web1 (aaaaaaaa)", "web1 (bbbbbbbb)"],
            (),
        ),
        ([named("web1", "a" * 32), named("web2", "a" * 32)], ["web1", "web2"], (("web1", "web2"),)),
        (
            [named("web1.fra.example", "a" * 32), named("web1.muc.example", "a" * 32), named("web1", "a" * 32)],
            ["web1", "web1.fra.example", "web1.muc.example"],
            (("web1", "web1.fra.example", "web1.muc.example"),),
        ),
        ([named("web1.fra.example"), named("web1")], ["web1", "web1.fra.example"], ()),
    ],
    ids=["domain", "older-first", "older-last", "whose-is-it", "copies", "two-domains", "no-machine-id"],
)
def test_a_host_that_reports_call_by_two_names_counts_once(
    documents: list[Document], hosts: list[str], copies: tuple[tuple[str, ...], ...]
) -> None:
    census = Census()
    for one in documents:
        census.add(one)
    assert [member.name for member in census.members()] == hosts
    assert census.superseded == len(documents) - len(hosts)
    assert census.copies() == copies


def test_what_is_skipped_is_counted_beyond_the_first_thousand() -> None:
    census = Census()
    for number in range(1100):
        census.add(Document(source=str(number), stem="x", data=b"{}"))
    assert (len(census.skipped), census.skipped_more, census.reports) == (1000, 100, 0)
