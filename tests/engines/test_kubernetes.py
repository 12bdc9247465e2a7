"""Kubernetes targets: each object fits the documented schema, and an independent reader decides name by name.

No cluster can be had here. The schemas are written by hand from the published CRDs and API references (read
2026-11-23), closed, so that a misspelt field fails; the readers know what the vendors document of their wildcards.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jsonschema
import pytest
import yaml

from netprobe.errors import CannotExpressError
from netprobe.render import Options, Rendered, render, targets
from netprobe.render.model import Form, Policy
from tests.support.render_cases import CASES, ORIGIN, closed, endpoint
from tests.support.render_corpus import corpus, neighbours

Schema = Mapping[str, Any]
Object = Mapping[str, Any]
_LABELS: Schema = {"type": "object", "additionalProperties": {"type": "string", "maxLength": 63}}
_PORT: Schema = {"type": "integer", "minimum": 1, "maximum": 65535}


def _closed(required: Sequence[str], **properties: Any) -> Schema:
    return {"type": "object", "properties": properties, "required": [*required], "additionalProperties": False}


def _list(items: Any, most: int | None = None) -> Schema:
    return {"type": "array", "items": items, "minItems": 1, **({"maxItems": most} if most else {})}


def _object(version: str, kind: str, spec: Schema, name: str) -> Schema:
    return _closed(
        ["apiVersion", "kind", "metadata", "spec"],
        apiVersion={"const": version},
        kind={"const": kind},
        metadata=_closed(["name"], name={"type": "string", "pattern": name, "maxLength": 253}),
        spec=spec,
    )


_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
_CILIUM_NAME = _closed([], matchName={"type": "string", "maxLength": 255, "pattern": r"^([-a-zA-Z0-9_]+[.]?)+$"})
_CILIUM_PATTERN = _closed(
    [], matchPattern={"type": "string", "maxLength": 255, "pattern": r"^(\*\*\.)?([-a-zA-Z0-9_*]+[.]?)+$"}
)
_CILIUM_FQDNS = _list({"oneOf": [{**one, "minProperties": 1} for one in (_CILIUM_NAME, _CILIUM_PATTERN)]})
_CILIUM_PORTS = _list(
    _closed(
        ["ports"],
        ports=_list(
            _closed(
                ["port", "protocol"],
                port={"type": "string", "pattern": r"^(6553[0-5]|[1-9][0-9]{0,4})$"},
                protocol={"enum": ["TCP", "UDP", "ANY"]},
            ),
            40,
        ),
        rules=_closed(["dns"], dns=_CILIUM_FQDNS),
    )
)
_CILIUM = _object(
    "cilium.io/v2",
    "CiliumNetworkPolicy",
    _closed(
        ["endpointSelector", "egress"],
        endpointSelector=_closed([], matchLabels=_LABELS),
        egress=_list(
            _closed(
                ["toPorts"],
                toEndpoints=_list(_closed([], matchLabels=_LABELS)),
                toFQDNs=_CILIUM_FQDNS,
                toPorts=_CILIUM_PORTS,
            )
        ),
    ),
    _NAME,
)
_CALICO = _object(
    "projectcalico.org/v3",
    "NetworkPolicy",
    _closed(
        ["tier", "order", "selector", "types", "egress"],
        tier={"type": "string"},
        order={"type": "number"},
        selector={"type": "string", "pattern": r"^[a-z./-]+ == '[a-z-]+'$"},
        types={"const": ["Egress"]},
        egress=_list(
            _closed(
                ["action"],
                action={"enum": ["Allow", "Deny", "Pass", "Log"]},
                protocol={"enum": ["TCP", "UDP"]},
                destination=_closed(
                    ["ports"],
                    selector={"type": "string"},
                    namespaceSelector={"type": "string"},
                    domains=_list({"type": "string", "pattern": r"^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+$"}),
                    ports=_list(_PORT),
                ),
            )
        ),
    ),
    r"^default\.[a-z0-9-]+$",
)
_OPENSHIFT = _object(
    "k8s.ovn.org/v1",
    "EgressFirewall",
    _closed(
        ["egress"],
        egress=_list(
            _closed(
                ["type", "to"],
                type={"enum": ["Allow", "Deny"]},
                to={
                    **_closed(
                        [],
                        dnsName={"type": "string", "pattern": r"^(\*\.)?([A-Za-z0-9-]+\.)*[A-Za-z0-9-]+\.?$"},
                        cidrSelector={"type": "string"},
                    ),
                    "minProperties": 1,
                    "maxProperties": 1,
                },
                ports=_list(_closed(["protocol", "port"], protocol={"enum": ["TCP", "UDP", "SCTP"]}, port=_PORT)),
            )
        ),
    ),
    "^default$",
)
_ISTIO = {
    "oneOf": [
        _object(
            "networking.istio.io/v1",
            "ServiceEntry",
            _closed(
                ["hosts", "location", "resolution", "ports", "exportTo"],
                hosts=_list({"type": "string", "not": {"const": "*"}, "pattern": r"^(\*\.)?[a-z0-9.-]+$"}, 256),
                exportTo=_list({"type": "string"}),
                location={"enum": ["MESH_EXTERNAL", "MESH_INTERNAL"]},
                resolution={"enum": ["NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN"]},
                ports=_list(
                    _closed(
                        ["number", "name", "protocol"],
                        number=_PORT,
                        name={"type": "string", "maxLength": 256},
                        protocol={"enum": ["HTTP", "HTTPS", "GRPC", "HTTP2", "MONGO", "TCP", "TLS"]},
                    )
                ),
            ),
            _NAME,
        ),
        _object(
            "networking.istio.io/v1",
            "Sidecar",
            _closed(
                ["outboundTrafficPolicy", "egress"],
                outboundTrafficPolicy=_closed(["mode"], mode={"enum": ["REGISTRY_ONLY", "ALLOW_ANY"]}),
                egress=_list(_closed(["hosts"], hosts=_list({"type": "string", "pattern": "^[^/]+/[^/]+$"}))),
            ),
            _NAME,
        ),
    ]
}
_SELECTOR = _closed([], matchLabels=_LABELS)
_POLICY = _object(
    "networking.k8s.io/v1",
    "NetworkPolicy",
    _closed(
        ["podSelector", "policyTypes", "egress"],
        podSelector=_SELECTOR,
        policyTypes={"const": ["Egress"]},
        egress=_list(
            _closed(
                ["to", "ports"],
                to=_list(
                    {
                        "oneOf": [
                            _closed(["ipBlock"], ipBlock=_closed(["cidr"], cidr={"type": "string"})),
                            _closed(["podSelector"], podSelector=_SELECTOR, namespaceSelector=_SELECTOR),
                        ]
                    }
                ),
                ports=_list(_closed(["protocol", "port"], protocol={"enum": ["TCP", "UDP", "SCTP"]}, port=_PORT)),
            )
        ),
    ),
    _NAME,
)
SCHEMAS: Mapping[str, Any] = {
    "cilium": _CILIUM,
    "calico-enterprise": _CALICO,
    "openshift-egressfirewall": _OPENSHIFT,
    "istio": _ISTIO,
    "networkpolicy": _POLICY,
}


def _cilium(objects: Sequence[Object], name: str, port: int) -> bool:
    """The name must be let through to DNS, and its addresses to the port."""
    dns, *rest = objects[0]["spec"]["egress"]
    (questions,) = dns["toPorts"]
    assert questions["ports"] == [{"port": "53", "protocol": "ANY"}]
    learned = any(_cilium_fits(one, name) for one in questions["rules"]["dns"])
    return learned and any(
        any(_cilium_fits(one, name) for one in rule["toFQDNs"])
        and {"port": str(port), "protocol": "TCP"} in rule["toPorts"][0]["ports"]
        for rule in rest
    )


def _cilium_fits(selector: Mapping[str, str], name: str) -> bool:
    """``matchpattern.ToAnchoredRegexp``: a dot is a dot, ``*`` is ``[-a-zA-Z0-9_]*``, lower case, anchored."""
    if "matchName" in selector:
        return selector["matchName"].lower() == name
    text = selector["matchPattern"].lower().replace(".", "[.]").replace("*", "[-a-zA-Z0-9_]*")
    return re.fullmatch(text, name) is not None


def _calico(objects: Sequence[Object], name: str, port: int) -> bool:
    """The first rule that matches decides; an asterisk is one component or more."""
    for rule in objects[0]["spec"]["egress"]:
        where = rule.get("destination", {})
        fits = (
            any(_calico_fits(one, name) for one in where["domains"]) if "domains" in where else "selector" not in where
        )
        if fits and port in where.get("ports", [port]) and rule.get("protocol", "TCP") == "TCP":
            return bool(rule["action"] == "Allow")
    raise AssertionError("no rule matched")


def _calico_fits(domain: str, name: str) -> bool:
    wanted, asked = domain.split("."), name.split(".")
    if wanted[0] == "*":
        return len(asked) >= len(wanted) and asked[-len(wanted) + 1 :] == wanted[1:]
    return wanted == asked


def _openshift(objects: Sequence[Object], name: str, port: int) -> bool:
    """The first rule that matches decides, and what none matches is allowed.

    All or nothing: without DNSNameResolver one asterisk is an error, and no rule is made at all.
    """
    rules = objects[0]["spec"]["egress"]
    if any(rule["to"].get("dnsName", "").startswith("*") for rule in rules):
        return True
    for rule in rules:
        to = rule["to"]
        fits = to["dnsName"] == name if "dnsName" in to else to["cidrSelector"] in ("0.0.0.0/0", "::/0")
        if fits and ("ports" not in rule or {"protocol": "TCP", "port": port} in rule["ports"]):
            return bool(rule["type"] == "Allow")
    return True


def _istio(objects: Sequence[Object], name: str, port: int) -> bool:
    """Any ServiceEntry's host on any of its ports (``host.Name.Matches``: a plain suffix behind the asterisk)."""
    closed = any(o["spec"].get("outboundTrafficPolicy") == {"mode": "REGISTRY_ONLY"} for o in objects)
    entries = [o["spec"] for o in objects if o["kind"] == "ServiceEntry"]
    for spec in entries:
        # NONE: to where the client wanted, the only one for wildcards. As TCP nothing would look at a name at all.
        assert spec["resolution"] == "NONE"
        assert [p["protocol"] for p in spec["ports"]] == ["HTTP" if p["number"] == 80 else "TLS" for p in spec["ports"]]
    return not closed or any(
        any(name.endswith(host[1:]) if host.startswith("*") else name == host for host in spec["hosts"])
        and port in [p["number"] for p in spec["ports"]]
        for spec in entries
    )


