"""The hosts file, as the C library reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe.errors import UnreadableFileError
from netprobe.probes import hostsfile
from netprobe.probes.hostsfile import PinnedAddress


def test_names_aliases_and_lines() -> None:
    found = hostsfile.parse(
        "# comment\n127.0.0.1 localhost\n\n192.0.2.1\tECS.Example. alias # why\n2001:DB8::1 ecs.example\n"
        "nonsense ecs.example\n192.0.2.2\n"
    )
    assert found["ecs.example"] == (PinnedAddress("192.0.2.1", 4), PinnedAddress("2001:db8::1", 5))
    assert found["alias"] == (PinnedAddress("192.0.2.1", 4),)
    assert set(found) == {"localhost", "ecs.example", "alias"}


def test_lookup(tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text("192.0.2.1 ecs.example\n")
    assert hostsfile.lookup(file, "ecs.example") == (PinnedAddress("192.0.2.1", 1),)
    assert hostsfile.lookup(file, "other.example") == ()
    assert hostsfile.lookup(tmp_path / "missing", "ecs.example") == ()
    assert hostsfile.lookup(None, "ecs.example") == ()
    with pytest.raises(UnreadableFileError):
        hostsfile.lookup(tmp_path / "hosts" / "below-a-file", "ecs.example")


@settings(max_examples=50)
@given(st.text(max_size=200))
def test_no_text_crashes_it(text: str) -> None:
    for entries in hostsfile.parse(text).values():
        assert entries
