"""The user's own endpoints keep the catalog's rules."""

from __future__ import annotations

import datetime
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe import catalog
from netprobe.catalog import Agent, Genuine, overlay
from netprobe.errors import RefusedRegionError, UsageError, printable
from netprobe.hostnames import HostPattern

REGIONS = catalog.load().select(["us-east-2,eu-west-1"])
GOOD = {"id": "harbor", "pattern": "harbor.corp.example"}


def test_the_smallest_table() -> None:
    found = overlay.parse([GOOD], REGIONS)
    assert [(e.id, e.region, e.pattern, e.port, e.group) for e in found] == [
        ("harbor", "us-east-2", "harbor.corp.example", 443, "own"),
        ("harbor", "eu-west-1", "harbor.corp.example", 443, "own"),
    ]
    assert all(e.required and e.used_by == (Agent.TASK,) for e in found)
    assert found[0].request.genuine is Genuine.HTTP


def test_every_key() -> None:
    tables = tomllib.loads(
        """
        [[endpoint]]
        id = "mirror"
        pattern = "{region}.mirror.corp.example."
        purpose = "Packages of our distribution."
        group = "install"
        port = 8443
        used_by = ["installer", "docker"]
        required = false
        method = "HEAD"
        path = "/debian/"
        genuine = "docker-registry"
        source = "https://wiki.corp.example/mirror"
        checked = 2026-10-01
        note = "moves in spring"
        regions = ["eu-west-1"]
        """
    )["endpoint"]
    (found,) = overlay.parse(tables, REGIONS)
    assert found.pattern == "eu-west-1.mirror.corp.example"
    assert (found.group, found.port, found.required) == ("install", 8443, False)
    assert found.used_by == (Agent.INSTALLER, Agent.DOCKER)
    assert (found.request.method, found.request.path) == ("HEAD", "/debian/")
    assert found.request.genuine is Genuine.DOCKER_REGISTRY
    assert (found.source, found.checked, found.note) == (
        "https://wiki.corp.example/mirror",
        "2026-10-01",
        "moves in spring",
    )


def test_a_date_may_be_text() -> None:
    assert overlay.parse([{**GOOD, "checked": "2026-10-01"}], REGIONS)[0].checked == "2026-10-01"
    assert overlay.parse([{**GOOD, "checked": datetime.date(2026, 10, 1)}], REGIONS)[0].checked == "2026-10-01"


def test_a_wildcard_is_optional_unless_the_user_says_otherwise() -> None:
    wild = {"id": "cdn", "pattern": "*.cdn.corp.example"}
    assert not overlay.parse([wild], REGIONS)[0].required
    assert overlay.parse([{**wild, "required": True}], REGIONS)[0].required