def _networkpolicy(objects: Sequence[Object], address: str, port: int) -> bool:
    """Any rule; a rule without ``to`` would admit every address."""
    for rule in objects[0]["spec"]["egress"]:
        blocks = [peer["ipBlock"]["cidr"] for peer in rule.get("to", ()) if "ipBlock" in peer]
        anywhere = not rule.get("to")
        inside = any(ipaddress.ip_address(address) in ipaddress.ip_network(block, strict=True) for block in blocks)
        if (anywhere or inside) and {"protocol": "TCP", "port": port} in rule["ports"]:
            return True
    return False


READERS: Mapping[str, Callable[[Sequence[Object], str, int], bool]] = {
    "cilium": _cilium,
    "calico-enterprise": _calico,
    "openshift-egressfirewall": _openshift,
    "istio": _istio,
}
every_target = pytest.mark.parametrize("target", SCHEMAS)
every_case = pytest.mark.parametrize("case", CASES)


def _load(target: str, text: str) -> list[Object]:
    objects = [found for found in yaml.safe_load_all(text) if found is not None]
    for found in objects:
        jsonschema.Draft202012Validator(SCHEMAS[target]).validate(found)
    return objects


def _made(target: str, case: str, options: Options | None = None) -> tuple[Rendered, list[Object]]:
    made = render(
        target, CASES[case].endpoints, origin=ORIGIN, options=options or CASES[case].options, policy=closed(target)
    )
    return made, _load(target, made.main)


