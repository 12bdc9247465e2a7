"""Amazon's ranges: the shipped snapshot, and a user's file, however bad."""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe.catalog import prefixes
from netprobe.errors import UnreadableFileError


def entry(prefix: str, region: str = "us-east-2", service: str = "AMAZON") -> dict[str, str]:
    key = "ipv6_prefix" if ":" in prefix else "ip_prefix"
    return {key: prefix, "region": region, "service": service, "network_border_group": region}


def document(*entries: dict[str, str], **changes: Any) -> dict[str, Any]:
    return {
        "syncToken": "1787433425",
        "createDate": "2026-08-22-21-17-05",
        "prefixes": [e for e in entries if "ip_prefix" in e],
        "ipv6_prefixes": [e for e in entries if "ipv6_prefix" in e],
        **changes,
    }


def written(folder: Path, content: object) -> Path:
    path = folder / "ip-ranges.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


class TestSnapshot:
    def test_says_which_edition_it_is(self) -> None:
        found = prefixes.snapshot()
        assert found.created == "2026-08-22T21:17:05Z"
        assert found.sync_token == "1787433425"

    def test_has_every_public_region_and_keeps_global_apart(self) -> None:
        from netprobe import catalog

        found = prefixes.snapshot()
        assert prefixes.GLOBAL in found.by_region
        for region in catalog.load().supported():
            ranges = found.region(region.id)
            assert ranges is not None
            assert ranges.v4
            assert ranges.v6

    def test_does_not_know_the_iso_regions(self) -> None:
        assert prefixes.snapshot().region("us-iso-east-1") is None
        assert prefixes.snapshot().region("us-iso-east-1", with_global=True) is None

    def test_is_collapsed_ordered_and_valid(self) -> None:
        for ranges in prefixes.snapshot().by_region.values():
            v4 = [ipaddress.IPv4Network(p) for p in ranges.v4]
            v6 = [ipaddress.IPv6Network(p) for p in ranges.v6]
            assert v4 == list(ipaddress.collapse_addresses(v4))
            assert v6 == list(ipaddress.collapse_addresses(v6))
            assert all(network.is_global for network in v4)
            assert all(network.is_global for network in v6)

    def test_counts_of_the_published_file(self) -> None:
        # Counted from the file itself: 845 entries of us-east-1 collapse to 509, ap-northeast-1's 230 to 166.
        found = prefixes.snapshot()
        assert len(found.by_region["us-east-1"].v4) == 509
        assert len(found.by_region["ap-northeast-1"].v4) == 166

    @pytest.mark.parametrize(
        ("region", "address"),
        [("us-east-1", "54.239.21.73"), ("us-west-2", "54.240.249.14"), ("ap-southeast-1", "47.128.6.63")],
    )
    def test_holds_addresses_that_agents_were_seen_to_use(self, region: str, address: str) -> None:
        ranges = prefixes.snapshot().region(region)
        assert ranges is not None
        assert any(ipaddress.IPv4Address(address) in ipaddress.IPv4Network(p) for p in ranges.v4)

    def test_is_small(self) -> None:
        size = (Path(prefixes.__file__).parent / "data" / "prefixes.json").stat().st_size
        assert size < 400_000

    def test_global_is_added_only_when_asked(self) -> None:
        found = prefixes.snapshot()
        own, both = found.region("us-east-2"), found.region("us-east-2", with_global=True)
        assert own is not None
        assert both is not None
        everywhere = [ipaddress.IPv4Network(p) for p in both.v4]
        for prefix in (*own.v4, *found.by_region[prefixes.GLOBAL].v4):
            assert any(ipaddress.IPv4Network(prefix).subnet_of(network) for network in everywhere)
        assert sum(n.num_addresses for n in everywhere) > sum(ipaddress.IPv4Network(p).num_addresses for p in own.v4)


