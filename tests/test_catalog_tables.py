"""The catalog's TOML counts; its JSON twin is the same, only faster, and never older."""

from __future__ import annotations

import importlib.resources
import tomllib

import pytest

from netprobe.catalog import store
from netprobe.catalog.tables import NAME, SOURCES, parsed
from netprobe.catalog.tabulate import mistake, twin_of

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


ENTRY = b"""
[[endpoint]]
id = "health"
groups = ["control"]
host = "health.{region}.{suffix}"
purpose = "The agent asks for events."
used_by = ["ecs-agent"]
source = "https://docs.aws.amazon.com/general/latest/gr/awshealth.html"
checked = "2026-11-29"
probe = "aws-api"
"""


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (ENTRY + b'pattern = "*"\n', ["unknown field `pattern`", "the [[endpoint]] of health"]),
        (ENTRY, ["answers.toml: the answers of health are []", "add or mend its [[answer]]"]),
        (b"[[endpoint]\n", ["line "]),
        (b"", []),
    ],
)
def test_a_mistake_is_told_in_a_line_that_names_the_entry(more: bytes, words: list[str]) -> None:
    told = mistake({**FILES, "endpoints.toml": FILES["endpoints.toml"] + more})
    assert bool(told) == bool(words)
    assert "\n" not in told
    assert [word for word in words if word not in told] == []
