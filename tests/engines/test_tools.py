"""``--as terraform|ansible``: the arguments are the provider's or the module's, and the rules decide as claimed.

Neither the devices nor most providers can be had here. The arguments are written by hand from the documents that each
notation names (read 2026-11-29), closed, so that a misspelt one fails; ``tests/release`` runs the collections' own
argument specs and reads the providers' own schemas. The rules of both tools become the same plain sessions.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from netprobe.render import Rendered, notations, render, targets
from netprobe.render.model import Policy
from tests.engines.test_tools_same import SAME
from tests.support.render_cases import CASES, HOSTS, ORIGIN
from tests.support.render_corpus import corpus
from tests.support.sessions import INSIDE, OUTSIDE, Rule, Session, verdict
from tests.support.suricata import parse, passes
from tests.support.tool_files import Arguments, Terraform, tasks

BEFORE = 7
"""The number of the site's own first policy, where ours go in front of it."""


# --- PAN-OS ---------------------------------------------------------------------------------------------------------

_LOCATION = Arguments(blocks={"vsys": Arguments(optional="name ngfw_device")})
PANOS = {
    "panos_address": Arguments(
        required="location name", optional="description fqdn ip_netmask ip_range tags", blocks={"location": _LOCATION}
    ),
    "panos_address_group": Arguments(
        required="location name", optional="description dynamic static tag", blocks={"location": _LOCATION}
    ),
    "panos_custom_url_category": Arguments(
        required="location name", optional="description list type", blocks={"location": _LOCATION}
    ),
    "panos_service": Arguments(
        required="location name",
        optional="description tags",
        blocks={
            "location": _LOCATION,
            "protocol": Arguments(
                blocks={
                    "tcp": Arguments(optional="destination_port source_port override"),
                    "udp": Arguments(optional="destination_port source_port override"),
                }
            ),
        },
    ),
    "panos_security_policy_rules": Arguments(
        blocks={
            "location": _LOCATION,
            "position": Arguments(required="where", optional="directly pivot"),
            "rules": Arguments(
                required="name",
                optional="action applications category description destination_addresses destination_zones disabled "
                "log_end log_setting log_start services source_addresses source_users source_zones tag",
            ),
        },
        required="location position rules",
    ),
}
PANOS_MODULES = {
    "paloaltonetworks.panos.panos_address_object": Arguments(
        required="provider name value state", optional="address_type description tag vsys device_group"
    ),
    "paloaltonetworks.panos.panos_address_group": Arguments(
        required="provider name state", optional="static_value dynamic_value description tag vsys device_group"
    ),
    "paloaltonetworks.panos.panos_custom_url_category": Arguments(
        required="provider name state", optional="description url_value type vsys device_group"
    ),
    "paloaltonetworks.panos.panos_service_object": Arguments(
        required="provider name state", optional="protocol source_port destination_port description tag vsys"
    ),
    "paloaltonetworks.panos.panos_security_rule": Arguments(
        required="provider rule_name state",
        optional="source_zone source_ip source_user destination_zone destination_ip application service category "
        "action location existing_rule log_end log_setting description rule_type tag_name vsys device_group rulebase",
    ),
}


def _category(entries: Sequence[str]) -> Callable[[str], bool]:
    """Guidelines for URL category exceptions: a wildcard is a whole token, ``^`` one and ``*`` one or more."""
    for entry in entries:
        assert re.fullmatch(r"([*^]\.)?[a-z0-9-]+(\.[a-z0-9-]+)+/", entry), entry
    tokens = {"^": r"[^.]+", "*": r".+"}
    found = [re.compile(r"\.".join(tokens.get(t) or re.escape(t) for t in e[:-1].split("."))) for e in entries]
    return lambda name: any(one.fullmatch(name) for one in found)