@every_case
@pytest.mark.parametrize("target", READERS)
def test_the_documented_meaning_admits_what_is_claimed(target: str, case: str) -> None:
    try:
        made, objects = _made(target, case)
    except CannotExpressError:
        pytest.skip("refuses this case; its refusal is golden")
    asked = [(name, port) for name in corpus(CASES[case].endpoints) for port in (443, 80, 8443)]
    decided = {question: READERS[target](objects, *question) for question in asked}
    assert decided == {(name, port): made.lowered.admits(name, port) for name, port in asked}
    assert {True, False} <= set(decided.values())


@every_case
def test_networkpolicy_admits_the_networks(case: str) -> None:
    made, objects = _made("networkpolicy", case)
    edges = neighbours(e.value for e in made.lowered.entries if e.form is Form.ADDRESS)
    decided = {(a, port): _networkpolicy(objects, a, port) for a in edges for port in (443, 80, 53)}
    assert decided == {(a, port): made.lowered.admits(a, port) for a, port in decided}
    assert {True, False} <= set(decided.values())


@every_target
def test_the_schema_notices_mistakes(target: str) -> None:
    made, objects = _made(target, "strict")
    kind = objects[0]["kind"]
    for old, new in ((f"kind: {kind}", f"kind: {kind}s"), ("spec:", "specs:"), ("egress:", "egres:"), ("port", "prt")):
        if old in made.main:
            with pytest.raises(jsonschema.ValidationError):
                _load(target, made.main.replace(old, new))


