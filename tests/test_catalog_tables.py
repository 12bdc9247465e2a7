"""The catalog's TOML counts; its JSON twin is the same, only faster, and never older."""

from __future__ import annotations

import importlib.resources
import tomllib

import pytest

from netprobe.catalog import store
from netprobe.catalog.tables import NAME, SOURCES, parsed
from netprobe.catalog.tabulate import twin_of

DATA = importlib.resources.files("netprobe.catalog") / "data"
FILES = {name: (DATA / name).read_bytes() for name in (*SOURCES, "partitions.json", NAME)}


def test_the_twin_that_ships_was_made_of_the_files_that_ship() -> None:
    assert FILES[NAME] == twin_of(FILES), "make it again: python -m netprobe.catalog.tabulate"


def test_with_and_without_it_the_catalog_is_the_same() -> None:
    without = {name: data for name, data in FILES.items() if name != NAME}
    assert parsed(FILES) == parsed(without) == {name: tomllib.loads(FILES[name].decode()) for name in SOURCES}
    assert store.build(FILES) == store.build(without)


@pytest.mark.parametrize("name", SOURCES)
def test_an_edit_counts_at_once(name: str) -> None:
    """A twin of other bytes is not read, whatever it says."""
    edited = FILES[name].replace(b"ecs-a", b"ecs-b").replace(b"eu-west-1", b"eu-west-9") + b"\n# edited\n"
    assert parsed({**FILES, name: edited})[name] == tomllib.loads(edited.decode())


def test_what_is_no_toml_is_told_though_there_is_a_twin() -> None:
    with pytest.raises(tomllib.TOMLDecodeError):
        parsed({**FILES, "regions.toml": b"[["})
