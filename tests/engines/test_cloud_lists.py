"""Skyhigh, Netskope and Umbrella cannot be had here: independent readers of the lists that their pages describe."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from netprobe.errors import CannotExpressError
from netprobe.render import Options, Rendered, render, targets
from tests.support.firewall_case import INPUTS, Decides, holds, made
from tests.support.render_cases import CASES, ORIGIN, endpoint
from tests.support.render_corpus import corpus

_HOST = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+"


def _bound(output: Rendered, admits: Any) -> Decides:
    """The list knows no ports; ``holds`` asks on others too, where nothing is claimed."""
    ports = {entry.port for entry in output.lowered.entries}
    return lambda name, port: port in ports and bool(admits(name))


# --- Skyhigh --------------------------------------------------------------------------------------------------------


def _skyhigh_fits(entry: str, host: str) -> bool:
    """``regex(…)`` is looked for; a glob stands for the whole host, and its asterisk for anything."""
    if found := re.fullmatch(r"regex\((.+)\)", entry):
        return re.search(found[1], host, re.IGNORECASE) is not None
    assert re.fullmatch(r"[a-z0-9.*-]+", entry), entry
    return re.fullmatch(re.escape(entry).replace(r"\*", ".*"), host) is not None


def _skyhigh(output: Rendered) -> Decides:
    entries = [line for line in output.main.splitlines() if line and not line.startswith("#")]
    assert len(set(entries)) == len(entries)
    return _bound(output, lambda name: any(_skyhigh_fits(entry, name) for entry in entries))


@pytest.mark.parametrize("what", INPUTS)
def test_skyhigh_admits_what_is_claimed(what: str) -> None:
    holds("skyhigh", what, _skyhigh)


def test_a_glob_would_have_admitted_more() -> None:
    """Why patterns are expressions: with a glob a customer's bucket fits."""
    bucket = "ecs-a-x.s3.us-east-2.amazonaws.com"
    assert _skyhigh_fits("ecs-a-*.us-east-2.amazonaws.com", bucket)
    assert not _skyhigh(made("skyhigh", "strict"))(bucket, 443)
    assert _skyhigh(made("skyhigh", "strict"))("ecs-a-7.us-east-2.amazonaws.com", 443)


# --- Netskope -------------------------------------------------------------------------------------------------------


def _lists(output: Rendered) -> list[dict[str, Any]]:
    """The lists as the API takes them; the main file holds the same."""
    bodies = [json.loads(text) for name, text in sorted(output.files.items()) if name != "netprobe.json"]
    assert bodies == json.loads(output.main)["lists"]
    for body in bodies:
        assert set(body) == {"name", "data"}
        assert set(body["data"]) == {"type", "urls"}
        assert body["name"] == f"netprobe-{body['data']['type']}"
    return bodies


def _netskope_fits(kind: str, url: str, host: str) -> bool:
    """An expression must come out alike for every way in which a URL may be given to it, found or fitted."""
    if kind == "exact":
        assert re.fullmatch(rf"(\*\.)?{_HOST}", url), url
        return host == url or (url.startswith("*.") and (host.endswith(url[1:]) or host == url[2:]))
    subjects = (host, f"{host}/", f"https://{host}/a?b=c", f"http://{host}", f"{host}:443")
    answers = {re.search(url, one) is not None for one in subjects}
    answers |= {re.fullmatch(url, one) is not None for one in subjects}
    (same,) = answers
    return same


def _netskope(output: Rendered) -> Decides:
    bodies = [body["data"] for body in _lists(output)]
    return _bound(
        output, lambda name: any(_netskope_fits(one["type"], url, name) for one in bodies for url in one["urls"])
    )


@pytest.mark.parametrize("what", INPUTS)
def test_netskope_admits_what_is_claimed(what: str) -> None:
    holds("netskope", what, _netskope)