def _panos_rules(
    listed: Sequence[dict[str, Any]],
    networks: dict[str, tuple[str, ...]],
    services: dict[str, frozenset[tuple[str, int]]],
    categories: dict[str, Callable[[str], bool]],
) -> Iterator[Rule]:
    """Rules whose words are source, service, category, action, label and application."""
    for one in listed:
        (source,) = one["source"]
        assert source == "any" or source in networks
        kinds = [categories[name] for name in one["category"] if name != "any"]
        allows = one["action"] == "allow"
        assert one["application"] == (["ssl", "web-browsing"] if allows else ["any"])
        assert len(kinds) == int(allows)

        def says(name: str, kinds: Sequence[Callable[[str], bool]] = kinds, allows: bool = allows) -> bool | None:
            return allows if all(kind(name) for kind in kinds) else None

        yield Rule(
            label=one["label"],
            sources=networks.get(source, ()),
            services=frozenset().union(*(services[name] for name in one["service"])),
            says=says,
        )


def panos_terraform(text: str) -> list[Rule]:
    found = Terraform.read(text)
    _hold(found, PANOS)
    assert found.variables["netprobe_location"] == {"vsys": {"name": "vsys1"}}
    addresses = {one["name"]: one["ip_netmask"] for one in found.of("panos_address")}
    groups = {one["name"]: tuple(addresses[m] for m in one["static"]) for one in found.of("panos_address_group")}
    services = {}
    for one in found.of("panos_service"):
        ((protocol, body),) = one["protocol"].items()
        services[one["name"]] = _ports(protocol, body["destination_port"], ",")
    (policy,) = found.of("panos_security_policy_rules")
    assert policy["position"] == {"where": "first"}
    listed = [
        {
            "label": one["name"],
            "source": one["source_addresses"],
            "service": one["services"],
            "category": one.get("category", ["any"]),
            "application": one["applications"],
            "action": one["action"],
        }
        for one in policy["rules"]
    ]
    for one in found.of("panos_custom_url_category"):
        assert one["type"] == "URL List"
    categories = {one["name"]: _category(one["list"]) for one in found.of("panos_custom_url_category")}
    return list(_panos_rules(listed, groups, services, categories))


def panos_ansible(text: str) -> list[Rule]:
    addresses: dict[str, str] = {}
    groups: dict[str, tuple[str, ...]] = {}
    services: dict[str, frozenset[tuple[str, int]]] = {}
    categories: dict[str, Callable[[str], bool]] = {}
    listed: list[dict[str, Any]] = []
    for module, given in tasks(text, provider="the provider"):
        PANOS_MODULES[module].hold(given, module)
        match module.rpartition("_")[0].removeprefix("paloaltonetworks.panos.panos_"), module.rpartition("_")[2]:
            case "address", "object":
                addresses[given["name"]] = given["value"]
            case "address", "group":
                groups[given["name"]] = tuple(addresses[m] for m in given["static_value"])
            case "service", "object":
                services[given["name"]] = _ports(given["protocol"], given["destination_port"], ",")
            case "custom_url", "category":
                categories[given["name"]] = _category(given["url_value"])
            case "security", "rule":
                assert given["location"] == "top"
                rule = {
                    "label": given["rule_name"],
                    "source": given["source_ip"],
                    "service": given["service"],
                    "category": given["category"],
                    "application": given["application"],
                    "action": given["action"],
                }
                listed.insert(0, rule)
            case _:
                raise AssertionError(module)
    return list(_panos_rules(listed, groups, services, categories))


SCM = {
    "scm_address": Arguments(required="folder name", optional="description fqdn ip_netmask ip_range tag"),
    "scm_address_group": Arguments(required="folder name", optional="description dynamic static tag"),
    "scm_url_category": Arguments(required="folder name", optional="description list type"),
    "scm_service": Arguments(
        required="folder name",
        optional="description tag",
        blocks={
            "protocol": Arguments(
                blocks={kind: Arguments(required="port", optional="source_port override") for kind in ("tcp", "udp")}
            )
        },
    ),
    "scm_security_rule": Arguments(
        required="name action application category destination from service source source_user to",
        optional="folder position relative_position target_rule description disabled log_end log_setting tag",
    ),
}
"""Of PaloAltoNetworks/scm: its documents (commit 04f79e0), and for rules its examples of the 1.x."""


