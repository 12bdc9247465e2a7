"""``--as ansible`` where the tasks hold the very lines, or the very body, that the target writes without ``--as``.

The target's own form is read by a reader of its own and held to its claim (``test_cisco_asa.py`` and so on). So here
it is enough that the tasks bring exactly that to the device: every line once, in the order that matters. What the
collections' modules ask for is held in ``tests/release``.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from netprobe.errors import CannotExpressError
from netprobe.render import Rendered, notations, render, targets
from netprobe.render.model import Policy
from tests.support.render_cases import CASES, HOSTS, ORIGIN
from tests.support.suricata import parse
from tests.support.tool_files import Body, tasks

NETWORKS = ["192.0.2.0/24"]
"""What the play says where no source was given."""
Told = list[tuple[str, Body]]


def _lines(text: str, comment: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip() and not line.startswith(comment)]


def _indented(told: Told, module: str) -> Iterator[str]:
    """What the router is told: each parent once, and its lines beneath it."""
    for used, given in told:
        assert used == module
        if "parents" in given:
            yield given["parents"]
        yield from (f" {line}" if "parents" in given else line for line in given["lines"])


def cisco_asa(own: Rendered, told: Told, sources: Sequence[str]) -> None:
    lines = list(_indented(told, "cisco.asa.asa_config"))
    numbers = [int(found) for line in lines for found in re.findall(r"^access-list \S+ line (\d+) ", line)]
    assert numbers == list(range(1, len(numbers) + 1))
    plain = re.compile(r"(?<=^access-list netprobe) line \d+")
    assert [plain.sub("", line) for line in lines] == [plain.sub("", line) for line in _lines(own.main, "!")]


def cisco_iosxe(own: Rendered, told: Told, sources: Sequence[str]) -> None:
    assert list(_indented(told, "cisco.ios.ios_config")) == _lines(own.main, "!")


def juniper_srx(own: Rendered, told: Told, sources: Sequence[str]) -> None:
    (_, load), (_, keep) = told
    assert [module for module, _ in told] == ["junipernetworks.junos.junos_config"] * 2
    assert load["lines"] == _lines(own.main, "#")
    assert load["confirm"] == 5
    assert (keep["confirm_commit"], "lines" in keep) == (True, False)


def vyos(own: Rendered, told: Told, sources: Sequence[str]) -> None:
    (_, look), (module, given) = told
    assert look == {"commands": ["show configuration commands"]}
    assert (module, given["match"]) == ("vyos.vyos.vyos_config", "none")
    lines = _lines(own.main, "#")
    deletes = [line for line in lines if line.startswith("delete ")]
    there = [line for line in deletes if f"set {line.removeprefix('delete ')} " in VYOS]
    assert 0 < len(there) < len(deletes)
    assert given["lines"] == there + [line for line in lines if line not in deletes]


VYOS = """\
set firewall group domain-group netprobe-443 address 'old.example.com'
set firewall ipv4 name netprobe default-action 'return'
set firewall ipv6 name netprobe-two default-action 'return'
"""
"""What stands on the router: two of the nodes, and one whose name begins alike."""


def mikrotik(own: Rendered, told: Told, sources: Sequence[str]) -> None:
    wanted = list[tuple[str, str, tuple[tuple[str, str], ...]]]()
    for line in _lines(own.main, "#"):
        _, family, _, menu, verb, rest = re.split(r"^/(ip|ipv6) (firewall) (filter|address-list) (add|remove) ", line)
        if verb == "add":
            wanted.append((family, menu, _sorted(dict(word.split("=", 1) for word in shlex.split(rest)))))
    found = []
    for module, given in told:
        assert module == "community.routeros.api_modify"
        family, firewall, menu = given["path"].split(" ")
        assert firewall == "firewall"
        (restrict,) = given["restrict"]
        assert {one[restrict["field"]] for one in given["data"]} <= set(restrict["values"])
        assert (given["handle_absent_entries"], given.get("ensure_order", False)) == ("remove", menu == "filter")
        found += [(family, menu, _sorted(one)) for one in given["data"]]
    for family in ("ip", "ipv6"):
        chains = [[one for one in several if one[:2] == (family, "filter")] for several in (found, wanted)]
        assert chains[0] == chains[1], "the order of rules decides"
    assert sorted(found) == sorted(wanted)


def _sorted(given: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """A host's address without a length is how the router shows it (RouterOS: an address list's IPv4 entries)."""
    return tuple(sorted((key, value.removesuffix("/32")) for key, value in given.items()))


def meraki(own: Rendered, told: Told, sources: Sequence[str]) -> None:
    (_, look), (_, given) = told
    assert look == {"networkId": "L_1"}
    assert given["networkId"] == "L_1"
    ours = json.loads(own.files["netprobe-rules.json"])
    assert given["rules"] == [*ours, MERAKI[0], MERAKI[2]]
    assert given["syslogDefaultRule"] is True


MERAKI: list[dict[str, Any]] = [
    {"comment": "the site's", "policy": "deny", "syslogEnabled": False},
    {"comment": "netprobe-allow-8443", "policy": "allow", "syslogEnabled": False},
    {"comment": "netprobe-allow-443 as of old", "policy": "allow", "syslogEnabled": False},
    {"comment": "Default rule", "policy": "allow", "syslogEnabled": True},
]
"""What stands in the network: rules of the site's own, one of an older file, one that only looks like it."""


