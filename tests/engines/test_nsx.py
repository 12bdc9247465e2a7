"""NSX cannot be had here: an independent reader of the two requests and of domain names in 4.1.2."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from netprobe.errors import CannotExpressError
from netprobe.render import Options, Rendered, iana, render
from netprobe.render.model import LossKind, Policy
from tests.support.firewall_case import INPUTS, Decides, holds, made
from tests.support.render_cases import HOSTS, ORIGIN, ecs, endpoint, enforcing

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_GROUP = "/infra/domains/default/groups/netprobe-hosts"


def _check(value: str) -> None:
    """One ``^`` at most, at the beginning or the end of the first label; no other wildcard."""
    first, *rest = value.split(".")
    assert len(value) <= 255
    assert rest
    assert all(_LABEL.fullmatch(label) for label in rest), value
    assert first.count("^") <= 1
    assert first.strip("^") == first.replace("^", ""), f"{value}: ^ stands at an edge"
    assert first == "^" or re.fullmatch(r"[a-z0-9-]+", first.strip("^")), value


def _fits(value: str, name: str) -> bool:
    _check(value)
    first, _, rest = value.partition(".")
    label, _, parent = name.partition(".")
    before, star, after = first.partition("^")
    same = label.startswith(before) and label.endswith(after) and len(label) > len(before) + len(after)
    return parent == rest and (same if star else label == first)


def _by_type(children: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {c[kind]["id"]: c[kind] for c in children if c["resource_type"] == f"Child{kind}"}


def _rules(infra: dict[str, Any]) -> list[dict[str, Any]]:
    (domain,) = [c for c in infra["children"] if c["resource_type"] == "ChildResourceReference"]
    assert (domain["id"], domain["target_type"]) == ("default", "Domain")
    ((group, hosts),) = _by_type(domain["children"], "Group").items()
    assert group == "netprobe-hosts"
    # IPv4 and IPv6 are never mixed in one expression (IPAddressExpression of the Policy API).
    apart = [{"resource_type": "IPAddressExpression", "ip_addresses": [one]} for one in HOSTS]
    assert hosts["expression"] == [
        apart[0],
        {"resource_type": "ConjunctionOperator", "conjunction_operator": "OR"},
        apart[1],
    ]
    ((_, policy),) = _by_type(domain["children"], "SecurityPolicy").items()
    assert (policy["category"], policy["sequence_number"], policy["scope"]) == ("Application", 0, ["ANY"])
    rules: list[dict[str, Any]] = policy["rules"]
    numbers = [rule["sequence_number"] for rule in rules]
    assert numbers == sorted(set(numbers))
    return rules


def _read(output: Rendered) -> Decides:
    attributes = json.loads(output.files["netprobe-attributes.json"])
    infra = json.loads(output.files["netprobe-infra.json"])
    told = json.loads(output.main)
    assert (told["attributes"], told["infra"]) == (attributes, infra)
    assert infra["resource_type"] == "Infra"
    assert (attributes["key"], attributes["datatype"]) == ("DOMAIN_NAME", "STRING")
    services = {
        f"/infra/services/{name}": [int(p) for e in service["service_entries"] for p in e["destination_ports"]]
        for name, service in _by_type(infra["children"], "Service").items()
    }
    quic = {name for name in services if "-udp-" in name}
    for service in _by_type(infra["children"], "Service").values():
        kind = "UDP" if "-udp-" in service["id"] else "TCP"
        assert {entry["l4_protocol"] for entry in service["service_entries"]} == {kind}
    profiles = {
        f"/infra/context-profiles/{name}": profile["attributes"][0]["value"]
        for name, profile in _by_type(infra["children"], "PolicyContextProfile").items()
    }
    registered = set(attributes["value"])
    assert all(set(values) <= registered for values in profiles.values()), "a profile takes what is registered"

    def decide(name: str, port: int) -> bool:
        for rule in _rules(infra):
            assert rule["source_groups"] == [_GROUP]
            if rule["id"] == "netprobe-dns" or port not in [
                p for s in rule["services"] if s not in quic for p in services[s]
            ]:
                continue
            wanted = [value for profile in rule["profiles"] if profile != "ANY" for value in profiles[profile]]
            if rule["profiles"] == ["ANY"] or any(_fits(value, name) for value in wanted):
                return bool(rule["action"] == "ALLOW")
        return False

    return decide


@pytest.mark.parametrize("what", INPUTS)
def test_the_policy_admits_what_is_claimed(what: str) -> None:
    holds("nsx", what, _read)


def test_numbered_names_are_exact() -> None:
    output = made("nsx", "strict")
    assert output.lowered.losses == ()
    assert "ecs-a-^.us-east-2.amazonaws.com" in output.main


def test_a_name_on_two_ports_is_registered_once() -> None:
    """The values of an attribute are a set."""
    endpoints = tuple(endpoint("own.example.com", f"own-{port}", group="own", port=port) for port in (80, 443))
    output = render("nsx", endpoints, origin=ORIGIN, options=Options(), policy=enforcing("nsx"))
    assert json.loads(output.files["netprobe-attributes.json"])["value"] == ["own.example.com"]
    assert _read(output)("own.example.com", 80)


def test_dns_is_seen_before_anything_is_decided() -> None:
    """Without that rule on top the firewall learns no address."""
    rules = _rules(json.loads(made("nsx", "wide").files["netprobe-infra.json"]))
    assert rules[0]["profiles"] == ["/infra/context-profiles/DNS"]
    assert rules[0]["services"] == ["/infra/services/DNS", "/infra/services/DNS-UDP"]
    assert (rules[-1]["action"], rules[-1]["profiles"]) == ("REJECT", ["ANY"])


@pytest.mark.parametrize("pattern", ["a-*-b.us-east-2.amazonaws.com", "ecs.a-*.us-east-2.amazonaws.com"])
def test_a_star_elsewhere_is_refused(pattern: str) -> None:
    with pytest.raises(CannotExpressError):
        render("nsx", (endpoint(pattern, "x"),), origin=ORIGIN, options=Options(allow_widening=False, exact=True))


def test_the_reader_notices_what_is_invalid() -> None:
    for bad in ("ecs-^-a.example.com", "ecs.^.example.com", "ecs-a-*.example.com", "^^.example.com", "ecs"):
        with pytest.raises(AssertionError):
            _check(bad)


def test_a_name_outside_the_public_dns_is_refused_and_does_not_fail_the_rest() -> None:
    endpoints = (endpoint("ecs.us-east-2.amazonaws.com"), endpoint("harbor.corp.internal", "own", required=False))
    output = render("nsx", endpoints, origin=ORIGIN, options=Options(), policy=enforcing("nsx"))
    assert "harbor" not in output.files["netprobe-attributes.json"]
    assert any("would fail the rest" in loss.explanation for loss in output.lowered.refused)


@pytest.mark.parametrize(("name", "why"), [("harbor.corp", "corp"), ("db.service.consul", "consul"), ("x.zz", "zz")])
def test_a_name_outside_the_public_dns_is_refused_with_the_reason(name: str, why: str) -> None:
    """NSX fails the whole request for it; what AWS and everybody else have registered passes."""
    optional = endpoint(name, "own", group="own", required=False)
    made = render("nsx", (*ecs("us-east-2"), optional), origin=ORIGIN, options=Options(), policy=Policy())
    (loss,) = [one for one in made.lowered.losses if one.endpoint == "own"]
    assert loss.kind is LossKind.REFUSED
    assert f".{why} is no top-level domain" in loss.explanation
    assert iana.DATE in loss.explanation
    assert f'"{name}"' not in made.main
    with pytest.raises(CannotExpressError, match="top-level domain"):
        render("nsx", (endpoint(name),), origin=ORIGIN, options=Options(), policy=Policy())


def test_the_list_holds_what_names_end_with() -> None:
    assert {"com", "aws", "cloud", "de", "xn--p1ai"} <= iana.TLDS
    assert not {"corp", "internal", "test", "consul", ""} & iana.TLDS
    assert all(label == label.lower() and "." not in label for label in iana.TLDS)
