from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from netprobe.errors import UnreadableFileError
from netprobe.report import read, render, schema
from netprobe.report import stored as stored_module
from tests.support import reports

# The keys of DESIGN's JSON report.
TOP = {
    *("schema_version", "netprobe_version", "catalog", "started_at", "duration_seconds", "regions", "verdict"),
    *("capabilities", "endpoints", "observations", "findings", "host"),
}
IDENTITY = {
    *("name", "site", "labels", "machine_id", "addresses", "gateways", "os", "kernel", "agents", "docker", "user"),
}
CAPABILITY = {"id", "region", "outcome", "blocked_by"}
ENDPOINT = {"id", "region", "group", "pattern", "port", "required", "used_by", "outcome", "hosts"}
HOST = {"host", "outcome", "failed_step", "failure"}
OBSERVATION = {
    *("id", "vantage", "endpoint", "host", "address", "step", "started_seconds", "duration_seconds"),
    *("failure", "detail"),
}
FINDING = {"id", "severity", "certainty", "region", "hosts", "title", "evidence", "remedy", "owner", "docs"}


def document() -> dict[str, Any]:
    shown = render(reports.report(), "json")
    assert isinstance(shown, bytes)
    loaded: dict[str, Any] = json.loads(shown)
    return loaded


def test_every_promised_key_is_there() -> None:
    whole = document()
    assert set(whole) >= TOP
    assert set(whole["catalog"]) == {"version", "digest", "age_days", "imported"}
    assert set(whole["host"]) == IDENTITY
    for name, keys in (("capabilities", CAPABILITY), ("endpoints", ENDPOINT), ("observations", OBSERVATION)):
        assert whole[name]
        for one in whole[name]:
            assert keys <= set(one)
    assert all(set(one) >= FINDING for one in whole["findings"])
    assert set(whole["endpoints"][0]["hosts"][0]) == HOST


def test_the_same_report_gives_the_same_bytes_and_ends_with_a_newline() -> None:
    first = render(reports.report(), "json")
    assert first == render(reports.report(), "json")
    assert isinstance(first, bytes)
    assert first.endswith(b"}\n")


def test_a_name_that_is_not_utf_8_does_not_lose_the_report() -> None:
    shown = render(reports.hostile("/etc/\udce9t\udce9"), "json")
    assert isinstance(shown, bytes)
    assert json.loads(shown)["findings"][0]["places"][0]["file"] == "/etc/\\udce9t\\udce9"


def test_a_report_meets_its_schema_and_a_wrong_one_does_not() -> None:
    validator = jsonschema.Draft202012Validator(schema())
    jsonschema.Draft202012Validator.check_schema(schema())
    whole = document()
    assert list(validator.iter_errors(whole)) == []
    breakages: tuple[dict[str, Any], ...] = (
        {"verdict": "fine"},
        {"duration_seconds": "long"},
        {"endpoints": [{}]},
        {"findings": None},
    )
    for breakage in breakages:
        assert list(validator.iter_errors({**whole, **breakage})) != [], breakage
    for missing in TOP - {"host"}:  # a report of 1.0 or 1.1 has none
        assert list(validator.iter_errors({key: value for key, value in whole.items() if key != missing})) != []


# Numbers that have no unit.
COUNTS = {
    "port",
    "attempt",
    "retransmitted",
    "errno",
    "icmp_type",
    "close_code",
    "icmp_code",
    "status",
    "verify_code",
    "alert",
    "attempts",
    "line",
    "hop",
    "left_out",
    "families",
}
BYTES = {"mss", "bytes_received", "unacknowledged_bytes"}


def test_every_number_of_the_schema_has_its_unit_in_its_name() -> None:
    named = 0
    for definition in schema()["$defs"].values():
        for key, value in definition.get("properties", {}).items():
            kinds = {value.get("type"), *(one.get("type") for one in value.get("anyOf", []))}
            if kinds & {"number", "integer"}:
                assert key.endswith(("_seconds", "_days")) or key in COUNTS | BYTES, key
                named += 1
    assert named > 10


def test_a_saved_report_comes_back_equal(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    shown = render(reports.report(), "json")
    assert isinstance(shown, bytes)
    path.write_bytes(shown)
    assert read(path) == reports.report()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "Input data was truncated"),
        (b"{", "truncated"),
        (b"[]", "Expected `object`, got `array`"),
        (b"{}", "missing required field `schema_version`"),
        (b'{"schema_version": "2.0"}', "schema_version '2.0'"),
        (b'{"schema_version": "1.0"}', "missing required field `netprobe_version`"),
        (b"\xff\xfe", "byte 0"),
        (b"[" * 100_000, "is not a netprobe report"),
    ],
)
def test_a_malformed_report_is_refused_in_one_line_that_says_where(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError) as caught:
        read(path)
    assert told in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_value_is_named_by_its_path(tmp_path: Path) -> None:
    whole = document()
    whole["findings"][1]["severity"] = "awful"
    path = tmp_path / "report.json"
    path.write_text(json.dumps(whole))
    with pytest.raises(UnreadableFileError, match=r"\$\.findings\[1\]\.severity"):
        read(path)


@pytest.mark.parametrize("key", ["started_seconds", "duration_seconds"])
def test_a_time_that_no_calendar_holds_is_refused(key: str, tmp_path: Path) -> None:
    """Each is a number of JSON; two of them made a sum that is none, and a traceback."""
    whole = document()
    whole["observations"][0][key] = 1e308
    path = tmp_path / "report.json"
    path.write_text(json.dumps(whole))
    with pytest.raises(UnreadableFileError, match=rf"<= 1000000000000.0 - at `\$\.observations\[0\]\.{key}"):
        read(path)


def test_a_missing_file_a_folder_and_a_huge_one_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnreadableFileError, match="no such file"):
        read(tmp_path / "none.json")
    with pytest.raises(UnreadableFileError, match="is a directory"):
        read(tmp_path)
    monkeypatch.setattr(stored_module, "MAX_BYTES", 10)
    (tmp_path / "huge.json").write_bytes(b"x" * 11)
    with pytest.raises(UnreadableFileError, match="is larger than"):
        read(tmp_path / "huge.json")


def test_a_report_of_1_0_does_not_lose_its_websockets() -> None:
    """It does not say which endpoints take upgrades; the netprobe that wrote it knew."""
    old = document() | {"schema_version": "1.0"}
    for number, endpoint in enumerate(old["endpoints"]):
        endpoint["id"] = ("ecs-a", "ecs")[min(number, 1)]
        del endpoint["entry"], endpoint["upgrade"]

    first, second, *_ = stored_module.decode(json.dumps(old).encode(), "old.json").run().subjects
    assert (first.entry, first.upgrade) == ("ecs-a", True)
    assert (second.entry, second.upgrade) == ("ecs", False)