def strata_terraform(text: str) -> list[Rule]:
    found = Terraform.read(text, netprobe_folder="Branches")
    _hold(found, SCM)
    assert {one["folder"] for kind in found.kinds for one in found.of(kind)} == {"Branches"}
    addresses = {one["name"]: one["ip_netmask"] for one in found.of("scm_address")}
    groups = {one["name"]: tuple(addresses[m] for m in one["static"]) for one in found.of("scm_address_group")}
    services = {}
    for one in found.of("scm_service"):
        ((protocol, told),) = one["protocol"].items()
        services[one["name"]] = _ports(protocol, told["port"], ",")
    categories = {one["name"]: _category(one["list"]) for one in found.of("scm_url_category")}
    assert {one["type"] for one in found.of("scm_url_category")} == {"URL List"}
    ordered: list[dict[str, Any]] = []
    for one in found.of("scm_security_rule"):
        assert one["position"] == "pre"
        assert one["from"] == one["to"] == one["source_user"] == one["destination"] == ["any"]
        names = [rule["label"] for rule in ordered]
        before = one["relative_position"] == "before"
        assert before or one["relative_position"] == "top"
        ordered.insert(names.index(one["target_rule"]) if before else 0, {**one, "label": one["name"]})
    return list(_panos_rules(ordered, groups, services, categories))


def _ports(protocol: str, text: str, separator: str) -> frozenset[tuple[str, int]]:
    return frozenset((protocol, int(port)) for port in text.split(separator))


def _hold(found: Terraform, known: dict[str, Arguments]) -> None:
    assert found.kinds <= set(known)
    for (kind, label), body in found.raw.items():
        known[kind].hold(found.filled({k: v for k, v in body.items() if k != "depends_on"}), f"{kind}.{label}")


# --- FortiOS --------------------------------------------------------------------------------------------------------

_NAME = Arguments(required="name")
_STATUS = Arguments(required="status", optional="ports")
FORTIOS = {
    "fortios_firewall_address": Arguments(optional="name type subnet comment fqdn"),
    "fortios_firewall_address6": Arguments(optional="name type ip6 comment fqdn"),
    "fortios_firewall_addrgrp": Arguments(required="name member", blocks={"member": _NAME}),
    "fortios_firewall_addrgrp6": Arguments(required="name member", blocks={"member": _NAME}),
    "fortios_webfilter_urlfilter": Arguments(
        required="fosid name", blocks={"entries": Arguments(optional="id url type action status")}
    ),
    "fortios_webfilter_profile": Arguments(
        required="name",
        blocks={"web": Arguments(optional="urlfilter_table"), "ftgd_wf": Arguments(optional="options")},
    ),
    "fortios_firewallservice_custom": Arguments(optional="name tcp_portrange udp_portrange"),
    "fortios_firewall_sslsshprofile": Arguments(
        required="name", blocks=dict.fromkeys(("https", "ftps", "imaps", "pop3s", "smtps", "ssh"), _STATUS)
    ),
    "fortios_firewall_policy": Arguments(
        required="srcintf dstintf",
        optional="policyid name action schedule nat utm_status ssl_ssh_profile webfilter_profile logtraffic",
        blocks=dict.fromkeys(("srcintf", "dstintf", "srcaddr", "dstaddr", "srcaddr6", "dstaddr6", "service"), _NAME),
    ),
    "fortios_firewall_policy_move": Arguments(required="policyid_src policyid_dst move"),
}


def _filter(entries: Sequence[dict[str, Any]]) -> Callable[[str], bool]:
    """The first entry that fits decides; a regular expression is looked for in the URL without its scheme."""
    assert [int(one["id"]) for one in entries] == list(range(1, len(entries) + 1))
    assert (entries[-1]["type"], entries[-1]["url"], entries[-1]["action"]) == ("wildcard", "*", "block")
    for one in entries[:-1]:
        assert (one["type"], one["action"], one["status"]) == ("regex", "allow", "enable")
    found = [re.compile(one["url"]) for one in entries[:-1]]
    return lambda name: any(one.search(f"{name}/") for one in found)


