"""The generated data equals what its sources give, and a bad source leaves it alone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from netprobe.catalog import files, prefixes, refresh, store
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