class TestRead:
    def test_takes_only_amazons_tag_and_merges(self, tmp_path: Path) -> None:
        found = prefixes.read(
            written(
                tmp_path,
                document(
                    entry("3.0.1.0/24"),
                    entry("3.0.0.0/24"),
                    entry("3.0.1.128/25"),
                    entry("52.0.0.0/16", service="EC2"),
                    entry("2600:1f00::/32", region="eu-west-1"),
                    entry("99.77.0.0/24", region="GLOBAL"),
                ),
            )
        )
        assert found.created == "2026-08-22T21:17:05Z"
        assert found.by_region == {
            "us-east-2": prefixes.Ranges(v4=("3.0.0.0/23",)),
            "eu-west-1": prefixes.Ranges(v6=("2600:1f00::/32",)),
            "GLOBAL": prefixes.Ranges(v4=("99.77.0.0/24",)),
        }

    def test_round_trip_through_the_snapshot_form(self, tmp_path: Path) -> None:
        found = prefixes.read(written(tmp_path, document(entry("3.0.0.0/24"), entry("2600:1f00::/40"))))
        assert prefixes.parse_snapshot(prefixes.dump(found)) == found
        assert prefixes.dump(found) == prefixes.dump(prefixes.parse_snapshot(prefixes.dump(found)))

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\xff\xfe",
            b"null",
            b"[]",
            b"{}",
            b"<html>captive portal</html>",
            b"[" * 100_000,
            document(),
            document(entry("3.0.0.0/24", service="EC2")),
            document(entry("3.0.0.1/24")),
            document(entry("3.0.0.0/33")),
            document(entry("0.0.0.0/0")),
            document(entry("3.0.0.0/7")),
            document(entry("3.0.0.0/24"), entry("::/0")),
            document(entry("300.0.0.0/24")),
            document({**entry("3.0.0.0/24"), "ip_prefix": "2600::/32"}),
            document(prefixes=[{"ip_prefix": 7, "region": "us-east-2", "service": "AMAZON"}]),
            document(entry("3.0.0.0/24", region="us-east-2\nallow all")),
            document(entry("3.0.0.0/24", region="")),
            document(entry("3.0.0.0/24"), createDate="today"),
            document(entry("3.0.0.0/24"), createDate="2026-13-22-21-17-05"),
            document(entry("3.0.0.0/24"), syncToken="1\x1b[31m"),
            document(entry("3.0.0.0/24"), syncToken=1787433425),
            document(entry("3.0.0.0/24"), syncToken="1" * 21),
            document(entry("3.0.0.0/24"), prefixes=None),
        ],
        ids=repr,
    )
    def test_anything_else_is_refused_in_one_line(self, tmp_path: Path, content: object) -> None:
        with pytest.raises(UnreadableFileError, match=r"is not an ip-ranges\.json") as caught:
            prefixes.read(written(tmp_path, content))
        assert "\n" not in str(caught.value)
        assert "\x1b" not in str(caught.value)

    def test_a_missing_file_and_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(UnreadableFileError, match="no such file"):
            prefixes.read(tmp_path / "none")
        with pytest.raises(UnreadableFileError, match="directory"):
            prefixes.read(tmp_path)

    def test_a_file_that_is_too_large_is_not_read_to_its_end(self, tmp_path: Path) -> None:
        path = tmp_path / "huge"
        with path.open("wb") as file:
            os.truncate(file.fileno(), 10 * prefixes.MAX_BYTES)
        with pytest.raises(UnreadableFileError, match="larger than 32 MiB"):
            prefixes.read(path)

    @given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
    @settings(max_examples=150)
    def test_noise_raises_value_errors_only(self, data: bytes) -> None:
        with pytest.raises(ValueError):
            prefixes.parse(data)

    @given(st.lists(st.tuples(st.integers(0, 255), st.integers(20, 32)), min_size=1, max_size=20))
    @settings(max_examples=80)
    def test_covers_exactly_the_same_addresses(self, drawn: list[tuple[int, int]]) -> None:
        networks = [ipaddress.IPv4Network((f"52.94.{octet}.0", length), strict=False) for octet, length in drawn]
        found = prefixes.parse(json.dumps(document(*(entry(str(n)) for n in networks))).encode())
        kept = [ipaddress.IPv4Network(p) for p in found.by_region["us-east-2"].v4]
        assert all(any(n.subnet_of(k) for k in kept) for n in networks)
        assert sum(k.num_addresses for k in kept) == len({int(address) for n in networks for address in n})


@pytest.mark.parametrize(("days", "told"), [(0, "0 days old"), (1, "1 day old"), (98, "98 days old")])
def test_the_age_of_an_edition_is_told(days: int, told: str) -> None:
    edition = prefixes.snapshot()
    now = datetime.datetime.fromisoformat(edition.created) + datetime.timedelta(days=days, hours=1)
    assert prefixes.age_told(edition, now) == told