def _fortios_rules(
    policies: Mapping[int, Mapping[str, Any]],
    order: Sequence[int],
    groups: dict[str, tuple[str, ...]],
    services: dict[str, frozenset[tuple[str, int]]],
    filters: dict[str, Callable[[str], bool]],
) -> Iterator[Rule]:
    """The policies in front of the site's own, in their order."""
    assert order[-1] == BEFORE, "ours stand in front"
    for number in order[:-1]:
        one = policies[number]
        assert [x["name"] for x in (*one["srcintf"], *one["dstintf"])] == ["any", "any"]
        sources: list[str] = []
        for digit in ("", "6"):
            assert (f"srcaddr{digit}" in one) == (f"dstaddr{digit}" in one)
            assert [x["name"] for x in one.get(f"dstaddr{digit}", [{"name": "all"}])] == ["all"]
            for named in one.get(f"srcaddr{digit}", ()):
                everybody = "::/0" if digit else "0.0.0.0/0"
                sources += [everybody] if named["name"] == "all" else groups[named["name"]]
        says: Callable[[str], bool | None]
        if one["action"] == "deny":
            says = _denies
        else:
            assert (one["action"], one["utm_status"]) == ("accept", "enable")
            assert one["nat"] == ("enable" if "srcaddr" in one else "disable")
            says = filters[one["webfilter_profile"]]
        yield Rule(
            label=one["name"],
            sources=tuple(sources),
            services=frozenset().union(*(services[x["name"]] for x in one["service"])),
            says=says,
        )


def _denies(name: str) -> bool:
    return False


def fortios_terraform(text: str) -> list[Rule]:
    found = Terraform.read(text, netprobe_before=BEFORE)
    _hold(found, FORTIOS)
    addresses = {one["name"]: _subnet(one["subnet"]) for one in found.of("fortios_firewall_address")}
    addresses |= {one["name"]: one["ip6"] for one in found.of("fortios_firewall_address6")}
    groups = {
        one["name"]: tuple(addresses[m["name"]] for m in one["member"])
        for kind in ("fortios_firewall_addrgrp", "fortios_firewall_addrgrp6")
        for one in found.of(kind)
    }
    services = {
        one["name"]: _service(one.get("tcp_portrange"), one.get("udp_portrange"))
        for one in found.of("fortios_firewallservice_custom")
    }
    lists = {one["fosid"]: _filter(one["entries"]) for one in found.of("fortios_webfilter_urlfilter")}
    filters = {}
    for one in found.of("fortios_webfilter_profile"):
        assert one["ftgd_wf"] == [{"options": "ftgd-disable"}]
        filters[one["name"]] = lists[one["web"][0]["urlfilter_table"]]
    policies = {one["policyid"]: one for one in found.of("fortios_firewall_policy")}
    order = [BEFORE, *policies]
    # What another move leans on comes first.
    for one in sorted(found.of("fortios_firewall_policy_move"), key=lambda body: "depends_on" in body):
        _move(order, one["policyid_src"], one["policyid_dst"])
        assert one["move"] == "before"
    return list(_fortios_rules(policies, order, groups, services, filters))


def fortios_ansible(text: str) -> list[Rule]:
    addresses: dict[str, str] = {}
    groups: dict[str, tuple[str, ...]] = {}
    services: dict[str, frozenset[tuple[str, int]]] = {}
    lists: dict[int, Callable[[str], bool]] = {}
    filters: dict[str, Callable[[str], bool]] = {}
    policies: dict[int, Mapping[str, Any]] = {}
    order = [BEFORE]
    for module, given in tasks(text, netprobe_before=str(BEFORE)):
        kind = module.removeprefix("fortinet.fortios.fortios_")
        if given.get("action") == "move":
            assert set(given) == {"action", "self", "before"}
            _move(order, int(given["self"]), int(given["before"]))
            continue
        assert set(given) == {"state", kind}
        assert given["state"] == "present"
        body = given[kind]
        match kind:
            case "firewall_address":
                addresses[body["name"]] = _subnet(body["subnet"])
            case "firewall_address6":
                assert body["type"] == "ipprefix"
                addresses[body["name"]] = body["ip6"]
            case "firewall_addrgrp" | "firewall_addrgrp6":
                groups[body["name"]] = tuple(addresses[m["name"]] for m in body["member"])
            case "firewall_service_custom":
                services[body["name"]] = _service(body.get("tcp_portrange"), body.get("udp_portrange"))
            case "webfilter_urlfilter":
                lists[int(body["id"])] = _filter(body["entries"])
            case "webfilter_profile":
                assert body["ftgd_wf"] == {"options": ["ftgd-disable"]}
                filters[body["name"]] = lists[int(body["web"]["urlfilter_table"])]
            case "firewall_policy":
                policies[int(body["policyid"])] = body
                order.append(int(body["policyid"]))
            case "firewall_ssl_ssh_profile":
                assert body["https"]["status"] == "certificate-inspection"
            case _:
                raise AssertionError(module)
    return list(_fortios_rules(policies, order, groups, services, filters))


