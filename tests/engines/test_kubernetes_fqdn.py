"""FQDNNetworkPolicy and ClusterNetworkPolicy: schemas by hand from their pages, and readers that decide by name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
import yaml

from netprobe.errors import UsageError
from netprobe.render import Options, Rendered, render
from netprobe.render.model import Policy
from netprobe.render.targets.kubernetes_fqdn import NAMES_AN_OBJECT
from tests.support.render_cases import CASES, ORIGIN, endpoint
from tests.support.render_corpus import corpus

LISTED = Options(seen=CASES["strict"].options.seen, enumerate=True)
SELECTED = {"matchLabels": {"app.kubernetes.io/part-of": "ecs-anywhere"}}
Object = Mapping[str, Any]


def _made(target: str, case: str = "strict", policy: Policy | None = None) -> Rendered:
    options = LISTED if case == "strict" else CASES[case].options
    wanted = policy or Policy(enforce=True)
    return render(target, CASES[case].endpoints, origin=ORIGIN, options=options, policy=wanted)


def _objects(made: Rendered) -> list[Object]:
    found = [one for one in yaml.safe_load_all(made.main) if one is not None]
    names = [(one["kind"], one["metadata"]["name"]) for one in found]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,251}[a-z0-9])?", name) for _, name in names)
    assert all(set(one) == {"apiVersion", "kind", "metadata", "spec"} for one in found)
    return found


def _gke(objects: Sequence[Object]) -> Iterator[tuple[str, int]]:
    """Every match of the policies that allow; the NetworkPolicy beside them lets DNS out and nothing else."""
    *allowing, denying = objects
    for one in allowing:
        assert (one["apiVersion"], one["kind"]) == ("networking.gke.io/v1alpha1", "FQDNNetworkPolicy")
        assert set(one["spec"]) == {"podSelector", "egress"}
        assert one["spec"]["podSelector"] == SELECTED
        (rule,) = one["spec"]["egress"]
        assert set(rule) == {"matches", "ports"}
        ((port,),) = (rule["ports"],)
        assert port["protocol"] == "TCP"
        assert 1 <= len(rule["matches"]) <= NAMES_AN_OBJECT
        for match in rule["matches"]:
            ((key, value),) = match.items()
            pattern = r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+" if key == "pattern" else r"[a-z0-9-]+(\.[a-z0-9-]+)+"
            assert re.fullmatch(pattern, value), match
            yield value, port["port"]
    assert (denying["apiVersion"], denying["kind"]) == ("networking.k8s.io/v1", "NetworkPolicy")
    assert denying["spec"]["podSelector"] == SELECTED
    assert denying["spec"]["policyTypes"] == ["Egress"]
    (dns,) = denying["spec"]["egress"]
    assert {(one["protocol"], one["port"]) for one in dns["ports"]} == {("UDP", 53), ("TCP", 53)}


def _one_label(pattern: str, name: str) -> bool:
    """GKE's page: ``*.company.com`` is ``api.company.com``, neither ``eu.api.company.com`` nor ``company.com``."""
    first, _, parent = name.partition(".")
    return parent == pattern[2:] and bool(first) if pattern.startswith("*.") else name == pattern


@pytest.mark.parametrize("case", ["strict", "wide"])
def test_gke_admits_what_is_claimed(case: str) -> None:
    made = _made("kubernetes-fqdn", case)
    matches = list(_gke(_objects(made)))
    answers = set()
    for name in corpus(CASES[case].endpoints):
        for port in (443, 80, 8443):
            decided = any(_one_label(value, name) for value, where in matches if where == port)
            assert decided == made.lowered.admits(name, port), (name, port)
            answers.add(decided)
    assert answers == {True, False}


def test_gke_has_no_form_that_only_allows() -> None:
    with pytest.raises(UsageError, match="no form that only allows"):
        _made("kubernetes-fqdn", policy=Policy())


def test_gke_splits_what_one_policy_cannot_hold() -> None:
    many = [endpoint(f"n{i}.example.com", f"n{i}") for i in range(NAMES_AN_OBJECT * 2 + 1)]
    made = render("kubernetes-fqdn", many, origin=ORIGIN, options=Options(), policy=Policy(enforce=True))
    assert len(_objects(made)) == 4
    assert {name for name, _ in _gke(_objects(made))} == {one.pattern for one in many}