def nsx(own: Rendered, told: Told, sources: Sequence[str]) -> None:
    (_, names), (_, policy) = told
    assert [module for module, _ in told] == ["ansible.builtin.uri"] * 2
    assert names["url"].startswith("https://nsx.example/policy/api/v1/infra/context-profiles/")
    assert (names["method"], names["body"]) == ("POST", json.loads(own.files["netprobe-attributes.json"]))
    assert (policy["method"], policy["url"]) == ("PATCH", "https://nsx.example/policy/api/v1/infra")
    assert json.loads(policy["body"]) == json.loads(own.files["netprobe-infra.json"])


def azure_firewall(own: Rendered, told: Told, sources: Sequence[str]) -> None:
    ((_, given),) = told
    assert given["url"] == "/subscriptions/x/ruleCollectionGroups/netprobe-ecs-anywhere"
    body = json.loads(own.files["rule-collection-group.json"])
    for collection in body["properties"]["ruleCollections"]:
        for rule in collection["rules"]:
            # Without a source the file says private networks, to be replaced.
            rule["sourceAddresses"] = list(sources) or NETWORKS
    assert given["body"] == body


def aws_network_firewall(own: Rendered, told: Told, sources: Sequence[str]) -> None:
    ((_, given),) = told
    assert (given["rule_type"], given["rule_order"]) == ("stateful", "strict")
    assert given["rule_strings"] == _lines(own.files["netprobe.rules"], "#")
    assert parse("\n".join(given["rule_strings"]))
    assert given["ip_variables"] == {"HOME_NET": list(sources) or NETWORKS}


def aws_network_firewall_domains(own: Rendered, told: Told, sources: Sequence[str]) -> None:
    ((_, given),) = told
    listed = json.loads(own.files["rule-group.json"])
    source = listed["RulesSource"]["RulesSourceList"]
    assert given["domain_list"]["domain_names"] == source["Targets"]
    assert (source["GeneratedRulesType"], source["TargetTypes"]) == ("ALLOWLIST", ["TLS_SNI"])
    assert (given["domain_list"]["action"], given["domain_list"]["filter_https"]) == ("allow", True)
    assert given["domain_list"]["source_ips"] == (list(sources) or NETWORKS)
    assert (given["rule_order"], listed["StatefulRuleOptions"]["RuleOrder"]) == ("default", "DEFAULT_ACTION_ORDER")


