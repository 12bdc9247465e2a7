"""VyOS cannot be had here: an independent reader of its ``set`` commands, as the definitions of vyos-1x have them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

import pytest

from netprobe.render import Options, Rendered, render
from netprobe.render.model import Policy
from tests.support.render_cases import CASES, ORIGIN
from tests.support.render_corpus import corpus
from tests.support.some import some

_GROUP = r"[a-zA-Z_][a-zA-Z0-9]?[\w\-.]*"
_FQDN = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
_CHAIN = rf"firewall ipv[46] (forward filter|name {_GROUP})"
_ALLOWED = (
    rf"firewall group domain-group {_GROUP} address {_FQDN}",
    rf"firewall group (ipv6-)?network-group {_GROUP} network [0-9a-f.:]+/\d+",
    rf"{_CHAIN} default-action return",
    rf"{_CHAIN} rule \d{{1,6}} action (accept|reject|jump)",
    rf"{_CHAIN} rule \d{{1,6}} jump-target {_GROUP}",
    rf"{_CHAIN} rule \d{{1,6}} protocol (tcp|tcp_udp)",
    rf"{_CHAIN} rule \d{{1,6}} destination port \d+(,\d+)*",
    rf"{_CHAIN} rule \d{{1,6}} destination group domain-group {_GROUP}",
    rf"{_CHAIN} rule \d{{1,6}} source group network-group {_GROUP}",
)
SOURCES = ("192.0.2.0/24", "2001:db8::/64")
LISTED = Options(seen=CASES["strict"].options.seen, enumerate=True)
JUMP = """
set firewall ipv4 forward filter rule 5 action jump
set firewall ipv4 forward filter rule 5 jump-target netprobe
set firewall ipv6 forward filter rule 5 action jump
set firewall ipv6 forward filter rule 5 jump-target netprobe
"""
SITE = """
set firewall group network-group intranet network 198.51.100.0/24
set firewall ipv4 forward filter rule 10 action accept
set firewall ipv4 forward filter rule 10 protocol tcp
set firewall ipv4 forward filter rule 10 destination port 8443
"""
Statements = list[tuple[str, ...]]


def _commit(text: str, over: Sequence[tuple[str, ...]] = ()) -> Statements:
    """The statements after a commit; a delete takes away everything beneath its path."""
    found = list(over)
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        verb, _, rest = line.partition(" ")
        path = tuple(rest.split(" "))
        if verb == "delete":
            found = [one for one in found if one[: len(path)] != path]
            continue
        assert verb == "set", line
        assert any(re.fullmatch(form, rest) for form in _ALLOWED), line
        assert path not in found, line
        found.append(path)
    return found


def _value(rule: Statements, *path: str) -> str:
    found = [one[len(path)] for one in rule if one[: len(path)] == path]
    assert len(found) <= 1
    return found[0] if found else ""


class _Filter:
    """What the forward filter does with a new TCP connection of a client, the addresses being those of one name."""

    def __init__(self, statements: Statements, client: str, *, otherwise: bool) -> None:
        self._statements = statements
        self._client = ipaddress.ip_address(client)
        self._family = f"ipv{self._client.version}"
        self._otherwise = otherwise

    def __call__(self, name: str, port: int) -> bool:
        found = self._chain(("forward", "filter"), name, port)
        return self._otherwise if found is None else found

    def _chain(self, chain: tuple[str, str], name: str, port: int) -> bool | None:
        """The word of the first rule that fits; None where the chain returns."""
        base = ("firewall", self._family, *chain, "rule")
        numbers = sorted({int(one[5]) for one in self._statements if one[:5] == base})
        for number in numbers:
            rule = [one[6:] for one in self._statements if one[:6] == (*base, str(number))]
            if not self._fits(rule, name, port):
                continue
            action = _value(rule, "action")
            if action != "jump":
                return action == "accept"
            inner = self._chain(("name", _value(rule, "jump-target")), name, port)
            if inner is not None:
                return inner
        if chain[0] == "name":
            assert ("firewall", self._family, *chain, "default-action", "return") in self._statements
        return None

    def _fits(self, rule: Statements, name: str, port: int) -> bool:
        ports = _value(rule, "destination", "port")
        domains = _value(rule, "destination", "group", "domain-group")
        hosts = _value(rule, "source", "group", "network-group")
        kind = "network-group" if self._client.version == 4 else "ipv6-network-group"
        networks = [ipaddress.ip_network(one) for one in self._members(kind, hosts, "network")]
        return (
            (not ports or str(port) in ports.split(","))
            and (not domains or name in self._members("domain-group", domains, "address"))
            and (not hosts or any(self._client in network for network in networks))
        )

    def _members(self, kind: str, group: str, what: str) -> list[str]:
        return [one[5] for one in self._statements if one[:5] == ("firewall", "group", kind, group, what)]


def _made(policy: Policy) -> Rendered:
    return render("vyos", CASES["strict"].endpoints, origin=ORIGIN, options=LISTED, policy=policy)


@pytest.mark.parametrize(("inside", "outside"), [("192.0.2.9", "203.0.113.9"), ("2001:db8::9", "2001:db8:1::9")])
def test_the_rules_admit_what_is_claimed_and_only_for_the_hosts(inside: str, outside: str) -> None:
    made = _made(Policy(enforce=True, sources=SOURCES))
    statements = _commit(JUMP, _commit(made.main))
    theirs = _Filter(statements, inside, otherwise=True)
    others = _Filter(statements, outside, otherwise=True)
    answers = set()
    for name in corpus(CASES["strict"].endpoints):
        for port in (443, 80, 8443):
            claimed = made.lowered.admits(name, port) if port == 443 else True  # other ports are the site's business
            assert theirs(name, port) == claimed, (name, port)
            assert others(name, port)
            answers.add(claimed)
    assert answers == {True, False}


def test_on_a_site_of_its_own_it_adds_goes_twice_and_comes_out_again() -> None:
    made = _made(Policy(sources=SOURCES))
    site = _commit(SITE)
    before = _Filter(site, "192.0.2.9", otherwise=False)
    loaded = _commit(JUMP, _commit(made.main, site))
    assert set(_commit(made.main, loaded)) == set(loaded)
    after = _Filter(loaded, "192.0.2.9", otherwise=False)
    outside = _Filter(loaded, "203.0.113.9", otherwise=False)
    for name in corpus(CASES["strict"].endpoints):
        for port in (443, 8443):
            assert after(name, port) == (before(name, port) or made.lowered.admits(name, port)), (name, port)
            assert outside(name, port) == before(name, port)
    lines = [line for line in made.main.splitlines() if line.startswith("delete ")]
    lines += [f"delete firewall {family} forward filter rule 5" for family in ("ipv4", "ipv6")]
    assert _commit("\n".join(lines), loaded) == site


def test_it_never_touches_a_rule_of_the_sites_own() -> None:
    """Whatever numbers the site uses: the file names its own chain and groups alone."""
    for policy in (Policy(sources=SOURCES), Policy(enforce=True, every_client=True), Policy(name="netprobe-handoff")):
        lines = [line for line in _made(policy).main.splitlines() if line and not line.startswith("#")]
        own = re.compile(rf"(set|delete) firewall (ipv[46] name|group [a-z0-9-]+) {policy.name}(-|\b)")
        assert [line for line in some(lines) if not own.match(line)] == []


def test_two_renders_under_two_names_do_not_meet() -> None:
    one, other = (_commit(_made(Policy(sources=SOURCES, name=name)).main) for name in ("netprobe", "netprobe-handoff"))
    assert not set(one) & set(other)
    assert _commit(_made(Policy(sources=SOURCES, name="netprobe-handoff")).main, one) == [*one, *other]


def test_the_reader_notices_what_is_invalid() -> None:
    for line in ("set firewall group domain-group a address *.example.com", "set system host-name x", "commit"):
        with pytest.raises(AssertionError):
            _commit(line)