class Cluster:
    """One ClusterNetworkPolicy, by its definition (apis/v1alpha2, experimental channel)."""

    def __init__(self, objects: Sequence[Object]) -> None:
        (one,) = objects
        assert (one["apiVersion"], one["kind"]) == ("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy")
        spec = one["spec"]
        assert set(spec) == {"tier", "priority", "subject", "egress"}
        assert spec["tier"] in ("Admin", "Baseline")
        assert 0 <= spec["priority"] <= 1000
        assert spec["subject"] == {"pods": {"namespaceSelector": {}, "podSelector": SELECTED}}
        assert 1 <= len(spec["egress"]) <= 25
        self.rules = spec["egress"]
        for rule in self.rules:
            self._check(rule)

    @staticmethod
    def _check(rule: Object) -> None:
        assert set(rule) == {"name", "action", "to", "protocols"}
        assert len(rule["name"]) <= 100
        assert rule["action"] in ("Accept", "Deny", "Pass")
        assert 1 <= len(rule["to"]) <= 25
        assert 1 <= len(rule["protocols"]) <= 25
        for peer in rule["to"]:
            ((kind, values),) = peer.items()
            assert kind in ("domainNames", "networks")
            assert 1 <= len(values) == len(set(values)) <= 25
            assert kind != "domainNames" or rule["action"] == "Accept", "names are for rules that accept"
        for protocol in rule["protocols"]:
            ((_, body),) = protocol.items()
            assert set(body) == {"destinationPort"}
            assert set(body["destinationPort"]) == {"number"}

    def decides(self, protocol: str, name: str, port: int) -> bool | None:
        """The first rule that fits; None: the tiers behind it."""
        for rule in self.rules:
            if {protocol: {"destinationPort": {"number": port}}} not in rule["protocols"]:
                continue
            if any(self._fits(peer, name) for peer in rule["to"]):
                return bool(rule["action"] == "Accept")
        return None

    @staticmethod
    def _fits(peer: Object, name: str) -> bool:
        """``*`` is one or more entire labels, as a prefix only."""
        if "networks" in peer:
            assert peer["networks"] == ["0.0.0.0/0", "::/0"]
            return True
        return any(
            name.endswith(value[1:]) and len(name) > len(value) - 1 if value.startswith("*.") else name == value
            for value in peer["domainNames"]
        )


@pytest.mark.parametrize("case", ["strict", "wide"])
@pytest.mark.parametrize("enforce", [True, False])
def test_clusternetworkpolicy_decides_as_claimed(case: str, enforce: bool) -> None:
    made = _made("clusternetworkpolicy", case, Policy(enforce=enforce))
    cluster = Cluster(_objects(made))
    ports = {one.port for one in CASES[case].endpoints}
    answers = set()
    for name in corpus(CASES[case].endpoints):
        for port in (443, 80, 8443):
            denied = False if enforce and port in ports else None
            assert cluster.decides("tcp", name, port) == (True if made.lowered.admits(name, port) else denied)
            assert cluster.decides("udp", name, port) == denied
            answers.add(cluster.decides("tcp", name, port))
    assert answers == ({True, False, None} if enforce else {True, None})


def test_clusternetworkpolicy_puts_25_names_into_a_peer() -> None:
    many = [endpoint(f"n{i}.example.com", f"n{i}") for i in range(51)]
    made = render("clusternetworkpolicy", many, origin=ORIGIN, options=Options(), policy=Policy())
    (rule,) = Cluster(_objects(made)).rules
    assert [len(peer["domainNames"]) for peer in rule["to"]] == [25, 25, 1]


@pytest.mark.parametrize("target", ["kubernetes-fqdn", "clusternetworkpolicy"])
def test_the_readers_notice_mistakes(target: str) -> None:
    text = _made(target).main
    for old, new in (("egress:", "egres:"), ("kind: ", "kind: X"), ("spec:", "specs:")):
        assert old in text
        with pytest.raises((AssertionError, KeyError)):
            _read(target, text.replace(old, new))


def _read(target: str, text: str) -> None:
    objects = [one for one in yaml.safe_load_all(text) if one is not None]
    assert all(set(one) == {"apiVersion", "kind", "metadata", "spec"} for one in objects)
    if target == "kubernetes-fqdn":
        list(_gke(objects))
    else:
        Cluster(objects)
