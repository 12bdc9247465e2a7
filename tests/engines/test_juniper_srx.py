"""Junos cannot be had here: an independent reader of its ``set`` commands and of URL patterns (20.4R1)."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from netprobe.errors import CannotExpressError
from netprobe.render import Options, Rendered, render
from tests.support.firewall_case import INPUTS, Decides, holds, made
from tests.support.render_cases import ORIGIN, endpoint, enforcing

_UTM = ("security", "utm")
_ALLOWED = (
    r"security utm custom-objects url-pattern \S+ value \S+",
    r"security utm custom-objects custom-url-category \S+ value \S+",
    r"security utm feature-profile web-filtering juniper-local profile \S+ category \S+ action permit",
    r"security utm feature-profile web-filtering juniper-local profile \S+ default block",
    r"security utm feature-profile web-filtering juniper-local profile \S+ fallback-settings \S+ block",
    r"security utm utm-policy \S+ web-filtering http-profile \S+",
    r"applications application \S+ (protocol (?:tcp|udp)|destination-port \d+)",
    r"security policies global policy \S+ match (source-address|destination-address|application) \S+",
    r"security policies global policy \S+ then (deny|permit application-services utm-policy \S+)",
    r"security address-book global address \S+ dns-name \S+",
    r"security address-book global address \S+ [0-9a-f.:]+/\d+",
    r"security address-book global address-set \S+ address \S+",
)


def _commit(text: str, over: Iterable[tuple[str, ...]] = ()) -> list[tuple[str, ...]]:
    """The statements of the candidate configuration, in order; a delete takes away everything beneath its path.

    ``over`` is what stood there before.
    """
    before = {*over}
    found = [*over]
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        verb, *path = line.split(" ")
        assert all(re.fullmatch(r"[A-Za-z0-9.^*_:/-]+", word) for word in path), line
        if verb == "delete":
            found = [one for one in found if one[: len(path)] != tuple(path)]
            continue
        assert verb == "set", line
        assert any(re.fullmatch(form, " ".join(path)) for form in _ALLOWED), line
        if tuple(path) in before and tuple(path) in found:
            continue
        assert tuple(path) not in found, line
        found.append(tuple(path))
    return found


def _values(statements: list[tuple[str, ...]], *path: str) -> list[tuple[str, ...]]:
    return [one[len(path) :] for one in statements if one[: len(path)] == path]


def _check(pattern: str) -> None:
    words = pattern.split(".")
    assert all(words)
    assert "://" not in pattern
    for index, word in enumerate(words):
        assert not set(word) & set("*^") or word in ("*", "^"), f"{pattern}: a wildcard is a whole word"
        assert word != "*" or index == 0, f"{pattern}: * stands at the head only"


def _fits(pattern: str, name: str) -> bool:
    _check(pattern)
    words, labels = pattern.split("."), name.split(".")
    if words[0] == "*":
        words = words[1:]
        labels = labels[len(labels) - len(words) :] if len(labels) >= len(words) else labels
    same = len(words) == len(labels)
    return same and all(word in ("^", label) for word, label in zip(words, labels, strict=True))


def _read(output: Rendered) -> Decides:
    statements = _commit(output.main)

    def decide(name: str, port: int) -> bool:
        order = dict.fromkeys(path[0] for path in _values(statements, "security", "policies", "global", "policy"))
        for policy in order:
            base = ("security", "policies", "global", "policy", policy)
            assert _values(statements, *base, "match", "source-address") == [("netprobe-hosts",)]
            assert _values(statements, *base, "match", "destination-address") == [("any",)]
            applications = [one[0] for one in _values(statements, *base, "match", "application")]
            applications = [app for app in applications if "-udp-" not in app]
            ports = [one for app in applications for one in _values(statements, "applications", "application", app)]
            if ("destination-port", str(port)) not in ports:
                continue
            match _values(statements, *base, "then"):
                case [("deny",)]:
                    return False
                case [("permit", "application-services", "utm-policy", utm)]:
                    return _utm(statements, utm, name)
                case other:
                    raise AssertionError(other)
        return False

    return decide


def _utm(statements: list[tuple[str, ...]], policy: str, name: str) -> bool:
    ((profile,),) = _values(statements, *_UTM, "utm-policy", policy, "web-filtering", "http-profile")
    base = (*_UTM, "feature-profile", "web-filtering", "juniper-local", "profile", profile)
    assert _values(statements, *base, "default") == [("block",)]
    assert {how for _, how in _values(statements, *base, "fallback-settings")} == {"block"}
    for category, _, _ in _values(statements, *base, "category"):
        for (patterns,) in _values(statements, *_UTM, "custom-objects", "custom-url-category", category, "value"):
            for (pattern,) in _values(statements, *_UTM, "custom-objects", "url-pattern", patterns, "value"):
                if _fits(pattern, name):
                    return True
    return False


@pytest.mark.parametrize("what", INPUTS)
def test_the_policies_admit_what_is_claimed(what: str) -> None:
    holds("juniper-srx", what, _read)


def test_a_subtree_is_the_name_itself_too() -> None:
    """What the release notes call zero or more words, and the claim calls a subtree."""
    assert _fits("*.b.c", "b.c")
    assert _fits("*.b.c", "x.y.b.c")
    assert not _fits("^.b.c", "b.c")
    assert not _fits("*.b.c", "xb.c")


def test_the_denial_is_the_last_policy_even_after_loading_twice() -> None:
    text = made("juniper-srx", "wide").main
    policies = _values(_commit(text), "security", "policies", "global", "policy")
    assert list(dict.fromkeys(path[0] for path in policies))[-1] == "netprobe-deny"
    assert text.index("delete security policies global policy netprobe-deny") > text.index("netprobe-allow-443")


def test_a_new_file_leaves_nothing_of_an_older_list() -> None:
    older, newer = made("juniper-srx", "wide").main, made("juniper-srx", "strict").main
    path = ("security", "utm", "custom-objects", "url-pattern", "netprobe-443", "value")
    assert _values(_commit(newer, over=_commit(older)), *path) == _values(_commit(newer), *path)
    assert set(_values(_commit(older), *path)) - set(_values(_commit(newer), *path))


def test_addresses_are_exact_names_in_one_set() -> None:
    statements = _commit(made("juniper-srx", "wide").files["netprobe-addresses.set"])
    named = {path[0]: path[2] for path in _values(statements, "security", "address-book", "global", "address")}
    members = _values(statements, "security", "address-book", "global", "address-set", "netprobe-names", "address")
    assert [one for (one,) in members] == list(named)
    assert all("*" not in name and len(key) <= 63 for key, name in named.items())
    assert "download.docker.com" in named.values()


def test_more_patterns_than_a_list_takes_are_refused() -> None:
    many = tuple(endpoint(f"h{i}.example.com", f"h{i}", group="own") for i in range(8193))
    with pytest.raises(CannotExpressError, match="8193 entries"):
        render("juniper-srx", many, origin=ORIGIN, options=Options(), policy=enforcing("juniper-srx"))


def test_the_reader_notices_what_is_invalid() -> None:
    for pattern in ("ecs-a-*.us-east-2.amazonaws.com", "a.*.example.com", "https://a.example.com", "a..b"):
        with pytest.raises(AssertionError):
            _check(pattern)
    with pytest.raises(AssertionError):
        _commit("set system root-authentication plain-text-password")