def _move(order: list[int], one: int, before: int) -> None:
    order.remove(one)
    order.insert(order.index(before), one)


def _subnet(text: str) -> str:
    return str(ipaddress.ip_network(text.replace(" ", "/")))


def _service(tcp: str | None, udp: str | None) -> frozenset[tuple[str, int]]:
    return _ports("tcp", tcp, " ") if tcp else _ports("udp", udp or "", " ")


# --- Check Point ----------------------------------------------------------------------------------------------------

_SERVICE = Arguments(required="name", optional="port match_for_any ignore_warnings")
_NETWORK = Arguments(required="name", optional="subnet4 subnet6 mask_length4 mask_length6 ignore_warnings")
_PLACE = Arguments(optional="top above below bottom")
CHECKPOINT = {
    "checkpoint_management_network": _NETWORK,
    "checkpoint_management_group": Arguments(required="name", optional="members"),
    "checkpoint_management_service_tcp": _SERVICE,
    "checkpoint_management_service_udp": _SERVICE,
    "checkpoint_management_dns_domain": Arguments(required="name is_sub_domain", optional="comments tags"),
    "checkpoint_management_access_rule": Arguments(
        required="layer name position",
        optional="action source destination service",
        blocks={"position": _PLACE, "track": Arguments(optional="type")},
    ),
    "checkpoint_management_publish": Arguments(optional="triggers uid run_publish_on_destroy"),
}
CHECKPOINT_MODULES = {
    "network": Arguments(required="name state", optional=_NETWORK.optional),
    "group": Arguments(required="name state", optional="members"),
    "service_tcp": Arguments(required="name state", optional=_SERVICE.optional),
    "service_udp": Arguments(required="name state", optional=_SERVICE.optional),
    "dns_domain": Arguments(required="name is_sub_domain state"),
    "dns_domain_facts": Arguments(required="name"),
    "publish": Arguments(),
    "access_rule": Arguments(
        required="layer name relative_position state",
        optional="action source destination service",
        blocks={"relative_position": _PLACE, "track": Arguments(optional="type")},
    ),
}


def _checkpoint_rules(
    listed: Sequence[dict[str, Any]],
    networks: dict[str, str],
    groups: dict[str, tuple[str, ...]],
    services: dict[str, frozenset[tuple[str, int]]],
    domains: dict[str, bool],
) -> Iterator[Rule]:
    """Rules in their order; a domain object in FQDN mode is exactly one name."""
    assert not any(domains.values()), "never the mode that asks reverse DNS"
    for one in listed:
        (source,) = one["source"]
        assert source == "Any" or source in groups
        names = [name.removeprefix(".") for name in one["destination"] if name != "Any"]
        assert all(f".{name}" in domains or name in networks for name in names)
        allows = {"Accept": True, "Drop": False}[one["action"]]

        def says(name: str, names: Sequence[str] = names, allows: bool = allows) -> bool | None:
            return allows if name in names or not names else None

        yield Rule(
            label=one["name"],
            sources=groups.get(source, ()),
            services=frozenset().union(*(services[name] for name in one["service"])),
            says=says,
        )