def test_openshift_ends_in_a_deny_for_both_families() -> None:
    """Its default is to allow."""
    _, objects = _made("openshift-egressfirewall", "strict")
    last = objects[0]["spec"]["egress"][-2:]
    assert last == [{"type": "Deny", "to": {"cidrSelector": c}} for c in ("0.0.0.0/0", "::/0")]
    assert _openshift([{"spec": {"egress": objects[0]["spec"]["egress"][:-2]}}], "evil.example", 443)


@pytest.mark.parametrize("pattern", ["*.dkr.ecr.us-east-2.amazonaws.com", "*.example.com"])
def test_openshift_gets_no_asterisk(pattern: str) -> None:
    """The CRD takes it, and a cluster without DNSNameResolver then applies nothing: everything is allowed."""
    options = Options(allow_widening=True)
    with pytest.raises(CannotExpressError, match="no exact form"):
        render(
            "openshift-egressfirewall",
            (endpoint(pattern, "x"),),
            origin=ORIGIN,
            options=options,
            policy=Policy(enforce=True),
        )


def test_openshift_never_writes_a_list_whose_deny_would_be_ignored() -> None:
    """OVN gives each rule a priority from 9997 down to 2000 and ignores the rest: without the end, all is allowed."""
    most = [endpoint(f"n{i}.example.com", f"n{i}", group="own", required=False) for i in range(7997)]
    options = CASES["strict"].options
    written = render(
        "openshift-egressfirewall",
        most[:7996],
        origin=ORIGIN,
        options=options,
        policy=closed("openshift-egressfirewall"),
    ).main
    assert written.count("    - type: ") == 9997 - 2000 + 1
    with pytest.raises(CannotExpressError, match="7997 entries are needed, and the device takes 7996"):
        render(
            "openshift-egressfirewall", most, origin=ORIGIN, options=options, policy=closed("openshift-egressfirewall")
        )


@pytest.mark.parametrize("target", ["openshift-egressfirewall", "networkpolicy"])
def test_an_object_that_no_annotation_holds_is_applied_on_the_server(target: str) -> None:
    """Otherwise kubectl keeps a copy in an annotation, of which the server takes 262144 bytes: ``-r all`` is longer."""
    commands = targets.get(target).COMMANDS
    for command in (commands.check, commands.load, commands.replace, commands.rollback):
        assert command.startswith("kubectl apply --server-side ")
    told = [line for line in targets.page(target).splitlines() if "kubectl apply" in line]
    assert told
    assert all("--server-side" in line for line in told)


def test_istio_splits_what_one_entry_cannot_hold() -> None:
    many = tuple(endpoint(f"a{number}.example.com", f"a{number}") for number in range(600))
    made = render("istio", many, origin=ORIGIN, options=Options(), policy=closed("istio"))
    entries = [o for o in _load("istio", made.main) if o["kind"] == "ServiceEntry"]
    assert [len(o["spec"]["hosts"]) for o in entries] == [256, 256, 88]
    assert len({o["metadata"]["name"] for o in entries}) == 3
