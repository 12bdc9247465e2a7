"""The catalog's history: equal to the catalog, in words, and a difference that takes one version to the next."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe import catalog
from netprobe.catalog import history
from netprobe.catalog.history import CatalogChange, CatalogChangeKind
from netprobe.errors import UsageError

SHIPPED = history.current()
FIELDS = [name for names in history._KINDS.values() for name in names]
VALUES = st.one_of(st.booleans(), st.integers(1, 65535), st.text(max_size=8), st.lists(st.text(max_size=4), min_size=1))
FACTS = st.dictionaries(
    st.text(min_size=1, max_size=6), st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6), max_size=8
)


def test_the_history_adds_up_to_the_catalog() -> None:
    lacking = [
        f"{one.subject} {one.kind}: {one.before} -> {one.after}" for one in history.missing(SHIPPED, catalog.load())
    ]
    remedy = "draft them: python -m netprobe.catalog.refresh; then put reason, source and impact into words"
    assert not lacking, f"{lacking}; {remedy}"


def test_a_change_without_an_entry_is_noticed() -> None:
    now = catalog.load()
    first = msgspec.structs.replace(now.entries[0], host="new.{region}.{suffix}")
    changed = msgspec.structs.replace(now, entries=(first, *now.entries[1:]))
    (one,) = history.missing(SHIPPED, changed)
    assert (one.subject, one.kind, one.after["host"]) == (first.id, CatalogChangeKind.HOSTS, "new.{region}.{suffix}")


def test_every_change_says_when_why_by_whom_and_what_it_means() -> None:
    assert SHIPPED.changes
    for change in SHIPPED.changes:
        assert SHIPPED.first.version < change.version <= catalog.load().version
        assert min(map(len, (change.reason, change.impact))) > 20, change.subject
        assert change.source.startswith("https://"), change.subject
    versions = [change.version for change in SHIPPED.changes]
    assert versions == sorted(versions)


def test_the_file_is_what_is_written() -> None:
    assert history.parse(history.dump(SHIPPED)) == SHIPPED


@given(FACTS)
def test_nothing_differs_from_itself(facts: dict[str, Any]) -> None:
    assert history.diff(facts, facts) == ()


@given(FACTS, FACTS)
def test_a_difference_takes_one_version_to_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert history.apply(before, history.diff(before, after)) == after
    assert history.apply(after, history.diff(after, before)) == before


@given(FACTS, FACTS, FACTS)
def test_differences_follow_one_another(a: dict[str, Any], b: dict[str, Any], c: dict[str, Any]) -> None:
    assert history.apply(a, [*history.diff(a, b), *history.diff(b, c)]) == c


def test_a_change_that_does_not_fit_is_refused() -> None:
    facts = {"ecs": {"host": "a"}}
    for change in (
        CatalogChange(version="2", subject="ecs", kind=CatalogChangeKind.ADDED, after={"host": "b"}),
        CatalogChange(version="2", subject="ssm", kind=CatalogChangeKind.REMOVED, before={"host": "a"}),
        CatalogChange(
            version="2", subject="ecs", kind=CatalogChangeKind.HOSTS, before={"host": "c"}, after={"host": "b"}
        ),
    ):
        with pytest.raises(ValueError, match="2: "):
            history.apply(facts, [change])


def test_the_first_version_can_be_asked_as_todays() -> None:
    first = history.catalog_at(SHIPPED, SHIPPED.first.version)
    now = history.catalog_at(SHIPPED, catalog.load().version)
    assert len(first.entries) == 48
    assert {one.id for one in now.entries} == {one.id for one in catalog.load().entries}
    assert now.endpoints("us-east-2") == catalog.load().endpoints("us-east-2")
    assert "docker-hub-layers-3" not in {one.id for one in first.endpoints("us-east-2")}
    assert "me-west-1" in {region.id for region in first.supported()}
    assert "me-west-1" not in {region.id for region in now.supported()}


@pytest.mark.parametrize(("moment", "version"), [("2026-11-23", "2026-11-23"), ("2026-11-25", "2026-11-23")])
def test_any_day_has_a_version(moment: str, version: str) -> None:
    assert history.version_at(SHIPPED, moment, "2026-11-28") == version


@pytest.mark.parametrize(
    ("moment", "reason"),
    [("yesterday", "neither a version"), ("2020-01-01", "begins on 2026-11-23"), ("2126-01-01", "is newer than")],
)
def test_days_of_which_nothing_is_known(moment: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        history.version_at(SHIPPED, moment, catalog.load().version)