def _placed(order: list[dict[str, Any]], rule: dict[str, Any], place: dict[str, str]) -> None:
    ((how, whom),) = place.items()
    if how == "top":
        order.insert(0, rule)
        return
    assert how == "below"
    order.insert(1 + [one["name"] for one in order].index(whom), rule)


def _network(body: Mapping[str, Any]) -> str:
    version = 4 if "subnet4" in body else 6
    return f"{body[f'subnet{version}']}/{body[f'mask_length{version}']}"


def checkpoint_terraform(text: str) -> list[Rule]:
    found = Terraform.read(text, netprobe_layer="Network")
    _hold(found, CHECKPOINT)
    kind = "checkpoint_management_"
    networks = {one["name"]: _network(one) for one in found.of(f"{kind}network")}
    groups = {one["name"]: tuple(networks[m] for m in one["members"]) for one in found.of(f"{kind}group")}
    services = {
        one["name"]: frozenset({(protocol, int(one["port"]))})
        for protocol in ("tcp", "udp")
        for one in found.of(f"{kind}service_{protocol}")
    }
    order: list[dict[str, Any]] = []
    for one in found.of(f"{kind}access_rule"):
        assert one["layer"] == "Network"
        _placed(order, dict(one), one["position"][0])
    (publish,) = found.of(f"{kind}publish")
    assert len(publish["triggers"]) >= len(order)
    domains = {one["name"]: one["is_sub_domain"] for one in found.of(f"{kind}dns_domain")}
    return list(_checkpoint_rules(order, networks, groups, services, domains))


def checkpoint_ansible(text: str) -> list[Rule]:
    networks: dict[str, str] = {}
    groups: dict[str, tuple[str, ...]] = {}
    services: dict[str, frozenset[tuple[str, int]]] = {}
    domains: dict[str, bool] = {}
    order: list[dict[str, Any]] = []
    seen: list[str] = []
    for module, given in tasks(text, netprobe_layer="Network"):
        seen.append(module)
        if module == "ansible.builtin.assert":
            continue
        kind = module.removeprefix("check_point.mgmt.cp_mgmt_")
        CHECKPOINT_MODULES[kind].hold(given, module)
        match kind:
            case "network":
                networks[given["name"]] = _network(given)
            case "group":
                groups[given["name"]] = tuple(networks[m] for m in given["members"])
            case "service_tcp" | "service_udp":
                services[given["name"]] = frozenset({(kind[-3:], int(given["port"]))})
            case "dns_domain":
                domains[given["name"]] = given["is_sub_domain"]
            case "access_rule":
                _placed(order, dict(given), given["relative_position"])
    assert seen[-1] == "check_point.mgmt.cp_mgmt_publish"
    assert seen.index("ansible.builtin.assert") < seen.index("check_point.mgmt.cp_mgmt_service_tcp")
    return list(_checkpoint_rules(order, networks, groups, services, domains))


# --- NSX ------------------------------------------------------------------------------------------------------------

NSX = {
    "nsxt_policy_context_profile_custom_attribute": Arguments(required="key attribute", optional="context"),
    "nsxt_policy_context_profile": Arguments(
        required="display_name", optional="nsx_id", blocks={"domain_name": Arguments(required="value")}
    ),
    "nsxt_policy_service": Arguments(
        required="display_name",
        optional="nsx_id",
        blocks={"l4_port_set_entry": Arguments(required="protocol", optional="display_name destination_ports")},
    ),
    "nsxt_policy_group": Arguments(
        required="display_name",
        optional="nsx_id",
        blocks={
            "criteria": Arguments(blocks={"ipaddress_expression": Arguments(required="ip_addresses")}),
            "conjunction": Arguments(required="operator"),
        },
    ),
    "nsxt_policy_security_policy": Arguments(
        required="display_name category",
        optional="nsx_id sequence_number",
        blocks={"rule": Arguments(required="display_name", optional="action source_groups services profiles scope")},
    ),
}


