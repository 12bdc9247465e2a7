"""SonicOS cannot be had here: an independent reader of the API's requests, asked session by session."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from netprobe.errors import UsageError
from netprobe.render import Options, Rendered, render
from netprobe.render.model import Policy
from tests.support.render_cases import CASES, HOSTS, ORIGIN
from tests.support.sessions import INSIDE, Rule, hold

LISTED = Options(seen=CASES["strict"].options.seen, enumerate=True)
RULE = {"name", "enable", "from", "to", "action", "source", "service", "destination", "priority"}
"""What we use of the object ``access_rule.ipv4`` (SonicOS API reference guide, access rules IPv4)."""


def _fits(domain: str) -> Callable[[str], bool]:
    """``*.x`` is x, which the firewall resolves, and what it learns beneath it."""
    tree, name = domain.startswith("*."), domain.removeprefix("*.")
    assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", name), domain
    return lambda probe: probe == name or (tree and probe.endswith(f".{name}"))


class Firewall:
    """The pending configuration, as the requests make it; nothing holds before the last one."""

    def __init__(self) -> None:
        self.networks: dict[str, str] = {}
        self.domains: dict[str, str] = {}
        self.groups: dict[str, Mapping[str, Any]] = {}
        self.services: dict[str, tuple[str, int]] = {}
        self.listed: list[Mapping[str, Any]] = []
        self.applied = False

    def send(self, requests: list[Mapping[str, Any]]) -> None:
        for one in requests:
            assert set(one) == {"method", "path", "body"}
            assert not self.applied, "nothing comes behind the request that applies"
            assert one["method"] == "POST"
            self._take(one["path"].removeprefix("/api/sonicos/"), one["body"])

    def _take(self, path: str, body: Mapping[str, Any]) -> None:
        match path:
            case "address-objects/ipv4":
                for one in (entry["ipv4"] for entry in body["address_objects"]):
                    assert set(one) == {"name", "zone", "network"}
                    network = ipaddress.ip_network(f"{one['network']['subnet']}/{one['network']['mask']}")
                    self._new(self.networks, one["name"], str(network))
            case "address-objects/fqdn":
                for one in (entry["fqdn"] for entry in body["address_objects"]):
                    assert set(one) == {"name", "zone", "domain"}
                    self._new(self.domains, one["name"], one["domain"])
            case "address-groups/ipv4":
                for one in (entry["ipv4"] for entry in body["address_groups"]):
                    assert set(one) == {"name", "address_object"}
                    members = one["address_object"]
                    assert {m["name"] for m in members.get("fqdn", ())} <= set(self.domains)
                    assert {m["name"] for m in members.get("ipv4", ())} <= set(self.networks)
                    self._new(self.groups, one["name"], members)
            case "service-objects":
                for one in body["service_objects"]:
                    ((protocol, ports),) = ((key, value) for key, value in one.items() if key != "name")
                    assert (protocol in ("tcp", "udp"), ports["begin"]) == (True, ports["end"])
                    self._new(self.services, one["name"], (protocol, ports["begin"]))
            case "access-rules/ipv4":
                self.listed += [entry["ipv4"] for entry in body["access_rules"]]
            case "config/pending":
                assert body == {}
                self.applied = True
            case _:
                raise AssertionError(path)

    @staticmethod
    def _new(table: dict[str, Any], name: str, value: Any) -> None:
        assert len(name) <= 63
        assert name not in table, f"{name} is there already"
        table[name] = value

    def rules(self) -> list[Rule]:
        """The rules in the order of their priorities."""
        assert self.applied
        for one in self.listed:
            assert set(one) == RULE
            assert (one["enable"], one["from"], one["to"]) == (True, "LAN", "WAN")
        places = [one["priority"]["manual"] for one in self.listed]
        assert places == list(range(1, len(places) + 1))
        return [self._rule(one) for one in self.listed]

    def _rule(self, one: Mapping[str, Any]) -> Rule:
        allows = {"allow": True, "deny": False}[one["action"]]
        source, destination = one["source"]["address"], one["destination"]["address"]
        assert one["source"]["port"] == {"any": True}
        hosts: tuple[str, ...] = ()
        if source != {"any": True}:
            hosts = tuple(self.networks[m["name"]] for m in self.groups[source["group"]]["ipv4"])
            assert hosts
        assert (destination == {"any": True}) == (not allows)
        members = () if destination == {"any": True} else self.groups[destination["group"]]["fqdn"]
        fits = [_fits(self.domains[m["name"]]) for m in members]

        def says(name: str) -> bool | None:
            if not allows:
                return False
            return True if any(one(name) for one in fits) else None

        services = frozenset({self.services[one["service"]["name"]]})
        return Rule(label=one["name"], sources=hosts, services=services, says=says)


def _made(policy: Policy, case: str = "strict", options: Options = LISTED) -> Rendered:
    return render("sonicwall", CASES[case].endpoints, origin=ORIGIN, options=options, policy=policy)


def _rules(text: str) -> list[Rule]:
    firewall = Firewall()
    firewall.send(json.loads(text)["requests"])
    return firewall.rules()


def _loaded(made: Rendered) -> Firewall:
    firewall = Firewall()
    firewall.send(json.loads(made.main)["requests"])
    return firewall


@pytest.mark.parametrize("enforce", [True, False])
@pytest.mark.parametrize("sources", [HOSTS, ()], ids=["hosts", "everybody"])
@pytest.mark.parametrize("case", ["strict", "wide"])
def test_the_rules_decide_as_claimed(case: str, enforce: bool, sources: tuple[str, ...]) -> None:
    policy = Policy(enforce=enforce, sources=sources, every_client=enforce and not sources)
    options = LISTED if case == "strict" else CASES[case].options
    made = _made(policy, case, options)
    hold(_loaded(made).rules(), made, CASES[case], policy, INSIDE[:1])


def test_hosts_of_ipv6_alone_are_refused() -> None:
    with pytest.raises(UsageError, match="for IPv4 clients"):
        _made(Policy(sources=HOSTS[1:]))


def test_two_renders_under_two_names_share_no_rule_group_or_service() -> None:
    """Objects of the same name are the same object: the page says that one that is there makes a request fail."""
    one, other = (_loaded(_made(Policy(sources=HOSTS, name=name))) for name in ("netprobe", "handoff"))
    assert not set(one.groups) & set(other.groups)
    assert not set(one.services) & set(other.services)
    assert not {rule.label for rule in one.rules()} & {rule.label for rule in other.rules()}


def test_the_reader_notices_what_the_api_does_not_know() -> None:
    text = _made(Policy(enforce=True, every_client=True)).main
    for old, new in (
        ('"domain":', '"domains":'),
        ('"priority":', '"place":'),
        ("service-objects", "services"),
        ('"WAN"', '"DMZ"'),
    ):
        assert old in text
        with pytest.raises((AssertionError, KeyError)):
            _rules(text.replace(old, new))
