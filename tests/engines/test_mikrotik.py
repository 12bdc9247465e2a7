"""RouterOS cannot be had here: an independent reader of its console commands, asked session by session."""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Mapping

import pytest

from netprobe.render import Options, Rendered, render
from netprobe.render.model import Policy
from tests.support.render_cases import CASES, HOSTS, ORIGIN
from tests.support.sessions import INSIDE, OUTSIDE, Rule, Session, hold, verdict

LISTED = Options(seen=CASES["strict"].options.seen, enumerate=True)
SITE = """
/ip firewall filter add chain="forward" action=accept protocol=tcp dst-port=8443 dst-address-list="shop"
/ip firewall address-list add list="shop" address=shop.example.com
"""
_FILTER = {"chain", "action", "protocol", "dst-port", "dst-address-list", "src-address-list", "reject-with"}
Entry = Mapping[str, str]


class Router:
    """Lists and filter rules, by family and in their order."""

    def __init__(self) -> None:
        self.lists: dict[str, list[Entry]] = {"ip": [], "ipv6": []}
        self.filters: dict[str, list[Entry]] = {"ip": [], "ipv6": []}

    def run(self, text: str) -> None:
        for line in text.splitlines():
            if not line or line.startswith("#"):
                continue
            found = re.fullmatch(r"/(ip|ipv6) firewall (filter|address-list) (add|remove) (.*)", line)
            assert found is not None, line
            family, menu, verb, rest = found.groups()
            table = self.filters[family] if menu == "filter" else self.lists[family]
            if verb == "remove":
                wanted = dict(re.findall(r'([a-z-]+)="?([^"\s\]]+)"?', rest.removeprefix("[find ").removesuffix("]")))
                wanted.pop("dynamic", None)
                table[:] = [one for one in table if not wanted.items() <= one.items()]
                continue
            given = dict(word.split("=", 1) for word in shlex.split(rest))
            self._check(menu, family, given)
            assert given not in table, line
            table.append(given)

    @staticmethod
    def _check(menu: str, family: str, given: Entry) -> None:
        if menu == "address-list":
            assert set(given) == {"list", "address"}
            if "/" in given["address"]:
                assert ipaddress.ip_network(given["address"]).version == (4 if family == "ip" else 6)
            else:
                assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", given["address"]), given
            return
        assert set(given) <= _FILTER
        assert given["action"] in ("accept", "reject", "jump")
        assert ("reject-with" in given) == (given["action"] == "reject")

    def rules(self, family: str, chain: str) -> list[Rule]:
        """The rules of a chain for one family, names for what is resolved."""
        return [self._rule(family, one) for one in self.filters[family] if one["chain"] == chain]

    def _rule(self, family: str, one: Entry) -> Rule:
        hosts = self._members(family, one.get("src-address-list", ""))
        names = self._members(family, one.get("dst-address-list", ""))
        assert bool(hosts) == ("src-address-list" in one), "a list that is empty would hold nobody"
        accepts = one["action"] == "accept"

        def says(name: str) -> bool | None:
            if not accepts:
                return False
            return True if name in names else None

        ports = one["dst-port"].split(",")
        services = frozenset((one["protocol"], int(port)) for port in ports)
        return Rule(label=one["chain"], sources=hosts, services=services, says=says)

    def _members(self, family: str, name: str) -> tuple[str, ...]:
        return tuple(one["address"] for one in self.lists[family] if one["list"] == name)


def _made(policy: Policy) -> Rendered:
    return render("mikrotik", CASES["strict"].endpoints, origin=ORIGIN, options=LISTED, policy=policy)


@pytest.mark.parametrize("enforce", [True, False])
@pytest.mark.parametrize("sources", [HOSTS, ()], ids=["hosts", "everybody"])
def test_the_rules_decide_as_claimed(enforce: bool, sources: tuple[str, ...]) -> None:
    policy = Policy(enforce=enforce, sources=sources, every_client=enforce and not sources)
    made = _made(policy)
    router = Router()
    router.run(made.main)
    for family, client in (("ip", INSIDE[0]), ("ipv6", INSIDE[1])):
        hold(router.rules(family, "netprobe"), made, CASES["strict"], policy, [client])


def test_hosts_of_one_family_get_rules_of_that_family_alone() -> None:
    """A rule whose list of hosts is empty would be about nobody, and one without would be about everybody."""
    router = Router()
    router.run(_made(Policy(enforce=True, sources=HOSTS[:1])).main)
    assert router.rules("ip", "netprobe")
    assert router.filters["ipv6"] == []
    assert router.lists["ipv6"] == []


def test_on_a_site_of_its_own_it_adds_goes_twice_and_comes_out_again() -> None:
    router = Router()
    router.run(SITE)
    kept = [list(router.filters["ip"]), list(router.lists["ip"])]
    made = _made(Policy(sources=HOSTS))
    router.run(made.main)
    once = [list(router.filters["ip"]), list(router.lists["ip"])]
    router.run(made.main)
    assert [list(router.filters["ip"]), list(router.lists["ip"])] == once
    shop = Session(client=OUTSIDE[0], protocol="tcp", port=8443, name="shop.example.com")
    assert verdict(router.rules("ip", "forward"), shop) is True
    removing = [line for line in made.main.splitlines() if " remove [find " in line]
    router.run("\n".join(removing))
    assert [list(router.filters["ip"]), list(router.lists["ip"])] == kept
    assert router.filters["ipv6"] == router.lists["ipv6"] == []


def test_two_renders_under_two_names_do_not_meet() -> None:
    router = Router()
    for name in ("netprobe", "netprobe-handoff"):
        router.run(_made(Policy(sources=HOSTS, name=name)).main)
    first = router.rules("ip", "netprobe")
    router.run(_made(Policy(sources=HOSTS, name="netprobe-handoff")).main)
    assert [rule.services for rule in router.rules("ip", "netprobe")] == [rule.services for rule in first]
    assert len(router.rules("ip", "netprobe-handoff")) == len(first)


def test_the_reader_notices_what_is_invalid() -> None:
    for line in (
        '/ip firewall address-list add list="a" address=*.example.com',
        '/ip firewall filter add chain="a" action=allow',
        '/ip firewall filter add chain="a" action=accept dst-ports=443',
        "/system reboot",
    ):
        with pytest.raises(AssertionError):
            Router().run(line)
