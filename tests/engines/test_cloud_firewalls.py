"""AWS Network Firewall and Azure Firewall: Terraform by python-hcl2, names by documented rules.

AWS runs Suricata, so its rules are replayed in the real one: those that we write, and those that AWS documents it makes
of a domain list (developer guide, domain list examples, read 2026-11-23).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import hcl2
import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from netprobe.render import Options, Rendered, render, targets
from tests.support.render_cases import CASES, ORIGIN, closed, endpoint
from tests.support.render_corpus import corpus
from tests.support.suricata import Talk, dropped, hello, parse, passes

every_case = pytest.mark.parametrize("case", CASES)


def _made(target: str, case: str) -> Rendered:
    return render(target, CASES[case].endpoints, origin=ORIGIN, options=CASES[case].options, policy=closed(target))


def _terraform(text: str) -> Mapping[str, Any]:
    """The first resource's body, strings without their quotes."""
    loaded = _unquoted(hcl2.loads(text))
    assert [v["type"] for block in loaded["variable"] for v in block.values()]
    (resource,) = loaded["resource"]
    ((_, named),) = resource.items()
    ((_, body),) = named.items()
    assert isinstance(body, Mapping)
    return body


def _unquoted(value: Any) -> Any:
    """python-hcl2 keeps the quotes of a string and marks blocks."""
    if isinstance(value, dict):
        return {str(key).strip('"'): _unquoted(one) for key, one in value.items() if not str(key).startswith("__")}
    if isinstance(value, list):
        return [_unquoted(one) for one in value]
    return value[1:-1] if isinstance(value, str) and value.startswith('"') else value


def _rule_group(case: str, target: str, file: str) -> Mapping[str, Any]:
    body = _terraform(_made(target, case).files[file])
    assert body["type"] == "STATEFUL"
    assert body["capacity"] == 1000
    (group,) = body["rule_group"]
    (variables,) = group["rule_variables"]
    (home,) = variables["ip_sets"]
    assert home["key"] == "HOME_NET"
    assert home["ip_set"] == [{"definition": "${var.netprobe_home_net}"}]
    assert isinstance(group, Mapping)
    return group


@pytest.mark.engine
@every_case
def test_aws_rules_in_the_engine(case: str, tmp_path: Path) -> None:
    made = _made("aws-network-firewall", case)
    names = corpus(CASES[case].endpoints)
    lost = dropped(made.main, [Talk([hello(name)]) for name in names], tmp_path)
    assert {n: not gone for n, gone in zip(names, lost, strict=True)} == {n: made.lowered.admits(n, 443) for n in names}


@every_case
def test_aws_rules_by_their_grammar(case: str) -> None:
    made = _made("aws-network-firewall", case)
    rules = parse(made.main)
    assert {n: passes(rules, n, 443) for n in corpus(CASES[case].endpoints)} == {
        n: made.lowered.admits(n, 443) for n in corpus(CASES[case].endpoints)
    }
    # Strict order: every pass rule stands before the first drop rule.
    assert [rule.action for rule in rules] == sorted((rule.action for rule in rules), reverse=True)


@every_case
def test_aws_terraform_takes_the_rules(case: str) -> None:
    group = _rule_group(case, "aws-network-firewall", "netprobe.tf")
    (source,) = group["rules_source"]
    assert source["rules_string"] == '${file("${path.module}/netprobe.rules")}'
    assert group["stateful_rule_options"] == [{"rule_order": "STRICT_ORDER"}]
    assert "netprobe.rules" in _made("aws-network-firewall", case).files


_RESOLVED = re.compile(r' aws_route_53_resolved_domain:"([^"]+)";')


@every_case
def test_resolved_rules_are_the_same_but_bind_each_name_to_its_addresses(case: str) -> None:
    """No Suricata outside AWS knows the keyword, so without it they must be the rules that the engine has judged."""
    made = _made("aws-network-firewall", case)
    resolved = [line for line in made.files["netprobe-resolved.rules"].splitlines() if line and line[0] != "#"]
    plain = [line for line in made.main.splitlines() if line and line[0] != "#"]
    assert [_RESOLVED.sub("", line) for line in resolved] == plain
    bound = 0
    for line in resolved:
        keyword, name = _RESOLVED.search(line), re.search(r'content:"([^"]+)"', line)
        assert (keyword is None) == (name is None), line
        if keyword and name:
            bound += 1
            assert keyword[1] == name[1]
    assert bound
    told = "are not bound so" in made.files["netprobe-resolved.rules"]
    assert told == any("pcre:" in line for line in resolved)