def test_a_listed_name_in_the_path_of_another_host_does_not_fit() -> None:
    (regex,) = (body["data"]["urls"] for body in _lists(made("netskope", "strict")) if body["data"]["type"] == "regex")
    for url in regex:
        assert re.search(url, "https://ecs-a-1.us-east-2.amazonaws.com.evil.test/") is None
        assert re.search(url, "https://evil.test/ecs-a-1.us-east-2.amazonaws.com") is None
        assert re.search(url, "https://evil.test/https://ecs-a-1.us-east-2.amazonaws.com/") is None
    assert any(re.search(url, "https://ecs-a-1.us-east-2.amazonaws.com/x") for url in regex)


def test_a_list_without_entries_is_not_written() -> None:
    names = (endpoint("registry.example.com", "own"),)
    output = render("netskope", names, origin=ORIGIN, options=CASES["strict"].options)
    assert sorted(output.files) == ["netprobe-exact.json", "netprobe.json"]
    assert [body["name"] for body in _lists(output)] == ["netprobe-exact"]


# --- Umbrella -------------------------------------------------------------------------------------------------------


def _destinations(output: Rendered) -> list[str]:
    found = json.loads(output.files["netprobe-destinations.json"])
    assert found == json.loads(output.main)["destinations"]
    assert 1 <= len(found) <= 500
    for one in found:
        assert set(one) == {"destination", "comment"}
        assert len(one["comment"]) < 256
        assert re.fullmatch(_HOST, one["destination"]), "an asterisk is not supported"
    return [one["destination"] for one in found]


def _umbrella(output: Rendered) -> Decides:
    """Every domain has a wildcard on its left."""
    domains = _destinations(output)
    return _bound(output, lambda name: any(name == one or name.endswith(f".{one}") for one in domains))


_LISTED = Options(seen=CASES["strict"].options.seen, allow_widening=True)


def test_umbrella_admits_what_is_claimed() -> None:
    holds("umbrella", "wide", _umbrella)
    output = render("umbrella", CASES["strict"].endpoints, origin=ORIGIN, options=_LISTED)
    decides = _umbrella(output)
    answers = {name: decides(name, 443) for name in corpus(CASES["strict"].endpoints)}
    assert answers == {name: output.lowered.admits(name) for name in answers}
    assert set(answers.values()) == {True, False}
    assert decides("ecs-a-22.us-east-2.amazonaws.com", 443)
    assert not decides("bucket.s3.us-east-2.amazonaws.com", 443), "names that were seen come before the whole region"


def test_umbrella_is_refused_without_the_permission_to_widen() -> None:
    """Beneath a registry or a bucket may stand a name of somebody else's: nothing at Umbrella keeps it out."""
    with pytest.raises(CannotExpressError, match="which is not permitted"):
        made("umbrella", "strict")


def test_that_nothing_is_exact_at_umbrella_is_told_for_every_name() -> None:
    output = render("umbrella", CASES["strict"].endpoints, origin=ORIGIN, options=_LISTED)
    told = {loss.pattern for loss in output.lowered.losses if "every other name beneath" in loss.explanation}
    assert told >= {one.pattern for one in CASES["strict"].endpoints if not one.numbered}
    assert _umbrella(output)("sub.ecs.us-east-2.amazonaws.com", 443)


def test_more_destinations_than_a_request_takes_are_refused() -> None:
    many = tuple(endpoint(f"h{i}.example.com", f"h{i}") for i in range(501))
    with pytest.raises(CannotExpressError, match="501 entries"):
        render("umbrella", many, origin=ORIGIN, options=CASES["strict"].options)


def test_the_readers_notice_what_is_invalid() -> None:
    with pytest.raises(AssertionError):
        _skyhigh_fits("regex(^a$", "a")
    with pytest.raises(AssertionError):
        _netskope_fits("exact", "www.*.example.com", "x")
    with pytest.raises(ValueError, match="too many values"):
        _netskope_fits("regex", "^a\\.example\\.com$", "a.example.com")


@pytest.mark.parametrize("name", ["skyhigh", "netskope", "umbrella"])
def test_the_page_says_what_denies_and_for_whom(name: str) -> None:
    """The list itself cannot: so the page tells the two rules, the one that denies only where it is wished."""
    load = " ".join(targets.page(name).partition("## Load")[2].partition("## Verify")[0].split())
    assert "deni" in load or "deny" in load
    assert "hosts" in load