def _domain(value: str) -> re.Pattern[str]:
    """``^`` is one word at the beginning or the end of the first label (NSX 4.1.2)."""
    first, _, parent = value.partition(".")
    assert first.count("^") <= 1
    assert first.strip("^") == first.replace("^", "")
    return re.compile(re.escape(first).replace(r"\^", r"[^.]+") + r"\." + re.escape(parent))


def nsx_terraform(text: str) -> list[Rule]:
    found = Terraform.read(text)
    _hold(found, NSX)
    registered = {one["attribute"] for one in found.of("nsxt_policy_context_profile_custom_attribute")}
    profiles = {}
    for one in found.of("nsxt_policy_context_profile"):
        values = one["domain_name"][0]["value"]
        assert set(values) <= registered
        profiles[f"nsxt_policy_context_profile/{one['nsx_id']}"] = [_domain(value) for value in values]
    services = {
        f"nsxt_policy_service/{one['nsx_id']}": frozenset(
            (entry["protocol"].lower(), int(port))
            for entry in one["l4_port_set_entry"]
            for port in entry["destination_ports"]
        )
        for one in found.of("nsxt_policy_service")
    }
    groups: dict[str, tuple[str, ...]] = {}
    for one in found.of("nsxt_policy_group"):
        lists = [c["ipaddress_expression"][0]["ip_addresses"] for c in one["criteria"]]
        assert all(len({":" in address for address in listed}) == 1 for listed in lists), "families apart"
        assert len(one.get("conjunction", [])) == len(lists) - 1
        groups[f"nsxt_policy_group/{one['nsx_id']}"] = tuple(a for listed in lists for a in listed)
    (policy,) = found.of("nsxt_policy_security_policy")
    rules = []
    for one in policy["rule"]:
        kinds = one.get("profiles", [])
        if kinds == ["/infra/context-profiles/DNS"]:
            assert one["display_name"] == "netprobe-dns"
            continue
        expressions = [expression for name in kinds for expression in profiles[name]]
        allows = {"ALLOW": True, "REJECT": False}[one["action"]]
        assert allows == bool(expressions)

        def says(name: str, found: Sequence[re.Pattern[str]] = expressions, allows: bool = allows) -> bool | None:
            return allows if not found or any(x.fullmatch(name) for x in found) else None

        rules.append(
            Rule(
                label=one["display_name"],
                sources=tuple(a for group in one["source_groups"] for a in groups[group]),
                services=frozenset().union(*(services[name] for name in one["services"])),
                says=says,
            )
        )
    return rules


READERS: dict[tuple[str, str], Callable[[str], list[Rule]]] = {
    ("panos", "terraform"): panos_terraform,
    ("panos", "ansible"): panos_ansible,
    ("panorama", "terraform"): strata_terraform,
    ("fortios", "terraform"): fortios_terraform,
    ("fortios", "ansible"): fortios_ansible,
    ("checkpoint", "terraform"): checkpoint_terraform,
    ("checkpoint", "ansible"): checkpoint_ansible,
    ("nsx", "terraform"): nsx_terraform,
}
every_form = pytest.mark.parametrize(("name", "tool"), READERS, ids=["-".join(pair) for pair in READERS])


def _made(name: str, tool: str, case: str, policy: Policy) -> Rendered:
    module = notations.noted(targets.get(name), tool)
    given = CASES[case]
    return render(module, given.endpoints, origin=ORIGIN, options=given.options, policy=policy)


def test_every_form_of_a_device_has_a_reader() -> None:
    """The clouds' forms are what their targets write anyway, and are read in test_cloud_firewalls.py and its like."""
    aws = {"aws-network-firewall", "aws-network-firewall-domains", "route53-dns-firewall"}
    clouds = {*aws, "azure-firewall", "gcp-firewall"}
    known = {(name, str(tool)) for tool, table in notations.TABLES.items() for name in table if name not in clouds}
    assert known == set(READERS) | {(name, "ansible") for name in SAME if name not in clouds}


