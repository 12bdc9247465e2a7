"""FortiOS cannot be had here: an independent reader of its configuration blocks, quoting and URL filter.

The reader is ``tests/support/fortios_reader.py``.
"""

from __future__ import annotations

import pytest

from netprobe.errors import CannotExpressError
from netprobe.render import render
from netprobe.render.model import Policy
from tests.support.firewall_case import INPUTS, holds, made
from tests.support.fortios_reader import decides as decides_
from tests.support.fortios_reader import filtered, lists, read
from tests.support.render_cases import CASES, ORIGIN, endpoint, enforcing
from tests.support.some import some


@pytest.mark.parametrize("what", INPUTS)
def test_the_url_filter_admits_what_is_claimed(what: str) -> None:
    holds("fortios", what, decides_)


def test_tls_on_another_port_is_inspected_too() -> None:
    """The factory's profile looks at 443 alone: on 8443 the list would never be asked, and everything would pass."""
    endpoints = (*CASES["strict"].endpoints, endpoint("registry.example.com", "own", group="own", port=8443))
    output = render("fortios", endpoints, origin=ORIGIN, options=CASES["strict"].options, policy=enforcing("fortios"))
    decides = decides_(output)
    assert decides("registry.example.com", 8443)
    assert not decides("example.com", 8443)
    assert decides("ecs.us-east-2.amazonaws.com", 443)
    assert not decides("example.com", 443)


@pytest.mark.parametrize(
    ("digit", "source", "left"), [("", "198.51.100.16/28", "IPv6"), ("6", "2001:db8:5::/48", "IPv4")]
)
def test_hosts_of_one_version_of_ip(digit: str, source: str, left: str) -> None:
    """An empty group is refused in the middle of the file, and what is not governed is said there."""
    case = CASES["strict"]
    policy = Policy(enforce=True, sources=(source,))
    output = render("fortios", case.endpoints, origin=ORIGIN, options=case.options, policy=policy)
    top = read(output.main)
    other = "" if digit else "6"
    assert {f"firewall address{other}", f"firewall addrgrp{other}"}.isdisjoint(top.inner)
    assert all(f"srcaddr{other}" not in policy.settings for policy in top.at("firewall policy").inner.values())
    decides = decides_(output, versions=(digit,))
    assert decides("ecs.us-east-2.amazonaws.com", 443)
    assert not decides("example.com", 443)
    assert f"what they send over {left} is left to your own policies" in output.main
    assert "is left to your own policies" not in made("fortios", "strict").main


def test_every_client_is_meant_over_both_versions_of_ip() -> None:
    case = CASES["strict"]
    policy = Policy(enforce=True, every_client=True)
    output = render("fortios", case.endpoints, origin=ORIGIN, options=case.options, policy=policy)
    policies = read(output.main).at("firewall policy").inner
    keys = ("srcaddr", "dstaddr", "srcaddr6", "dstaddr6")
    said = {number: {k: one.settings[k] for k in keys if k in one.settings} for number, one in policies.items()}
    assert said == {
        "1000443": {"srcaddr": ["all"], "dstaddr": ["all"]},
        "11000443": {"srcaddr6": ["all"], "dstaddr6": ["all"]},
        "1000000": {key: ["all"] for key in keys},
    }


def test_the_file_says_that_it_translates_addresses() -> None:
    """Not the page alone: a policy that accepts without translation leads nowhere at an edge."""
    text = made("fortios", "strict").main
    assert "translate addresses (set nat enable)" in text
    assert text.index("translate addresses") < text.index("config ")


def test_every_list_ends_by_blocking() -> None:
    for entries in some(lists(read(made("fortios", "wide").main)).values()):
        last = entries[-1]
        assert (last.one("url"), last.one("type"), last.one("action")) == ("*", "wildcard", "block")
        assert all(entry.one("type") == "regex" for entry in some(entries[:-1]))


def test_the_last_policy_denies_the_same_ports() -> None:
    """The accepting ones take every session of their port, so no question to them shows whether it does."""
    top = read(made("fortios", "wide").main)
    *others, (number, last) = top.at("firewall policy").inner.items()
    assert (number, last.one("action")) == ("1000000", "deny")
    by_version = {
        key: [name for _, policy in others if key in policy.settings for name in policy.settings["service"]]
        for key in ("srcaddr", "srcaddr6")
    }
    governed = by_version["srcaddr"]
    assert governed == by_version["srcaddr6"]
    assert {"srcaddr", "srcaddr6"} <= set(last.settings), "the deny is for both versions of IP"
    assert last.settings["service"] == [*governed, "netprobe-udp"]
    assert top.at("firewall service custom", "netprobe-udp").settings["udp-portrange"] == ["80", "443"]
    assert {policy.one("utm-status") for _, policy in others} == {"enable"}, "without it no profile is asked"


def test_a_shorter_list_over_a_longer_one_still_blocks() -> None:
    """Entries keep their numbers, so what is left of the longer one stands behind the one that blocks."""
    fewer = CASES["strict"].endpoints[:2]
    again = render("fortios", fewer, origin=ORIGIN, options=CASES["strict"].options, policy=enforcing("fortios"))
    both = read(made("fortios", "strict").main + again.main)
    (entries,) = lists(both).values()
    assert filtered(entries, "ecs.us-east-2.amazonaws.com")
    assert filtered(entries, "ecs-a-7.us-east-2.amazonaws.com")
    assert not filtered(entries, "123456789012.dkr.ecr.us-east-2.amazonaws.com")
    assert not filtered(entries, "example.com")


def test_objects_hold_what_an_object_can() -> None:
    top = read(made("fortios", "wide").files["netprobe-addresses.conf"])
    objects = top.at("firewall address").inner
    names = {entry.one("fqdn") for entry in objects.values()}
    assert names >= {"ecs.us-east-2.amazonaws.com", "*.dkr.ecr.us-east-2.amazonaws.com", "archive.ubuntu.com"}
    assert all("*" not in name.removeprefix("*.") for name in names)
    assert {entry.one("type") for entry in objects.values()} == {"fqdn"}
    six = top.at("firewall address6").inner
    assert [(e.one("type"), e.one("fqdn")) for e in six.values()] == [("fqdn", e.one("fqdn")) for e in objects.values()]
    assert not set(six) & set(objects), "an object has one name in both tables"
    assert top.at("firewall addrgrp6", "netprobe-fqdn6").settings["member"] == list(six)
    assert all(len(name) <= 79 for name in objects)
    assert top.at("firewall addrgrp", "netprobe-fqdn").settings["member"] == list(objects)
    tables = {"firewall address", "firewall addrgrp", "firewall address6", "firewall addrgrp6"}
    assert set(top.inner) == tables, "it admits nothing"


def test_the_reader_notices_what_is_invalid() -> None:
    for bad in (
        'config x\nedit "1"\nend',
        "set a b",
        'config x\nset a "b',
        "config x\nset a ^b?$\nend",
        "edit 1\nnext",
    ):
        with pytest.raises(AssertionError):
            read(bad)


def test_a_url_that_is_too_long_is_refused() -> None:
    with pytest.raises(CannotExpressError):
        render(
            "fortios",
            (endpoint(".".join(["*"] * 115 + ["example.com"]), "x"),),
            origin=ORIGIN,
            options=CASES["strict"].options,
            policy=enforcing("fortios"),
        )