def test_nothing_is_nothing() -> None:
    assert overlay.parse([], REGIONS) == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": None}, "id"),
        ({"id": "Harbor"}, "lower-case"),
        ({"id": ""}, "lower-case"),
        ({"id": "-x"}, "lower-case"),
        ({"id": "x" * 49}, "lower-case"),
        ({"id": "x\n"}, "lower-case"),
        ({"id": "ecs"}, "taken"),
        ({"id": "ecs-a"}, "taken"),
        ({"id": "ssm-fips"}, "taken"),
        ({"id": "ecs-dualstack"}, "taken"),
        ({"group": "My Group"}, "lower-case"),
        ({"pattern": "localhost"}, "single label"),
        ({"pattern": "*.com"}, "last two labels"),
        ({"pattern": "10.0.0.1"}, "address"),
        ({"pattern": "a b.example"}, "letters, digits and hyphens"),
        ({"pattern": "a.example\nhttp_access allow all"}, "letters, digits and hyphens"),
        ({"pattern": "{account}.corp.example"}, "letters, digits and hyphens"),
        ({"pattern": "{region.partition}.corp.example"}, "letters, digits and hyphens"),
        ({"pattern": "{0}.corp.example"}, "letters, digits and hyphens"),
        ({"port": 0}, "1 to 65535"),
        ({"port": 65536}, "1 to 65535"),
        ({"port": -1}, "1 to 65535"),
        ({"port": True}, "int"),
        ({"port": "443"}, "int"),
        ({"port": 443.5}, "int"),
        ({"purpose": "a\nb"}, "control characters"),
        ({"purpose": "a\x1b[2Jb"}, "control characters"),
        ({"purpose": "a\u202eb"}, "control characters"),
        ({"purpose": "a\u2028b"}, "control characters"),
        ({"purpose": "x" * 301}, "300"),
        ({"purpose": "  "}, "empty"),
        ({"note": "a\x00"}, "control characters"),
        ({"source": "a\r"}, "control characters"),
        ({"path": "health"}, "starts with /"),
        ({"path": "/a b"}, "starts with /"),
        ({"path": "/a\r\nHost: x"}, "starts with /"),
        ({"path": "/" + "x" * 200}, "starts with /"),
        ({"method": "POST"}, "POST"),
        ({"genuine": "magic"}, "magic"),
        ({"used_by": []}, "no agent"),
        ({"used_by": ["curl"]}, "curl"),
        ({"used_by": "docker"}, "array"),
        ({"checked": "yesterday"}, "date"),
        ({"required": "yes"}, "bool"),
        ({"requierd": True}, "requierd"),
        ({"regions": ["nowhere-1"]}, "no AWS region"),
    ],
)
def test_refuses(change: dict[str, Any], reason: str) -> None:
    table = {key: value for key, value in {**GOOD, **change}.items() if value is not None}
    with pytest.raises(UsageError, match=reason) as caught:
        overlay.parse([table], REGIONS)
    text = str(caught.value)
    assert printable(text, limit=10_000) == text
    assert caught.value.remedy


@pytest.mark.parametrize(
    "pattern", ["ecs.cn-north-1.amazonaws.com.cn", "*.amazonaws.com.cn", "ecs.cn-north-1.api.amazonwebservices.com.cn"]
)
def test_china_cannot_be_smuggled_in(pattern: str) -> None:
    with pytest.raises(RefusedRegionError, match="does not register external instances"):
        overlay.parse([{"id": "x", "pattern": pattern}], REGIONS)


def test_china_cannot_be_a_region_of_it() -> None:
    with pytest.raises(RefusedRegionError):
        overlay.parse([{**GOOD, "regions": ["cn-north-1"]}], REGIONS)


def test_a_fault_is_found_whichever_regions_are_asked_for() -> None:
    with pytest.raises(UsageError, match=r"\[\[endpoint\]\] 2 \(x\)"):
        overlay.parse([GOOD, {"id": "x", "pattern": "a..b", "regions": ["us-west-1"]}], REGIONS)


def test_the_same_id_twice() -> None:
    with pytest.raises(UsageError, match="taken"):
        overlay.parse([GOOD, GOOD], REGIONS)


def test_too_many() -> None:
    tables = [{"id": f"x{n}", "pattern": "a.example"} for n in range(overlay.MAX_ENTRIES + 1)]
    with pytest.raises(UsageError, match="more than"):
        overlay.parse(tables, REGIONS)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
keys = st.sampled_from([*overlay._Own.__struct_fields__, "x"])


@given(st.dictionaries(keys, values, max_size=6))
@settings(max_examples=200)
def test_hostile_tables_become_clean_endpoints_or_one_line(table: dict[str, Any]) -> None:
    try:
        found = overlay.parse([{**GOOD, **table}], REGIONS)
    except UsageError as error:
        line = str(error)
    else:
        line = ""
        for endpoint in found:
            assert HostPattern.parse(endpoint.pattern).pattern == endpoint.pattern
            for text in (endpoint.purpose, endpoint.note, endpoint.source, endpoint.request.path, endpoint.id):
                assert printable(text, limit=1000) == text
    assert printable(line, limit=10_000) == line