@every_form
@pytest.mark.parametrize("case", ["strict", "wide"])
@pytest.mark.parametrize("sources", [HOSTS, ()], ids=["hosts", "everybody"])
def test_what_is_enforced_is_what_is_claimed(name: str, tool: str, case: str, sources: tuple[str, ...]) -> None:
    made = _made(name, tool, case, Policy(enforce=True, sources=sources, every_client=not sources))
    rules = READERS[name, tool](made.main)
    ports = {endpoint.port for endpoint in CASES[case].endpoints}
    answers = set()
    for host in corpus(CASES[case].endpoints):
        for port in (443, 80, 8443):
            claimed = made.lowered.admits(host, port) if port in ports else None
            for client in INSIDE:
                session = Session(client=client, protocol="tcp", port=port, name=host)
                assert verdict(rules, session) == claimed, (session, claimed)
                answers.add(claimed)
            quic = Session(client=INSIDE[0], protocol="udp", port=port, name=host)
            assert verdict(rules, quic) == (False if port in ports else None)
            for client in OUTSIDE if sources else ():
                assert verdict(rules, Session(client=client, protocol="tcp", port=port, name=host)) is None
    assert {True, False} <= answers


@pytest.mark.parametrize(("name", "tool"), [pair for pair in READERS if pair[0] != "fortios"])
@pytest.mark.parametrize("sources", [HOSTS, ()], ids=["hosts", "everybody"])
def test_what_only_allows_denies_nothing(name: str, tool: str, sources: tuple[str, ...]) -> None:
    made = _made(name, tool, "strict", Policy(sources=sources))
    rules = READERS[name, tool](made.main)
    answers = set()
    for host in corpus(CASES["strict"].endpoints):
        for port in (443, 80):
            claimed = True if made.lowered.admits(host, port) else None
            assert verdict(rules, Session(client=INSIDE[0], protocol="tcp", port=port, name=host)) == claimed
            assert verdict(rules, Session(client=INSIDE[0], protocol="udp", port=port, name=host)) is None
            outside = Session(client=OUTSIDE[0], protocol="tcp", port=port, name=host)
            assert verdict(rules, outside) == (None if sources else claimed)
            answers.add(claimed)
    assert answers == {True, None}


@every_form
def test_two_renders_under_two_names_do_not_meet(name: str, tool: str) -> None:
    """Neither an object, a rule nor a label of one is in the other."""
    texts = [
        _made(name, tool, "strict", Policy(enforce=True, every_client=True, name=stem)).main
        for stem in ("netprobe", "handoff")
    ]
    labels = [set(re.findall(r'"((?:netprobe|handoff)-(?:allow|deny|tcp|udp|443)[a-z0-9-]*)"', text)) for text in texts]
    assert len(labels[0]) == len(labels[1]) >= 3
    assert not labels[0] & labels[1]


@every_form
def test_the_readers_notice_what_no_provider_knows(name: str, tool: str) -> None:
    text = _made(name, tool, "strict", Policy(enforce=True, every_client=True)).main
    misspelt = {
        "panos": ("destination_port", "destination_ports"),
        "panorama": ("source_user", "source_users"),
        "fortios": ("urlfilter_table", "urlfilter_tables"),
        "checkpoint": ("match_for_any", "match_any"),
        "nsx": ("l4_port_set_entry", "l4_port_entry"),
    }
    old, new = misspelt[name]
    assert old in text
    with pytest.raises((AssertionError, KeyError)):
        READERS[name, tool](text.replace(old, new))


def test_the_rules_inside_the_single_file_are_those_of_the_rule_file() -> None:
    """A heredoc is a template too: nothing in it may begin an expression."""
    for case in CASES:
        policy = CASES[case].policy("aws-network-firewall")
        alone = _made("aws-network-firewall", "terraform", case, policy)
        inside = re.search(r"rules_string = <<RULES\n(.*?)\nRULES\n", alone.main, re.DOTALL)
        assert inside is not None
        assert not re.search(r"[$%]\{", inside.group(1))
        rules = parse(inside.group(1))
        assert {rule.action for rule in rules} == ({"pass", "drop"} if policy.enforce else {"pass"})
        for host in corpus(CASES[case].endpoints) if policy.enforce else ():
            assert passes(rules, host, 443) == alone.lowered.admits(host, 443)
