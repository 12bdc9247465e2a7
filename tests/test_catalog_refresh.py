"""The generated data equals what its sources give, and a bad source leaves it alone."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import msgspec
import pytest

from netprobe.catalog import edition, files, history, prefixes, refresh, store, tables, validation
from netprobe.errors import UnreadableFileError

COMMITTED = refresh.DATA / "partitions.json"


def test_the_committed_partitions_are_what_the_installed_botocore_gives() -> None:
    pytest.importorskip("botocore")
    ours = store.parse_partitions(COMMITTED.read_bytes())
    theirs = store.parse_partitions(refresh.partitions())
    assert ours.partitions == theirs.partitions, "run: python -m netprobe.catalog.refresh"
    assert re.fullmatch(r"\d+\.\d+\.\d+", ours.botocore)


def test_is_deterministic_and_idempotent(tmp_path: Path) -> None:
    pytest.importorskip("botocore")
    refresh.main(["--data", str(tmp_path)])
    first = (tmp_path / "partitions.json").read_bytes()
    refresh.main(["--data", str(tmp_path)])
    assert (tmp_path / "partitions.json").read_bytes() == first == refresh.partitions()
    assert [path.name for path in tmp_path.iterdir()] == ["partitions.json"]


def test_the_committed_prefixes_are_in_the_form_that_refresh_writes() -> None:
    data = (refresh.DATA / "prefixes.json").read_bytes()
    assert prefixes.dump(prefixes.parse_snapshot(data)) == data


def test_prefixes_come_from_the_file_that_is_named(tmp_path: Path) -> None:
    pytest.importorskip("botocore")
    source = tmp_path / "ip-ranges.json"
    source.write_text(
        json.dumps(
            {
                "syncToken": "1",
                "createDate": "2026-01-02-03-04-05",
                "prefixes": [{"ip_prefix": "3.0.0.0/24", "region": "us-east-2", "service": "AMAZON"}],
                "ipv6_prefixes": [],
            }
        )
    )
    refresh.main(["--data", str(tmp_path), "--ip-ranges", str(source)])
    found = prefixes.parse_snapshot((tmp_path / "prefixes.json").read_bytes())
    assert found.created == "2026-01-02T03:04:05Z"
    assert found.by_region == {"us-east-2": prefixes.Ranges(v4=("3.0.0.0/24",))}


def test_a_bad_source_leaves_the_old_file_alone(tmp_path: Path) -> None:
    pytest.importorskip("botocore")
    old = tmp_path / "prefixes.json"
    old.write_bytes(b"old")
    source = tmp_path / "bad"
    source.write_bytes(b"{}")
    with pytest.raises(UnreadableFileError):
        refresh.main(["--data", str(tmp_path), "--ip-ranges", str(source)])
    assert old.read_bytes() == b"old"


def test_what_the_reader_refuses_is_never_put_in_place(tmp_path: Path) -> None:
    target = tmp_path / "partitions.json"
    target.write_bytes(b"old")
    with pytest.raises(ValueError):
        files.replace(target, b'{"botocore": "1"}', store.parse_partitions)
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_replacement_is_readable_by_everyone_and_leaves_nothing_beside(tmp_path: Path) -> None:
    target = tmp_path / "x.json"
    files.replace(target, b"new", len)
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [target]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A copy of every data file."""
    folder = tmp_path / "data"
    shutil.copytree(refresh.DATA, folder)
    return folder


def changed_region(folder: Path) -> None:
    """As botocore would bring a region that is new, with another one gone."""
    path = folder / "partitions.json"
    document = json.loads(path.read_bytes())
    regions = document["partitions"][0]["regions"]
    regions["us-new-1"] = "US (Nowhere)"
    del regions["ap-east-2"]
    path.write_text(json.dumps(document))


def test_what_is_in_the_history_already_gets_no_draft(data: Path) -> None:
    before = {path.name: path.read_bytes() for path in data.iterdir()}
    assert refresh.draft_history(data, "2027-01-04") == ()
    assert {path.name: path.read_bytes() for path in data.iterdir()} == before


def test_a_refresh_drafts_what_changed_and_the_words_are_asked_for(data: Path) -> None:
    changed_region(data)
    toml = data / "endpoints.toml"
    toml.write_text(toml.read_text().replace('host = "ecs.{region}.{suffix}"', 'host = "ecs2.{region}.{suffix}"', 1))
    regions = data / "regions.toml"
    regions.write_text(regions.read_text().replace('"ap-east-2", ', ""))
    drafts = refresh.draft_history(data, "2027-01-04")
    assert [(one.subject, one.kind, one.version) for one in drafts] == [
        ("ecs", "hosts", "2027-01-04"),
        ("region ap-east-2", "removed", "2027-01-04"),
        ("region us-new-1", "added", "2027-01-04"),
    ]
    assert drafts[0].before == {"host": "ecs.{region}.{suffix}"}
    assert drafts[0].after == {"host": "ecs2.{region}.{suffix}"}
    assert "US (Nowhere)" in drafts[2].reason
    found = {name: (data / name).read_bytes() for name in edition.FILES}
    catalog = store.build(found)
    assert catalog.version == "2027-01-04"
    told = history.parse(found["history.json"])
    assert history.missing(told, catalog) == ()
    assert tables.parsed({**found, "tables.json": (data / "tables.json").read_bytes()})["endpoints.toml"]["version"]
    twins = json.loads((data / "tables.json").read_bytes())
    assert twins["endpoints.toml"]["of"] == hashlib.sha256(found["endpoints.toml"]).hexdigest()
    broken = validation.problems(found)
    assert len([one for one in broken if "a draft that nobody has put into words" in one]) == 3, broken
    assert len(broken) == 3

    assert refresh.draft_history(data, "2027-01-11") == (), "a second run adds nothing"
    worded = [
        msgspec.structs.replace(one, reason="it is the way of the world", impact="nothing that anybody would notice")
        if one.reason.startswith(history.DRAFT)
        else one
        for one in told.changes
    ]
    found["history.json"] = history.dump(msgspec.structs.replace(told, changes=tuple(worded)))
    assert validation.problems(found) == ()


def test_the_whole_refresh_says_what_it_drafted(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("botocore")
    told = history.parse((data / "history.json").read_bytes())
    kept = [one for one in told.changes if one.version == told.versions[-1]][:-1]
    older = [one for one in told.changes if one.version != told.versions[-1]]
    (data / "history.json").write_bytes(history.dump(msgspec.structs.replace(told, changes=(*older, *kept))))
    refresh.main(["--data", str(data), "--day", "2027-01-04"])
    gone = told.changes[-1]
    assert capsys.readouterr().out == (
        f"history.json: 2027-01-04 {gone.subject} {gone.kind}: put its reason and impact into words\n"
    )