def test_names_alone_leave_no_rule_without_its_addresses() -> None:
    case = CASES["strict"]
    endpoints = tuple(one for one in case.endpoints if not one.numbered)
    listed = tuple(endpoint(name) for found in case.options.seen.values() for name in found.names)
    made = render("aws-network-firewall", (*endpoints, *listed), origin=ORIGIN, options=Options())
    rules = [line for line in made.files["netprobe-resolved.rules"].splitlines() if line.startswith("pass ")]
    assert len(rules) == len(endpoints) + len(listed)
    assert all(_RESOLVED.search(line) for line in rules)


def _validates(shape: str, value: Any) -> None:
    """Against botocore's model of the API: structure, and the values of every enumeration in it."""
    model = ServiceModel(Loader().load_service_model("network-firewall", "service-2"), "network-firewall")
    found = ParamValidator().validate(value, model.shape_for(shape))
    assert not found.has_errors(), found.generate_report()
    _enumerated(model.shape_for(shape), value)


def _enumerated(shape: Any, value: Any) -> None:
    if shape.type_name == "structure":
        for key, one in value.items():
            _enumerated(shape.members[key], one)
    elif shape.type_name == "list":
        for one in value:
            _enumerated(shape.member, one)
    elif shape.type_name == "map":
        for one in value.values():
            _enumerated(shape.value, one)
    elif enum := getattr(shape, "enum", None):
        assert value in enum, value


@every_case
def test_the_api_takes_the_domain_list_bound_to_its_addresses(case: str) -> None:
    files = _made("aws-network-firewall-domains", case).files
    plain, resolved = (json.loads(files[name]) for name in ("rule-group.json", "rule-group-resolved.json"))
    _validates("RuleGroup", plain)
    _validates("RuleGroup", resolved)
    types = resolved["RulesSource"]["RulesSourceList"]["TargetTypes"]
    assert types == ["TLS_SNI", "AWS_ROUTE_53_RESOLVED_DOMAIN"]
    resolved["RulesSource"]["RulesSourceList"]["TargetTypes"] = ["TLS_SNI"]
    assert resolved == plain


def test_what_the_page_says_of_the_policy_is_taken() -> None:
    """And the model notices what is not: without that the other test would prove nothing."""
    page = targets.page("aws-network-firewall")
    found = re.search(r'"Route53ResolvedIPValidation": (\{[^}]+\})', page)
    assert found
    setting = json.loads(found[1])
    _validates("Route53ResolvedIPValidation", setting)
    for wrong in ({**setting, "Action": "ALLOW"}, {**setting, "Else": "x"}, {"Action": "ALERT"}):
        with pytest.raises(AssertionError):
            _validates("Route53ResolvedIPValidation", wrong)
        with pytest.raises(AssertionError):
            _validates("RuleGroup", {"RulesSource": {"RulesSourceList": {"TargetTypes": ["SNI"]}}})


def _generated(items: Sequence[str]) -> str:
    """What AWS documents it makes of an ALLOWLIST for TLS_SNI in the default order of actions."""
    head, end = "tls $HOME_NET any -> $EXTERNAL_NET any", "flow:to_server,established"
    lines = []
    for number, item in enumerate(items, start=1_000_001):
        assert re.fullmatch(r"\.?[a-z0-9-]+(\.[a-z0-9-]+)+", item), item
        how = "dotprefix; " if item.startswith(".") else ""
        start = "" if item.startswith(".") else "startswith; "
        lines.append(
            f'pass {head} (tls.sni; {how}content:"{item}"; {start}nocase; endswith; {end}; sid:{number}; rev:1;)'
        )
    lines.append(f"drop {head} (ssl_state:client_hello; {end}; sid:1900001; rev:1;)")
    return "\n".join(lines) + "\n"


def _domains(case: str) -> Sequence[str]:
    group = _rule_group(case, "aws-network-firewall-domains", "netprobe-domains.tf")
    (listed,) = group["rules_source"][0]["rules_source_list"]
    assert listed["generated_rules_type"] == "ALLOWLIST"
    assert listed["target_types"] == ["TLS_SNI"]
    assert group["stateful_rule_options"] == [{"rule_order": "DEFAULT_ACTION_ORDER"}]
    return [str(item) for item in listed["targets"]]


