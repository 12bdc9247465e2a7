"""What the services answer: of every entry and upgrade the catalog says whether it was seen, where and when."""

from __future__ import annotations

import csv
import datetime
import io
import json
from importlib.resources import files
from typing import Any

import msgspec
import pytest

from netprobe import catalog
from netprobe.catalog import answers, store
from netprobe.cli.main import run
from tests.support.lab_endpoints import REGION

TODAY = datetime.date(2026, 11, 28)


def data() -> dict[str, bytes]:
    folder = files("netprobe.catalog") / "data"
    names = ("endpoints.toml", "answers.toml", "partitions.json", "regions.toml")
    return {name: (folder / name).read_bytes() for name in names}


def test_every_entry_says_seen_or_expected_with_source_and_date() -> None:
    known = catalog.load()
    for entry in known.entries:
        found = known.answers[entry.id]
        upgrades = known.requests[entry.probe].upgrade
        assert [one.step for one in found] == (["http", "websocket"] if upgrades else ["http"]), entry.id
        for one in found:
            assert one.source.startswith("https://")
            assert one.told
            day = datetime.date.fromisoformat(one.date if len(one.date) > 4 else f"{one.date}-01-01")
            assert datetime.date(2014, 1, 1) <= day <= TODAY
            assert all(100 <= status < 600 for status in one.status)
            if one.seen:
                assert one.short == f"seen {one.date}"
            else:
                assert one.short == "expected"
                assert day == TODAY, "looked for again when an expectation is written down"


def test_no_public_record_of_an_unsigned_upgrade_is_claimed() -> None:
    for found in catalog.load().answers.values():
        assert not [one for one in found if one.step == "websocket" and one.seen]


def record(**more: Any) -> bytes:
    wanted = {"of": ["ecs"], "step": "http", "seen": True, "told": "t", "source": "s", "date": "2026-01-01", **more}
    return (
        "\n[[answer]]\n" + "\n".join(f"{key} = {json.dumps(value)}" for key, value in wanted.items()) + "\n"
    ).encode()


def test_of_several_the_newest_that_was_seen_counts() -> None:
    shipped = data()
    newer = shipped["answers.toml"] + record(date="2026-12-01", told="newer", status=[404])
    older = newer + record(date="2020-01-01", told="older")
    expected = older + record(seen=False, date="2026-12-02", told="only expected")
    for text in (newer, older, expected):
        (one,) = store.build({**shipped, "answers.toml": text}).answers["ecs"]
        assert (one.told, one.status, one.date) == ("newer", (404,), "2026-12-01")


@pytest.mark.parametrize(
    "wrong",
    [
        record(of=["no-such-entry"]),
        record(step="websocket"),  # ecs makes no upgrade
        record(of=[]),
        record(date="yesterday"),
        record(source=""),
        record(step="dns"),
        record(more=1),
    ],
)
def test_a_record_that_says_too_little_is_refused(wrong: bytes) -> None:
    shipped = data()
    with pytest.raises((ValueError, msgspec.ValidationError)):
        store.build({**shipped, "answers.toml": shipped["answers.toml"] + wrong})


def test_an_entry_without_an_answer_is_refused() -> None:
    shipped = data()
    kept = [
        msgspec.structs.replace(one, of=tuple(id_ for id_ in one.of if id_ != "ssm"))
        for one in answers.parse(shipped["answers.toml"])
    ]
    known = catalog.load()
    with pytest.raises(ValueError, match="the answers of ssm"):
        answers.of_entries(kept, known.entries, known.requests)


def test_endpoints_shows_it_in_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["endpoints", "-r", REGION]) == 0
    table = capsys.readouterr().out
    assert "answer seen 2021-02-16" in table
    assert "answer to an upgrade expected" in table
    assert run(["endpoints", "-r", REGION, "--format", "json"]) == 0
    rows = {row["id"]: row for row in json.loads(capsys.readouterr().out)["endpoints"]}
    plain, upgrade = rows["ecs-a"]["answers"]
    assert (plain["step"], plain["seen"], plain["date"]) == ("http", True, "2015")
    assert (upgrade["step"], upgrade["seen"]) == ("websocket", False)
    assert run(["endpoints", "-r", REGION, "--format", "csv"]) == 0
    shown = {row["endpoint"]: row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    assert shown["ecs"]["answer"].startswith("seen 2021-02-16: 200")
    assert shown["ecs"]["answer_source"].startswith("https://")
    assert shown["ecs"]["upgrade_answer"] == ""
    assert shown["ssmmessages"]["upgrade_answer"].startswith("expected: ")


def test_explain_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "ssmmessages"]) == 0
    page = capsys.readouterr().out
    assert "answer to the probe's request, only expected, no record found by 2026-11-28" in page
    assert "answer to the unsigned WebSocket upgrade, only expected" in page
    assert run(["explain", "ecs"]) == 0
    assert "answer to the probe's request, seen 2021-02-16: 200" in capsys.readouterr().out
