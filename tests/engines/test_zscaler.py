"""Zscaler cannot be had here: an independent reader of its URL format."""

from __future__ import annotations

import json
import re

import pytest

from netprobe.errors import CannotExpressError
from netprobe.render import Rendered, render, targets
from tests.support.firewall_case import INPUTS, Decides, holds, made
from tests.support.render_cases import CASES, ORIGIN, closed, endpoint


def _check(url: str) -> None:
    assert len(url) <= 1024
    assert len(url.removeprefix(".").partition("/")[0]) <= 255
    assert re.fullmatch(r"\.?[a-z0-9]([a-z0-9.-]*[a-z0-9])?", url), url
    assert ".." not in url


def _fits(url: str, name: str) -> bool:
    """A dot in front: the name and up to five levels beneath it. No dot: the name."""
    _check(url)
    if not url.startswith("."):
        return url == name
    head, found, rest = name.rpartition(url)
    beneath = bool(found) and not rest and bool(head) and head.count(".") + 1 <= 5
    return name == url[1:] or beneath


def _category(output: Rendered) -> dict[str, object]:
    category = json.loads(output.files["netprobe-category.json"])
    assert isinstance(category, dict)
    assert category["configuredName"] == "netprobe"
    assert category["superCategory"] == "USER_DEFINED"
    assert category["customCategory"] is True
    assert category == json.loads(output.main)["category"]
    assert category["urls"] == output.files["netprobe-urls.txt"].splitlines()
    return category


def _read(output: Rendered) -> Decides:
    urls = _category(output)["urls"]
    assert isinstance(urls, list)
    ports = {entry.port for entry in output.lowered.entries}
    return lambda name, port: port in ports and any(_fits(url, name) for url in urls)


@pytest.mark.parametrize("what", INPUTS)
def test_the_category_admits_what_is_claimed(what: str) -> None:
    holds("zscaler", what, _read)


def test_five_levels_and_no_more() -> None:
    output = made("zscaler", "wide")
    decide = _read(output)
    for depth in range(1, 8):
        name = ".".join([*"abcdefgh"[:depth], "dkr.ecr.us-east-2.amazonaws.com"])
        assert decide(name, 443) == output.lowered.admits(name), name
    assert decide("a.b.c.d.e.dkr.ecr.us-east-2.amazonaws.com", 443)
    assert not decide("a.b.c.d.e.f.dkr.ecr.us-east-2.amazonaws.com", 443)


def test_more_than_the_organisation_takes_is_refused() -> None:
    many = tuple(endpoint(f"h{i}.example.com", f"h{i}") for i in range(25_001))
    with pytest.raises(CannotExpressError, match="25001 entries"):
        render("zscaler", many, origin=ORIGIN, options=CASES["strict"].options, policy=closed("zscaler"))


def test_the_page_tells_what_is_asked_before_these_rules() -> None:
    """An allowing rule of Cloud App Control ends it: the category, and the rule that blocks, are never reached."""
    load = " ".join(targets.page("zscaler").partition("## Load")[2].partition("## Verify")[0].split())
    assert "Cloud App Control is asked before URL Filtering" in load
    assert "*Allow Cascading to URL Filtering*" in load


def test_the_reader_notices_what_is_invalid() -> None:
    for url in ("*.example.com", "Example.com", "https://a.example.com", "a..b"):
        with pytest.raises(AssertionError):
            _check(url)
