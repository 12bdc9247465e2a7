"""Kubernetes objects against the schemas that vendors publish, as npm's kubernetes-models packages bring them.

Cilium's, Istio's and Kubernetes' own. No registry that we may ask has those of Calico Enterprise, OVN-Kubernetes and
ClusterNetworkPolicy, whose definitions' fields are a table (test_crd_fields.py), or GKE's FQDNNetworkPolicy, which
stays with the schema written by hand in test_kubernetes_fqdn.py. The published schemas notice wrong types, words and
lacks; that no field is unknown, which a server would drop in silence, those by hand notice.
"""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from netprobe.errors import CannotExpressError
from netprobe.render import render
from netprobe.render.model import Policy
from tests.support import need
from tests.support.render_cases import CASES, ORIGIN, allowing, enforcing

CHECK = Path(__file__).with_name("crds") / "check.mjs"
Object = dict[str, Any]
PUBLISHED = {"CiliumNetworkPolicy", "ServiceEntry", "Sidecar", "NetworkPolicy"}
TARGETS = {
    "cilium": {"CiliumNetworkPolicy"},
    "istio": {"ServiceEntry", "Sidecar"},
    "networkpolicy": {"NetworkPolicy"},
    "kubernetes-fqdn": {"NetworkPolicy"},
}
pytestmark = pytest.mark.engine


def _errors(objects: Sequence[Object]) -> list[list[str]]:
    """What the published schema says against each object."""
    node, modules = need.engine("node"), need.crds()
    done = subprocess.run(
        [node, str(CHECK), str(modules)],
        input=json.dumps(objects),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found: list[list[str]] = json.loads(done.stdout)
    assert len(found) == len(objects)
    return found


def _objects(target: str, case: str, policy: Policy) -> list[Object]:
    given = CASES[case]
    try:
        made = render(target, given.endpoints, origin=ORIGIN, options=given.options, policy=policy)
    except CannotExpressError:
        return []
    return [one for one in yaml.safe_load_all(made.main) if one is not None and one["kind"] in PUBLISHED]


def test_every_object_that_is_written_fits_its_published_schema() -> None:
    """Every target, every case, both forms, in one go: the schemas take a second to load."""
    told = [
        (target, case, policy.enforce, one)
        for target in TARGETS
        for case in CASES
        for policy in (allowing(target), enforcing(target))
        for one in _objects(target, case, policy)
    ]
    for target, kinds in TARGETS.items():
        assert {one["kind"] for name, _, _, one in told if name == target} == kinds
    wrong = [
        (target, case, enforce, errors)
        for (target, case, enforce, _), errors in zip(told, _errors([one for *_, one in told]), strict=True)
        if errors
    ]
    assert wrong == []


def _changed(one: Object, path: Sequence[str | int], value: object) -> Object:
    """A copy with one value replaced."""
    new = copy.deepcopy(one)
    here: Any = new
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = value
    return new


def test_the_published_schemas_notice_mistakes() -> None:
    mistakes: Mapping[str, Sequence[tuple[Sequence[str | int], object]]] = {
        "cilium": [
            (["spec", "egress", 1, "toFQDNs", 0], {"matchNames": "a.example.com"}),
            (["spec", "egress", 1, "toPorts", 0, "ports", 0, "port"], 443),
            (["spec", "egress", 1, "toPorts", 0, "ports", 0, "protocol"], "HTTPS"),
        ],
        "istio": [
            (["spec", "resolution"], "ALWAYS"),
            (["spec", "hosts"], "a.example.com"),
            (["spec", "ports", 0, "number"], "443"),
        ],
        "networkpolicy": [
            (["spec", "policyTypes"], "Egress"),
            (["spec", "egress", 1, "to", 0, "ipBlock"], {}),
            (["spec", "podSelector"], []),
        ],
    }
    told = []
    for target, several in mistakes.items():
        first = _objects(target, "strict", enforcing(target))[0]
        told += [_changed(first, path, value) for path, value in several]
    assert [bool(errors) for errors in _errors(told)] == [True] * len(told)
