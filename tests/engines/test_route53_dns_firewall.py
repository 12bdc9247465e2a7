"""Route 53 Resolver DNS Firewall: Terraform by python-hcl2, requests by botocore, names as AWS documents them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import hcl2
import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from netprobe.render import Rendered, render
from netprobe.render.model import Policy
from tests.support.firewall_case import INPUTS, Decides, holds
from tests.support.render_cases import CASES, ORIGIN
from tests.support.some import some

RULE = "aws_route53_resolver_firewall_rule"
LIST = "aws_route53_resolver_firewall_domain_list"


def _unquoted(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key).strip('"'): _unquoted(one) for key, one in value.items() if not str(key).startswith("__")}
    if isinstance(value, list):
        return [_unquoted(one) for one in value]
    return value[1:-1] if isinstance(value, str) and value.startswith('"') else value


def _resources(text: str) -> dict[str, dict[str, Any]]:
    """Type and name of each resource, to its body."""
    found: dict[str, dict[str, Any]] = {}
    for block in _unquoted(hcl2.loads(text))["resource"]:
        for kind, named in block.items():
            for name, body in named.items():
                found[f"{kind}.{name}"] = body
    return found


def _fits(domain: str, name: str) -> bool:
    """AWS: it may begin with an asterisk, else letters, digits, hyphens (and the dots between labels), 1 to 255."""
    assert 1 <= len(domain) <= 255
    if domain == "*":
        return True
    assert re.fullmatch(r"(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", domain), domain
    return name.endswith(domain[1:]) if domain.startswith("*") else name == domain


def _answers(rules: Sequence[Mapping[str, Any]], lists: Mapping[str, Sequence[str]], name: str) -> bool:
    """The first rule that fits, in the order of priorities; what no rule fits is answered."""
    for rule in sorted(rules, key=lambda one: int(one["at"])):
        if any(_fits(domain, name) for domain in lists[rule["list"]]):
            return bool(rule["action"] == "ALLOW")
    return True


def _rules(made: Rendered) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    resources = _resources(made.main)
    lists = {key: body["domains"] for key, body in resources.items() if key.startswith(LIST + ".")}
    rules = []
    for key, body in resources.items():
        if not key.startswith(RULE + "."):
            continue
        place = re.fullmatch(r"\$\{var\.netprobe_priority( \+ (\d+))?\}", body["priority"])
        assert place is not None, body["priority"]
        which = re.fullmatch(r"\$\{(.+)\.id\}", body["firewall_domain_list_id"])
        assert which is not None
        rules.append({**body, "at": 100 + int(place[2] or 0), "list": which[1]})
    return rules, lists


def _read(made: Rendered) -> Decides:
    rules, lists = _rules(made)
    ports = {entry.port for entry in made.lowered.entries}
    return lambda name, port: port in ports and _answers(rules, lists, name)


@pytest.mark.parametrize("what", INPUTS)
def test_the_rules_answer_what_is_claimed(what: str) -> None:
    holds("route53-dns-firewall", what, _read)


def _made(policy: Policy) -> Rendered:
    case = CASES["wide"]
    return render("route53-dns-firewall", case.endpoints, origin=ORIGIN, options=case.options, policy=policy)


def test_what_allows_follows_aliases_and_what_blocks_says_how() -> None:
    rules, _ = _rules(_made(Policy(enforce=True, every_client=True)))
    allow, block = sorted(rules, key=lambda rule: rule["at"])
    assert (allow["action"], allow["firewall_domain_redirection_action"]) == ("ALLOW", "TRUST_REDIRECTION_DOMAIN")
    assert (block["action"], block["block_response"]) == ("BLOCK", "NXDOMAIN")


def test_the_additive_form_is_one_rule_for_a_group_of_the_sites_own() -> None:
    """In front of a rule that blocks everything but the intranet: the endpoints are answered, and nothing else new."""
    made = _made(Policy())
    rules, lists = _rules(made)
    assert [rule["firewall_rule_group_id"] for rule in rules] == ["${var.netprobe_rule_group_id}"]
    site = [{"at": 500, "action": "ALLOW", "list": "in"}, {"at": 600, "action": "BLOCK", "list": "all"}]
    theirs = {"in": ["*.intranet.example.com"], "all": ["*"]}
    for name in ("a.intranet.example.com", "www.example.com", "ecs.us-east-2.amazonaws.com", "download.docker.com"):
        before = _answers(site, theirs, name)
        after = _answers([*site, *rules], {**theirs, **lists}, name)
        assert after == (before or made.lowered.admits(name)), name


@pytest.mark.parametrize("policy", [Policy(), Policy(enforce=True, every_client=True)])
def test_the_request_is_one_that_aws_takes(policy: Policy) -> None:
    made = _made(policy)
    request = {"FirewallDomainListId": "rslvr-fdl-0123456789abcdef", **json.loads(made.files["netprobe-domains.json"])}
    service = ServiceModel(Loader().load_service_model("route53resolver", "service-2"))
    shape = service.operation_model("UpdateFirewallDomains").input_shape
    assert ParamValidator().validate(request, shape).generate_report() == ""
    assert set(request["Domains"]) == set(_rules(made)[1][f"{LIST}.netprobe"])
    assert len(request["Domains"]) <= 1000


def test_the_attributes_are_those_of_the_api() -> None:
    """Terraform names them as the API does, in snake case."""
    service = ServiceModel(Loader().load_service_model("route53resolver", "service-2"))
    shape = service.operation_model("CreateFirewallRule").input_shape
    known = {re.sub(r"(?<!^)(?=[A-Z])", "_", member).lower() for member in shape.members}
    for rule in some(_rules(_made(Policy(enforce=True, every_client=True)))[0]):
        assert set(rule) - {"at", "list"} <= known
        assert re.fullmatch(r"(?!^[0-9]+$)([a-zA-Z0-9\-_' ']+)", rule["name"])
        assert len(rule["name"]) <= 64
