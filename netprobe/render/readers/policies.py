"""Readers of policies in YAML: Envoy, Calico, OpenShift, Istio, NetworkPolicy, Aerleon.

What such a policy says of its clients (selectors, principals, services) is taken as if it held.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from netprobe.render.model import Form
from netprobe.render.readers.base import Collected, Configuration, RulePorts, everything, expression, matching, ports_of
from netprobe.render.readers.documents import MAX_NODES, yaml_documents

_WORLD = ("0.0.0.0/0", "::/0")


def _mappings(text: str, found: Collected) -> Iterator[Mapping[str, Any]]:
    """Every mapping of every document, the outer ones first, in order."""
    documents, broken = yaml_documents(text)
    for why in broken:
        found.unread(why)
    waiting, seen = list(reversed(documents)), 0
    while waiting and seen < MAX_NODES:
        seen += 1
        here = waiting.pop()
        if isinstance(here, dict):
            yield here
            waiting += reversed(list(here.values()))
        elif isinstance(here, list):
            waiting += reversed(here)
    if waiting:
        found.unread(f"what stands behind {MAX_NODES} parts")


def _list(node: Mapping[str, Any], key: str) -> list[Any]:
    value = node.get(key)
    return value if isinstance(value, list) else []


def _inner(node: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = node.get(key)
    return value if isinstance(value, dict) else {}


def _starred(name: str) -> Callable[[str], bool] | None:
    """A name, or ``*.`` in front of one for any depth."""
    if name == "*":
        return everything
    return matching(Form.SUFFIX, name[2:]) if name.startswith("*.") else matching(Form.EXACT, name)


def envoy(text: str) -> Configuration:
    """Matches of the server name, exact or by expression, of an RBAC filter or of matchers."""
    found = Collected()
    ports = RulePorts()
    for node in _mappings(text, found):
        # The port stands before the names: of the listener, or beside the name in a rule.
        port = node.get("destination_port", _inner(node, "socket_address").get("port_value"))
        if port is not None:
            ports = ports_of(str(port))
        value = node.get("requested_server_name", node.get("value_match"))
        if not isinstance(value, dict):
            continue
        regex = _inner(value, "safe_regex").get("regex")
        if isinstance(regex, str):
            found.name(regex, expression(regex.removeprefix("(?i)"), re.IGNORECASE), ports=ports)
        elif isinstance(value.get("exact"), str):
            found.name(value["exact"], matching(Form.EXACT, value["exact"]), ports=ports)
        elif isinstance(value.get("suffix"), str):
            found.name(value["suffix"], matching(Form.SUFFIX, value["suffix"].lstrip(".")), ports=ports)
        else:
            found.unread(str(value))
    return found.made()


def calico(text: str) -> Configuration:
    """Rules that allow, by ``destination.domains``, or by ``nets`` where there are no names."""
    found = Collected()
    for node in _mappings(text, found):
        destination = _inner(node, "destination")
        if node.get("action") != "Allow" or node.get("protocol") == "UDP":
            continue
        ports = ports_of(",".join(map(str, _list(destination, "ports"))))
        for name in _list(destination, "domains"):
            found.name(str(name), _starred(str(name)), ports=ports)
        for network in _list(destination, "nets"):
            found.network(str(network), str(network), ports=ports)
    return found.made()


def openshift(text: str) -> Configuration:
    """Rules of an EgressFirewall that allow, in order, up to one that denies everything."""
    found = Collected()
    for node in _mappings(text, found):
        to = _inner(node, "to")
        if node.get("type") == "Deny" and to.get("cidrSelector") in _WORLD:
            break
        if node.get("type") != "Allow":
            continue
        ports = _numbers(node)
        if name := to.get("dnsName"):
            found.name(str(name), _starred(str(name)), ports=ports)
        elif network := to.get("cidrSelector"):
            found.network(str(network), str(network), ports=ports)
    return found.made()


def istio(text: str) -> Configuration:
    """Hosts of ServiceEntries, on the ports that each names."""
    found = Collected()
    for node in _mappings(text, found):
        if node.get("kind") != "ServiceEntry":
            continue
        spec = _inner(node, "spec")
        ports = ports_of(",".join(str(one.get("number", "")) for one in _list(spec, "ports") if isinstance(one, dict)))
        for name in _list(spec, "hosts"):
            found.name(str(name), _starred(str(name)), ports=ports)
    return found.made()


def networkpolicy(text: str) -> Configuration:
    """``ipBlock`` of egress rules; what it excepts is told, not judged."""
    found = Collected()
    for node in _mappings(text, found):
        ports = _numbers(node)
        for peer in _list(node, "to"):
            block = _inner(peer, "ipBlock") if isinstance(peer, dict) else {}
            if block.get("except"):
                found.notes.append(f"{block.get('cidr')}: what it excepts is not judged")
            if block:
                found.network(str(block.get("cidr")), str(block.get("cidr")), ports=ports)
    return found.made()


def _numbers(node: Mapping[str, Any]) -> RulePorts:
    """The TCP ports of a Kubernetes rule."""
    told = [one for one in _list(node, "ports") if isinstance(one, dict) and one.get("protocol", "TCP") == "TCP"]
    return ports_of(",".join(str(one.get("port", "")) for one in told))


def aerleon(text: str) -> Configuration:
    """Networks that a term with ``accept`` names; of definitions alone, every network."""
    found = Collected()
    networks: dict[str, list[str]] = {}
    services: dict[str, str] = {}
    terms: list[Mapping[str, Any]] = []
    for node in _mappings(text, found):
        for name, value in _inner(node, "networks").items():
            values = _list(value, "values") if isinstance(value, dict) else []
            networks[str(name)] = [str(one.get("address", "")) for one in values if isinstance(one, dict)]
        for name, value in _inner(node, "services").items():
            told = value if isinstance(value, list) else []
            services[str(name)] = ",".join(str(one.get("port", "")) for one in told if isinstance(one, dict))
        terms += [one for one in _list(node, "terms") if isinstance(one, dict)]
    if networks and not terms:
        found.notes.append("there is no policy in it: every network of the definitions counts as admitted")
    everywhere: list[Mapping[str, Any]] = [{"action": "accept", "destination-address": name} for name in networks]
    for term in terms or everywhere:
        if str(term.get("action", "")) != "accept":
            continue
        ports = ports_of(",".join(services.get(name, "") for name in str(term.get("destination-port", "")).split()))
        for name in str(term.get("destination-address", "")).split():
            for network in networks.get(name, ()):
                found.network(f"{network} of {name}", network, ports=ports)
    return found.made()
