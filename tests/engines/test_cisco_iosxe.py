"""Cisco IOS XE cannot be had here: an independent reader of its groups and lists, written from Cisco's YANG models."""

from __future__ import annotations

import ipaddress
import re

import pytest

from netprobe.errors import CannotExpressError, UsageError
from netprobe.render import Rendered, render
from netprobe.render.model import Policy
from tests.support.firewall_case import INPUTS, Decides, holds
from tests.support.render_cases import CASES, ORIGIN, endpoint
from tests.support.render_corpus import corpus

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_ACE = re.compile(
    r" (\d+) (permit|deny) (tcp|udp|ip) (?:object-group (\S+)|(any)) (?:fqdn-group (\S+)|(any))(?: eq (\d+))?"
)
_PATTERN = re.compile(r"\^(?:[a-z0-9-]|\\\.|\[a-z0-9-\]\+)+\$")
SITE = """\
ip access-list extended netprobe-list
 10 permit tcp any any eq 8443
 20 deny ip any any
"""


class _Router:
    """A running configuration; ``decides`` is what its list does with a connection to an address of one name."""

    def __init__(self, text: str = "") -> None:
        self.fqdn: dict[str, list[str]] = {}
        self.networks: dict[str, list[ipaddress.IPv4Network]] = {}
        self.lists: dict[str, dict[int, tuple[str, str, str, str, int]]] = {}
        self.load(text)

    def load(self, text: str) -> None:
        kind, here = "", ""
        for line in text.splitlines():
            if line.startswith("!"):
                continue
            if not line.startswith(" "):
                kind, _, here = line.rpartition(" ")
                assert kind in ("object-group fqdn", "object-group network", "ip access-list extended"), line
                assert _NAME.fullmatch(here), here
            elif kind == "object-group fqdn":
                self._pattern(here, line)
            elif kind == "object-group network":
                self.networks.setdefault(here, []).append(_network(line.split()))
            else:
                self._ace(here, line)

    def _pattern(self, group: str, line: str) -> None:
        word, pattern = line.split()
        assert word == "pattern"
        assert 1 <= len(pattern) <= 240
        assert _PATTERN.fullmatch(pattern), pattern
        self.fqdn.setdefault(group, []).append(pattern)
        assert len(self.fqdn) <= 64

    def _ace(self, name: str, line: str) -> None:
        found = _ACE.fullmatch(line)
        assert found, line
        number, action, protocol, hosts, _, group, _, port = found.groups()
        assert not hosts or self.networks[hosts], "a group is made before it is used, and is not empty"
        assert not group or group in self.fqdn
        rule = (action, protocol, hosts or "", group or "", int(port or 0))
        lines = self.lists.setdefault(name, {})
        assert lines.get(int(number), rule) == rule, "the router refuses a number that is taken"
        lines[int(number)] = rule

    def decides(self, client: str, name: str, port: int, protocol: str = "tcp") -> bool:
        for _, (action, proto, hosts, group, eq) in sorted(self.lists["netprobe-list"].items()):
            ours = not hosts or any(ipaddress.ip_address(client) in network for network in self.networks[hosts])
            # A search, not a match: the anchors must do it.
            named = not group or any(re.search(pattern, name) for pattern in self.fqdn[group])
            if ours and named and proto in ("ip", protocol) and eq in (0, port):
                return action == "permit"
        return False


def _network(words: list[str]) -> ipaddress.IPv4Network:
    if words[0] == "host":
        return ipaddress.IPv4Network(words[1])
    return ipaddress.IPv4Network(f"{words[0]}/{words[1]}")


def _decides(output: Rendered) -> Decides:
    router = _Router(output.main)
    return lambda name, port: router.decides("198.51.100.20", name, port)


@pytest.mark.parametrize("what", INPUTS)
def test_the_list_admits_what_is_claimed(what: str) -> None:
    holds("cisco-iosxe", what, _decides)


def _made(case: str, policy: Policy) -> str:
    return render("cisco-iosxe", CASES[case].endpoints, origin=ORIGIN, options=CASES[case].options, policy=policy).main


def test_on_a_list_of_the_sites_own_it_adds_and_nothing_else() -> None:
    site, router = _Router(SITE), _Router(SITE)
    made = render(
        "cisco-iosxe",
        CASES["strict"].endpoints,
        origin=ORIGIN,
        options=CASES["strict"].options,
        policy=Policy(sources=("192.0.2.0/24",)),
    )
    router.load(made.main)
    router.load(made.main)
    added = set()
    for name in corpus(CASES["strict"].endpoints):
        for port in (443, 8443):
            before = site.decides("192.0.2.9", name, port)
            assert router.decides("192.0.2.9", name, port) == (before or made.lowered.admits(name, port)), (name, port)
            assert router.decides("203.0.113.9", name, port) == site.decides("203.0.113.9", name, port)
            added.add(router.decides("192.0.2.9", name, port) != before)
    assert added == {True, False}


def test_enforcing_other_clients_notice_nothing_and_quic_is_closed() -> None:
    open_site = "ip access-list extended netprobe-list\n 100 permit ip any any\n"
    router = _Router(open_site)
    router.load(_made("strict", Policy(enforce=True, sources=("192.0.2.0/24",))))
    assert router.decides("192.0.2.9", "ecs-a-7.us-east-2.amazonaws.com", 443)
    assert not router.decides("192.0.2.9", "example.com", 443)
    assert not router.decides("192.0.2.9", "example.com", 443, "udp")
    assert router.decides("192.0.2.9", "example.com", 22)
    assert router.decides("203.0.113.9", "example.com", 443)
    assert router.decides("203.0.113.9", "example.com", 443, "udp")


def test_a_number_of_the_sites_is_never_replaced() -> None:
    router = _Router("ip access-list extended netprobe-list\n 1 deny ip any any\n")
    with pytest.raises(AssertionError, match="taken"):
        router.load(_made("strict", Policy()))


def test_more_lines_than_fit_in_front_are_refused() -> None:
    many = tuple(endpoint(f"p{port}.example.com", f"p{port}", port=port) for port in range(1000, 1010))
    with pytest.raises(CannotExpressError, match="10 lines are needed"):
        render("cisco-iosxe", many, origin=ORIGIN, options=CASES["strict"].options)
    with pytest.raises(CannotExpressError, match="12 lines are needed"):
        render(
            "cisco-iosxe",
            many[:4],
            origin=ORIGIN,
            options=CASES["strict"].options,
            policy=Policy(enforce=True, every_client=True),
        )


def test_hosts_without_an_ipv4_network_are_refused() -> None:
    """An empty group would make a line that the router refuses, or one that fits nobody."""
    with pytest.raises(UsageError, match="IPv4"):
        _made("strict", Policy(enforce=True, sources=("2001:db8::/64",)))


def test_a_pattern_that_is_too_long_is_refused() -> None:
    long = ".".join(["*"] * 20 + ["example.com"])
    with pytest.raises(CannotExpressError):
        render("cisco-iosxe", (endpoint(long, "x"),), origin=ORIGIN, options=CASES["strict"].options)


def test_the_reader_notices_what_is_invalid() -> None:
    for bad in (
        "object-group fqdn a\n pattern ecs.us-east-2",
        "object-group fqdn a\n pattern ^a\\.b",
        "ip access-list extended a\n 1 permit tcp any fqdn-group missing eq 443",
        "ip access-list extended a\n permit tcp any any eq 443",
        "router bgp 1",
    ):
        with pytest.raises((AssertionError, KeyError)):
            _Router(bad)
