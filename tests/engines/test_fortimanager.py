"""FortiManager cannot be had here: its script is read as FortiOS reads it, and held to the vendor's own field names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netprobe.render import render
from netprobe.render.model import Policy
from tests.support.firewall_case import INPUTS, holds
from tests.support.fortios_reader import Block, decides, read
from tests.support.render_cases import CASES, HOSTS, ORIGIN, endpoint

FIELDS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "support" / "fortimanager_fields.json").read_text(encoding="utf-8")
)["tables"]
"""By table its fields: their choices, their type, or the fields beneath; from the vendor's Ansible collection."""
POLICIES = (Policy(enforce=True, sources=HOSTS), Policy(enforce=True, every_client=True))


def _script(policy: Policy) -> str:
    """The script for three ports, so that the inspection profile and every kind of object is in it."""
    endpoints = (*CASES["wide"].endpoints, endpoint("registry.example.com", "own", group="own", port=8443))
    return render("fortimanager", endpoints, origin=ORIGIN, options=CASES["wide"].options, policy=policy).main


def _wrong(block: Block, fields: dict[str, Any], where: str) -> Iterator[str]:
    """Settings that the collection does not know, and values that are not among its choices."""
    for key, values in block.settings.items():
        known = fields.get(key)
        if known is None or isinstance(known, dict):
            yield f"{where} has no {key}"
        elif isinstance(known, list):
            yield from (f"{where} {key} takes no {value}" for value in values if value not in known)
    for key, inner in block.inner.items():
        known = fields.get(key)
        if not isinstance(known, dict):
            yield f"{where} has no {key}"
        elif any(edited.isdigit() for edited in inner.inner):
            for edited, entry in inner.inner.items():
                yield from _wrong(entry, known, f"{where} {key} {edited}")
        else:
            yield from _wrong(inner, known, f"{where} {key}")


def _judged(text: str) -> list[str]:
    found = []
    for table, block in read(text).inner.items():
        if table not in FIELDS:
            found.append(f"no table {table}")
            continue
        for name, entry in block.inner.items():
            found += _wrong(entry, FIELDS[table], f"{table} {name}")
    return found


@pytest.mark.parametrize("policy", POLICIES)
def test_every_table_field_and_choice_is_the_vendors(policy: Policy) -> None:
    assert _judged(_script(policy)) == []


def test_all_tables_are_held_to_it() -> None:
    assert set(read(_script(POLICIES[0])).inner) == set(FIELDS)


def test_the_fields_notice_what_is_invalid() -> None:
    good = _script(POLICIES[0])
    for old, new in (
        ("set type regex", "set type expression"),
        ("set webfilter-profile", "set web-filter-profile"),
        ("set options ftgd-disable", "set options ftgd-off"),
        ("config webfilter urlfilter", "config webfilter url-filter"),
        ("set urlfilter-table", "set urlfilter"),
        ("set status certificate-inspection", "set status sni"),
    ):
        assert old in good
        assert _judged(good.replace(old, new)), new


@pytest.mark.parametrize("policy", POLICIES)
def test_it_says_what_fortios_says(policy: Policy) -> None:
    """The device that decides is the same, so a difference would be a mistake in one of them."""
    case = CASES["wide"]
    texts = [
        render(name, case.endpoints, origin=ORIGIN, options=case.options, policy=policy).main
        for name in ("fortios", "fortimanager")
    ]
    ours, theirs = ([line for line in text.splitlines() if not line.startswith("#")] for text in texts)
    assert ours == theirs


@pytest.mark.parametrize("what", INPUTS)
def test_the_url_filter_admits_what_is_claimed(what: str) -> None:
    holds("fortimanager", what, decides)