SAME: dict[str, Callable[[Rendered, Told, Sequence[str]], None]] = {
    "cisco-asa": cisco_asa,
    "cisco-iosxe": cisco_iosxe,
    "juniper-srx": juniper_srx,
    "vyos": vyos,
    "mikrotik": mikrotik,
    "meraki": meraki,
    "nsx": nsx,
    "azure-firewall": azure_firewall,
    "aws-network-firewall": aws_network_firewall,
    "aws-network-firewall-domains": aws_network_firewall_domains,
}
PLAY = {
    "netprobe_list": "netprobe",
    "netprobe_found": {"stdout": [VYOS], "meraki_response": {"rules": MERAKI}},
    "netprobe_network": "L_1",
    "netprobe_manager": "nsx.example",
    "netprobe_firewall_policy_id": "/subscriptions/x",
    "netprobe_source_addresses": NETWORKS,
    "netprobe_home_net": NETWORKS,
}
POLICIES = {
    "additive": Policy(),
    "additive-hosts": Policy(sources=HOSTS),
    "additive-v6": Policy(sources=HOSTS[1:]),
    "enforce-hosts": Policy(enforce=True, sources=HOSTS),
    "enforce-everybody": Policy(enforce=True, every_client=True),
}


def _made(name: str, tool: str, case: str, policy: Policy) -> Rendered:
    given = CASES[case]
    module = notations.noted(targets.get(name), tool) if tool else targets.get(name)
    return render(module, given.endpoints, origin=ORIGIN, options=given.options, policy=policy)


@pytest.mark.parametrize("name", SAME)
def test_the_tasks_bring_what_the_target_itself_writes(name: str) -> None:
    """Every case, every policy that the target knows, in one go."""
    scope = targets.get(name).SCOPE
    play = {**PLAY, "netprobe_list": "netprobe-list" if name == "cisco-iosxe" else "netprobe"}
    held = 0
    for policy in POLICIES.values():
        if not (policy.enforce or scope.additive):
            continue
        for case in CASES:
            # A device of IPv4 refuses hosts of IPv6 alone, in either form.
            if policy is POLICIES["additive-v6"] and name in ("cisco-iosxe", "meraki"):
                continue
            try:
                own = _made(name, "", case, policy)
            except CannotExpressError:
                continue
            SAME[name](own, list(tasks(_made(name, "ansible", case, policy).main, **play)), policy.sources)
            held += 1
    assert held >= (4 if name in ("juniper-srx", "aws-network-firewall-domains") else 6)


@pytest.mark.parametrize("name", SAME)
def test_a_task_that_lost_something_is_noticed(name: str) -> None:
    """The comparison above fails where one line, name or entry is another."""
    policy = Policy(enforce=True, sources=HOSTS)
    play = {**PLAY, "netprobe_list": "netprobe-list" if name == "cisco-iosxe" else "netprobe"}
    own, text = _made(name, "", "strict", policy), _made(name, "ansible", "strict", policy).main
    changed = text.replace("ecs.us-east-2", "evil.us-east-2").replace(r"ecs\\.us-east-2", r"evil\\.us-east-2")
    assert changed != text
    with pytest.raises(AssertionError):
        SAME[name](own, list(tasks(changed, **play)), HOSTS)


@pytest.mark.parametrize("name", SAME)
def test_a_stem_of_ones_own_is_in_every_name(name: str) -> None:
    """Variables and objects follow ``--name``, so two files in one play do not meet."""
    policy = Policy(enforce=True, sources=HOSTS, name="hand-off")
    text = "\n".join(_lines(_made(name, "ansible", "strict", policy).main, "#"))
    assert "hand-off" in text
    assert "netprobe-hosts" not in text
    variables = set(re.findall(r"\b(netprobe|hand_off)_[a-z_]+", text))
    assert "netprobe" not in variables
