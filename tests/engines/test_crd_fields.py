"""Calico Enterprise's, OVN-Kubernetes' and the network-policy API's objects against the fields of their published CRDs.

No registry has these schemas. What their custom resource definitions say of ``spec`` (which fields there are, of which
kind, how many, which must be there) stands as a table in ``tests/support/crd_fields.json``, with repository, commit and
day; rules of CEL are not among it. The reading below is closed: a field that the definition does not have, which a
server drops in silence, is a mistake.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from netprobe.errors import CannotExpressError
from netprobe.render import render, targets
from tests.support.render_cases import CASES, ORIGIN, allowing, enforcing

FIELDS: Mapping[str, Any] = json.loads(
    (Path(__file__).parents[1] / "support" / "crd_fields.json").read_text(encoding="utf-8")
)
KINDS = {
    "calico-enterprise": "NetworkPolicy",
    "openshift-egressfirewall": "EgressFirewall",
    "clusternetworkpolicy": "ClusterNetworkPolicy",
}
_SIMPLE: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "map": dict,
}


def _wrong(value: Any, said: Any, where: str) -> Iterator[str]:
    """What does not fit, each with its place."""
    if isinstance(said, str):
        if not isinstance(value, _SIMPLE[said]) or (isinstance(value, bool) and said != "boolean"):
            yield f"{where}: {value!r} is no {said}"
    elif "words" in said:
        if value not in said["words"]:
            yield f"{where}: {value!r} is none of {said['words']}"
    elif "text" in said:
        if not isinstance(value, str) or not re.search(said["text"].get("pattern", ""), value):
            yield f"{where}: {value!r} is no such text"
        else:
            yield from _counted(len(value), said["text"], where)
    elif "number" in said:
        if type(value) is not int or not said["number"]["from"] <= value <= said["number"]["to"]:
            yield f"{where}: {value!r} is no such number"
    elif "either" in said:
        if type(value) not in (int, str):
            yield f"{where}: {value!r} is neither"
    elif "list" in said:
        if not isinstance(value, list):
            yield f"{where}: {value!r} is no list"
            return
        yield from _counted(len(value), said, where)
        for place, one in enumerate(value):
            yield from _wrong(one, said["list"], f"{where}[{place}]")
    else:
        yield from _fields(value, said, where)


def _fields(value: Any, said: Mapping[str, Any], where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: {value!r} has no fields"
        return
    yield from _counted(len(value), said, where)
    yield from (f"{where}: {key} lacks" for key in said.get("required", ()) if key not in value)
    for key, one in value.items():
        if key in said["fields"]:
            yield from _wrong(one, said["fields"][key], f"{where}.{key}")
        else:
            yield f"{where}: there is no {key}"


def _counted(number: int, said: Mapping[str, Any], where: str) -> Iterator[str]:
    if not said.get("least", 0) <= number <= said.get("most", number):
        yield f"{where}: {number} of them"


def _objects(target: str) -> Iterator[Mapping[str, Any]]:
    """Every object of every case, in both forms."""
    for case in CASES.values():
        for policy in (allowing(target), enforcing(target)):
            try:
                made = render(target, case.endpoints, origin=ORIGIN, options=case.options, policy=policy)
            except CannotExpressError:
                continue
            yield from (one for one in yaml.safe_load_all(made.main) if one is not None)


def _judged(one: Mapping[str, Any]) -> list[str]:
    said = FIELDS[one["kind"]]
    assert set(one) == {"apiVersion", "kind", "metadata", "spec"}
    assert one["apiVersion"] == said["apiVersion"]
    return list(_wrong(one["spec"], said["spec"], "spec"))


@pytest.mark.parametrize("target", KINDS)
def test_every_object_fits_the_fields_of_its_definition(target: str) -> None:
    found = list(_objects(target))
    assert len(found) >= 4
    assert {one["kind"] for one in found} == {KINDS[target]}
    assert [wrong for one in found for wrong in _judged(one)] == []


MISTAKES: Mapping[str, Sequence[tuple[Sequence[str | int], Any]]] = {
    "calico-enterprise": [
        (["egress", 2, "destination", "domains"], "a.example.com"),
        (["egress", 2, "destination", "domain"], ["a.example.com"]),
        (["egress", 2, "action"], "Permit"),
        (["types"], ["Egress", "Ingress", "Egress"]),
        (["order"], "100"),
    ],
    "openshift-egressfirewall": [
        (["egress", 0, "to", "dnsName"], "ecs-a-*.example.com"),
        (["egress", 0, "to", "cidrSelector"], "0.0.0.0/0"),
        (["egress", 0, "ports", 0, "port"], 0),
        (["egress", 0, "type"], "Maybe"),
        (["egress", 0], {"type": "Allow"}),
    ],
    "clusternetworkpolicy": [
        (["egress", 0, "to", 0, "domainNames"], []),
        (["egress", 0, "to", 0, "domainNames"], ["a*.example.com"]),
        (["egress", 0, "protocols", 0, "tcp", "destinationPort", "number"], "443"),
        (["priority"], 1001),
        (["subject"], {"everything": {}}),
    ],
}


@pytest.mark.parametrize("target", KINDS)
def test_the_reading_notices_mistakes(target: str) -> None:
    one = next(_objects(target))
    assert _judged(one) == []
    for path, value in MISTAKES[target]:
        bad = copy.deepcopy(dict(one))
        here: Any = bad["spec"]
        for step in path[:-1]:
            here = here[step]
        here[path[-1]] = value
        assert _judged(bad), path


@pytest.mark.parametrize("target", KINDS)
def test_the_proof_names_the_definition_and_its_commit(target: str) -> None:
    source = FIELDS[KINDS[target]]["source"]
    commit = re.search(r"commit ([0-9a-f]{7})", source)
    assert commit is not None
    assert commit.group(1) in targets.get(target).PROOF.schema