@every_case
def test_domain_list_by_the_rules_that_aws_makes_of_it(case: str) -> None:
    made = _made("aws-network-firewall-domains", case)
    rules = parse(_generated(_domains(case)))
    decided = {(n, port): passes(rules, n, port) for n in corpus(CASES[case].endpoints) for port in (443, 8443)}
    assert decided == {(n, port): made.lowered.admits(n) for n, port in decided}
    assert {True, False} <= set(decided.values())


@pytest.mark.engine
@every_case
def test_domain_list_in_the_engine(case: str, tmp_path: Path) -> None:
    made = _made("aws-network-firewall-domains", case)
    names = corpus(CASES[case].endpoints)
    lost = dropped(_generated(_domains(case)), [Talk([hello(name)]) for name in names], tmp_path)
    assert {n: not gone for n, gone in zip(names, lost, strict=True)} == {n: made.lowered.admits(n) for n in names}


@every_case
def test_domain_list_for_the_api_is_the_same(case: str) -> None:
    body = json.loads(_made("aws-network-firewall-domains", case).files["rule-group.json"])
    assert set(body) == {"RuleVariables", "RulesSource", "StatefulRuleOptions"}
    listed = body["RulesSource"]["RulesSourceList"]
    assert (listed["GeneratedRulesType"], listed["TargetTypes"]) == ("ALLOWLIST", ["TLS_SNI"])
    assert listed["Targets"] == _domains(case)
    # In strict order AWS adds no rule that drops the rest.
    assert body["StatefulRuleOptions"] == {"RuleOrder": "DEFAULT_ACTION_ORDER"}
    assert set(body["RuleVariables"]["IPSets"]) == {"HOME_NET"}


def _azure_fits(fqdn: str, name: str) -> bool:
    """Azure Firewall FAQ: an asterisk left-most only, and it stands for anything; ``*.x`` excludes x."""
    assert re.fullmatch(r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+", fqdn), fqdn
    return name.endswith(fqdn[1:]) if fqdn.startswith("*") else name == fqdn


@every_case
def test_azure_admits_what_is_claimed(case: str) -> None:
    made = _made("azure-firewall", case)
    body = _terraform(made.main)
    assert body["firewall_policy_id"] == "${var.netprobe_firewall_policy_id}"
    collection, denial = body["application_rule_collection"]
    assert (denial["action"], denial["rule"][0]["destination_fqdns"]) == ("Deny", ["*"])
    assert denial["priority"] > collection["priority"]
    assert {p["port"] for p in denial["rule"][0]["protocols"]} == {
        r["protocols"][0]["port"] for r in collection["rule"]
    }
    assert collection["action"] == "Allow"
    assert all(100 <= number <= 65000 for number in (body["priority"], collection["priority"]))
    rules = [(r["protocols"][0], r["destination_fqdns"]) for r in collection["rule"]]
    assert all(r["source_addresses"] == "${var.netprobe_source_addresses}" for r in collection["rule"])
    assert all(p["type"] == {443: "Https", 80: "Http"}[p["port"]] for p, _ in rules)
    asked = [(name, port) for name in corpus(CASES[case].endpoints) for port in (443, 80, 8443)]
    decided = {
        (n, p): any(proto["port"] == p and any(_azure_fits(f, n) for f in fqdns) for proto, fqdns in rules)
        for n, p in asked
    }
    assert decided == {(n, p): made.lowered.admits(n, p) for n, p in asked}
    assert {True, False} <= set(decided.values())


@every_case
def test_azure_for_the_api_is_the_same(case: str) -> None:
    made = _made("azure-firewall", case)
    collection, denial = json.loads(made.files["rule-collection-group.json"])["properties"]["ruleCollections"]
    terraform, refused = _terraform(made.main)["application_rule_collection"]
    assert collection["action"] == {"type": terraform["action"]}
    assert denial["action"] == {"type": refused["action"]}
    assert denial["rules"][0]["targetFqdns"] == refused["rule"][0]["destination_fqdns"]
    assert [(r["name"], r["targetFqdns"], r["protocols"][0]["port"]) for r in collection["rules"]] == [
        (r["name"], r["destination_fqdns"], r["protocols"][0]["port"]) for r in terraform["rule"]
    ]
